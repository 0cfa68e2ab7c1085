//! DKIM: mail is signed when it leaves, and does not verify if it was changed on the way. Judged by dkimpy, with keys made by openssl.

mod keys;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use besked::app::App;
use besked::config::{Config, Dkim, parse};
use besked::domain::delivery::State;
use besked::domain::random::Random;
use besked::mail::dkim::{Record, look, signatures};
use besked::store::sending::messages;
use rstest::rstest;

use crate::app::{CUSTOMERS, NEWS, START, TestApp, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::inbound::Answered;
use crate::postfix::Postfix;
use crate::relay::{Act, Relay};

const RSA: &[&str] = &["genpkey", "-quiet", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:2048"];
const ED25519: &[&str] = &["genpkey", "-algorithm", "ed25519"];

fn openssl(arguments: &[&str]) -> Vec<u8> {
    let ran = Command::new("openssl").args(arguments).output().expect("tests/run installs openssl");
    assert!(ran.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    ran.stdout
}

/// A new private key in a file.
fn key_file(directory: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = directory.join(name);
    fs::write(&path, openssl(arguments)).unwrap();
    path
}

fn table(domain: &str, selector: &str, key_file: &Path) -> String {
    format!("[[dkim]]\ndomain = \"{domain}\"\nselector = \"{selector}\"\nkey_file = \"{}\"\n", key_file.display())
}

/// New keys of the sender domain, loaded as from a configuration.
fn keys(kinds: &[(&str, &[&str])]) -> Vec<Dkim> {
    let directory = tempfile::tempdir().unwrap();
    let tables =
        kinds.iter().map(|(name, arguments)| table("example.com", name, &key_file(directory.path(), name, arguments)));
    parse(&tables.collect::<String>(), "dkim", &[]).unwrap().dkim
}

fn records(keys: &[Dkim]) -> Vec<Record> {
    keys.iter().map(|entry| look(entry).unwrap().record).collect()
}

/// The result of dkimpy for each signature of each message: verdict, algorithm, domain, selector, time.
fn judged(messages: &[&[u8]], records: &[Record]) -> Vec<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    // Debian's own python3, whatever else has that name: it has the library.
    let mut python = Command::new("/usr/bin/python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/besked/verify_dkim.py"));
    python.args(records.iter().map(|it| format!("{}={}", it.name, it.value))).arg("--");
    for (index, message) in messages.iter().enumerate() {
        let path = directory.path().join(index.to_string());
        fs::write(&path, message).unwrap();
        python.arg(path);
    }
    let ran = python.output().unwrap();
    assert!(ran.status.success(), "is python3-dkim installed? {}", String::from_utf8_lossy(&ran.stderr));
    let out = String::from_utf8(ran.stdout).unwrap();
    let lines = out.lines().map(|line| line.split("; ").map(str::to_owned).collect());
    let judged: Vec<_> = lines.collect();
    assert_eq!(judged.len(), messages.len());
    judged
}

/// The verdicts on one message.
fn verdicts(message: &[u8], records: &[Record]) -> Vec<String> {
    let judged = judged(&[message], records).remove(0);
    judged.iter().map(|signature| signature.split(' ').next().unwrap().to_owned()).collect()
}

fn text(message: &[u8]) -> String {
    String::from_utf8(message.to_vec()).unwrap()
}

#[rstest]
#[case::rsa(&[("r1", RSA)], &["rsa-sha256 example.com r1"])]
#[case::ed25519(&[("e1", ED25519)], &["ed25519-sha256 example.com e1"])]
#[case::both(&[("r1", RSA), ("e1", ED25519)], &["rsa-sha256 example.com r1", "ed25519-sha256 example.com e1"])]
#[tokio::test(flavor = "multi_thread")]
async fn what_passed_through_postfix_verifies(#[case] kinds: &[(&str, &[&str])], #[case] wanted: &[&str]) {
    let postfix = Postfix::start(&["hello@two.example".to_owned(), "service@ett.example".to_owned()]);
    let keys = keys(kinds);
    let records = records(&keys);
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].url = format!("smtp://127.0.0.1:{}?tls=none", postfix.port).parse().unwrap();
        config.dkim = keys;
    })
    .await;
    app.import(CUSTOMERS).await;
    let mandatory = app.release(&maintenance("customers = [\"C2\"]")).await;
    let optional = app.release(&NEWS.replace("all = true", "customers = [\"C1\", \"C2\"]")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(mandatory).await, [(State::Accepted, 1)].into());
    assert_eq!(app.counts(optional).await, [(State::Accepted, 2)].into());
    let mut mail = postfix.mailbox("hello@two.example");
    mail.extend(postfix.mailbox("service@ett.example"));
    let with_opt_out = mail.iter().filter(|message| text(message).contains("\nList-Unsubscribe: ")).count();
    assert_eq!((mail.len(), with_opt_out), (3, 2));
    let time = START.parse::<jiff::Timestamp>().unwrap().as_second();
    let wanted: Vec<String> = wanted.iter().map(|signature| format!("valid {signature} {time}")).collect();
    for message in mail {
        assert!(text(&message).contains("\nReceived: "), "it passed through");
        assert_eq!(judged(&[&message], &records)[0], wanted, "{}", text(&message));
    }
}

/// The address for replies differs between recipients, and what goes to support names the customer: both are signed.
#[tokio::test(flavor = "multi_thread")]
async fn addresses_for_replies_and_forwarded_replies_are_signed() {
    let keys = keys(&[("e1", ED25519)]);
    let records = records(&keys);
    let it = Answered::with(Engine::Sqlite, |config| config.dkim = keys).await;
    let field = "Content-Type: text/plain; charset=utf-8\r\n";
    it.comes(it.reply_with(field, "Får vi vänta?\r\n \r\n.\r\nno end")).await;
    assert_eq!(it.forward().await.forwarded, 1);
    let mails: Vec<String> = it.app.relay.received().iter().map(|mail| text(&mail.data)).collect();
    assert_eq!(mails.len(), 3);
    for mail in &mails {
        assert_eq!(verdicts(mail.as_bytes(), &records), ["valid"], "{mail}");
        let other = without(mail, "Reply-To");
        assert_eq!(verdicts(other.as_bytes(), &records), ["invalid"], "{other}");
    }
    let forged = changed(mails.last().unwrap(), "X-Besked-Account: C2", "X-Besked-Account: C1");
    assert_eq!(verdicts(forged.as_bytes(), &records), ["invalid"]);
}

/// One message of an optional notice, as the scripted relay stored it, and the DNS records.
async fn news(kinds: &[(&str, &[&str])]) -> (String, Vec<Record>) {
    let keys = keys(kinds);
    let records = records(&keys);
    let app = TestApp::with(Engine::Sqlite, |config| config.dkim = keys).await;
    app.import(CUSTOMERS).await;
    app.release(&NEWS.replace("all = true", "customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    (text(&app.relay.to("hello@two.example")[0].data), records)
}

/// Replaces text that must be there.
fn changed(message: &str, from: &str, to: &str) -> String {
    assert!(message.contains(from), "`{from}` is not in:\n{message}");
    message.replacen(from, to, 1)
}

/// Without a field, folded or not.
fn without(message: &str, name: &str) -> String {
    let begin = message.find(&format!("\r\n{name}: ")).unwrap() + 2;
    let end =
        message[begin..].match_indices("\r\n").find(|(at, _)| !message[begin + at + 2..].starts_with([' ', '\t']));
    format!("{}{}", &message[..begin], &message[begin + end.unwrap().0 + 2..])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_on_the_way_does_not_verify() {
    let (message, records) = news(&[("r1", RSA), ("e1", ED25519)]).await;
    // Each verdict is that of both signatures.
    let hold = |wanted: &str, changes: Vec<(&str, String)>| {
        let messages: Vec<&[u8]> = changes.iter().map(|(_, message)| message.as_bytes()).collect();
        for ((what, message), judged) in changes.iter().zip(judged(&messages, &records)) {
            assert!(
                judged.len() == 2 && judged.iter().all(|it| it.starts_with(wanted)),
                "{what}: {judged:?}\n{message}"
            );
        }
    };
    let first = |field: &str| format!("{field}\r\n{message}");
    hold(
        "valid ",
        vec![
            ("as it was", message.clone()),
            ("passed on", first("Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:01 +0000")),
            ("folded otherwise", changed(&message, "\r\nSubject: ", "\r\nsubject:\t\r\n  ")),
            ("a space at a line's end", changed(&message, "We open one.", "We open one. ")),
            ("empty lines at the end", format!("{message}\r\n\r\n")),
            ("a field that nobody signs", first("List-Archive: <https://list.example>")),
        ],
    );
    let mut harmful = vec![
        ("another text", changed(&message, "We open one.", "We open two.")),
        ("more text", format!("{message}Pay here.\r\n")),
        ("another From", changed(&message, "<notices@example.com>", "<notices@evil.example>")),
        ("a From below", changed(&message, "\r\nTo: ", "\r\nFrom: <x@evil.example>\r\nTo: ")),
        (
            "another opt-out",
            changed(&message, "\r\nList-Unsubscribe: <https://", "\r\nList-Unsubscribe: <https://evil."),
        ),
    ];
    for field in [
        "From: <x@evil.example>",
        "To: <x@evil.example>",
        "Cc: <x@evil.example>",
        "Subject: Urgent",
        "Date: Tue, 24 Nov 2026 11:00:00 +0000",
        "Reply-To: <x@evil.example>",
        "Content-Type: text/html",
        "Content-Transfer-Encoding: base64",
        "In-Reply-To: <x@evil.example>",
        "List-Unsubscribe: <https://evil.example>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ] {
        harmful.push((field, first(field)));
    }
    for name in [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "MIME-Version",
        "Content-Type",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "Auto-Submitted",
        "X-Besked-Delivery",
        "X-Besked-Token",
    ] {
        harmful.push((name, without(&message, name)));
    }
    hold("invalid ", harmful);
    assert_eq!(verdicts(message.as_bytes(), &[]), ["invalid"; 2], "without its records nothing is valid");
    assert_eq!(verdicts(message.as_bytes(), &records[1..]), ["invalid", "valid"], "one stands without the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_well_formed() {
    let (message, _) = news(&[("r1", RSA), ("e1", ED25519)]).await;
    assert!(message.starts_with("DKIM-Signature: v=1; a=rsa-sha256;"), "{message}");
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let signatures =
        head.split("\r\n").take_while(|line| line.starts_with("DKIM-Signature: ") || line.starts_with('\t'));
    for line in signatures {
        assert!(line.len() <= 78 && line.is_ascii() && !line.contains('\n') && !line.trim().is_empty(), "{line}");
    }
    let signature = head.replace("\r\n\t", "").lines().next().unwrap().to_owned();
    let signed = signature.split(";h=").nth(1).unwrap().split(';').next().unwrap();
    let times = |name: &str| signed.split(':').filter(|it| it.eq_ignore_ascii_case(name)).count();
    for (name, wanted) in [("From", 2), ("Subject", 2), ("References", 2), ("List-Unsubscribe", 2), ("List-Id", 1)] {
        assert_eq!(times(name), wanted, "{name} in {signed}");
    }
    assert!(signature.contains("c=relaxed/relaxed;") && !signature.contains("x=") && !signature.contains("l="));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandatory_notice_may_be_given_list_fields_by_the_customers_own_list() {
    let keys = keys(&[("e1", ED25519)]);
    let records = records(&keys);
    let app = TestApp::with(Engine::Sqlite, |config| config.dkim = keys).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    let message = text(&app.relay.received()[0].data);
    assert!(!message.to_lowercase().contains("list-"), "nothing of a list stands in it, not even signed as absent");
    let listed = format!("List-Id: <ops.two.example>\r\nList-Unsubscribe: <mailto:ops@two.example>\r\n{message}");
    assert_eq!(verdicts(listed.as_bytes(), &records), ["valid"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_sends_the_same_signature_even_when_the_key_has_changed(#[case] engine: Engine) {
    let (old, new) = (keys(&[("r1", RSA)]), keys(&[("r2", RSA)]));
    let before = records(&old);
    let mut app = TestApp::with(engine, |config| config.dkim = old).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(". hello@two.example", 2, Act::Reply("451 4.3.0 try later\r\n"));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Deferred, 1)].into());
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let kept = messages::find(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap().unwrap();
    assert_eq!(verdicts(&kept, &before), ["valid"]);

    let (clock, mut config) = (app.app.context.clock.clone(), Config::clone(&app.app.context.config));
    config.dkim = new;
    app.app.context.store.close().await;
    app.app = App::open(config, clock, Random::from_system()).await.unwrap();
    for _ in 0..2 {
        app.advance(Duration::from_secs(6 * 60));
        app.run_until_idle().await;
    }
    let received = app.relay.to("hello@two.example");
    assert_eq!(received.len(), 1);
    assert!(received[0].data == kept, "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checkpoint_mail_is_signed_too() {
    let keys = keys(&[("r1", RSA)]);
    let records = records(&keys);
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.dkim = keys;
        config.ledger.checkpoint_to = vec!["auditor@other.example".to_owned()];
    })
    .await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    app.app.ledger.checkpoint().await.unwrap();
    app.app.ledger.mail_checkpoint().await.unwrap();
    let mail = &app.relay.to("auditor@other.example")[0].data;
    assert!(text(mail).contains("\r\nMIME-Version: 1.0\r\n"));
    assert_eq!(verdicts(mail, &records), ["valid"]);
    let other = text(mail).replacen("state of the ledger", "state of a ledger", 1);
    assert_eq!(verdicts(other.as_bytes(), &records), ["invalid"]);
}

#[test]
fn the_same_message_and_key_give_the_same_bytes() {
    let keys = keys(&[("r1", RSA), ("e1", ED25519)]);
    let date = START.parse().unwrap();
    let message = b"From: a@example.com\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n.\r\nx\r\n".to_vec();
    let sign = |keys: &[Dkim], message: &[u8]| {
        [&signatures(&keys.iter().collect::<Vec<_>>(), date, message).unwrap(), message].concat()
    };
    let signed = sign(&keys, &message);
    assert_eq!(signed, sign(&keys, &message));
    assert!(signed.ends_with(&message));
    assert_eq!(sign(&[], &message), message, "without keys nothing is signed");
    assert_eq!(verdicts(&signed, &records(&keys)), ["valid"; 2]);
    // Odd bodies: none at all, only line breaks, spaces at the ends of lines.
    for body in ["", "\r\n\r\n", " \r\n", "x", " \r\n\t x \t y\r\n \r\n\r\n"] {
        let message = format!("From: a@example.com\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\n{body}");
        let signed = sign(&keys, message.as_bytes());
        assert_eq!(verdicts(&signed, &records(&keys)), ["valid"; 2], "{body:?}");
    }
}

#[rstest]
#[case::rsa(RSA, "k=rsa", &[])]
#[case::ed25519(ED25519, "k=ed25519", &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00])]
fn the_record_has_the_public_key_that_openssl_names(
    #[case] kind: &[&str],
    #[case] named: &str,
    #[case] left_out: &[u8],
) {
    let directory = tempfile::tempdir().unwrap();
    let file = key_file(directory.path(), "key.pem", kind);
    let public = openssl(&["pkey", "-in", file.to_str().unwrap(), "-pubout", "-outform", "DER"]);
    let public = public.strip_prefix(left_out).unwrap();
    let keys = parse(&table("example.com", "s1", &file), "dkim", &[]).unwrap().dkim;
    let record = &records(&keys)[0];
    assert_eq!(record.name, "s1._domainkey.example.com");
    assert_eq!(record.value, format!("v=DKIM1; {named}; p={}", data_encoding::BASE64.encode(public)));
    let line = record.to_string();
    let strings = line.strip_prefix("s1._domainkey.example.com TXT \"").unwrap().strip_suffix('"').unwrap();
    let strings: Vec<&str> = strings.split("\" \"").collect();
    assert!(strings.iter().all(|string| string.len() <= 255));
    assert_eq!(strings.concat(), record.value);
}

/// With these tables at the end of its configuration.
fn configured(shell: Shell, tables: &str) -> Shell {
    let path = shell.directory.path().join("config/besked.toml");
    fs::write(&path, fs::read_to_string(&path).unwrap() + "\n" + tables).unwrap();
    shell
}

#[test]
fn the_doctor_prints_the_record_and_the_check_names_a_broken_key() {
    let shell = configured(Shell::new(), &table("example.com", "s1", Path::new("key.pem")));
    let broken = ["`dkim.0.key_file` `key.pem` cannot be read"];
    shell.run(&["config", "check"]).fails(2, &broken);
    shell.run(&["doctor"]).fails(2, &broken);

    let file = key_file(shell.directory.path(), "key.pem", RSA);
    let mode = |mode: &str| assert!(Command::new("chmod").arg(mode).arg(&file).status().unwrap().success());
    mode("600");
    let checked = shell.run(&["config", "check"]).ok();
    assert!(checked.out.contains("dkim:     s1._domainkey.example.com"), "{}", checked.out);
    assert!(checked.err.lines().all(|line| line.contains("still as in the example")), "{}", checked.err);
    let pem = fs::read_to_string(&file).unwrap();
    let shown = shell.run(&["config", "show"]).ok().out;
    assert!(shown.contains("key_file = \"key.pem\"") && !shown.contains(&pem[60..100]), "{shown}");

    let doctor = || shell.run(&["--json", "doctor"]).json().as_array().unwrap().clone();
    let of = |checks: &[serde_json::Value]| {
        checks.iter().find(|check| check["what"] == "dkim s1._domainkey.example.com").unwrap().clone()
    };
    let well = of(&doctor());
    assert_eq!((&well["verdict"], &well["detail"]), (&"ok".into(), &"RSA, 2048 bits".into()));
    assert_eq!(
        (&well["record"]["name"], &well["record"]["type"]),
        (&"s1._domainkey.example.com".into(), &"TXT".into())
    );
    let value = well["record"]["value"].as_str().unwrap();
    let plain = shell.run(&["doctor"]).out;
    let line =
        plain.lines().find(|line| line.starts_with("s1._domainkey.example.com TXT \"v=DKIM1; k=rsa; p=")).unwrap();
    assert!(line.replace("\" \"", "").ends_with(&format!("\"{value}\"")), "{line}");

    mode("644");
    assert_eq!(of(&doctor())["verdict"], "warning");
    assert!(of(&doctor())["detail"].as_str().unwrap().contains("can be read by others"));
}

#[rstest]
#[case("notices.example.com", true)]
#[case("example.com", true)]
#[case("mail.notices.example.com", true)]
#[case("other.example", false)]
#[case("badexample.com", false)]
fn a_domain_that_dmarc_does_not_count_is_warned_of(#[case] domain: &str, #[case] counts: bool) {
    let shell = configured(Shell::new(), &table(domain, "s1", Path::new("key.pem")));
    let file = key_file(shell.directory.path(), "key.pem", ED25519);
    assert!(Command::new("chmod").arg("600").arg(&file).status().unwrap().success());
    let run = |arguments: &[&str]| {
        let mut command = shell.command(arguments);
        let output = command.env("BESKED__SENDER__FROM", "Us <us@notices.example.com>").output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let told = format!("DMARC does not count a signature of `{domain}` for mail from `notices.example.com`");
    assert_eq!(run(&["config", "check"]).contains(&told), !counts);
    assert_eq!(run(&["--json", "doctor"]).contains(&told), !counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_copy_is_signed() {
    let relay = Relay::start().await;
    let shell = configured(Shell::new().relay(relay.address.port()), &table("example.com", "s1", Path::new("key.pem")));
    let file = key_file(shell.directory.path(), "key.pem", ED25519);
    let keys = parse(&table("example.com", "s1", &file), "dkim", &[]).unwrap().dkim;
    shell.write("news.md", NEWS);
    shell.run(&["notice", "test", "news.md", "--to", "me@two.example"]).ok();
    let message = &relay.to("me@two.example")[0].data;
    assert!(text(message).contains("\r\nX-Besked-Test: yes\r\n"));
    assert_eq!(verdicts(message, &records(&keys)), ["valid"]);
}
