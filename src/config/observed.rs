//! `[metrics]` and `[log]`: how this process is observed.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::Targets;

use super::Http;

/// `[metrics]`: `/healthz`, `/readyz` and `/metrics`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// Their own address and port. Without it there is no `/metrics`, and only `besked serve` answers the others, on
    /// `[http] listen`.
    #[serde(skip_serializing_if = "Option::is_none", with = "super::listen::maybe")]
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(super) fn problem(&self, http: &Http) -> Option<String> {
        (self.listen == Some(http.listen))
            .then(|| "`metrics.listen` is `http.listen`: metrics are not for the public, choose another address or leave it out".to_owned())
    }
}

/// `[log]`: the log on stderr.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or by target: `warn,besked=info`. `BESKED_LOG` overrides it.
    pub level: String,
    /// Lines for people or JSON for machines. `BESKED_LOG_FORMAT` overrides it.
    pub format: LogFormat,
}

impl Log {
    pub(super) fn problem(&self) -> Option<String> {
        self.level.parse::<Targets>().err()?;
        Some(
            "`log.level` must be `error`, `warn`, `info`, `debug` or `trace`, or by target: `warn,besked=info`"
                .to_owned(),
        )
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "warn".to_owned(), format: LogFormat::Text }
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One line for each event.
    Text,
    /// One JSON object on a line for each event.
    Json,
}
