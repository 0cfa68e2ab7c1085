//! Tombstones: the record that a person was erased, as a keyed hash of the address.
//!
//! Tombstones form a set that only grows. Two copies of it, such as a database and a journal file, are brought together by
//! exchanging what either lacks; the latest tombstone of a hash decides whether its person is erased now.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::words::words;

/// What a tombstone records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The person was erased.
    Erased,
    /// The address was imported again on purpose.
    Revived,
}

words!(Mark, "a mark of a tombstone", { Erased => "erased", Revived => "revived" });

/// One tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// Id (UUIDv7): of two tombstones with the same hash the one with the higher id counts.
    pub id: Uuid,
    /// What it records.
    pub mark: Mark,
    /// HMAC-SHA256 of the address under the key of the tombstones.
    pub hash: [u8; 32],
    /// When it happened.
    pub at: Timestamp,
}
