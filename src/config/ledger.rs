//! `[ledger]`: the name of the ledger, its key, and the addresses that receive its checkpoints.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::address::Address;

/// `[ledger]`: its name, its key, and the addresses that receive its checkpoints.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// The name of the ledger in checkpoints (C2SP tlog-checkpoint), and of its key.
    pub origin: String,
    /// The file with the Ed25519 key, PKCS#8 PEM, mode 0600.
    pub key_file: PathBuf,
    /// The file with the last signed checkpoint, outside the database.
    pub state_file: PathBuf,
    /// The addresses that receive the checkpoint by mail daily.
    pub checkpoint_to: Vec<String>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            origin: "example.com/besked".to_owned(),
            key_file: "var/ledger.key".into(),
            state_file: "var/ledger.state".into(),
            checkpoint_to: Vec::new(),
        }
    }
}

impl Ledger {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.origin.is_empty() || self.origin.contains(|c: char| c.is_whitespace() || c == '+') {
            problems.push("`ledger.origin` must be a name without spaces and plus signs".to_owned());
        }
        for (key, path) in [("key_file", &self.key_file), ("state_file", &self.state_file)] {
            if path.file_name().is_none() {
                problems.push(format!("`ledger.{key}` must be the path of a file"));
            }
        }
        for to in &self.checkpoint_to {
            if let Err(problem) = Address::parse(to) {
                problems.push(format!("`ledger.checkpoint_to` {problem}"));
            }
        }
        problems
    }
}
