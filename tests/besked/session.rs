//! Our SMTP session: what it writes, and the state of the connection afterwards. Faults are in [`crate::faults`].

mod behind;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use besked::config::{EXAMPLE, Relay as RelayConfig, Smtp, parse};
use besked::domain::address::Address;
use besked::domain::reply::{Stage, Verdict, classify};
use besked::mail::smtp::{Envelope, Extensions, Failed, Reports, Session};
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::relay::{Act, Encryption, Gate, Relay, Rule, Script, Step, on};

const MESSAGE: &str = "Subject: Hej\r\n\r\n.\r\n..dots\r\nåäö\r\n.\r\n";

/// With PIPELINING or without.
fn offering(pipelining: bool) -> Script {
    let extensions = ["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "PIPELINING"];
    Script::default().extensions(if pipelining { &extensions } else { &extensions[..3] })
}

/// The server as our configuration names it, with the deadlines of the example.
fn configured(server: &Relay) -> (RelayConfig, Smtp) {
    let config = parse(EXAMPLE, "example", &[]).unwrap();
    let mut relay = config.relays[0].clone();
    relay.url = server.url().parse().unwrap();
    relay.ca_file = Some(server.ca_file().to_owned());
    (relay, config.smtp)
}

const fn envelope<'a>(from: &'a Address, to: &'a Address) -> Envelope<'a> {
    Envelope { from: Some(from), to, reports: None }
}

async fn send(session: &mut Session, to: &str, message: &[u8]) -> Result<Option<String>, Failed> {
    let (from, to) = (Address::parse("a@one.example").unwrap(), Address::parse(to).unwrap());
    let in_doubt = AtomicBool::new(false);
    let sent = session.send(envelope(&from, &to), message, &in_doubt, || true).await;
    if let Err(failed) = &sent {
        assert_eq!(
            in_doubt.load(Ordering::Relaxed),
            failed.stage == Stage::Dot,
            "in doubt from the dot on: {failed:?}"
        );
    }
    sent.map(|reply| reply.map(|reply| reply.text))
}

/// The result of one message on a new connection.
async fn attempt(server: &Relay, message: &[u8]) -> Result<Option<String>, Failed> {
    let (relay, deadlines) = configured(server);
    let mut session = Session::open(&relay, &deadlines).await?;
    send(&mut session, "b@two.example", message).await
}

fn verdict(failed: &Failed) -> (Stage, Verdict) {
    (failed.stage, classify(failed.stage, &failed.failure, failed.reused))
}

/// Larger than what the kernel buffers for a server that does not read.
fn large() -> String {
    format!("Subject: large\r\n\r\n{}", format!("{}\r\n", "x".repeat(900)).repeat(10_000))
}

#[rstest]
#[case(Encryption::None)]
#[case(Encryption::StartTls)]
#[case(Encryption::Implicit)]
#[tokio::test]
async fn what_is_stored_is_what_was_sent_on_every_transaction_of_a_connection(
    #[case] encryption: Encryption,
    #[values(false, true)] pipelining: bool,
) {
    let script = offering(pipelining).encryption(encryption).user("besked", "hunter2");
    let server = Relay::with(script).await;
    let (mut relay, deadlines) = configured(&server);
    relay.url.user = Some("besked".to_owned());
    relay.password = Some("hunter2".to_owned().into());
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    let ascii = "Subject: x\r\n\r\n.\r\n.\r\n";
    for message in [MESSAGE, ascii, "\r\n", &large()[..1_000_000], "Subject: no line break at its end\r\n\r\nx\r\n"] {
        let message = if message.ends_with("\r\n") { message.to_owned() } else { format!("{message}\r\n") };
        assert_eq!(send(&mut session, "b@two.example", message.as_bytes()).await.unwrap().unwrap(), "2.0.0 taken");
        let stored = server.received().pop().unwrap();
        assert!(stored.data == message.as_bytes(), "{} bytes became {}", message.len(), stored.data.len());
        assert_eq!((stored.connection, stored.auth.as_deref()), (0, Some("besked")));
        assert_eq!(stored.tls, encryption != Encryption::None);
    }
    session.quit().await;
    let commands = server.commands();
    assert_eq!(commands.last().unwrap(), "QUIT");
    assert!(!commands.iter().any(|line| line == "RSET"));
    let greetings = commands.iter().filter(|line| line.starts_with("EHLO ")).count();
    assert_eq!(greetings, if encryption == Encryption::StartTls { 2 } else { 1 }, "again under TLS only");
}

#[tokio::test]
async fn what_the_server_does_not_offer_is_not_tried() {
    let server = Relay::with(Script::default().extensions(&[]).size(100)).await;
    let (relay, deadlines) = configured(&server);
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    for (to, message, told) in [
        ("b@two.example", "å\r\n".to_owned(), "8BITMIME"),
        ("å@two.example", "a\r\n".to_owned(), "SMTPUTF8"),
        ("b@two.example", "a\r\n".repeat(40), "the server accepts 100"),
    ] {
        let failed = send(&mut session, to, message.as_bytes()).await.unwrap_err();
        assert!(failed.failure.text().contains(told), "{failed:?}");
        assert_eq!(verdict(&failed).1, Verdict::NotCarried);
    }
    assert!(session.is_usable());
    assert_eq!(send(&mut session, "b@two.example", b"a\r\n").await.unwrap().unwrap(), "2.0.0 taken");
}

#[rstest]
#[tokio::test]
async fn a_connection_that_has_served_may_end_and_a_refusal_leaves_it_usable(#[values(false, true)] pipelining: bool) {
    let script = offering(pipelining)
        .rule(on(Step::Rcpt).nth(2).reply("450 4.2.0 later\r\n"))
        .rule(on(Step::Mail).nth(4).reply("421 4.3.2 enough\r\n"));
    let server = Relay::with(script).await;
    let (relay, deadlines) = configured(&server);
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    send(&mut session, "b@two.example", b"1\r\n").await.unwrap();
    let failed = send(&mut session, "b@two.example", b"2\r\n").await.unwrap_err();
    assert_eq!(verdict(&failed), (Stage::Rcpt, Verdict::Deferred));
    assert!(session.is_usable());
    send(&mut session, "b@two.example", b"3\r\n").await.unwrap();
    let failed = send(&mut session, "b@two.example", b"4\r\n").await.unwrap_err();
    assert_eq!(verdict(&failed), (Stage::Mail, Verdict::ConnectionEnded));
    assert!(!session.is_usable());
    assert_eq!(server.received().iter().map(|it| it.data.as_slice()).collect::<Vec<_>>(), [b"1\r\n", b"3\r\n"]);
}

#[tokio::test]
async fn a_withheld_message_leaves_the_connection_for_the_next() {
    let gate = Gate::new();
    let server = Relay::with(offering(false).rule(on(Step::Rcpt).times(1).after(&gate))).await;
    let (relay, deadlines) = configured(&server);
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    let (from, to) = (Address::parse("a@one.example").unwrap(), Address::parse("b@two.example").unwrap());
    let in_doubt = AtomicBool::new(false);
    let open = async {
        gate.reached().await;
        gate.open();
    };
    let (sent, ()) = tokio::join!(session.send(envelope(&from, &to), b"x\r\n", &in_doubt, || false), open);
    assert!(sent.unwrap().is_none());
    send(&mut session, "b@two.example", b"y\r\n").await.unwrap();
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn reports_are_asked_for_where_they_are_offered() {
    let delivery = uuid::Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0001);
    let from = Address::parse("a@one.example").unwrap();
    let reports = |success| Some(Reports { delivery, success });
    let mail = || format!(" RET=HDRS ENVID={delivery}");
    let long = format!("{}@two.example", "=".repeat(64));
    for (offered, to, of, mail, rcpt) in [
        (true, "b@two.example", reports(false), mail(), " NOTIFY=FAILURE,DELAY ORCPT=rfc822;b@two.example"),
        (true, "b@two.example", reports(true), mail(), " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b@two.example"),
        (
            true,
            "b+c=d@two.example",
            reports(true),
            mail(),
            " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;b+2Bc+3Dd@two.example",
        ),
        (
            true,
            "å+b@two.example",
            reports(true),
            format!(" SMTPUTF8{}", mail()),
            " NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=utf-8;\\x{E5}\\x{2B}b@two.example",
        ),
        (
            true,
            &long,
            reports(true),
            mail(),
            &format!(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{}@two.example", "+3D".repeat(64)),
        ),
        (true, "b@two.example", None, String::new(), ""),
        (false, "b@two.example", reports(true), String::new(), ""),
    ] {
        let extensions: &[_] = if offered { &["DSN", "SMTPUTF8"] } else { &[] };
        let (server, to) =
            (Relay::with(Script::default().extensions(extensions).size(0)).await, Address::parse(to).unwrap());
        let (relay, deadlines) = configured(&server);
        let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
        let envelope = Envelope { reports: of, ..envelope(&from, &to) };
        session.send(envelope, b"x\r\n", &AtomicBool::new(false), || true).await.unwrap().unwrap();
        let wanted = [format!("MAIL FROM:<a@one.example>{mail}"), format!("RCPT TO:<{to}>{rcpt}")];
        assert_eq!(server.commands()[1..3], wanted);
    }
}

/// Each mechanism that we speak, however the server announces it, and what it says that makes no sense.
#[rstest]
#[case("250-relay.example\r\n250-auth=plain\r\n250 x\r\n", None, "AUTH PLAIN AGJlc2tlZABodW50ZXIy")]
#[case("250-relay.example\r\n250 Auth Login cram-md5\r\n", None, "aHVudGVyMg==")]
#[case(
    "250-relay.example\r\n250 AUTH CRAM-MD5\r\n",
    Some("offers AUTH CRAM-MD5, Besked speaks PLAIN and LOGIN"),
    "QUIT"
)]
#[case("250 relay.example\r\n", Some("the server offers no AUTH"), "QUIT")]
#[tokio::test]
async fn it_signs_in_as_the_server_asks(#[case] ehlo: &str, #[case] why: Option<&str>, #[case] last: &str) {
    let script = offering(false).user("besked", "hunter2").rule(on(Step::Ehlo).reply(ehlo));
    let server = Relay::with(script).await;
    let (mut relay, deadlines) = configured(&server);
    relay.url.user = Some("besked".to_owned());
    relay.password = Some("hunter2".to_owned().into());
    let opened = Session::open(&relay, &deadlines).await.map(drop);
    assert_eq!(opened.is_err(), why.is_some());
    if let (Err(failed), Some(why)) = (opened, why) {
        assert!(failed.stage == Stage::Auth && failed.failure.text().contains(why), "{failed:?}");
    }
    assert_eq!(server.commands().last().unwrap(), last);
}

#[tokio::test]
async fn a_challenge_that_makes_no_sense_is_not_answered() {
    for (challenge, shown) in [("334 d2hv\r\n", "334 d2hv"), ("334\r\n", "334 "), ("334 \x3f\r\n", "334 ?")] {
        let server = Relay::with(offering(false).rule(on(Step::Auth).reply(challenge))).await;
        let (mut relay, deadlines) = configured(&server);
        relay.url.user = Some("besked".to_owned());
        relay.password = Some("hunter2".to_owned().into());
        let failed = Session::open(&relay, &deadlines).await.map(drop).unwrap_err();
        assert_eq!((failed.stage, failed.failure.text()), (Stage::Auth, format!("unexpected reply: {shown}")));
    }
}

/// Odd, but not wrong.
#[rstest]
#[case(on(Step::Ehlo).reply("250-relay.example\r\n250-\r\n250 \r\n"), "2.0.0 taken")]
#[case(on(Step::Greeting).reply("220-one\r\n220-two\r\n220 three\r\n"), "2.0.0 taken")]
#[case(on(Step::Ehlo).reply("250 relay\r\n"), "2.0.0 taken")]
#[case(on(Step::Ehlo).reply("250-relay.example\r\n250-  \r\n250 SIZE\r\n"), "2.0.0 taken")]
#[case(on(Step::Dot).reply("250-2.0.0 one\r\n250 2.0.0 two\r\n"), "2.0.0 one\n2.0.0 two")]
#[case(on(Step::Dot).reply("250 \r\n"), "")]
#[case::bare(on(Step::Dot).reply("250\r\n"), "")]
#[case::bare_go_ahead(on(Step::Data).reply("354\r\n"), "2.0.0 taken")]
#[case(on(Step::Dot).reply("250 åäö\r\n"), "åäö")]
#[case(on(Step::Dot).act(Act::CloseAfter), "2.0.0 taken")]
#[tokio::test]
async fn odd_answers_are_taken_for_what_they_say(#[case] rule: Rule, #[case] reply: &str) {
    let server = Relay::with(Script::default().rule(rule)).await;
    let sent = attempt(&server, b"Subject: x\r\n\r\nx\r\n").await;
    assert_eq!(sent.map_err(|failed| format!("{failed:?}")), Ok(Some(reply.to_owned())));
}

/// The bytes of each read of a server that answers each with the next of `answers`.
async fn reads(answers: &'static [&'static str], message: &[u8]) -> Vec<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut reads = Vec::new();
        for answer in answers {
            stream.write_all(answer.as_bytes()).await.unwrap();
            let mut bytes = vec![0; 1 << 20];
            let count = stream.read(&mut bytes).await.unwrap();
            reads.push(String::from_utf8(bytes[..count].to_vec()).unwrap());
        }
        reads
    });
    let config = parse(EXAMPLE, "example", &[]).unwrap();
    let mut relay = config.relays[0].clone();
    relay.url = format!("smtp://{address}?tls=none").parse().unwrap();
    let mut session = Session::open(&relay, &config.smtp).await.map_err(|failed| format!("{failed:?}")).unwrap();
    send(&mut session, "b@two.example", message).await.unwrap();
    session.quit().await;
    server.await.unwrap()
}

#[tokio::test]
async fn what_need_not_wait_goes_out_in_one_write() {
    const EHLO: &str = "250-relay.example\r\n250 PIPELINING\r\n";
    let message = format!("Subject: x\r\n\r\n{}", ".dotted line\r\n".repeat(1000));
    let answers = &["220 relay.example\r\n", EHLO, "250 ok\r\n250 ok\r\n354 go\r\n", "250 taken\r\n"];
    let reads = reads(answers, message.as_bytes()).await;
    assert_eq!(reads[1], "MAIL FROM:<a@one.example>\r\nRCPT TO:<b@two.example>\r\nDATA\r\n");
    assert_eq!(reads[2], message.replace("\n.", "\n..") + ".\r\n", "the message and its dot");
    assert_eq!(reads[3], "QUIT\r\n");
}

#[tokio::test]
async fn a_group_without_a_recipient_ends_with_a_lone_dot_and_stays_in_step() {
    let script = offering(true)
        .rule(on(Step::Rcpt).when("gone@").reply("550 5.1.1 no such user\r\n"))
        .rule(on(Step::Data).nth(1).reply("354 go ahead all the same\r\n"))
        .rule(on(Step::Dot).nth(1).reply("554 5.5.1 no valid recipients\r\n"));
    let server = Relay::with(script).await;
    let (relay, deadlines) = configured(&server);
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    for _ in 0..2 {
        let failed = send(&mut session, "gone@two.example", b"secret\r\n").await.unwrap_err();
        assert_eq!(verdict(&failed), (Stage::Rcpt, Verdict::Rejected { dead: true }), "{failed:?}");
        assert!(session.is_usable());
    }
    send(&mut session, "b@two.example", b"y\r\n").await.unwrap();
    assert_eq!(server.received().iter().map(|it| it.data.as_slice()).collect::<Vec<_>>(), [b"y\r\n"]);
    let commands = server.commands();
    let resets: Vec<_> = (0..commands.len()).filter(|at| commands[*at] == "RSET").collect();
    assert_eq!(resets.len(), 1, "the lone dot ended the first, the refused DATA did not end the second: {commands:?}");
}

#[tokio::test]
async fn nothing_of_a_group_is_written_where_it_may_not_be_sent() {
    let server = Relay::with(offering(true)).await;
    let (relay, deadlines) = configured(&server);
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    let (from, to) = (Address::parse("a@one.example").unwrap(), Address::parse("b@two.example").unwrap());
    let in_doubt = AtomicBool::new(false);
    assert!(session.send(envelope(&from, &to), b"x\r\n", &in_doubt, || false).await.unwrap().is_none());
    assert!(session.is_usable());
    session.quit().await;
    assert!(!server.wait_for_ends(1).await[0].commands.iter().any(|line| line.starts_with("MAIL")));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_lay_idle_may_be_ended_by_the_server() {
    let server = Relay::with(Script::default().rule(on(Step::Mail).reply("421 4.4.2 idle for too long\r\n"))).await;
    let (relay, deadlines) = configured(&server);
    for (idle, expected) in [(0, Verdict::RelayDown), (5, Verdict::ConnectionEnded)] {
        let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
        tokio::time::advance(Duration::from_secs(idle)).await;
        let failed = send(&mut session, "b@two.example", b"x\r\n").await.unwrap_err();
        assert_eq!(verdict(&failed), (Stage::Mail, expected), "after {idle} s");
    }
}

/// RFC 5321 section 3.2: without an extension, whatever the answer to EHLO was.
#[rstest]
#[case("500 5.5.1 what")]
#[case("502 5.5.1 not here")]
#[case("504 5.5.4 not that name")]
#[case("550 no")]
#[tokio::test]
async fn a_server_that_does_not_know_ehlo_is_greeted_with_helo(#[case] answer: &str) {
    let unknown = |encryption| {
        let ehlo = on(Step::Ehlo).when("EHLO").reply(format!("{answer}\r\n"));
        Script::default().encryption(encryption).rule(ehlo)
    };
    let server = Relay::with(unknown(Encryption::None)).await;
    let (mut relay, deadlines) = configured(&server);
    let mut session = Session::open(&relay, &deadlines).await.map_err(|failed| format!("{failed:?}")).unwrap();
    assert_eq!(session.extensions(), Extensions::default());
    assert_eq!(send(&mut session, "b@two.example", b"1\r\n").await.unwrap().unwrap(), "2.0.0 taken");
    let name = &deadlines.hello_name;
    let wanted = [
        &format!("EHLO {name}"),
        &format!("HELO {name}"),
        "MAIL FROM:<a@one.example>",
        "RCPT TO:<b@two.example>",
        "DATA",
    ];
    assert_eq!(server.commands(), wanted);
    relay.url.user = Some("besked".to_owned());
    relay.password = Some("hunter2".to_owned().into());
    let failed = Session::open(&relay, &deadlines).await.map(drop).unwrap_err();
    assert!(failed.stage == Stage::Auth && failed.failure.text().contains("offers no AUTH"), "{failed:?}");
    let server = Relay::with(unknown(Encryption::StartTls)).await;
    let (relay, deadlines) = configured(&server);
    let failed = Session::open(&relay, &deadlines).await.map(drop).unwrap_err();
    assert!(failed.stage == Stage::StartTls && failed.failure.text().contains("does not offer STARTTLS"), "{failed:?}");
}

#[rstest]
#[case("421 4.3.2 busy")]
#[case("451 4.3.0 later")]
#[case("554 5.7.1 go away")]
#[tokio::test]
async fn a_server_that_refuses_us_at_ehlo_is_not_asked_again(#[case] answer: &str) {
    let server = Relay::with(Script::default().rule(on(Step::Ehlo).reply(format!("{answer}\r\n")))).await;
    let (relay, deadlines) = configured(&server);
    let failed = Session::open(&relay, &deadlines).await.map(drop).unwrap_err();
    assert_eq!(failed.failure.text(), format!("{answer} (in reply to EHLO)"));
    assert!(!server.commands().iter().any(|line| line.starts_with("HELO")), "{:?}", server.commands());
}
