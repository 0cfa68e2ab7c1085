//! Replies of persons: they come to an address that names the delivery, and go on to support once, whole, with their context.

use std::process::Command;
use std::time::Duration;

use besked::config::{Config, Replies};
use besked::domain::delivery::State as Delivered;
use besked::domain::forward::State;
use besked::domain::inbound::Route;
use besked::domain::page::PageRequest;
use besked::inbound::{Forwards, Incoming};
use rstest::rstest;

use super::{Answered, SUPPORT, parts};
use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::postfix::eventually;
use crate::relay::{Act, Received, Relay, Script};

const FORWARDED: Forwards = Forwards { forwarded: 1, deferred: 0, failed: 0 };

fn on(config: &mut Config) {
    config.inbound.replies = Replies::Forward;
    config.sender.reply_to = "\"Stöd, Example\" <support@example.com>".parse().unwrap();
}

fn reply_to(mail: &Received) -> (Option<String>, String) {
    let parsed = mail_parser::MessageParser::default().parse(&mail.data).unwrap();
    let address = parsed.reply_to().unwrap().first().unwrap();
    (address.name().map(str::to_owned), address.address().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_notice_carries_its_own_address_for_replies() {
    let app = TestApp::with(Engine::Sqlite, on).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.release(NEWS).await;
    app.run_until_idle().await;
    let mails = app.relay.received();
    assert_eq!(mails.len(), 4);
    for mail in &mails {
        let (name, address) = reply_to(mail);
        let (local, domain) = address.split_once('@').unwrap();
        let delivery = mail.header("X-Besked-Delivery").unwrap();
        assert_eq!(app.app.key().read_reply_path(local).map(|id| id.to_string()), Some(delivery));
        assert_eq!((name.as_deref(), domain), (Some("Stöd, Example"), "bounces.example.com"));
        let field = mail.header("Reply-To").unwrap();
        assert!(field.lines().count() == 2 && field.lines().all(|line| line.len() <= 78 - 10), "{field}");
    }
    let app = app.configured(|config| config.inbound.replies = Replies::Off).await;
    app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    let last = app.relay.received().pop().unwrap();
    assert_eq!(reply_to(&last), (Some("Stöd, Example".to_owned()), SUPPORT.to_owned()));
}

/// The address for replies is one of the values that are stored: what was begun with it is sent with it, and without likewise.
#[rstest]
#[case(Engine::Sqlite, true)]
#[case(Engine::Postgres, true)]
#[case(Engine::Sqlite, false)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_has_the_same_address_whatever_was_configured_meanwhile(
    #[case] engine: Engine,
    #[case] begins_on: bool,
) {
    let off = |config: &mut Config| {
        on(config);
        config.inbound.replies = Replies::Off;
        config.sender.bounce_domain = "other.example".parse().unwrap();
    };
    let app = if begins_on { TestApp::with(engine, on).await } else { TestApp::with(engine, off).await };
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    // One is deferred with its bytes, one before any.
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    app.relay.on("RCPT TO:<teknik@ett.example>", 1, Act::Reply("451 4.2.0 greylisted\r\n"));
    app.run_until_idle().await;
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let before = app.app.deliveries.message(&alice(), delivery).await.unwrap().bytes;
    let app = if begins_on { app.configured(off).await } else { app.configured(on).await };
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(Delivered::Accepted, 2)].into());
    let received = app.relay.received();
    let carol = received.iter().find(|mail| mail.to == "hello@two.example").unwrap();
    assert_eq!(String::from_utf8_lossy(&carol.data), String::from_utf8_lossy(&before), "byte for byte");
    for mail in &received {
        let address = reply_to(mail).1;
        assert_eq!(address.ends_with("@bounces.example.com"), begins_on, "{address}");
        assert_eq!(address == SUPPORT, !begins_on, "{address}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_persons_reply_goes_to_support_once_with_its_context(#[case] engine: Engine) {
    let it = Answered::new(engine).await;
    let reply = it
        .reply_with("Message-ID: <1@two.example>\r\n", "Does this hit our database?\r\n\r\n> Hello from the body.\r\n");
    it.comes(reply.clone()).await;
    assert_eq!(it.became().await, [(State::Waiting, None)]);
    assert_eq!(it.forward().await, FORWARDED);
    assert_eq!(it.forward().await, Forwards::default(), "nothing is left");
    // The same message again, also by another way.
    it.comes(reply.clone()).await;
    it.take(Incoming { route: Route::Maildir, recipient: None, sender: None, bytes: reply.clone().into() }).await;
    it.forward().await;
    let mails = it.mails();
    assert_eq!(mails.len(), 1, "once");
    let mail = &mails[0];
    assert_eq!(mail.from, "", "nobody reports on it or answers it by itself");
    let notice = it.shown().await.notice;
    for (name, value) in [
        ("From", "\"Carol Ek via Example Cloud\" <notices@example.com>".to_owned()),
        ("To", "\"Example Support\" <support@example.com>".to_owned()),
        ("Reply-To", "\"Carol Ek\" <hello@two.example>".to_owned()),
        ("Subject", "Re: Network maintenance [CHG-1]".to_owned()),
        ("In-Reply-To", format!("<{}@example.com>", it.delivery)),
        ("References", format!("<{}@example.com> <1@two.example>", it.delivery)),
        ("X-Besked-Account", "C2".to_owned()),
        ("X-Besked-Notice", notice.to_string()),
        ("X-Besked-Delivery", it.delivery.to_string()),
        ("X-Besked-Loop", "example.com/besked".to_owned()),
        ("Auto-Submitted", "auto-generated".to_owned()),
    ] {
        assert_eq!(mail.header(name).map(|it| it.replace("\r\n ", " ")), Some(value), "{name}");
    }
    let (text, kind, attached) = parts(mail);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!("reply-to-support", text);
    });
    assert_eq!((kind.as_str(), String::from_utf8(attached).unwrap()), ("message/rfc822", reply));
    assert_eq!(it.became().await, [(State::Forwarded, None)]);
    assert!(it.tasks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_forwarded_is_no_longer_stored() {
    let it = Answered::new(Engine::Sqlite).await;
    let reply = it.reply("A text that nobody else has to read.");
    it.comes(reply.clone()).await;
    let id = it.shown().await.replies[0].inbound_id;
    let inbound = &it.app.app.inbound;
    assert_eq!(inbound.message(&alice(), id).await.unwrap().1.unwrap(), reply.as_bytes());
    it.forward().await;
    let (stored, bytes) = inbound.message(&alice(), id).await.unwrap();
    assert_eq!((stored.forward.unwrap().state, bytes), (State::Forwarded, None));
    let listed = inbound.list(&alice(), false, &PageRequest { after: None, limit: 10 }).await.unwrap().items;
    assert_eq!(listed[0].forward, stored.forward);
    // It is recognised all the same.
    it.comes(reply).await;
    assert_eq!(it.forward().await, Forwards::default());
    let scraped = it.app.app.metrics.scrape(&it.app.app.context.store, &it.app.app.context.clock).await;
    assert!(
        scraped.contains("besked_replies_total{outcome=\"forwarded\"} 1")
            && scraped.contains("besked_replies_waiting 0")
    );
}

/// Charsets and encodings do not matter: every byte is in what is attached, and the text is read as the person wrote it.
#[rstest]
#[case::eight_bit("text/plain; charset=utf-8", "8bit", "Får vi vänta?\r\n".as_bytes(), "Får vi vänta?")]
#[case::latin("text/plain; charset=iso-8859-1", "8bit", b"F\xe5r vi v\xe4nta?\r\n", "Får vi vänta?")]
#[case::japanese("text/plain; charset=iso-2022-jp", "7bit", b"\x1b$B%F%9%H\x1b(B\r\n", "テスト")]
#[case::unknown("text/plain; charset=x-nobody-knows", "quoted-printable", b"What =3D this?\r\n", "What = this?")]
#[case::html("text/html", "7bit", b"<p>Please <b>wait</b><script>alert(1)</script></p>\r\n", "Please wait")]
#[tokio::test(flavor = "multi_thread")]
async fn every_byte_is_in_what_is_attached(
    #[case] kind: &str,
    #[case] encoding: &str,
    #[case] body: &[u8],
    #[case] said: &str,
) {
    let it = Answered::new(Engine::Sqlite).await;
    let fields = format!("MIME-Version: 1.0\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n");
    let reply = [it.reply_with(&fields, "").as_bytes(), body].concat();
    it.comes(reply.clone()).await;
    assert_eq!(it.forward().await, FORWARDED);
    let (text, kind, attached) = parts(&it.mails()[0]);
    assert!(text.contains(said) && !text.contains("alert"), "{text}");
    assert_eq!((kind.as_str(), attached), ("message/rfc822", reply));
    assert!(it.app.relay.commands().iter().any(|line| line.starts_with("MAIL FROM:<>")));
}

/// An attached message may not be encoded, so what cannot be sent as it is goes as a file, with every byte.
#[rstest]
#[case::no_eight_bit(false, "", "Får vi vänta?\r\n".as_bytes())]
#[case::long_line(true, "", &[b'x'; 2000])]
#[case::nul(true, "", b"a\0b\r\n")]
#[case::bare_cr(true, "", b"a\rb\r\n")]
#[case::head(true, "X-Name: \u{c5}sa\r\n", b"hello\r\n")]
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_as_it_is_goes_as_a_file(
    #[case] eight_bit: bool,
    #[case] field: &str,
    #[case] body: &[u8],
) {
    let it = Answered::new(Engine::Sqlite).await;
    if !eight_bit {
        it.app.relay.change(Script::default().without("8BITMIME"));
    }
    let reply = [it.reply_with(field, "").as_bytes(), body].concat();
    it.comes(reply.clone()).await;
    assert_eq!(it.forward().await, FORWARDED);
    let mail = &it.mails()[0];
    let (_, kind, attached) = parts(mail);
    assert_eq!((kind.as_str(), attached), ("application/octet-stream", reply));
    assert!(mail.data.is_ascii() && mail.data.split(|byte| *byte == b'\n').all(|line| line.len() < 1000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_the_person_stays_valid() {
    let it = Answered::new(Engine::Sqlite).await;
    let home = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        let ran = Command::new("openssl").args(arguments).current_dir(home.path()).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        ran.stdout
    };
    let subject = "/CN=Carol Ek/emailAddress=hello@two.example";
    openssl(&["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-subj", subject]);
    std::fs::write(home.path().join("text"), "Content-Type: text/plain; charset=utf-8\r\n\r\nVänta med det här.\r\n")
        .unwrap();
    let signed = openssl(&["smime", "-sign", "-in", "text", "-signer", "c.pem", "-inkey", "k.pem"]);
    // As a mail program sends it: the signed part below the person's own head.
    let head = it.reply_with("", "");
    let reply = [head.trim_end_matches("\r\n").as_bytes(), b"\r\n", &signed].concat();
    it.comes(reply).await;
    assert_eq!(it.forward().await, FORWARDED);
    let (text, kind, attached) = parts(&it.mails()[0]);
    assert!(kind == "message/rfc822" && text.contains("Vänta med det här."), "{kind} {text}");
    std::fs::write(home.path().join("reply.eml"), attached).unwrap();
    let said = openssl(&["smime", "-verify", "-in", "reply.eml", "-CAfile", "c.pem"]);
    assert!(String::from_utf8_lossy(&said).contains("Vänta med det här."));
}

/// A person may begin anew at the address, without any mark of an answer. At a return path such a message is nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_message_to_the_address_is_a_persons_too() {
    let it = Answered::new(Engine::Sqlite).await;
    let message = |to: &str| format!("From: Bo <bo@two.example>\r\nTo: {to}\r\nSubject: A question\r\n\r\nHello?\r\n");
    let path = it.app.app.key().return_path(it.delivery, "bounces.example.com").to_string();
    it.comes_from("bo@two.example", &path, message(&path)).await;
    assert_eq!(it.became().await, []);
    it.comes_from("bo@two.example", &it.to.to_uppercase(), message(&it.to)).await;
    assert_eq!(it.forward().await, FORWARDED);
    let (text, ..) = parts(&it.mails()[0]);
    assert!(text.contains("Sent to:  hello@two.example, which is another address"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_forwarding_a_reply_is_recorded_and_stays() {
    let it = Answered::with(Engine::Sqlite, |config| config.inbound.replies = Replies::Off).await;
    it.comes(it.reply("hello")).await;
    assert_eq!((it.forward().await, it.became().await), (Forwards::default(), vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_erased_takes_the_reply_along() {
    let it = Answered::new(Engine::Sqlite).await;
    it.comes(it.reply("hello")).await;
    it.app.erase("hello@two.example").await.unwrap();
    assert_eq!(it.forward().await.failed, 1);
    assert_eq!(it.became().await, [(State::Failed, Some(besked::domain::forward::Reason::Deleted))]);
    assert!(it.mails().is_empty() && it.tasks().await.is_empty(), "there is nothing to look at");
}

/// A process that a test started, ended with it.
struct Serving(std::process::Child);

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From the mail in a Maildir to support, by the programs that users run.
#[tokio::test(flavor = "multi_thread")]
async fn the_service_forwards_and_the_commands_say_so() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    let on = "warning: `inbound.replies` is `forward`, but `besked serve` reads no mail";
    let shell = shell.env("BESKED__INBOUND__REPLIES", "forward");
    assert!(shell.run(&["config", "check"]).ok().err.contains(on));
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(shell.directory.path().join("mail").join(folder)).unwrap();
    }
    let shell = shell.env("BESKED__INBOUND__MAILDIR__PATH", "mail");
    assert!(!shell.run(&["config", "check"]).ok().err.contains("inbound"));
    let customers = shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", &customers]).ok();
    let notice = shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    shell.run(&["notice", "send", &notice, "--wait", "--yes"]).ok();
    let sent = relay.to("hello@two.example").remove(0);
    let delivery = sent.header("X-Besked-Delivery").unwrap();
    let mut serving = shell.command(&["serve", "--only", "inbound"]);
    let _serving = Serving(serving.spawn().unwrap());
    let reply = format!(
        "From: Carol <hello@two.example>\nTo: {}\nSubject: Re: x\nIn-Reply-To: <x@x>\n\nHej.\n",
        reply_to(&sent).1
    );
    shell.write("mail/new/1", &reply);
    let received = relay.wait_for(2).await;
    assert_eq!(received[1].to, "support@example.com");
    assert!(
        received[1].text().ends_with("Hej.\r\n") || received[1].text().ends_with("Hej.\n"),
        "{}",
        received[1].text()
    );
    // Accepted is not recorded yet.
    let mut shown = String::new();
    eventually("the record", || {
        shown = shell.run(&["deliveries", "show", &delivery]).ok().out;
        shown.contains(" and was forwarded to support at ")
    });
    assert!(shown.contains("a reply came at "), "{shown}");
    let listed = shell.run(&["--json", "inbound", "list"]).ok().json();
    let id = listed["inbound"][0]["id"].as_str().unwrap();
    assert_eq!(listed["inbound"][0]["forward"]["state"], "forwarded");
    assert!(shell.run(&["inbound", "show", id]).ok().out.contains(" and was forwarded to support at "));
    let message = ["inbound", "show", id, "--message"];
    shell.run(&message).fails(2, &["is a reply that was forwarded to support at "]);
    let shown = shell.run(&[&["--json"], message.as_slice()].concat()).ok().json();
    assert_eq!((&shown["message"]["forward"]["state"], &shown["eml"]), (&"forwarded".into(), &serde_json::Value::Null));
}
