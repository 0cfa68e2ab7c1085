//! A mailbox on a server that leaves out of its answers what others always say.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

use besked::inbound::imap::{Polled, Poller};

use super::{bounce, listed};
use crate::app::TestApp;
use crate::database::Engine;

/// Serves three messages: of the second one it lists no size, and it speaks twice of the first one.
fn serve(moved: &Mutex<Vec<String>>, listener: &TcpListener) {
    let (stream, _) = listener.accept().unwrap();
    let (mut lines, mut to) = (BufReader::new(stream.try_clone().unwrap()).lines(), stream);
    let mut say = |text: String| to.write_all(text.as_bytes()).unwrap();
    say("* OK ready\r\n".to_owned());
    while let Some(Ok(line)) = lines.next() {
        let (tag, command) = line.split_once(' ').unwrap();
        let words: Vec<&str> = command.split(' ').collect();
        let untagged = match &words[..] {
            ["CAPABILITY"] => "* CAPABILITY IMAP4rev1 MOVE\r\n".to_owned(),
            ["SELECT", ..] => "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n".to_owned(),
            ["UID", "SEARCH", ..] => "* SEARCH 1 2 3\r\n".to_owned(),
            ["UID", "FETCH", _, "(UID", "FLAGS", ..] => "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 500)\r\n\
                 * 1 FETCH (UID 1 FLAGS (\\Seen))\r\n* 2 FETCH (UID 2 FLAGS ())\r\n\
                 * 3 FETCH (UID 3 FLAGS () RFC822.SIZE 500)\r\n"
                .to_owned(),
            ["UID", "FETCH", uid, ..] => {
                let message = bounce(uid.parse().unwrap());
                format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{message})\r\n", message.len())
            }
            ["UID", "MOVE", uid, ..] => {
                moved.lock().unwrap().push((*uid).to_owned());
                String::new()
            }
            _ => String::new(),
        };
        say(format!("{untagged}{tag} OK done\r\n"));
        if command == "LOGOUT" {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_size_is_read_all_the_same() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("imap://besked@localhost:{}?tls=none", listener.local_addr().unwrap().port());
    let moved = Arc::new(Mutex::new(Vec::new()));
    let server = thread::spawn({
        let moved = Arc::clone(&moved);
        move || serve(&moved, &listener)
    });
    let app = TestApp::with(Engine::Sqlite, |config| {
        let imap = &mut config.inbound.imap;
        (imap.url, imap.password) = (Some(url.parse().unwrap()), Some("secret".to_owned().into()));
    })
    .await;
    let polled = Poller::new(&app.app.inbound).unwrap().poll().await.unwrap();
    assert_eq!(polled, Polled { stored: 3, already: 0, too_large: 0 });
    server.join().unwrap();
    assert_eq!((listed(&app).await.len(), moved.lock().unwrap().join(" ")), (3, "1 2 3".to_owned()));
}
