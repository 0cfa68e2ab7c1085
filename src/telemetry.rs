//! Logs: what happens, to stderr, with ids of notices and deliveries and names of relays, and never an address, a name or an
//! account. `[log]` chooses level and form; `BESKED_LOG` (`info`, `besked=debug`, ...) and `BESKED_LOG_FORMAT` (`text`, `json`)
//! go before it.

use std::io::IsTerminal as _;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::config::{Log, LogFormat};

/// Begins logging. Called once, by the command line.
pub fn init(log: &Log) {
    let filter = std::env::var("BESKED_LOG").ok().and_then(|levels| levels.parse::<Targets>().ok());
    let filter = filter.or_else(|| log.level.parse().ok()).unwrap_or_else(|| Targets::new().with_default(Level::WARN));
    let format = match std::env::var("BESKED_LOG_FORMAT").as_deref() {
        Ok("json") => LogFormat::Json,
        Ok("text") => LogFormat::Text,
        _ => log.format,
    };
    let colours = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    match format {
        LogFormat::Json => registry().with(filter).with(lines.json()).init(),
        LogFormat::Text => registry().with(filter).with(lines).init(),
    }
}
