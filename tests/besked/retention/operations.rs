//! Who did what is forgotten too, and the record of it stays whole.

use std::time::Duration;

use besked::domain::actor::Action;
use besked::domain::category::Category;
use besked::domain::entry::{Detail, Event, Fact};
use besked::domain::preference::Reason;
use besked::domain::records::Records;
use besked::store::proof::ledger;
use rstest::rstest;

use super::{DAY, named};
use crate::app::{CUSTOMERS, NEWS, TestApp, alice};
use crate::audit::audit;
use crate::database::Engine;
use crate::privacy::put_hold;

/// The actions on no notice and no delivery of which the ledger still says who did them, in order.
async fn named_actions(app: &TestApp) -> Vec<Action> {
    let mut conn = app.app.context.store.read().await.unwrap();
    let sql =
        "SELECT entry_id FROM ledger_openings WHERE event = 'operated' AND notice_id IS NULL AND delivery_id IS NULL
                 AND person IS NOT NULL";
    let ids: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap();
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.parse().unwrap()).collect();
    let openings = ledger::find(&mut conn, &ids).await.unwrap();
    let action = |fact: &[u8]| match Fact::read(fact).unwrap().detail {
        Detail::Operated { action, .. } => action,
        other => panic!("{other:?}"),
    };
    let mut actions: Vec<Action> = openings.iter().map(|it| action(&it.fact)).collect();
    actions.sort_unstable();
    actions
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_did_what_beyond_notices_ends_by_a_period_of_its_own(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.wish("hello@two.example", Category::News, true).await;
    let suppressed = crate::app::address("service@ett.example");
    app.app.suppressions.add(&alice(), &suppressed, Reason::Dead).await.unwrap();
    let lifted = put_hold(&app, None, Some("C2")).await;
    app.app.holds.remove(&alice(), lifted, None).await.unwrap();
    app.advance(Duration::from_secs(2 * 366 * DAY));
    let hold = put_hold(&app, None, Some("C1")).await;
    app.purge(false).await;
    let all = [Action::Import, Action::OptOut, Action::Suppress, Action::Hold, Action::Hold, Action::LiftHold];
    assert_eq!(named_actions(&app).await, all, "nothing has ended yet");

    app.advance(Duration::from_secs(367 * DAY));
    // The suppressed address is a contact's of the customer under the hold.
    for dry_run in [true, false] {
        assert_eq!(app.purge(dry_run).await.records[&Records::Operations], 4, "{dry_run}");
    }
    assert_eq!(named_actions(&app).await, [Action::Suppress, Action::Hold]);
    assert!(app.purge(false).await.is_empty(), "once");
    let fact = crate::ledger::last_fact(&app, Event::Purged).await;
    assert!(matches!(fact.detail, Detail::Cleared { ref ground, .. } if ground.contains("operations")), "{fact:?}");
    assert_eq!(audit(&app).await.problem, None);

    app.advance(Duration::from_secs(3 * 366 * DAY));
    assert_eq!(
        app.purge(false).await.records[&Records::Operations],
        0,
        "all that is left is about a customer under a hold"
    );
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    assert_eq!(app.purge(false).await.records[&Records::Operations], 2);
    assert_eq!(
        named_actions(&app).await,
        [Action::LiftHold],
        "the deletions by a task have no such entry of their own"
    );
    assert_eq!(app.app.retention.run(&alice(), false).await.unwrap().records[&Records::Operations], 0);
    app.advance(Duration::from_secs(4 * 366 * DAY));
    assert_eq!(app.app.retention.run(&alice(), false).await.unwrap().records[&Records::Operations], 1);
    assert_eq!(named_actions(&app).await, [Action::Purge], "by an operator");
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test]
async fn who_did_something_to_a_notice_after_its_purge_is_forgotten_too() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(367 * DAY));
    app.purge(false).await;
    let before = named(&app, id).await;
    let hold = put_hold(&app, Some(id), None).await;
    assert_eq!(named(&app, id).await, before + 1);
    app.advance(Duration::from_secs(4 * 366 * DAY));
    app.purge(false).await;
    assert_eq!(named(&app, id).await, before + 1, "under the hold");
    app.app.holds.remove(&alice(), hold, None).await.unwrap();
    app.purge(false).await;
    assert_eq!(named(&app, id).await, 1, "the hold was lifted just now");
    assert_eq!(audit(&app).await.problem, None);
}
