//! `besked config`: what is in force, and whether it can be.

use clap::Subcommand;

use super::Place;
use super::failure::Failure;
use super::output::{Output, print};
use crate::config::{Dkim, Tls};
use crate::store::without_password;

/// Show or check the configuration.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the configuration in force, without secrets
    Show,
    /// Check the configuration, and say what it leads to
    Check,
}

/// Runs the command.
pub fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let loaded = place.load()?;
    let mut config = loaded.config;
    config.database.url = without_password(&config.database.url);
    match command {
        Command::Show => output.print(&config, |config| {
            toml::to_string(config).unwrap_or_else(|error| format!("# cannot be shown as TOML: {error}\n"))
        })?,
        Command::Check => {
            for relay in config.relays.iter().filter(|it| it.url.tls == Tls::None && it.url.user.is_some()) {
                eprintln!("warning: relay `{}` sends its password without TLS", relay.name);
            }
            for warning in config.dkim.iter().filter_map(|entry| entry.warning(config.sender.domain())) {
                eprintln!("warning: {warning}");
            }
            let dkim: Vec<String> = config.dkim.iter().map(Dkim::record_name).collect();
            let relays: Vec<String> = config.relays.iter().map(|it| format!("{} ({})", it.name, it.url)).collect();
            print(&format!(
                "{} is valid\ndatabase: {}\nrelays:   {}\ndkim:     {}\n",
                loaded.path.display(),
                config.database.url,
                if relays.is_empty() { "none".to_owned() } else { relays.join(", ") },
                if dkim.is_empty() { "none".to_owned() } else { dkim.join(", ") },
            ))?;
        }
    }
    Ok(0)
}
