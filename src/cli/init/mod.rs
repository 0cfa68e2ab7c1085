//! `besked init` and `besked migrate`: makes what is missing, and never overwrites.

mod first;
mod questions;

use std::fs::{self, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::Place;
use super::failure::{FAILED, Failure};
use super::file::replace_private;
use super::output::Output;
use crate::app::App;
use crate::config::{Config, ConfigError, EXAMPLE, folder};
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::domain::words::cause;
use crate::ledger::state::sync_folder;

#[derive(Serialize)]
struct Made {
    what: &'static str,
    place: String,
    made: bool,
}

/// Make what is missing: configuration, ledger key, database.
#[derive(Debug, Args)]
pub struct Init {
    /// Ask nothing, and write the commented configuration with its defaults, as without a terminal
    #[arg(long)]
    defaults: bool,
    /// Make a new ledger key although another one signed this ledger before, since that one is lost
    #[arg(long)]
    new_ledger_key: bool,
}

/// Makes configuration, ledger key and database if they are missing. Asks for what no default can know if there is somebody to ask.
pub async fn init(command: Init, place: &Place, output: &Output) -> Result<u8, Failure> {
    let path = place.config.clone().unwrap_or_else(|| PathBuf::from("config/besked.toml"));
    let somebody = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let answers = if somebody && !command.defaults && !output.json && !path.exists() {
        Some(questions::ask().await?)
    } else {
        None
    };
    let mut made = Vec::new();
    // The password first: a configuration without it would look complete.
    if let Some((file, password)) = answers.as_ref().and_then(|it| Some((password_file(&path), it.password.as_ref()?)))
    {
        made.push(Made {
            what: "password file",
            made: write_password(&file, password, questions::is_to_replace)?,
            place: file.display().to_string(),
        });
    }
    let text = answers.as_ref().map_or(EXAMPLE, |answers| answers.text.as_str());
    made.push(Made {
        what: "configuration",
        // It may get a password later, in the URL of the database or of a relay.
        made: write_new(&path, text.as_bytes(), 0o600)?,
        place: path.display().to_string(),
    });
    let config = place.load()?.config;
    let mut next = next_steps(&config);
    if let Some(answers) = &answers {
        let (notice, steps) = first_notice(&path, &answers.test_address)?;
        made.push(notice);
        next = steps;
    }
    made.push(Made { what: "database", made: make_tables(&config).await?, place: config.database.url.to_string() });
    let key_file = &config.ledger.key_file;
    if !command.new_ledger_key && !key_file.exists() {
        refuse_second_key(place, key_file).await?;
    }
    made.push(Made {
        what: "ledger key",
        made: make_key(key_file, &Random::from_system())?,
        place: key_file.display().to_string(),
    });
    output.print(&made, |made| {
        let line = |it: &Made| format!("{}  {} {}\n", if it.made { "made" } else { "kept" }, it.what, it.place);
        made.iter().map(line).collect::<String>() + &next
    })?;
    if answers.is_some() {
        config.warnings().iter().for_each(|warning| eprintln!("warning: {warning}"));
    }
    Ok(0)
}

/// Makes a first notice beside the configuration. Returns what to do with it, too.
fn first_notice(config: &Path, test_address: &str) -> Result<(Made, String), Failure> {
    let notice = config.with_file_name("first-notice.md");
    let made = write_new(&notice, first::notice(Clock::System.now()).as_bytes(), 0o644)?;
    let place = notice.display().to_string();
    let next = format!(
        "\nnext: besked notice test {place} --to {test_address}   # one marked copy\n      \
         besked customers import FILE   # CSV or Excel: account_id, customer_name, email\n      \
         besked doctor --dns   # SPF, DKIM, DMARC: what to publish\n"
    );
    Ok((Made { what: "first notice", place, made }, next))
}

/// What to do after a configuration was written or found.
fn next_steps(config: &Config) -> String {
    let left = config.left_from_example();
    if left.is_empty() {
        return "\nnext: `besked doctor` checks the configuration, database, keys and relays\n".to_owned();
    }
    let left = left.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    format!(
        "\nnext: set {left} and [[relay]] in the configuration, then `besked doctor` and `besked customers import FILE`\n"
    )
}

/// Refuses to make a key for a ledger that another key signed: nothing could be sealed with it.
async fn refuse_second_key(place: &Place, key_file: &Path) -> Result<(), Failure> {
    let Some(signed_by) = place.app().await?.ledger.signed_by().await? else { return Ok(()) };
    let path = key_file.display();
    Err(Failure::new(FAILED, format!("there is no ledger key at `{path}`, and the ledger was signed with {signed_by}"))
        .hint(
            "restore that key from its backup; on a node that does not sign nothing is missing; if the key is lost, `besked init \
             --new-ledger-key` makes a new one and `besked ledger continue --reason TEXT` records the exchange",
        ))
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

/// Where the password of the relay is put.
fn password_file(config: &Path) -> PathBuf {
    folder(config).join(questions::PASSWORD_FILE)
}

/// Writes the password that was typed and tried, unless an older file is to stay, which `is_to_replace` decides. Returns false if it
/// stays, or has this password.
fn write_password(
    file: &Path,
    password: &SecretString,
    is_to_replace: impl FnOnce(&Path) -> Result<bool, Failure>,
) -> Result<bool, Failure> {
    let password = password.expose_secret();
    if write_new(file, password.as_bytes(), 0o600)? {
        return Ok(true);
    }
    let old = fs::read_to_string(file).map_err(|source| read_error(file, source))?;
    if old.trim_end() == password || !is_to_replace(file)? {
        return Ok(false);
    }
    replace_private(file, password.as_bytes())?;
    Ok(true)
}

/// Writes a file that is not there yet. Returns false if it is.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, Failure> {
    make_parent(path)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    match file {
        Ok(mut file) => {
            let synced = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_folder(path));
            synced.map_err(|source| not_written(path, &source))?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(not_written(path, &source)),
    }
}

fn make_parent(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(|source| not_written(parent, &source))
        }
        _ => Ok(()),
    }
}

fn not_written(path: &Path, source: &std::io::Error) -> Failure {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Failure::new(FAILED, format!("cannot write `{}`: {}", path.display(), cause(source)))
        .hint(format!("the folder `{}` must be writable for this user, and its disk have room", folder.display()))
}

fn read_error(path: &Path, source: std::io::Error) -> Failure {
    ConfigError::Read { path: path.to_owned(), source }.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_password_takes_the_place_of_an_old_one_if_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("var/relay.password");
        let write = |password: &str, replace: Option<bool>| {
            let asked = |_: &Path| Ok(replace.expect("nobody is asked"));
            write_password(&file, &SecretString::from(password.to_owned()), asked).unwrap()
        };
        assert!(write("one", None), "there is no old one");
        assert!(!write("one", None), "it is the same");
        assert!(!write("two", Some(false)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "one");
        assert!(write("two", Some(true)));
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
