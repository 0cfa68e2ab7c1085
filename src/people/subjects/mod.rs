//! A person's rights over what is stored about them (GDPR Art. 15 to 21): to see it, to have it corrected, restricted or erased,
//! and to object.
//!
//! An erasure deletes what names the person, in one transaction, and appends an `erased` entry that names the entries and the
//! ground; the tree and the proofs of others stay as they are. A tombstone, in the database and in a journal outside it,
//! prevents a restored copy and the next import from bringing the person back unnoticed.

mod answers;
mod erase;
pub(crate) mod forget;
mod look;
mod mentions;
mod objections;
pub mod record;
mod rights;
mod tombstones;
mod whose;

use thiserror::Error;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Category;
use crate::domain::duty::Duty;
use crate::domain::kind::Kind;
use crate::domain::page::CursorError;
use crate::domain::problem::is_line;
use crate::domain::right::Forbidden;
use crate::ledger::evidence::EvidenceError;
use crate::ledger::{Ledger, LedgerError};
use crate::people::journal::JournalError;
use crate::people::reads;
use crate::store::StoreError;

pub use answers::{Objecting, Rectified, Restricting};
pub use erase::{Erased, Erasure};
pub use look::{Looked, Sent};
pub use objections::{Decided, Decision, Objected};
pub use record::Record;
pub use rights::Objection;
pub use tombstones::{Exchanged, Tombstones};
pub use whose::Whose;

/// The longest text that an operator may add to the ledger, in bytes.
const LONGEST_TEXT: usize = 1000;

/// Why a request of a person could not be carried out.
#[derive(Debug, Error)]
pub enum SubjectError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cursor is not one of the list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The tombstone journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The evidence could not be made.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Nothing is stored about the address.
    #[error("nothing is stored about {0}")]
    Unknown(Address),
    /// No contact has the address.
    #[error("no contact has the address {0}")]
    NoContact(Address),
    /// The address is not restricted.
    #[error("{0} is not restricted")]
    NotRestricted(Address),
    /// Duties to keep the record stand against an erasure.
    #[error("the record of {address} must be kept:\n{}", .duties.iter().map(|(duty, why)| format!("  {duty}: {why}")).collect::<Vec<_>>().join("\n"))]
    Duties {
        /// The person's address.
        address: Address,
        /// Each duty that is not waived, and why it exists.
        duties: Vec<(Duty, String)>,
    },
    /// A waiver names a duty that does not stand against the erasure.
    #[error("nothing was erased: there is no duty {} to waive", .0.iter().map(|duty| format!("`{duty}`")).collect::<Vec<_>>().join(", "))]
    NotNeeded(Vec<Duty>),
    /// A message to the person is being sent.
    #[error("a message to this person is being sent at this moment")]
    Sending,
    /// The new address belongs to an erased person.
    #[error("{0} belongs to a person who was erased")]
    WasErased(Address),
    /// The ground is not a usable text, or names the person.
    #[error(
        "the ground must be one line of at most {LONGEST_TEXT} bytes that names no address of the person: it stays in the ledger"
    )]
    Ground,
    /// A note is not a usable text.
    #[error("the note must be one line of at most {LONGEST_TEXT} bytes")]
    Note,
    /// An objection to mandatory notices needs the person's grounds.
    #[error("an objection to {} needs the person's grounds (GDPR Art. 21(1))", .0.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", "))]
    Grounds(Vec<Category>),
    /// The new address is known as somebody else's.
    #[error("{address} is known already: {}", .others.join("; "))]
    OtherPerson {
        /// The new address.
        address: Address,
        /// Whose it is.
        others: Vec<String>,
    },
    /// There is no right to object to this category.
    #[error("there is no right to object to `{0}`: the law requires these notices (GDPR Art. 33 and 34)")]
    NoRight(Category),
    /// There is no such objection.
    #[error("there is no objection `{0}`")]
    NoObjection(Uuid),
    /// Somebody has decided about the objection.
    #[error("the objection `{id}` is decided already: {decision}")]
    Decided {
        /// The objection.
        id: Uuid,
        /// The decision.
        decision: Decision,
    },
    /// The new address is the old one.
    #[error("the address is {0} already")]
    Same(Address),
}

impl SubjectError {
    /// What the error means to the caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Evidence(error) => error.kind(),
            Self::Journal(_) => Kind::Failed,
            Self::Unknown(_) | Self::NoContact(_) | Self::NoObjection(_) => Kind::NotFound,
            Self::Duties { .. } | Self::WasErased(_) | Self::OtherPerson { .. } => Kind::Refused,
            Self::Sending => Kind::Later,
            Self::NotRestricted(_) | Self::Decided { .. } => Kind::Conflict,
            Self::Cursor(_)
            | Self::NotNeeded(_)
            | Self::Ground
            | Self::Note
            | Self::Grounds(_)
            | Self::NoRight(_)
            | Self::Same(_) => Kind::Invalid,
        }
    }
}

impl SubjectError {
    /// The error for a log: it names no value of a row.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Store(error) => error.for_logs(),
            other => other.to_string(),
        }
    }
}

/// A person's rights: a cheap handle, cloned freely.
#[derive(Clone)]
pub struct Subjects {
    context: Context,
    ledger: Ledger,
}

impl Subjects {
    /// The service over a database and its ledger.
    #[must_use]
    pub const fn new(context: Context, ledger: Ledger) -> Self {
        Self { context, ledger }
    }

    /// Records that an actor looked at the record of an address; see [`reads::note_read`].
    ///
    /// # Errors
    /// If the database fails: what cannot be recorded must not be shown.
    pub async fn note_read(&self, actor: &Actor, key: &AddressKey, what: &str) -> Result<(), StoreError> {
        reads::note_read(&self.context, actor, key, what).await
    }
}

/// True if a text may be added to the ledger.
fn is_text(text: &str) -> bool {
    is_line(text) && text.len() <= LONGEST_TEXT
}
