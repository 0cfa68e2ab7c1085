//! The server's replies: parsed once, and bounded.
//!
//! The three-digit code decides, so a reply must not be lost because of its text: lines that are too long are cut, bytes that
//! are not UTF-8 and control characters (which PostgreSQL would not store) become question marks, a bare LF ends a line, and a
//! bare code is legal (RFC 5321 section 4.2.1). So are refusals whose second digit RFC 5321 does not define, such as 571: the
//! first digit decides. A success with such a code is not believed, nor is a reply whose lines have different codes. A reply
//! without end is an error.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::domain::reply::{Failure, Reply};
use crate::mail::tls;

/// Bytes read from the connection at once, at least.
const CHUNK: usize = 4096;

/// Bytes of a line that are kept; the rest is dropped.
const LINE: usize = 900;

/// The most lines of one reply.
const LINES: usize = 200;

/// The most bytes of one reply, including those dropped.
const BYTES: usize = 64 * 1024;

/// The most characters that are shown of a reply that cannot be read.
const SHOWN: usize = 200;

/// A whole reply, whatever its code; otherwise why there is none.
pub(super) type Answer = Result<Reply, Failure>;

/// The replies of a server, in order.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// What was read and is not part of a returned reply.
    bytes: Vec<u8>,
    /// Bytes and lines at its beginning that are known to be lines of a reply without its end.
    seen: usize,
    lines: usize,
}

impl Replies {
    /// The next reply. Can be dropped and called again at any time.
    pub(super) async fn next<S: AsyncRead + Unpin + ?Sized>(&mut self, stream: &mut S) -> Answer {
        loop {
            if let Some(reply) = self.take() {
                return reply;
            }
            match self.fill(stream).await {
                Ok(0) => return unclear("the server closed the connection before replying"),
                Ok(_) => {}
                Err(error) => return Err(lost(&error)),
            }
        }
    }

    /// True if the server has sent something that was not returned yet.
    pub(super) fn has_more(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Reads once; 0 bytes are the end of the connection.
    pub(super) async fn fill<S: AsyncRead + Unpin + ?Sized>(&mut self, stream: &mut S) -> std::io::Result<usize> {
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve(CHUNK);
        }
        stream.read_buf(&mut self.bytes).await
    }

    /// The first of the replies that were read, if it is whole.
    fn take(&mut self) -> Option<Answer> {
        while let Some(end) = memchr::memchr(b'\n', &self.bytes[self.seen..]) {
            let line = &self.bytes[self.seen..self.seen + end];
            self.seen += end + 1;
            self.lines += 1;
            // A line that is not part of a reply ends it too.
            if !matches!(line, [b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'-', ..]) {
                let reply = parse(&self.bytes[..self.seen]);
                self.bytes.drain(..self.seen);
                (self.seen, self.lines) = (0, 0);
                return Some(reply);
            }
            if self.lines >= LINES {
                return Some(unclear(ENDLESS));
            }
        }
        (self.bytes.len() > BYTES).then(|| unclear(ENDLESS))
    }
}

const ENDLESS: &str = "the connection was lost: a reply without end";

fn unclear(what: &str) -> Answer {
    Err(Failure::Unclear(what.to_owned()))
}

/// Why a connection was lost.
pub(super) fn lost(error: &std::io::Error) -> Failure {
    Failure::Unclear(format!("the connection was lost: {}", tls::in_words(error)))
}

/// The lines of a reply, without their ends and cut.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
        let line = &line[..line.len() - 1];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        &line[..line.len().min(LINE)]
    })
}

fn parse(bytes: &[u8]) -> Answer {
    let (mut code, mut text) = (None, String::with_capacity(bytes.len()));
    for line in lines(bytes) {
        let of_line = code_of(line).filter(|it| is_known(*it));
        if of_line.is_none() || code.is_some_and(|code| of_line != Some(code)) {
            return Err(unreadable(bytes));
        }
        if code.is_some() {
            text.push('\n');
        }
        code = of_line;
        push_harmless(&mut text, line.get(4..).unwrap_or_default());
    }
    code.map(|code| Reply { code, text }).ok_or_else(|| unreadable(bytes))
}

/// The three digits before a space, a hyphen or the end of a line.
fn code_of(line: &[u8]) -> Option<u16> {
    let (code, rest) = line.split_at_checked(3)?;
    let is_code = code.iter().all(u8::is_ascii_digit) && matches!(rest, [] | [b' ' | b'-', ..]);
    is_code.then(|| code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0')))
}

/// True for codes that RFC 5321 section 4.2.1 defines, and for all other refusals.
const fn is_known(code: u16) -> bool {
    matches!((code / 100, code / 10 % 10), (2 | 3, 0..=5) | (4 | 5, _))
}

/// A reply that is none, in words that show it.
fn unreadable(bytes: &[u8]) -> Failure {
    let mut text = String::new();
    for line in lines(bytes) {
        if !text.is_empty() {
            text.push(' ');
        }
        push_harmless(&mut text, line.trim_ascii_end());
    }
    let text: String = text.chars().take(SHOWN).collect();
    Failure::Unclear(match code_of(text.as_bytes()) {
        _ if text.is_empty() => "the server sent an empty line in place of a reply".to_owned(),
        Some(300..=399) => format!("unexpected reply: {text}"),
        Some(_) => format!("the server's reply cannot be read: {text}"),
        None => format!("the server sent something else than an SMTP reply: {text}"),
    })
}

/// Adds a text, with question marks in place of what is not UTF-8 or could do harm.
fn push_harmless(text: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        text.extend(chunk.valid().chars().map(|c| if is_harmless(c) { c } else { '?' }));
        text.extend((!chunk.invalid().is_empty()).then_some('?'));
    }
}

/// False for what controls a terminal: control characters, and those that change the direction or the lines of what follows.
fn is_harmless(c: char) -> bool {
    let is_bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\t' || !(c.is_control() || is_bidi || matches!(c, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// The server's replies up to the end of the connection, one by one; each part arrives with one read.
    async fn read(parts: &[&[u8]]) -> Vec<String> {
        let mut stream: Box<dyn AsyncRead + Unpin> = Box::new(Cursor::new(Vec::new()));
        for part in parts {
            stream = Box::new(stream.chain(Cursor::new(part.to_vec())));
        }
        let (mut replies, mut read) = (Replies::default(), Vec::new());
        loop {
            let text = match replies.next(&mut stream).await {
                Ok(reply) => Failure::Replied(reply).text(),
                Err(failure) => failure.text(),
            };
            if text == "the server closed the connection before replying" {
                return read;
            }
            read.push(text);
        }
    }

    #[tokio::test]
    async fn replies_come_one_at_a_time_however_they_are_cut() {
        let whole = b"250-one\r\n250 two\r\n550\r\n354 go\r\n25";
        for parts in [&[whole.as_slice()][..], &[b"250-one\r\n25", b"0 two\r\n5", b"50\r\n354 go\r\n", b"25"]] {
            assert_eq!(read(parts).await, ["250 one\ntwo", "550 ", "354 go"]);
        }
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(read(&bytes).await, ["250 one\ntwo", "550 ", "354 go"]);
    }

    #[tokio::test]
    async fn what_is_odd_or_harmful_is_replaced_and_the_code_counts() {
        let none = |text: &str| format!("the server sent something else than an SMTP reply: {text}");
        let unread = |text: &str| format!("the server's reply cannot be read: {text}");
        for (said, wanted) in [
            (b"550 f\xf6r\r\n".as_slice(), "550 f?r".to_owned()),
            (b"550 a\0b\x7f\r\n", "550 a?b?".to_owned()),
            (b"550 a\rb\n", "550 a?b".to_owned()),
            ("550 för\tsent\r\n".as_bytes(), "550 för\tsent".to_owned()),
            ("550 a\u{202e}b\u{2066}c\u{2028}d\r\n".as_bytes(), "550 a?b?c?d".to_owned()),
            (b"571-5.7.1 no\r\n571 5.7.1 no\r\n", "571 5.7.1 no\n5.7.1 no".to_owned()),
            (b"499\r\n", "499 ".to_owned()),
            (b"271 5.7.1 no\r\n", unread("271 5.7.1 no")),
            (b"600 what\r\n", unread("600 what")),
            (b"250-a\r\n550 b\r\n", unread("250-a 550 b")),
            (b"250-a\r\nb\r\n", unread("250-a b")),
            (b"1234\r\n", none("1234")),
            (b"25\r\n", none("25")),
            (b"2\xe50 \r\n", none("2?0")),
            (b"\r\n", "the server sent an empty line in place of a reply".to_owned()),
        ] {
            assert_eq!(read(&[said]).await, [wanted]);
        }
        let long = format!("250 {}\r\n250 next\r\n", "å".repeat(5000));
        let replies = read(&[long.as_bytes()]).await;
        assert!(replies[0].starts_with("250 åå") && replies[0].len() < 1000, "{}", replies[0].len());
        assert_eq!(replies[1], "250 next");
    }

    #[tokio::test]
    async fn a_reply_without_end_is_refused_before_it_fills_the_memory() {
        for endless in [b"x".as_slice(), b"250-\r\n", b"250-more\r\n"] {
            let bytes: Vec<u8> = endless.iter().copied().cycle().take(1 << 20).collect();
            let (mut replies, mut stream) = (Replies::default(), bytes.as_slice());
            assert_eq!(replies.next(&mut stream).await, unclear(ENDLESS));
            assert!(replies.bytes.capacity() <= 4 * BYTES, "{} bytes are kept", replies.bytes.capacity());
        }
        let lines = "250-x\r\n".repeat(LINES - 1) + "250 x\r\n";
        assert_eq!(read(&[lines.as_bytes(), lines.as_bytes()]).await.len(), 2, "each reply counts for itself");
    }
}
