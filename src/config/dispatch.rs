//! `[dispatch]`: the node that sends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use crate::domain::problem::is_line;

/// `[dispatch]`: the node that sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dispatch {
    /// The name of this node in tables; the host name and the process id if empty.
    pub node: String,
    /// How long deliveries in progress may take to finish on SIGTERM.
    #[serde(with = "duration")]
    pub drain: Duration,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self { node: String::new(), drain: Duration::from_secs(20) }
    }
}

impl Dispatch {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_wrong = !self.node.is_empty() && !is_line(&self.node);
        is_wrong.then(|| "`dispatch.node` must be one line of text".to_owned()).into_iter().collect()
    }
}
