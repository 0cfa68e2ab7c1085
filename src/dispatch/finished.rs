//! How a run ends, and what it leaves.

use thiserror::Error;
use uuid::Uuid;

use crate::dispatch::house::errands::Undone;
use crate::dispatch::relay::Trouble;
use crate::notices::NoticeError;
use crate::store::sending::waiting::Depth;

/// When a run ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Once nothing can be done now, for all notices or for one.
    Idle(Option<Uuid>),
}

/// Why a run failed.
#[derive(Debug, Error)]
pub enum RunError {
    /// The housekeeping failed.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// A part of the dispatcher panicked.
    #[error("a part of the dispatcher failed by a fault of this program; the log says which")]
    Broken,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub enum Finished {
    /// It was asked to stop.
    Stopped,
    /// Nothing can be done now; some deliveries may be due later.
    Idle(Depth),
    /// Nothing more can be done now, and not all went well.
    Left(Box<Left>),
    /// Nothing was sent, with the reason: erased persons may be back in this database.
    NotErased(String),
}

/// What a run has left, all of it: one reason does not hide another.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// Deliveries wait of which no relay can be used: name and failure of each relay.
    pub no_relay: Option<Vec<(String, Trouble)>>,
    /// Work that failed.
    pub undone: Vec<Undone>,
    /// Why entries could not be sealed.
    pub unsealed: Option<String>,
    /// Deliveries that were not sent for a reason of our own.
    pub unsent: u64,
    /// Deliveries that wait since they, or their notice, cannot be read or made ready.
    pub unread: u64,
    /// Deliveries that expired, or that wait for an operator since nobody knows whether they were taken.
    pub uninformed: u64,
    /// What waits.
    pub depth: Depth,
}

impl From<Left> for Finished {
    fn from(left: Left) -> Self {
        let Left { no_relay, undone, unsealed, unsent, uninformed, unread, depth } = &left;
        let is_all_well =
            no_relay.is_none() && undone.is_empty() && unsealed.is_none() && unsent + uninformed + unread == 0;
        if is_all_well { Self::Idle(*depth) } else { Self::Left(Box::new(left)) }
    }
}
