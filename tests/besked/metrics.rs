//! Monitoring: numbers that are exactly right, health, readiness, and logs that name nobody.

pub mod openmetrics;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use besked::domain::delivery::State;
use besked::http::observe;
use besked::http::serve::{Limits, serve};
use besked::store::sending::leases;
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::circuit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::lanes::disruption;
use crate::postfix::{eventually, free_port};
use crate::relay::{Act, Gate, Relay, Script, Step, on};
use openmetrics::{Numbers, parse};

/// Sends a request; returns the status (0 if nobody answers), the head and the body.
pub fn ask(server: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(server)?;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    // A server that ends closes connections without an answer.
    let answer = asked().unwrap_or_default();
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return (0, String::new(), String::new()) };
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), body.to_owned())
}

pub fn status(server: SocketAddr, path: &str) -> u16 {
    ask(server, "GET", path).0
}

/// A server of the monitoring endpoints of an app, and its token for draining.
pub async fn watched(app: &TestApp) -> (SocketAddr, CancellationToken) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, draining) = (listener.local_addr().unwrap(), CancellationToken::new());
    let (routes, stop) = (observe::routes(app.app.clone(), draining.clone()), draining.clone());
    tokio::spawn(async move { serve(listener, routes, Limits::default(), &stop, &CancellationToken::new()).await });
    (address, draining)
}

/// A scrape once the earlier collection is no longer fresh.
async fn scraped(app: &TestApp) -> Numbers {
    app.advance(Duration::from_secs(60));
    parse(&app.app.metrics.scrape(&app.app.context.store, &app.app.context.clock).await)
}

/// A scrape for which the database answered in time, which it may not on a busy machine.
pub async fn numbers(app: &TestApp) -> Numbers {
    loop {
        let numbers = scraped(app).await;
        if numbers["besked_database_up"] == 1.0 {
            return numbers;
        }
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn after_a_known_send_the_numbers_are_exactly_right(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let rows: String = (0..5).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    app.release(&maintenance("all = true")).await;
    let before = numbers(&app).await;
    assert_eq!(before["besked_queue_deliveries{lane=\"normal\"}"], 5.0);
    assert_eq!(before["besked_queue_deliveries{lane=\"bulk\"}"], 0.0);
    assert_eq!(before["besked_queue_oldest_age_seconds{lane=\"normal\"}"], 60.0);
    assert_eq!(before["besked_queue_oldest_age_seconds{lane=\"critical\"}"], 0.0);
    assert_eq!((before["besked_ledger_pending_entries"], before["besked_ledger_seal_lag_seconds"]), (5.0, 60.0));
    assert_eq!((before["besked_ledger_entries"], before["besked_database_up"]), (0.0, 1.0));

    app.relay.on("RCPT TO:<a1@d1.example>", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    app.relay.on("RCPT TO:<a2@d2.example>", 1, Act::Reply("450 4.2.0 later\r\n"));
    app.run_until_idle().await;
    let after = numbers(&app).await;
    let outcome = |outcome: &str| {
        let labels = format!("relay=\"primary\",class=\"mandatory\",lane=\"normal\",outcome=\"{outcome}\"");
        after.get(&format!("besked_outcomes_total{{{labels}}}")).copied()
    };
    assert_eq!((outcome("accepted"), outcome("rejected"), outcome("deferred")), (Some(3.0), Some(1.0), Some(1.0)));
    assert_eq!(after.keys().filter(|name| name.starts_with("besked_outcomes")).count(), 3);
    let steps =
        |step: &str| after[&format!("besked_smtp_step_duration_seconds_count{{relay=\"primary\",step=\"{step}\"}}")];
    assert_eq!((steps("rcpt"), steps("data"), steps("body"), steps("dot")), (5.0, 5.0, 3.0, 3.0));
    assert_eq!((steps("connect"), steps("auth")), (app.relay.connections() as f64, 0.0));
    assert_eq!(after["besked_relay_connections{relay=\"primary\"}"], 0.0);
    assert_eq!(after["besked_relay_circuit_state{relay=\"primary\"}"], 0.0);
    assert_eq!(after["besked_queue_deliveries{lane=\"normal\"}"], 1.0);
    // The import and three steps, the manifest and five outcomes, all of them sealed.
    assert_eq!((after["besked_ledger_entries"], after["besked_ledger_pending_entries"]), (10.0, 0.0));
    assert_eq!(after["besked_ledger_seal_lag_seconds"], 0.0);
    let (commits, settled) =
        (after["besked_recorder_commit_duration_seconds_count"], after["besked_recorder_group_size_sum"]);
    assert!(commits >= 1.0 && after["besked_recorder_group_size_count"] == commits && settled >= 5.0);
    assert_eq!(after["besked_recorder_commit_failures_total"], 0.0);
    assert_eq!(after[&format!("besked_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))], 1.0);
    for name in after.keys() {
        assert!(!name.contains(".example") && !name.contains("Kund") && !name.contains("C1"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uncertain_deliveries_are_counted_by_who_resolves_them() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let doubts =
        |numbers: &Numbers, awaits: &str| numbers[&format!("besked_deliveries_uncertain{{awaits=\"{awaits}\"}}")];
    app.relay.on(". ", 3, Act::TakeAndClose);
    app.release(NEWS).await;
    app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    let found = numbers(&app).await;
    assert_eq!((doubts(&found, "operator"), doubts(&found, "retry")), (2.0, 1.0));
    let labels = "relay=\"primary\",class=\"optional\",lane=\"bulk\",outcome=\"uncertain\"";
    assert_eq!(found[&format!("besked_outcomes_total{{{labels}}}")], 2.0);
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(doubts(&numbers(&app).await, "retry"), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_relay_has_an_open_circuit() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.stop().await;
    app.run_until_idle().await;
    let found = numbers(&app).await;
    assert_eq!(found["besked_relay_circuit_state{relay=\"primary\"}"], 2.0);
    assert!(found["besked_smtp_step_duration_seconds_count{relay=\"primary\",step=\"connect\"}"] >= 3.0);
    assert_eq!(app.counts(id).await, [(State::Queued, 2)].into());
    app.relay.restart().await;
    app.run_until_idle().await;
    assert_eq!(numbers(&app).await["besked_relay_circuit_state{relay=\"primary\"}"], 0.0);
}

/// As `besked relays` shows it: a pause ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_circuit_whose_pause_is_over_is_half_open() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.relay.stop().await;
    let id = app.release(&maintenance("all = true")).await;
    let running = circuit::Running::start(&app);
    let mut seen = Vec::new();
    for _ in 0..600 {
        let now = numbers(&app).await["besked_relay_circuit_state{relay=\"primary\"}"];
        if seen.last() != Some(&now) {
            seen.push(now);
            if now == 2.0 {
                // With nothing due there is no probe.
                app.app.notices.cancel(id, &alice(), None).await.unwrap();
            }
        }
        // One that was closed again before a scrape saw it open was not cancelled yet, and opens again.
        if seen.ends_with(&[2.0, 1.0]) {
            break;
        }
        tokio::task::spawn_blocking(|| std::thread::park_timeout(Duration::from_millis(20))).await.unwrap();
    }
    running.stop().await;
    assert!(seen.ends_with(&[2.0, 1.0]), "open, then half-open with nothing due: {seen:?}");
}

/// A fenced-off outcome is not recorded, and not counted.
#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_comes_too_late_is_not_counted() {
    let gate = Gate::new();
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.relay.change(Script::default().rule(on(Step::Dot).times(1).after(&gate).reply("550 5.7.1 no\r\n")));
    app.release(&maintenance("customers = [\"C2\"]")).await;
    let told = Arc::new(AtomicUsize::new(0));
    let observer = told.clone();
    let (dispatcher, lock) = app
        .app
        .dispatcher(Some(Arc::new(move |_| {
            observer.fetch_add(1, Ordering::SeqCst);
        })))
        .unwrap();
    let stop = CancellationToken::new();
    let run = dispatcher.run(stop.clone(), None);
    let taken_over = async {
        gate.reached().await;
        let mut tx = app.app.context.store.write().await.unwrap();
        assert_eq!(
            leases::take_over(&mut tx, ("another", app.app.context.clock.now()), true, &[], 9).await.unwrap().len(),
            1
        );
        tx.commit().await.unwrap();
        gate.open();
        stop.cancel();
    };
    let (ran, ()) = tokio::join!(run, taken_over);
    ran.unwrap();
    drop(lock);
    assert_eq!(told.load(Ordering::SeqCst), 0);
    assert!(!numbers(&app).await.keys().any(|name| name.starts_with("besked_outcomes")));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_other_metrics_are_still_served(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    let (server, draining) = watched(&app).await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        // A busy machine may need longer than the database has.
        eventually("the database answers in time", || status(server, path) == 200);
        let (status, head, body) = ask(server, "GET", path);
        assert!(status == 200 && head.contains("cache-control: no-store"), "{path}: {head}");
        let (status, same, nothing) = ask(server, "HEAD", path);
        assert_eq!((status, nothing.as_str()), (200, ""), "{path}");
        assert!(same.contains(&format!("content-length: {}", body.len())), "{path}: {same}");
    }
    let (_, head, _) = ask(server, "GET", "/metrics");
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");

    app.app.context.store.close().await;
    let found = scraped(&app).await;
    assert_eq!(found["besked_database_up"], 0.0);
    assert_eq!(found["besked_queue_deliveries{lane=\"normal\"}"], 2.0, "as it was known last");
    assert_eq!(found["besked_queue_oldest_age_seconds{lane=\"normal\"}"], 60.0, "and older by now");
    let (status, _, body) = ask(server, "GET", "/readyz");
    assert_eq!((status, body.as_str()), (503, "{\"not_ready\":[\"database\"],\"ready\":false}\n"));
    assert_eq!(ask(server, "GET", "/healthz").0, 200, "to end the process would not help");
    draining.cancel();
    assert!(ask(server, "GET", "/readyz").2.contains("[\"draining\",\"database\"]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_tables_is_not_ready() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (server, draining) = watched(&app).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("DELETE FROM _sqlx_migrations").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let expected = (503, "{\"not_ready\":[\"migrations\"],\"ready\":false}\n".to_owned());
    let ready = || Some(ask(server, "GET", "/readyz")).map(|(status, _, body)| (status, body)).unwrap();
    eventually("the database answers in time", || ready() == expected);
    draining.cancel();
    assert!(ask(server, "GET", "/readyz").2.contains("\"draining\""));
}

/// A port without a listener.
pub fn free() -> SocketAddr {
    ([127, 0, 0, 1], free_port()).into()
}

/// The ports that a process listens on, as the kernel reports them.
fn listens(process: &Running) -> Vec<u16> {
    let root = format!("/proc/{}", process.0.id());
    let Ok(files) = std::fs::read_dir(format!("{root}/fd")) else { return Vec::new() };
    let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    let sockets: Vec<String> = links.map(|link| link.display().to_string()).collect();
    let tables = ["tcp", "tcp6"].map(|table| std::fs::read_to_string(format!("{root}/net/{table}")).unwrap());
    let rows = tables.iter().flat_map(|table| table.lines().skip(1));
    rows.filter_map(|row| {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let ours = fields[3] == "0A" && sockets.contains(&format!("socket:[{}]", fields[9]));
        ours.then(|| u16::from_str_radix(fields[1].rsplit(':').next().unwrap(), 16).unwrap())
    })
    .collect()
}

/// A process that does not outlive its test.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    fn terminate(&self) {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
    }

    #[track_caller]
    pub fn ends(mut self) {
        self.terminate();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nothing_listens_without_http_unless_configured() {
    let shell = Shell::new();
    let lock = shell.directory.path().join("var/besked.db.dispatcher");
    let runs = || lock.exists() && shell.run(&["dispatch", "--until-idle"]).code == 75;
    let silent = Running::start(&mut shell.command(&["serve", "--only", "dispatch"]));
    eventually("it serves", runs);
    assert_eq!(listens(&silent), [0; 0]);
    silent.ends();

    for arguments in [["serve", "--only", "dispatch"].as_slice(), &["dispatch"]] {
        let own = free();
        let mut command = shell.command(arguments);
        let watched = Running::start(command.env("BESKED__METRICS__LISTEN", own.to_string()));
        eventually("it is ready", || status(own, "/readyz") == 200);
        assert_eq!(listens(&watched), [own.port()], "{arguments:?}");
        assert_eq!(status(own, "/u/x"), 404);
        watched.ends();
    }
}

#[test]
fn metrics_are_never_for_the_public() {
    let shell = Shell::new();
    let (http, own) = (free(), free());
    let serve = |metrics: Option<SocketAddr>| {
        let mut command = shell.command(&["serve"]);
        command.env("BESKED__HTTP__LISTEN", http.to_string());
        command.envs(metrics.map(|listen| ("BESKED__METRICS__LISTEN", listen.to_string())));
        Running::start(&mut command)
    };
    let one = serve(None);
    eventually("it is ready", || status(http, "/readyz") == 200);
    assert_eq!([status(http, "/healthz"), status(http, "/metrics"), status(http, "/u/x")], [200, 404, 404]);
    assert!(ask(http, "GET", "/x").1.contains("x-frame-options: deny"));
    one.ends();
    let two = serve(Some(own));
    eventually("it is ready", || status(own, "/readyz") == 200 && status(http, "/u/x") == 404);
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!((status(http, path), status(own, path)), (404, 200), "{path}");
    }
    two.ends();
    let same = shell.command(&["serve"]).env("BESKED__METRICS__LISTEN", "127.0.0.1:8080").output().unwrap();
    assert_eq!(same.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&same.stderr).contains("`metrics.listen` is `http.listen`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_node_reports_it_until_it_ends() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    relay.on("RCPT", 1, Act::Stall);
    let (http, own) = (free(), free());
    let mut serve = shell.command(&["serve"]);
    serve
        .env("BESKED__METRICS__LISTEN", own.to_string())
        .env("BESKED__HTTP__LISTEN", http.to_string())
        .env("BESKED__DISPATCH__DRAIN", "240s");
    let mut serving = Running::start(&mut serve);
    relay.stalled().await;
    eventually("it is ready", || status(own, "/readyz") == 200);
    let in_use = || parse(&ask(own, "GET", "/metrics").2)["besked_relay_connections{relay=\"primary\"}"];
    assert_eq!(in_use(), 1.0);
    serving.terminate();
    eventually("it drains", || ask(own, "GET", "/readyz").2.contains("\"draining\""));
    assert_eq!(status(own, "/healthz"), 200);
    relay.stop().await;
    assert!(serving.0.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_being_opened_counts_everywhere() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    relay.on("EHLO", 1, Act::Stall);
    let (http, own) = (free(), free());
    let mut serve = shell.command(&["serve"]);
    serve.env("BESKED__METRICS__LISTEN", own.to_string()).env("BESKED__HTTP__LISTEN", http.to_string());
    let serving = Running::start(&mut serve);
    relay.stalled().await;
    eventually("it is ready", || status(own, "/readyz") == 200);
    assert_eq!(parse(&ask(own, "GET", "/metrics").2)["besked_relay_connections{relay=\"primary\"}"], 1.0);
    let counted = || shell.run(&["--json", "relays"]).ok().json()["relays"][0]["nodes"][0]["connections"].as_u64();
    eventually("the node has counted it", || counted() == Some(1));
    serving.ends();
}

#[rstest]
#[case("text")]
#[case("json")]
#[tokio::test(flavor = "multi_thread")]
async fn logs_tell_what_happens_and_name_nobody(#[case] format: &str) {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    shell.write("news.md", NEWS);
    let config = std::fs::read_to_string(shell.directory.path().join("config/besked.toml")).unwrap();
    let own = format!("level = \"info\"\nformat = \"{format}\"\n");
    let config = config.replace("level = \"warn\"  #", &format!("{own}#")).replace("format = \"text\" #", "#");
    shell.write("config/besked.toml", &config);
    relay.on(
        "RCPT TO:<hello@two.example>",
        1,
        Act::Reply("550 5.1.1 <hello@two.example> Carol of Two Ltd is gone\r\n"),
    );
    relay.on(". service@ett.example", 1, Act::TakeAndClose);
    let sent = shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]);
    assert_eq!(sent.code, 1, "one is refused");
    let mut said = sent.err;
    let news = shell.run(&["notice", "send", "news.md", "--wait", "--yes"]);
    assert_eq!(news.code, 1, "one is uncertain");
    said += &news.err;
    relay.on("EHLO", 1, Act::Reply("421 4.7.0 hello@two.example is not welcome\r\n"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    said += &shell.run(&["dispatch", "--until-idle"]).ok().err;

    let lines: Vec<&str> = said.lines().filter(|line| line.contains("INFO") || line.contains("WARN")).collect();
    assert!(
        lines.iter().any(|line| line.contains("closed: every delivery has its outcome") && line.contains("notice"))
    );
    assert!(lines.iter().any(|line| line.contains("relay is down: 421 4.7.0 (address) is not welcome")), "{said}");
    assert!(lines.iter().any(|line| line.contains("relay is healthy again") && line.contains("primary")), "{said}");
    for line in &lines {
        let json: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert_eq!(json.is_ok(), format == "json", "{line}");
        for personal in ["@", "two.example", "ett.example", "Carol", "Anna", "Two Ltd", "Ett AB", "\"C1\"", "C2"] {
            assert!(!line.contains(personal), "{personal} is in: {line}");
        }
    }
}

/// A delivery that is put off is due later each time: only the age since its release shows that nobody gets it.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_lone_critical_delivery_that_is_refused_again_and_again_is_seen(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.add(on(Step::Mail).reply("550 5.7.1 sender not allowed\r\n"));
    let id = app.release(&disruption("C2")).await;
    for minutes in 1..=20 {
        app.run_until_idle().await;
        let found = numbers(&app).await;
        let age = |name: &str| found[&format!("besked_queue_oldest_{name}_seconds{{lane=\"critical\"}}")];
        assert_eq!(age("release_age"), f64::from(minutes) * 60.0);
        assert!(age("age") <= 60.0, "{minutes}: its due time moves ahead");
    }
    assert_eq!(app.counts(id).await, [(State::Queued, 1)].into());
    app.relay.change(Script::default());
    app.run_until_idle().await;
    assert_eq!(numbers(&app).await["besked_queue_oldest_release_age_seconds{lane=\"critical\"}"], 0.0);
}
