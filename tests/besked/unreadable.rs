//! A delivery that cannot be read in part: it waits until it can, and blocks no other.

use std::time::Duration;

use besked::dispatch::{Finished, Left};
use besked::domain::delivery::State;
use besked::store::proof::ledger;
use besked::store::sending::{claims, deliveries};
use rstest::rstest;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::circuit::{Running, import, until_accepted};
use crate::cli::Shell;
use crate::database::Engine;
use crate::follow_ups::following;
use crate::relay::Relay;

const SPOIL: &str = "UPDATE deliveries SET merged = 'Carols secret' WHERE email = 'hello@two.example'";
const MEND: &str = "UPDATE deliveries SET merged = NULL";

/// What a run has left for an operator.
fn left(finished: &Finished) -> Left {
    let Finished::Left(left) = finished else { panic!("it says that all is well: {finished:?}") };
    (**left).clone()
}

async fn sql(app: &TestApp, statement: &'static str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    tx.execute(statement).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_cannot_be_read_is_put_off_and_all_others_are_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let work = app.release(&maintenance("all = true")).await;
    let news = app.release(NEWS).await;
    sql(&app, SPOIL).await;
    let left = left(&app.run_until_idle().await);
    assert_eq!((left.depth.due, left.depth.later, left.unread), (0, 2, 2));
    for id in [work, news] {
        assert_eq!(app.counts(id).await, [(State::Queued, 1), (State::Accepted, 1)].into());
    }
    sql(&app, MEND).await;
    app.advance(Duration::from_secs(61));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    for id in [work, news] {
        assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into(), "it was put off, and nothing was lost");
    }
}

/// Two notices to many: the first becomes unreadable by this change, the second waits behind it.
async fn one_behind_another(app: &TestApp, spoil: &'static str) -> [Uuid; 2] {
    import(app, (0..300).map(|n| format!("a{n}@d{n}.example"))).await;
    let notices = [app.release(&maintenance("all = true")).await, app.release(&maintenance("all = true")).await];
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query(spoil).bind(notices[0].to_string()).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    notices
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_cannot_be_read_waits_and_all_others_are_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let [odd, well] =
        one_behind_another(&app, "UPDATE notice_sources SET source = 'later ' || source WHERE notice_id = $1").await;
    let left = left(&app.run_until_idle().await);
    assert_eq!((left.depth.due, left.depth.later, left.unread), (0, 300, 300));
    assert_eq!(app.counts(odd).await, [(State::Queued, 300)].into());
    assert_eq!(app.counts(well).await, [(State::Accepted, 300)].into());
    sql(&app, "UPDATE notice_sources SET source = substr(source, 7) WHERE source LIKE 'later %'").await;
    app.advance(Duration::from_secs(61));
    app.run_until_idle().await;
    assert_eq!(app.counts(odd).await, [(State::Accepted, 300)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn however_many_deliveries_cannot_be_read_others_are_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let [odd, well] = one_behind_another(&app, "UPDATE deliveries SET merged = 'odd' WHERE notice_id = $1").await;
    let running = Running::start(&app);
    until_accepted(&app, well, 300).await;
    running.stop().await;
    assert_eq!(app.counts(odd).await, [(State::Queued, 300)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_a_dead_dispatcher_is_a_doubt_whatever_can_be_read_of_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let news = app.release(NEWS).await;
    sql(&app, SPOIL).await;
    sql(&app, "UPDATE notice_sources SET source = 'of another version'").await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let now = app.app.context.clock.now();
    assert_eq!(claims::claim(&mut tx, news, "a process that was killed", now, &[], 9).await.unwrap().len(), 2);
    // Leases on PostgreSQL use the clock of the database.
    tx.execute("UPDATE queue SET lease_until = 0").await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(app.counts(news).await, [(State::Uncertain, 2)].into(), "an operator decides");
}

/// A row that cannot be read at all, with a claim of a killed dispatcher, and nothing left to do.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_whose_row_cannot_be_read_stops_neither_the_start_nor_the_rounds(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let [leased, done] = [app.release(NEWS).await, app.release(&maintenance("customers = [\"C1\"]")).await];
    let mut tx = app.app.context.store.write().await.unwrap();
    let now = app.app.context.clock.now();
    assert_eq!(claims::claim(&mut tx, leased, "a process that was killed", now, &[], 1).await.unwrap().len(), 1);
    tx.execute("UPDATE queue SET lease_until = 0").await.unwrap();
    sqlx::query("DELETE FROM queue WHERE notice_id = $1").bind(done.to_string()).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let odd = if engine == Engine::Sqlite {
        "UPDATE notices SET digest = X'00'"
    } else {
        "UPDATE notices SET digest = '\\x00'"
    };
    sql(&app, odd).await;
    let running = Running::start(&app);
    // Released after the rows were spoiled.
    let well = app.release(&maintenance("customers = [\"C2\"]").replace("CHG-2041", "CHG-2042")).await;
    until_accepted(&app, well, 1).await;
    running.stop().await;
    let claim = "SELECT COUNT(*) FROM queue WHERE lease_owner = 'a process that was killed'";
    let mut conn = app.app.context.store.read().await.unwrap();
    let left: i64 = sqlx::query_scalar(claim).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(left, 1, "its claim stays where it is");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_cannot_be_read_can_be_cancelled(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    sql(&app, SPOIL).await;
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    assert_eq!(app.counts(id).await, [(State::Cancelled, 2)].into());
    let mut conn = app.app.context.store.read().await.unwrap();
    let person = deliveries::of_customer(&mut conn, id, "C2").await.unwrap().remove(0);
    let entries = ledger::of_notice(&mut conn, id).await.unwrap();
    let own = entries.iter().find(|entry| entry.delivery_id == Some(person.id)).unwrap();
    let named = own.person.as_ref().unwrap();
    assert!(named.windows(17).any(|window| window == b"hello@two.example"), "the entry names whom it is about");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_what_cannot_be_read_and_says_nothing_of_it() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let sent = shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
    let notice: Uuid = sent["id"].as_str().unwrap().parse().unwrap();
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    conn.execute(SPOIL).await.unwrap();
    let spoiled = deliveries::of_customer(&mut conn, notice, "C2").await.unwrap().remove(0).id.to_string();
    let ran = shell.run(&["dispatch", "--until-idle"]);
    assert_eq!(ran.code, 1, "something waits that an operator has to look at: {}", ran.err);
    assert!(ran.err.contains("error: 1 delivery waits without an attempt"), "{}", ran.err);
    assert!(!ran.err.contains("deferred"), "it was never tried: {}", ran.err);
    let told: Vec<&str> = ran.err.lines().filter(|line| line.contains(&spoiled)).collect();
    assert!(told.len() == 1 && told[0].contains("cannot be read") && told[0].contains("merged"), "{}", ran.err);
    assert!(!ran.err.contains("secret") && !ran.err.contains("hello@"), "{}", ran.err);
    assert_eq!(relay.received().len(), 1, "the other one was sent");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_sent_without_a_thread_if_the_one_that_it_follows_cannot_be_read(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let second = app.release(&following(first)).await;
    let spoil = match engine {
        Engine::Sqlite => "UPDATE notices SET digest = X'00' WHERE follows_id IS NULL",
        Engine::Postgres => "UPDATE notices SET digest = '\\x00' WHERE follows_id IS NULL",
    };
    sql(&app, spoil).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(second).await, [(State::Accepted, 2)].into());
}

/// A zone database drops names; what is left of a contact is enough to inform it.
#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_no_longer_known_keeps_nobody_from_being_informed() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    conn.execute("UPDATE contacts SET time_zone = 'Mars/Olympus', locale = '!' WHERE account_id = 'C2'").await.unwrap();
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    conn.execute("UPDATE deliveries SET time_zone = 'Mars/Olympus', locale = '!' WHERE account_id = 'C1'")
        .await
        .unwrap();
    shell.run(&["customers", "show", "C2"]).ok();
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(relay.received().len(), 2);
    let checks = shell.run(&["--json", "doctor"]).json();
    let contacts = checks.as_array().unwrap().iter().find(|it| it["what"] == "contacts").unwrap();
    assert_eq!(contacts["verdict"], "warning", "{contacts}");
    for said in ["1 contact has a time zone that this version does not know", "1 contact has a language"] {
        assert!(contacts["detail"].as_str().unwrap().contains(said), "{contacts}");
    }
}
