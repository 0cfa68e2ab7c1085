//! People's rights: what is erased is gone everywhere, and everybody else's proofs stay.

use std::time::Duration;

use besked::domain::actor::Action;
use besked::domain::address::Address;
use besked::domain::attestation::Channel;
use besked::domain::category::{Category, Class};
use besked::domain::delivery::State;
use besked::domain::duty::Duty;
use besked::domain::entry::{Detail, Event, Run};
use besked::domain::evidence::verify;
use besked::ledger::audit::Verdict;
use besked::notices::Release;
use besked::notices::sample::Wanted;
use besked::people::holds::On;
use besked::people::import::{Erased, ImportOptions};
use besked::people::mask::Mask;
use besked::people::subjects::record::Record;
use besked::people::subjects::{Erasure, SubjectError};
use besked::store::Dialect;
use besked::store::notices::releases;
use besked::store::people::{preferences, suppressions};
use besked::store::sending::queue;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, GROUND, NEWS, TestApp, address, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::{exported, key};
use crate::ledger::last_fact;
use crate::notices::broken_off;

pub async fn put_hold(app: &TestApp, notice_id: Option<Uuid>, account_id: Option<&str>) -> Uuid {
    let name = notice_id.map(|id| id.to_string()).unwrap_or_default();
    let on = account_id.map_or(On::Notice(&name), On::Account);
    app.app.holds.add(&alice(), on, "lawsuit 12/2026").await.unwrap().hold.id
}

pub async fn everything(app: &TestApp, email: &str) -> Option<Record> {
    match app.app.subjects.export(&alice(), &address(email)).await {
        Ok(exported) => Some(exported.record),
        Err(SubjectError::Unknown(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Where a text is found in the files of a SQLite database, its log included, and in those around it.
pub fn found_in_files(app: &TestApp, text: &str) -> Vec<String> {
    let database = app.database_file().display().to_string();
    let beside = ["", "-wal", "-shm"].map(|suffix| std::path::PathBuf::from(format!("{database}{suffix}")));
    let mut files: Vec<_> = beside.into_iter().filter(|path| path.exists()).collect();
    let mut folders = vec![app.home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let holds = |path: &std::path::PathBuf| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files.into_iter().filter(holds).map(|path| path.display().to_string()).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_erasure_leaves_no_trace_of_the_person_and_all_proofs_of_others(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, crate::relay::Act::Reply("451 4.2.0 hello@two.example is busy\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    app.wish("hello@two.example", Category::News, true).await;
    let mut before = Vec::new();
    for account in [Some("C1"), Some("C2"), None] {
        before.push(exported(&app, id, account).await.unwrap());
    }
    if engine == Engine::Sqlite {
        assert!(!found_in_files(&app, "hello@two.example").is_empty(), "the search finds what is there");
    }

    let erased = app.erase("hello@two.example").await.unwrap();
    assert_eq!((erased.contacts, erased.deliveries, erased.cancelled), (1, 1, 0));
    assert!(erased.entries >= 3, "deferred, accepted, preference: {erased:?}");
    assert!(erased.log_emptied);
    if engine == Engine::Sqlite {
        for text in ["hello@two.example", "Carol"] {
            assert_eq!(found_in_files(&app, text), [""; 0], "{text}");
        }
    }
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Verdict::Ok, None));
    let fact = last_fact(&app, Event::Erased).await;
    let Detail::Cleared { ground, entries } = fact.detail else { panic!("{fact:?}") };
    assert_eq!(ground, GROUND);
    assert_eq!(entries.iter().map(|run: &Run| run.count).sum::<u64>(), erased.entries as u64);

    // What was given out before still verifies, byte for byte; new exports name the others and not this person.
    for file in &before {
        verify(file.as_slice(), &key(&app)).unwrap();
    }
    let one = verify(exported(&app, id, Some("C1")).await.unwrap().as_slice(), &key(&app)).unwrap();
    assert_eq!(one.recipients[0].address, "teknik@ett.example");
    let whole = exported(&app, id, None).await.unwrap();
    assert!(!String::from_utf8_lossy(&whole).contains("two.example"));
    let whole = verify(whole.as_slice(), &key(&app)).unwrap();
    assert_eq!((whole.recipients_in_manifest, whole.recipients.len()), (Some(2), 1));
    assert!(everything(&app, "hello@two.example").await.is_none());
    let coverage = app.coverage(id).await;
    assert_eq!((coverage.customers, coverage.informed), (3, 2), "the counts stay");
    assert!(matches!(app.erase("hello@two.example").await, Err(SubjectError::Unknown(_))));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_waits_for_an_erased_person_is_cancelled(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    let erased = app.erase("hello@two.example").await.unwrap();
    assert_eq!((erased.deliveries, erased.cancelled), (1, 1));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    assert!(app.relay.to("hello@two.example").is_empty());
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_waiver_waives_exactly_the_duty_that_it_names() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let breach = include_str!("../../config/demo/notices/1-security-breach.md");
    app.release(breach).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let retention = Duty::Retention(Category::SecurityBreach);
    let hold = Duty::Hold(put_hold(&app, Some(id), None).await);
    let refused = app.erase("hello@two.example").await.unwrap_err().to_string();
    for part in ["retention:security_breach", &hold.to_string(), "lawsuit"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert!(!refused.contains("retention:maintenance"), "{refused}");
    // What the ground says waives nothing.
    let address = address("hello@two.example");
    let ground = format!("waives retention:billing, {retention} and {hold}: account holder left");
    let erasure = Erasure { address: &address, ground: &ground, waived: &[] };
    assert!(matches!(app.app.subjects.erase(&alice(), &erasure).await, Err(SubjectError::Duties { .. })));
    for waived in [vec![retention], vec![hold]] {
        let refused = app.erase_waiving("hello@two.example", &waived).await;
        let Err(SubjectError::Duties { duties, .. }) = refused else { panic!("{waived:?} is enough") };
        assert_eq!(duties.len(), 1, "the other duty stands");
    }
    let unneeded = Duty::Retention(Category::Billing);
    let refused = app.erase_waiving("hello@two.example", &[retention, hold, unneeded]).await.unwrap_err().to_string();
    assert!(refused.contains("no duty `retention:billing`"), "{refused}");
    for wrong in ["", "  ", "asked by Hello@Two.example", "two\nlines"] {
        let erasure = Erasure { address: &address, ground: wrong, waived: &[retention, hold] };
        assert!(matches!(app.app.subjects.erase(&alice(), &erasure).await, Err(SubjectError::Ground)), "{wrong}");
    }
    app.erase_waiving("hello@two.example", &[retention, hold]).await.unwrap();
    let Detail::Cleared { ground, .. } = last_fact(&app, Event::Erased).await.detail else { panic!() };
    assert_eq!(ground, format!("{GROUND} (waived: {hold}, {retention})"));
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_duty_ends_with_its_time_and_a_hold_when_it_is_lifted() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(include_str!("../../config/demo/notices/1-security-breach.md")).await;
    app.run_until_idle().await;
    let hold = put_hold(&app, None, Some("C1")).await;
    app.advance(Duration::from_secs(8 * 366 * 24 * 3600));
    let refused = app.erase("service@ett.example").await;
    let Err(SubjectError::Duties { duties, .. }) = refused else { panic!("the hold stands") };
    assert_eq!(duties.iter().map(|(duty, _)| *duty).collect::<Vec<_>>(), [Duty::Hold(hold)]);
    app.app.holds.remove(&alice(), hold, Some("settled out of court")).await.unwrap();
    let lifted = last_fact(&app, Event::Operated).await.detail;
    assert_eq!(lifted, Detail::Operated { action: Action::LiftHold, object: Some(hold) });
    app.erase("service@ett.example").await.unwrap();
}

#[tokio::test]
async fn a_restored_copy_does_not_bring_anybody_back() {
    let app = TestApp::restored_after_erasing("hello@two.example").await;
    assert!(contacts(&app, "hello@two.example").await == 1, "the copy has the person");
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty(), "erased before anything was sent");
    assert!(everything(&app, "hello@two.example").await.is_none());
    assert_eq!(found_in_files(&app, "hello@two.example"), [""; 0]);
    assert_eq!(exchanged(&app).await, 0, "once");
}

async fn contacts(app: &TestApp, email: &str) -> usize {
    let mut conn = app.app.context.store.read().await.unwrap();
    besked::store::people::subjects::contacts(&mut conn, &address(email).key()).await.unwrap().len()
}

async fn object(app: &TestApp, person: &Address) {
    let optional: Vec<_> = Category::ALL.iter().copied().filter(|it| it.class() == Class::Optional).collect();
    app.app.subjects.object(&alice(), person, &optional, None).await.unwrap();
}

async fn exchanged(app: &TestApp) -> usize {
    app.app.subjects.exchange(&alice()).await.unwrap().erased
}

#[tokio::test]
async fn an_import_does_not_revive_an_erased_person_unless_it_is_meant_to() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    let imported = app.import(CUSTOMERS).await;
    assert_eq!(imported.erased.iter().map(|row| row.line).collect::<Vec<_>>(), [5]);
    assert_eq!((imported.customers, imported.contacts), (3, 4), "the customer stays");
    assert!(everything(&app, "hello@two.example").await.is_none());
    let json = serde_json::to_string(&imported).unwrap();
    assert!(json.contains("\"line\":5") && !json.contains("two.example"), "{json}");

    let revived =
        app.try_import(CUSTOMERS.as_bytes(), ImportOptions { erased: Erased::Revive, ..ImportOptions::default() });
    let revived = revived.await.unwrap();
    assert_eq!((revived.erased.len(), revived.contacts), (1, 5), "what is stored again is counted");
    assert_eq!(everything(&app, "hello@two.example").await.unwrap().contacts.len(), 1);
    assert!(app.import(CUSTOMERS).await.erased.is_empty());
    assert_eq!(exchanged(&app).await, 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_restricted_person_gets_the_mandatory_only_and_every_look_is_noted(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let person = address("hello@two.example");
    assert!(app.app.subjects.restrict(&alice(), &person).await.unwrap());
    assert!(!app.app.subjects.restrict(&alice(), &person).await.unwrap(), "it is so already");
    let news = app.release(NEWS).await;
    let mandatory = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Accepted, 1), (State::Suppressed, 1)].into());
    assert_eq!(app.counts(mandatory).await, [(State::Accepted, 2)].into());
    assert_eq!(app.coverage(mandatory).await.informed, 2, "it still counts");
    let shown = ["Hello@two.example", "service@ett.example"];
    let mask = Mask::of(&mut app.app.context.store.read().await.unwrap(), true, shown).await.unwrap();
    assert_eq!(mask.address("hello@two.example"), "h…@two.example");
    assert_eq!(mask.address("service@ett.example"), "service@ett.example");

    app.app.subjects.note_read(&alice(), &address("hello@two.example").key(), "subject export").await.unwrap();
    app.app.subjects.note_read(&alice(), &address("service@ett.example").key(), "subject export").await.unwrap();
    let record = everything(&app, "hello@two.example").await.unwrap();
    assert_eq!((record.reads.len(), record.reads[0].operator.as_str()), (2, "an operator"), "this export too");
    assert!(everything(&app, "service@ett.example").await.unwrap().reads.is_empty());
    app.app.subjects.unrestrict(&alice(), &person).await.unwrap();
    assert_eq!(last_fact(&app, Event::Restricted).await.detail, Detail::Flag(false));
}

#[tokio::test]
async fn a_test_copy_notes_the_read_of_the_person_it_shows() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    for email in ["hello@two.example", "teknik@ett.example"] {
        app.app.subjects.restrict(&alice(), &address(email)).await.unwrap();
    }
    let draft = app.draft(&maintenance("all = true"), "");
    let mine = address("teknik@ett.example");
    let wanted = Wanted { account: Some("C2".to_owned()), to: Some(mine), ..Wanted::default() };
    app.app.sample(&alice(), &draft, &wanted, "notice test").await.unwrap();
    let reads = async |email: &str| {
        let record = everything(&app, email).await.unwrap();
        record.reads.iter().filter(|read| read.what == "notice test").count()
    };
    assert_eq!(reads("hello@two.example").await, 1, "whose data the copy shows");
    assert_eq!(reads("teknik@ett.example").await, 0, "where the copy goes");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_address_that_is_put_right_takes_the_person_s_wishes_along(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (old, new) = (address("hello@two.example"), address("hi@two.example"));
    object(&app, &old).await;
    app.app.subjects.restrict(&alice(), &old).await.unwrap();
    assert_eq!(app.app.subjects.rectify(&alice(), &old, &new).await.unwrap(), 1);
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(preferences::of_address(&mut conn, &address("hi@two.example").key()).await.unwrap().len(), 2);
    assert_eq!(suppressions::reasons(&mut conn, &address("hi@two.example").key()).await.unwrap().len(), 1);
    drop(conn);
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hi@two.example").len(), 1);
    assert!(app.relay.to("hello@two.example").is_empty());
    assert_eq!(app.counts(id).await.values().sum::<u64>(), 2);
    assert!(matches!(app.app.subjects.rectify(&alice(), &old, &new).await, Err(SubjectError::NoContact(_))));
    assert!(matches!(app.app.subjects.rectify(&alice(), &new, &new).await, Err(SubjectError::Same(_))));
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_person_gets_all_that_is_kept_with_evidence_that_names_nobody_else() {
    let app = TestApp::new(Engine::Sqlite).await;
    let colleague = CUSTOMERS
        .replace("C1,Ett AB,teknik@", "C1,Ett AB,kollega@ett.example,Eva,technical,sv,,sto2\nC1,Ett AB,teknik@");
    app.import(&colleague).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    object(&app, &address("teknik@ett.example")).await;
    let record = everything(&app, "teknik@ett.example").await.unwrap();
    assert_eq!((record.contacts.len(), record.opt_outs.len(), record.deliveries.len()), (1, 2, 1));
    assert!(record.deliveries[0].message.as_ref().unwrap().contains("Hello from the body."));
    assert_eq!(record.evidence.len(), 2, "one of the notice, one of the objection");
    for file in &record.evidence {
        verify(file.get().as_bytes(), &key(&app)).unwrap();
        assert!(!file.get().contains("kollega"));
    }
    let json = serde_json::to_string(&record).unwrap();
    assert!(!json.contains("kollega@ett.example") && !json.contains("two.example"));
    assert_eq!(app.app.context.store.dialect, Dialect::Sqlite);
}

#[tokio::test]
async fn an_erasure_in_a_restored_copy_does_not_hide_the_earlier_ones() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let (app, yesterday) = app.copy().await;
    app.erase("hello@two.example").await.unwrap();
    let app = app.put_back(yesterday).await;
    app.erase("ap@three.example").await.unwrap();
    assert!(everything(&app, "hello@two.example").await.is_none());
    assert_eq!(exchanged(&app).await, 0);
}

#[tokio::test]
async fn stopped_sealing_does_not_bring_anybody_mail_who_was_erased() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.app.ledger.checkpoint().await.unwrap();
    let (app, yesterday) = app.copy().await;
    app.erase("hello@two.example").await.unwrap();
    app.app.ledger.checkpoint().await.unwrap();
    let app = app.put_back(yesterday).await;
    assert!(app.app.ledger.checkpoint().await.is_err(), "sealing has stopped");
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty());
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    app.app.ledger.resume(&crate::app::bo(), "backup of yesterday").await.unwrap();
    let report = audit(&app).await;
    assert_eq!(report.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_notice_goes_on_after_one_of_its_recipients_was_erased(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let news = app.release(NEWS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let told = app.informed("C2", news).await.notices[0].deliveries[0].id;
    let token = app.app.key().link(told);
    assert!(app.app.links.page(&token).await.is_ok());
    app.erase("hello@two.example").await.unwrap();
    assert!(app.app.links.page(&token).await.is_err());
    let done = maintenance("").replace("[audience]\n", "").replace("announced", "completed");
    let follow_up =
        app.release(&done.replace("reference = \"CHG-1\"", "reference = \"CHG-9\"\nfollows = \"CHG-1\"")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(follow_up).await, [(State::Accepted, 1)].into());
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test]
async fn no_copy_is_left_where_rows_moved_between_pages() {
    let app = TestApp::new(Engine::Sqlite).await;
    let rows: String =
        (0..3000).map(|n| format!("C{n},Kund {n},person-{n}-of-many@d{n}.example,Name-{n}-here\n")).collect();
    app.import(&format!("account_id,customer_name,email,contact_name\n{rows}")).await;
    app.release(&maintenance("all = true")).await;
    for n in (0..3000).step_by(211) {
        app.erase(&format!("person-{n}-of-many@d{n}.example")).await.unwrap();
    }
    for n in (0..3000).step_by(211) {
        for text in [format!("person-{n}-of-many@"), format!("Name-{n}-here")] {
            assert_eq!(found_in_files(&app, &text), [""; 0], "{text}");
        }
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_release_that_was_broken_off_promised_nothing_to_an_erased_person(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let id = broken_off(&app).await;
    app.erase("old@ett.example").await.unwrap();
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(
        releases::written(&mut conn, id).await.unwrap().0,
        0,
        "of a part of a set that was not promised nothing stays"
    );
    assert!(!queue::holds(&mut conn, id).await.unwrap());
    drop(conn);
    if engine == Engine::Sqlite {
        assert_eq!(found_in_files(&app, "old@ett.example"), [""; 0]);
    }
    app.advance(std::time::Duration::from_secs(31));
    app.run_until_idle().await;
    app.app.ledger.seal().await.unwrap();
    assert_eq!(audit(&app).await.problem, None);
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into(), "the others are told");
}

/// The audience was read before the person was erased, and is written after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_erased_while_a_release_is_written_does_not_come_back_through_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    let rows: String = (0..4500).map(|n| format!("C{n:04},Kund {n},person-{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    let written = std::sync::Mutex::new(Vec::new());
    let erase = |count: u64| {
        let first = written.lock().unwrap().is_empty();
        written.lock().unwrap().push(count);
        if first {
            let erased = async { app.erase("person-7@d7.example").await.unwrap() };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(erased));
        }
    };
    let released = notices.release(id, &alice(), Release::default(), &erase).await.unwrap();
    assert_eq!(*written.lock().unwrap(), [4000, 4000, 4499], "it was done afresh");
    assert_eq!((released.customers, released.recipients), (4500, 4499));
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(releases::written(&mut conn, id).await.unwrap(), (4499, 1));
    drop(conn);
    assert_eq!(found_in_files(&app, "person-7@"), [""; 0]);
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test]
async fn the_customer_of_an_erased_person_stays() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    let replace = ImportOptions { replace: true, ..ImportOptions::default() };
    app.try_import(CUSTOMERS.as_bytes(), replace).await.unwrap();
    let customer =
        besked::store::people::customers::find(&mut app.app.context.store.read().await.unwrap(), "C2").await.unwrap();
    assert_eq!(customer.unwrap().status, "active", "only the person is gone");
    assert!(matches!(
        app.app.subjects.rectify(&alice(), &address("ap@three.example"), &address("hello@two.example")).await,
        Err(SubjectError::WasErased(_))
    ));
}

#[tokio::test]
async fn an_attestation_that_names_a_person_is_emptied_and_still_counts() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, crate::relay::Act::Reply("550 5.1.1 no\r\n"));
    app.run_until_idle().await;
    app.attest(id, "C2", Channel::Phone, "told Carol, Hello@two.example").await.unwrap();
    app.erase("hello@two.example").await.unwrap();
    assert_eq!(found_in_files(&app, "Carol"), [""; 0]);
    assert_eq!(audit(&app).await.problem, None);
    assert_eq!(app.coverage(id).await.informed, 2, "that the customer was told stays");
}
