//! Notices that follow others: to the recipients of one that was released, whatever else is wrong with it.

use std::time::Duration;

use besked::audience::AudienceError;
use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use besked::notices::NoticeError;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::database::Engine;
use crate::notices::broken_off;

/// A notice that follows another, to the same recipients.
fn following(other: Uuid) -> String {
    maintenance("")
        .replace("[audience]\n", "")
        .replace("announced", "cancelled")
        .replace("reference = \"CHG-1\"", &format!("reference = \"CHG-2\"\nfollows = \"{other}\""))
}

async fn sql(app: &TestApp, statement: &'static str) {
    let mut tx = app.app.store.write().await.unwrap();
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
    let refused = app.app.notices.check(&app.draft(&following(first), "")).await.unwrap_err();
    assert!(
        matches!(refused, NoticeError::Audience(AudienceError::NotReleased(NoticeState::Releasing))),
        "a part of it is no audience: {refused}"
    );
    // One that was approved before.
    let own = following(first).replace("[fields]", "[audience]\nall = true\n[fields]");
    let second = app.app.notices.create(&app.draft(&own, ""), "alice").await.unwrap();
    app.app.notices.submit(second, "alice").await.unwrap();
    app.app.notices.release(second, "alice", None, &|_| {}).await.unwrap();
    let mut conn = app.app.store.read().await.unwrap();
    let ids = besked::store::deliveries::of_notice(&mut conn, second, 0, 9).await.unwrap();
    let ids: Vec<String> = ids.iter().map(|shown| shown.id.to_string()).collect();
    let sent = besked::store::deliveries::to_send(&mut conn, "maintenance", &ids).await.unwrap();
    assert!(sent.iter().all(|it| it.follows_id.is_none()), "it continues nothing that may be discarded");
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
    let second = app.app.notices.create(&app.draft(&following(first), ""), "alice").await.unwrap();
    app.app.notices.submit(second, "alice").await.unwrap();
    sql(
        &app,
        "UPDATE notices SET state = 'releasing', released_at = NULL, release_until = 0 WHERE reference = 'CHG-1'",
    )
    .await;
    let refused = app.app.notices.release(second, "alice", None, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, NoticeError::Audience(AudienceError::NotReleased(NoticeState::Releasing))), "{refused}");
    assert_eq!(app.notice(second).await.state, NoticeState::Releasing, "it is taken up by itself");
    sql(&app, "UPDATE notices SET state = 'cancelled' WHERE reference = 'CHG-1'").await;
    app.advance(Duration::from_secs(31));
    let refused = app.app.notices.release(second, "alice", None, &|_| {}).await.unwrap_err();
    assert!(matches!(refused, NoticeError::Audience(AudienceError::NotReleased(NoticeState::Cancelled))), "{refused}");
    assert_eq!(app.notice(second).await.state, NoticeState::Approved, "nobody waits for what will not come");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_of_a_delivery_does_not_keep_others_from_being_told_what_follows(#[case] engine: Engine) {
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
    assert_eq!(received[1].header("References"), received[0].header("Message-ID"));
    sql(&app, "UPDATE deliveries SET email = 'Carols secret' WHERE account_id = 'C2' AND email <> ''").await;
    let refused = app.app.notices.check(&app.draft(&following(first), "")).await.unwrap_err().to_string();
    assert!(refused.contains("`deliveries`, column `email`") && !refused.contains("secret"), "{refused}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stored_row_that_cannot_be_read_is_told_and_not_taken_for_an_empty_one(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let text = maintenance("file = \"rows.csv\"").replace("Hello", "{{ row.rack }}");
    let draft = app.draft(&text, "account_id,rack\nC1,A 7\nC2,B 9\n");
    let id = app.app.notices.create(&draft, "alice").await.unwrap();
    app.app.notices.submit(id, "alice").await.unwrap();
    sql(&app, "UPDATE notice_rows SET data = '\"Carols secret\"' WHERE account_id = 'C2'").await;
    let refused = app.app.notices.release(id, "alice", None, &|_| {}).await.unwrap_err().to_string();
    let named = format!("table `notice_rows`, column `data`, row `{id} C2`");
    assert!(refused.contains(&named) && !refused.contains("secret"), "{refused}");
}
