//! The server's replies, bounded and normalised so that lettre can read them: lettre reads a line to its end however long it
//! is, and parses a reply from its beginning again for each of its lines.
//!
//! The three-digit code decides, so a reply must not be lost because of its text: lines that are too long are cut, bytes that
//! are not UTF-8 and control characters (which PostgreSQL would not store) become question marks, a bare LF ends a line, and
//! a bare code (legal: RFC 5321 section 4.2.1, `Reply-line = ... Reply-code [ SP textstring ] CRLF`) gets the space that
//! lettre requires. A reply without end is an error. The keywords of a reply to EHLO may come in any case (RFC 5321 section
//! 4.1.1.1); lettre knows them in upper case only.

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
    /// Lines read but not yet requested, and whether each ends a reply.
    ready: VecDeque<(Vec<u8>, bool)>,
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
        while let Some((line, last)) = self.ready.front_mut() {
            let last = *last;
            let count = line.len().min(buf.remaining());
            buf.put_slice(&line[..count]);
            line.drain(..count);
            if !line.is_empty() {
                break;
            }
            self.ready.pop_front();
            if last {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Records that EHLO was sent: the next reply lists keywords.
    pub(super) fn expect_keywords(&mut self) {
        self.to_ehlo = true;
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
        let mut line = readable(&std::mem::take(&mut self.line));
        if self.to_ehlo && self.lines > 0 {
            line = in_upper_case(line);
        }
        self.lines += 1;
        // A line that is not part of a reply ends it too: lettre fails on it.
        let last = line.get(3) != Some(&b'-');
        if last {
            (self.lines, self.bytes, self.to_ehlo) = (0, 0, false);
        }
        self.ready.push_back((line, last));
        Ok(())
    }
}

/// A line in the form that lettre accepts.
fn readable(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut text = String::with_capacity(line.len() + 3);
    for chunk in line.utf8_chunks() {
        text.extend(chunk.valid().chars().map(|c| if c.is_control() && c != '\t' { '?' } else { c }));
        text.extend((!chunk.invalid().is_empty()).then_some('?'));
    }
    if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.push(' ');
    }
    text.push_str("\r\n");
    text.into_bytes()
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
            let kept = replies.ready.iter().map(|(line, _)| line.len()).sum::<usize>() + replies.line.capacity();
            assert!(kept <= LINES * (LINE + 10), "{kept} bytes are kept");
        }
        let lines = "250-x\r\n".repeat(LINES - 1) + "250 x\r\n";
        assert_eq!(read(&[lines.as_bytes(), lines.as_bytes()]).await.unwrap().len(), 2, "each reply counts for itself");
    }
}
