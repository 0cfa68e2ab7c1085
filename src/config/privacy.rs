//! `[privacy]`: the journal of erased persons, outside the database.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[privacy]`: the journal of erased persons, outside the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// The journal: keyed hashes of erased addresses.
    pub journal_file: PathBuf,
    /// The file with the key of these hashes; created by the first erasure.
    pub journal_key_file: PathBuf,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { journal_file: "var/erased.journal".into(), journal_key_file: "var/erased.key".into() }
    }
}
