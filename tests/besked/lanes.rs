//! Lanes: critical notices overtake, also when everything is busy; bulk is not starved; no domain blocks the others.

use std::time::Duration;

use besked::domain::delivery::State;
use rstest::rstest;

use crate::app::{NEWS, TestApp, maintenance};
use crate::circuit::{Running, a_while, import, until_accepted};
use crate::cli::Shell;
use crate::database::Engine;
use crate::postfix::eventually;
use crate::relay::{Gate, Received, Relay, Script, Step, on};

/// A notice in the critical lane to one customer.
pub fn disruption(account: &str) -> String {
    format!(
        "+++\ncategory = \"disruption\"\n[audience]\ncustomers = [\"{account}\"]\n[fields]\nservices = [\"Compute\"]\n\
         started_at = 2026-11-24T09:00:00+01:00\nimpact = \"Instances are not reachable.\"\nstatus = \"investigating\"\n\
         next_update_at = 2026-11-24T12:00:00+01:00\n+++\n"
    )
}

/// The categories of what a relay has received, in the order in which it came.
pub fn categories(relay: &Relay) -> Vec<String> {
    relay.received().iter().map(|mail| mail.header("X-Besked-Category").unwrap()).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_released_last_goes_first_where_its_lane_does_and_bulk_keeps_its_floor(#[case] engine: Engine) {
    let app = TestApp::with(engine, |config| config.relays[0].connections = 1).await;
    import(&app, (0..40).map(|n| format!("a{n}@d{n}.example"))).await;
    app.release(NEWS).await;
    app.release(&maintenance("all = true")).await;
    app.release(&disruption("C007")).await;
    app.run_until_idle().await;

    let order = categories(&app.relay);
    assert_eq!(order.len(), 81);
    assert_eq!(order[0], "disruption", "{order:?}");
    let last_normal = order.iter().rposition(|category| category == "maintenance").unwrap();
    let bulk_before = order[..last_normal].iter().filter(|category| *category == "news").count();
    assert!((3..=5).contains(&bulk_before), "one place in ten is for bulk: {order:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_does_not_wait_for_connections_that_are_stuck() {
    let gate = Gate::new();
    let stuck = Script::default().rule(on(Step::Dot).when("@stuck.example").after(&gate));
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 4).await;
    app.relay.change(stuck);
    import(&app, (0..9).map(|n| format!("a{n}@stuck.example")).chain(["b@well.example".to_owned()])).await;
    let bulk = app.release(NEWS).await;
    let running = Running::start(&app);
    for _ in 0..3 {
        gate.reached().await;
    }
    let critical = app.release(&disruption("C009")).await;
    until_accepted(&app, critical, 1).await;
    assert_eq!(categories(&app.relay), ["disruption"], "three connections are stuck, the fourth was kept for this");
    gate.open();
    until_accepted(&app, bulk, 10).await;
    running.stop().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn however_much_waits_to_a_domain_at_its_limit_the_others_are_found(#[case] engine: Engine) {
    let gate = Gate::new();
    let app = TestApp::with(engine, |config| {
        config.relays[0].connections = 3;
        config.limits.domain_connections = 1;
        config.dispatch.drain = Duration::from_millis(50);
    })
    .await;
    app.relay.change(Script::default().rule(on(Step::Dot).when("@slow.example").after(&gate)));
    // More than a claim reads, and all of it before the others.
    let slow = (0..700).map(|n| format!("a{n}@slow.example"));
    import(&app, slow.chain((0..6).map(|n| format!("b{n}@quick{n}.example")))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until_accepted(&app, id, 6).await;
    assert!(app.relay.received().iter().all(|mail| mail.to.contains("@quick")));
    running.stop().await;
    assert_eq!(app.counts(id).await[&State::Accepted], 6);
}

/// Its older deliveries do not wait until all others are sent.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_can_take_some_again_gets_what_was_set_aside_before_what_stands_in_front(#[case] engine: Engine) {
    let gate = Gate::new();
    let app = TestApp::with(engine, |config| {
        config.relays[0].connections = 2;
        config.limits.domain_connections = 1;
    })
    .await;
    // The quick ones stop when both are under way, until one of the slow ones has passed.
    let quick = Gate::new();
    let slowly = on(Step::Dot).when("@slow.example").after(&gate);
    app.relay.change(Script::default().rule(slowly).rule(on(Step::Dot).when("@quick20.example").after(&quick)));
    let slow = (0..400).map(|n| format!("a{n}@slow.example"));
    import(&app, slow.chain((0..400).map(|n| format!("b{n}@quick{n}.example")))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    gate.reached().await;
    quick.reached().await;
    gate.open();
    let is_slow = |mail: &Received| mail.to.ends_with("@slow.example");
    eventually("one of the slow ones is accepted", || app.relay.received().iter().any(is_slow));
    quick.open();
    until_accepted(&app, id, 800).await;
    running.stop().await;
    let order: Vec<String> = app.relay.received().iter().map(|mail| mail.to.clone()).collect();
    let slow: Vec<_> = (0..).zip(&order).filter(|(_, to)| to.contains("@slow")).collect();
    let last_quick = order.iter().rposition(|to| to.contains("@quick")).unwrap();
    assert!(slow[20].0 < last_quick, "they go side by side: {} of {last_quick}", slow[20].0);
    let numbers: Vec<u32> = slow.iter().map(|(_, to)| to[1..to.find('@').unwrap()].parse().unwrap()).collect();
    assert!(numbers.is_sorted(), "the oldest first: {numbers:?}");
}

/// Commits of the recorder so far.
async fn commits(app: &TestApp) -> f64 {
    let text = app.app.metrics.scrape(&app.app.context.store, &app.app.context.clock).await;
    let count = text.lines().find_map(|line| line.strip_prefix("besked_recorder_commit_duration_seconds_count "));
    count.unwrap_or("0").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_slot_of_its_domain_keeps_nobody_busy() {
    let gate = Gate::new();
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].connections = 8;
        config.limits.domain_connections = 2;
    })
    .await;
    app.relay.change(Script::default().rule(on(Step::Dot).after(&gate)));
    import(&app, (0..50).map(|n| format!("a{n}@slow.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    eventually("both slots are taken", || app.relay.commands().iter().filter(|line| *line == "DATA").count() == 2);
    // The first claims may still be returned.
    let mut before = commits(&app).await;
    loop {
        a_while(200).await;
        let now = commits(&app).await;
        if std::mem::replace(&mut before, now) == now {
            break;
        }
    }
    a_while(2000).await;
    let made = commits(&app).await - before;
    assert!(made < 20.0, "{made} commits in two seconds, and there was nothing to do");
    gate.open();
    until_accepted(&app, id, 50).await;
    running.stop().await;
}

/// The statements of a dispatcher that sends a notice to 60 customers beside `open` notices of which nothing is due.
async fn statements_beside(open: usize) -> usize {
    let relay = Relay::start().await;
    relay.add(on(Step::Rcpt).when("@full.example").reply("452 4.2.2 mailbox full\r\n"));
    let shell = Shell::new().relay(relay.address.port());
    let rows: String = (0..60).map(|n| format!("C{n:03},Kund {n},a{n}@d{n}.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\nF,Full,a@full.example\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("full.md", &maintenance("customers = [\"F\"]"));
    for _ in 0..open {
        shell.run(&["notice", "send", "full.md", "--yes"]).ok();
    }
    shell.run(&["dispatch", "--until-idle"]).ok();
    let all: Vec<_> = (0..60).map(|n| format!("\"C{n:03}\"")).collect();
    shell.write("notice.md", &maintenance(&format!("customers = [{}]", all.join(", "))));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let mut dispatch = shell.command(&["dispatch", "--until-idle"]);
    let ran = dispatch.env("BESKED_LOG", "sqlx::query=debug").env("BESKED_LOG_FORMAT", "json").output().unwrap();
    assert!(ran.status.success() && relay.received().len() == 60, "{}", relay.received().len());
    String::from_utf8_lossy(&ran.stderr).lines().filter(|line| line.contains("sqlx::query")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_notices_of_which_nothing_is_due_cost_the_others_nothing() {
    let (few, many) = (statements_beside(1).await, statements_beside(30).await);
    assert!(many < few + few / 2 + 30, "{few} statements beside one such notice, {many} beside thirty");
}

#[rstest]
#[case::released_by_a_clock_ahead(600_000, 600_000)]
#[case::after_the_clock_was_set_back(0, 86_400_000)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_another_clock(#[case] released_ahead: i64, #[case] due_ahead: i64) {
    let app = TestApp::new(Engine::Sqlite).await;
    import(&app, (0..3).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("UPDATE notices SET released_at = released_at + $1")
        .bind(released_ahead)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("UPDATE queue SET due_at = due_at + $1").bind(due_ahead).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 3)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_dispatcher_finds_later_what_would_wait_too_long() {
    let app = TestApp::new(Engine::Sqlite).await;
    import(&app, (0..3).map(|n| format!("a{n}@d{n}.example"))).await;
    let first = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until_accepted(&app, first, 3).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let ahead = "CREATE TRIGGER ahead AFTER INSERT ON queue
                 BEGIN UPDATE queue SET due_at = due_at + 86400000 WHERE delivery_id = NEW.delivery_id; END";
    sqlx::query(ahead).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let id = app.release(&maintenance("all = true")).await;
    app.advance(Duration::from_secs(10));
    until_accepted(&app, id, 3).await;
    running.stop().await;
}
