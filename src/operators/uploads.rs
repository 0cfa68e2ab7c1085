//! Customers files that were uploaded in the console: their sender sees what one would change, and then says "do it". They wait in the
//! database, so that any node imports them, for an hour; those of an operator who is disabled are deleted, and all of them with each
//! person who is erased.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::kind::Kind;
use crate::domain::right::{Forbidden, Right};
use crate::domain::words::cause;
use crate::people::customers::Customers;
use crate::people::import::{ImportError, ImportOptions, Imported, Seen};
use crate::store::operators::uploads::{self, State, Upload};
use crate::store::people::scrubs;
use crate::store::proof::tree;
use crate::store::{Conn, StoreError};

/// How long a file waits.
const WAITS: SignedDuration = SignedDuration::from_hours(1);

/// Files of one operator that wait at once: the oldest one makes room.
const MOST: usize = 3;

/// Bytes of a part: one transaction writes it, and others write in between.
const PART: u64 = 1 << 20;

/// Why a file could not be kept or imported.
#[derive(Debug, Error)]
pub enum UploadError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A temporary file failed.
    #[error("cannot use a temporary file: {}", cause(.0))]
    File(#[from] io::Error),
    /// It waited too long, or a person was erased meanwhile.
    #[error("the file is not here any more")]
    Gone,
    /// Another request imports it.
    #[error("the file is being imported")]
    Busy,
}

impl UploadError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Import(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::File(_) => Kind::Failed,
            Self::Gone => Kind::Invalid,
            Self::Busy => Kind::Conflict,
        }
    }
}

/// A file that was received.
#[derive(Debug)]
pub struct NewUpload {
    /// Its name, as the browser has it.
    pub name: String,
    /// How it is to be treated.
    pub options: ImportOptions,
    /// Its content.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
}

/// A file that waits, with what it would change.
#[derive(Debug)]
pub struct Looked {
    /// Id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it would change.
    pub imported: Imported,
}

/// What came of a file that was to be imported.
#[derive(Debug)]
pub enum Carried {
    /// It was imported.
    Imported(Imported),
    /// It was imported before, by the same form.
    Before,
    /// Customers were changed since its sender saw what it changes: this is what it would change now.
    Outdated(Looked),
}

/// The service for uploads. Cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    context: Context,
    customers: Customers,
}

impl Uploads {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context, customers: Customers) -> Self {
        Self { context, customers }
    }

    /// Finds out what a file would change, and keeps it for its sender.
    ///
    /// # Errors
    /// If the actor may not import, or the file cannot be imported.
    pub async fn look(&self, actor: &Actor, operator_id: Uuid, mut new: NewUpload) -> Result<Looked, UploadError> {
        actor.may_at_all(Right::Import)?;
        let imported =
            self.import(actor, &mut new.file, &ImportOptions { dry_run: true, ..new.options.clone() }).await?;
        let created_at = self.context.clock.now();
        let upload = Upload {
            id: uuid::Builder::from_random_bytes(self.context.random.bytes()).into_uuid(),
            operator_id,
            name: new.name,
            options: written(&new.options),
            state: State::Arriving,
            size: new.size,
            sha256: imported.sha256.clone(),
            revision: imported.revision,
            created_at,
        };
        self.keep(&upload, &mut new.file).await?;
        Ok(Looked { id: upload.id, name: upload.name, imported })
    }

    /// Imports a file whose changes were shown: once, and not if it would change something else by now.
    ///
    /// # Errors
    /// If the actor may not, the file is gone or is being imported, or cannot be imported: then it waits on.
    pub async fn carry_out(&self, actor: &Actor, operator_id: Uuid, id: Uuid) -> Result<Carried, UploadError> {
        actor.may_at_all(Right::Import)?;
        let all = uploads::of_operator(&mut *self.context.store.read().await?, operator_id).await?;
        let upload =
            all.into_iter().find(|it| it.id == id && it.created_at >= self.oldest()).ok_or(UploadError::Gone)?;
        match upload.state {
            State::Imported => return Ok(Carried::Before),
            State::Arriving => return Err(UploadError::Gone),
            State::Waiting if self.change(id, State::Waiting, State::Taken).await? => {}
            State::Waiting | State::Taken => return Err(UploadError::Busy),
        }
        let carried = self.carry_out_taken(actor, &upload).await;
        let ended = match &carried {
            Ok(Carried::Imported(_)) => self.imported(id).await,
            Ok(Carried::Before | Carried::Outdated(_)) | Err(_) => {
                self.change(id, State::Taken, State::Waiting).await.map(drop)
            }
        };
        if let Err(error) = ended {
            // Whatever became of the import stays so. The file is deleted after its hour.
            tracing::warn!(error = error.for_logs(), "an upload could not be changed after its import");
        }
        carried
    }

    async fn carry_out_taken(&self, actor: &Actor, upload: &Upload) -> Result<Carried, UploadError> {
        let mut file = self.read(upload).await?;
        let seen = Seen { sha256: upload.sha256.clone(), revision: upload.revision };
        let options = ImportOptions { size: Some(upload.size), ..options(&upload.options) };
        let wanted = ImportOptions { seen: Some(seen), ..options.clone() };
        match self.import(actor, &mut file, &wanted).await {
            Err(ImportError::Outdated) => {}
            done => return Ok(Carried::Imported(done?)),
        }
        let imported = self.import(actor, &mut file, &ImportOptions { dry_run: true, ..options }).await?;
        let mut tx = self.context.store.write().await?;
        uploads::compared(&mut tx, upload.id, imported.revision).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Carried::Outdated(Looked { id: upload.id, name: upload.name.clone(), imported }))
    }

    async fn import(&self, actor: &Actor, file: &mut File, options: &ImportOptions) -> Result<Imported, ImportError> {
        file.seek(SeekFrom::Start(0)).map_err(ImportError::Read)?;
        Box::pin(self.customers.import(actor, &*file, options, &|_| {})).await
    }

    /// Stores a file in parts.
    async fn keep(&self, upload: &Upload, file: &mut File) -> Result<(), UploadError> {
        let mut tx = self.context.store.write().await?;
        tree::lock_head(&mut tx).await?;
        let others = uploads::of_operator(&mut tx, upload.operator_id).await?;
        let waiting = others.iter().filter(|it| !matches!(it.state, State::Taken | State::Imported));
        for other in waiting.skip(MOST - 1) {
            scrubs::mark(&mut tx, upload.created_at).await?;
            uploads::delete(&mut tx, other.id).await?;
        }
        uploads::insert(&mut tx, upload).await?;
        tx.commit().await.map_err(StoreError::from)?;
        file.seek(SeekFrom::Start(0))?;
        for part in 0.. {
            let mut bytes = Vec::new();
            (&*file).take(PART).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            let mut tx = self.context.store.write().await?;
            if !uploads::add_part(&mut tx, upload.id, part, &bytes).await? {
                return Err(UploadError::Gone);
            }
            tx.commit().await.map_err(StoreError::from)?;
        }
        if self.change(upload.id, State::Arriving, State::Waiting).await? { Ok(()) } else { Err(UploadError::Gone) }
    }

    /// The file of an upload, in a file of its own: two who read it do not move each other's place.
    async fn read(&self, upload: &Upload) -> Result<File, UploadError> {
        let mut file = tempfile::tempfile()?;
        for part in 0.. {
            let bytes = uploads::part(&mut *self.context.store.read().await?, upload.id, part).await?;
            let Some(bytes) = bytes else { break };
            file.write_all(&bytes)?;
        }
        // Deleted while it was read: its digest would say so, too.
        if file.stream_position()? == upload.size { Ok(file) } else { Err(UploadError::Gone) }
    }

    async fn change(&self, id: Uuid, from: State, to: State) -> Result<bool, StoreError> {
        let mut tx = self.context.store.write().await?;
        let changed = uploads::change(&mut tx, id, from, to).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Deletes the content of a file that was imported; the row says to the same form that it was.
    async fn imported(&self, id: Uuid) -> Result<(), StoreError> {
        let mut tx = self.context.store.write().await?;
        scrubs::mark(&mut tx, self.context.clock.now()).await?;
        uploads::change(&mut tx, id, State::Taken, State::Imported).await?;
        uploads::delete_parts(&mut tx, id).await?;
        Ok(tx.commit().await?)
    }

    /// Deletes the files that have waited too long. Returns how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let old = uploads::older(&mut *self.context.store.read().await?, self.oldest()).await?;
        for id in &old {
            let mut tx = self.context.store.write().await?;
            scrubs::mark(&mut tx, self.context.clock.now()).await?;
            uploads::delete(&mut tx, *id).await?;
            tx.commit().await?;
        }
        Ok(old.len())
    }

    fn oldest(&self) -> Timestamp {
        self.context.clock.now().saturating_sub(WAITS).unwrap_or(Timestamp::MIN)
    }
}

/// Deletes the files of an operator.
pub(super) async fn delete_of(conn: &mut Conn, operator_id: Uuid, now: Timestamp) -> Result<(), StoreError> {
    for upload in uploads::of_operator(conn, operator_id).await? {
        uploads::delete(conn, upload.id).await?;
        scrubs::mark(conn, now).await?;
    }
    Ok(())
}

/// What can be chosen about a file, by name.
fn choices(options: &mut ImportOptions) -> [(&'static str, &mut bool); 3] {
    [
        ("replace", &mut options.replace),
        ("skip_invalid", &mut options.skip_invalid),
        ("allow_shrink", &mut options.allow_shrink),
    ]
}

fn written(options: &ImportOptions) -> String {
    let mut options = options.clone();
    let chosen = choices(&mut options).into_iter().filter(|(_, chosen)| **chosen);
    chosen.map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

fn options(written: &str) -> ImportOptions {
    let mut options = ImportOptions::default();
    for (name, chosen) in choices(&mut options) {
        *chosen = written.split(' ').any(|it| it == name);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_about_a_file_is_read_as_it_was_written() {
        let chosen = ImportOptions { replace: true, allow_shrink: true, ..ImportOptions::default() };
        let read = options(&written(&chosen));
        assert_eq!((read.replace, read.skip_invalid, read.allow_shrink), (true, false, true));
        assert_eq!(written(&ImportOptions::default()), "");
    }
}
