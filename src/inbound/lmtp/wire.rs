//! The bytes of a session: what was read and not used yet, and what is to be written.

use std::io;
use std::time::Duration;

use smtp_proto::request::receiver::{DataReceiver, DummyDataReceiver};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{error::Elapsed, timeout};

use crate::store::inbound::packed::{Packed, Packer};

/// How long the next bytes of a client may take, and how long it may take ours (RFC 5321 section 4.5.3.2.7: 5 minutes).
const SILENCE: Duration = Duration::from_mins(5);

/// How long a whole message may take, however steadily it trickles in.
const MESSAGE: Duration = Duration::from_mins(15);

/// Bytes that are read at once.
const AT_ONCE: usize = 32 << 10;

/// Bytes at the end of what was received that may still be taken back.
const LAST: usize = 8;

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

/// The unit in which sessions share the memory for messages, in bytes. The first one of each message is not counted.
pub const SHARE: usize = 1 << 20;

/// A message as it was read.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// The whole of it, without the final dot and the dots that were added, with its part of the shared memory.
    Whole(Packed, SemaphorePermit<'a>),
    /// It was larger than allowed, and was thrown away.
    TooLarge,
    /// Other messages needed the memory, and it was thrown away.
    NoRoom,
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

    /// Reads bytes that are not kept.
    pub(super) async fn skip(&mut self, bytes: usize) -> Result<(), Ended> {
        timeout(MESSAGE, async {
            let mut left = bytes;
            loop {
                let here = self.unused().len().min(left);
                self.used += here;
                left -= here;
                if left == 0 {
                    return Ok(());
                }
                if !self.more().await? {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
            }
        })
        .await?
    }

    /// Reads a message up to its final dot, which only a whole line break before and behind it makes: anything else is part of the
    /// message, so that no message can be smuggled in another. What is beyond `largest` bytes, or finds no `room`, is read and not
    /// kept.
    pub(super) async fn body<'a>(&mut self, largest: usize, room: &'a Semaphore) -> Result<Body<'a>, Ended> {
        timeout(MESSAGE, self.until_dot(largest, room)).await?
    }

    async fn until_dot<'a>(&mut self, largest: usize, room: &'a Semaphore) -> Result<Body<'a>, Ended> {
        let (mut packer, mut kept) = (Packer::default(), Vec::new());
        let mut held = room.try_acquire_many(0).map_err(io::Error::other)?;
        let mut receiver = DataReceiver::new();
        // The line of DATA has ended: a dot that comes first is a whole line.
        receiver.ingest(&mut b"\r\n".iter(), &mut Vec::new());
        let mut thrown_away: Option<(DummyDataReceiver, Body<'a>)> = None;
        loop {
            let mut bytes = self.unused().iter();
            let ended = match &mut thrown_away {
                None => receiver.ingest(&mut bytes, &mut kept),
                Some((rest, _)) => rest.ingest(&mut bytes),
            };
            let left = bytes.as_slice().len();
            self.leave(left);
            if thrown_away.is_none()
                && let Some(why) = refuse(received(&packer, &kept), largest, room, &mut held)
            {
                thrown_away = Some((DummyDataReceiver::new_data(&receiver), why));
                (packer, kept) = (Packer::default(), Vec::new());
            }
            if ended {
                packer.add(&kept);
                return Ok(thrown_away.map_or_else(|| Body::Whole(packer.finish(), held), |(_, why)| why));
            }
            // Compressed while the rest is on its way. The receiver takes back what belongs to the final dot.
            if kept.len() > AT_ONCE {
                packer.add(&kept[..kept.len() - LAST]);
                kept.drain(..kept.len() - LAST);
            }
            if !self.more().await? {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }
}

/// The bytes of a message so far.
fn received(packer: &Packer, kept: &[u8]) -> usize {
    usize::try_from(packer.size()).unwrap_or(usize::MAX).saturating_add(kept.len())
}

/// Why what was read of a message cannot be kept. Takes from `room` what it needs.
fn refuse<'a>(
    kept: usize,
    largest: usize,
    room: &'a Semaphore,
    held: &mut SemaphorePermit<'a>,
) -> Option<Body<'static>> {
    if kept > largest {
        return Some(Body::TooLarge);
    }
    while kept > SHARE * (held.num_permits() + 1) {
        match room.try_acquire() {
            Ok(more) => held.merge(more),
            Err(_) => return Some(Body::NoRoom),
        }
    }
    None
}
