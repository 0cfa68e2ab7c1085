//! Mailboxes on servers that fail in the middle: each message that can be read is read, once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use besked::inbound::imap::{ImapError, Polled, Poller};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{bounce, listed};
use crate::app::TestApp;
use crate::database::Engine;

/// What a server does wrong.
#[derive(Clone, Debug, Default)]
struct Faults {
    /// It refuses to return the message with this UID.
    refuses: u32,
    /// It returns nothing of it.
    empty: u32,
    /// It ends the connection where this message is asked for.
    dies: u32,
    /// It ends each connection after so many messages were moved.
    moves: Option<u32>,
    /// It refuses to move anything.
    full: bool,
}

/// A server with a mailbox, which a test fills.
#[derive(Clone, Default)]
struct Server {
    messages: Arc<Mutex<BTreeMap<u32, String>>>,
    faults: Arc<Mutex<Faults>>,
}

impl Server {
    /// Starts with some messages; returns the port as well.
    async fn start(messages: u32, faults: Faults) -> (Self, u16) {
        let server = Self { faults: Arc::new(Mutex::new(faults)), ..Self::default() };
        server.messages.lock().unwrap().extend((1..=messages).map(|uid| (uid, bounce(uid))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        (server, port)
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let (faults, mut moved) = (self.faults.lock().unwrap().clone(), 0);
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(b"* OK ready\r\n").await.ok()?;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let (tag, command) = line.trim_end().split_once(' ')?;
            let mut answer = String::new();
            let mut done = "OK done";
            let uid = || command.split(' ').nth(2).and_then(|uid| uid.parse::<u32>().ok()).unwrap_or_default();
            if command.starts_with("CAPABILITY") {
                answer = "* CAPABILITY IMAP4rev1 MOVE\r\n".to_owned();
            } else if command.starts_with("SELECT") {
                let count = self.messages.lock().unwrap().len();
                answer = format!("* {count} EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n");
            } else if command.starts_with("UID SEARCH") {
                let uids: Vec<String> = self.messages.lock().unwrap().keys().map(u32::to_string).collect();
                answer = format!("* SEARCH {}\r\n", uids.join(" "));
            } else if command.contains("RFC822.SIZE") {
                for (number, (uid, text)) in self.messages.lock().unwrap().iter().enumerate() {
                    let size = text.len();
                    answer += &format!("* {} FETCH (UID {uid} FLAGS () RFC822.SIZE {size})\r\n", number + 1);
                }
            } else if command.starts_with("UID FETCH") {
                let uid = uid();
                let text = self.messages.lock().unwrap().get(&uid).cloned().unwrap_or_default();
                match uid {
                    _ if uid == faults.dies => return None,
                    _ if uid == faults.refuses => done = "NO it is damaged",
                    _ if uid == faults.empty => answer = format!("* 1 FETCH (UID {uid} BODY[] NIL)\r\n"),
                    _ => answer = format!("* 1 FETCH (UID {uid} BODY[] {{{}}}\r\n{text})\r\n", text.len()),
                }
            } else if command.starts_with("UID MOVE") && faults.full {
                done = "NO [OVERQUOTA] the folder is full";
            } else if command.starts_with("UID MOVE") {
                self.messages.lock().unwrap().remove(&uid());
                moved += 1;
            }
            stream.get_mut().write_all(format!("{answer}{tag} {done}\r\n").as_bytes()).await.ok()?;
            if faults.moves == Some(moved) {
                return None;
            }
        }
    }

    fn left(&self) -> Vec<u32> {
        self.messages.lock().unwrap().keys().copied().collect()
    }
}

async fn app(port: u16) -> TestApp {
    TestApp::with(Engine::Sqlite, |config| {
        let imap = &mut config.inbound.imap;
        imap.url = Some(format!("imap://besked@localhost:{port}?tls=none").parse().unwrap());
        imap.password = Some("hunter2".to_owned().into());
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_server_refuses_stays_and_the_others_are_read() {
    for faults in [Faults { refuses: 2, ..Faults::default() }, Faults { empty: 2, ..Faults::default() }] {
        let (server, port) = Server::start(4, faults.clone()).await;
        let app = app(port).await;
        let mut poller = Poller::new(&app.app.inbound).unwrap();
        assert_eq!(poller.poll().await.unwrap(), Polled { stored: 3, already: 0, too_large: 0 }, "{faults:?}");
        assert_eq!((server.left(), listed(&app).await.len()), (vec![2], 3), "{faults:?}");
        assert_eq!(poller.poll().await.unwrap(), Polled::default(), "it is not asked for again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_at_which_the_connection_always_ends_is_left_after_some_tries() {
    let (server, port) = Server::start(4, Faults { dies: 2, ..Faults::default() }).await;
    let app = app(port).await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    for _ in 0..3 {
        poller.poll().await.unwrap_err();
    }
    poller.poll().await.unwrap();
    assert_eq!((server.left(), listed(&app).await.len()), (vec![2], 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_each_connection_after_a_message_is_read_to_the_end() {
    let (server, port) = Server::start(5, Faults { moves: Some(1), ..Faults::default() }).await;
    let app = app(port).await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    let mut polls = 0;
    while !server.left().is_empty() {
        let error = poller.poll().await.err();
        assert!(matches!(error, None | Some(ImapError::Lost { .. } | ImapError::Broken { .. })), "{error:?}");
        polls += 1;
        assert!(polls < 10);
    }
    assert_eq!(listed(&app).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_full_keeps_no_message_out_and_is_filled_later() {
    let (server, port) = Server::start(3, Faults { full: true, ..Faults::default() }).await;
    let app = app(port).await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    let error = poller.poll().await.unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!((server.left().len(), listed(&app).await.len()), (3, 3));
    poller.poll().await.unwrap_err();
    server.faults.lock().unwrap().full = false;
    assert_eq!(poller.poll().await.unwrap(), Polled::default());
    assert_eq!(server.left(), Vec::<u32>::new());
}
