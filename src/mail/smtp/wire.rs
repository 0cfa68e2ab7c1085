//! The connection below lettre, shared between lettre, which sends commands and reads replies over it, and ourselves.
//!
//! It is shared for three reasons. lettre writes a message and its final dot separately and does not say whether the dot was
//! sent: we write both at once and know exactly. Replies that were not requested are noticed ([`Replies`] returns one reply
//! at a time). And the plaintext before STARTTLS ends when we take the connection back.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::replies::{Replies, Said};

/// The end of a message: the line of a single dot.
const DOT: &[u8] = b".\r\n";

/// A connection with two owners.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Option<Ends>>>);

/// The connection, and the replies that arrived over it and were not requested yet.
struct Ends {
    stream: Box<dyn AsyncTokioStream>,
    replies: Replies,
}

impl Wire {
    pub(super) fn new(stream: impl AsyncTokioStream + 'static) -> Self {
        let ends = Ends { stream: Box::new(stream), replies: Replies::default() };
        Self(Arc::new(Mutex::new(Some(ends))))
    }

    /// Takes the connection from both owners. Replies that were not requested are dropped.
    pub(super) fn take_back(&self) -> Option<Box<dyn AsyncTokioStream>> {
        self.ends().take().map(|ends| ends.stream)
    }

    /// True if the server has sent a reply that was not requested: the next reply would be read as the answer to another
    /// command.
    pub(super) async fn is_out_of_step(&self) -> bool {
        let look =
            |cx: &mut Context<'_>| self.with(|ends| Poll::Ready(Ok(ends.replies.has_more(&mut *ends.stream, cx))));
        poll_fn(look).await.unwrap_or(false)
    }

    /// The reply that was read last, as the server sent it.
    pub(super) fn said(&self) -> Said {
        self.ends().as_ref().map(|ends| ends.replies.said().clone()).unwrap_or_default()
    }

    /// True once EHLO was sent.
    pub(super) fn is_greeted(&self) -> bool {
        self.ends().as_ref().is_some_and(|ends| ends.replies.is_greeted())
    }

    /// Writes a message, CRLF-normalised, and its final dot, in as few writes as the kernel allows. `uncertain` is true
    /// whenever a byte of the dot may have been sent: it is set before each write that could reach the dot, and cleared if
    /// the write did not reach it.
    pub(super) async fn write_message(&self, message: &[u8], uncertain: &AtomicBool) -> io::Result<()> {
        let bytes = stuffed(message);
        let (mut rest, last) = (bytes.as_slice(), DOT.len());
        while !rest.is_empty() {
            let written = poll_fn(|cx| {
                let before = uncertain.swap(true, Ordering::Relaxed);
                let polled = self.with(|ends| Pin::new(&mut *ends.stream).poll_write(cx, rest));
                let reached = matches!(polled, Poll::Ready(Ok(written)) if written + last > rest.len());
                uncertain.store(before || reached, Ordering::Relaxed);
                polled
            });
            match written.await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => rest = &rest[written..],
            }
        }
        Ok(())
    }

    /// Writes the dot of an empty message.
    pub(super) async fn write_lone_dot(&self) -> io::Result<()> {
        let mut wire = self.clone();
        tokio::io::AsyncWriteExt::write_all(&mut wire, DOT).await
    }

    /// Flushes what was written to the kernel; TLS may still buffer it.
    pub(super) async fn flush(&self) -> io::Result<()> {
        poll_fn(|cx| self.with(|ends| Pin::new(&mut *ends.stream).poll_flush(cx))).await
    }

    fn ends(&self) -> MutexGuard<'_, Option<Ends>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Ends) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match self.ends().as_mut() {
            Some(ends) => use_it(ends),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

/// A message as it is sent: dots at the beginning of a line doubled (RFC 5321 section 4.5.2), then the final dot.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() + message.len() / 64 + 8);
    if message.starts_with(b".") {
        bytes.push(b'.');
    }
    let mut rest = 0;
    for end_of_line in memmem::find_iter(message, b"\n.") {
        bytes.extend_from_slice(&message[rest..=end_of_line]);
        bytes.push(b'.');
        rest = end_of_line + 1;
    }
    bytes.extend_from_slice(&message[rest..]);
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(DOT);
    bytes
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|ends| ends.replies.poll_read(&mut *ends.stream, cx, buf))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|ends| {
            if buf.starts_with(b"EHLO ") {
                ends.replies.expect_keywords();
            }
            Pin::new(&mut *ends.stream).poll_write(cx, buf)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|ends| Pin::new(&mut *ends.stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|ends| Pin::new(&mut *ends.stream).poll_shutdown(cx))
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match self.ends().as_ref() {
            Some(ends) => ends.stream.peer_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stuffed;

    /// RFC 5321 section 4.5.2: every line that begins with a dot gets another one, and no other line does.
    #[test]
    fn dots_at_the_beginning_of_a_line_are_doubled() {
        for (message, wire) in [
            ("a\r\n", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            (".a\r\n..b\r\nc.\r\n.\r\n", "..a\r\n...b\r\nc.\r\n..\r\n.\r\n"),
            ("\r\n.\r\n", "\r\n..\r\n.\r\n"),
            ("no end", "no end\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(stuffed(message.as_bytes())).unwrap(), wire, "{message:?}");
        }
    }
}
