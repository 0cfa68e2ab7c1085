//! What the doctor says of the ways in.

use std::fs;

use serde_json::Value;

use super::bounce;
use crate::cli::{Shell, ran};
use crate::dovecot::{Dovecot, PASSWORD};
use crate::postfix::{eventually, free_port};

/// What a check says, if there is one.
fn of(shell: &Shell, what: &str, variables: &[(&str, &str)]) -> Option<(String, String)> {
    let mut command = shell.command(&["--json", "doctor"]);
    command.envs(variables.iter().copied());
    let checks: Value = serde_json::from_str(&ran(command.output().unwrap()).out).unwrap();
    let check = checks.as_array().unwrap().iter().find(|it| it["what"] == what)?;
    let text = |key: &str| check[key].as_str().unwrap().to_owned();
    Some((text("verdict"), text("detail")))
}

#[test]
fn it_warns_if_nothing_brings_reports_back() {
    let shell = Shell::new();
    let (verdict, detail) = of(&shell, "reports", &[]).unwrap();
    assert!(verdict == "warning" && detail.contains("stays unknown") && detail.contains("docs/inbound.md"), "{detail}");
    let level = [("BESKED__CATEGORY__SECURITY_BREACH__INFORMED_AT", "dsn_delivered")];
    let (_, detail) = of(&shell, "reports", &level).unwrap();
    assert!(detail.contains("no customer will count as informed by security_breach"), "{detail}");
    assert_eq!(of(&shell, "reports", &[("BESKED__INBOUND__LMTP_LISTEN", "127.0.0.1:1024")]), None);
    // A pipe is no part of the configuration.
    shell.write("one.eml", &bounce(1));
    shell.run(&["inbound", "read", "one.eml"]).ok();
    let (verdict, detail) = of(&shell, "reports", &level).unwrap();
    assert!(verdict == "ok" && detail.contains("came by `file`"), "{verdict} {detail}");
}

#[test]
fn it_looks_at_the_listener_the_maildir_and_the_mailbox() {
    let shell = Shell::new();
    let root = shell.directory.path();
    let listen = format!("127.0.0.1:{}", free_port());
    let at = |listen: &str| of(&shell, "inbound lmtp", &[("BESKED__INBOUND__LMTP_LISTEN", listen)]).unwrap();
    let (verdict, detail) = at(&listen);
    assert!(verdict == "ok" && detail.contains("is free"), "{verdict} {detail}");
    let mut serve = shell.command(&["serve", "--only", "inbound"]);
    let mut serve = serve.env("BESKED__INBOUND__LMTP_LISTEN", &listen).spawn().unwrap();
    eventually("it listens", || at(&listen).1.contains("where `besked serve` listens"));
    serve.kill().unwrap();
    serve.wait().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other_address = other.local_addr().unwrap().to_string();
    std::thread::spawn(move || drop(other.accept()));
    let (verdict, detail) = at(&other_address);
    assert!(verdict == "failed" && detail.contains("something else than LMTP"), "{verdict} {detail}");
    assert_eq!(at("unix:lmtp.sock").0, "ok");
    let (verdict, detail) = at("unix:nowhere/lmtp.sock");
    assert!(verdict == "failed" && detail.contains("no such file or folder"), "{verdict} {detail}");
    assert!(!root.join("lmtp.sock").exists());

    let of_maildir = || of(&shell, "inbound maildir", &[("BESKED__INBOUND__MAILDIR__PATH", "mail")]).unwrap();
    let (verdict, detail) = of_maildir();
    assert!(verdict == "failed" && detail.contains("the `new` of a Maildir"), "{verdict} {detail}");
    fs::create_dir_all(root.join("mail/new")).unwrap();
    fs::create_dir_all(root.join("mail/cur")).unwrap();
    assert_eq!(of_maildir().0, "ok");

    let dovecot = Dovecot::start("");
    dovecot.put("1", bounce(1).as_bytes());
    let (url, ca) = (format!("imaps://besked@localhost:{}", dovecot.tls_port), dovecot.ca_file().display().to_string());
    let of_imap = |password: &str| {
        let variables = [
            ("BESKED__INBOUND__IMAP__URL", url.as_str()),
            ("BESKED__INBOUND__IMAP__CA_FILE", ca.as_str()),
            ("BESKED__INBOUND__IMAP__PASSWORD", password),
        ];
        of(&shell, "inbound imap", &variables).unwrap()
    };
    let (verdict, detail) = of_imap(PASSWORD);
    assert!(
        verdict == "ok" && detail.contains("1 message in `INBOX`") && detail.contains("`Besked`"),
        "{verdict} {detail}"
    );
    assert_eq!(dovecot.files("").len(), 1, "nothing was changed");
    let (verdict, detail) = of_imap("letmein");
    assert!(
        verdict == "failed" && detail.contains("password_file") && !detail.contains("letmein"),
        "{verdict} {detail}"
    );
}
