//! Retention: when its time is over a notice forgets its persons, and keeps its counts.

use std::time::Duration;

use besked::domain::attestation::Channel;
use besked::ledger::audit::Verdict;
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
    assert!(app.purge(false).await.is_empty(), "a day too early");
    app.advance(Duration::from_secs(2 * DAY));
    let dry = app.purge(true).await;
    assert_eq!((dry.len(), dry[0].notice_id, dry[0].persons), (1, news, 2));
    assert_eq!(app.purge(true).await[0].persons, 2, "nothing was done yet");
    let purged = app.purge(false).await;
    assert_eq!((purged.len(), purged[0].persons, purged[0].held), (1, 2, 0));
    assert!(app.purge(false).await.is_empty(), "once");

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
    let purged = app.purge(false).await;
    assert_eq!((purged.len(), purged[0].notice_id, purged[0].persons, purged[0].held), (1, second, 1, 1));
    assert!(app.purge(false).await.is_empty());
    let kept = app.informed("C1", second).await;
    assert_eq!(kept.notices[0].deliveries[0].email, "service@ett.example");
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    let purged = app.purge(false).await;
    assert_eq!((purged.len(), purged[0].persons), (1, 1));
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
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
    app.run_until_idle().await;
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
async fn a_hold_on_a_customer_nobody_could_address_keeps_the_word_that_it_was_told() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    app.attest(id, "C3", Channel::Letter, "by letter").await.unwrap();
    app.advance(Duration::from_secs(400 * DAY));
    put_hold(&app, None, Some("C3")).await;
    app.purge(false).await;
    assert_eq!(app.informed("C3", id).await.verdict, besked::domain::coverage::Verdict::Informed);
    assert_eq!(audit(&app).await.problem, None);
}
