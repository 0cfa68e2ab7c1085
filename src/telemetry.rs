//! Logs: what happens, to stderr, with ids of notices and deliveries and names of relays, and never an address, a name or an
//! account. `[log]` chooses level and format, and the environment goes before it.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::config::{Log, LogFormat};

/// Begins logging. Called once, by the command line.
pub fn init(log: &Log) {
    let colours = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(colours);
    match log.format {
        LogFormat::Json => registry().with(log.targets()).with(lines.json()).init(),
        LogFormat::Text => registry().with(log.targets()).with(lines).init(),
    }
}
