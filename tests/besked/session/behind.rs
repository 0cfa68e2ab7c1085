//! A transaction that is begun right behind the message of the one before.

use std::sync::atomic::{AtomicBool, Ordering};

use besked::config::{EXAMPLE, parse};
use besked::domain::address::Address;
use besked::domain::reply::{Stage, Verdict};
use besked::mail::smtp::{Failed, Session};
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{envelope, verdict};
use crate::circuit::a_while;

const ALL_WELL: &str = "250 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n";

/// Reads until what was read ends so, or the connection does.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            break;
        }
    }
    String::from_utf8(read).unwrap()
}

/// A server that replies with these packets to the first message and the group behind it; all that it read.
async fn serve(listener: TcpListener, packets: Vec<String>) -> Vec<String> {
    let (mut stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut reads = Vec::new();
    for (reply, end) in [
        ("220 relay.example\r\n", "\r\n"),
        ("250-relay.example\r\n250 PIPELINING\r\n", "DATA\r\n"),
        ("250 ok\r\n250 ok\r\n354 go\r\n", "DATA\r\n"),
    ] {
        stream.write_all(reply.as_bytes()).await.unwrap();
        reads.push(read_until(&mut stream, end).await);
    }
    let goes_on = packets.concat().contains("354");
    for packet in packets {
        stream.write_all(packet.as_bytes()).await.unwrap();
        a_while(3).await;
    }
    if goes_on {
        reads.push(read_until(&mut stream, ".\r\n").await);
        // A client that has left has what it wanted.
        let _ = stream.write_all(b"250 taken too\r\n").await;
    }
    reads
}

/// How both messages ended, whether the connection can be used then, and what the server read.
struct Ended {
    first: Result<(), Failed>,
    second: Result<bool, Failed>,
    usable: bool,
    reads: Vec<String>,
}

async fn both(packets: Vec<String>, may_go_on: bool) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = parse(EXAMPLE, "example", &[]).unwrap();
    let mut relay = config.relays[0].clone();
    relay.url = format!("smtp://{}?tls=none", listener.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(serve(listener, packets));
    let mut session = Session::open(&relay, &config.smtp).await.map_err(|failed| format!("{failed:?}")).unwrap();
    let (from, b, c) = ("a@one.example", "b@two.example", "c@two.example");
    let [from, b, c] = [from, b, c].map(|text| Address::parse(text).unwrap());
    let (first_in_doubt, second_in_doubt) = (AtomicBool::new(false), AtomicBool::new(false));
    let (one, two) = (b"1\r\n", b"2\r\n");
    assert!(session.begin(envelope(&from, &b), one, || true).await.unwrap());
    let group = session.group(envelope(&from, &c), two).unwrap();
    let first = session.finish(one, &first_in_doubt, Some(&group)).await.map(drop);
    assert!(first_in_doubt.load(Ordering::Relaxed) && session.is_ahead());
    let second = async {
        if !session.begin(envelope(&from, &c), two, || may_go_on).await? {
            return Ok(false);
        }
        session.finish(two, &second_in_doubt, None).await.map(|_| true)
    };
    let second = second.await;
    assert_eq!(second_in_doubt.load(Ordering::Relaxed), matches!(second, Ok(true)), "in doubt by its own dot only");
    let usable = session.is_usable();
    drop(session);
    Ended { first, second, usable, reads: server.await.unwrap() }
}

#[tokio::test]
async fn message_dot_and_the_next_commands_are_one_write_however_the_replies_are_cut() {
    let lines: Vec<String> = ALL_WELL.split_inclusive('\n').map(str::to_owned).collect();
    let (half, rest) = ALL_WELL.split_at(14);
    let (most, last) = ALL_WELL.split_at(ALL_WELL.len() - 3);
    let bytes = ALL_WELL.chars().map(String::from).collect();
    for packets in [
        vec![ALL_WELL.to_owned()],
        lines,
        vec![half.to_owned(), rest.to_owned()],
        vec![most.to_owned(), last.to_owned()],
        bytes,
    ] {
        let Ended { first, second, usable, reads } = both(packets, true).await;
        assert_eq!((first, second, usable), (Ok(()), Ok(true), true));
        let group = "MAIL FROM:<a@one.example>\r\nRCPT TO:<c@two.example>\r\nDATA\r\n";
        assert_eq!(reads[2], format!("1\r\n.\r\n{group}"), "no RSET: the dot ends a transaction");
        assert_eq!(reads[3], "2\r\n.\r\n");
    }
}

/// What the server says to the dot and to each command of the group, and what that means for both messages.
#[rstest]
#[case("554 5.7.1 spam\r\n250 ok\r\n250 ok\r\n354 go\r\n", Some((Stage::Dot, Verdict::Rejected { dead: false })), None, true)]
#[case("421 4.3.2 enough\r\n", Some((Stage::Dot, Verdict::Deferred)), Some((Stage::Mail, Verdict::ConnectionEnded)), false)]
#[case("", Some((Stage::Dot, Verdict::Uncertain)), Some((Stage::Mail, Verdict::ConnectionEnded)), false)]
#[case("250 taken\r\n", None, Some((Stage::Mail, Verdict::ConnectionEnded)), false)]
#[case("554 5.7.1 spam\r\n", Some((Stage::Dot, Verdict::Rejected { dead: false })), Some((Stage::Mail, Verdict::ConnectionEnded)), false)]
#[case("250 taken\r\n421 4.3.2 enough\r\n", None, Some((Stage::Mail, Verdict::ConnectionEnded)), false)]
#[case("250 taken\r\n250 ok\r\n", None, Some((Stage::Rcpt, Verdict::Deferred)), false)]
#[case("250 taken\r\n550 5.7.1 not you\r\n503 no\r\n503 no\r\n", None, Some((Stage::Mail, Verdict::RelayRefuses)), true)]
#[case("250 taken\r\n550 5.7.1 not you\r\n250 ok\r\n354 go\r\n", None, Some((Stage::Mail, Verdict::RelayRefuses)), false)]
#[case("250 taken\r\n250 ok\r\n550 5.1.1 gone\r\n503 no\r\n", None, Some((Stage::Rcpt, Verdict::Rejected { dead: true })), true)]
#[case("250 taken\r\n250 ok\r\n250 ok\r\n354 go\r\n250 what\r\n", None, Some((Stage::Data, Verdict::Deferred)), false)]
#[case("250 taken\r\n250 ok\r\n250 what\r\n250 ok\r\n354 go\r\n", None, Some((Stage::Data, Verdict::Deferred)), false)]
#[tokio::test]
async fn each_message_has_its_own_end(
    #[case] replies: &str,
    #[case] first: Option<(Stage, Verdict)>,
    #[case] second: Option<(Stage, Verdict)>,
    #[case] usable: bool,
) {
    let mut cuts = vec![vec![replies.to_owned()]];
    if !replies.ends_with("250 what\r\n") {
        cuts.push(replies.split_inclusive('\n').map(str::to_owned).collect());
    }
    for packets in cuts {
        let ended = both(packets, true).await;
        let got = (ended.first.as_ref().err().map(verdict), ended.second.as_ref().err().map(verdict));
        assert_eq!((got, ended.usable), ((first, second), usable));
    }
}

#[tokio::test]
async fn what_may_no_longer_be_sent_ends_with_the_connection_and_without_a_dot() {
    let ended = both(vec![ALL_WELL.to_owned()], false).await;
    assert_eq!((ended.first, ended.second, ended.usable), (Ok(()), Ok(false), false));
    assert_eq!(ended.reads[3], "", "neither a message nor QUIT");
}

#[tokio::test]
async fn a_group_without_a_recipient_behind_a_message_ends_with_a_lone_dot() {
    let replies = "250 taken\r\n250 ok\r\n550 5.1.1 gone\r\n354 go\r\n";
    let ended = both(vec![replies.to_owned()], true).await;
    assert_eq!(ended.second.as_ref().err().map(verdict), Some((Stage::Rcpt, Verdict::Rejected { dead: true })));
    assert!(ended.usable && ended.first.is_ok());
    assert_eq!(ended.reads[3], ".\r\n");
}
