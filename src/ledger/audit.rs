//! The audit: recomputes everything from the rows, and names the first thing that does not fit.
//!
//! ```text
//! pages of the file
//! rows -> commitments -> leaves -> root -> checkpoints     entries.rs, fold.rs
//! notices, recipients, states, attestations -> entries     books.rs, shown.rs, course.rs, attested.rs
//! operators, keys -> entries                               granted.rs
//! messages -> digests                                      messages.rs
//! ```
//!
//! It reads the database and, if this machine has them, the signer's state and a checkpoint that somebody else
//! kept. It finds every change of the past; it cannot find what was false when it was written. Memory holds something for each
//! notice; what is for each recipient waits in a file without a name (last.rs).

mod attested;
mod books;
mod course;
mod entries;
mod fold;
mod granted;
mod last;
mod messages;
mod shown;

use std::io;

use serde::Serialize;

use super::LedgerError;
use super::state::Last;
use crate::domain::checkpoint::Checkpoint;
use crate::domain::note::VerifierKey;
use crate::store::engine::integrity;
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};
use entries::Exchanged;

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// `ok` or `damaged`.
    pub verdict: Verdict,
    /// Index of the first entry that something is wrong with, if it is known.
    pub first_bad: Option<u64>,
    /// What is wrong.
    pub problem: Option<String>,
    /// Entries that were looked at.
    pub entries: u64,
    /// Deliveries whose state was compared with their entries.
    pub deliveries: u64,
    /// Messages whose digest was recomputed.
    pub messages: u64,
    /// Checkpoints whose roots were compared.
    pub checkpoints: u64,
    /// Whether their signatures were checked: that needs the ledger's key.
    pub signatures: bool,
}

/// The outcome of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything fits.
    Ok,
    /// Something was changed, removed or added.
    Damaged,
}

/// What does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Damage {
    index: Option<u64>,
    problem: String,
}

impl Damage {
    fn at(index: u64, problem: impl Into<String>) -> Self {
        Self { index: Some(index), problem: format!("entry {index}: {}", problem.into()) }
    }

    fn whole(problem: impl Into<String>) -> Self {
        Self { index: None, problem: problem.into() }
    }

    fn of_file(found: &str) -> Self {
        Self::whole(format!("the database file is damaged: {found}: restore it from a backup"))
    }
}

/// Why an audit ends early.
enum Stop {
    Damage(Damage),
    /// Which entry it is must still be found.
    Exchanged(Exchanged),
    Store(StoreError),
    /// A temporary file failed.
    Spool(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Spool(error)
    }
}

impl From<Damage> for Stop {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            // A row that cannot be what it says is what an audit looks for.
            StoreError::Inconsistent { table: "ledger_entries", ref row, .. } => {
                Self::Damage(Damage { index: row.parse().ok(), problem: error.to_string() })
            }
            StoreError::Inconsistent { .. } => Self::Damage(Damage::whole(error.to_string())),
            error if error.is_damaged() => Self::Damage(Damage::of_file(&error.to_string())),
            error => Self::Store(error),
        }
    }
}

/// What an audit compares the database with.
#[derive(Clone, Copy)]
pub struct Against<'a> {
    /// The ledger's key, if it is known.
    pub key: Option<&'a VerifierKey>,
    /// What this machine's signer signed last.
    pub last: Option<&'a Last>,
    /// A checkpoint that somebody else kept.
    pub kept: Option<&'a Checkpoint>,
}

/// How far an audit is.
#[derive(Clone, Copy, Debug)]
pub enum Progress {
    /// The pages of the database file are checked.
    Pages,
    /// So many entries were looked at, of so many.
    Entries(u64, u64),
    /// So many deliveries.
    Deliveries(u64),
    /// So many messages.
    Messages(u64),
}

/// Audits the ledger in a snapshot.
///
/// # Errors
/// If the database or a temporary file fails. Damage is a result, not an error.
pub async fn audit(
    conn: &mut Conn,
    against: Against<'_>,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Report, LedgerError> {
    let mut report = Report {
        verdict: Verdict::Ok,
        first_bad: None,
        problem: None,
        entries: 0,
        deliveries: 0,
        messages: 0,
        checkpoints: 0,
        signatures: against.key.is_some(),
    };
    let ended = match run(conn, against, progress, &mut report).await {
        Err(Stop::Exchanged(exchanged)) => Err(exchanged.find(conn).await.map_or_else(|stop| stop, Stop::Damage)),
        ended => ended,
    };
    match ended {
        Ok(()) => {}
        Err(Stop::Damage(damage)) => {
            report.verdict = Verdict::Damaged;
            report.first_bad = damage.index;
            report.problem = Some(damage.problem);
        }
        Err(Stop::Store(error)) => return Err(error.into()),
        Err(Stop::Spool(error)) => return Err(LedgerError::Spool(error)),
        Err(Stop::Exchanged(_)) => unreachable!("it was found above"),
    }
    Ok(report)
}

async fn run(
    conn: &mut Conn,
    against: Against<'_>,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    // First: what a damaged file says means nothing.
    progress(Progress::Pages);
    let found = integrity::damage(conn).await?;
    if !found.is_empty() {
        return Err(Damage::of_file(&found.join("; ")).into());
    }
    let head = tree::head(conn).await?;
    let mut scanned = entries::scan(conn, &head, against, progress, report).await?;
    granted::check(conn, std::mem::take(&mut scanned.granted)).await?;
    books::balance(conn, &mut scanned, progress, report).await?;
    messages::check(conn, &mut scanned, progress, report).await
}
