//! The ledger: from entries that were appended to a signed tree over them, and to proofs that others can check.
//!
//! ```text
//! append (store/ledger.rs, in the transaction of what is recorded)
//!   -> pending -> [sequence] index and tree -> [sign] checkpoint -> [evidence] [export] [audit]
//! ```
//!
//! Any node sequences; the one with the key signs. Sealing is both. It never waits for sending, and sending never waits for it.

pub mod audit;
pub mod cancelled;
mod error;
pub mod evidence;
pub mod export;
mod kept;
pub mod operated;
pub mod post;
pub mod report;
pub mod sequence;
pub mod sign;
mod slots;
pub mod state;
pub mod subtrees;
mod tiles;
pub mod unaddressed;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use jiff::Timestamp;
use serde::Serialize;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::checkpoint::Checkpoint;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::merkle::{Hash, empty_root};
use crate::domain::note::{Signer, VerifierKey};
use crate::domain::right::Right;
use crate::domain::webhook::HookEvent;
use crate::store::proof::ledger::{self as entries, Opening};
pub use crate::store::proof::tree::Signed;
use crate::store::proof::tree::{self, Head};
use crate::store::sending::nodes;
use crate::store::webhooks::facts;
use crate::store::{Conn, StoreError};
pub use error::LedgerError;
use export::{ExportError, Exported};
use operated::Operation;
use sign::Known;
use state::{Last, Signing};

/// The result of sealing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// Every entry has its index; the size then. If this machine has the key, a checkpoint covers it.
    Upto(u64),
    /// Sealing has stopped, and why.
    Stopped(String),
}

/// The state of the ledger.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ledger::Standing)]
pub struct Standing {
    /// Entries with an index.
    pub size: u64,
    /// Root of the tree over them, in base64.
    pub root: String,
    /// Entries without an index yet.
    pub pending: u64,
    /// When the last checkpoint was signed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_checkpoint_at: Option<Timestamp>,
    /// Entries that the last checkpoint covers.
    pub signed: Option<u64>,
    /// Why sealing has stopped, or would stop now.
    pub stopped: Option<String>,
    /// Whether this machine signs: it has the key, and knows what was signed.
    pub signs: bool,
    /// The state file that is missing here, if the ledger was signed before and other nodes run: they sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub others_sign: Option<PathBuf>,
}

/// A signed checkpoint as it is shown.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ledger::Checkpoint)]
pub struct CheckpointShown {
    /// Entries that it covers.
    pub size: u64,
    /// The signed note (C2SP signed-note).
    pub note: String,
    /// When it was signed.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl From<Signed> for CheckpointShown {
    fn from(Signed { size, note, at, .. }: Signed) -> Self {
        Self { size, note, at }
    }
}

/// The ledger as a service: a cheap handle, cloned freely.
#[derive(Clone, Debug)]
pub struct Ledger {
    context: Context,
    /// The node that this process is, if it is one.
    node: Option<Arc<str>>,
}

impl Ledger {
    /// The service over these parts.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context, node: None }
    }

    /// The service of a node, by the id with which it is registered.
    #[must_use]
    pub fn of_node(self, id: &str) -> Self {
        Self { node: Some(id.into()), ..self }
    }

    /// The service for an actor who may read the ledger: its state, its audit, its export.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn read_by(&self, actor: &Actor) -> Result<&Self, LedgerError> {
        actor.may_at_all(Right::ReadLedger)?;
        Ok(self)
    }

    /// Assigns an index to every pending entry, and signs the tree if this machine has the key.
    ///
    /// # Errors
    /// If the database, the state file or the key file fails. That sealing has stopped is a result, not an error.
    pub async fn seal(&self) -> Result<Sealed, LedgerError> {
        match sign::load_key(&self.context.config.ledger)? {
            Some(signer) => self.seal_and_sign(&signer).await,
            None => self.sequence_all().await,
        }
    }

    async fn seal_and_sign(&self, signer: &Signer) -> Result<Sealed, LedgerError> {
        let signing = Signing::take(&self.context.config.ledger.state_file).await?;
        let known = Known::read(&self.context.config.ledger.state_file)?;
        // Examined before anything is appended: a database of yesterday must not grow as if it were today's.
        if self.is_left_to_others(&mut *self.context.store.read().await?, &known).await? {
            self.say_that_others_sign();
            return self.sequence_all().await;
        }
        let mut head = match self.examine(signer, &known).await? {
            Ok(head) => head,
            Err(reason) => return Ok(Sealed::Stopped(reason)),
        };
        let size = match self.sequence_all().await? {
            Sealed::Upto(size) => size,
            stopped => return Ok(stopped),
        };
        // A tree that did not grow was examined just now.
        if size != head.frontier.size() {
            head = match self.examine(signer, &known).await? {
                Ok(head) => head,
                Err(reason) => return Ok(Sealed::Stopped(reason)),
            };
        }
        let size = head.frontier.size();
        let signed = match known {
            Known::Last(last) if last.checkpoint.size() == size => *last,
            _ => sign::sign(&signing, signer, &head)?,
        };
        // Also if it was signed before: the process may have ended between state file and database.
        self.publish(&signed).await?;
        Ok(Sealed::Upto(size))
    }

    /// True if this machine lacks the state of a ledger that was signed before, and another node is alive, which examines and signs:
    /// it joined without the file, and is no reason to stop the others.
    async fn is_left_to_others(&self, conn: &mut Conn, known: &Known) -> Result<bool, StoreError> {
        if !matches!(known, Known::Nothing(_)) || tree::last_checkpoint(conn).await?.is_none() {
            return Ok(false);
        }
        let live = nodes::live(conn, self.context.clock.now()).await?;
        Ok(live.iter().any(|node| self.node.as_deref() != Some(node.id.as_str())))
    }

    fn say_that_others_sign(&self) {
        static SAID: Once = Once::new();
        if self.node.is_some() {
            let path = self.context.config.ledger.state_file.display();
            SAID.call_once(|| {
                tracing::warn!("this node leaves the signing to others: its `[ledger] state_file`, `{path}`, is missing. Copy it from the node that signs")
            });
        }
    }

    /// Returns the head if it may be signed, else why not, and stops sealing on all nodes.
    async fn examine(&self, signer: &Signer, known: &Known) -> Result<Result<Head, String>, LedgerError> {
        let mut conn = self.context.store.snapshot().await?;
        let head = tree::head(&mut conn).await?;
        if let Some(reason) = head.stopped {
            return Ok(Err(reason));
        }
        let faults = sign::faults(&mut conn, signer.verifier_key(), known, &head).await?;
        if faults.is_empty() {
            return Ok(Ok(head));
        }
        drop(conn);
        let reason = sign::reason(&faults);
        let mut tx = self.context.store.write().await?;
        if tree::set_stopped(&mut tx, Some(&reason)).await? {
            facts::note(&mut tx, HookEvent::LedgerStopped, ("", None), self.context.clock.now()).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        tracing::error!(%reason, "sealing has stopped; mandatory notices are sent, news and surveys wait. `besked ledger continue --reason` resumes it");
        Ok(Err(reason))
    }

    async fn sequence_all(&self) -> Result<Sealed, LedgerError> {
        // Counted once: without pending entries nobody waits for a writer's turn, and a long queue is not counted at every step.
        let (_, pending) = entries::sizes(&mut *self.context.store.read().await?).await?;
        let mut more = pending > 0;
        while more {
            let mut tx = self.context.store.write().await?;
            more = sequence::step(&mut tx).await? == sequence::STEP as usize;
            tx.commit().await.map_err(StoreError::from)?;
        }
        let head = tree::head(&mut *self.context.store.read().await?).await?;
        Ok(head.stopped.map_or(Sealed::Upto(head.frontier.size()), Sealed::Stopped))
    }

    /// Publishes a signed checkpoint in the database: for nodes without the key, the audit and the commands.
    async fn publish(&self, last: &Last) -> Result<(), LedgerError> {
        let known = tree::last_checkpoint(&mut *self.context.store.read().await?).await?;
        if known.is_some_and(|known| known.note == last.note) {
            return Ok(());
        }
        let at = self.context.clock.now();
        let (size, vkey) = (last.checkpoint.size(), last.key.to_string());
        let signed = Signed { size, note: last.note.clone(), vkey, at };
        let mut tx = self.context.store.write().await?;
        tree::insert_checkpoint(&mut tx, &signed).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Seals, and returns the checkpoint that covers everything recorded until now.
    ///
    /// # Errors
    /// If sealing has stopped, or nobody signed yet and this machine cannot.
    pub async fn checkpoint(&self) -> Result<Signed, LedgerError> {
        if let Sealed::Stopped(reason) = self.seal().await? {
            return Err(LedgerError::Stopped(reason));
        }
        let signed = tree::last_checkpoint(&mut *self.context.store.read().await?).await?;
        signed.ok_or_else(|| LedgerError::NoKey(self.context.config.ledger.key_file.clone()))
    }

    /// Returns the checkpoint that was signed last.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn newest_checkpoint(&self) -> Result<Option<Signed>, LedgerError> {
        Ok(tree::last_checkpoint(&mut *self.context.store.read().await?).await?)
    }

    /// Returns the state of the ledger, and examines what would stop sealing.
    ///
    /// # Errors
    /// If the database, the state file or the key file fails.
    pub async fn standing(&self) -> Result<Standing, LedgerError> {
        let signer = sign::load_key(&self.context.config.ledger)?;
        // Before the snapshot: a checkpoint signed in between must not look like one that the database has lost.
        let known = Known::read(&self.context.config.ledger.state_file)?;
        let mut conn = self.context.store.snapshot().await?;
        let head = tree::head(&mut conn).await?;
        let (size, pending) = entries::sizes(&mut conn).await?;
        let last = tree::last_checkpoint(&mut conn).await?;
        let mut stopped = head.stopped.clone();
        // A node that runs has stopped it by now if there is no other.
        let others_sign = stopped.is_none() && signer.is_some() && self.is_left_to_others(&mut conn, &known).await?;
        if let (None, Some(signer), false) = (&stopped, &signer, others_sign) {
            let faults = sign::faults(&mut conn, signer.verifier_key(), &known, &head).await?;
            stopped = (!faults.is_empty()).then(|| sign::reason(&faults));
        }
        Ok(Standing {
            size,
            root: data_encoding::BASE64.encode(&head.root),
            pending,
            last_checkpoint_at: last.as_ref().map(|last| last.at),
            signed: last.map(|last| last.size),
            stopped,
            signs: signer.is_some() && !others_sign,
            others_sign: others_sign.then(|| self.context.config.ledger.state_file.clone()),
        })
    }

    /// The key that signed last, if the ledger was signed before, by what the database and the state file know.
    ///
    /// # Errors
    /// If the database or the state file fails.
    pub async fn signed_by(&self) -> Result<Option<String>, LedgerError> {
        if let Some(last) = Known::read(&self.context.config.ledger.state_file)?.last() {
            return Ok(Some(last.key.to_string()));
        }
        let last = tree::last_checkpoint(&mut *self.context.store.read().await?).await?;
        Ok(last.map(|last| last.vkey))
    }

    /// Audits the ledger against all that this machine knows, and a checkpoint that somebody else kept.
    ///
    /// # Errors
    /// If the database, the state file or the key file fails. Damage is a result, not an error.
    pub async fn audit(
        &self,
        kept: Option<&Checkpoint>,
        progress: &(dyn Fn(audit::Progress) + Sync),
    ) -> Result<audit::Report, LedgerError> {
        let known = Known::read(&self.context.config.ledger.state_file)?;
        let key = self.verifier_key().ok();
        let mut conn = self.context.store.snapshot().await?;
        let against = audit::Against { key: key.as_ref(), last: known.last(), kept };
        audit::audit(&mut conn, against, progress).await
    }

    /// Returns the key that verifies what this ledger signs: this machine's, else the one in its state file.
    ///
    /// # Errors
    /// If the machine has neither.
    pub fn verifier_key(&self) -> Result<VerifierKey, LedgerError> {
        if let Some(signer) = sign::load_key(&self.context.config.ledger)? {
            return Ok(signer.verifier_key().clone());
        }
        let known = Known::read(&self.context.config.ledger.state_file)?;
        known
            .last()
            .map(|last| last.key.clone())
            .ok_or_else(|| LedgerError::NoKey(self.context.config.ledger.key_file.clone()))
    }

    /// Returns the checkpoint in what somebody kept: the note itself or the mail with it, signed with any key that the ledger had.
    ///
    /// # Errors
    /// If it has none, or no key is known.
    pub async fn kept_checkpoint(&self, bytes: &[u8]) -> Result<Checkpoint, LedgerError> {
        let origin = &self.context.config.ledger.origin;
        let keys = self.verifier_keys().await?;
        let mut problem = None;
        for note in kept::notes(bytes, origin) {
            for key in &keys {
                match Checkpoint::open(&note, key) {
                    Ok(checkpoint) => return Ok(checkpoint),
                    Err(error) => problem = Some(error.to_string()),
                }
            }
        }
        Err(LedgerError::NoCheckpoint { origin: origin.clone(), problem })
    }

    /// Writes the log into a folder as static files, up to a checkpoint that covers everything recorded until now; `progress`
    /// gets the number of entries so far.
    ///
    /// # Errors
    /// If the folder holds another log or cannot be written, or nothing can be signed.
    pub async fn export(&self, folder: &Path, progress: &(dyn Fn(u64) + Sync)) -> Result<Exported, ExportError> {
        let checkpoint = self.checkpoint().await?;
        let mut conn = self.context.store.snapshot().await?;
        export::export(&mut conn, &checkpoint, folder, progress).await
    }

    /// Returns this machine's key, then every other that checkpoints were signed with: a stored checkpoint may be by an older one.
    ///
    /// # Errors
    /// If the database fails, or no key is known.
    pub async fn verifier_keys(&self) -> Result<Vec<VerifierKey>, LedgerError> {
        let mut keys = vec![self.verifier_key()?];
        let signed = tree::keys(&mut *self.context.store.read().await?).await?;
        keys.extend(signed.iter().filter_map(|key| VerifierKey::parse(key).ok()));
        Ok(keys)
    }

    /// Checks that sealing has stopped and this machine can resume it, for whoever decides something else before.
    ///
    /// # Errors
    /// Those of [`Ledger::resume`].
    pub async fn may_resume(&self, reason: &str) -> Result<(), LedgerError> {
        let (signer, known) = self.resumer(reason)?;
        let mut conn = self.context.store.snapshot().await?;
        let head = tree::head(&mut conn).await?;
        needs_to_resume(&mut conn, &signer, &known, &head).await
    }

    /// The key and what was signed last, if the reason can be recorded.
    fn resumer(&self, reason: &str) -> Result<(Signer, Known), LedgerError> {
        if !crate::domain::problem::is_line(reason) {
            return Err(LedgerError::Reason);
        }
        let signer = sign::load_key(&self.context.config.ledger)?;
        let signer = signer.ok_or_else(|| LedgerError::NoKey(self.context.config.ledger.key_file.clone()))?;
        Ok((signer, Known::read(&self.context.config.ledger.state_file)?))
    }

    /// Resumes sealing after it stopped: appends an entry that names the last checkpoint and the reason, one more if the
    /// key was exchanged, and signs.
    ///
    /// # Errors
    /// If nothing stopped it, or the reason is not one line of text.
    pub async fn resume(&self, actor: &Actor, reason: &str) -> Result<Signed, LedgerError> {
        let signing = Signing::take(&self.context.config.ledger.state_file).await?;
        let (signer, known) = self.resumer(reason)?;
        let mut tx = self.context.store.write().await?;
        let head = tree::lock_head(&mut tx).await?;
        needs_to_resume(&mut tx, &signer, &known, &head).await?;
        tree::set_stopped(&mut tx, None).await?;
        self.record_continuation(&mut tx, &signer, &known, (actor, reason)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.sequence_all().await?;
        let head = tree::head(&mut *self.context.store.read().await?).await?;
        let signed = sign::sign(&signing, &signer, &head)?;
        self.publish(&signed).await?;
        drop(signing);
        self.checkpoint().await
    }

    async fn record_continuation(
        &self,
        conn: &mut Conn,
        signer: &Signer,
        known: &Known,
        (actor, reason): (&Actor, &str),
    ) -> Result<(), LedgerError> {
        let at = self.context.clock.now();
        let (key, size, root) = last_before(conn, known).await?;
        let mut facts = vec![Fact {
            detail: Detail::Continued { reason: reason.to_owned(), size, root },
            ..Fact::new(Event::Continued, at)
        }];
        let new = signer.verifier_key().to_string();
        if let Some(old) = key.filter(|old| *old != new) {
            facts.push(Fact { detail: Detail::Keys { old, new }, ..Fact::new(Event::KeyRotated, at) });
        }
        let person = Person { role: actor.to_string(), ..Person::default() };
        for fact in facts {
            let entry = Entry::new(&fact, Some(&person), &self.context.random);
            entries::append(conn, &[Opening::about_nothing(&entry, at)]).await?;
        }
        let operation = Operation::new(Action::Continue).reason(reason);
        Ok(operated::record(conn, actor, &operation, at, &self.context.random).await?)
    }
}

async fn needs_to_resume(conn: &mut Conn, signer: &Signer, known: &Known, head: &Head) -> Result<(), LedgerError> {
    let faults = sign::faults(conn, signer.verifier_key(), known, head).await?;
    if faults.is_empty() && head.stopped.is_none() { Err(LedgerError::NotStopped) } else { Ok(()) }
}

/// What was signed last, by the state file, else by the database.
async fn last_before(conn: &mut Conn, known: &Known) -> Result<(Option<String>, u64, Hash), StoreError> {
    if let Some(last) = known.last() {
        return Ok((Some(last.key.to_string()), last.checkpoint.size(), last.checkpoint.root()));
    }
    let shown = tree::last_checkpoint(conn).await?;
    let opened = shown.and_then(|shown| {
        let checkpoint = Checkpoint::open(&shown.note, &VerifierKey::parse(&shown.vkey).ok()?).ok()?;
        Some((Some(shown.vkey), checkpoint.size(), checkpoint.root()))
    });
    Ok(opened.unwrap_or((None, 0, empty_root())))
}
