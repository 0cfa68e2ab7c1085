//! A Maildir that is watched, and files of each kind that are read by hand.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use besked::domain::inbound::Route;
use besked::inbound::maildir::drain;
use rstest::rstest;

use super::refused::{refuse, refuse_no_more};
use super::{bounce, listed};
use crate::app::TestApp;
use crate::cli::{Shell, ran};
use crate::database::Engine;
use crate::postfix::eventually;

fn maildir(path: &Path) {
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(path.join(part)).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_new_is_stored_and_then_moved_and_a_kill_in_between_stores_nothing_twice() {
    let app = TestApp::new(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    maildir(folder.path());
    for number in 0..120 {
        fs::write(folder.path().join(format!("new/{number:03}.x")), bounce(number)).unwrap();
    }
    fs::write(folder.path().join("tmp/half"), "Subject: ha").unwrap();
    let mut found = Vec::new();
    while let count @ 1.. = drain(&app.app.inbound, folder.path()).await.unwrap() {
        found.push(count);
    }
    assert_eq!(found, [50, 50, 20]);
    assert_eq!((names(&folder.path().join("new")).len(), names(&folder.path().join("cur")).len()), (0, 120));
    assert!(names(&folder.path().join("cur")).iter().all(|name| name.ends_with(":2,S")));
    assert_eq!(names(&folder.path().join("tmp")), ["half"]);
    let stored = listed(&app).await;
    assert!(stored.len() == 120 && stored.iter().all(|it| it.route == Route::Maildir));
    // As after a kill between commit and rename: it is there again.
    fs::rename(folder.path().join("cur/007.x:2,S"), folder.path().join("new/007.x")).unwrap();
    assert_eq!(drain(&app.app.inbound, folder.path()).await.unwrap(), 1);
    assert_eq!((listed(&app).await.len(), names(&folder.path().join("cur")).len()), (120, 120));
    // A folder that cannot be written stores nothing twice either, and says so.
    fs::write(folder.path().join("new/200.x"), bounce(200)).unwrap();
    fs::remove_dir_all(folder.path().join("cur")).unwrap();
    for _ in 0..2 {
        assert!(drain(&app.app.inbound, folder.path()).await.is_err());
    }
    assert_eq!(listed(&app).await.len(), 121);
}

#[tokio::test]
async fn what_cannot_be_read_stays_and_keeps_out_no_other() {
    let app = TestApp::new(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    maildir(folder.path());
    let new = folder.path().join("new");
    for number in 0..60 {
        std::os::unix::fs::symlink(new.join(format!("0.{number}")), new.join(format!("0.{number}"))).unwrap();
    }
    fs::create_dir(new.join("1.folder")).unwrap();
    fs::write(new.join(".hidden"), bounce(1)).unwrap();
    fs::write(new.join("2.x"), bounce(2)).unwrap();
    assert_eq!(drain(&app.app.inbound, folder.path()).await.unwrap(), 1);
    assert_eq!((listed(&app).await.len(), names(&folder.path().join("cur"))), (1, vec!["2.x:2,S".to_owned()]));
    let error = drain(&app.app.inbound, folder.path()).await.unwrap_err().to_string();
    assert!(error.contains("0.0") && error.contains("stays where it is"), "{error}");
    assert_eq!(names(&new).len(), 62);
}

#[tokio::test]
async fn what_cannot_be_moved_keeps_out_no_other() {
    let app = TestApp::new(Engine::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    maildir(folder.path());
    for number in 0..60 {
        fs::write(folder.path().join(format!("new/0.{number}")), bounce(number)).unwrap();
        fs::create_dir(folder.path().join(format!("cur/0.{number}:2,S"))).unwrap();
    }
    fs::write(folder.path().join("new/1.x"), bounce(60)).unwrap();
    assert_eq!(drain(&app.app.inbound, folder.path()).await.unwrap(), 1);
    assert!(folder.path().join("cur/1.x:2,S").exists());
    let error = drain(&app.app.inbound, folder.path()).await.unwrap_err().to_string();
    assert!(error.contains("0.0") && error.contains("cannot be moved"), "{error}");
    assert_eq!((listed(&app).await.len(), names(&folder.path().join("new")).len()), (61, 60));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_the_database_refuses_keeps_out_no_other(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let folder = tempfile::tempdir().unwrap();
    maildir(folder.path());
    let odd = bounce(0) + &"x".repeat(1000);
    fs::write(folder.path().join("new/0.x"), &odd).unwrap();
    for number in 1..60 {
        fs::write(folder.path().join(format!("new/{number}.x")), bounce(number)).unwrap();
    }
    refuse(&app, engine, "inbound", &format!("NEW.size >= {}", odd.len())).await;
    let mut moved = 0;
    let error = loop {
        match drain(&app.app.inbound, folder.path()).await {
            Ok(0) => panic!("what is left is not mentioned"),
            Ok(count) => moved += count,
            Err(error) => break error.to_string(),
        }
    };
    assert!(error.contains("0.x") && error.contains("cannot be stored"), "{error}");
    assert_eq!((moved, listed(&app).await.len(), names(&folder.path().join("new"))), (59, 59, vec!["0.x".to_owned()]));
    refuse_no_more(&app, engine, "inbound").await;
    assert_eq!(drain(&app.app.inbound, folder.path()).await.unwrap(), 1);
    assert_eq!((listed(&app).await.len(), names(&folder.path().join("new")).len()), (60, 0));
}

#[test]
fn the_service_watches_it() {
    let shell = Shell::new().env("BESKED__INBOUND__MAILDIR__PATH", "mail");
    let folder = shell.directory.path().join("mail");
    maildir(&folder);
    let mut serve = shell.command(&["serve", "--only", "inbound"]).spawn().unwrap();
    fs::write(folder.join("tmp/1"), bounce(1)).unwrap();
    fs::rename(folder.join("tmp/1"), folder.join("new/1")).unwrap();
    eventually("it is moved", || names(&folder.join("cur")) == ["1:2,S"]);
    std::process::Command::new("kill").arg(serve.id().to_string()).status().unwrap();
    assert!(serve.wait().unwrap().success());
    let listed = shell.run(&["--json", "inbound", "list"]).ok().json();
    assert_eq!((&listed["inbound"][0]["route"], listed["inbound"].as_array().unwrap().len()), (&"maildir".into(), 1));
}

#[test]
fn files_of_each_kind_are_read_and_no_message_twice() {
    let shell = Shell::new();
    let root = shell.directory.path();
    shell.write("one.eml", &bounce(1));
    let mbox: String =
        (2..5).map(|number| format!("From MAILER-DAEMON Mon Nov 23 10:00:00 2026\n{}\n", bounce(number))).collect();
    shell.write("three.mbox", &mbox);
    maildir(&root.join("box"));
    fs::write(root.join("box/new/1"), bounce(5)).unwrap();
    fs::write(root.join("box/cur/2:2,S"), bounce(6)).unwrap();
    fs::write(root.join("box").join("tmp").join("3"), "half").unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("folder/a.eml"), bounce(7)).unwrap();
    fs::write(root.join("folder/B.EML"), bounce(1)).unwrap();
    fs::write(root.join("folder/notes.txt"), "no mail").unwrap();
    let all = ["--json", "inbound", "read", "one.eml", "three.mbox", "box", "folder"];
    let read = shell.run(&all).ok().json();
    assert_eq!((read["stored"].as_u64(), read["already"].as_u64()), (Some(7), Some(1)), "{read}");
    let again = shell.run(&all).ok().json();
    assert_eq!((again["stored"].as_u64(), again["already"].as_u64()), (Some(0), Some(8)), "{again}");
    assert_eq!(names(&root.join("box/new")), ["1"], "what is read by hand stays where it is");
    shell.write("bad.eml", "this is no mail\n");
    shell.run(&["inbound", "read", "bad.eml"]).fails(2, &[]);
    shell.run(&["inbound", "read", "nowhere"]).fails(2, &["`nowhere` cannot be read"]);
}

/// Nothing is passed over in silence, and what would be refused is not shown as read.
#[test]
fn what_is_no_mail_is_named_and_the_rest_is_read() {
    let shell = Shell::new();
    let root = shell.directory.path();
    shell.write("bad.eml", "this is no mail\n");
    shell.write("good.eml", &bounce(1));
    for folder in ["empty", "mixed", "mixed/below", "loop"] {
        fs::create_dir(root.join(folder)).unwrap();
    }
    fs::write(root.join("mixed/a.eml"), bounce(2)).unwrap();
    fs::write(root.join("mixed/notes.txt"), "no mail").unwrap();
    std::os::unix::fs::symlink(root.join("loop/a.eml"), root.join("loop/a.eml")).unwrap();
    let all = ["--json", "inbound", "read", "--dry-run", "bad.eml", "empty", "mixed", "good.eml"];
    let dry = shell.run(&all).fails(2, &[]).json();
    assert_eq!((dry["messages"].as_array().unwrap().len(), dry["passed_over"].as_u64()), (2, Some(2)), "{dry}");
    let refused: Vec<&str> =
        dry["refused"].as_array().unwrap().iter().map(|it| it["problem"].as_str().unwrap()).collect();
    assert!(refused.iter().any(|it| it.contains("no mail in this folder")), "{refused:?}");
    assert!(refused.iter().any(|it| it.contains("no mail message")), "{refused:?}");
    let read = shell.run(&["inbound", "read", "bad.eml", "empty", "mixed", "good.eml"]).fails(2, &[]);
    assert!(read.out.contains("2 messages stored") && read.out.contains("2 entries passed over"), "{}", read.out);
    assert!(read.out.contains("`empty`: there is no mail in this folder"), "{}", read.out);
}

/// The exit codes that mail servers understand.
#[test]
fn a_piped_message_is_stored_refused_or_kept_for_later() {
    let shell = Shell::new();
    let deliver = |message: &[u8], variables: &[(&str, &str)]| {
        let mut command = shell.command(&["inbound", "deliver", "--recipient=b+x@bounces.example.com", "--sender="]);
        command.envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that ends early does not read it all.
        let _ = child.stdin.take().unwrap().write_all(message);
        ran(child.wait_with_output().unwrap())
    };
    deliver(bounce(1).as_bytes(), &[]).ok();
    deliver(bounce(1).as_bytes(), &[]).ok();
    let listed = shell.run(&["--json", "inbound", "list"]).ok().json();
    assert_eq!((&listed["inbound"][0]["route"], listed["inbound"].as_array().unwrap().len()), (&"pipe".into(), 1));
    deliver(b"no mail at all", &[]).fails(65, &["no mail message"]);
    deliver(b"", &[]).fails(65, &["no mail message"]);
    let large = [bounce(2).as_bytes(), &vec![b'x'; 1_000_000]].concat();
    deliver(&large, &[("BESKED__INBOUND__MESSAGE_SIZE", "1MB")]).fails(65, &["`[inbound] message_size`"]);
    let away = deliver(bounce(3).as_bytes(), &[("BESKED__DATABASE__URL", "sqlite://nowhere/x.db")]);
    assert_eq!(away.code, 75, "{}", away.err);
    // A configuration that cannot be read is put right by somebody.
    let wrong = deliver(bounce(3).as_bytes(), &[("BESKED__INBOUND__KEEP_DAYS", "0")]);
    assert_eq!(wrong.code, 75, "{}", wrong.err);
    assert!(!away.err.contains("b+x@") && !wrong.err.contains("b+x@"));
}
