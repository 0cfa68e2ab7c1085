//! The bytes of a session: what was read and not used yet, and what is to be written.

use std::io;
use std::time::Duration;

use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{error::Elapsed, timeout};

/// How long the next bytes of a client may take, and how long it may take ours (RFC 5321 section 4.5.3.2.7: 5 minutes).
const SILENCE: Duration = Duration::from_mins(5);

/// How long a whole message may take, however steadily it trickles in.
const MESSAGE: Duration = Duration::from_mins(15);

/// Bytes that are read at once.
const AT_ONCE: usize = 32 << 10;

/// Why a session ended before QUIT.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The client was silent for too long.
    #[error("the client was silent for too long")]
    Silent(#[from] Elapsed),
    /// The connection failed, or the client closed it within a message.
    #[error("the connection was lost: {0}")]
    Lost(#[from] io::Error),
}

/// A message as it was read.
#[derive(Debug)]
pub(super) enum Body {
    /// The whole of it, without the final dot and the dots that were added.
    Whole(Vec<u8>),
    /// It was larger than allowed, and was thrown away.
    TooLarge,
}

/// A stream, with what was read of it and not used yet: a client may send many commands without waiting (RFC 2920).
pub(super) struct Wire<S> {
    stream: S,
    buffer: Vec<u8>,
    used: usize,
    answers: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(AT_ONCE), used: 0, answers: String::new() }
    }

    /// What was read and not used.
    pub(super) fn unused(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    /// All but the last `left` bytes are used.
    pub(super) fn leave(&mut self, left: usize) {
        self.used = self.buffer.len() - left;
    }

    /// Adds to what is written next.
    pub(super) fn answer(&mut self, text: &str) {
        self.answers += text;
    }

    /// Writes the answers.
    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        if !self.answers.is_empty() {
            timeout(SILENCE, self.stream.write_all(self.answers.as_bytes())).await??;
            timeout(SILENCE, self.stream.flush()).await??;
            self.answers.clear();
        }
        Ok(())
    }

    /// Writes the answers and reads more. Returns false at the end of the stream.
    pub(super) async fn more(&mut self) -> Result<bool, Ended> {
        self.flush().await?;
        self.buffer.clear();
        self.used = 0;
        Ok(timeout(SILENCE, self.stream.read_buf(&mut self.buffer)).await?? > 0)
    }

    /// Reads a message up to its final dot. What is beyond `largest` bytes is read and not kept.
    pub(super) async fn body(&mut self, largest: usize) -> Result<Body, Ended> {
        timeout(MESSAGE, self.until_dot(largest)).await?
    }

    async fn until_dot(&mut self, largest: usize) -> Result<Body, Ended> {
        let mut kept = Vec::new();
        let mut receiver = DataReceiver::new();
        let mut too_large: Option<DummyDataReceiver> = None;
        loop {
            let mut bytes = self.unused().iter();
            let ended = match &mut too_large {
                None => receiver.ingest(&mut bytes, &mut kept),
                Some(rest) => rest.ingest(&mut bytes),
            };
            let left = bytes.as_slice().len();
            self.leave(left);
            if too_large.is_none() && kept.len() > largest {
                too_large = Some(DummyDataReceiver::new_data(&receiver));
                kept = Vec::new();
            }
            if ended {
                return Ok(if too_large.is_some() { Body::TooLarge } else { Body::Whole(kept) });
            }
            if !self.more().await? {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}
