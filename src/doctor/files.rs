//! The modes of the files that hold persons, keys or passwords: only their owner should read them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;

use super::{Check, Verdict};
use crate::config::Config;

/// Checks each file that exists.
pub(super) fn check(config: &Config, file: &Path) -> Check {
    let mut files = private(config);
    files.extend(has_secret(config, file).then(|| file.to_owned()));
    let open: Vec<String> = files.iter().filter_map(|path| open_to_others(path)).collect();
    if open.is_empty() {
        let there = files.iter().filter(|path| path.exists()).count();
        return Check::new("files", Verdict::Ok, format!("{there} with persons, keys or passwords, private"));
    }
    Check::new("files", Verdict::Warning, open.join(", "))
}

/// True if the configuration file itself has a password.
fn has_secret(config: &Config, file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let relays = config.relays.iter().filter_map(|relay| relay.password.as_ref());
    let of_database = config.database.url.password();
    let mut passwords = relays.map(|password| password.expose_secret()).chain(of_database.as_deref());
    passwords.any(|password| !password.is_empty() && text.contains(password))
}

/// The files that name persons or hold a key or password.
fn private(config: &Config) -> Vec<PathBuf> {
    let mut files = vec![
        config.ledger.key_file.clone(),
        config.ledger.state_file.clone(),
        config.privacy.journal_file.clone(),
        config.privacy.journal_key_file.clone(),
    ];
    if let Some(path) = config.database.url.file() {
        files.extend(["", "-wal", "-shm"].map(|suffix| {
            let mut file = path.as_os_str().to_owned();
            file.push(suffix);
            PathBuf::from(file)
        }));
    }
    files.extend(config.database.password_file.clone());
    files.extend(config.relays.iter().filter_map(|relay| relay.password_file.clone()));
    files.extend(config.dkim.iter().map(|entry| entry.key_file.clone()));
    files
}

/// Says of a file that others can read or write it.
pub(super) fn open_to_others(path: &Path) -> Option<String> {
    let open = std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    open.then(|| format!("`{}` can be read by others: chmod 600", path.display()))
}
