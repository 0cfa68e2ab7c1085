//! A mailbox on an IMAP server that is looked at from time to time. Each message is committed and then moved to another mailbox, so
//! that a kill in between at worst has a message recognised as stored already. Nothing is deleted.

mod answer;
mod session;
mod stream;

use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use self::session::Session;
use super::{Inbound, InboundError, Incoming};
use crate::config::{Imap, ImapUrl};
use crate::domain::inbound::Route;
use crate::domain::words::count;

/// Messages that are listed at once; each is read alone.
const AT_ONCE: usize = 100;

/// The longest pause while the server fails.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// The pause before the next connection to a server that ended one and goes on.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Why a mailbox was not read. No text holds a password or an address of a message.
#[derive(Debug, Error)]
pub enum ImapError {
    /// The server cannot be reached, or not encrypted.
    #[error("cannot connect to `{server}` (`[inbound.imap] url`): {why}")]
    Connect {
        /// The host and port.
        server: String,
        /// The reason.
        why: String,
    },
    /// There is no password.
    #[error("there is no password: set `[inbound.imap] password_file`")]
    NoPassword,
    /// The user or the password is refused.
    #[error(
        "`{server}` refuses the user of `[inbound.imap] url` or the password of `password_file`: {said}; check both, and whether the \
         server wants an app password"
    )]
    LogIn {
        /// The host and port.
        server: String,
        /// The words of the server.
        said: Box<str>,
    },
    /// The mailbox to read cannot be opened.
    #[error(
        "the mailbox `{mailbox}` cannot be opened: {said}; name one that is there at the end of `[inbound.imap] url`"
    )]
    NoMailbox {
        /// The mailbox.
        mailbox: String,
        /// The words of the server.
        said: Box<str>,
    },
    /// The mailbox for what was stored is missing, and cannot be created.
    #[error(
        "messages cannot be moved to `{folder}` (`[inbound.imap] folder`): {said}; create it, or name it with the prefix that this \
         server wants, such as `INBOX.{folder}`"
    )]
    NoFolder {
        /// The mailbox.
        folder: String,
        /// The words of the server.
        said: Box<str>,
    },
    /// A command is refused.
    #[error("the server refuses {step}: {said}")]
    Refused {
        /// The command.
        step: &'static str,
        /// The words of the server.
        said: Box<str>,
    },
    /// There was no answer in time.
    #[error("no answer to {step} before the deadline")]
    Late {
        /// The command.
        step: &'static str,
    },
    /// The server closed the connection.
    #[error("the server closed the connection at {step}")]
    Lost {
        /// The command.
        step: &'static str,
    },
    /// The connection failed.
    #[error("the connection failed at {step}: {source}")]
    Broken {
        /// The command.
        step: &'static str,
        /// The cause.
        source: io::Error,
    },
    /// The answer is no IMAP.
    #[error("the answer to {step} cannot be read")]
    Unreadable {
        /// The command.
        step: &'static str,
    },
    /// The server lists a message, and returns nothing of it.
    #[error("the server returns nothing of the message")]
    Empty,
    /// The messages cannot be stored.
    #[error(transparent)]
    Inbound(#[from] InboundError),
}

/// What was done with the messages of a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// Messages that are stored now and were not before.
    pub stored: u64,
    /// Messages that were stored before.
    pub already: u64,
    /// Messages that are too large; they stay where they are.
    pub too_large: u64,
}

/// How often a message may end the connection before it is left where it is.
const TRIES: u32 = 3;

/// Messages that could not be moved and are remembered, so that they are not read again before they are.
const REMEMBERED: usize = 10_000;

/// Reads a mailbox, and remembers how far it came.
pub struct Poller {
    inbound: Inbound,
    imap: Imap,
    url: ImapUrl,
    /// The UIDVALIDITY of the mailbox, and the last UID that is done with. What stays in the mailbox is not read again.
    done: (u32, u32),
    /// The message at which the connection ended, and how often.
    stuck: (u32, u32),
    /// Messages that are stored, and could not be moved.
    unfiled: BTreeSet<u32>,
}

impl Poller {
    /// For the mailbox of `[inbound.imap]`, if one is configured.
    #[must_use]
    pub fn new(inbound: &Inbound) -> Option<Self> {
        let imap = inbound.context.config.inbound.imap.clone();
        let url = imap.url.clone()?;
        let (done, stuck, unfiled) = ((0, 0), (0, 0), BTreeSet::new());
        Some(Self { inbound: inbound.clone(), imap, url, done, stuck, unfiled })
    }

    /// Reads the mailbox again and again until `ended`. A server that fails is asked more and more seldom, unless it goes on.
    pub async fn watch(mut self, ended: &CancellationToken) {
        let mut failures = 0;
        loop {
            let before = self.done;
            // What was committed and not moved is recognised next time.
            let polled = tokio::select! {
                () = ended.cancelled() => return,
                polled = self.poll() => polled,
            };
            let goes_on = self.done != before;
            let wait = match polled {
                Ok(_) => {
                    failures = 0;
                    pause(self.imap.every, 0)
                }
                // Some servers end the connection after some commands.
                Err(ImapError::Lost { .. } | ImapError::Broken { .. }) if goes_on => {
                    failures = 0;
                    SHORTEST_PAUSE
                }
                // What cannot be moved is stored, and must not delay the others.
                Err(error) if error.is_refusal() && !self.unfiled.is_empty() => {
                    failures = 0;
                    tracing::error!(%error, "messages of `[inbound.imap]` are stored and cannot be moved, retrying");
                    pause(self.imap.every, 0)
                }
                Err(error) => {
                    failures = if goes_on { 1 } else { failures + 1 };
                    tracing::error!(%error, "the mailbox of `[inbound.imap]` cannot be read, retrying");
                    pause(self.imap.every, failures)
                }
            };
            tokio::select! {
                () = ended.cancelled() => return,
                () = sleep(wait) => {}
            }
        }
    }

    /// Reads what is in the mailbox. What the server does not let go is left where it is, and keeps out no other message.
    ///
    /// # Errors
    /// If the server or the database fails; what was stored until then stays stored. If messages are stored, and cannot be moved.
    pub async fn poll(&mut self) -> Result<Polled, ImapError> {
        let mut session = Session::open(&self.imap, &self.url, false).await?;
        if self.done.0 != session.validity {
            (self.done, self.stuck) = ((session.validity, 0), (0, 0));
            self.unfiled.clear();
        }
        let mut polled = Polled::default();
        let mut unmoved = self.file_again(&mut session).await?;
        for uids in session.above(self.done.1).await?.chunks(AT_ONCE) {
            for message in session.list(uids).await? {
                let taken = self.take(&mut session, message, &mut polled).await;
                unmoved = unmoved.or(self.after(message.uid, taken)?);
                self.done.1 = message.uid;
            }
            // Those that are gone meanwhile are done with as well.
            self.done.1 = uids.last().copied().unwrap_or(self.done.1);
        }
        session.log_out().await;
        unmoved.map_or(Ok(polled), Err)
    }

    /// Moves what could not be moved before, unless it is gone; returns why that failed again. One that the server refuses to move
    /// keeps out no other.
    async fn file_again(&mut self, session: &mut Session) -> Result<Option<ImapError>, ImapError> {
        let Some(first) = self.unfiled.first().copied() else { return Ok(None) };
        let there = session.above(first - 1).await?;
        self.unfiled.retain(|uid| there.binary_search(uid).is_ok());
        let mut refused = None;
        for uid in self.unfiled.clone() {
            match session.file(uid, &self.imap.folder).await {
                Ok(()) => {
                    self.unfiled.remove(&uid);
                }
                Err(error @ ImapError::Refused { .. }) => refused = refused.or(Some(error)),
                // Without the folder, none can be moved.
                Err(error) if error.is_refusal() => return Ok(Some(error)),
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// Decides whether to go on after a message: what the server refuses is about this one, a connection that ends may be. Returns why
    /// it could not be moved.
    fn after(&mut self, uid: u32, taken: Result<(), Failed>) -> Result<Option<ImapError>, ImapError> {
        match taken {
            Ok(()) => Ok(None),
            Err(Failed::Moving(error)) if error.is_refusal() => {
                if self.unfiled.len() < REMEMBERED {
                    self.unfiled.insert(uid);
                }
                Ok(Some(error))
            }
            Err(Failed::Reading(error)) if error.is_refusal() => {
                tracing::error!(uid, %error, "a message in the IMAP mailbox cannot be read: it is left there");
                Ok(None)
            }
            Err(Failed::Moving(error)) => Err(error),
            Err(Failed::Reading(error)) => {
                let times = if self.stuck.0 == uid { self.stuck.1 + 1 } else { 1 };
                self.stuck = (uid, times);
                if times >= TRIES && !matches!(error, ImapError::Inbound(_)) {
                    tracing::error!(uid, %error, "the connection ended at a message in the IMAP mailbox again: it is left there");
                    self.done.1 = uid;
                }
                Err(error)
            }
        }
    }

    /// Stores a message and moves it.
    async fn take(
        &mut self,
        session: &mut Session,
        message: session::Listed,
        polled: &mut Polled,
    ) -> Result<(), Failed> {
        let largest = self.inbound.largest() as u64;
        let mut bytes = None;
        let listed_as_too_large = message.size.is_some_and(|size| size > largest);
        if !listed_as_too_large {
            bytes = session.read(message, largest).await.map_err(Failed::Reading)?;
        }
        let is_too_large = listed_as_too_large || bytes.as_ref().is_some_and(|bytes| bytes.len() as u64 > largest);
        if is_too_large {
            let (uid, size) = (message.uid, message.size);
            tracing::warn!(
                uid,
                size,
                "a message in the IMAP mailbox is larger than `[inbound] message_size`: it is left there"
            );
            polled.too_large += 1;
        } else if let Some(bytes) = bytes {
            let incoming = Incoming { route: Route::Imap, recipient: None, sender: None, bytes };
            let taken = self.inbound.take(vec![incoming]).await.map_err(|error| Failed::Reading(error.into()))?;
            let already = taken.first().is_some_and(|taken| taken.already);
            *(if already { &mut polled.already } else { &mut polled.stored }) += 1;
            // Where the server cannot move, what is stored and seen was copied before this process began.
            if session.moves || !(already && message.seen) {
                session.file(message.uid, &self.imap.folder).await.map_err(Failed::Moving)?;
            }
        }
        Ok(())
    }
}

/// The step at which a message was left.
enum Failed {
    /// It is not stored.
    Reading(ImapError),
    /// It is stored.
    Moving(ImapError),
}

impl ImapError {
    /// True if the server answered, and the connection goes on.
    const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NoFolder { .. } | Self::Empty)
    }
}

/// The pause after so many failures in a row.
fn pause(every: Duration, failures: u32) -> Duration {
    let longer = every.saturating_mul(1 << failures.min(10));
    longer.min(LONGEST_PAUSE.max(every))
}

/// Logs in and looks at the mailbox, and changes nothing. Describes what is there.
///
/// # Errors
/// If the server cannot be reached, refuses the user, or does not have the mailbox.
pub async fn look(imap: &Imap, url: &ImapUrl) -> Result<String, ImapError> {
    let session = Session::open(imap, url, true).await?;
    let messages = count(u64::from(session.messages), "message", "messages");
    let files = if session.moves { "moved" } else { "copied and marked as seen, as the server cannot move" };
    let said =
        format!("{}, {messages} in `{}`; what is stored is {files} to `{}`", url.address(), url.mailbox, imap.folder);
    session.log_out().await;
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_is_asked_more_and_more_seldom() {
        let minute = Duration::from_mins(1);
        assert_eq!([0, 1, 3, 4, 40].map(|failures| pause(minute, failures).as_secs()), [60, 120, 480, 900, 900]);
        assert_eq!(pause(Duration::from_hours(1), 9), Duration::from_hours(1));
    }
}
