//! Deliveries whose place in the queue was lost: nothing is closed over them, and they are sent.

use std::time::Duration;

use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Relay};

/// Runs a statement as somebody would who works on the database by hand.
async fn by_hand(app: &TestApp, statement: &'static str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    assert!(sqlx::query(statement).execute(&mut *tx).await.unwrap().rows_affected() > 0, "{statement}");
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_lost_its_place_in_the_queue_is_found_queued_again_and_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("450 4.2.0 later\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Deferred, 1)].into());
    by_hand(&app, "DELETE FROM queue").await;
    let problem = audit(&app).await.problem.unwrap();
    assert!(problem.contains("1 delivery is unfinished without a place in the queue"), "{problem}");
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(app.relay.to("hello@two.example").len(), 1);
    assert_eq!(audit(&app).await.problem, None);

    // Some of many, while the rest of the notice waits for its time.
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("450 4.2.0 later\r\n"));
    app.relay.on("RCPT TO:<teknik@ett.example>", 1, Act::Reply("450 4.2.0 later\r\n"));
    let id = app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    by_hand(&app, "DELETE FROM queue WHERE domain = 'two.example'").await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Deferred, 1)].into(), "it is due at once");
    app.advance(Duration::from_secs(3600));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let problem = async || audit(&app).await.problem;
    assert_eq!(problem().await, None);
    by_hand(&app, "UPDATE delivery_counts SET n = n + 1 WHERE state = 'accepted'").await;
    let found = problem().await.unwrap();
    assert!(found.contains("the count of deliveries that are accepted of notice"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_lost_its_place() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let ok = "every unfinished delivery has its place";
    assert!(shell.run(&["doctor"]).out.contains(ok));
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    let mut conn = <sqlx::AnyConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM queue").execute(&mut conn).await.unwrap();
    let doctor = shell.run(&["doctor"]);
    assert!(doctor.out.contains("2 deliveries are unfinished and have no place in the queue"), "{}", doctor.out);
    assert_eq!(doctor.code, 1);
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(relay.to("hello@two.example").len(), 1);
}
