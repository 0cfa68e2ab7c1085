//! A session with an IMAP server: what is in the mailbox, a message, and where it goes.

use std::collections::BTreeMap;
use std::time::Duration;

use async_imap::types::{Flag, Uid};
use async_imap::{Authenticator, Client};
use futures_util::TryStreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::ImapError;
use super::answer::{command, within};
use super::stream::{Allowance, Connection, open};
use crate::config::{Imap, ImapUrl};

/// How long a message may take.
const MESSAGE: Duration = Duration::from_mins(10);

/// What an answer without a message may have, in bytes: the list of two million messages.
const LISTED: u64 = 25_000_000;

/// What is known of a message before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    pub(super) uid: Uid,
    /// Its size in bytes, if the server says it.
    pub(super) size: Option<u64>,
    pub(super) seen: bool,
}

/// A session in a mailbox.
pub(super) struct Session {
    session: async_imap::Session<Connection>,
    allowance: Allowance,
    /// The server can move messages (RFC 6851).
    pub(super) moves: bool,
    /// UIDs are those of before only if this is the same.
    pub(super) validity: u32,
    /// The messages in the mailbox.
    pub(super) messages: u32,
}

impl Session {
    /// Connects, logs in, and opens the mailbox; with `look` nothing in it can be changed.
    pub(super) async fn open(imap: &Imap, url: &ImapUrl, look: bool) -> Result<Self, ImapError> {
        let allowance = Allowance::default();
        allowance.allow(LISTED);
        let client = open(imap, url, allowance.clone()).await?;
        let password = imap.password.as_ref().ok_or(ImapError::NoPassword)?;
        let mut session = log_in(client, url, password).await?;
        let moves = command("CAPABILITY", session.capabilities()).await?.has_str("MOVE");
        let mailbox = if look {
            command("EXAMINE", session.examine(&url.mailbox)).await
        } else {
            command("SELECT", session.select(&url.mailbox)).await
        };
        let mailbox = mailbox.map_err(|error| match error {
            ImapError::Refused { said, .. } => ImapError::NoMailbox { mailbox: url.mailbox.clone(), said },
            error => error,
        })?;
        let validity = mailbox.uid_validity.unwrap_or(0);
        Ok(Self { session, allowance, moves, validity, messages: mailbox.exists })
    }

    /// The UIDs of messages above this one, in order.
    pub(super) async fn above(&mut self, uid: Uid) -> Result<Vec<Uid>, ImapError> {
        let query = format!("UNDELETED UID {}:*", uid.saturating_add(1));
        self.allowance.allow(LISTED);
        let found = command("UID SEARCH", self.session.uid_search(&query)).await?;
        // The last message is always in such a range.
        let mut uids: Vec<Uid> = found.into_iter().filter(|it| *it > uid).collect();
        uids.sort_unstable();
        Ok(uids)
    }

    /// What is known of these messages; those that are gone are left out.
    pub(super) async fn list(&mut self, uids: &[Uid]) -> Result<Vec<Listed>, ImapError> {
        let set = uids.iter().map(Uid::to_string).collect::<Vec<_>>().join(",");
        self.allowance.allow(LISTED);
        let session = &mut self.session;
        let listing = async { session.uid_fetch(&set, "(UID FLAGS RFC822.SIZE)").await?.try_collect::<Vec<_>>().await };
        let fetched = command("UID FETCH", listing).await?;
        let mut listed = BTreeMap::new();
        for it in &fetched {
            // A server may speak of others unasked, and in several answers of one.
            let Some(uid) = it.uid.filter(|uid| uids.contains(uid)) else { continue };
            let Listed { size, seen, .. } = listed.entry(uid).or_insert(Listed { uid, size: None, seen: false });
            *size = it.size.map(u64::from).or(*size);
            *seen |= it.flags().any(|flag| flag == Flag::Seen);
        }
        if listed.len() < uids.len() {
            self.ask().await?;
        }
        Ok(listed.into_values().collect())
    }

    /// The bytes of a message; `None` if it is gone. It stays unread. If its size is not known, it may have `largest` bytes.
    pub(super) async fn read(&mut self, message: Listed, largest: u64) -> Result<Option<Vec<u8>>, ImapError> {
        // Some servers count a line break as one byte before they send two.
        self.allowance.allow(2 * message.size.unwrap_or(largest) + 100_000);
        let session = &mut self.session;
        let reading = async {
            let (mut found, mut is_there) = (None, false);
            let mut fetched = session.uid_fetch(message.uid.to_string(), "(UID BODY.PEEK[])").await?;
            while let Some(fetch) = fetched.try_next().await? {
                if fetch.uid == Some(message.uid) {
                    is_there = true;
                    found = fetch.body().map(<[u8]>::to_vec).or(found);
                }
            }
            Ok((found, is_there))
        };
        match within(MESSAGE, "UID FETCH", reading).await? {
            (None, true) => Err(ImapError::Empty),
            (None, false) => {
                self.ask().await?;
                Ok(None)
            }
            (found, _) => Ok(found),
        }
    }

    /// Asks whether the server is still there: to the library, a connection that ended is the end of an answer, and what it left out
    /// would count as gone.
    async fn ask(&mut self) -> Result<(), ImapError> {
        command("NOOP", self.session.noop()).await
    }

    /// Moves a message, or copies it and marks it as seen where the server cannot move. Creates the folder if it is missing.
    pub(super) async fn file(&mut self, uid: Uid, folder: &str) -> Result<(), ImapError> {
        self.allowance.allow(LISTED);
        let Err(ImapError::Refused { said, .. }) = self.put(uid, folder).await? else { return Ok(()) };
        // It may be there, and the refusal be about something else.
        let created = command("CREATE", self.session.create(folder)).await;
        let again = self.put(uid, folder).await?;
        again.map_err(|_| ImapError::NoFolder {
            folder: folder.to_owned(),
            said: match created {
                Err(ImapError::Refused { said, .. }) => said,
                _ => said,
            },
        })
    }

    /// The inner error is a refusal.
    async fn put(&mut self, uid: Uid, folder: &str) -> Result<Result<(), ImapError>, ImapError> {
        let set = uid.to_string();
        let put = if self.moves {
            command("UID MOVE", self.session.uid_mv(&set, folder)).await
        } else {
            command("UID COPY", self.session.uid_copy(&set, folder)).await
        };
        match put {
            Err(refused @ ImapError::Refused { .. }) => return Ok(Err(refused)),
            put => put?,
        }
        if !self.moves {
            let mark = format!("UID STORE {set} +FLAGS.SILENT (\\Seen)");
            command("UID STORE", self.session.run_command_and_check_ok(mark)).await?;
        }
        Ok(Ok(()))
    }

    /// Logs out, without waiting long for the answer.
    pub(super) async fn log_out(mut self) {
        // The server ends the session either way.
        let _ = timeout(Duration::from_secs(1), self.session.logout()).await;
    }
}

async fn log_in(
    client: Client<Connection>,
    url: &ImapUrl,
    password: &SecretString,
) -> Result<async_imap::Session<Connection>, ImapError> {
    let password = password.expose_secret();
    // LOGIN is ASCII; what is not needs AUTHENTICATE (RFC 4616), which some servers lack.
    let done = if url.user.is_ascii() && password.is_ascii() {
        command("LOGIN", async { client.login(&url.user, password).await.map_err(|(error, _)| error) }).await
    } else {
        let plain = Plain(format!("\0{}\0{password}", url.user));
        command("AUTHENTICATE", async { client.authenticate("PLAIN", plain).await.map_err(|(error, _)| error) }).await
    };
    done.map_err(|error| match error {
        ImapError::Refused { said, .. } => ImapError::LogIn { server: url.address(), said },
        error => error,
    })
}

/// A user and a password in the form of SASL PLAIN.
struct Plain(String);

impl Authenticator for Plain {
    type Response = String;

    fn process(&mut self, _: &[u8]) -> String {
        std::mem::take(&mut self.0)
    }
}
