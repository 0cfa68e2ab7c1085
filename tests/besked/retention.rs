//! Retention: when its time is over a notice forgets its persons, and keeps its counts.

mod beside;
mod operations;

use std::collections::BTreeMap;
use std::time::Duration;

use besked::domain::actor::Action;
use besked::domain::attestation::Channel;
use besked::domain::category::Category;
use besked::domain::delivery::State;
use besked::domain::entry::{Detail, Event};
use besked::domain::records::Records;
use besked::ledger::audit::Verdict;
use besked::people::import::ImportOptions;
use besked::store::people::retention;
use besked::store::proof::{ledger, tree};
use rstest::rstest;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::{Engine, somebody_waits};
use crate::evidence::exported;
use crate::notices::AGREEMENT;
use crate::privacy::{found_in_files, put_hold};
use crate::relay::Act;

const DAY: u64 = 24 * 3600;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn persons_go_when_their_time_is_over_and_counts_stay(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let news = app.release(NEWS).await;
    let kept = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let counts = app.counts(news).await;
    app.advance(Duration::from_secs(364 * DAY));
    assert!(app.purge(false).await.notices.is_empty(), "a day too early");
    app.advance(Duration::from_secs(2 * DAY));
    let dry = app.purge(true).await.notices;
    assert_eq!((dry.len(), dry[0].notice_id, dry[0].persons), (1, news, 2));
    assert_eq!(app.purge(true).await.notices[0].persons, 2, "nothing was done yet");
    let purged = app.purge(false).await.notices;
    assert_eq!((purged.len(), purged[0].persons, purged[0].held), (1, 2, 0));
    assert!(app.purge(false).await.notices.is_empty(), "once");

    assert_eq!(app.counts(news).await, counts);
    assert_eq!(app.coverage(news).await.informed, 2);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Verdict::Ok, None));
    let file = String::from_utf8(exported(&app, news, None).await.unwrap()).unwrap();
    assert!(!file.contains("example\""), "{file}");
    besked::domain::evidence::verify(file.as_bytes(), &crate::evidence::key(&app)).unwrap();
    let other = besked::domain::evidence::verify(
        exported(&app, kept, Some("C2")).await.unwrap().as_slice(),
        &crate::evidence::key(&app),
    );
    assert_eq!(other.unwrap().recipients[0].address, "hello@two.example", "the other notice has its time still");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_legal_hold_keeps_a_notice_or_a_customer(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(NEWS).await;
    let second = app.release(NEWS).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(400 * DAY));
    put_hold(&app, Some(first), None).await;
    let hold = put_hold(&app, None, Some("C1")).await;
    let purged = app.purge(false).await.notices;
    assert_eq!((purged.len(), purged[0].notice_id, purged[0].persons, purged[0].held), (1, second, 1, 1));
    assert!(app.purge(false).await.notices.is_empty());
    let kept = app.informed("C1", second).await;
    assert_eq!(kept.notices[0].deliveries[0].email, "service@ett.example");
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    let purged = app.purge(false).await.notices;
    assert_eq!((purged.len(), purged[0].persons), (1, 1));
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
}

async fn has_purged(app: &TestApp) -> bool {
    let mut conn = app.app.context.store.read().await.unwrap();
    let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM ledger_openings WHERE event = 'purged'");
    count.fetch_one(&mut *conn).await.unwrap() > 0
}

#[tokio::test]
async fn the_daemon_purges_by_itself_and_leaves_nothing_in_the_files() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(&CUSTOMERS.replace("hello@two.example", "only-news@two.example")).await;
    app.release(NEWS).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(400 * DAY));
    // The contact itself is the customer's until it leaves the customers file.
    app.import("account_id,customer_name,email\nC1,Ett AB,service@ett.example\n").await;
    app.app
        .subjects
        .rectify(&alice(), &crate::app::address("only-news@two.example"), &crate::app::address("x@two.example"))
        .await
        .unwrap();
    // The end of a run breaks its hourly work off: the next run does it.
    while !has_purged(&app).await {
        app.run_until_idle().await;
    }
    app.app.context.store.scrub().await.unwrap();
    let report = audit(&app).await;
    assert_eq!(report.verdict, Verdict::Ok, "{report:?}");
    let fact = crate::ledger::last_fact(&app, besked::domain::entry::Event::Purged).await;
    assert!(matches!(fact.detail, besked::domain::entry::Detail::Cleared { .. }));
    // The rectification itself still names it, until it is erased.
    app.erase("only-news@two.example").await.unwrap();
    assert_eq!(found_in_files(&app, "only-news@two.example"), [""; 0]);
}

#[tokio::test]
async fn a_hold_on_a_customer_nobody_could_address_keeps_its_attestation() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    app.attest(id, "C3", Channel::Letter, "by letter").await.unwrap();
    app.advance(Duration::from_secs(400 * DAY));
    put_hold(&app, None, Some("C3")).await;
    assert_eq!(app.purge(false).await.notices.len(), 1);
    assert!(app.purge(false).await.notices.is_empty(), "nobody is left but the customer under the hold");
    assert_eq!(app.informed("C3", id).await.verdict, besked::domain::coverage::Verdict::Informed);
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_belongs_to_no_released_notice_ends_too(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let person = crate::app::address("gone@ett.example");
    app.app.subjects.object(&alice(), &person, &[Category::News], None).await.unwrap();
    app.app.subjects.restrict(&alice(), &person).await.unwrap();
    let draft = app.draft(&maintenance("file = \"rows.csv\""), "account_id,x\nC1,private-row\n");
    app.app.notices.create(&draft, &alice()).await.unwrap();
    let sent = app.try_release(&app.draft(&maintenance("file = \"rows.csv\""), "account_id,x\nC1,sent-row\n")).await;
    let sent = sent.unwrap();
    app.run_until_idle().await;
    // Of C1 one contact is gone, C2 and C3 leave.
    let file = "account_id,customer_name,email,role\nC1,Ett AB,teknik@ett.example,technical\n";
    let options = ImportOptions { replace: true, allow_shrink: true, ..ImportOptions::default() };
    app.try_import(file.as_bytes(), options).await.unwrap();
    assert!(app.purge(false).await.records.values().all(|count| *count == 0), "nothing has ended yet");

    app.advance(Duration::from_secs(100 * DAY));
    assert_eq!(app.purge(true).await.records[&Records::AudienceRows], 1);
    assert_eq!(app.purge(false).await.records[&Records::AudienceRows], 1);
    assert_eq!(audit(&app).await.problem, None, "the ledger says why the rows are gone");

    app.advance(Duration::from_secs(4 * 366 * DAY));
    let expected = BTreeMap::from([
        (Records::DeactivatedContacts, 2),
        (Records::LeftCustomers, 2),
        (Records::Drafts, 1),
        (Records::AudienceRows, 0),
        (Records::Attempts, 1),
        (Records::Preferences, 1),
        (Records::Suppressions, 1),
        (Records::Reads, 0),
        (Records::Rectifications, 0),
        (Records::Operations, 6),
        (Records::Tasks, 0),
        (Records::AddressEntries, 0),
        (Records::InboundMessages, 0),
        (Records::AuditRows, 0),
    ]);
    assert_eq!(app.purge(true).await.records, expected);
    let mut purged = app.purge(false).await.records;
    // Only now is the address named by the ledger alone.
    assert_eq!(purged.insert(Records::AddressEntries, 0), Some(1));
    assert_eq!(purged, expected);
    assert!(app.purge(false).await.is_empty(), "once");
    assert_eq!(audit(&app).await.problem, None);
    let Detail::Operated { action, .. } = crate::ledger::last_fact(&app, Event::Operated).await.detail else {
        panic!()
    };
    assert_eq!(action, Action::Purge);
    assert_eq!(app.coverage(sent).await.informed, 1, "the counts stay");
    if engine == Engine::Sqlite {
        for text in ["gone@ett.example", "hello@two.example", "private-row", "sent-row", "faktura@"] {
            assert_eq!(found_in_files(&app, text), [""; 0], "{text}");
        }
    }
}

#[tokio::test]
async fn a_notice_that_stays_paused_ends_and_what_it_has_not_sent_is_cancelled() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.app.notices.pause(id, &alice(), None).await.unwrap();
    app.advance(Duration::from_secs(367 * DAY));
    let purged = app.purge(false).await.notices;
    assert_eq!((purged.len(), purged[0].notice_id, purged[0].persons), (1, id, 2));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Cancelled, 2)].into());
    let notice = app.app.notices.named(&alice(), &id.to_string()).await.unwrap();
    assert_eq!((notice.state.as_str(), notice.is_paused()), ("closed", false), "it is not paused for ever");
    assert!(app.relay.to("hello@two.example").is_empty());
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test]
async fn a_purge_leaves_a_customer_informed_who_was_informed_by_phone() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    app.attest(id, "C3", Channel::Phone, "told Dave").await.unwrap();
    app.advance(Duration::from_secs(367 * DAY));
    assert_eq!(app.purge(false).await.notices.len(), 1);
    assert_eq!(app.informed("C3", id).await.verdict, besked::domain::coverage::Verdict::Informed);
    assert_eq!(app.coverage(id).await.informed, 3);
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test]
async fn an_agreement_s_record_ends_with_each_contract() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let notice = include_str!("../../config/demo/notices/4-agreement-change.md");
    let id = app.release(notice).await;
    app.run_until_idle().await;
    let ends = |report: besked::people::retention::Report| {
        report.notices.into_iter().filter(|it| it.notice_id == id).map(|it| (it.persons, it.held)).collect::<Vec<_>>()
    };
    app.advance(Duration::from_secs(10 * 366 * DAY));
    assert_eq!(ends(app.purge(false).await), [], "the contracts run");
    // C2 leaves.
    let without = CUSTOMERS.lines().filter(|line| !line.starts_with("C2")).collect::<Vec<_>>().join("\n");
    let options = ImportOptions { replace: true, ..ImportOptions::default() };
    app.try_import(without.as_bytes(), options).await.unwrap();
    app.advance(Duration::from_secs(2 * 366 * DAY));
    assert_eq!(ends(app.purge(false).await), []);
    app.advance(Duration::from_secs(2 * 366 * DAY));
    let dry = ends(app.purge(true).await);
    assert_eq!(dry, ends(app.purge(false).await));
    assert_eq!(dry[0].0, 1);
    assert_eq!(app.informed("C1", id).await.notices[0].deliveries[0].email, "service@ett.example");
    assert_eq!(found_in_files(&app, "hello@two.example"), [""; 0], "the customer went with its last record");
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test]
async fn a_held_notice_that_names_nobody_any_more_is_not_purged_each_hour() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    for email in ["service@ett.example", "hello@two.example"] {
        app.erase(email).await.unwrap();
    }
    app.attest(id, "C3", Channel::Letter, "by letter").await.unwrap();
    let hold = put_hold(&app, None, Some("C3")).await;
    app.advance(Duration::from_secs(400 * DAY));
    for dry_run in [true, false, false] {
        assert!(app.purge(dry_run).await.notices.is_empty(), "{dry_run}");
    }
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    assert_eq!(app.purge(false).await.notices.len(), 1);
    assert!(app.purge(false).await.notices.is_empty(), "once");
}

/// Deletes a customer and its contacts, but not the record of what it was sent.
async fn delete_customer(app: &TestApp, account: &str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    retention::delete_customers(&mut tx, &[account.to_owned()]).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_agreement_s_record_of_a_customer_that_is_gone_ends_too(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(AGREEMENT).await;
    app.run_until_idle().await;
    delete_customer(&app, "C2").await;
    let persons = |report: besked::people::retention::Report| report.notices.iter().map(|it| it.persons).sum::<u64>();
    app.advance(Duration::from_secs(2 * 366 * DAY));
    assert_eq!(persons(app.purge(false).await), 0, "three years from the end of the notice");
    app.advance(Duration::from_secs(366 * DAY));
    for dry_run in [true, false] {
        assert_eq!(persons(app.purge(dry_run).await), 1, "{dry_run}");
    }
    assert_eq!(persons(app.purge(true).await), 0);
    assert_eq!(app.informed("C1", id).await.notices[0].deliveries[0].email, "service@ett.example");
    assert_eq!(app.informed("C2", id).await.notices[0].deliveries[0].email, "(erased)");
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_hold_is_placed_on_a_former_customer_of_whom_only_deliveries_are_stored(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    delete_customer(&app, "C2").await;
    delete_customer(&app, "C3").await;
    put_hold(&app, None, Some("C2")).await;
    // Nobody of C3 could be addressed, which the record of the notice says.
    put_hold(&app, None, Some("C3")).await;
    let nobody = app.app.holds.add(&alice(), besked::people::holds::On::Account("C9"), "lawsuit").await;
    assert!(nobody.unwrap_err().to_string().contains("C9"));
    app.advance(Duration::from_secs(400 * DAY));
    let purged = app.purge(false).await.notices;
    assert_eq!((purged[0].persons, purged[0].held), (1, 1));
    assert_eq!(app.informed("C2", id).await.notices[0].deliveries[0].email, "hello@two.example");
}

/// A purge and an erasure hold the ledger's head while they look for holds and delete.
#[tokio::test]
async fn a_hold_waits_for_a_purge_that_has_looked_for_holds() {
    let app = TestApp::new(Engine::Postgres).await;
    app.import(CUSTOMERS).await;
    let mut purge = app.app.context.store.write().await.unwrap();
    tree::lock_head(&mut purge).await.unwrap();
    let hold = put_hold(&app, None, Some("C2"));
    tokio::pin!(hold);
    tokio::select! {
        biased;
        () = somebody_waits(&mut purge) => {}
        _ = &mut hold => panic!("it was acknowledged while the purge went on"),
    }
    purge.rollback().await.unwrap();
    hold.await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_dry_run_counts_the_audience_rows_that_the_run_deletes(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let news = app.draft(&NEWS.replace("all = true", "file = \"rows.csv\""), "account_id,x\nC1,a\nC2,b\n");
    app.try_release(&news).await.unwrap();
    app.run_until_idle().await;
    app.advance(Duration::from_secs(400 * DAY));
    for dry_run in [true, false] {
        let report = app.purge(dry_run).await;
        assert_eq!((report.notices.len(), report.records[&Records::AudienceRows]), (1, 2), "{dry_run}");
    }
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_are_made_after_a_purge_of_attempts_end_too(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let attempts = async || {
        let shown = app.app.deliveries.show(&alice(), delivery).await.unwrap();
        shown.attempts.iter().map(|it| it.attempt).collect::<Vec<_>>()
    };
    app.advance(Duration::from_secs(366 * DAY));
    assert_eq!(app.purge(false).await.records[&Records::Attempts], 2);
    app.app.deliveries.resend(&alice(), &[delivery]).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(attempts().await, [2]);
    app.advance(Duration::from_secs(364 * DAY));
    assert_eq!(app.purge(false).await.records[&Records::Attempts], 0, "a year from the attempt");
    app.advance(Duration::from_secs(3 * DAY));
    for dry_run in [true, false] {
        assert_eq!(app.purge(dry_run).await.records[&Records::Attempts], 1, "{dry_run}");
    }
    assert!(attempts().await.is_empty());
    assert_eq!(app.purge(false).await.records[&Records::Attempts], 0);
}

/// The entries about a notice as a whole that still say who did something, and to whom.
async fn named(app: &TestApp, id: uuid::Uuid) -> usize {
    let openings = ledger::about_notice(&mut app.app.context.store.read().await.unwrap(), id).await.unwrap();
    openings.iter().filter(|it| it.event == Event::Operated && it.person.is_some()).count()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_wrote_and_released_a_notice_goes_with_its_persons(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let sent = app.release(NEWS).await;
    let draft = app.app.notices.create(&app.draft(NEWS, ""), &alice()).await.unwrap();
    app.run_until_idle().await;
    assert!(named(&app, sent).await > 0 && named(&app, draft).await > 0);
    app.advance(Duration::from_secs(300 * DAY));
    app.purge(false).await;
    assert!(named(&app, sent).await > 0 && named(&app, draft).await > 0);
    app.advance(Duration::from_secs(100 * DAY));
    let report = app.purge(false).await;
    assert_eq!((report.notices.len(), report.records[&Records::Drafts]), (1, 1));
    // What remains is the record of the purge itself, by a task of the system.
    assert_eq!((named(&app, sent).await, named(&app, draft).await), (0, 0));
    assert_eq!(audit(&app).await.problem, None);
}

/// Opt-outs, corrections and entries about an address that the contact no longer has are the person's, who is under a hold.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_hold_keeps_what_is_stored_about_the_former_address_of_a_person(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (old, new) = (crate::app::address("hello@two.example"), crate::app::address("hi@two.example"));
    app.wish("hello@two.example", Category::News, true).await;
    app.app.subjects.restrict(&alice(), &old).await.unwrap();
    app.app.subjects.rectify(&alice(), &old, &new).await.unwrap();
    let hold = put_hold(&app, None, Some("C2")).await;
    app.advance(Duration::from_secs(6 * 366 * DAY));
    let dry = app.purge(true).await;
    assert_eq!(dry.held.get(&Records::Preferences), Some(&1), "{dry:?}");
    assert_eq!(dry.held.get(&Records::Suppressions), Some(&1), "{dry:?}");
    for kind in [Records::Preferences, Records::Suppressions, Records::AddressEntries] {
        assert_eq!(app.purge(false).await.records[&kind], 0, "{kind}");
    }
    let kept = async || {
        let mut conn = app.app.context.store.read().await.unwrap();
        besked::store::people::preferences::of_address(&mut conn, &old.key()).await.unwrap().len()
    };
    assert_eq!(kept().await, 1);
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    assert_eq!(app.purge(false).await.records[&Records::Preferences], 1);
    assert_eq!(kept().await, 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_hold_on_a_customer_keeps_its_attempts_and_rows_and_no_others(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let rows = "account_id,x\nC1,one\nC2,two\n";
    let id = app.try_release(&app.draft(&maintenance("file = \"rows.csv\""), rows)).await.unwrap();
    app.run_until_idle().await;
    app.advance(Duration::from_secs(2 * 366 * DAY));
    let hold = put_hold(&app, None, Some("C2")).await;
    let counts = |report: &besked::people::retention::Report| {
        [Records::Attempts, Records::AudienceRows].map(|kind| (report.records[&kind], report.held.get(&kind).copied()))
    };
    for dry_run in [true, false] {
        assert_eq!(counts(&app.purge(dry_run).await), [(1, Some(1)), (1, Some(1))], "{dry_run}");
    }
    assert_eq!(counts(&app.purge(false).await), [(0, Some(1)), (0, Some(1))], "once");
    let left = async || {
        let mut conn = app.app.context.store.read().await.unwrap();
        let attempts = retention::count_attempts(&mut conn, id, app.app.context.clock.now()).await.unwrap();
        (attempts, retention::count_audience_rows(&mut conn, id).await.unwrap())
    };
    assert_eq!(left().await, ((1, 1), (1, 1)));
    assert_eq!(audit(&app).await.problem, None);
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    put_hold(&app, Some(id), None).await;
    assert_eq!(counts(&app.purge(false).await), [(0, Some(1)), (0, Some(1))], "a hold on the notice keeps all of it");
}
