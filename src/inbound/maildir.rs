//! A Maildir that is watched: what is in `new` is committed and then moved to `cur`, so that a kill in between at worst has a message
//! recognised as stored already.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{Inbound, InboundError, Incoming};
use crate::domain::inbound::Route;
use crate::metrics::repeats::Repeats;

/// How often to look for new messages.
const PAUSE: Duration = Duration::from_secs(2);

/// Messages that are committed together.
const AT_ONCE: usize = 50;

/// Bytes that are committed together.
const BYTES_AT_ONCE: usize = 8_000_000;

/// Why new messages were not read.
#[derive(Debug, Error)]
pub enum MaildirError {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] io::Error),
    /// A message cannot be read. It stays where it is.
    #[error("`{}` cannot be read, and stays where it is: {source}", file.display())]
    File {
        /// Its file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A message cannot be moved. It is stored, and read again.
    #[error("`{}` is stored and cannot be moved to `cur`: {source}", file.display())]
    Unmoved {
        /// Its file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The database refuses a message. It stays where it is.
    #[error("`{}` cannot be stored, and stays where it is: {source}", file.display())]
    Refused {
        /// Its file.
        file: PathBuf,
        /// The cause.
        source: InboundError,
    },
    /// They cannot be stored.
    #[error(transparent)]
    Inbound(#[from] InboundError),
    /// The task that reads ended.
    #[error(transparent)]
    Task(#[from] JoinError),
}

/// Watches a Maildir until `ended`.
pub async fn watch(inbound: &Inbound, path: &Path, ended: &CancellationToken) {
    let repeats = Repeats::default();
    loop {
        match drain(inbound, path).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => repeats.log("the Maildir of `[inbound.maildir]` cannot be read", &error),
        }
        tokio::select! {
            () = ended.cancelled() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

/// Commits new messages, and moves them. Returns how many; those that are left come next. What cannot be read, stored or moved
/// stays where it is, and keeps out no other.
///
/// # Errors
/// If the folder cannot be read, or the messages cannot be stored or moved; if nothing is left but what cannot be read, stored
/// or moved.
pub async fn drain(inbound: &Inbound, path: &Path) -> Result<usize, MaildirError> {
    let (mut left, mut failed) = (BTreeSet::new(), None);
    loop {
        let (folder, largest, passed) = (path.to_owned(), inbound.largest(), left.clone());
        let (found, unreadable) = spawn_blocking(move || read(&folder, largest, &passed)).await??;
        if found.is_empty() {
            return failed.or(unreadable).map_or(Ok(0), Err);
        }
        let (files, refused) = take(inbound, found).await?;
        for (file, source) in refused {
            left.insert(file.clone());
            failed = failed.or(Some(MaildirError::Refused { file, source }));
        }
        let (folder, count) = (path.to_owned(), files.len());
        let moving = move || files.into_iter().map(|file| (set_aside(&folder, &file), file)).collect::<Vec<_>>();
        let mut moved = count;
        for (result, file) in spawn_blocking(moving).await? {
            if let Err(source) = result {
                moved -= 1;
                left.insert(file.clone());
                failed = failed.or(Some(MaildirError::Unmoved { file, source }));
            }
        }
        if moved > 0 {
            return Ok(moved);
        }
    }
}

/// Commits messages, and returns the files that are done with, and those that the database refuses.
async fn take(
    inbound: &Inbound,
    found: Vec<Read>,
) -> Result<(Vec<PathBuf>, Vec<(PathBuf, InboundError)>), MaildirError> {
    let largest = inbound.largest();
    let (mut done, mut refused) = (Vec::with_capacity(found.len()), Vec::new());
    let (mut files, mut messages) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
    for (file, bytes) in found {
        if bytes.len() > largest {
            tracing::warn!(file = %file.display(), "a message in the Maildir is larger than `[inbound] message_size`: it is not read");
            done.push(file);
        } else {
            messages.push(Incoming { route: Route::Maildir, recipient: None, sender: None, bytes });
            files.push(file);
        }
    }
    for (file, taken) in files.into_iter().zip(inbound.take_each(messages).await?) {
        match taken {
            Ok(_) => done.push(file),
            Err(error) => refused.push((file, error)),
        }
    }
    Ok((done, refused))
}

/// A message with its file.
type Read = (PathBuf, Vec<u8>);

/// The first new messages by name, which begins with the time of their arrival, and why the first of the others cannot be read. Names
/// that begin with a dot are none, and these are passed over.
fn read(folder: &Path, largest: usize, passed: &BTreeSet<PathBuf>) -> io::Result<(Vec<Read>, Option<MaildirError>)> {
    let mut names = fs::read_dir(folder.join("new"))?.map(|it| Ok(it?.path())).collect::<io::Result<Vec<_>>>()?;
    names.retain(|path| path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    names.retain(|path| !passed.contains(path));
    names.sort();
    let (mut found, mut unreadable) = (Vec::new(), None);
    let mut size = 0;
    for name in names {
        match read_file(&name, largest) {
            Ok(Some(bytes)) => {
                size += bytes.len();
                found.push((name, bytes));
            }
            Ok(None) => {}
            Err(source) => unreadable = unreadable.or(Some(MaildirError::File { file: name, source })),
        }
        if found.len() >= AT_ONCE || size >= BYTES_AT_ONCE {
            break;
        }
    }
    Ok((found, unreadable))
}

/// The bytes of a message, one more than the largest has at most; `None` if another program moved it, or it is no file.
fn read_file(name: &Path, largest: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    match File::open(name) {
        Ok(file) if file.metadata()?.is_file() => file.take(largest as u64 + 1).read_to_end(&mut bytes)?,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(bytes))
}

/// Moves a message to `cur`, marked as seen.
fn set_aside(folder: &Path, file: &Path) -> io::Result<()> {
    let Some(name) = file.file_name() else { return Ok(()) };
    let mut name = name.to_owned();
    name.push(":2,S");
    match fs::rename(file, folder.join("cur").join(name)) {
        // Another program moved it. Else there is no `cur`.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !file.exists() => Ok(()),
        moved => moved,
    }
}
