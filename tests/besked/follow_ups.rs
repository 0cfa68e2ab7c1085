//! Notices that follow others: to the customers of one that was released, at the contacts that they have today.

use std::time::Duration;

use besked::audience::AudienceError;
use besked::dispatch::Finished;
use besked::domain::address::Address;
use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use besked::notices::{NoticeError, Release};
use besked::people::import::ImportOptions;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::notices::broken_off;

/// A notice that follows another, to the same recipients.
pub fn following(other: Uuid) -> String {
    maintenance("")
        .replace("[audience]\n", "")
        .replace("reference = \"CHG-1\"", &format!("reference = \"CHG-2\"\nfollows = \"{other}\""))
}

async fn sql(app: &TestApp, statement: &'static str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query(statement).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_not_followed_before_it_is_released(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let first = broken_off(&app).await;
    let checked = app.app.notices.check(&alice(), &app.draft(&following(first), "")).await.unwrap();
    assert!(
        matches!(checked.nobody, Some(AudienceError::NotReleased(NoticeState::Releasing))),
        "a part of it is no audience: {:?}",
        checked.nobody
    );
    // One that was approved before.
    let own = following(first).replace("[fields]", "[audience]\nall = true\n[fields]");
    let second = app.app.notices.create(&app.draft(&own, ""), &alice()).await.unwrap();
    app.app.notices.submit(second, &alice()).await.unwrap();
    app.app.notices.release(second, &alice(), Release::default(), &|_| {}).await.unwrap();
    let mut conn = app.app.context.store.read().await.unwrap();
    let ids = besked::store::sending::deliveries::of_notice(&mut conn, second, 0, 9).await.unwrap();
    let ids: Vec<String> = ids.iter().map(|shown| shown.id.to_string()).collect();
    let sent = besked::store::sending::deliveries::to_send(&mut conn, &ids).await.unwrap();
    assert!(sent.iter().all(|it| it.thread.is_empty()), "it continues nothing that may be discarded");
    drop(conn);
    app.advance(Duration::from_secs(31));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    let third = app.release(&following(first)).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(third).await, [(State::Accepted, 2)].into(), "to the recipients of the whole");
}

/// Approved by whom it concerns, and then what it follows is being released: it waits for that by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_follows_one_in_its_release_is_released_after_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    let second = app.app.notices.create(&app.draft(&following(first), ""), &alice()).await.unwrap();
    app.app.notices.submit(second, &alice()).await.unwrap();
    sql(
        &app,
        "UPDATE notices SET state = 'releasing', released_at = NULL, release_until = 0 WHERE reference = 'CHG-1'",
    )
    .await;
    let refused = app.app.notices.release(second, &alice(), Release::default(), &|_| {}).await.unwrap_err();
    assert!(matches!(refused, NoticeError::Audience(AudienceError::NotReleased(NoticeState::Releasing))), "{refused}");
    assert_eq!(app.notice(second).await.state, NoticeState::Releasing, "it is taken up by itself");
    sql(&app, "UPDATE notices SET state = 'cancelled' WHERE reference = 'CHG-1'").await;
    app.advance(Duration::from_secs(31));
    let refused = app.app.notices.release(second, &alice(), Release::default(), &|_| {}).await.unwrap_err();
    assert!(matches!(refused, NoticeError::Audience(AudienceError::NotReleased(NoticeState::Cancelled))), "{refused}");
    assert_eq!(app.notice(second).await.state, NoticeState::Approved, "nobody waits for what will not come");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_reads_nothing_of_old_deliveries_but_their_threads(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    sql(
        &app,
        "UPDATE deliveries SET merged = '\"Carols secret\"', locale = '!', time_zone = 'Mars' WHERE account_id = 'C2'",
    )
    .await;
    let second = app.release(&following(first)).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(second).await, [(State::Accepted, 2)].into());
    let received = app.relay.to("hello@two.example");
    assert_eq!(received[1].header("In-Reply-To"), received[0].header("Message-ID"));
    sql(&app, "UPDATE deliveries SET email = 'nobody' WHERE account_id = 'C2' AND email <> ''").await;
    let third = app.release(&following(first)).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(third).await, [(State::Accepted, 2)].into());
}

/// The contact of a year ago has left, another address was corrected, and a third customer has left.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_goes_to_the_contacts_of_today(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.import("account_id,customer_name,email\nC4,Four,four@four.example\n").await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let replace = ImportOptions { replace: true, ..ImportOptions::default() };
    let today = CUSTOMERS.replace("teknik@ett.example,Bo", "drift@ett.example,Bodil");
    app.try_import(today.as_bytes(), replace).await.unwrap();
    let (old, new) = (Address::parse("hello@two.example").unwrap(), Address::parse("Hello2@two.example").unwrap());
    app.app.subjects.rectify(&alice(), &old, &new).await.unwrap();
    let second = app.release(&following(first)).await;
    app.run_until_idle().await;
    let coverage = app.coverage(second).await;
    assert_eq!(
        (coverage.customers, coverage.informed, coverage.cannot_be),
        (3, 2, 1),
        "C3 still has nobody to address"
    );
    for (address, count) in [
        ("drift@ett.example", 1),
        ("teknik@ett.example", 1),
        ("hello@two.example", 1),
        ("Hello2@two.example", 1),
        ("four@four.example", 1),
    ] {
        assert_eq!(app.relay.to(address).len(), count, "{address}");
    }
    assert_eq!(
        app.relay.to("drift@ett.example")[0].header("In-Reply-To"),
        None,
        "this address was told nothing before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newsletter_that_follows_a_bill_does_not_go_to_billing_contacts() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let bill = "+++\ncategory = \"billing\"\nreference = \"INV-1\"\n[audience]\nall = true\n[fields]\n\
        invoice_number = \"1\"\nperiod = \"November\"\namount = \"10\"\ncurrency = \"SEK\"\ndue_date = 2026-12-24\n+++\n";
    app.release(bill).await;
    app.run_until_idle().await;
    let news = NEWS.replace("[audience]\nall = true\n", "follows = \"INV-1\"\n");
    let id = app.release(&news).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.relay.to("faktura@ett.example").len() + app.relay.to("ap@three.example").len(), 2, "the bill alone");
    assert_eq!(app.relay.to("service@ett.example").len() + app.relay.to("hello@two.example").len(), 2);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_row_that_cannot_be_read_is_reported_and_not_taken_for_an_empty_one(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let text = maintenance("file = \"rows.csv\"").replace("Hello", "{{ row.rack }}");
    let draft = app.draft(&text, "account_id,rack\nC1,A 7\nC2,B 9\n");
    let id = app.app.notices.create(&draft, &alice()).await.unwrap();
    app.app.notices.submit(id, &alice()).await.unwrap();
    sql(&app, "UPDATE notice_rows SET data = '\"Carols secret\"' WHERE account_id = 'C2'").await;
    let refused = app.app.notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap_err().to_string();
    let named = format!("table `notice_rows`, column `data`, row `{id} C2`");
    assert!(refused.contains(&named) && !refused.contains("secret"), "{refused}");
}

/// A customer that left, with the contacts that it had then.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_left_can_still_be_informed_of_a_breach_of_its_data(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.import("account_id,customer_name,email\nC4,Four,old@four.example\n").await;
    app.import("account_id,customer_name,email\nC4,Four,four@four.example\n").await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let replace = ImportOptions { replace: true, ..ImportOptions::default() };
    app.try_import(CUSTOMERS.as_bytes(), replace).await.unwrap();

    let named = app.release(&maintenance("customers = [\"C4\"]").replace("CHG-1", "CHG-3")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(named).await, [(State::Accepted, 1)].into(), "named by account");
    let news = NEWS.replace("all = true", "customers = [\"C4\"]");
    let refused = app.app.notices.check(&alice(), &app.draft(&news, "")).await.unwrap_err().to_string();
    assert!(refused.contains("C4"), "there is no duty to send news: {refused}");
    let reach = async |audience: &str| {
        let agreement = crate::notices::AGREEMENT.replace("[audience]\nall = true\n", audience);
        app.app.notices.check(&alice(), &app.draft(&agreement, "")).await.unwrap().reach.customers
    };
    assert_eq!(reach("[audience]\nall = true\n").await, 3);
    assert_eq!(reach("[audience]\nall = true\ninclude_left = true\n").await, 4);
    let follows = format!("follows = \"{first}\"\n");
    assert_eq!(reach(&follows).await, 3);
    assert_eq!(reach(&format!("{follows}[audience]\ninclude_left = true\n")).await, 4);
    let received: Vec<usize> = ["four@four.example", "old@four.example"].map(|to| app.relay.to(to).len()).to_vec();
    assert_eq!(received, [2, 0], "at the contacts that it had when it left");
}
