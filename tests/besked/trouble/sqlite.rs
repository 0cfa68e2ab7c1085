//! A SQLite file that another process has locked, a disk that is full, and one that fails to keep what it was given.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rstest::rstest;

use super::service::Service;
use crate::cli::Shell;
use crate::postfix::eventually;

/// Another process that has a SQLite file to itself until it is dropped.
struct Locked(Child);

impl Locked {
    fn new(file: &Path) -> Self {
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
    service.told("database is locked");
    service.rests();
    service.shell.run(&["customers", "list"]).ok();
    drop(locked);
    service.goes_on().await;
}

/// A process that does not outlive its test.
struct Mortal(Child);

impl Mortal {
    /// One that was stopped while it had the turn to write.
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
fn fault(directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/besked/trouble/fault.c");
    let object = directory.join("fault.so");
    let mut compile = Command::new("cc");
    compile.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&object).arg(source).arg("-ldl");
    assert!(compile.status().unwrap().success());
    object
}

#[rstest]
#[case("full", "disk is full")]
#[case("fsync", "disk I/O error")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_is_waited_for(#[case] failure: &str, #[case] told: &str) {
    let mut service = Service::ready(None).await;
    let (object, flag) = (fault(service.shell.directory.path()), service.shell.directory.path().join("fault"));
    service.start(|command| {
        command.env("LD_PRELOAD", &object).env("BESKED_TEST_FAULT", &flag);
    });
    service.is_sending();
    std::fs::write(&flag, failure).unwrap();
    service.told(told);
    service.rests();
    service.shell.run(&["customers", "list"]).ok();
    std::fs::remove_file(&flag).unwrap();
    service.told("can be written again");
    service.goes_on().await;
}
