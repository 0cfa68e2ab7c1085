//! `besked config`: the configuration in force, and whether it is valid.

use std::path::Path;

use clap::Subcommand;
use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::output::Output;
use crate::config::{Config, ConfigError, Dkim};
use crate::domain::category::Category;

/// Show or check the configuration.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print the configuration in force, without secrets
    Show,
    /// Check the configuration, and print what it results in
    Check,
}

/// The remedy for an invalid configuration.
const FIX: &str =
    "fix these keys and run it again; `besked init` in an empty folder writes a file with every key and its default";

/// Runs the command.
pub fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::Show => show(place, output),
        Command::Check => check(place, output),
    }
}

fn show(place: &Place, output: &Output) -> Result<u8, Failure> {
    let config = place.load()?.config;
    output.print(&config, |config| {
        toml::to_string(config).unwrap_or_else(|error| format!("# cannot be shown as TOML: {error}\n"))
    })?;
    Ok(0)
}

fn check(place: &Place, output: &Output) -> Result<u8, Failure> {
    let loaded = match place.try_load() {
        Ok(loaded) => loaded,
        Err(error) => {
            if let (true, ConfigError::Invalid(found)) = (output.json, &error) {
                let problems: Vec<String> = found.iter().map(ToString::to_string).collect();
                let path = found.first().map(|found| &found.place);
                output.print(&json!({ "valid": false, "path": path, "problems": problems }), |_| String::new())?;
            }
            // The hint of other commands names this one.
            let invalid = matches!(error, ConfigError::Invalid(_));
            let failure = Failure::from(error);
            return Err(if invalid { failure.instead(FIX) } else { failure });
        }
    };
    let config = loaded.config;
    // The folder of a file in the current one has no name.
    let here = Path::new(".");
    let folder = if loaded.folder.as_os_str().is_empty() { here } else { &loaded.folder };
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let warnings = config.warnings();
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let dkim: Vec<String> = config.dkim.iter().map(Dkim::record_name).collect();
    let relays: Vec<String> = config.relays.iter().map(|it| format!("{} ({})", it.name, it.url)).collect();
    let streams: serde_json::Map<String, serde_json::Value> =
        Category::ALL.iter().map(|it| (it.to_string(), names(&config, *it).into())).collect();
    let document = json!({
        "valid": true, "path": loaded.path, "folder": folder, "database": config.database.url.to_string(), "relays": relays, "streams": streams,
        "dkim": dkim,
        "warnings": warnings,
    });
    let apart = config.streams_in_words();
    output.print(&document, |_| {
        let listed = |items: &[String]| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        format!(
            "{} is valid; relative paths in it count from {}\ndatabase: {}\nrelays:   {}\n{}dkim:     {}\n",
            loaded.path.display(),
            folder.display(),
            config.database.url,
            listed(&relays),
            apart.iter().map(|stream| format!("stream:   {stream}\n")).collect::<String>(),
            listed(&dkim),
        )
    })?;
    Ok(0)
}

/// Names of the relays that carry a category.
fn names(config: &Config, category: Category) -> Vec<&str> {
    config.relays_of(category).map(|relay| relay.name.as_str()).collect()
}
