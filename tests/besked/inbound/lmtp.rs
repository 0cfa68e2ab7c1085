//! The LMTP listener, over bytes that a client of any kind may send.

use std::io;
use std::time::Duration;

use besked::config::LmtpListen;
use besked::inbound::lmtp;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{bounce, listed};
use crate::app::{TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;
use crate::postfix::{eventually, free_port};
use crate::trouble::proxy::Proxy;

/// An application whose listener is on a port.
struct Listening {
    app: TestApp,
    port: u16,
    ended: CancellationToken,
}

impl Listening {
    async fn new() -> Self {
        Self::over(TestApp::new(Engine::Sqlite).await).await
    }

    async fn over(app: TestApp) -> Self {
        let port = free_port();
        let (app, ended) = listening(app, LmtpListen::Tcp(([127, 0, 0, 1], port).into())).await;
        let it = Self { app, port, ended };
        drop(it.client().await);
        it
    }

    async fn client(&self) -> Client {
        Client::connect(self.port).await
    }

    fn path(&self, delivery: u128) -> String {
        path(&self.app, delivery)
    }
}

/// The application with its listener on this place, until the token is cancelled.
async fn listening(app: TestApp, listen: LmtpListen) -> (TestApp, CancellationToken) {
    let app = app
        .configured(|config| {
            config.inbound.lmtp_listen = Some(listen);
            config.inbound.addresses = vec![crate::app::address("fbl@bounces.example.com")];
        })
        .await;
    let ended = CancellationToken::new();
    let (inbound, token) = (app.app.inbound.clone(), ended.clone());
    let runtime = tokio::runtime::Handle::current();
    std::thread::spawn(move || runtime.block_on(async { inbound.serve(&token).await.unwrap() }));
    (app, ended)
}

/// A signed return path of some delivery.
fn path(app: &TestApp, delivery: u128) -> String {
    app.app.key().return_path(Uuid::from_u128(delivery), "bounces.example.com").to_string()
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// A client that writes what it is given.
struct Client<S = TcpStream>(BufReader<S>);

impl Client {
    async fn connect(port: u16) -> Self {
        Self::greeted(async || TcpStream::connect(("127.0.0.1", port)).await).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Connects, and reads the greeting.
    async fn greeted(connect: impl AsyncFn() -> io::Result<S>) -> Self {
        let mut tries = 0;
        let stream = loop {
            match connect().await {
                Ok(stream) => break stream,
                Err(error) => assert!(tries < 4800, "{error}"),
            }
            tries += 1;
            pause(50).await;
        };
        let mut client = Self(BufReader::new(stream));
        client.reply().await;
        client
    }

    async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next reply, all its lines; empty at the end of the connection.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let begin = reply.len();
            let read = timeout(Duration::from_secs(60), self.0.read_line(&mut reply)).await.expect("a reply");
            // A connection that was reset has ended as well.
            if read.unwrap_or(0) == 0 || reply.as_bytes().get(begin + 3) != Some(&b'-') {
                return reply;
            }
        }
    }

    async fn replies(&mut self, count: usize) -> Vec<String> {
        let mut replies = Vec::new();
        for _ in 0..count {
            replies.push(self.reply().await[..9].to_owned());
        }
        replies
    }

    async fn say(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n")).await;
        self.reply().await
    }

    /// Greets, and says where a message goes, up to the answer to DATA.
    async fn begin(&mut self, to: &str) {
        self.write(format!("LHLO me.example\r\nMAIL FROM:<>\r\nRCPT TO:<{to}>\r\nDATA\r\n")).await;
        assert_eq!(self.replies(4).await[2..], ["250 2.1.5", "354 send "]);
    }

    /// Sends one message to one recipient, and returns the answer to its final dot.
    async fn send(&mut self, to: &str, message: &[u8]) -> String {
        self.begin(to).await;
        self.write(message).await;
        self.write("\r\n.\r\n").await;
        self.reply().await
    }
}

/// Lets time pass, as a client does that is in no hurry.
async fn pause(milliseconds: u64) {
    let _ = timeout(Duration::from_millis(milliseconds), std::future::pending::<()>()).await;
}

async fn raw(app: &TestApp, id: Uuid) -> Vec<u8> {
    app.app.inbound.message(&alice(), id).await.unwrap().1.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_ten_recipients_three_foreign_ones_are_refused_and_the_others_have_a_reply_each() {
    let it = Listening::new().await;
    let key = it.app.app.key();
    let mut own: Vec<String> = (1..=5).map(|delivery| it.path(delivery)).collect();
    own[4] = own[4].to_uppercase();
    own.push(key.reply_path(Uuid::from_u128(6), "bounces.example.com").to_string());
    own.push("FBL@bounces.example.com".to_owned());
    let foreign = [
        besked::mail::token::TokenKey::new([9; 32]).return_path(Uuid::from_u128(1), "bounces.example.com").to_string(),
        key.return_path(Uuid::from_u128(1), "elsewhere.example").to_string(),
        own[0].replacen("b+", "reply+", 1),
    ];
    let all = [&own[..2], &foreign[..1], &own[2..5], &foreign[1..], &own[5..]].concat();
    let mut client = it.client().await;
    // Everything in one write, as PIPELINING allows.
    let recipients: String = all.iter().map(|to| format!("RCPT TO:<{to}>\r\n")).collect();
    client.write(format!("LHLO me.example\r\nMAIL FROM:<> SIZE=500 BODY=8BITMIME\r\n{recipients}DATA\r\n")).await;
    let told = client.reply().await;
    for extension in ["PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "SIZE 25000000"] {
        assert!(told.contains(extension), "{told}");
    }
    let replies = client.replies(12).await;
    assert_eq!(replies[0], "250 2.1.0");
    for (to, reply) in all.iter().zip(&replies[1..11]) {
        assert_eq!(reply, if foreign.contains(to) { "550 5.1.1" } else { "250 2.1.5" }, "{to}");
    }
    assert_eq!(replies[11], "354 send ");
    client.write(bounce(1).replace('\n', "\r\n") + ".\r\n").await;
    assert_eq!(client.replies(7).await, ["250 2.0.0"; 7]);
    assert_eq!(client.say("QUIT").await, "221 2.0.0 bye\r\n");
    assert_eq!(listed(&it.app).await.len(), 7, "one for each recipient that was accepted");

    // Nobody is left: no message is asked for.
    let mut client = it.client().await;
    client.write(format!("LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<{}>\r\nDATA\r\nRSET\r\n", foreign[0])).await;
    assert_eq!(client.replies(5).await[2..], ["550 5.1.1", "503 5.5.1", "250 2.0.0"]);
    client.write("MAIL FROM:<\"a\u{1}b\"@x.example>\r\nEHLO me\r\n").await;
    let replies = client.replies(2).await;
    assert!(replies.iter().all(|reply| reply.starts_with('5')), "{replies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stored_as_it_was_sent_and_ends_only_with_a_dot_alone_between_line_breaks() {
    let it = Listening::new().await;
    let mut client = it.client().await;
    let odd: &[&[u8]] = &[
        b"Subject: smuggled?\r\n\r\nx\n.\nMAIL FROM:<>\nRCPT TO:<a@b>\nDATA\n\n.\r\ny\r\n.\nz\r.\r\r\n",
        b"Subject: \0 and 8 bits \xff\xe5\r\n\r\n\0\x80\r\n",
        b".Subject: dots\r\n\r\n..\r\n...\r\n.a\r\n",
        b"\r\n",
        b"",
    ];
    for (number, message) in odd.iter().enumerate() {
        client.begin(&it.path(number as u128)).await;
        let stuffed: Vec<u8> = [&b"\r\n"[..], message].concat();
        let stuffed = stuffed.split_inclusive(|byte| *byte == b'\n').fold(Vec::new(), |mut all: Vec<u8>, line| {
            all.extend(if all.ends_with(b"\r\n") && line.starts_with(b".") { &b"."[..] } else { b"" });
            [all, line.to_vec()].concat()
        });
        client.write([&stuffed[2..], b".\r\n"].concat()).await;
        assert_eq!(client.reply().await, "250 2.0.0 stored\r\n");
        let stored = listed(&it.app).await;
        assert_eq!(stored.len(), number + 1, "one message each");
        assert_eq!(raw(&it.app, stored[0].id).await, *message, "{number}");
    }
    // Byte by byte, with a pause between them.
    let mut slow = it.client().await;
    let message = "Subject: slow\r\n\r\n..\r\n";
    for byte in format!("LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<{}>\r\nDATA\r\n", it.path(9)).bytes() {
        slow.write([byte]).await;
        pause(1).await;
    }
    assert_eq!(slow.replies(4).await[3], "354 send ");
    for byte in format!("{message}.\r\n").bytes() {
        slow.write([byte]).await;
        pause(1).await;
    }
    assert_eq!(slow.reply().await, "250 2.0.0 stored\r\n");
    let stored = listed(&it.app).await;
    assert_eq!(raw(&it.app, stored[0].id).await, b"Subject: slow\r\n\r\n.\r\n");
    // A client that goes away within a message has sent none.
    let mut gone = it.client().await;
    gone.begin(&it.path(10)).await;
    gone.write("Subject: cut off\r\n").await;
    drop(gone);
    assert_eq!(client.say("NOOP").await, "250 2.0.0 ok\r\n");
    assert_eq!(listed(&it.app).await.len(), odd.len() + 1);
}

/// What other servers may send: each has its answer, and what is a message to them is never read as commands.
#[tokio::test(flavor = "multi_thread")]
async fn odd_clients_are_answered_and_smuggle_nothing() {
    let it = Listening::new().await;
    let mut client = it.client().await;
    let path = it.path(1);
    let smuggled = format!("MAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n");
    client.write("LHLO me\r\nMAIL FROM:<>\r\n").await;
    client.write(format!("RCPT TO:<{path}>\r\nBDAT {} LAST\r\n{smuggled}NOOP\r\n", smuggled.len())).await;
    let replies = client.replies(5).await;
    assert_eq!(replies.iter().map(|it| &it[..3]).collect::<Vec<_>>(), ["250", "250", "250", "502", "250"]);
    assert_eq!(listed(&it.app).await.len(), 0);
    // The same address twice has two answers and is stored once; RSET, NOOP and VRFY in between change nothing.
    client.write(format!(
        "RSET\r\nMAIL FROM:<>\r\nRCPT TO:<{path}>\r\nNOOP\r\nVRFY x\r\nRCPT TO:<{path}>\r\nEHLO me\r\nSTARTTLS\r\nDATA\r\n"
    ))
    .await;
    let replies = client.replies(9).await;
    assert_eq!(
        replies.iter().map(|it| &it[..3]).collect::<Vec<_>>(),
        ["250", "250", "250", "250", "252", "250", "500", "502", "354"]
    );
    client.write(bounce(1).replace('\n', "\r\n") + ".\r\n").await;
    assert_eq!(client.replies(2).await, ["250 2.0.0"; 2]);
    assert_eq!(listed(&it.app).await.len(), 1);
    // LHLO in the middle ends the transaction.
    client.write(format!("MAIL FROM:<>\r\nRCPT TO:<{path}>\r\nLHLO me\r\nDATA\r\nQUIT\r\n")).await;
    let replies = client.replies(5).await;
    assert_eq!(replies.iter().map(|it| &it[..3]).collect::<Vec<_>>(), ["250", "250", "250", "503", "221"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_sent_or_after_and_the_session_goes_on() {
    let it = Listening::new().await;
    let mut client = it.client().await;
    client.write("LHLO me\r\nMAIL FROM:<> SIZE=25000001\r\n").await;
    assert_eq!(client.replies(2).await[1], "552 5.3.4");
    let line = [b'x'; 998].to_vec();
    let line = [&line[..], b"\r\n"].concat();
    client.begin(&it.path(1)).await;
    for _ in 0..50 {
        client.write(line.repeat(1000)).await;
    }
    client.write(".\r\n").await;
    assert_eq!(client.reply().await, "552 5.3.4 the message is too large\r\n");
    assert_eq!(client.send(&it.path(1), bounce(1).as_bytes()).await, "250 2.0.0 stored\r\n");
    let long = client.say(&"x".repeat(5000)).await;
    assert!(long.starts_with("500 5.5."), "{long}");
    client.write(format!("NOOP\r\n{}", "NOOP\r\n".repeat(1100))).await;
    assert_eq!(client.replies(1101).await.last().unwrap(), "250 2.0.0");
    assert_eq!(listed(&it.app).await.len(), 1);
}

/// Over a Unix socket: a TCP connection takes ten megabytes that nobody has read yet.
#[tokio::test(flavor = "multi_thread")]
async fn large_messages_share_memory_and_the_one_too_many_comes_later() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lmtp");
    let (app, ended) = listening(TestApp::new(Engine::Sqlite).await, LmtpListen::Unix(socket.clone())).await;
    let _ended = ended.drop_guard();
    // Eleven units of memory beyond the first, which is free: the last client finds 128 - 11 * 11 of them.
    let part = [&[b'x'; 998][..], b"\r\n"].concat().repeat(12_000);
    let mut clients = Vec::new();
    for number in 0..12 {
        let mut client = Client::greeted(async || UnixStream::connect(&socket).await).await;
        client.begin(&path(&app, number)).await;
        client.write(&part).await;
        clients.push(client);
    }
    let mut answers = Vec::new();
    for client in &mut clients {
        client.write(".\r\n").await;
        answers.push(client.reply().await[..9].to_owned());
    }
    answers.sort();
    assert_eq!(answers[..11], ["250 2.0.0"; 11]);
    assert_eq!(answers[11], "452 4.3.1");
    assert_eq!(clients[11].send(&path(&app, 11), &part).await, "250 2.0.0 stored\r\n", "the memory is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_beyond_the_limit_are_turned_away_and_silent_ones_hold_up_nobody() {
    let it = Listening::new().await;
    let (mut last, mut silent) = (it.client().await, Vec::new());
    let told = loop {
        let mut client = Client(BufReader::new(TcpStream::connect(("127.0.0.1", it.port)).await.unwrap()));
        let greeting = client.reply().await;
        if !greeting.starts_with("220") {
            break greeting;
        }
        silent.push(client);
    };
    assert_eq!(told, "421 4.7.0 too many connections, try again later\r\n");
    assert!((62..=63).contains(&silent.len()), "{}: the one that found that it listens may still count", silent.len());
    assert_eq!(last.send(&it.path(1), bounce(1).as_bytes()).await, "250 2.0.0 stored\r\n");
    drop(silent.pop());
    for _ in 0..100 {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", it.port)).await.unwrap());
        let mut greeting = String::new();
        stream.read_line(&mut greeting).await.unwrap();
        if greeting.starts_with("220") {
            it.ended.cancel();
            assert_eq!(last.reply().await, "421 4.3.2 shutting down\r\n");
            return;
        }
        pause(20).await;
    }
    panic!("no place became free");
}

/// A session over a pair of streams, in a time that passes by itself.
#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_for_five_minutes_is_left() {
    struct Closed(tokio::sync::Semaphore);
    impl lmtp::session::Door for Closed {
        fn name(&self) -> &str {
            "me.example"
        }
        fn largest(&self) -> usize {
            1000
        }
        fn room(&self) -> &tokio::sync::Semaphore {
            &self.0
        }
        fn accepts(&self, _: &str) -> bool {
            true
        }
        async fn take(&self, _: lmtp::session::Received) -> lmtp::session::Taken {
            lmtp::session::Taken::Later
        }
    }
    let door = Closed(tokio::sync::Semaphore::new(1));
    let begun = tokio::time::Instant::now();
    let (mut ours, theirs) = tokio::io::duplex(10_000);
    let ended = lmtp::session::serve(theirs, &door).await.unwrap_err();
    assert!(ended.to_string().contains("silent"), "{ended}");
    assert_eq!(begun.elapsed().as_secs(), 300);
    drop(ours.read_u8().await);
    // A message that trickles in for ever.
    let (mut ours, theirs) = tokio::io::duplex(10_000);
    let trickle = async {
        ours.write_all(b"LHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n").await.unwrap();
        while ours.write_all(b"x").await.is_ok() {
            pause(60_000).await;
        }
    };
    let begun = tokio::time::Instant::now();
    let (ended, ()) = tokio::join!(lmtp::session::serve(theirs, &door), trickle);
    assert!(ended.is_err() && (15..=17).contains(&(begun.elapsed().as_secs() / 60)), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_away_the_sender_keeps_its_mail_and_nothing_is_stored_twice() {
    let app = TestApp::new(Engine::Postgres).await;
    let url = app.app.context.config.database.url.expose();
    let proxy = Proxy::before(&url).await;
    let app = app.at(&proxy.url(&url)).await;
    let it = Listening::over(app).await;
    let (path, message) = (it.path(1), bounce(1));
    let mut client = it.client().await;
    assert_eq!(client.send(&it.path(0), bounce(0).as_bytes()).await, "250 2.0.0 stored\r\n");
    // It commits, and the answer is lost: the sender is asked to come again, and the message is recognised.
    proxy.cut_commits(1, &path, "");
    assert_eq!(client.send(&path, message.as_bytes()).await, "451 4.3.0 cannot be stored now, try again later\r\n");
    assert_eq!(proxy.cut(), 1);
    assert_eq!(client.send(&path, message.as_bytes()).await, "250 2.0.0 stored\r\n");
    assert_eq!(listed(&it.app).await.len(), 2);
    proxy.turn_away();
    let message = bounce(2);
    assert_eq!(client.send(&path, message.as_bytes()).await, "451 4.3.0 cannot be stored now, try again later\r\n");
    proxy.let_in();
    assert_eq!(client.send(&path, message.as_bytes()).await, "250 2.0.0 stored\r\n");
    assert_eq!(listed(&it.app).await.len(), 3, "nothing is lost, and nothing is there twice");
}

/// A process that is killed once the message is committed, before its client has the answer: the client sends it again.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_kill_between_commit_and_answer_the_message_is_there_once() {
    let port = free_port();
    let shell = Shell::new().env("BESKED__INBOUND__LMTP_LISTEN", format!("127.0.0.1:{port}"));
    let shell = shell.env("BESKED__INBOUND__ADDRESSES", "[\"fbl@bounces.example.com\"]");
    let count = || shell.run(&["--json", "inbound", "list"]).ok().json()["inbound"].as_array().unwrap().len();
    for round in 1..=3 {
        let mut serve = shell.command(&["serve", "--only", "inbound"]).spawn().unwrap();
        let mut client = Client::connect(port).await;
        client.begin("fbl@bounces.example.com").await;
        client.write(bounce(round) + "\r\n.\r\n").await;
        eventually("it is committed", || count() == round as usize);
        serve.kill().unwrap();
        serve.wait().unwrap();
        let mut serve = shell.command(&["serve", "--only", "inbound"]).spawn().unwrap();
        let mut client = Client::connect(port).await;
        assert_eq!(client.send("fbl@bounces.example.com", bounce(round).as_bytes()).await, "250 2.0.0 stored\r\n");
        assert_eq!(count(), round as usize);
        serve.kill().unwrap();
        serve.wait().unwrap();
    }
}
