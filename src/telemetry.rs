//! Logs: what happens, to stderr, with ids and never addresses. `BESKED_LOG` chooses the level (`info`, `besked=debug`, ...),
//! `BESKED_LOG_FORMAT=json` the form.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Begins logging. Called once, by the command line.
pub fn init() {
    let filter = EnvFilter::try_from_env("BESKED_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_target(false).with_ansi(colours);
    if std::env::var("BESKED_LOG_FORMAT").is_ok_and(|format| format == "json") {
        builder.json().init();
    } else {
        builder.init();
    }
}
