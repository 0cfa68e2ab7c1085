//! The tombstone journal: who was erased, kept outside the database as keyed hashes, so that a restored copy cannot bring
//! anybody back unnoticed.
//!
//! ```text
//! besked-tombstones/1
//! erased HMAC-SHA256(key, address) 2026-11-24T10:00:00Z
//! revived HMAC-SHA256(key, address) 2026-12-01T10:00:00Z     the address was imported again on purpose
//! ```
//!
//! The journal has no addresses, and its key lies in a file of its own: whoever has only one of the two learns nothing.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use thiserror::Error;

use crate::config;
use crate::domain::address::AddressKey;
use crate::domain::entry::hmac;
use crate::domain::random::Random;

const HEADER: &str = "besked-tombstones/1";

/// Why the journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// A file of it cannot be read or written.
    #[error("cannot use the tombstone journal's file `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A line does not say what it must.
    #[error("the tombstone journal `{path}` is damaged in line {line}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// It has fewer tombstones than were carried out.
    #[error(
        "the tombstone journal `{path}` has {found} lines, but {known} were carried out in this database: it is lost or was cut"
    )]
    Lost {
        /// The file.
        path: PathBuf,
        /// Lines there are.
        found: u64,
        /// Lines there were.
        known: u64,
    },
    /// There is a journal but no key, or one of the wrong length.
    #[error("the tombstone journal's key `{0}` is missing or not 64 hexadecimal digits")]
    Key(PathBuf),
}

/// Who was erased, as far as addresses can be asked for one by one. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tombstones {
    key: [u8; 32],
    erased: Arc<HashMap<[u8; 32], Timestamp>>,
    /// Lines of the journal.
    pub count: u64,
}

impl Tombstones {
    /// When an address was erased, if it was and was not revived on purpose.
    #[must_use]
    pub fn erased_at(&self, address: &AddressKey) -> Option<Timestamp> {
        // No journal, no hashing: an import asks for a million addresses.
        if self.erased.is_empty() {
            None
        } else {
            self.erased.get(&hmac(&self.key, address.as_str().as_bytes())).copied()
        }
    }
}

/// The journal's files.
#[derive(Clone, Debug)]
pub struct Journal {
    file: PathBuf,
    key_file: PathBuf,
}

impl Journal {
    /// The journal that is configured.
    #[must_use]
    pub fn new(config: &config::Privacy) -> Self {
        Self { file: config.journal_file.clone(), key_file: config.journal_key_file.clone() }
    }

    /// Reads it; nobody was erased where there is none.
    ///
    /// # Errors
    /// Where it is damaged, or its key is missing.
    pub fn read(&self) -> Result<Tombstones, JournalError> {
        let Some(text) = read_if_there(&self.file)?.filter(|text| whole(text) > 0) else {
            return Ok(Tombstones::default());
        };
        let key = self.key()?.ok_or_else(|| JournalError::Key(self.key_file.clone()))?;
        let damaged = |line| JournalError::Damaged { path: self.file.clone(), line };
        // A last line without its end was never finished: what it was to record did not happen.
        let whole = &text[..whole(&text)];
        let mut lines = (1..).zip(whole.lines());
        match lines.next() {
            None => return Ok(Tombstones { key, ..Tombstones::default() }),
            Some((_, HEADER)) => {}
            Some(_) => return Err(damaged(1)),
        }
        let mut erased = HashMap::new();
        let mut count = 0;
        for (line, text) in lines {
            let (what, hash, at) = parse(text).ok_or_else(|| damaged(line))?;
            count += 1;
            match what {
                What::Erased => drop(erased.insert(hash, at)),
                What::Revived => drop(erased.remove(&hash)),
            }
        }
        Ok(Tombstones { key, erased: Arc::new(erased), count })
    }

    /// Notes that addresses were erased; on disk when this returns. Gives the number of lines then.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn erased(&self, address: &AddressKey, at: Timestamp, random: &Random) -> Result<u64, JournalError> {
        self.append(What::Erased, std::slice::from_ref(address), at, random)
    }

    /// Notes that addresses were imported again on purpose.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn revived(&self, addresses: &[AddressKey], at: Timestamp, random: &Random) -> Result<u64, JournalError> {
        self.append(What::Revived, addresses, at, random)
    }

    fn append(
        &self,
        what: What,
        addresses: &[AddressKey],
        at: Timestamp,
        random: &Random,
    ) -> Result<u64, JournalError> {
        let key = match self.key()? {
            Some(key) => key,
            None => self.make_key(random)?,
        };
        let failed = |source| JournalError::Io { path: self.file.clone(), source };
        // Nothing is appended to a journal that cannot be read: the line would be lost with the rest.
        self.read()?;
        let there = read_if_there(&self.file)?.unwrap_or_default();
        let keep = whole(&there);
        let mut text = if keep == 0 { format!("{HEADER}\n") } else { String::new() };
        for address in addresses {
            text += &format!("{} {} {at}\n", what.as_str(), HEXLOWER.encode(&hmac(&key, address.as_str().as_bytes())));
        }
        let write = || -> io::Result<()> {
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&self.file)?;
            file.set_len(keep as u64)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed)?;
        Ok(self.read()?.count)
    }

    /// That it has fewer lines than it must.
    #[must_use]
    pub fn lost(&self, found: u64, known: u64) -> JournalError {
        JournalError::Lost { path: self.file.clone(), found, known }
    }

    fn key(&self) -> Result<Option<[u8; 32]>, JournalError> {
        let Some(text) = read_if_there(&self.key_file)? else { return Ok(None) };
        let key = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|key| key.try_into().ok());
        key.map(Some).ok_or_else(|| JournalError::Key(self.key_file.clone()))
    }

    fn make_key(&self, random: &Random) -> Result<[u8; 32], JournalError> {
        // A journal without its key is useless: a new key would not know anybody of it.
        if read_if_there(&self.file)?.is_some_and(|text| whole(&text) > 0) {
            return Err(JournalError::Key(self.key_file.clone()));
        }
        let key: [u8; 32] = random.bytes();
        let write = || -> io::Result<()> {
            if let Some(folder) = self.key_file.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&self.key_file)?;
            writeln!(file, "{}", HEXLOWER.encode(&key))?;
            file.sync_all()
        };
        write().map_err(|source| JournalError::Io { path: self.key_file.clone(), source })?;
        Ok(key)
    }
}

/// How many bytes of a journal are whole lines.
fn whole(text: &str) -> usize {
    text.rfind('\n').map_or(0, |end| end + 1)
}

fn read_if_there(path: &Path) -> Result<Option<String>, JournalError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(JournalError::Io { path: path.to_owned(), source }),
    }
}

#[derive(Clone, Copy)]
enum What {
    Erased,
    Revived,
}

impl What {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Revived => "revived",
        }
    }
}

fn parse(line: &str) -> Option<(What, [u8; 32], Timestamp)> {
    let mut parts = line.split(' ');
    let what = match parts.next()? {
        "erased" => What::Erased,
        "revived" => What::Revived,
        _ => return None,
    };
    let hash = HEXLOWER.decode(parts.next()?.as_bytes()).ok()?.try_into().ok()?;
    Some((what, hash, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(email: &str) -> AddressKey {
        AddressKey::of(email).unwrap()
    }

    #[test]
    fn the_journal_knows_whom_it_is_asked_for_and_names_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Privacy {
            journal_file: folder.path().join("journal"),
            journal_key_file: folder.path().join("key"),
        };
        let (journal, random) = (Journal::new(&config), Random::from_system());
        assert_eq!(journal.read().unwrap().erased_at(&key("a@x.example")), None);
        let at = "2026-11-24T10:00:00Z".parse().unwrap();
        assert_eq!(journal.erased(&key("a@x.example"), at, &random).unwrap(), 1);
        assert_eq!(journal.erased(&key("b@x.example"), at, &random).unwrap(), 2);
        let read = journal.read().unwrap();
        assert_eq!((read.erased_at(&key("a@x.example")), read.erased_at(&key("c@x.example"))), (Some(at), None));
        assert!(!fs::read_to_string(&config.journal_file).unwrap().contains("x.example"));
        assert_eq!(journal.revived(&[key("a@x.example")], at, &random).unwrap(), 3);
        assert_eq!(journal.read().unwrap().erased_at(&key("a@x.example")), None);

        // A line that was torn by a crash records nothing, and is replaced by the next.
        let text = fs::read_to_string(&config.journal_file).unwrap();
        fs::write(&config.journal_file, format!("{text}erased 00ff")).unwrap();
        assert_eq!(journal.read().unwrap().count, 3);
        assert_eq!(journal.erased(&key("d@x.example"), at, &random).unwrap(), 4);
        assert_eq!(journal.read().unwrap().erased_at(&key("d@x.example")), Some(at));

        fs::remove_file(&config.journal_key_file).unwrap();
        assert!(matches!(journal.read(), Err(JournalError::Key(_))));
        assert!(matches!(journal.erased(&key("c@x.example"), at, &random), Err(JournalError::Key(_))));
        fs::write(&config.journal_key_file, "00".repeat(32)).unwrap();
        fs::write(&config.journal_file, format!("{HEADER}\nerased zz 2026-11-24T10:00:00Z\n")).unwrap();
        assert!(matches!(journal.read(), Err(JournalError::Damaged { line: 2, .. })));
    }
}
