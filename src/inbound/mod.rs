//! What comes back by mail: bounces and other reports, complaints, replies. Each message is committed before its sender is told
//! so, and read afterwards.
//!
//! 1. A way in ([`lmtp`], [`maildir`], [`imap`], `besked inbound deliver`, `besked inbound read`) hands over a message with its envelope.
//! 2. [`intake`] commits it, with all others that wait. The same message again is recognised by its digest.
//! 3. [`work`] reads what waits. [`tie`] finds the delivery that a message is about; `settle` records what it says of it, in one
//!    transaction: the state, the entry, suppressions, opt-outs and tasks. What it may do is decided in `domain/report/effect.rs`.
//! 4. `forward` sends what persons replied on to support, once it is recorded.

mod copies;
mod forward;
pub mod imap;
pub mod intake;
pub mod lmtp;
mod lull;
pub mod mailbox;
pub mod maildir;
pub mod reader;
mod serve;
mod settle;
pub mod tie;
pub mod work;

use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use self::lull::Lull;
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::{Address, AddressKey};
use crate::domain::clock::shown;
use crate::domain::digest::{sha256, sha256_of};
use crate::domain::inbound::Route;
use crate::domain::kind::Kind;
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::right::{Forbidden, Right};
use crate::mail::token::TokenKey;
use crate::metrics::Metrics;
use crate::people::mask::mask_words;
use crate::people::reads::note_read;
use crate::store::StoreError;
use crate::store::inbound::packed::Packed;
use crate::store::inbound::reports::{self, Report};
use crate::store::inbound::{self, Arrived, forwards};
use crate::store::sending::deliveries;

pub use crate::store::inbound::Stored;
pub use forward::Forwards;

/// Why a message could not be taken or shown.
#[derive(Debug, Error)]
pub enum InboundError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It is larger than `[inbound] message_size`.
    #[error("the message has more than {0} bytes (`[inbound] message_size`)")]
    TooLarge(u64),
    /// It is no message.
    #[error("this is no mail message: it has no header fields")]
    NotAMessage,
    /// There is no such message.
    #[error("there is no inbound message `{0}`")]
    Unknown(Uuid),
    /// Its bytes were deleted.
    #[error("the bytes of the inbound message `{0}` were deleted: with a person, or when their time was over")]
    Deleted(Uuid),
    /// Its bytes were deleted when it was forwarded.
    #[error("the inbound message `{id}` is a reply that was forwarded to support at {}: its bytes were deleted then", shown(*.at))]
    Forwarded {
        /// The message.
        id: Uuid,
        /// When.
        at: Timestamp,
    },
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The database failed; nothing was stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InboundError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::TooLarge(_) | Self::NotAMessage | Self::Cursor(_) => Kind::Invalid,
            Self::Unknown(_) | Self::Deleted(_) | Self::Forwarded { .. } => Kind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }
}

/// A message on its way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The way in which it came.
    pub route: Route,
    /// The envelope recipient, where the route names one.
    pub recipient: Option<String>,
    /// The envelope sender, where the route names one; empty for a report.
    pub sender: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A message for one recipient, packed. Copies for others share its bytes.
#[derive(Clone, Debug)]
struct Parcel {
    route: Route,
    recipient: Option<String>,
    sender: Option<String>,
    raw: Arc<Vec<u8>>,
    size: u64,
    sha256: [u8; 32],
}

impl Parcel {
    fn of(message: Incoming) -> Self {
        let Packed { raw, size, sha256 } = Packed::of(&message.bytes);
        let Incoming { route, recipient, sender, .. } = message;
        Self { route, recipient, sender, raw: Arc::new(raw), size, sha256 }
    }
}

/// A message that is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// True if it was stored before.
    pub already: bool,
}

/// A message, with what it says of its delivery.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = inbound::Shown)]
pub struct Shown {
    /// The message.
    #[serde(flatten)]
    pub message: Stored,
    /// SHA-256 of its bytes, as entries of the ledger name it, while they are there.
    pub sha256: Option<String>,
    /// What it says of its delivery.
    pub reports: Vec<Report>,
}

/// The service for mail that comes back. Cheap to clone.
#[derive(Clone)]
pub struct Inbound {
    context: Context,
    key: TokenKey,
    metrics: Metrics,
    lull: Lull,
}

impl Inbound {
    /// The service over a database, with the key of return paths.
    #[must_use]
    pub fn new(context: Context, key: TokenKey, metrics: Metrics) -> Self {
        Self { context, key, metrics, lull: Lull::default() }
    }

    /// True if mail to this address is accepted: a return path that we signed, or one of `[inbound] addresses`.
    #[must_use]
    pub fn accepts(&self, recipient: &str) -> bool {
        let named = |it: &Address| it.as_str().eq_ignore_ascii_case(recipient);
        let Some((local, domain)) = recipient.rsplit_once('@') else { return false };
        let ours = self.context.config.sender.bounce_domain.as_str().eq_ignore_ascii_case(domain);
        (ours && self.key.read_inbound_path(local).is_some()) || self.context.config.inbound.addresses.iter().any(named)
    }

    /// The largest message that is accepted, in bytes.
    #[must_use]
    pub fn largest(&self) -> usize {
        usize::try_from(self.context.config.inbound.message_size).unwrap_or(usize::MAX)
    }

    /// Commits a message that another program handed over.
    ///
    /// # Errors
    /// If it is too large or no message, or the database fails.
    pub async fn deliver(&self, message: Incoming) -> Result<Taken, InboundError> {
        if !mailbox::is_message(&message.bytes) {
            return Err(InboundError::NotAMessage);
        }
        Ok(self.take(vec![message]).await?.remove(0))
    }

    /// Commits messages, all in one transaction.
    ///
    /// # Errors
    /// If one is too large, or the database fails: then none is stored.
    pub async fn take(&self, messages: Vec<Incoming>) -> Result<Vec<Taken>, InboundError> {
        let largest = self.context.config.inbound.message_size;
        if messages.iter().any(|message| message.bytes.len() as u64 > largest) {
            return Err(InboundError::TooLarge(largest));
        }
        self.store(&messages.into_iter().map(Parcel::of).collect::<Vec<_>>()).await
    }

    /// Commits messages of files, in one transaction if it can be: each by itself, whatever is wrong with the others.
    ///
    /// # Errors
    /// If the database fails; then none of them need be stored.
    pub async fn deliver_all(&self, messages: Vec<Incoming>) -> Result<Vec<Result<Taken, InboundError>>, InboundError> {
        let checked: Vec<Result<Parcel, InboundError>> =
            messages.into_iter().map(|message| self.check(&message.bytes).map(|()| Parcel::of(message))).collect();
        let good: Vec<Parcel> = checked.iter().flatten().cloned().collect();
        let mut taken = self.store_each(&good).await?.into_iter();
        let ended =
            checked.into_iter().map(|it| it.and_then(|_| taken.next().unwrap_or(Err(InboundError::NotAMessage))));
        Ok(ended.collect())
    }

    /// Commits messages of a folder, in one transaction if it can be: what the database refuses keeps out no other.
    ///
    /// # Errors
    /// If the database fails; then none of them need be stored.
    pub(super) async fn take_each(
        &self,
        messages: Vec<Incoming>,
    ) -> Result<Vec<Result<Taken, InboundError>>, InboundError> {
        self.store_each(&messages.into_iter().map(Parcel::of).collect::<Vec<_>>()).await
    }

    /// All in one transaction; if the database refuses it, each in its own.
    async fn store_each(&self, parcels: &[Parcel]) -> Result<Vec<Result<Taken, InboundError>>, InboundError> {
        match self.store(parcels).await {
            Ok(taken) => return Ok(taken.into_iter().map(Ok).collect()),
            Err(InboundError::Store(error)) if error.is_refusal() => {}
            Err(error) => return Err(error),
        }
        let mut alone = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            match self.store(std::slice::from_ref(parcel)).await {
                Ok(mut taken) => alone.push(Ok(taken.remove(0))),
                Err(InboundError::Store(error)) if !error.is_refusal() => return Err(error.into()),
                Err(error) => alone.push(Err(error)),
            }
        }
        Ok(alone)
    }

    /// Refuses what is too large or no message.
    fn check(&self, bytes: &[u8]) -> Result<(), InboundError> {
        let largest = self.context.config.inbound.message_size;
        if bytes.len() as u64 > largest {
            Err(InboundError::TooLarge(largest))
        } else if mailbox::is_message(bytes) {
            Ok(())
        } else {
            Err(InboundError::NotAMessage)
        }
    }

    async fn store(&self, copies: &[Parcel]) -> Result<Vec<Taken>, InboundError> {
        let at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let mut taken = Vec::with_capacity(copies.len());
        for copy in copies {
            taken.push(Taken { already: !inbound::insert(&mut tx, &self.arrived(copy, at)).await? });
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(taken)
    }

    /// The service for an actor who may read files with what came back.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn fed_by(&self, actor: &Actor) -> Result<&Self, InboundError> {
        actor.may_at_all(Right::Inbound)?;
        Ok(self)
    }

    /// A page of what came, the newest first; only what is about no known delivery with `unmatched`.
    ///
    /// # Errors
    /// If the cursor is not one of this list, or the database fails.
    pub async fn list(
        &self,
        actor: &Actor,
        unmatched: bool,
        request: &PageRequest,
    ) -> Result<Page<Stored>, InboundError> {
        actor.may_at_all(Right::ReadInbound)?;
        let before = request.key::<Uuid>()?;
        let mut conn = self.context.store.read().await?;
        let mut rows = inbound::list(&mut conn, unmatched, before, request.to_read()).await?;
        let ids: Vec<Uuid> = rows.iter().map(|it| it.id).collect();
        let mut replies = forwards::of_messages(&mut conn, &ids).await?;
        rows.iter_mut().for_each(|row| row.forward = replies.remove(&row.id));
        Ok(Page::of(rows, request, |it| it.id.to_string()))
    }

    /// A message, with what it says of its delivery.
    ///
    /// # Errors
    /// If there is none with this id, or the database fails.
    pub async fn show(&self, actor: &Actor, id: Uuid) -> Result<Shown, InboundError> {
        actor.may_at_all(Right::ReadInbound)?;
        let mut conn = self.context.store.read().await?;
        let (mut message, bytes) = inbound::find(&mut conn, id).await?.ok_or(InboundError::Unknown(id))?;
        message.forward = forwards::of_messages(&mut conn, &[id]).await?.remove(&id);
        let mut reports = match message.delivery_id {
            Some(delivery) => reports::of_delivery(&mut conn, delivery).await?,
            None => Vec::new(),
        };
        reports.retain(|report| report.inbound_id == id);
        mask_words(&mut conn, actor.has(Right::SeeOneCustomer), reports.iter_mut().flat_map(Report::words)).await?;
        let sha256 = bytes.map(|bytes| HEXLOWER.encode(&sha256(&bytes)));
        Ok(Shown { message, sha256, reports })
    }

    /// A message with its bytes, unless they were deleted: addresses and words of persons, so only for those who see them. The read of a
    /// restricted person's record is noted.
    ///
    /// # Errors
    /// If the actor may not, there is none with this id, or the database fails.
    pub async fn message(&self, actor: &Actor, id: Uuid) -> Result<(Stored, Option<Vec<u8>>), InboundError> {
        actor.may_at_all(Right::ReadInbound)?;
        actor.may_at_all(Right::SeeOneCustomer)?;
        let mut conn = self.context.store.read().await?;
        let (mut stored, bytes) = inbound::find(&mut conn, id).await?.ok_or(InboundError::Unknown(id))?;
        stored.forward = forwards::of_messages(&mut conn, &[id]).await?.remove(&id);
        drop(conn);
        let about = match stored.delivery_id {
            Some(delivery) => deliveries::find(&mut *self.context.store.read().await?, delivery).await?,
            None => None,
        };
        if let Some(key) = about.and_then(|delivery| AddressKey::of(&delivery.email)) {
            note_read(&self.context, actor, &key, "inbound show").await?;
        }
        Ok((stored, bytes))
    }

    fn arrived(&self, copy: &Parcel, at: Timestamp) -> Arrived {
        let recipient = copy.recipient.as_deref().unwrap_or_default();
        Arrived {
            id: self.context.random.id(at),
            digest: sha256_of(&[recipient.as_bytes(), b"\n", &copy.sha256]),
            route: copy.route,
            recipient: copy.recipient.clone(),
            sender: copy.sender.clone(),
            at,
            size: copy.size,
            raw: copy.raw.clone(),
        }
    }
}
