//! The parts of Besked, put together from its configuration: the only place that knows them all.

mod ask;
mod now;

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::timeout;

use crate::config::Config;
use crate::context::Context;
use crate::coverage::Coverage;
use crate::deliveries::Deliveries;
use crate::dispatch::house::upkeep::Upkeep;
use crate::dispatch::node::lock::{DispatchLock, LockError};
use crate::dispatch::node::pulse::Pulse;
use crate::dispatch::node::relays::Relays;
use crate::dispatch::{Dispatcher, Observer, Parts};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::clock::Clock;
use crate::domain::kind::Kind;
use crate::domain::random::Random;
use crate::domain::right::Right;
use crate::escalation::{Escalation, Tasks};
use crate::evidence::Prover;
use crate::inbound::Inbound;
use crate::ledger::Ledger;
use crate::mail::direct::{self, Refused, Taken};
use crate::mail::token::TokenKey;
use crate::metrics::Metrics;
use crate::notices::sample::{Sample, Wanted};
use crate::notices::{Draft, NoticeError, Notices};
use crate::operators::Operators;
use crate::operators::audit::AuditLog;
use crate::operators::forms::Forms;
use crate::operators::keys::Keys;
use crate::operators::provider::Provider;
use crate::operators::requests::Requests;
use crate::operators::sign_ins::SignIns;
use crate::operators::uploads::Uploads;
use crate::people::customers::Customers;
use crate::people::directory::Directory;
use crate::people::feeds::Feeds;
use crate::people::holds::Holds;
use crate::people::link::Links;
use crate::people::petitions::Petitions;
use crate::people::preferences::Preferences;
use crate::people::retention::Retention;
use crate::people::subjects::Subjects;
use crate::people::suppressions::Suppressions;
pub use crate::store::StoreError;
use crate::store::{Dialect, Store, secrets};
use crate::webhooks::{Outside, Webhooks};
pub use ask::{AskError, Meant};
pub use now::{Now, NowError, Progress, Running};

/// How long closing the database may take.
const CLOSING: Duration = Duration::from_secs(5);

/// Why the parts could not be put together.
#[derive(Debug, Error)]
pub enum AppError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// This process may not dispatch.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// There is no relay to send through.
    #[error("no [[relay]] is configured")]
    NoRelay,
}

impl AppError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Lock(error) => error.kind(),
            Self::NoRelay => Kind::Invalid,
        }
    }
}

impl AppError {
    /// True if the database is not there, or has no tables yet.
    #[must_use]
    pub const fn is_no_database(&self) -> bool {
        matches!(self, Self::Store(StoreError::NotMigrated { .. } | StoreError::Open { .. }))
    }
}

/// Why a test copy was not sent.
#[derive(Debug, Error)]
pub enum TestError {
    /// The notice or its recipient.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// The message cannot be composed.
    #[error("{0}")]
    Compose(String),
    /// There is no relay to send through.
    #[error("no [[relay]] is configured")]
    NoRelay,
    /// No relay accepted it.
    #[error("no relay accepted the test copy: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Refused>),
}

impl TestError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Notice(error) => error.kind(),
            Self::Compose(_) | Self::NoRelay => Kind::Invalid,
            Self::Refused(_) => Kind::Refused,
        }
    }
}

/// Whether the database can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// Its tables are not those of this version.
    NotMigrated,
    /// It does not answer, answers with an error, or cannot be written.
    Unusable,
}

/// The key behind return paths and links; made at the first start, and only read from then on.
async fn link_key(store: &Store, random: &Random) -> Result<[u8; 32], StoreError> {
    const NAME: &str = "links";
    if let Some(key) = secrets::find(&mut *store.read().await?, NAME).await? {
        return Ok(key);
    }
    let mut tx = store.write().await?;
    let key = secrets::get_or_insert(&mut tx, NAME, &random.bytes()).await?;
    tx.commit().await?;
    Ok(key)
}

/// Everything, ready to be used.
#[derive(Clone)]
pub struct App {
    /// What every service works with.
    pub context: Context,
    /// The life of notices.
    pub notices: Notices,
    /// Single deliveries.
    pub deliveries: Deliveries,
    /// Who is informed.
    pub coverage: Coverage,
    /// The ledger.
    pub ledger: Ledger,
    /// A person's rights over what is stored about them.
    pub subjects: Subjects,
    /// Legal holds.
    pub holds: Holds,
    /// Customers and their contacts.
    pub customers: Customers,
    /// Where customers are fetched from.
    pub directory: Directory,
    /// What persons ask for, and by when they are answered.
    pub petitions: Petitions,
    /// Opt-outs.
    pub preferences: Preferences,
    /// The page behind the links in optional notices.
    pub links: Links,
    /// Addresses with a reason against mailing them.
    pub suppressions: Suppressions,
    /// Deletes persons whose time is over.
    pub retention: Retention,
    /// Evidence for others.
    pub evidence: Prover,
    /// What comes back by mail.
    pub inbound: Inbound,
    /// Addresses others where a customer is not informed.
    pub escalation: Escalation,
    /// Who uses Besked.
    pub operators: Operators,
    /// The keys of programs.
    pub keys: Keys,
    /// How operators sign in to the console.
    pub sign_ins: SignIns,
    /// Signing in at an identity provider.
    pub provider: Provider,
    /// What programs ask for, once each.
    pub requests: Requests,
    /// What everybody asked for.
    pub audit: AuditLog,
    /// Forms that operators have begun.
    pub forms: Forms,
    /// Customers files that wait to be imported.
    pub uploads: Uploads,
    /// What a person must do.
    pub tasks: Tasks,
    /// Customers' calendars.
    pub feeds: Feeds,
    /// The state of the relays.
    pub relays: Relays,
    /// Calls to other systems.
    pub webhooks: Webhooks,
    /// The numbers of this process.
    pub metrics: Metrics,
    /// Whether its dispatcher is alive.
    pub pulse: Pulse,
    /// How fast notices are sent, for those who look.
    progress: Progress,
    key: TokenKey,
}

impl App {
    /// Makes the tables of the database, or updates them; makes a SQLite file that is missing. Returns true if it made the file.
    ///
    /// # Errors
    /// If the database cannot be opened or migrated.
    pub async fn migrate(config: &Config) -> Result<bool, AppError> {
        let url = &config.database.url;
        let made = url.file().is_some_and(|path| !path.exists());
        let store = Store::open(url, true).await?;
        store.migrate().await?;
        store.close().await;
        Ok(made)
    }

    /// Opens the database, whose tables must be there.
    ///
    /// # Errors
    /// If it cannot be opened, or its tables are not those of this version.
    pub async fn open(config: Config, clock: Clock, random: Random) -> Result<Self, AppError> {
        let store = Store::open(&config.database.url, false).await?;
        store.check().await?;
        Self::over(store, config, clock, random).await
    }

    /// Puts the parts together over an open database with its tables made.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn over(store: Store, config: Config, clock: Clock, random: Random) -> Result<Self, AppError> {
        let key = link_key(&store, &random).await?;
        let context = Context { store, config: Arc::new(config), clock, random };
        let (notices, ledger) = (Notices::new(context.clone()), Ledger::new(context.clone()));
        let subjects = Subjects::new(context.clone(), ledger.clone());
        let (retention, holds) = (Retention::new(context.clone()), Holds::new(context.clone()));
        let evidence = Prover::new(context.clone(), notices.clone(), ledger.clone(), subjects.clone());
        let (relays, tasks) = (Relays::new(context.clone()), Tasks::new(context.clone()));
        let webhooks = Webhooks::new(context.clone(), Outside::default());
        let deliveries = Deliveries::new(context.clone(), notices.clone(), subjects.clone());
        let coverage = Coverage::new(context.clone(), notices.clone());
        let escalation = Escalation::new(context.clone(), coverage.clone());
        let (operators, keys) = (Operators::new(context.clone()), Keys::new(context.clone()));
        let (sign_ins, forms) = (SignIns::new(context.clone()), Forms::new(context.clone()));
        let provider = Provider::new(context.clone(), sign_ins.clone());
        let (audit, requests) = (AuditLog::new(context.clone()), Requests::new(context.clone()));
        let (metrics, pulse, key) = (Metrics::new(), Pulse::default(), TokenKey::new(key));
        let customers = Customers::new(context.clone(), subjects.clone());
        let directory = Directory::new(context.clone(), customers.clone());
        let uploads = Uploads::new(context.clone(), customers.clone());
        let (petitions, preferences) = (Petitions::new(context.clone()), Preferences::new(context.clone()));
        let inbound = Inbound::new(context.clone(), key.clone(), metrics.clone());
        let (links, feeds) = (Links::new(context.clone(), key.clone()), Feeds::new(context.clone(), key.clone()));
        let suppressions = Suppressions::new(context.clone(), key.clone());
        Ok(Self {
            context,
            notices,
            deliveries,
            coverage,
            ledger,
            subjects,
            holds,
            customers,
            directory,
            petitions,
            preferences,
            links,
            suppressions,
            retention,
            evidence,
            inbound,
            escalation,
            operators,
            keys,
            sign_ins,
            provider,
            requests,
            audit,
            forms,
            uploads,
            tasks,
            feeds,
            relays,
            webhooks,
            metrics,
            pulse,
            progress: Progress::default(),
            key,
        })
    }

    /// A dispatcher, with the right to dispatch that it needs for as long as it runs. `observer` is told what is recorded.
    ///
    /// # Errors
    /// If there is no relay, or another process dispatches on this SQLite database.
    pub fn dispatcher(&self, observer: Option<Observer>) -> Result<(Dispatcher, Option<DispatchLock>), AppError> {
        if self.context.config.relays.is_empty() {
            return Err(AppError::NoRelay);
        }
        let lock = DispatchLock::take(&self.context.config.database.url)?;
        let dispatcher = Dispatcher::new(Parts {
            store: self.context.store.clone(),
            config: self.context.config.clone(),
            clock: self.context.clock.clone(),
            random: self.context.random.clone(),
            key: self.key.clone(),
            notices: self.notices.clone(),
            upkeep: Upkeep {
                store: self.context.store.clone(),
                ledger: self.ledger.clone(),
                subjects: self.subjects.clone(),
                retention: self.retention.clone(),
                inbound: self.inbound.clone(),
                escalation: self.escalation.clone(),
                directory: self.directory.clone(),
                uploads: self.uploads.clone(),
                webhooks: self.webhooks.clone(),
            },
            observer,
            metrics: self.metrics.clone(),
            pulse: self.pulse.clone(),
        });
        Ok((dispatcher, lock))
    }

    /// The message that a recipient of a draft would receive. Records that the actor saw it, if the person's data is restricted.
    ///
    /// # Errors
    /// If there is no such recipient, or the database fails.
    pub async fn sample(
        &self,
        actor: &Actor,
        draft: &Draft,
        wanted: &Wanted,
        command: &str,
    ) -> Result<Sample, NoticeError> {
        let sample = Sample::find(&self.context, self.key.clone(), actor, draft, wanted).await?;
        if let Some(shown) = sample.shows() {
            self.subjects.note_read(actor, &shown.key(), command).await?;
        }
        Ok(sample)
    }

    /// Sends the actor a copy of the message that a recipient of a draft would receive, marked as a test, through the first relay that
    /// accepts it. Nothing is recorded of it: it informs nobody.
    ///
    /// # Errors
    /// If the actor does not write such notices, there is no such recipient, or no relay accepts it.
    pub async fn send_test(
        &self,
        actor: &Actor,
        draft: &Draft,
        (to, wanted): (&Address, Wanted),
    ) -> Result<Taken, TestError> {
        actor.may(Right::Write, draft.notice.category).map_err(NoticeError::from)?;
        let wanted = Wanted { to: Some(to.clone()), ..wanted };
        let sample = self.sample(actor, draft, &wanted, "notice test").await?;
        let bytes = sample.compose().map_err(|error| TestError::Compose(error.to_string()))?.bytes;
        let sent = direct::send(&self.context.config, &sample.envelope_sender(), to, &bytes).await;
        sent.map_err(|refused| if refused.is_empty() { TestError::NoRelay } else { TestError::Refused(refused) })
    }

    /// Closes the database. Folds SQLite's write-ahead log into its file: else the next process that opens it has to read all of
    /// the log first.
    pub async fn close(&self) {
        if self.context.store.dialect == Dialect::Sqlite {
            // If it takes longer, the next process does it: nothing is lost.
            let _ = timeout(CLOSING, self.context.store.close()).await;
        }
    }

    /// Whether the database can be used now.
    pub async fn readiness(&self) -> Readiness {
        match self.context.store.check().await {
            Ok(()) if self.metrics.writable().now(&self.context.store).await => Readiness::Ready,
            Err(StoreError::NotMigrated { .. } | StoreError::Newer { .. }) => Readiness::NotMigrated,
            Ok(()) | Err(_) => Readiness::Unusable,
        }
    }

    /// The key behind return paths and links.
    #[must_use]
    pub fn key(&self) -> &TokenKey {
        &self.key
    }
}
