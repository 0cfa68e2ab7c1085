//! Besked as tests drive it: a database, a relay, a clock moved by hand, and verbs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use besked::app::App;
use besked::config::{Config, EXAMPLE, parse};
use besked::coverage::{About, CoverageError, CoverageRow, Informed, NewAttestation, Totals};
use besked::dispatch::{Finished, Trouble, Until};
use besked::domain::actor::Actor;
use besked::domain::address::{Address, AddressKey};
use besked::domain::attestation::Channel;
use besked::domain::audience::Audience;
use besked::domain::category::Category;
use besked::domain::clock::Clock;
use besked::domain::delivery::State;
use besked::domain::duty::Duty;
use besked::domain::notice::{Notice, State as NoticeState};
use besked::domain::preference::Wish;
use besked::domain::random::Random;
use besked::domain::rows_file::Rows;
use besked::notices::Depth;
use besked::notices::{Draft, NoticeError, Release};
use besked::people::import::{ImportError, ImportOptions, Imported};
use besked::people::retention::Report;
use besked::people::subjects::{Erased, Erasure, SubjectError};
use besked::store::notices::Kept;
use besked::store::notices::releases::Releasing;
use besked::store::sending::deliveries;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::database::{Database, Engine};
use crate::relay::Relay;

/// The ground of every erasure.
pub const GROUND: &str = "Art. 17(1)(b): consent withdrawn";

/// The operator of most tests.
pub fn alice() -> Actor {
    Actor::cli("alice", "root").unwrap()
}

/// The time at which every test begins.
pub const START: &str = "2026-11-24T10:00:00Z";

/// A copy of a database as it was once.
pub struct Yesterday(tempfile::NamedTempFile);

/// The operator who approves.
pub fn bo() -> Actor {
    Actor::cli("bo", "test").unwrap()
}

pub struct TestApp {
    pub app: App,
    pub relay: Relay,
    /// Where its ledger's key and state are.
    pub home: tempfile::TempDir,
    _database: Database,
}

impl TestApp {
    pub async fn new(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    /// With the configuration changed by `change`.
    pub async fn with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::starting(engine, START, change).await
    }

    /// With a clock that begins at another time.
    pub async fn starting(engine: Engine, at: &str, change: impl FnOnce(&mut Config)) -> Self {
        let database = Database::new(engine).await;
        let relay = Relay::start().await;
        let mut config = parse(EXAMPLE, "example", &[]).unwrap();
        config.database.url = database.url.parse().unwrap();
        config.relays[0].url = relay.url().parse().unwrap();
        config.relays[0].connections = 2;
        let home = tempfile::tempdir().unwrap();
        config.ledger.key_file = home.path().join("ledger.key");
        config.ledger.state_file = home.path().join("ledger.state");
        config.privacy.journal_file = home.path().join("erased.journal");
        config.privacy.journal_key_file = home.path().join("erased.key");
        write_key(&config.ledger.key_file, 7);
        change(&mut config);
        let clock = Clock::manual(at.parse().unwrap());
        let app = App::over(database.open().await, config, clock, Random::from_system()).await.unwrap();
        Self { app, relay, home, _database: database }
    }

    /// The same, as another process would have it after this one ended.
    pub async fn restart(self) -> Self {
        let config = (*self.app.context.config).clone();
        let clock = self.app.context.clock.clone();
        self.app.context.store.close().await;
        let app = App::open(config, clock, Random::from_system()).await.unwrap();
        Self { app, ..self }
    }

    /// The same after a restart with another configuration.
    pub async fn configured(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = (*self.app.context.config).clone();
        change(&mut config);
        self.app.context.store.close().await;
        let app = App::open(config, self.app.context.clock.clone(), Random::from_system()).await.unwrap();
        Self { app, ..self }
    }

    /// The same, with its database reached at another address.
    pub async fn at(self, url: &str) -> Self {
        let mut config = (*self.app.context.config).clone();
        config.database.url = url.parse().unwrap();
        self.app.context.store.close().await;
        let app = App::open(config, self.app.context.clock.clone(), Random::from_system()).await.unwrap();
        Self { app, ..self }
    }

    /// The same database on a node with its tombstone journal elsewhere.
    pub async fn with_journal(self, file: std::path::PathBuf) -> Self {
        let mut config = (*self.app.context.config).clone();
        config.privacy.journal_key_file = file.with_extension("key");
        config.privacy.journal_file = file;
        let clock = self.app.context.clock.clone();
        self.app.context.store.close().await;
        let app = App::open(config, clock, Random::from_system()).await.unwrap();
        Self { app, ..self }
    }

    /// Another one, with a copy of its database and of its files. Its own database must be closed.
    pub async fn copied(&self) -> Self {
        let database = self._database.copy().await;
        let home = tempfile::tempdir().unwrap();
        let mut config = (*self.app.context.config).clone();
        config.database.url = database.url.parse().unwrap();
        let (ledger, privacy) = (&mut config.ledger, &mut config.privacy);
        for path in
            [&mut ledger.key_file, &mut ledger.state_file, &mut privacy.journal_file, &mut privacy.journal_key_file]
        {
            let copy = home.path().join(path.file_name().unwrap());
            if path.exists() {
                std::fs::copy(&path, &copy).unwrap();
            }
            *path = copy;
        }
        let app = App::open(config, self.app.context.clock.clone(), Random::from_system()).await.unwrap();
        Self { app, relay: Relay::start().await, home, _database: database }
    }

    /// A copy of its SQLite database, as a backup would have it.
    pub async fn copy(self) -> (Self, Yesterday) {
        self.app.context.store.close().await;
        let copy = tempfile::NamedTempFile::new().unwrap();
        std::fs::copy(self.database_file(), copy.path()).unwrap();
        (self.restart().await, Yesterday(copy))
    }

    /// Puts a copy in place of the database.
    pub async fn put_back(self, Yesterday(copy): Yesterday) -> Self {
        self.app.context.store.close().await;
        std::fs::copy(copy.path(), self.database_file()).unwrap();
        self.restart().await
    }

    /// Yesterday's copy of a database in which this person, a customer's contact with a released notice, was erased since.
    pub async fn restored_after_erasing(email: &str) -> Self {
        let app = Self::new(Engine::Sqlite).await;
        app.import(CUSTOMERS).await;
        app.release(&maintenance("all = true")).await;
        let (app, yesterday) = app.copy().await;
        app.erase(email).await.unwrap();
        app.put_back(yesterday).await
    }

    pub fn database_file(&self) -> std::path::PathBuf {
        self.app.context.config.database.url.file().unwrap().into()
    }

    pub async fn import(&self, csv: &str) -> Imported {
        self.try_import(csv.as_bytes(), ImportOptions::default()).await.unwrap()
    }

    pub async fn try_import(&self, csv: &[u8], options: ImportOptions) -> Result<Imported, ImportError> {
        let options = ImportOptions { size: Some(csv.len() as u64), ..options };
        self.app.customers.import(&alice(), csv, &options, &|_| {}).await
    }

    /// A draft from a notice's text, with the rows of an audience file.
    pub fn draft(&self, notice: &str, rows: &str) -> Draft {
        let parsed = Notice::parse(notice).unwrap();
        let with_rows = matches!(parsed.audience, Audience::Rows { .. });
        Draft::of(notice, with_rows.then(|| Rows::parse(rows.as_bytes()).unwrap())).unwrap()
    }

    /// Creates, submits, approves and releases a notice.
    pub async fn release(&self, notice: &str) -> Uuid {
        self.try_release(&self.draft(notice, "account_id\n")).await.unwrap()
    }

    pub async fn try_release(&self, draft: &Draft) -> Result<Uuid, NoticeError> {
        let notices = &self.app.notices;
        let id = notices.create(draft, &alice()).await?;
        if notices.submit(id, &alice()).await?.state == NoticeState::Submitted {
            notices.approve(id, &bo(), None).await?;
        }
        notices.release(id, &alice(), Release::default(), &|_| {}).await?;
        Ok(id)
    }

    pub async fn run_until_idle(&self) -> Finished {
        let (dispatcher, _lock) = self.app.dispatcher(None).unwrap();
        dispatcher.run(CancellationToken::new(), Some(Until::Idle(None))).await.unwrap()
    }

    /// Erases a person without any waiver.
    pub async fn erase(&self, email: &str) -> Result<Erased, SubjectError> {
        self.erase_waiving(email, &[]).await
    }

    pub async fn erase_waiving(&self, email: &str, waived: &[Duty]) -> Result<Erased, SubjectError> {
        let address = Address::parse(email).unwrap();
        let erasure = Erasure { address: &address, ground: GROUND, waived };
        self.app.subjects.erase(&alice(), &erasure).await
    }

    /// Deletes what retention has ended for.
    pub async fn purge(&self, dry_run: bool) -> Report {
        self.app.retention.run(&Actor::system("retention"), dry_run).await.unwrap()
    }

    /// Opts an address out of a category, or in again.
    pub async fn wish(&self, email: &str, category: Category, opted_out: bool) {
        let (actor, wish) = (alice(), Wish::new(category, opted_out).unwrap());
        self.app.preferences.set(&actor, &address(email), &[wish]).await.unwrap();
    }

    pub fn advance(&self, by: Duration) {
        self.app.context.clock.advance(by);
    }

    pub async fn notice(&self, id: Uuid) -> Kept {
        self.app.notices.named(&alice(), &id.to_string()).await.unwrap()
    }

    /// How many deliveries are in each state that has any.
    pub async fn counts(&self, id: Uuid) -> BTreeMap<State, u64> {
        let status = self.app.coverage.status(&alice(), &id.to_string()).await.unwrap();
        assert_eq!(status.counts.values().sum::<u64>(), status.recipients, "the counts sum to the recipients");
        let counts: BTreeMap<_, _> = status.counts.into_iter().filter(|(_, count)| *count > 0).collect();
        // Both at one moment: a dispatcher may be at work.
        let mut conn = self.app.context.store.snapshot().await.unwrap();
        let counted = deliveries::counts(&mut conn, id).await.unwrap();
        let mut kept = deliveries::tally(&mut conn, id, counted.values().sum()).await.unwrap();
        kept.retain(|_, count| *count > 0);
        assert!(
            status.recipients == 0 || counted == kept,
            "the stored counts are those of the rows: {counted:?} {kept:?}"
        );
        counts
    }

    pub async fn coverage(&self, id: Uuid) -> Totals {
        self.covered(id).await.0
    }

    /// The coverage with its rows.
    pub async fn covered(&self, id: Uuid) -> (Totals, Vec<CoverageRow>) {
        let mut covering = self.app.coverage.coverage(&alice(), &id.to_string()).await.unwrap();
        let mut rows = Vec::new();
        while let Some(page) = covering.next().await.unwrap() {
            rows.extend(page);
        }
        let totals = covering.totals();
        assert_eq!(totals.informed + totals.pending + totals.not_informed, totals.customers);
        assert_eq!(totals.customers, rows.len() as u64);
        (totals, rows)
    }

    /// Records that `Bo` informed a customer by another way.
    pub async fn attest(&self, id: Uuid, account_id: &str, channel: Channel, note: &str) -> Result<(), CoverageError> {
        let new = NewAttestation { account_id, channel, witness: "Bo", note, told_at: None };
        self.app.coverage.attest(&alice(), &id.to_string(), &new).await.map(drop)
    }

    pub async fn informed(&self, account: &str, id: Uuid) -> Informed {
        self.app.coverage.informed(&alice(), account, &About::Notice(id.to_string())).await.unwrap()
    }
}

/// The begin of a release by a process.
pub fn releasing(owner: &str, now: jiff::Timestamp) -> Releasing<'_> {
    Releasing { owner, actor: "alice", reason: None, digest: &[7; 32], now }
}

/// Appends to the file that an environment variable names: `tests/run` shows it in the end.
pub fn report(variable: &str, text: &str) {
    if let Some(path) = std::env::var_os(variable) {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
}

/// An Ed25519 key of the ledger.
pub fn write_key(path: &std::path::Path, seed: u8) {
    use ed25519_dalek::pkcs8::EncodePrivateKey as _;
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let pem = key.to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF).unwrap();
    std::fs::write(path, pem.as_bytes()).unwrap();
}

/// Three customers: one with every role, one with a service contact only, one with a billing contact only.
pub const CUSTOMERS: &str = "account_id,customer_name,email,contact_name,role,locale,time_zone,attr.region\n\
    C1,Ett AB,service@ett.example,Anna,service,sv,Europe/Stockholm,sto2\n\
    C1,Ett AB,teknik@ett.example,Bo,technical,sv,Europe/Stockholm,sto2\n\
    C1,Ett AB,faktura@ett.example,,billing,sv,Europe/Stockholm,sto2\n\
    C2,Two Ltd,hello@two.example,Carol,service,en,Europe/London,lon1;sto2\n\
    C3,Three Inc,ap@three.example,Dave,billing,en,America/New_York,lon1\n";

/// A maintenance notice to an audience.
pub fn maintenance(audience: &str) -> String {
    format!(
        "+++\ncategory = \"maintenance\"\nreference = \"CHG-1\"\n[audience]\n{audience}\n[fields]\n\
         window_start = 2036-12-01T22:00:00+01:00\nwindow_end = 2036-12-02T02:00:00+01:00\nservices = [\"Compute\"]\n\
         impact = \"Two minutes without network.\"\nphase = \"announced\"\n+++\nHello from the body.\n"
    )
}

/// A news notice to everybody.
pub const NEWS: &str =
    "+++\ncategory = \"news\"\n[audience]\nall = true\n[fields]\ntitle = \"New region\"\n+++\nWe open one.\n";

/// An address that is one.
pub fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// The comparison key of an address.
pub fn key(text: &str) -> AddressKey {
    address(text).key()
}

/// The relays that a run could not use, each with its failure, and what waits for them.
pub fn without_relay(finished: &Finished) -> (Vec<(String, Trouble)>, Depth) {
    let Finished::Left(left) = finished else { panic!("a relay was found: {finished:?}") };
    (left.no_relay.clone().expect("a relay that cannot be used"), left.depth)
}
