//! The directory: the customers file of another system, fetched over HTTPS and imported like any other. A failed fetch changes
//! nothing; after a day of failures a person has a task. One node fetches at a time.

mod fetch;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::clock::millis;
use crate::domain::kind::Kind;
use crate::domain::task::TaskKind;
use crate::people::customers::Customers;
use crate::people::import::{ImportError, ImportOptions, Imported};
use crate::store::people::directories::{self, Outcome};
use crate::store::tasks::NewTask;
use crate::store::{StoreError, tasks};
pub use fetch::{Fetched, Validators, fetch, in_words, probe};

/// How long another node leaves a fetch alone that has begun: the process may have died.
const HELD: SignedDuration = SignedDuration::from_mins(15);

/// How soon a failed fetch is tried again, if the next one is not due before.
const AGAIN: SignedDuration = SignedDuration::from_mins(5);

/// How long fetches may fail before a person has a task.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// Why customers were not synchronised; nothing was changed.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// No directory is configured.
    #[error("no `[directory] url` is configured")]
    Off,
    /// The file could not be fetched.
    #[error("the directory could not be fetched: {0}")]
    Fetch(String),
    /// The file was refused.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DirectoryError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Off => Kind::Invalid,
            Self::Fetch(_) => Kind::Later,
            Self::Import(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    /// The text for a log and a task: it names no customer and no address.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Import(ImportError::Invalid(rows)) => {
                format!("rows of the file are wrong: {}", rows.problems.len() as u64 + rows.more)
            }
            Self::Import(ImportError::Store(error)) | Self::Store(error) => error.for_logs(),
            other => other.to_string(),
        }
    }
}

/// What a look at the directory brought.
#[derive(Debug)]
pub enum Synced {
    /// The file is the one that was imported last.
    Unchanged,
    /// It was imported.
    Imported(Box<Imported>),
}

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    context: Context,
    customers: Customers,
}

impl Directory {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context, customers: Customers) -> Self {
        Self { context, customers }
    }

    /// Fetches and imports the customers file, unless it is the one that was imported last.
    ///
    /// # Errors
    /// See [`DirectoryError`]; the failure is recorded, and a task is opened once it has lasted for a day.
    pub async fn sync(&self, actor: &Actor) -> Result<Synced, DirectoryError> {
        let synced = self.try_sync(actor).await;
        let now = self.context.clock.now();
        match &synced {
            Err(DirectoryError::Off) => {}
            Err(error) => self.failed(error, now).await?,
            Ok((synced, validators)) => self.succeeded(synced, validators, now).await?,
        }
        synced.map(|(synced, _)| synced)
    }

    /// The same, if a look is due and no other node takes it. Returns `None` if nothing was to be done.
    ///
    /// # Errors
    /// See [`sync`](Self::sync).
    pub async fn sync_when_due(&self) -> Result<Option<Synced>, DirectoryError> {
        if self.context.config.directory.url.is_none() {
            return Ok(None);
        }
        let now = self.context.clock.now();
        if directories::find(&mut *self.context.store.read().await?).await?.due_at > now {
            return Ok(None);
        }
        let mut tx = self.context.store.write().await?;
        let taken = directories::take(&mut tx, now, later(now, HELD)).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if !taken {
            return Ok(None);
        }
        self.sync(&Actor::system("directory")).await.map(Some)
    }

    async fn try_sync(&self, actor: &Actor) -> Result<(Synced, Validators), DirectoryError> {
        let config = &self.context.config.directory;
        let Some(url) = &config.url else { return Err(DirectoryError::Off) };
        let known = directories::find(&mut *self.context.store.read().await?).await?;
        // What was imported from elsewhere says nothing of this address.
        let same = known.url == url.to_string();
        let known =
            if same { Validators { etag: known.etag, modified: known.modified } } else { Validators::default() };
        match fetch(config, &known).await.map_err(DirectoryError::Fetch)? {
            None => Ok((Synced::Unchanged, known)),
            Some(Fetched { file, validators }) => {
                let options = ImportOptions { replace: config.replace, ..ImportOptions::default() };
                let imported = self.customers.import(actor, file, &options, &|_| {}).await?;
                Ok((Synced::Imported(Box::new(imported)), validators))
            }
        }
    }

    async fn succeeded(&self, synced: &Synced, validators: &Validators, now: Timestamp) -> Result<(), StoreError> {
        let config = &self.context.config.directory;
        let url = config.url.as_ref().map(ToString::to_string).unwrap_or_default();
        let every = SignedDuration::from_millis(millis(config.every));
        let mut tx = self.context.store.write().await?;
        let outcome = Outcome {
            url: &url,
            etag: validators.etag.as_deref(),
            modified: validators.modified.as_deref(),
            imported: matches!(synced, Synced::Imported(_)),
        };
        directories::succeeded(&mut tx, &outcome, now, later(now, every)).await?;
        tasks::close_kind(&mut tx, TaskKind::StaleDirectory, now).await?;
        Ok(tx.commit().await?)
    }

    async fn failed(&self, error: &DirectoryError, now: Timestamp) -> Result<(), StoreError> {
        let every = SignedDuration::from_millis(millis(self.context.config.directory.every));
        let mut tx = self.context.store.write().await?;
        let since = directories::failed(&mut tx, now, later(now, every.min(AGAIN))).await?;
        if now.duration_since(since) >= PATIENCE {
            let reason = format!(
                "customers have not been fetched from the directory for a day: {}; `besked customers sync` tries it again",
                error.for_logs()
            );
            let task = NewTask {
                id: self.context.random.id(now),
                kind: TaskKind::StaleDirectory,
                notice_id: None,
                account_id: None,
                delivery_id: None,
                inbound_id: None,
                reason: &reason,
                at: now,
                deadline: None,
            };
            tasks::open(&mut tx, &task).await?;
        }
        Ok(tx.commit().await?)
    }
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
