//! A relay that refuses our sender: for all deliveries, for the only delivery, or for one while others pass.

use std::time::Duration;

use besked::domain::delivery::State;
use besked::store::sending::{nodes, settle, waiting};
use uuid::Uuid;

use super::{Running, a_while, import, until_accepted, with_second};
use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Gate, Relay, Script, Step, on};

const REFUSED: &str = "550 5.7.1 sender not allowed\r\n";

/// Long enough for a delivery that met the relay's failure.
const VICTIM_WAIT: Duration = Duration::from_secs(11);

/// Polls until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..4800 {
        if is_so().await {
            return;
        }
        tokio::task::spawn_blocking(|| std::thread::park_timeout(Duration::from_millis(50))).await.unwrap();
    }
    panic!("waited in vain: {what}");
}

/// How often a relay was asked to accept a message from this sender for a delivery.
fn asked(relay: &Relay, delivery: Uuid) -> usize {
    let named = |line: &String| line.starts_with("MAIL") && line.contains(&delivery.to_string());
    relay.commands().iter().filter(|line| named(line)).count()
}

/// Waits until a relay was asked this often, and its reply was processed.
async fn until_asked(app: &TestApp, delivery: Uuid, times: usize) {
    until("it is asked", async || {
        let depth = waiting::depth(&mut app.app.context.store.read().await.unwrap(), None, app.app.context.clock.now())
            .await
            .unwrap();
        asked(&app.relay, delivery) == times && depth.leased == 0
    })
    .await;
}

/// What the node reports about its relays.
pub async fn state(app: &TestApp) -> String {
    let states = nodes::relay_states(&mut app.app.context.store.read().await.unwrap()).await.unwrap();
    states.into_iter().map(|it| it.state).collect()
}

async fn delivery(app: &TestApp, account: &str, notice: Uuid) -> Uuid {
    app.informed(account, notice).await.notices[0].deliveries[0].id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_delivery_that_there_is_opens_the_circuit_at_its_third_refusal() {
    let app = TestApp::new(Engine::Sqlite).await;
    import(&app, ["a@one.example".to_owned()]).await;
    let id = app.release(&maintenance("all = true")).await;
    let only = delivery(&app, "C000", id).await;
    app.relay.on("MAIL FROM", 3, Act::Reply(REFUSED));
    let running = Running::start(&app);
    for times in 1..=3 {
        until_asked(&app, only, times).await;
        if times < 3 {
            assert!(state(&app).await.contains("\"state\":\"closed\""));
            app.advance(VICTIM_WAIT);
        }
    }
    until("its circuit opens", async || state(&app).await.contains("\"stage\":\"mail\"")).await;
    app.advance(VICTIM_WAIT);
    until_accepted(&app, id, 1).await;
    running.stop().await;
    assert_eq!(settle::attempts(&mut app.app.context.store.read().await.unwrap(), only).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_is_refused_while_others_pass_comes_to_an_end() {
    let app = TestApp::with(Engine::Sqlite, |config| config.retry.give_up_after = Duration::from_secs(180)).await;
    import(&app, (0..2).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let odd = delivery(&app, "C001", id).await;
    app.relay.add(on(Step::Mail).when(&odd.to_string()).reply(REFUSED));
    let running = Running::start(&app);
    until_accepted(&app, id, 1).await;
    for times in 1..=3 {
        until_asked(&app, odd, times).await;
        let other = app.release(&maintenance("customers = [\"C000\"]")).await;
        until_accepted(&app, other, 1).await;
        if times < 3 {
            assert_eq!(app.counts(id).await[&State::Queued], 1, "not tried, as far as it is concerned");
            app.advance(VICTIM_WAIT);
        }
    }
    until("it is deferred", async || app.counts(id).await.contains_key(&State::Deferred)).await;
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), odd).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].stage.as_str()), (1, "mail"));
    app.advance(Duration::from_secs(80));
    until("it expires", async || app.counts(id).await.contains_key(&State::Expired)).await;
    until("its notice closes", async || app.notice(id).await.closed_at.is_some()).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_one_relay_refuses_goes_to_the_next_one() {
    let second = Relay::start().await;
    let app = with_second(&second).await;
    import(&app, (0..5).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let odd = delivery(&app, "C001", id).await;
    app.relay.add(on(Step::Mail).when(&odd.to_string()).reply(REFUSED));
    let running = Running::start(&app);
    // At once: neither the clock nor the schedule has to move.
    until_accepted(&app, id, 5).await;
    running.stop().await;
    assert_eq!((app.relay.received().len(), second.received().len(), asked(&app.relay, odd)), (4, 1, 1));
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), odd).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].relay.as_str()), (1, "second"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_cannot_take_does_not_show_that_it_takes_our_sender() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 1).await;
    app.relay.change(Script::default().without("SMTPUTF8").rule(on(Step::Mail).reply(REFUSED)));
    import(&app, (0..3).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until("its circuit opens", async || state(&app).await.contains("\"stage\":\"mail\"")).await;
    app.import("account_id,customer_name,email\nU,Ü,å@umlaut.example\n").await;
    let unsupported = app.release(&maintenance("customers = [\"U\"]")).await;
    until("it is rejected", async || app.counts(unsupported).await.contains_key(&State::Rejected)).await;
    assert!(!state(&app).await.contains("\"state\":\"closed\""), "nothing came past MAIL");
    running.stop().await;
    assert_eq!(app.counts(id).await, [(State::Queued, 3)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_shown_the_relay_to_be_well_is_one_like_others() {
    let gate = Gate::new();
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 1).await;
    app.relay.stop().await;
    app.import(CUSTOMERS).await;
    import(&app, (0..4).map(|n| format!("a{n}@d{n}.example"))).await;
    app.relay.change(Script::default().rule(on(Step::Dot).nth(2).after(&gate)));
    let running = Running::start(&app);
    let id = app.release(&maintenance("customers = [\"C000\", \"C001\", \"C002\", \"C003\"]")).await;
    until("its circuit opens", async || state(&app).await.contains("\"stage\":\"connect\"")).await;
    app.relay.restart().await;
    gate.reached().await;
    // For two seconds.
    loop {
        let mut conn = app.app.context.store.read().await.unwrap();
        if waiting::depth(&mut conn, Some(id), app.app.context.clock.now()).await.unwrap().leased == 2 {
            break;
        }
        drop(conn);
        a_while(5).await;
    }
    gate.open();
    until_accepted(&app, id, 4).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sender_is_logged_with_the_deliverys_id_and_no_address() {
    let relay = Relay::start().await;
    relay.on("MAIL FROM", 9, Act::Reply("550 5.7.1 <b+token@bounces.example> not allowed\r\n"));
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", "account_id,customer_name,email\nC1,Ett,a@one.example\n");
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let ran = shell.run(&["dispatch", "--until-idle"]).fails(75, &["cannot be used (mail)"]);
    let asked = relay.commands().into_iter().find(|line| line.starts_with("MAIL")).unwrap();
    let id = asked.split("ENVID=").nth(1).unwrap().split(' ').next().unwrap();
    let told: Vec<_> = ran.err.lines().filter(|line| line.contains("WARN") && line.contains(id)).collect();
    assert!(told.len() == 1 && told[0].contains("refuses us for a delivery"), "{}", ran.err);
    assert!(!ran.err.contains("a@one") && !ran.err.contains("bounces.example"), "{}", ran.err);
}
