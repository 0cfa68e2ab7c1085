//! Ended at any moment, and two at a time: no customer is forgotten, and nobody is addressed twice.

use std::collections::BTreeMap;
use std::time::Duration;

use besked::domain::category::{Category, Role};
use besked::domain::delivery::{Outcome, State};
use besked::domain::task::TaskKind;
use besked::store::escalations;
use besked::store::sending::deliveries;
use rstest::rstest;
use uuid::Uuid;

use super::escalating;
use crate::answers::breach;
use crate::app::{TestApp, alice};
use crate::audit::audit;
use crate::database::Engine;

const RULES: &str = "roles = [\"security\"]\nescalate_to = [\"service\", \"technical\"]";

/// Customers, more than one step looks at. Every third has a service contact, every fifth a technical one, some both.
const CUSTOMERS: usize = 520;

fn has(n: usize, role: Role) -> bool {
    match role {
        Role::Service => n.is_multiple_of(3),
        Role::Technical => n.is_multiple_of(5),
        _ => role == Role::Security,
    }
}

async fn app(engine: Engine) -> (TestApp, Uuid) {
    let app = escalating(engine, Category::SecurityBreach, RULES).await;
    let rows: String = (0..CUSTOMERS)
        .flat_map(|n| {
            [Role::Security, Role::Service, Role::Technical]
                .into_iter()
                .filter(move |role| has(n, *role))
                .map(move |role| format!("C{n:03},Kund {n},{role}{n}@d{n}.example,{role}\n"))
        })
        .collect();
    app.import(&format!("account_id,customer_name,email,role\n{rows}")).await;
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    (app, id)
}

/// Sends what is queued, all of which comes back, while another node has the hold on the escalations.
async fn send_only(app: &TestApp, id: Uuid) {
    let store = &app.app.context.store;
    app.app.escalation.let_go().await.unwrap();
    let mut tx = store.write().await.unwrap();
    assert!(escalations::hold(&mut tx, "another", app.app.context.clock.now()).await.unwrap());
    tx.commit().await.unwrap();
    app.run_until_idle().await;
    come_back(app, id).await;
    let mut tx = store.write().await.unwrap();
    escalations::let_go(&mut tx, "another").await.unwrap();
    tx.commit().await.unwrap();
}

/// Reports that everything that was sent came back.
async fn come_back(app: &TestApp, id: Uuid) {
    let mut conn = app.app.context.store.read().await.unwrap();
    let sent = deliveries::of_notice(&mut conn, id, 0, 5000).await.unwrap();
    drop(conn);
    for delivery in sent.into_iter().filter(|delivery| delivery.state == State::Accepted) {
        app.app.deliveries.report(&alice(), delivery.id, Outcome::Bounced, "5.1.1 no such user").await.unwrap();
    }
}

/// Each customer was addressed by every role that it has, once, and has one task.
async fn check(app: &TestApp, id: Uuid) {
    let (_, rows) = app.covered(id).await;
    assert_eq!(rows.len(), CUSTOMERS);
    for row in rows {
        let n: usize = row.account_id[1..].parse().unwrap();
        let wanted = [Role::Security, Role::Service, Role::Technical].into_iter().filter(|role| has(n, *role));
        let wanted: Vec<String> = wanted.map(|role| format!("{role}{n}@d{n}.example")).collect();
        let addressed: Vec<&str> = row.deliveries.iter().map(|it| it.email.as_str()).collect();
        assert_eq!(addressed, wanted, "{}", row.account_id);
        assert!(row.deliveries.iter().all(|it| it.state == State::Bounced), "{}", row.account_id);
    }
    let mut tasks: BTreeMap<String, usize> = BTreeMap::new();
    let mut after = None;
    loop {
        let page = besked::domain::page::PageRequest { after, limit: 500 };
        let page = app.app.tasks.list(&alice(), false, &page).await.unwrap();
        for task in page.items.into_iter().filter(|task| task.kind == TaskKind::NotInformed) {
            *tasks.entry(task.account_id.unwrap()).or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert!(tasks.len() == CUSTOMERS && tasks.values().all(|count| *count == 1), "{tasks:?}");
    assert_eq!(audit(app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_ended_at_any_moment_goes_on_where_it_was(#[case] engine: Engine) {
    let (app, id) = app(engine).await;
    let mut ended = 0;
    for _ in 0..4 {
        send_only(&app, id).await;
        // Until nothing is left: each time at another moment of the work.
        for micros in std::iter::successors(Some(500_u64), |micros| Some(micros * 4 / 3)) {
            match tokio::time::timeout(Duration::from_micros(micros), app.app.escalation.round()).await {
                Err(_) => ended += 1,
                Ok(round) => {
                    if !round.unwrap() {
                        break;
                    }
                }
            }
        }
    }
    assert!(ended > 3, "{ended} rounds were ended");
    check(&app, id).await;
}

/// Dispatchers that end with a step under way, in processes of their own: the next one waits for no hold.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_anew_goes_on_where_the_last_one_was(#[case] engine: Engine) {
    let (mut app, id) = app(engine).await;
    for micros in [2_000, 10_000, 30_000, 60_000] {
        send_only(&app, id).await;
        let _ = tokio::time::timeout(Duration::from_micros(micros), app.app.escalation.round()).await;
        app = app.restart().await;
        // One that was killed keeps its hold for a minute.
        app.advance(Duration::from_secs(61));
    }
    for _ in 0..4 {
        app.run_until_idle().await;
        come_back(&app, id).await;
    }
    app.run_until_idle().await;
    check(&app, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_address_nobody_twice() {
    let (app, id) = app(Engine::Postgres).await;
    let config = (*app.app.context.config).clone();
    let another = || async {
        let (clock, random) = (app.app.context.clock.clone(), besked::domain::random::Random::from_system());
        besked::app::App::open(config.clone(), clock, random).await.unwrap()
    };
    let (second, third) = (another().await, another().await);
    let rounds = |app: besked::app::App| async move {
        let mut worked = 0;
        for _ in 0..20 {
            // At once, whoever has the hold: the locks alone must keep them apart.
            worked += usize::from(app.escalation.round().await.unwrap());
            app.escalation.let_go().await.unwrap();
        }
        worked
    };
    let mut worked = 0;
    for _ in 0..4 {
        send_only(&app, id).await;
        let (one, two, three) = tokio::join!(rounds(app.app.clone()), rounds(second.clone()), rounds(third.clone()));
        worked += one + two + three;
    }
    assert!(worked > 0);
    check(&app, id).await;
}
