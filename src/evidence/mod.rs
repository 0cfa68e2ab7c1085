//! Evidence as a service: chooses the notices, names only the customers asked for, and records whose data was read.
//!
//! [`crate::ledger::evidence`] writes the file of one notice, [`crate::ledger::report`] the PDF. Nothing is masked: evidence names
//! people by purpose.

mod taken;

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use thiserror::Error;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use taken::Taken;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::AddressKey;
use crate::domain::evidence::{Invalid, verify};
use crate::domain::kind::Kind;
use crate::domain::notice::reference::Bearer;
use crate::domain::right::{Forbidden, Right};
use crate::ledger::evidence::{self, Contents, EvidenceError, Wanted};
use crate::ledger::report::{self, Report, ReportError, Words};
use crate::ledger::{Ledger, LedgerError};
use crate::notices::{NoticeError, Notices};
use crate::people::subjects::Subjects;
use crate::store::notices::{attestations, references};
use crate::store::people::{customers, subjects as stored};
use crate::store::proof::tree::Signed;
use crate::store::sending::deliveries;
use crate::store::{StoreError, notices};

/// Restricted addresses that are looked at together.
const RESTRICTED_AT_ONCE: u32 = 500;

/// What the evidence is to be about.
#[derive(Clone, Debug)]
pub struct Request {
    /// The notices.
    pub notices: Choice,
    /// Whose deliveries it opens.
    pub scope: Scope,
    /// With the exact bytes that were sent.
    pub with_messages: bool,
}

/// A choice of notices.
#[derive(Clone, Debug)]
pub enum Choice {
    /// One, by its id or by a reference that no other released notice has.
    Notice(String),
    /// All released notices of the matters of this reference.
    Reference(String),
}

/// Whose deliveries evidence opens.
#[derive(Clone, Debug)]
pub enum Scope {
    /// Those of one customer: nobody else is named.
    Customer(String),
    /// Those of every customer: each recipient is named.
    Everyone,
}

impl Scope {
    /// The account id of the one customer.
    #[must_use]
    pub fn account_id(&self) -> Option<&str> {
        match self {
            Self::Customer(account_id) => Some(account_id),
            Self::Everyone => None,
        }
    }
}

/// Why there is no evidence.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such notice, or several.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// It cannot be written.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The PDF cannot be made.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// The file just written is not valid.
    #[error("the evidence just written is not valid: {0}")]
    Invalid(#[from] Invalid),
    /// Other evidence is being written.
    #[error("other evidence is being written")]
    Busy,
    /// The evidence does not fit into a PDF that is made in memory.
    #[error("the evidence has {bytes} bytes, and a PDF that is asked for here may hold {most} at most")]
    TooLarge {
        /// Bytes of the evidence.
        bytes: u64,
        /// What a PDF may hold, in bytes.
        most: u64,
    },
}

impl ProofError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Notice(NoticeError::Unknown(_)) => Kind::NotFound,
            Self::Notice(NoticeError::Store(error)) => error.kind(),
            Self::Notice(_) => Kind::Invalid,
            Self::Evidence(error) => error.kind(),
            Self::Report(error) => error.kind(),
            Self::Invalid(_) => Kind::Failed,
            Self::Busy => Kind::Later,
            Self::TooLarge { .. } => Kind::Refused,
        }
    }
}

impl From<StoreError> for ProofError {
    fn from(error: StoreError) -> Self {
        Self::Evidence(error.into())
    }
}

impl From<LedgerError> for ProofError {
    fn from(error: LedgerError) -> Self {
        Self::Evidence(error.into())
    }
}

/// Makes evidence. Cheap to clone.
#[derive(Clone)]
pub struct Prover {
    context: Context,
    notices: Notices,
    ledger: Ledger,
    subjects: Subjects,
    /// Evidence over HTTP is written by one at a time: each reads from one state of the database, and holds it until its end.
    turns: Arc<Semaphore>,
}

/// The evidence of one notice, ready to be written.
pub struct Proof {
    prover: Prover,
    checkpoint: Signed,
    notice: Chosen,
    scope: Scope,
    with_messages: bool,
}

/// A notice that was chosen. Its text, which may be long, is read when it is needed: a matter may have thousands of notices.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    id: Uuid,
    recipients: u64,
}

/// What evidence that was written is about.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Proved {
    /// The notice.
    pub notice: Uuid,
    /// What the file holds.
    pub contents: Contents,
}

impl Prover {
    /// A prover over these services.
    #[must_use]
    pub fn new(context: Context, notices: Notices, ledger: Ledger, subjects: Subjects) -> Self {
        Self { context, notices, ledger, subjects, turns: Arc::new(Semaphore::new(1)) }
    }

    /// Prepares the evidence of each notice asked for, oldest first: seals what waits, and records that the data of restricted
    /// persons was read.
    ///
    /// # Errors
    /// If there is no such notice, none of them was released or addressed the customer, or nothing can be signed.
    pub async fn prepare(&self, actor: &Actor, request: &Request) -> Result<Vec<Proof>, ProofError> {
        actor.may_at_all(Right::Evidence)?;
        let chosen = self.choose(actor, request).await?;
        let checkpoint = self.ledger.checkpoint().await?;
        let mut proofs = Vec::with_capacity(chosen.len());
        for notice in chosen {
            self.note_reads(actor, notice.id, request.scope.account_id()).await?;
            proofs.push(Proof {
                prover: self.clone(),
                checkpoint: checkpoint.clone(),
                notice,
                scope: request.scope.clone(),
                with_messages: request.with_messages,
            });
        }
        Ok(proofs)
    }

    /// The notices asked for. Of a matter only those that say something: released, and addressed to the customer or attested for it.
    async fn choose(&self, actor: &Actor, request: &Request) -> Result<Vec<Chosen>, ProofError> {
        let reference = match &request.notices {
            Choice::Notice(name) => {
                let notice = self.notices.named(actor, name).await?;
                return Ok(vec![Chosen { id: notice.id, recipients: notice.recipients }]);
            }
            Choice::Reference(reference) => reference,
        };
        let mut conn = self.context.store.read().await?;
        let mut found = references::bearers(&mut conn, reference).await?;
        found.retain(|notice| actor.knows_of(notice.category, notice.released_at.is_some()));
        if found.is_empty() {
            return Err(NoticeError::Unknown(reference.clone()).into());
        }
        // Of its matters also those with another reference, or none.
        found = references::of_matters(&mut conn, reference).await?;
        let known = |notice: &Bearer| actor.knows_of(notice.category, notice.released_at.is_some());
        found.retain(|notice| known(notice) && notice.released_at.is_some());
        found.sort_by_key(|notice| (notice.released_at, notice.id));
        if found.is_empty() {
            return Err(EvidenceError::NotReleased.into());
        }
        let chosen = found.into_iter().map(|notice| Chosen { id: notice.id, recipients: notice.recipients });
        let Some(account_id) = request.scope.account_id() else { return Ok(chosen.collect()) };
        let mut addressed = Vec::new();
        for notice in chosen {
            if !deliveries::of_customer(&mut conn, notice.id, account_id).await?.is_empty()
                || !attestations::of_notice(&mut conn, notice.id, Some(account_id)).await?.is_empty()
            {
                addressed.push(notice);
            }
        }
        if addressed.is_empty() {
            return Err(EvidenceError::NotAddressed(account_id.to_owned()).into());
        }
        Ok(addressed)
    }

    /// Records for each restricted person whom the evidence names that it was made.
    async fn note_reads(&self, actor: &Actor, notice: Uuid, account_id: Option<&str>) -> Result<(), StoreError> {
        if let Some(account_id) = account_id {
            let mut conn = self.context.store.read().await?;
            let shown = deliveries::of_customer(&mut conn, notice, account_id).await?;
            let keys: Vec<AddressKey> = shown.iter().filter_map(|it| AddressKey::of(&it.email)).collect();
            let keys: Vec<&str> = keys.iter().map(AddressKey::as_str).collect();
            let restricted = stored::restricted(&mut conn, &keys).await?;
            drop(conn);
            return self.note_each(actor, &restricted).await;
        }
        let mut after = String::new();
        loop {
            let mut conn = self.context.store.read().await?;
            let page = stored::restricted_after(&mut conn, &after, RESTRICTED_AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            last.as_str().clone_into(&mut after);
            let mut named = Vec::new();
            for key in page {
                if stored::deliveries(&mut conn, &key).await?.iter().any(|it| it.notice_id == notice) {
                    named.push(key);
                }
            }
            drop(conn);
            self.note_each(actor, &named).await?;
        }
    }

    async fn note_each(&self, actor: &Actor, keys: &[AddressKey]) -> Result<(), StoreError> {
        for key in keys {
            self.subjects.note_read(actor, key, "evidence export").await?;
        }
        Ok(())
    }
}

impl Proof {
    /// Recipients of the notice.
    #[must_use]
    pub const fn recipients(&self) -> u64 {
        self.notice.recipients
    }

    /// Writes the evidence file; `progress` gets the number of entries so far.
    ///
    /// # Errors
    /// If there is nothing to prove, or the file cannot be written.
    pub async fn write(&self, out: impl Write, progress: &(dyn Fn(u64) + Sync)) -> Result<Proved, ProofError> {
        let wanted = Wanted {
            notice_id: self.notice.id,
            account_id: self.scope.account_id(),
            address: None,
            with_messages: self.with_messages,
        };
        let mut conn = self.prover.context.store.snapshot().await?;
        let contents = evidence::export(&mut conn, &self.checkpoint, &wanted, out, progress).await?;
        Ok(Proved { notice: self.notice.id, contents })
    }

    /// Returns the report of an evidence file as a PDF, which holds the file; it says what the file proves.
    ///
    /// # Errors
    /// If the file is not the valid evidence of this notice, or is too large.
    pub async fn pdf(&self, file: &[u8], file_name: &str) -> Result<Vec<u8>, ProofError> {
        let Context { store, config, clock, .. } = &self.prover.context;
        let key = self.prover.ledger.verifier_key()?;
        let evidence = verify(file, &key)?;
        let account = self.scope.account_id();
        let mut conn = store.snapshot().await?;
        let customer = match account {
            Some(account) => customers::find(&mut conn, account).await?,
            None => None,
        };
        let id = self.notice.id;
        let notice = notices::find(&mut conn, id).await?.ok_or_else(|| NoticeError::Unknown(id.to_string()))?;
        let words = Words::of(&mut conn, &notice, account).await?;
        let report = Report {
            organisation: &config.organisation,
            made_at: clock.now(),
            notice: &notice,
            account,
            customer_name: customer.as_ref().map(|customer| customer.name.as_str()),
            words: &words,
            evidence: &evidence,
            file_name,
            file,
            verifier_key: &key.to_string(),
        };
        Ok(report::pdf(&report)?)
    }
}
