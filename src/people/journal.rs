//! The tombstone journal: a copy of the tombstones in a file outside the database, so that a restored copy of the database
//! brings nobody back unnoticed.
//!
//! ```text
//! besked-tombstones/2
//! erased HMAC-SHA256(key, address) 2026-11-24T10:00:00Z 01932f3c-...
//! revived HMAC-SHA256(key, address) 2026-12-01T10:00:00Z 019354aa-...     the address was imported again on purpose
//! ```
//!
//! The journal holds no addresses. The key of the hashes is in a file of its own beside it, and in the database, so that every
//! node can compute the same hashes. Each node may have a journal of its own, or several may share one: its lines are a set, and
//! a line that is there twice counts once.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use thiserror::Error;
use uuid::Uuid;

use crate::config;
use crate::domain::tombstone::Tombstone;
use crate::domain::words::cause;
use crate::ledger::state::sync_folder;

const HEADER: &str = "besked-tombstones/2";

/// Why the journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// A file of the journal cannot be read or written.
    #[error("cannot use the tombstone journal's file `{path}`: {}", cause(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why it cannot be used.
        source: io::Error,
    },
    /// A line cannot be parsed.
    #[error("the tombstone journal `{path}` is damaged in line {line}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The journal has tombstones, but neither its key file nor the database has a key; or the key has the wrong length.
    #[error("the tombstone journal's key `{0}` is missing or not 64 hexadecimal digits")]
    Key(PathBuf),
    /// The database's key and that of the journal differ, so their hashes cannot be compared.
    #[error("the tombstone journal's key `{0}` is not the key of this database")]
    OtherKey(PathBuf),
}

/// The files of the journal of this node.
#[derive(Clone, Debug)]
pub struct Journal {
    file: PathBuf,
    key_file: PathBuf,
}

impl Journal {
    /// The journal that is configured; `None` if this node has none.
    #[must_use]
    pub fn new(config: &config::Privacy) -> Option<Self> {
        let (file, key_file) = (config.journal_file.clone(), config.journal_key_file.clone());
        (!file.as_os_str().is_empty()).then_some(Self { file, key_file })
    }

    /// Reads the tombstones; there are none without a file.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged.
    pub fn read(&self) -> Result<BTreeMap<Uuid, Tombstone>, JournalError> {
        self.parse(&read_if_there(&self.file)?.unwrap_or_default())
    }

    /// Reads the key; `None` without a file.
    ///
    /// # Errors
    /// If the file cannot be read or holds no key.
    pub fn key(&self) -> Result<Option<[u8; 32]>, JournalError> {
        let Some(text) = read_if_there(&self.key_file)? else { return Ok(None) };
        let key = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|key| key.try_into().ok());
        key.map(Some).ok_or_else(|| JournalError::Key(self.key_file.clone()))
    }

    /// An error about the key: it is missing.
    #[must_use]
    pub fn without_key(&self) -> JournalError {
        JournalError::Key(self.key_file.clone())
    }

    /// An error about the key: the database has another one.
    #[must_use]
    pub fn with_other_key(&self) -> JournalError {
        JournalError::OtherKey(self.key_file.clone())
    }

    /// Appends the tombstones that the file lacks, and writes the key file if it is missing. All of it is on disk when this
    /// returns.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn append(&self, key: &[u8; 32], tombstones: &[Tombstone]) -> Result<(), JournalError> {
        if self.key()?.is_none() {
            self.write_key(key).map_err(|source| JournalError::Io { path: self.key_file.clone(), source })?;
        }
        let failed = |source| JournalError::Io { path: self.file.clone(), source };
        make_folder(&self.file).map_err(failed)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.create(true).truncate(false).read(true).write(true).mode(0o600).open(&self.file).map_err(failed)?;
        lock(&file).map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        // Nothing is appended to a journal that cannot be read: the line would be lost with the others.
        let known = self.parse(&text)?;
        let kept = whole(&text);
        let mut lines = if kept == 0 { format!("{HEADER}\n") } else { String::new() };
        for it in tombstones.iter().filter(|it| !known.contains_key(&it.id)) {
            lines += &format!("{} {} {} {}\n", it.mark, HEXLOWER.encode(&it.hash), it.at, it.id);
        }
        let mut write = || -> io::Result<()> {
            file.set_len(kept as u64)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(lines.as_bytes())?;
            file.sync_all()?;
            // Each time: the append that made the file may have failed before this.
            sync_folder(&self.file)
        };
        write().map_err(failed)
    }

    fn parse(&self, text: &str) -> Result<BTreeMap<Uuid, Tombstone>, JournalError> {
        let damaged = |line| JournalError::Damaged { path: self.file.clone(), line };
        // A last line without its end was torn by a crash; the database has that tombstone, and it is appended again.
        let whole = &text[..whole(text)];
        let mut lines = (1..).zip(whole.lines());
        match lines.next() {
            None | Some((_, HEADER)) => {}
            Some(_) => return Err(damaged(1)),
        }
        lines
            .map(|(line, text)| {
                let tombstone = parse(text).ok_or_else(|| damaged(line))?;
                Ok((tombstone.id, tombstone))
            })
            .collect()
    }

    fn write_key(&self, key: &[u8; 32]) -> io::Result<()> {
        make_folder(&self.key_file)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&self.key_file)?;
        writeln!(file, "{}", HEXLOWER.encode(key))?;
        file.sync_all()?;
        sync_folder(&self.key_file)
    }
}

/// Several processes may append to one journal. A file system without locks is used without them: each append is a single write.
fn lock(file: &File) -> io::Result<()> {
    match file.lock() {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        locked => locked,
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The number of bytes of a journal that are whole lines.
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

fn parse(line: &str) -> Option<Tombstone> {
    let mut parts = line.split(' ');
    let mark = parts.next()?.parse().ok()?;
    let hash = HEXLOWER.decode(parts.next()?.as_bytes()).ok()?.try_into().ok()?;
    let at = parts.next()?.parse().ok()?;
    Some(Tombstone { id: parts.next()?.parse().ok()?, mark, hash, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;
    use crate::domain::tombstone::Mark;

    fn journal(folder: &Path) -> Journal {
        let config = config::Privacy { journal_file: folder.join("journal"), journal_key_file: folder.join("key") };
        Journal::new(&config).unwrap()
    }

    /// Tombstones with ids in the order of their hashes.
    fn tombstones() -> [Tombstone; 3] {
        let (at, random) = ("2026-11-24T10:00:00Z".parse().unwrap(), Random::from_system());
        [1, 2, 3].map(|hash| Tombstone { id: random.id(at), mark: Mark::Erased, hash: [hash; 32], at })
    }

    #[test]
    fn a_tombstone_is_in_the_journal_once() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        assert!(journal.read().unwrap().is_empty() && journal.key().unwrap().is_none());
        let [one, two, three] = tombstones();
        journal.append(&[9; 32], &[one]).unwrap();
        journal.append(&[9; 32], &[one, two]).unwrap();
        assert_eq!(journal.read().unwrap().into_values().collect::<Vec<_>>(), [one, two]);
        assert_eq!(journal.key().unwrap(), Some([9; 32]));

        // A line that was torn by a crash records nothing, and is replaced by the next.
        let text = fs::read_to_string(folder.path().join("journal")).unwrap();
        fs::write(folder.path().join("journal"), format!("{text}erased 00ff")).unwrap();
        assert_eq!(journal.read().unwrap().len(), 2);
        journal.append(&[9; 32], &[three]).unwrap();
        assert_eq!(journal.read().unwrap().len(), 3);
    }

    #[test]
    fn a_damaged_journal_is_an_error_and_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let journal = journal(folder.path());
        fs::write(folder.path().join("journal"), format!("{HEADER}\nerased zz 2026-11-24T10:00:00Z\n")).unwrap();
        assert!(matches!(journal.read(), Err(JournalError::Damaged { line: 2, .. })));
        assert!(matches!(journal.append(&[9; 32], &tombstones()), Err(JournalError::Damaged { line: 2, .. })));
        fs::write(folder.path().join("key"), "00").unwrap();
        assert!(matches!(journal.key(), Err(JournalError::Key(_))));
    }

    #[test]
    fn an_empty_path_means_no_journal() {
        assert!(
            Journal::new(&config::Privacy { journal_file: PathBuf::new(), ..config::Privacy::default() }).is_none()
        );
    }
}
