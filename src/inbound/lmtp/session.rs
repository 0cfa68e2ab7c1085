//! One LMTP session (RFC 2033), over any stream: the commands of RFC 5321 with LHLO, and after the final dot one reply for each
//! recipient. A 250 says that the message was committed for that recipient.

use smtp_proto::request::receiver::RequestReceiver;
use smtp_proto::{Error, MailFrom, Request};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;

use super::reply;
use super::wire::{Body, Ended, Wire};
use crate::store::inbound::packed::Packed;

/// Recipients of one message (RFC 5321 section 4.5.3.1.8: at least 100). The message is stored for each.
const RECIPIENTS: usize = 100;

/// Refused commands after which the session ends: no client of good will has as many.
const MISTAKES: usize = 1100;

/// A message with the recipients that were accepted for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The envelope sender; empty for a report.
    pub sender: String,
    /// The envelope recipients, as they were written.
    pub recipients: Vec<String>,
    /// The message.
    pub message: Packed,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is committed.
    Stored,
    /// It could not be committed now.
    Later,
}

/// What is behind a session.
pub trait Door {
    /// The name in the greeting.
    fn name(&self) -> &str;
    /// The largest message, in bytes.
    fn largest(&self) -> usize;
    /// The memory for large messages that all sessions share, in units of [`SHARE`](super::SHARE).
    fn room(&self) -> &Semaphore;
    /// True if mail to this address is accepted.
    fn accepts(&self, recipient: &str) -> bool;
    /// Commits a message for all its recipients.
    fn take(&self, message: Received) -> impl Future<Output = Taken> + Send;
}

/// What is to be done after a command.
enum Next {
    Answer(String),
    Data,
    /// So many bytes of a message follow at once, and are not wanted.
    Skip(usize),
    Quit,
}

/// What a client has said so far.
#[derive(Debug, Default)]
struct Session {
    greeted: bool,
    sender: Option<String>,
    recipients: Vec<String>,
    mistakes: usize,
}

/// Serves one client until it quits or is lost.
///
/// # Errors
/// If the client falls silent, or the connection is lost.
pub async fn serve<S, D>(stream: S, door: &D) -> Result<(), Ended>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    D: Door + Sync,
{
    let (mut wire, mut session) = (Wire::new(stream), Session::default());
    let mut receiver = RequestReceiver::default();
    wire.answer(&reply::greeting(door.name()));
    loop {
        let mut bytes = wire.unused().iter();
        let next = match receiver.ingest(&mut bytes) {
            Ok(request) => Some(session.after(request, door)),
            Err(Error::NeedsMoreData { .. }) => None,
            Err(error) => Some(session.mistake(reply::of_error(&error))),
        };
        let left = bytes.as_slice().len();
        match next {
            None => {
                if !wire.more().await? {
                    return Ok(());
                }
                continue;
            }
            Some(Next::Answer(answer)) => wire.answer(&answer),
            Some(Next::Quit) => {
                wire.answer(reply::BYE);
                return wire.flush().await;
            }
            Some(Next::Skip(bytes)) => {
                wire.leave(left);
                wire.skip(bytes).await?;
                wire.answer(reply::NOT_IMPLEMENTED);
                continue;
            }
            Some(Next::Data) => {
                wire.leave(left);
                wire.answer(reply::SEND_DATA);
                wire.flush().await?;
                let answer = match wire.body(door.largest(), door.room()).await? {
                    Body::Whole(message, _held) => session.deliver(message, door).await,
                    Body::TooLarge => reply::TOO_LARGE.repeat(session.forget().len()),
                    Body::NoRoom => reply::NO_ROOM.repeat(session.forget().len()),
                };
                wire.answer(&answer);
                continue;
            }
        }
        wire.leave(left);
        if session.mistakes > MISTAKES {
            wire.answer(reply::TOO_MANY_MISTAKES);
            return wire.flush().await;
        }
    }
}

impl Session {
    fn after<D: Door>(&mut self, request: Request<std::borrow::Cow<'_, str>>, door: &D) -> Next {
        match request {
            Request::Lhlo { .. } => {
                self.forget();
                self.greeted = true;
                Next::Answer(reply::capabilities(door.name(), door.largest()))
            }
            Request::Ehlo { .. } | Request::Helo { .. } => self.mistake(reply::NOT_SMTP),
            Request::Mail { from } => self.mail(&from, door),
            Request::Rcpt { to } => self.rcpt(&to.address, door),
            Request::Data if self.recipients.is_empty() => self.mistake(reply::NO_RECIPIENT),
            Request::Data => Next::Data,
            Request::Rset => {
                self.forget();
                Next::Answer(reply::OK.to_owned())
            }
            Request::Noop { .. } => Next::Answer(reply::OK.to_owned()),
            Request::Vrfy { .. } => Next::Answer(reply::NOT_VERIFIED.to_owned()),
            Request::Help { .. } => Next::Answer(reply::HELP.to_owned()),
            Request::Quit => Next::Quit,
            // Not offered. What follows is a message, and must not be read as commands.
            Request::Bdat { chunk_size, .. } => {
                self.mistakes += 1;
                self.forget();
                Next::Skip(chunk_size)
            }
            _ => self.mistake(reply::NOT_IMPLEMENTED),
        }
    }

    fn mail<D: Door>(&mut self, from: &MailFrom<std::borrow::Cow<'_, str>>, door: &D) -> Next {
        if !self.greeted {
            return self.mistake(reply::GREET_FIRST);
        }
        if self.sender.is_some() {
            return self.mistake(reply::NESTED_MAIL);
        }
        if from.size > door.largest() {
            return self.mistake(reply::TOO_LARGE);
        }
        if from.address.chars().any(char::is_control) {
            return self.mistake(reply::NO_SENDER_ADDRESS);
        }
        self.sender = Some(from.address.to_string());
        Next::Answer(reply::SENDER_OK.to_owned())
    }

    fn rcpt<D: Door>(&mut self, address: &str, door: &D) -> Next {
        if self.sender.is_none() {
            return self.mistake(reply::MAIL_FIRST);
        }
        if self.recipients.len() >= RECIPIENTS {
            return self.mistake(reply::TOO_MANY_RECIPIENTS);
        }
        if !door.accepts(address) {
            return self.mistake(reply::NO_SUCH_ADDRESS);
        }
        self.recipients.push(address.to_owned());
        Next::Answer(reply::RECIPIENT_OK.to_owned())
    }

    /// Commits a message, and answers once for each of its recipients.
    async fn deliver<D: Door>(&mut self, message: Packed, door: &D) -> String {
        let sender = self.sender.clone().unwrap_or_default();
        let recipients = self.forget();
        let count = recipients.len();
        let taken = door.take(Received { sender, recipients, message }).await;
        let answer = match taken {
            Taken::Stored => reply::STORED,
            Taken::Later => reply::LATER,
        };
        answer.repeat(count)
    }

    /// Ends the transaction. Returns the recipients that it had.
    fn forget(&mut self) -> Vec<String> {
        self.sender = None;
        std::mem::take(&mut self.recipients)
    }

    fn mistake(&mut self, answer: &str) -> Next {
        self.mistakes += 1;
        Next::Answer(answer.to_owned())
    }
}
