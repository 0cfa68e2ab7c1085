//! `besked init` and `besked migrate`: makes what is missing, and never overwrites.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use serde::Serialize;

use super::Place;
use super::failure::Failure;
use super::output::Output;
use crate::app::App;
use crate::config::{Config, ConfigError, EXAMPLE};
use crate::domain::random::Random;

#[derive(Serialize)]
struct Made {
    what: &'static str,
    place: String,
    made: bool,
}

/// Makes configuration, ledger key and database if they are missing.
pub async fn init(place: &Place, output: &Output) -> Result<u8, Failure> {
    let path = place.config.clone().unwrap_or_else(|| PathBuf::from("config/besked.toml"));
    let mut made = vec![Made {
        what: "configuration",
        made: write_new(&path, EXAMPLE.as_bytes(), 0o644)?,
        place: path.display().to_string(),
    }];
    let config = place.load()?.config;
    let key_file = &config.ledger.key_file;
    made.push(Made {
        what: "ledger key",
        made: make_key(key_file, &Random::from_system())?,
        place: key_file.display().to_string(),
    });
    made.push(Made { what: "database", made: make_tables(&config).await?, place: config.database.url.to_string() });
    output.print(&made, |made| {
        let line = |it: &Made| format!("{}  {} {}\n", if it.made { "made" } else { "kept" }, it.what, it.place);
        let next = "\nnext: set [organisation], [sender] and [[relay]] in the configuration, then `besked customers import FILE`\n";
        made.iter().map(line).collect::<String>() + next
    })?;
    Ok(0)
}

/// Makes or updates the tables.
pub async fn migrate(place: &Place, output: &Output) -> Result<u8, Failure> {
    let config = place.load()?.config;
    make_tables(&config).await?;
    output.print(&serde_json::json!({ "migrated": true }), |_| "the database's tables are up to date\n".to_owned())?;
    Ok(0)
}

/// Makes the tables of the database, and a SQLite file that is missing. Returns true if it made the file.
pub async fn make_tables(config: &Config) -> Result<bool, Failure> {
    if let Some(path) = config.database.url.file() {
        make_parent(path)?;
    }
    Ok(App::migrate(config).await?)
}

/// Makes an Ed25519 key (PKCS#8 PEM, RFC 8410) that only its owner can read. Returns false if there is one.
pub fn make_key(path: &Path, random: &Random) -> Result<bool, Failure> {
    let key = SigningKey::from_bytes(&random.bytes());
    let pem = key.to_pkcs8_pem(LineEnding::LF).context("cannot write the ledger key as PEM")?;
    write_new(path, pem.as_bytes(), 0o600)
}

/// Writes a file that is not there yet. Returns false if it is.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, Failure> {
    make_parent(path)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    match file {
        Ok(mut file) => {
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| read_error(path, source))?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(read_error(path, source)),
    }
}

fn make_parent(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(|source| read_error(parent, source))
        }
        _ => Ok(()),
    }
}

fn read_error(path: &Path, source: std::io::Error) -> Failure {
    ConfigError::Read { path: path.to_owned(), source }.into()
}
