//! Commits whose answer was lost: they succeeded, and the client does not know. Nothing may happen twice for it, or never.

use std::collections::BTreeMap;

use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::domain::entry::Event;
use besked::ledger::audit::Verdict;
use besked::store::proof::ledger;
use rstest::rstest;
use uuid::Uuid;

use super::proxy::Proxy;
use crate::app::{TestApp, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::relay::Act;

const CUSTOMERS: usize = 12;

/// Marks a transaction that records acceptances: a value of its rows. One that claims binds the notice's id.
const ACCEPTS: &str = "\"accepted\"";

/// Customers at one domain that accepts one delivery at a time: a slot that is not freed stops them all.
async fn behind_a_proxy() -> (TestApp, Proxy) {
    let app = TestApp::with(Engine::Postgres, |config| config.limits.domain_connections = 1).await;
    let url = app.app.context.config.database.url.expose();
    let proxy = Proxy::before(&url).await;
    let app = app.at(&proxy.url(&url)).await;
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n},Kund {n},a{n}@one.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    (app, proxy)
}

/// How often each event is in the ledger, for a notice, without what operators did.
async fn events(app: &TestApp, id: Uuid) -> BTreeMap<&'static str, usize> {
    let mut events = BTreeMap::new();
    for entry in ledger::of_notice(&mut app.app.context.store.read().await.unwrap(), id).await.unwrap() {
        if entry.event != Event::Operated {
            *events.entry(entry.event.as_str()).or_insert(0) += 1;
        }
    }
    events
}

async fn everybody_was_informed_once(app: &TestApp, id: Uuid) {
    assert_eq!(app.counts(id).await, [(State::Accepted, CUSTOMERS as u64)].into());
    assert_eq!(app.relay.received().len(), CUSTOMERS, "nobody was told twice");
    let report = audit(app).await;
    assert_eq!((report.verdict, report.problem), (Verdict::Ok, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_whose_commit_was_not_answered_come_back_untried() {
    let (app, proxy) = behind_a_proxy().await;
    let id = app.release(&maintenance("all = true")).await;
    proxy.cut_commits(3, &id.to_string(), ACCEPTS);
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert!(proxy.cut() > 0, "a claim was cut");
    everybody_was_informed_once(&app, id).await;
    assert_eq!(events(&app, id).await, [("manifest", 1), ("accepted", CUSTOMERS), ("closed", 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_whose_commit_was_not_answered_are_recorded_once() {
    let (app, proxy) = behind_a_proxy().await;
    let id = app.release(&maintenance("all = true")).await;
    proxy.cut_commits(5, ACCEPTS, "nothing");
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(proxy.cut(), 5);
    everybody_was_informed_once(&app, id).await;
    assert_eq!(events(&app, id).await, [("manifest", 1), ("accepted", CUSTOMERS), ("closed", 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn deferrals_whose_commit_was_not_answered_are_recorded_once() {
    let (app, proxy) = behind_a_proxy().await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on("RCPT", CUSTOMERS, Act::Reply("450 4.2.0 greylisted\r\n"));
    proxy.cut_commits(5, "\"deferred\"", "nothing");
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(proxy.cut(), 5);
    assert_eq!(app.counts(id).await, [(State::Deferred, CUSTOMERS as u64)].into());
    app.advance(std::time::Duration::from_secs(120));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    everybody_was_informed_once(&app, id).await;
    let wanted = [("manifest", 1), ("deferred", CUSTOMERS), ("accepted", CUSTOMERS), ("closed", 1)];
    assert_eq!(events(&app, id).await, wanted.into(), "one entry for each deferral");
}

/// A server reply must never be the reason that nothing can be recorded any more.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_no_database_takes_stops_nobody(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import("account_id,customer_name,email\nC1,Ett AB,a@one.example\nC2,Två AB,b@two.example\n").await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on("RCPT TO:<a@one.example>", 1, Act::Reply("550 5.1.1 no\0such \u{7} user\r\n"));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Rejected, 1)].into());
}

/// One outcome that the database refuses, whatever it is, must not keep all others from being recorded.
#[rstest]
#[case("accepted", State::Uncertain)]
#[case("rejected", State::Queued)]
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_recorded_stops_nobody(#[case] state: &'static str, #[case] left: State) {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 4).await;
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    if state == "rejected" {
        app.relay.on("RCPT TO:<a3@", 99, Act::Reply("550 5.7.1 no\r\n"));
    }
    let id = app.release(&maintenance("all = true")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let refuse = format!(
        "CREATE TRIGGER odd BEFORE UPDATE OF state ON deliveries WHEN NEW.email = 'a3@d3.example' AND NEW.state = '{state}'
         BEGIN SELECT RAISE(ABORT, 'odd'); END"
    );
    sqlx::query(sqlx::AssertSqlSafe(refuse)).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let finished = app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, CUSTOMERS as u64 - 1), (left, 1)].into(), "{finished:?}");
    assert!(app.relay.to("a3@d3.example").len() <= 1, "it is not sent again and again");
    match left {
        // An operator decides; nothing is left to do.
        State::Uncertain => assert!(matches!(finished, Finished::Idle(_)), "{finished:?}"),
        _ => assert!(matches!(&finished, Finished::Left(left) if left.unread == 1), "{finished:?}"),
    }
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Verdict::Ok, None));
}
