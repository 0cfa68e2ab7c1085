//! The relay against a client of bare sockets, and against lettre's client, which does not know it.

use lettre::message::SinglePart;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use rstest::rstest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Act, Encryption, Gate, Relay, Script, Step, in_time, on};

/// A client that sends what the test says.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(server: &Relay) -> Self {
        Self(BufReader::new(TcpStream::connect(server.address).await.unwrap()))
    }

    /// Connected, and all said up to RCPT.
    async fn with_envelope(server: &Relay, to: &str) -> Self {
        let mut client = Self::connect(server).await;
        assert!(client.reply().await.starts_with("220 "));
        client.says("EHLO me").await;
        client.says("MAIL FROM:<a@one.example>").await;
        assert_eq!(client.says(&format!("RCPT TO:<{to}>")).await, "250 2.1.5 ok\r\n");
        client
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// A whole reply; what there is, if the connection ends.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        let lines = async {
            while self.0.read_line(&mut reply).await.unwrap_or(0) > 0 {
                let last = reply.lines().last().unwrap_or_default();
                if last.as_bytes().get(3) != Some(&b'-') {
                    break;
                }
            }
        };
        in_time("the server answers", lines).await;
        reply
    }

    async fn says(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n")).await;
        self.reply().await
    }

    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A connection that is reset has ended, too.
        let _ = in_time("the server closes", self.0.read_to_end(&mut rest)).await;
        rest
    }
}

/// Sends one message by lettre.
async fn lettre(server: &Relay, encryption: Encryption, password: &str) -> Result<String, String> {
    let pem = std::fs::read(server.ca_file()).unwrap();
    let authority = Certificate::from_pem(&pem).unwrap();
    let parameters = TlsParameters::builder("127.0.0.1".to_owned()).add_root_certificate(authority).build_rustls();
    let tls = match (encryption, parameters.unwrap()) {
        (Encryption::None, _) => Tls::None,
        (Encryption::StartTls, parameters) => Tls::Required(parameters),
        (Encryption::Implicit, parameters) => Tls::Wrapper(parameters),
    };
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(server.address.port())
        .tls(tls)
        .credentials(Credentials::new("besked".to_owned(), password.to_owned()))
        .build();
    let message = lettre::Message::builder()
        .from("a@one.example".parse().unwrap())
        .to("b@two.example".parse().unwrap())
        .subject("Hej")
        .singlepart(SinglePart::plain("åäö\r\n.dot\r\n..dots\r\n".to_owned()));
    let sent = transport.send(message.unwrap()).await;
    let sent = sent.map(|response| response.first_line().unwrap_or_default().to_owned());
    sent.map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))
}

#[rstest]
#[case(Encryption::None)]
#[case(Encryption::StartTls)]
#[case(Encryption::Implicit)]
#[tokio::test]
async fn another_client_signs_in_and_sends(#[case] encryption: Encryption) {
    let script = Script::default().encryption(encryption).user("besked", "hunter2");
    let server = Relay::with(script).await;
    assert_eq!(lettre(&server, encryption, "hunter2").await.unwrap(), "2.0.0 taken");
    let received = &server.wait_for(1).await[0];
    assert_eq!((received.from.as_str(), received.to.as_str()), ("a@one.example", "b@two.example"));
    assert_eq!((received.tls, received.auth.as_deref()), (encryption != Encryption::None, Some("besked")));
    let message = mail_parser::MessageParser::default().parse(&received.data).unwrap();
    assert_eq!(message.body_text(0).unwrap().trim_end(), "åäö\r\n.dot\r\n..dots");
    assert!(received.data.ends_with(b"\r\n"));
    assert_eq!(server.to("b@two.example").len(), 1);
    assert!(server.to("c@two.example").is_empty());
    let refused = lettre(&server, encryption, "wrong").await.unwrap_err();
    assert!(refused.contains("535") || refused.contains("5.7.8"), "{refused}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_certificate_of_another_name_is_not_taken() {
    let script = Script::default().encryption(Encryption::Implicit).certified_name("elsewhere.example");
    let server = Relay::with(script).await;
    let refused = lettre(&server, Encryption::Implicit, "x").await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    assert!(server.url().starts_with("smtps://"));
    assert!(!server.wait_for_ends(1).await[0].tls);
}

#[tokio::test]
async fn what_is_out_of_order_or_not_offered_is_refused() {
    let server = Relay::with(Script::default().extensions(&["PIPELINING"]).size(100)).await;
    let mut client = Client::connect(&server).await;
    client.reply().await;
    for (line, wanted) in [
        ("MAIL FROM:<a@one.example>", "503"),
        ("EHLO me", "250-relay.example\r\n250-PIPELINING\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 100\r\n"),
        ("RCPT TO:<b@two.example>", "503"),
        ("MAIL FROM:a@one.example", "501"),
        ("MAIL FROM:<a@one.example> BODY=8BITMIME", "555"),
        ("MAIL FROM:<a@one.example> SIZE=101", "552"),
        ("MAIL FROM:<å@one.example>", "553"),
        ("STARTTLS", "503"),
        ("AUTH CRAM-MD5", "504"),
        ("AUTH LOGIN", "334 VXNlcm5hbWU6\r\n"),
        ("YmVza2Vk", "334 UGFzc3dvcmQ6\r\n"),
        ("eA==", "235"),
        ("mail from:<>  size=100", "250"),
        ("MAIL FROM:<a@one.example>", "503"),
        ("DATA", "503"),
        ("RCPT TO:<å@two.example>", "553"),
        ("RSET", "250"),
        ("RCPT TO:<b@two.example>", "503"),
        ("NOOP", "250"),
        ("TURN", "500"),
    ] {
        let reply = client.says(line).await;
        assert!(reply.starts_with(wanted), "{line}: {reply}");
    }
    client.write("NOOP\nQUIT\r\n").await;
    assert_eq!(client.reply().await, "500 5.5.2 lines end with CRLF\r\n");
    assert_eq!(client.rest().await, b"221 2.0.0 bye\r\n");
    let connection = server.wait_for_ends(1).await.remove(0);
    assert_eq!((connection.commands.len(), connection.commands.last().unwrap().as_str()), (22, "QUIT"));
}

#[tokio::test]
async fn a_message_is_stored_byte_for_byte_or_refused() {
    let server = Relay::with(Script::default().size(5000)).await;
    for (sent, stored) in [
        ("a\r\n..\r\n..b\r\n.\r\n", Some("a\r\n.\r\n.b\r\n")),
        (".\r\n", Some("")),
        ("a\n.\n.\r\nb\r\n.\r\n", None),
        ("a\rb\r\n.\r\n", None),
        ("å\r\n.\r\n", None),
    ] {
        let before = server.received().len();
        let mut client = Client::with_envelope(&server, "b@two.example").await;
        client.says("DATA").await;
        client.write(sent).await;
        assert_eq!(client.reply().await.starts_with("250"), stored.is_some(), "{sent:?}");
        let after = server.received();
        assert_eq!(after.get(before).map(|it| it.data.as_slice()), stored.map(str::as_bytes), "{sent:?}");
    }
    for long in [format!("{}\r\n", "a".repeat(999)), "a\r\n".repeat(2000)] {
        let mut client = Client::with_envelope(&server, "b@two.example").await;
        client.says("DATA").await;
        client.write(long + ".\r\n").await;
        assert!(client.reply().await.starts_with("55"), "too long or too large");
    }
}

#[tokio::test]
async fn a_rule_counts_and_narrows() {
    let script = Script::default()
        .rule(on(Step::Rcpt).when("bob@").times(1).reply("450 4.2.0 later\r\n"))
        .rule(on(Step::Rcpt).when("bob@").reply("550 5.1.1 no such user\r\n"))
        .rule(on(Step::Mail).nth(2).reply("451 4.3.0 not now\r\n"));
    let server = Relay::with(script).await;
    let mut client = Client::with_envelope(&server, "ann@two.example").await;
    assert!(client.says("RCPT TO:<bob@two.example>").await.starts_with("450"));
    assert!(client.says("RCPT TO:<bob@two.example>").await.starts_with("550"));
    assert!(client.says("RCPT TO:<bob@three.example>").await.starts_with("550"));
    client.says("RSET").await;
    assert!(client.says("MAIL FROM:<a@one.example>").await.starts_with("451"), "the second");
    assert!(client.says("MAIL FROM:<a@one.example>").await.starts_with("250"), "the third");
    server.add(on(Step::Rcpt).reply("250 2.1.5 whoever\r\n"));
    assert_eq!(client.says("RCPT TO:<c@two.example>").await, "250 2.1.5 whoever\r\n");
    server.change(Script::default());
    assert_eq!(client.says("RCPT TO:<bob@two.example>").await, "250 2.1.5 ok\r\n");
    client.says("DATA").await;
    assert!(client.says("x\r\n.").await.starts_with("250"));
    assert_eq!(server.received()[0].connection, 0);
    assert_eq!(server.received()[0].to, "c@two.example, bob@two.example");
    assert_eq!(server.commands().iter().filter(|line| line.starts_with("MAIL")).count(), 3);
}

/// Whether the message was accepted, and the replies to the client after DATA.
#[rstest]
#[case::no(Act::Reply("451 4.3.0 later\r\n"), 0, b"451 4.3.0 later\r\n")]
#[case::yes(Act::Reply("250 queued\r\n"), 1, b"250 queued\r\n")]
#[case::half(Act::ReplyAndClose(b"25".to_vec()), 0, b"25")]
#[case::garbage(Act::ReplyAndClose(b"\xff\0\r\n".to_vec()), 0, b"\xff\0\r\n")]
#[case::before(Act::Close, 0, b"")]
#[case::between(Act::TakeAndClose, 1, b"")]
#[case::after(Act::CloseAfter, 1, b"250 2.0.0 taken\r\n")]
#[tokio::test]
async fn the_dot_has_every_end(#[case] act: Act, #[case] taken: usize, #[case] heard: &[u8]) {
    let server = Relay::with(Script::default().rule(on(Step::Dot).when("b@two").act(act))).await;
    let mut client = Client::with_envelope(&server, "b@two.example").await;
    client.says("DATA").await;
    client.write("x\r\n.\r\n").await;
    client.0.get_mut().shutdown().await.unwrap();
    assert_eq!(client.rest().await, heard);
    assert_eq!(server.received().len(), taken);
}

#[tokio::test]
async fn a_connection_can_be_lost_at_any_step() {
    for (step, said) in [(Step::Greeting, 0), (Step::Ehlo, 1), (Step::Mail, 2), (Step::Rcpt, 3), (Step::Data, 4)] {
        let server = Relay::with(Script::default().rule(on(step).close())).await;
        let mut client = Client::connect(&server).await;
        client.write("EHLO me\r\nMAIL FROM:<a@one.example>\r\nRCPT TO:<b@two.example>\r\nDATA\r\n").await;
        client.rest().await;
        assert_eq!(server.wait_for_ends(1).await[0].commands.len(), said, "{step:?}");
    }
    let server = Relay::with(Script::default().rule(on(Step::Body).act(Act::CloseAfterBytes(6)))).await;
    let mut client = Client::with_envelope(&server, "b@two.example").await;
    client.says("DATA").await;
    client.write("1234\r\n5\r\n.\r\n").await;
    client.rest().await;
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn answers_wait_for_their_gate_or_for_ever() {
    let (gate, quit) = (Gate::new(), Gate::new());
    let script = Script::default().rule(on(Step::Dot).after(&gate)).rule(on(Step::Quit).after(&quit).stall());
    let server = Relay::with(script).await;
    let mut client = Client::with_envelope(&server, "b@two.example").await;
    client.says("DATA").await;
    client.write("x\r\n.\r\n").await;
    gate.reached().await;
    assert!(server.received().is_empty());
    gate.open();
    assert!(client.reply().await.starts_with("250"));
    server.wait_for(1).await;
    client.write("QUIT\r\n").await;
    quit.open();
    quit.reached().await;
    server.stop().await;
    assert!(client.rest().await.is_empty(), "the end came without an answer");
}

#[tokio::test]
async fn a_reply_may_be_of_any_size_and_more_may_come_behind_it() {
    let long = format!("220 {}\r\n", "x".repeat(1 << 20));
    let script = Script::default()
        .encryption(Encryption::StartTls)
        .rule(on(Step::Greeting).reply(&long))
        .rule(on(Step::StartTls).act(Act::Inject(b"250 injected\r\n".to_vec())))
        .rule(on(Step::Tls).reply("no handshake"));
    let server = Relay::with(script).await;
    assert!(server.url().ends_with("?tls=required"));
    let mut client = Client::connect(&server).await;
    assert_eq!(client.reply().await, long);
    assert!(client.says("EHLO me").await.contains("250-STARTTLS\r\n"));
    client.write("STARTTLS\r\n").await;
    assert_eq!(client.rest().await, b"220 2.0.0 go ahead\r\n250 injected\r\nno handshake");
}

#[tokio::test]
async fn it_stops_and_listens_again_on_its_port() {
    let server = Relay::with(Script::default()).await;
    let mut client = Client::with_envelope(&server, "b@two.example").await;
    server.stop().await;
    assert_eq!(client.reply().await, "", "open connections end");
    TcpStream::connect(server.address).await.unwrap_err();
    server.restart().await;
    Client::with_envelope(&server, "b@two.example").await;
    assert_eq!(server.wait_for_ends(1).await.len(), 2, "it remembers");
    let address = server.address;
    drop(server);
    let closed = async { while TcpStream::connect(address).await.is_ok() {} };
    in_time("the port is closed", closed).await;
}
