//! Retention: when its time is over a notice forgets its persons, and keeps its counts.

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
use rstest::rstest;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::exported;
use crate::privacy::{found_in_files, put_hold};

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
    let mut conn = app.app.store.read().await.unwrap();
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
    app.app.store.scrub().await.unwrap();
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
        (Records::AddressEntries, 0),
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
