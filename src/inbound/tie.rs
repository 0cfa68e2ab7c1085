//! Reads a message, and finds the delivery that it is about.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{JoinError, spawn_blocking};
use uuid::Uuid;

use super::reader::address;
use super::reader::bounds::Bounds;
use super::reader::evidence::{Evidence, Known, Match, Ours, decide};
use super::reader::read::{Message, read};
use super::{Inbound, InboundError};
use crate::domain::report::MessageKind;
use crate::mail::token::TokenKey;
use crate::store::inbound::Waiting;
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError};

/// Bytes of a stored message that are looked at. What a report says stands before what it returns (RFC 6522), and what a person
/// writes before what is attached.
const LOOKED_AT: usize = 4_000_000;

/// How many of the Message-IDs and addresses of a message are looked up.
const LOOKED_UP: usize = 20;

/// A message that was read, with the delivery that it is about.
#[derive(Clone, Debug)]
pub struct Tied {
    /// The message.
    pub message: Message,
    /// What ties it to a delivery, and to which.
    pub tie: Match,
}

/// What is ours, kept for a thread of its own.
#[derive(Clone)]
pub(super) struct Own {
    key: TokenKey,
    bounce_domain: String,
    message_domain: String,
    fixed: Vec<String>,
}

impl Own {
    fn with<T>(&self, work: impl FnOnce(&Ours<'_>) -> T) -> T {
        let verify = |local: &str| self.key.read_inbound_path(local);
        work(&Ours {
            bounce_domain: &self.bounce_domain,
            message_domain: &self.message_domain,
            fixed: &self.fixed,
            verify: &verify,
        })
    }
}

impl Inbound {
    pub(super) fn own(&self) -> Own {
        let config = &self.context.config;
        Own {
            key: self.key.clone(),
            bounce_domain: config.sender.bounce_domain.as_str().to_owned(),
            message_domain: config.sender.domain().to_owned(),
            fixed: config.inbound.addresses.iter().map(|address| address.as_str().to_owned()).collect(),
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds { message: self.largest(), ..Bounds::default() }
    }

    /// Reads a message and finds its delivery, and changes nothing.
    ///
    /// # Errors
    /// If it would not be stored, or the database fails.
    pub async fn examine(&self, bytes: Vec<u8>, recipient: Option<String>) -> Result<Tied, InboundError> {
        self.check(&bytes)?;
        let message = self.read(bytes, recipient).await;
        let mut conn = self.context.store.read().await?;
        Ok(self.tie(&mut conn, vec![message]).await?.pop().expect("one for each message"))
    }

    async fn read(&self, bytes: Vec<u8>, recipient: Option<String>) -> Message {
        let (own, bounds, to) = (self.own(), self.bounds(), recipient.clone());
        let reading = spawn_blocking(move || own.with(|ours| read(&bytes, recipient.as_deref(), ours, &bounds)));
        reading.await.unwrap_or_else(|error| self.unread(&error, to.as_deref()))
    }

    /// Reads a stored message on a thread of its own: a large one takes a while, and a fault in the reader ends only this message.
    pub(super) async fn open(&self, waiting: Waiting) -> Result<Opened, StoreError> {
        let waiting = Arc::new(waiting);
        let (own, bounds, stored) = (self.own(), self.bounds(), waiting.clone());
        let reading = spawn_blocking(move || {
            let (bytes, digest) = stored.beginning(LOOKED_AT)?;
            let message = own.with(|ours| read(&bytes, stored.recipient.as_deref(), ours, &bounds));
            Ok::<_, StoreError>((digest, message))
        });
        let (digest, message) = match reading.await {
            Ok(read) => read?,
            Err(error) => (waiting.beginning(0)?.1, self.unread(&error, waiting.recipient.as_deref())),
        };
        Ok(Opened { waiting, digest, message })
    }

    fn unread(&self, error: &JoinError, recipient: Option<&str>) -> Message {
        tracing::error!(%error, "an inbound message could not be read: it is kept as unknown, please report it");
        self.own().with(|ours| Message::unread(recipient, ours))
    }

    /// Finds the deliveries of messages that were read.
    pub(super) async fn tie(&self, conn: &mut Conn, messages: Vec<Message>) -> Result<Vec<Tied>, StoreError> {
        let named: Vec<_> = messages.iter().map(|message| named_ids(&message.evidence)).collect();
        let known = look_up(conn, &named.concat()).await?;
        let mut tied = Vec::with_capacity(messages.len());
        for (message, ids) in messages.into_iter().zip(named) {
            let mut found = known_of(&ids, &known);
            // Addresses are looked up only if nothing else is there.
            if found.is_empty() && matches!(message.kind, MessageKind::Dsn | MessageKind::Arf) {
                let latest = latest(conn, &message.evidence).await?;
                found = known_of(&latest, &look_up(conn, &latest).await?);
            }
            let tie = self.own().with(|ours| decide(message.kind, &message.evidence, ours, Some(&found)));
            tied.push(Tied { message, tie });
        }
        Ok(tied)
    }
}

/// A stored message that was read.
#[derive(Clone)]
pub(super) struct Opened {
    /// How it is stored.
    pub(super) waiting: Arc<Waiting>,
    /// SHA-256 of its bytes.
    pub(super) digest: [u8; 32],
    /// What it says.
    pub(super) message: Message,
}

impl Tied {
    /// The delivery with which the message is recorded, if it is tied to one by more than an address.
    #[must_use]
    pub fn delivery(&self) -> Option<Uuid> {
        self.tie.delivery.filter(|_| self.tie.kind.is_tied())
    }
}

/// The deliveries that the evidence names by an id.
fn named_ids(evidence: &Evidence) -> Vec<Uuid> {
    let of_messages = evidence.message_ids.iter().take(LOOKED_UP);
    let mut ids = evidence.deliveries();
    ids.extend(of_messages.filter_map(|id| id.split_once('@')?.0.parse::<Uuid>().ok()));
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The newest deliveries to the addresses that the evidence names.
async fn latest(conn: &mut Conn, evidence: &Evidence) -> Result<Vec<Uuid>, StoreError> {
    let mut ids = Vec::new();
    for key in evidence.named.iter().take(LOOKED_UP).filter_map(|address| address::key(address)) {
        ids.extend(deliveries::latest_to(conn, &key).await?);
    }
    Ok(ids)
}

/// What is known of these, in their order.
fn known_of(ids: &[Uuid], known: &BTreeMap<Uuid, Known>) -> Vec<Known> {
    ids.iter().filter_map(|id| known.get(id).cloned()).collect()
}

/// What is known of deliveries.
async fn look_up(conn: &mut Conn, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Known>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let known = |it: deliveries::Mailed| {
        let message_id = format!("{}@{}", it.id, it.message_domain);
        (it.id, Known { delivery: it.id, address: it.email, message_id })
    };
    Ok(deliveries::mailed(conn, ids).await?.into_iter().map(known).collect())
}
