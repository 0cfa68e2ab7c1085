//! The log as static files that any C2SP tlog-tiles client can read: `checkpoint`, `tile/...`, `tile/entries/...`.
//!
//! It is incremental: full tiles never change and are not written again. The checkpoint is replaced last, so that a reader
//! never sees one whose tiles are not there yet.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::subtrees::Subtrees;
use super::{LedgerError, tiles};
use crate::domain::checkpoint::{Checkpoint, Tile, TileContent};
use crate::domain::kind::Kind;
use crate::domain::words::cause;
use crate::store::proof::tree::{self, Signed};
use crate::store::{Conn, StoreError};

/// Why the log could not be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The ledger or the database failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The folder holds another log.
    #[error("`{0}` holds a log that this one does not continue")]
    OtherLog(PathBuf),
    /// A file cannot be written.
    #[error("cannot write `{path}`: {}", cause(.source))]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl ExportError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Ledger(error) => error.kind(),
            Self::OtherLog(_) | Self::Write { .. } => Kind::Failed,
        }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

/// What an export did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Entries that the exported checkpoint covers.
    pub size: u64,
    /// Files written.
    pub written: u64,
    /// Files that were there already.
    pub kept: u64,
}

/// Writes the log up to a checkpoint into a folder.
///
/// # Errors
/// See [`ExportError`].
pub async fn export(
    conn: &mut Conn,
    checkpoint: &Signed,
    folder: &Path,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Exported, ExportError> {
    refuse_another_log(conn, checkpoint, folder).await?;
    let mut files = Files { folder, done: Exported { size: checkpoint.size, ..Exported::default() } };
    let mut level = 0;
    loop {
        // How many hashes the level's tiles hold: complete subtrees of 256^level leaves.
        let hashes = checkpoint.size >> (8 * u32::from(level)).min(63);
        if hashes == 0 {
            break;
        }
        for index in 0..hashes.div_ceil(u64::from(Tile::FULL)) {
            let width = (hashes - index * u64::from(Tile::FULL)).min(u64::from(Tile::FULL));
            let width = u16::try_from(width).expect("it is at most 256");
            files.tile(conn, level, index, width).await?;
            if level == 0 {
                progress(index * u64::from(Tile::FULL) + u64::from(width));
            }
        }
        level += 1;
    }
    files.replace("checkpoint", checkpoint.note.as_bytes())?;
    Ok(files.done)
}

/// A folder with a checkpoint that this log does not begin with holds another log, or one from before a restore.
async fn refuse_another_log(conn: &mut Conn, checkpoint: &Signed, folder: &Path) -> Result<(), ExportError> {
    let other = || ExportError::OtherLog(folder.to_owned());
    let note = match fs::read_to_string(folder.join("checkpoint")) {
        Ok(note) => note,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ExportError::Write { path: folder.join("checkpoint"), source }),
    };
    let there = Checkpoint::unverified(&note).map_err(|_| other())?;
    if there.size() > checkpoint.size {
        return Err(other());
    }
    let root = Subtrees::default().root_at(conn, there.size()).await?;
    if root == there.root() { Ok(()) } else { Err(other()) }
}

struct Files<'a> {
    folder: &'a Path,
    done: Exported,
}

impl Files<'_> {
    async fn tile(&mut self, conn: &mut Conn, level: u8, index: u64, width: u16) -> Result<(), ExportError> {
        let hashes = Tile { content: TileContent::Hashes(level), index, width };
        let entries = Tile { content: TileContent::Entries, index, width };
        let first = index * u64::from(Tile::FULL);
        if level > 0 {
            if !self.has(&hashes) {
                let nodes = tree::nodes(conn, level * 8, first, u32::from(width)).await?;
                self.write(&hashes, &nodes.concat())?;
            }
            return Ok(());
        }
        if self.has(&hashes) && self.has(&entries) {
            return Ok(());
        }
        let leaves = tree::leaves(conn, first, u32::from(width)).await?;
        self.write(&hashes, &tiles::hashes(&leaves))?;
        self.write(&entries, &tiles::bundle(&leaves))
    }

    /// Tiles never change once they are there, full or not: one of the same width has the same hashes.
    fn has(&mut self, tile: &Tile) -> bool {
        let there = self.folder.join(format!("tile/{tile}")).exists();
        self.done.kept += u64::from(there);
        there
    }

    fn write(&mut self, tile: &Tile, bytes: &[u8]) -> Result<(), ExportError> {
        self.replace(&format!("tile/{tile}"), bytes)
    }

    /// Writes a file whole or not at all.
    fn replace(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.folder.join(name);
        let partial = path.with_added_extension("partial");
        let write = || -> io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(self.folder))?;
            let mut file = fs::File::create(&partial)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&partial, &path)
        };
        write().map_err(|source| ExportError::Write { path: path.clone(), source })?;
        self.done.written += 1;
        Ok(())
    }
}
