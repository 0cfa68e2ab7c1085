//! Replies of a bare code: legal (RFC 5321 section 4.2.1: `Reply-line = ... Reply-code [ SP textstring ] CRLF`), but lettre wants
//! a space behind the code. It is put in on the way.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Read at once from the connection.
const CHUNK: usize = 4096;

/// A connection whose bare codes are followed by a space.
#[derive(Debug)]
pub(super) struct Spaced<S> {
    stream: S,
    line: Line,
    /// Read, put right, and not asked for yet.
    ready: Vec<u8>,
}

impl<S> Spaced<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, line: Line::Digits(0), ready: Vec::new() }
    }
}

/// Where in a line of a reply the next byte is.
#[derive(Clone, Copy, Debug)]
enum Line {
    /// Behind so many digits from its beginning.
    Digits(u8),
    /// Anywhere else.
    Rest,
}

impl Line {
    /// Takes a byte; true where a space belongs before it.
    fn take(&mut self, byte: u8) -> bool {
        let bare = matches!((*self, byte), (Self::Digits(3), b'\r' | b'\n'));
        *self = match (*self, byte) {
            (_, b'\n') => Self::Digits(0),
            (Self::Digits(digits @ 0..3), b'0'..=b'9') => Self::Digits(digits + 1),
            _ => Self::Rest,
        };
        bare
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Spaced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.ready.is_empty() {
            let mut bytes = [0; CHUNK];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            for byte in read.filled() {
                if this.line.take(*byte) {
                    this.ready.push(b' ');
                }
                this.ready.push(*byte);
            }
        }
        let count = this.ready.len().min(buf.remaining());
        buf.put_slice(&this.ready[..count]);
        this.ready.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spaced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncTokioStream> AsyncTokioStream for Spaced<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn read(parts: &[&[u8]]) -> String {
        let mut mock = tokio_test_reader(parts);
        let mut text = String::new();
        Spaced::new(&mut mock).read_to_string(&mut text).await.unwrap();
        text
    }

    /// Gives each part to one read.
    fn tokio_test_reader(parts: &[&[u8]]) -> impl AsyncRead + Unpin {
        let mut chain: Box<dyn AsyncRead + Unpin> = Box::new(io::Cursor::new(Vec::new()));
        for part in parts {
            chain = Box::new(chain.chain(io::Cursor::new(part.to_vec())));
        }
        chain
    }

    #[tokio::test]
    async fn bare_codes_get_their_space_and_nothing_else_changes() {
        assert_eq!(read(&[b"250\r\n"]).await, "250 \r\n");
        assert_eq!(read(&[b"25", b"0", b"\r\n550\r\n"]).await, "250 \r\n550 \r\n", "wherever it is cut");
        let whole = "250-first\r\n250 2.0.0 ok 250\r\n1234\r\n25\r\n\r\nabc\r\n";
        assert_eq!(read(&[whole.as_bytes()]).await, whole);
        let long = vec![b'x'; 3 * CHUNK];
        assert_eq!(read(&[&long]).await.len(), long.len());
    }
}
