//! A SQLite file that another process has locked, a full disk, and a disk that fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::notices::Release;
use rstest::rstest;
use sqlx::{Connection as _, Executor as _};

use super::service::Service;
use crate::app::{TestApp, alice, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::kills::soaking;
use crate::postfix::eventually;
use crate::relay::{Gate, Step, on};

/// Another process that holds a SQLite file exclusively until it is dropped.
pub struct Locked(Child);

impl Locked {
    pub fn new(file: &Path) -> Self {
        let mut process = Command::new("sqlite3")
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sqlite3 is installed");
        let input = process.stdin.as_mut().unwrap();
        input.write_all(b".timeout 20000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n").unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "locked\n");
        Self(process)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Its input ends, and with it its transaction.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn database(service: &Service) -> PathBuf {
    service.shell.directory.path().join("var/besked.db")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_locked_for_longer_than_anybody_waits_is_waited_for() {
    let mut service = Service::ready(None).await;
    service.start(|_| {});
    service.is_sending();
    let locked = Locked::new(&database(&service));
    let since = Instant::now();
    service.logged("database is locked");
    service.rests();
    // A waiting writer starts again every ten seconds; the next test covers leases that expire within half a minute.
    eventually("it was locked for long", || !soaking() || since.elapsed() >= Duration::from_secs(30));
    service.shell.run(&["customers", "list"]).ok();
    drop(locked);
    service.goes_on().await;
}

/// Half a minute by the clock: earlier claims are not renewed meanwhile, and their outcomes wait.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_locked_for_longer_than_leases_last_costs_nobody_anything() {
    let app = TestApp::new(Engine::Sqlite).await;
    let rows: String = (0..6).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let id = app.release(&maintenance("all = true")).await;
    let gate = Gate::new();
    app.relay.add(on(Step::Dot).times(2).after(&gate));
    let locked = async {
        gate.reached().await;
        gate.reached().await;
        let mut other = sqlx::AnyConnection::connect(&app.app.context.config.database.url.expose()).await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        gate.open();
        app.relay.wait_for(2).await;
        app.advance(Duration::from_secs(31));
        other.execute("ROLLBACK").await.unwrap();
        other.close().await.unwrap();
    };
    let (ended, ()) = tokio::join!(app.run_until_idle(), locked);
    assert!(matches!(ended, Finished::Idle(_)));
    assert_eq!(app.counts(id).await, [(State::Accepted, 6)].into());
    assert_eq!(app.relay.received().len(), 6, "each once");
}

/// A process that does not outlive its test.
struct Mortal(Child);

impl Mortal {
    /// One that was stopped during its turn to write.
    fn frozen_in_its_turn(shell: &Shell) -> Self {
        let mut process = Command::new("flock");
        process.arg("--no-fork").arg(shell.directory.path().join("var/besked.db.writing"));
        let mut process =
            process.args(["sh", "-c", "echo mine; exec sleep 600"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "mine\n");
        assert!(Command::new("kill").args(["-STOP", &process.id().to_string()]).status().unwrap().success());
        Self(process)
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nobody_is_kept_from_ending_by_a_process_that_was_stopped_in_its_turn() {
    let shell = Shell::new();
    let _frozen = Mortal::frozen_in_its_turn(&shell);
    let add = shell.command(&["suppressions", "add", "a@x.example", "--reason", "manual"]).spawn().unwrap();
    let mut waits = Mortal(add);
    eventually("it does without its turn, and ends", || waits.0.try_wait().unwrap().is_some());
    assert!(waits.0.wait().unwrap().success());
    let listed = shell.run(&["--json", "suppressions", "list"]).ok().json();
    assert_eq!(listed["suppressions"][0]["email"].as_str(), Some("a@x.example"), "what it was for is done");
}

/// A shared object that makes a disk fail.
pub fn fault(directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/besked/trouble/fault.c");
    let object = directory.join("fault.so");
    let mut compile = Command::new("cc");
    compile.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&object).arg(source).arg("-ldl");
    assert!(compile.status().unwrap().success());
    object
}

#[rstest]
#[case("full", "disk is full")]
#[case("fsync", "the disk failed to read or write the file")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_is_waited_for(#[case] failure: &str, #[case] words: &str) {
    let mut service = Service::ready(None).await;
    let (object, flag) = (fault(service.shell.directory.path()), service.shell.directory.path().join("fault"));
    service.start(|command| {
        command.env("LD_PRELOAD", &object).env("BESKED_TEST_FAULT", &flag);
    });
    service.is_sending();
    std::fs::write(&flag, failure).unwrap();
    service.logged(words);
    service.rests();
    service.shell.run(&["customers", "list"]).ok();
    std::fs::remove_file(&flag).unwrap();
    service.logged("can be written again");
    service.goes_on().await;
}

/// Like an import that writes much. Others start again after ten seconds; a release with much work done must not abort.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_outlasts_a_process_that_locks_the_file_for_longer_than_others_wait() {
    let app = TestApp::new(Engine::Sqlite).await;
    let rows: String = (0..4_100).map(|n| format!("C{n},Kund {n},a{n}@d.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    let locked = std::sync::Mutex::new(None);
    // In the middle of its chunks.
    let progress = |_| {
        locked.lock().unwrap().get_or_insert_with(|| Locked::new(&app.database_file()));
    };
    let alice = alice();
    let released = notices.release(id, &alice, Release::default(), &progress);
    let waited = async {
        while locked.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        // A writer that waits a little longer than others do.
        let mut other = sqlx::AnyConnection::connect(&app.app.context.config.database.url.expose()).await.unwrap();
        other.execute("PRAGMA busy_timeout = 12000").await.unwrap();
        let refused = other.execute("BEGIN IMMEDIATE").await.unwrap_err();
        assert!(refused.to_string().contains("locked"), "{refused}");
        drop(locked.lock().unwrap().take());
    };
    let (released, ()) = tokio::join!(released, waited);
    assert_eq!(released.unwrap().recipients, 4_100);
}
