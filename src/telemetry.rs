//! Logs: what happens, to stderr, with ids of notices and deliveries and names of relays, and never an address, a name or an
//! account. `[log]` chooses level and form; `BESKED_LOG` (`info`, `besked=debug`, ...) and `BESKED_LOG_FORMAT` (`text`, `json`)
//! go before it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Begins logging. Called once, by the command line.
pub fn init(log: &Log) {
    let filter = EnvFilter::try_from_env("BESKED_LOG").or_else(|_| EnvFilter::try_new(&log.level));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn"));
    let format = match std::env::var("BESKED_LOG_FORMAT").as_deref() {
        Ok("json") => LogFormat::Json,
        Ok("text") => LogFormat::Text,
        _ => log.format,
    };
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_target(false).with_ansi(colours);
    match format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.init(),
    }
}
