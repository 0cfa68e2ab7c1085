//! `[http]`: the web server.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// `[http]`: the web server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The address and port that it listens on.
    #[serde(with = "super::listen")]
    pub listen: SocketAddr,
    /// The number of connections at once. Fewer, if the limit of open files is too small for them beside the sending.
    pub connections: usize,
}

impl Http {
    pub(super) fn problem(&self) -> Option<String> {
        (!(8..=10_000).contains(&self.connections)).then(|| "`http.connections` must be 8 to 10000".to_owned())
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), connections: 256 }
    }
}
