//! A database that answers but cannot be written: monitoring and the doctor say so, whether or not there is something to send.

use std::time::Instant;

use besked::metrics::writable;
use rstest::rstest;
use sqlx::{Connection as _, Executor as _};

use super::cluster::Cluster;
use super::sqlite::{Locked, fault};
use crate::app::TestApp;
use crate::cli::Shell;
use crate::database::Engine;
use crate::metrics::openmetrics::parse;
use crate::metrics::{Running, ask, free, status, watched};
use crate::postfix::eventually;

/// A service while its database can be written, cannot be, and can be again.
fn says_so<M: FnOnce()>(
    shell: &Shell,
    parts: &str,
    told: &str,
    environment: &[(&str, String)],
    break_it: impl FnOnce() -> M,
) {
    let (own, http) = (free(), free());
    let command = |arguments: &[&str]| {
        let mut command = shell.command(arguments);
        command.env("BESKED__METRICS__LISTEN", own.to_string()).env("BESKED__HTTP__LISTEN", http.to_string());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command
    };
    let up = || parse(&ask(own, "GET", "/metrics").2)["besked_database_up"];
    let doctor = || {
        let out = command(&["doctor"]).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let serving = Running::start(command(&["serve", "--only", parts]).stderr(std::process::Stdio::null()));
    eventually("it is ready", || status(own, "/readyz") == 200 && up() == 1.0);
    assert!(doctor().contains("tables of this version, writable"), "{}", doctor());

    let mend = break_it();
    eventually("it is not ready", || {
        ask(own, "GET", "/readyz").2.contains("{\"not_ready\":[\"database\"],\"ready\":false}")
    });
    eventually("the metric says so", || up() == 0.0);
    assert_eq!(status(own, "/healthz"), 200);
    let found = doctor();
    assert!(found.contains("database FAILED") && found.contains(told) && found.contains("nothing is sent"), "{found}");
    mend();
    eventually("it is ready again", || status(own, "/readyz") == 200 && up() == 1.0);
    serving.ends();
}

#[rstest]
#[case("http")]
#[case("dispatch")]
#[test]
fn a_locked_file_is_not_ready(#[case] parts: &str) {
    let shell = Shell::new();
    let file = shell.directory.path().join("var/besked.db");
    says_so(&shell, parts, "locked by another process", &[], || {
        let locked = Locked::new(&file);
        || drop(locked)
    });
}

#[rstest]
#[case("http")]
#[case("dispatch")]
#[test]
fn a_full_disk_is_not_ready(#[case] parts: &str) {
    let shell = Shell::new();
    let (object, flag) = (fault(shell.directory.path()), shell.directory.path().join("fault"));
    let environment = [("LD_PRELOAD", object.display().to_string()), ("BESKED_TEST_FAULT", flag.display().to_string())];
    says_so(&shell, parts, "free or add disk space", &environment, || {
        std::fs::write(&flag, "full").unwrap();
        || std::fs::remove_file(&flag).unwrap()
    });
}

#[rstest]
#[case("http")]
#[case("dispatch")]
#[test]
fn a_read_only_server_is_not_ready(#[case] parts: &str) {
    let cluster = Cluster::start();
    let shell = Shell::new().database(&cluster.url());
    shell.run(&["init"]).ok();
    let server = &cluster;
    says_so(&shell, parts, "default_transaction_read_only", &[], || {
        server.read_only(true);
        || server.read_only(false)
    });
}

#[rstest]
#[case(Engine::Sqlite, "CREATE TRIGGER t AFTER UPDATE ON secrets BEGIN INSERT INTO writes VALUES (1); END")]
#[case(
    Engine::Postgres,
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO writes VALUES (1); RETURN NEW; END'; \
     CREATE TRIGGER t AFTER UPDATE ON secrets FOR EACH ROW EXECUTE FUNCTION note()"
)]
#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_asked_it_writes_once_a_second(#[case] engine: Engine, #[case] trigger: &'static str) {
    let app = TestApp::new(engine).await;
    writable::write(&app.app.context.store).await.unwrap();
    let mut other = sqlx::AnyConnection::connect(&app.app.context.config.database.url.expose()).await.unwrap();
    other.execute("CREATE TABLE writes (n BIGINT)").await.unwrap();
    for statement in trigger.split_inclusive("END'; ") {
        other.execute(statement).await.unwrap();
    }
    let (server, _draining) = watched(&app).await;
    let since = Instant::now();
    for _ in 0..40 {
        // Its answer may come too late on a busy machine.
        let _ = (status(server, "/readyz"), status(server, "/metrics"));
    }
    let written: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM writes").fetch_one(&mut other).await.unwrap();
    let most = 1 + i64::try_from(since.elapsed().as_secs()).unwrap();
    assert!((1..=most).contains(&written), "{written} of {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_dispatcher_cannot_write_nobody_else_tries() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (server, _draining) = watched(&app).await;
    app.app.metrics.writable().failed();
    assert_eq!(status(server, "/readyz"), 503);
    app.app.metrics.writable().written();
    assert_eq!(status(server, "/readyz"), 200);
}
