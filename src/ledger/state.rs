//! The signer's state file: the last checkpoint it signed, stored outside the database, and on disk before anybody sees it.
//!
//! It detects a database that was restored from an older copy. The owner of its lock is the one process that signs.
//!
//! ```text
//! besked-ledger-state/1
//! example.com/besked+id+key          the verifier key of the signer
//! example.com/besked                 and the checkpoint, a C2SP signed note
//! 109
//! ...
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::domain::checkpoint::Checkpoint;
use crate::domain::note::VerifierKey;
use crate::domain::words::cause;

const HEADER: &str = "besked-ledger-state/1";

/// How long to wait for another process to finish its signing: it takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the state file cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// It cannot be read or written.
    #[error("cannot use the ledger's state file `{path}`: {}", cause(.source))]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It does not say what it must.
    #[error("the ledger's state file `{path}` is damaged: {problem}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process holds it, for longer than signing takes.
    #[error("another process has held the ledger's state file `{0}` for half a minute")]
    Held(PathBuf),
}

/// What was signed last.
#[derive(Clone, Debug)]
pub struct Last {
    /// With which key.
    pub key: VerifierKey,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// The signed note.
    pub note: String,
}

/// Reads what was signed last; `None` if nothing was.
///
/// # Errors
/// If there is a file that cannot be read.
pub fn read(path: &Path) -> Result<Option<Last>, StateError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StateError::Io { path: path.to_owned(), source }),
    };
    parse(&text).map(Some).map_err(|problem| StateError::Damaged { path: path.to_owned(), problem })
}

fn parse(text: &str) -> Result<Last, String> {
    let mut lines = text.splitn(3, '\n');
    let (Some(HEADER), Some(key), Some(note)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(format!("it does not begin with `{HEADER}`, a verifier key and a checkpoint"));
    };
    let key = VerifierKey::parse(key).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::open(note, &key).map_err(|error| error.to_string())?;
    Ok(Last { key, checkpoint, note: note.to_owned() })
}

/// The right to sign, held until it is dropped.
#[derive(Debug)]
pub struct Signing {
    path: PathBuf,
    _lock: File,
}

impl Signing {
    /// Takes the right to sign; waits while another process has it for a moment.
    ///
    /// # Errors
    /// If another process does not release it, or the lock file cannot be created.
    pub async fn take(path: &Path) -> Result<Self, StateError> {
        // Beside the file, which is replaced by renaming: a lock on it would be one on its predecessor.
        let lock = beside(path, ".lock");
        let failed = |source| StateError::Io { path: lock.clone(), source };
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&lock).map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), _lock: file }),
                Err(TryLockError::Error(source)) => return Err(StateError::Io { path: lock, source }),
                Err(TryLockError::WouldBlock) if began.elapsed() > PATIENCE => {
                    return Err(StateError::Held(path.to_owned()));
                }
                Err(TryLockError::WouldBlock) => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Replaces what was signed last; it is on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written; the old state remains then.
    pub fn replace(&self, last: &Last) -> Result<(), StateError> {
        let failed = |source| StateError::Io { path: self.path.clone(), source };
        let new = beside(&self.path, ".new");
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
            write!(file, "{HEADER}\n{}\n{}", last.key, last.note)?;
            file.sync_all()?;
            std::fs::rename(&new, &self.path)?;
            sync_folder(&self.path)
        };
        write().map_err(failed)
    }
}

/// Writes the folder of a file to the disk: the name of a new file too must survive a power cut.
///
/// # Errors
/// If the folder cannot be written.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::domain::note::Signer;

    #[tokio::test]
    async fn what_was_signed_is_read_back_and_anything_else_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        assert!(read(&path).unwrap().is_none());
        let signer = Signer::new("example.com/besked", SigningKey::from_bytes(&[3; 32])).unwrap();
        let checkpoint = Checkpoint::new("example.com/besked", 5, [9; 32]).unwrap();
        let note = signer.sign(&checkpoint.to_text()).unwrap();
        let signing = Signing::take(&path).await.unwrap();
        signing.replace(&Last { key: signer.verifier_key().clone(), checkpoint: checkpoint.clone(), note }).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().checkpoint, checkpoint);
        let whole = std::fs::read_to_string(&path).unwrap();
        for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(read(&path), Err(StateError::Damaged { .. })), "cut at {cut}");
        }
        std::fs::write(&path, whole.replace("\n5\n", "\n6\n")).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("damaged"));
    }
}
