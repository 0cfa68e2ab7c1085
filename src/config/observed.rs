//! `[metrics]` and `[log]`: how this process is observed.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::{LevelFilter, Targets};

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
        let words: Vec<&str> = self.level.split(',').map(str::trim).collect();
        let is_level = |word: &str| LEVELS.contains(&word.to_ascii_lowercase().as_str());
        // A word alone that is no level would be taken for a target, and nothing else be logged.
        let is_valid = |word: &&str| match word.split_once('=') {
            Some((target, level)) => !target.is_empty() && (is_level(level) || level == "off"),
            None => is_level(word),
        };
        (!words.iter().all(is_valid)).then(|| {
            format!(
                "`log.level` must be `error`, `warn`, `info`, `debug` or `trace`, or by target: `warn,besked=info`; `{}` is \
                 none of them",
                self.level.escape_debug()
            )
        })
    }

    /// Which events are logged.
    #[must_use]
    pub fn targets(&self) -> Targets {
        // A level counts as checked; by targets alone, all others keep the default.
        let default = Targets::new().with_default(tracing::Level::WARN);
        let named = self.level.split(',').all(|word| word.contains('='));
        let level = if named { format!("warn,{}", self.level) } else { self.level.clone() };
        let targets: Targets = level.parse().unwrap_or(default);
        // At finer levels this library logs all that it reads and writes: passwords, and mail.
        const TALKATIVE: &str = "async_imap";
        let others = targets.iter().filter(|(target, _)| !target.starts_with(TALKATIVE));
        let limited: Targets = others.map(|(target, level)| (target.to_owned(), level)).collect();
        let default = targets.default_level().unwrap_or(LevelFilter::OFF);
        let targets = limited.with_default(default).with_target(TALKATIVE, LevelFilter::WARN);
        // What it says of a certificate is said in our words, with what to do.
        if self.level.contains(VERIFIER) { targets } else { targets.with_target(VERIFIER, LevelFilter::OFF) }
    }
}

/// The library that verifies certificates: it logs each that it refuses as an error.
const VERIFIER: &str = "rustls_platform_verifier";

/// The levels, as they are written.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_word_that_is_known() {
        let problem = |level: &str| Log { level: level.to_owned(), ..Log::default() }.problem();
        for good in ["warn", "INFO", "warn,besked=info", "besked=debug", "sqlx::query=debug", "warn, sqlx=off"] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["warning", "verbose", "off", "", "warn,chatty", "besked=chatty", "=info", "besked"] {
            assert!(problem(bad).is_some_and(|it| it.contains("`log.level` must be")), "{bad}");
        }
    }

    #[test]
    fn no_level_shows_what_an_imap_session_says() {
        use tracing::Level;
        for level in ["trace", "async_imap=trace", "async_imap::imap_stream=trace,debug"] {
            let targets = Log { level: level.to_owned(), ..Log::default() }.targets();
            for target in ["async_imap", "async_imap::imap_stream"] {
                assert!(!targets.would_enable(target, &Level::INFO), "{level}: {target}");
                assert!(targets.would_enable(target, &Level::WARN), "{level}: {target}");
            }
        }
        let targets = Log { level: "besked=debug".to_owned(), ..Log::default() }.targets();
        assert!(targets.would_enable("besked::inbound", &Level::DEBUG) && targets.would_enable("sqlx", &Level::WARN));
        assert!(!targets.would_enable("sqlx", &Level::INFO));
    }
}
