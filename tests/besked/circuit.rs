//! Relays that fail and recover, and domains that ask for less: which delivery waits, which relay takes over, what a probe uses.

mod carried;
mod everybody;
mod limits;
mod sender;
mod streams;
mod unanswered;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use besked::config::Config;
use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::store::sending::settle;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::postfix::eventually;
use crate::relay::{Act, Relay, Step, on};

pub use sender::until;

/// A running dispatcher, until it is asked to stop.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub fn start(app: &TestApp) -> Self {
        let (dispatcher, lock) = app.app.dispatcher(None).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                dispatcher.run(stop, None).await.unwrap();
                drop(lock);
            }
        });
        Self { stop, task }
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// With another relay behind the first.
pub async fn with_second(second: &Relay) -> TestApp {
    with_second_over(second, 2).await
}

/// The same, with so many connections to each.
pub async fn with_second_over(second: &Relay, connections: u32) -> TestApp {
    TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].connections = connections;
        let mut relay = config.relays[0].clone();
        relay.name = "second".to_owned();
        relay.url = second.url().parse().unwrap();
        config.relays.push(relay);
    })
    .await
}

/// One customer with one address for each of these.
pub async fn import(app: &TestApp, addresses: impl IntoIterator<Item = String>) {
    let rows: String = addresses.into_iter().enumerate().map(|(n, to)| format!("C{n:03},Kund {n},{to}\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
}

/// Lets others work for a while, where there is nothing to wait for.
pub async fn a_while(ms: u64) {
    tokio::task::spawn_blocking(move || std::thread::park_timeout(Duration::from_millis(ms))).await.unwrap();
}

pub async fn until_accepted(app: &TestApp, id: Uuid, count: u64) {
    let are_accepted = async || app.counts(id).await.get(&State::Accepted) == Some(&count);
    sender::until(&format!("{count} are accepted"), are_accepted).await;
}

/// Accepts connections and never replies; counts them, and the most at a time.
async fn silent(listener: TcpListener, accepted: Arc<AtomicUsize>, at_once: Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        at_once.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        accepted.fetch_add(1, Ordering::SeqCst);
        let open = open.clone();
        tokio::spawn(async move {
            // Reading ends when the client hangs up.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_down_is_probed_by_one_worker_at_a_time() {
    let server = Relay::start().await;
    server.stop().await;
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].url = server.url().parse().unwrap();
        config.relays[0].connections = 8;
        config.smtp.greeting = Duration::from_millis(300);
    })
    .await;
    import(&app, (0..40).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let (accepted, at_once) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let running = Running::start(&app);
    // Down before anything listens: connections from now on are probes.
    sender::until("its circuit opens", async || sender::state(&app).await.contains("\"stage\":\"connect\"")).await;
    let listener = TcpListener::bind(server.address).await.unwrap();
    let listening = tokio::spawn(silent(listener, accepted.clone(), at_once.clone()));
    let probed = accepted.clone();
    let wait = move || eventually("it is probed", || probed.load(Ordering::SeqCst) >= 2);
    tokio::task::spawn_blocking(wait).await.unwrap();
    listening.abort();
    let _ = listening.await;
    assert_eq!(at_once.load(Ordering::SeqCst), 1, "one probe at a time, of eight workers");
    server.restart().await;
    until_accepted(&app, id, 40).await;
    running.stop().await;
    assert_eq!(server.received().len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_relay_takes_over_and_the_first_takes_back() {
    let second = Relay::start().await;
    let app = with_second(&second).await;
    app.import(CUSTOMERS).await;
    app.relay.stop().await;
    let running = Running::start(&app);
    let id = app.release(&maintenance("all = true")).await;
    until_accepted(&app, id, 2).await;
    assert_eq!((app.relay.received().len(), second.received().len()), (0, 2));
    app.relay.restart().await;
    // Each notice is an occasion for the first relay to be probed.
    for _ in 0..50 {
        let id = app.release(&maintenance("all = true")).await;
        until_accepted(&app, id, 2).await;
        if app.relay.received().len() >= 4 {
            break;
        }
    }
    let by_second = second.received().len();
    let id = app.release(&maintenance("all = true")).await;
    until_accepted(&app, id, 2).await;
    running.stop().await;
    assert!(app.relay.received().len() >= 6, "{}", app.relay.received().len());
    assert_eq!(second.received().len(), by_second, "the second one rests again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_our_sender_is_probed_with_another_delivery_each_time() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 1).await;
    import(&app, (0..6).map(|n| format!("a{n}@d{n}.example"))).await;
    app.relay.on("MAIL FROM", 5, Act::Reply("550 5.7.1 sender not allowed\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    let tried = || app.relay.commands().into_iter().filter(|line| line.starts_with("MAIL FROM"));
    eventually("three open the circuit, three more probe it", || tried().count() >= 6);
    let distinct: BTreeSet<_> = tried().take(6).collect();
    assert_eq!(distinct.len(), 6, "{distinct:?}");
    app.advance(Duration::from_secs(120));
    until_accepted(&app, id, 6).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saturated_domain_leaves_the_connections_to_the_others() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].connections = 4;
        config.limits.domain_connections = 2;
        config.dispatch.drain = Duration::from_millis(50);
    })
    .await;
    let slow = (0..10).map(|n| format!("a{n}@slow.example"));
    import(&app, slow.chain((0..20).map(|n| format!("b{n}@quick.example")))).await;
    app.relay.add(on(Step::Rcpt).when("@slow.example").times(10).act(Act::Stall));
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until_accepted(&app, id, 20).await;
    let quick = app.relay.received().iter().filter(|it| it.to.ends_with("@quick.example")).count();
    let slow = app.relay.commands().iter().filter(|line| line.contains("@slow.example")).count();
    assert!(quick == 20 && slow <= 2, "{quick} to the quick one, {slow} at a time to the slow one");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_asks_for_a_pause_gets_one_and_the_others_go_on() {
    // By one connection, so that the relay has taken nothing before the request: else it could be the relay's own.
    let change = |config: &mut Config| (config.limits.domain_connections, config.relays[0].connections) = (1, 1);
    let app = TestApp::with(Engine::Sqlite, change).await;
    let slow = (0..5).map(|n| format!("a{n}@slow.example"));
    import(&app, slow.chain((0..5).map(|n| format!("b{n}@quick.example")))).await;
    app.relay.on("RCPT TO:<a0@slow.example>", 1, Act::Reply("421 4.7.0 too much mail from you\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    let Finished::Idle(depth) = app.run_until_idle().await else { panic!("not idle") };
    let counts = [(State::Queued, 4), (State::Deferred, 1), (State::Accepted, 5)].into();
    assert_eq!((depth.due, depth.later, app.counts(id).await), (0, 5, counts));
    let next = depth.next_due.unwrap() - app.app.context.clock.now();
    assert!((24..=36).contains(&next.as_secs()), "{next}");
    app.advance(Duration::from_secs(90));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 10)].into());
    for (account, attempts) in [("C000", 2), ("C001", 1), ("C004", 1)] {
        let delivery = app.informed(account, id).await.notices[0].deliveries[0].id;
        let made = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap().len();
        assert_eq!(made, attempts, "{account}: the pause used up no attempt");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_an_alarm_that_says_what_to_do() {
    let relay = Relay::start().await;
    relay.on("AUTH", 99, Act::Reply("535 5.7.8 bad credentials for besked@relay.example\r\n"));
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let mut dispatch = shell.command(&["dispatch", "--until-idle"]);
    dispatch.env("BESKED__RELAY__0__URL", format!("smtp://besked@{}?tls=none", relay.address));
    dispatch.env("BESKED__RELAY__0__PASSWORD", "hunter2").env("BESKED_LOG", "error");
    let output = dispatch.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{err}");
    assert!(err.contains("ERROR") && err.contains("check `password_file`") && err.contains("535 5.7.8"), "{err}");
    assert!(!err.contains("hunter2") && !err.contains("besked@relay.example"), "{err}");
}
