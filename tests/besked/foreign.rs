//! Failures that a library reports: they are shown in our words, with what to do, and nothing of the library's own goes before them.

use std::net::TcpListener;

use sqlx::{AnyConnection, Connection as _, Executor as _};

use crate::cli::{Ran, Shell, ran};
use crate::database::{Database, Engine};
use crate::relay::{Encryption, Relay, Script};

/// Words by which a library is known.
const FOREIGN: [&str; 14] = [
    "sqlx",
    "rustls",
    "error returned from database",
    "error communicating with database",
    "(code:",
    "os error",
    "SSLRequest",
    "DnsName(",
    "OtherError",
    "failed to verify",
    "previously applied",
    "invalid socket address",
    "invalid digit",
    "deserializ",
];

#[track_caller]
fn in_our_words(ran: &Ran, told: &[&str]) {
    let all = format!("{}{}", ran.out, ran.err);
    for part in told {
        assert!(all.contains(part), "`{part}` is not in:\n{all}");
    }
    for word in FOREIGN {
        assert!(!all.contains(word), "`{word}` is in:\n{all}");
    }
}

fn with(shell: &Shell, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    ran(shell.command(arguments).envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn a_database_that_cannot_be_opened_says_why() {
    let shell = Shell::new();
    let folder = shell.directory.path();
    std::fs::create_dir(folder.join("folder")).unwrap();
    shell.write("text.db", &"this is no database\n".repeat(100));
    // A program that is not PostgreSQL.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = other.accept() {
            let _ = std::io::Write::write_all(&mut stream, b"220 mail.example ESMTP\r\n");
        }
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (url, told) in [
        ("sqlite:///nowhere/x.db".to_owned(), &["there is no such file or folder", "`besked init` makes"][..]),
        ("sqlite://folder".to_owned(), &["it is a folder: name a file"]),
        ("sqlite://text.db".to_owned(), &["the file is no SQLite database"]),
        (format!("postgres://u@127.0.0.1:{closed}/b"), &["the connection is refused", "is it running"]),
        (format!("postgres://u@127.0.0.1:{port}/b"), &["it does not answer as PostgreSQL does"]),
        ("postgres://u@nohost.invalid/b".to_owned(), &["the name of its host is not known"]),
        (
            "postgres://u@127.0.0.1/b?sslrootcert=/nowhere/ca.pem".to_owned(),
            &["the file of `sslrootcert`, `/nowhere/ca.pem`, cannot be read: there is no such file"],
        ),
    ] {
        let tried = with(&shell, &[("BESKED__DATABASE__URL", &url)], &["customers", "list"]);
        assert_ne!(tried.code, 0, "{url}");
        in_our_words(&tried, told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_says_why() {
    let database = Database::new(Engine::Postgres).await;
    let shell = Shell::new();
    let (before, _) = database.url.rsplit_once('/').unwrap();
    let tried =
        with(&shell, &[("BESKED__DATABASE__URL", &format!("{before}/nothing_of_that_name"))], &["customers", "list"]);
    in_our_words(&tried, &["the server has no database of that name"]);
    let (_, host) = before.rsplit_once('@').unwrap();
    let url = format!("postgres://nobody_there:x@{host}/postgres");
    let tried = with(&shell, &[("BESKED__DATABASE__URL", &url)], &["customers", "list"]);
    in_our_words(&tried, &["the server refuses the user or the password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_version_are_said_to_be_newer() {
    let shell = Shell::new();
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    sqlx::any::install_default_drivers();
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    conn.execute("UPDATE _sqlx_migrations SET version = 99999999").await.unwrap();
    for command in [&["customers", "list"][..], &["migrate"], &["init"], &["doctor"]] {
        let tried = shell.run(command);
        assert_ne!(tried.code, 0, "{command:?}");
        in_our_words(&tried, &["have version 99999999, and this version of Besked knows those up to "]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_refused_is_said_once_and_by_its_names() {
    let script = Script::default().encryption(Encryption::Implicit).certified_name("mail.other.example");
    let relay = Relay::with(script).await;
    let url = format!("smtps://localhost:{}", relay.address.port());
    let ca = relay.ca_file().display().to_string();
    let shell = Shell::new();
    for (variables, told) in [
        (
            &[("BESKED__RELAY__0__URL", url.as_str()), ("BESKED__RELAY__0__CA_FILE", ca.as_str())][..],
            "its certificate is for `mail.other.example` and",
        ),
        (&[("BESKED__RELAY__0__URL", url.as_str())], "of no authority that is trusted here"),
    ] {
        let tried = with(&shell, variables, &["doctor"]);
        in_our_words(&tried, &[told]);
        assert_eq!(tried.err, "", "no line of a log before our own words");
    }
}

#[test]
fn values_of_arguments_are_refused_in_our_words() {
    let shell = Shell::new();
    for (arguments, told) in [
        (&["doctor", "--dns", "--dns-server", "127.0.0.1"][..], "such as 192.0.2.53:53"),
        (&["demo", "--port", "x"], "a number from 0 to 65535"),
        (&["demo", "--port", "99999"], "a number from 0 to 65535"),
        (&["customers", "list", "--limit", "x"], "a number from 1 to 500"),
    ] {
        in_our_words(&shell.run(arguments), &[told]);
    }
}

/// A path may name anything.
#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let shell = Shell::new();
    for (name, key) in [("PASSWORD_FILE", "relay.0.password_file"), ("CA_FILE", "relay.0.ca_file")] {
        let variable = format!("BESKED__RELAY__0__{name}");
        let url = ("BESKED__RELAY__0__URL", "smtp://u@localhost:1?tls=none");
        let tried = with(&shell, &[(&variable, "/dev/zero"), url], &["config", "check"]);
        in_our_words(&tried, &[&format!("`{key}`"), "kB, so it is something else"]);
    }
    in_our_words(&shell.run(&["--config", "/dev/zero", "config", "check"]), &["it is larger than 4000 kB"]);
    let tried = with(&shell, &[("BESKED__LEDGER__KEY_FILE", "/dev/zero")], &["ledger", "vkey"]);
    in_our_words(&tried, &["it is larger than 64 kB"]);
    in_our_words(&shell.run(&["--config", "/tmp", "config", "check"]), &["it is a folder", "names the configuration"]);
}
