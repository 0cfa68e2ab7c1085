//! The server's replies, bounded and normalised so that lettre can read them: lettre reads a line to its end however long it
//! is, and parses a reply from its beginning again for each of its lines.
//!
//! The three-digit code decides, so a reply must not be lost because of its text: lines that are too long are cut, bytes that
//! are not UTF-8 and control characters (which PostgreSQL would not store) become question marks, a bare LF ends a line, and
//! a bare code (legal: RFC 5321 section 4.2.1, `Reply-line = ... Reply-code [ SP textstring ] CRLF`) gets the space that
//! lettre requires. A reply without end is an error. The keywords of a reply to EHLO may come in any case (RFC 5321 section
//! 4.1.1.1); lettre knows them in upper case only. It also refuses codes such as 571, whose second digit RFC 5321 does not
//! define; the first digit decides (section 4.2.1), so lettre reads 551 in its place, and [`Said`] keeps what was sent.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// Bytes read from the connection at once.
const CHUNK: usize = 4096;

/// Bytes of a line that are kept; the rest is dropped.
const LINE: usize = 900;

/// The most lines of one reply.
const LINES: usize = 200;

/// The most bytes of one reply, including those dropped.
const BYTES: usize = 64 * 1024;

/// The most characters of a reply that [`Said`] keeps.
const SAID: usize = 200;

/// The reply that was read last, as the server sent it: what lettre returns of it may be less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Its lines, made harmless, with spaces between them.
    pub(super) text: String,
    /// True if it is complete: the next line begins another.
    complete: bool,
}

impl Said {
    /// Its three-digit code, if it has one.
    pub(super) fn code(&self) -> Option<u16> {
        let end = self.text.as_bytes().get(3).is_none_or(|byte| b" -".contains(byte));
        let code = self.text.get(..3).filter(|code| end && code.bytes().all(|byte| byte.is_ascii_digit()))?;
        code.parse().ok()
    }

    fn add(&mut self, line: &str, last: bool) {
        if std::mem::replace(&mut self.complete, last) {
            self.text.clear();
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.extend(line.trim_end().chars().take(SAID.saturating_sub(self.text.chars().count())));
    }
}

/// A line of a reply.
#[derive(Debug)]
struct Line {
    /// What of it lettre has not read yet.
    bytes: Vec<u8>,
    /// The line as the server sent it.
    text: String,
    /// It ends a reply.
    last: bool,
}

/// The replies of a server, in order.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// The line being read, without dropped bytes.
    line: Vec<u8>,
    /// Lines and bytes of the reply being read.
    lines: usize,
    bytes: usize,
    /// The reply being read is to EHLO.
    to_ehlo: bool,
    /// EHLO was sent.
    greeted: bool,
    /// Lines read but not yet requested.
    ready: VecDeque<Line>,
    said: Said,
}

impl Replies {
    /// Reads at most one reply, so that no reader above buffers what follows it.
    pub(super) fn poll_read<S: AsyncRead + Unpin + ?Sized>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.ready.is_empty() {
            if ready!(self.poll_fill(stream, cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        while let Some(line) = self.ready.front_mut() {
            let count = line.bytes.len().min(buf.remaining());
            buf.put_slice(&line.bytes[..count]);
            line.bytes.drain(..count);
            if !line.bytes.is_empty() {
                break;
            }
            let Some(line) = self.ready.pop_front() else { break };
            self.said.add(&line.text, line.last);
            if line.last {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Records that EHLO was sent: the next reply lists keywords.
    pub(super) fn expect_keywords(&mut self) {
        self.to_ehlo = true;
        self.greeted = true;
    }

    /// True once EHLO was sent.
    pub(super) fn is_greeted(&self) -> bool {
        self.greeted
    }

    /// The reply that was read last.
    pub(super) fn said(&self) -> &Said {
        &self.said
    }

    /// True if the server has sent something that was not requested.
    pub(super) fn has_more<S: AsyncRead + Unpin + ?Sized>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> bool {
        // An end or an error will occur again when the reply to the next command is read.
        let _ = self.poll_fill(stream, cx);
        !self.ready.is_empty() || !self.line.is_empty()
    }

    fn poll_fill<S: AsyncRead + Unpin + ?Sized>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut bytes = [0; CHUNK];
        let mut read = ReadBuf::new(&mut bytes);
        ready!(Pin::new(stream).poll_read(cx, &mut read))?;
        for byte in read.filled() {
            self.take(*byte)?;
        }
        Poll::Ready(Ok(read.filled().len()))
    }

    fn take(&mut self, byte: u8) -> io::Result<()> {
        self.bytes += 1;
        if self.bytes > BYTES || self.lines >= LINES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a reply without end"));
        }
        if byte != b'\n' {
            if self.line.len() < LINE {
                self.line.push(byte);
            }
            return Ok(());
        }
        let mut bytes = readable(&std::mem::take(&mut self.line));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if self.to_ehlo && self.lines > 0 {
            bytes = in_upper_case(bytes);
        }
        self.lines += 1;
        // A line that is not part of a reply ends it too: lettre fails on it.
        let last = bytes.get(3) != Some(&b'-') || !bytes[..3].iter().all(u8::is_ascii_digit);
        if last {
            (self.lines, self.bytes, self.to_ehlo) = (0, 0, false);
        }
        known(&mut bytes);
        self.ready.push_back(Line { bytes, text, last });
        Ok(())
    }
}

/// A line in the form that lettre accepts.
fn readable(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = String::with_capacity(line.len() + 3);
    for chunk in line.utf8_chunks() {
        text.extend(chunk.valid().chars().map(|c| if is_harmless(c) { c } else { '?' }));
        text.extend((!chunk.invalid().is_empty()).then_some('?'));
    }
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.push(' ');
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// False for what controls a terminal: control characters, and those that change the direction or the lines of what follows.
fn is_harmless(c: char) -> bool {
    let is_bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c == '\t' || !(c.is_control() || is_bidi || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Replaces the second digit of a refusal that lettre does not know, such as 571, by one that it does.
fn known(line: &mut [u8]) {
    if let [b'4' | b'5', second @ b'6'..=b'9', b'0'..=b'9', b' ' | b'-', ..] = line {
        *second = b'5';
    }
}

/// A keyword of EHLO in upper case, with the mechanisms of AUTH, which old servers announce with `=`.
fn in_upper_case(line: Vec<u8>) -> Vec<u8> {
    const CODE: usize = "250-".len();
    let Some(text) = line.get(CODE..).map(|text| String::from_utf8_lossy(text).into_owned()) else { return line };
    let keyword = text.split([' ', '=']).next().unwrap_or_default();
    let (keyword, rest) = (keyword.to_ascii_uppercase(), &text[keyword.len()..]);
    let rest = if keyword == "AUTH" { rest.replacen('=', " ", 1).to_ascii_uppercase() } else { rest.to_owned() };
    [&line[..CODE], keyword.as_bytes(), rest.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// What lettre reads of a server's replies, one by one; each part arrives with one read.
    async fn read(parts: &[&[u8]]) -> io::Result<Vec<String>> {
        let mut stream: Box<dyn AsyncRead + Unpin> = Box::new(io::Cursor::new(Vec::new()));
        for part in parts {
            stream = Box::new(stream.chain(io::Cursor::new(part.to_vec())));
        }
        let (mut replies, mut read) = (Replies::default(), Vec::new());
        loop {
            let mut bytes = [0; 1 << 16];
            let mut buf = ReadBuf::new(&mut bytes);
            poll_fn(|cx| replies.poll_read(&mut *stream, cx, &mut buf)).await?;
            if buf.filled().is_empty() {
                return Ok(read);
            }
            read.push(String::from_utf8(buf.filled().to_vec()).unwrap());
        }
    }

    #[tokio::test]
    async fn replies_come_one_at_a_time_however_they_are_cut() {
        for parts in [&[b"250-one\r\n250 two\r\n550\r\n".as_slice()][..], &[b"250-one\r\n25", b"0 two\r\n5", b"50\r\n"]]
        {
            let all = read(parts).await.unwrap().concat();
            assert_eq!(all, "250-one\r\n250 two\r\n550 \r\n", "a bare code gets its space");
        }
        assert_eq!(read(&[b"250-one\r\n250 two\r\n550\r\n"]).await.unwrap(), ["250-one\r\n250 two\r\n", "550 \r\n"]);
    }

    #[tokio::test]
    async fn what_lettre_or_a_database_cannot_accept_is_replaced() {
        for (said, wanted) in [
            (b"550 f\xf6r\r\n".as_slice(), "550 f?r\r\n"),
            (b"550 a\0b\x7f\r\n", "550 a?b?\r\n"),
            (b"550 a\rb\n", "550 a?b\r\n"),
            ("550 för\tsent\r\n".as_bytes(), "550 för\tsent\r\n"),
            (b"1234\r\n", "1234\r\n"),
            (b"25\r\n", "25\r\n"),
            (b"\r\n", "\r\n"),
            ("550 a\u{202e}b\u{2066}c\u{2028}d\r\n".as_bytes(), "550 a?b?c?d\r\n"),
            (b"571 5.7.1 no\r\n", "551 5.7.1 no\r\n"),
            (b"499\r\n", "459 \r\n"),
            (b"271 5.7.1 no\r\n", "271 5.7.1 no\r\n"),
        ] {
            assert_eq!(read(&[said]).await.unwrap(), [wanted]);
        }
        let long = format!("250 {}\r\n250 next\r\n", "å".repeat(5000));
        let replies = read(&[long.as_bytes()]).await.unwrap();
        assert!(replies[0].starts_with("250 åå") && replies[0].len() < 1000, "lettre takes lines up to 1000 bytes");
        assert_eq!(replies[1], "250 next\r\n");
    }

    #[test]
    fn keywords_are_understood_in_any_case() {
        for (said, wanted) in [
            ("250-auth plain login\r\n", "250-AUTH PLAIN LOGIN\r\n"),
            ("250-AUTH=PLAIN LOGIN\r\n", "250-AUTH PLAIN LOGIN\r\n"),
            ("250 starttls\r\n", "250 STARTTLS\r\n"),
            ("250-Size 1000\r\n", "250-SIZE 1000\r\n"),
            ("250-X-EXPS gssapi\r\n", "250-X-EXPS gssapi\r\n"),
            ("250\r\n", "250\r\n"),
        ] {
            assert_eq!(String::from_utf8(in_upper_case(said.as_bytes().to_vec())).unwrap(), wanted);
        }
    }

    #[tokio::test]
    async fn a_reply_without_end_is_refused_before_it_fills_the_memory() {
        for endless in [b"x".as_slice(), b"250-\r\n", b"250-more\r\n"] {
            let mut replies = Replies::default();
            let refused = endless.iter().cycle().take(BYTES + 1).try_for_each(|byte| replies.take(*byte));
            assert!(refused.is_err());
            let ready = replies.ready.iter().map(|line| line.bytes.len() + line.text.len()).sum::<usize>();
            let kept = ready + replies.line.capacity();
            assert!(kept <= 2 * LINES * (LINE + 10), "{kept} bytes are kept");
        }
        let lines = "250-x\r\n".repeat(LINES - 1) + "250 x\r\n";
        assert_eq!(read(&[lines.as_bytes(), lines.as_bytes()]).await.unwrap().len(), 2, "each reply counts for itself");
    }
}
