//! The store's conformance suite: every store function, on both engines, its edges included.

mod ahead;
mod answers;
mod at_once;
mod bulk;
mod escalations;
mod forwards;
mod inbound;
mod integrity;
mod limits;
mod matters;
mod moulds;
mod nodes;
mod operators;
mod people;
mod petitions;
mod queue;
mod refusals;
mod released;
mod retention;
mod selections;
mod sign_ins;
mod standing;
mod steps;
mod subjects;
mod tree;
mod watched;
mod webhooks;

use besked::domain::category::Category;
use besked::domain::coverage::Terms;
use besked::domain::delivery::Level;
use besked::domain::entry::{Entry, Event, Fact};
use besked::domain::matter::Said;
use besked::domain::notice::State;
use besked::domain::random::Random;
use besked::store::notices::releases::NewDelivery;
use besked::store::notices::{Written, releases};
use besked::store::people::imports::{AttributeRow, ContactRow, CustomerRow, Lacking, Removal};
use besked::store::people::{customer_words, imports};
use besked::store::{Conn, Store, notices};
use jiff::Timestamp;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{address, releasing};
use crate::database::{Database, Engine};

/// What a release of this many recipients records.
fn released(recipients: u64) -> releases::Released<'static> {
    let terms = Terms { informed_at: Level::Relayed, deadline: None };
    let (salt, message_domain) = (&[5; 32], "example.com");
    releases::Released { customers: 1, recipients, message_domain, terms, salt, revision: 0, standing: false }
}

/// A store with its own database, and what tests of it need.
struct Fixture {
    store: Store,
    random: Random,
    now: Timestamp,
    database: Database,
}

impl Fixture {
    async fn new(engine: Engine) -> Self {
        let database = Database::new(engine).await;
        let now = "2026-11-24T10:00:00Z".parse().unwrap();
        Self { store: database.open().await, random: Random::seeded(1), now, database }
    }

    fn id(&self) -> Uuid {
        self.random.id(self.now)
    }

    /// A draft.
    async fn draft(&self, conn: &mut Conn, reference: &str) -> Uuid {
        let id = self.id();
        notices::insert(conn, id, self.now, &written(reference)).await.unwrap();
        id
    }

    /// A released notice with a delivery to each address, all of customer `C1`.
    async fn released(&self, conn: &mut Conn, addresses: &[&str]) -> Uuid {
        let id = self.draft(conn, "CHG-1").await;
        assert!(notices::set_state(conn, id, State::Draft, State::Approved).await.unwrap());
        assert!(releases::begin_release(conn, id, &releasing("me", self.now)).await.unwrap());
        let rows: Vec<_> = addresses.iter().enumerate().map(|(n, address)| self.recipient(n as u64, address)).collect();
        releases::insert(conn, id, 1, self.now, &releases::Packed::of(&rows)).await.unwrap();
        let count = addresses.len() as u64;
        assert!(releases::set_released(conn, id, self.now, &released(count)).await.unwrap());
        id
    }

    fn recipient(&self, ordinal: u64, email: &str) -> NewDelivery {
        NewDelivery {
            id: self.id().to_string(),
            ordinal,
            account_id: "C1".to_owned(),
            customer_name: "Åkeri AB".to_owned(),
            email: address(email),
            contact_name: "Åsa".to_owned(),
            role: "service",
            locale: Some("sv".to_owned()),
            time_zone: None,
            merged: Some("{\"row.a\":\"b\"}".to_owned()),
            salt: "07".repeat(32),
            thread: None,
            row_key: None,
            not_before: None,
        }
    }

    fn entry(&self, event: Event) -> Entry {
        Entry::new(&Fact::new(event, self.now), Some(&moulds::addressee()), &self.random)
    }
}

/// What a customers file says.
#[derive(Default)]
struct File<'a> {
    customers: &'a [CustomerRow<'a>],
    attributes: &'a [AttributeRow<'a>],
    contacts: &'a [ContactRow<'a>],
}

impl File<'_> {
    /// Imports it.
    async fn import(&self, conn: &mut Conn, id: &str, now: Timestamp, replace: bool) {
        imports::begin(conn).await.unwrap();
        imports::add_customers(conn, self.customers).await.unwrap();
        imports::add_attributes(conn, self.attributes).await.unwrap();
        imports::add_contacts(conn, self.contacts).await.unwrap();
        imports::add_attribute_names(conn, &["plan", "region"]).await.unwrap();
        let removal = if replace { Removal::Everywhere } else { Removal::InFile };
        let revision = imports::compare(conn, removal, Lacking::default()).await.unwrap();
        customer_words::gather(conn).await.unwrap();
        imports::write_customers(conn, id, now).await.unwrap();
        assert_eq!(imports::revision(conn).await.unwrap(), revision);
        imports::write_contacts(conn, id, now).await.unwrap();
        imports::revise(conn).await.unwrap();
    }
}

fn written(reference: &str) -> Written<'_> {
    Written {
        category: Category::Maintenance,
        reference: Some(reference),
        subject: "Ämne",
        follows_id: None,
        matter_id: None,
        said: Said::default(),
        source: "källa",
        digest: [7; 32],
        author: "alice",
        send_at: None,
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_database_without_tables_is_distinguished_from_one_with_tables(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    fixture.store.check().await.unwrap();
    fixture.store.migrate().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    sqlx::query("DELETE FROM _sqlx_migrations").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let error = fixture.store.check().await.unwrap_err().to_string();
    assert!(error.contains("has no tables of this version"), "{error}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_snapshot_sees_nothing_that_commits_later(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let all = notices::Filter::default();
    let mut snapshot = fixture.store.snapshot().await.unwrap();
    assert!(notices::list(&mut snapshot, &all, (None, 10), true).await.unwrap().is_empty());
    let mut tx = fixture.store.write().await.unwrap();
    fixture.draft(&mut tx, "R").await;
    tx.commit().await.unwrap();
    assert!(notices::list(&mut snapshot, &all, (None, 10), true).await.unwrap().is_empty());
    drop(snapshot);
    assert_eq!(notices::list(&mut fixture.store.read().await.unwrap(), &all, (None, 10), true).await.unwrap().len(), 1);
}

/// Table and column names of a database.
async fn columns(fixture: &Fixture, engine: Engine) -> Vec<String> {
    let sql = match engine {
        Engine::Sqlite => {
            "SELECT m.name || '.' || c.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%'"
        }
        Engine::Postgres => {
            "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_%'"
        }
    };
    let mut names: Vec<String> =
        sqlx::query_scalar(sql).fetch_all(&mut *fixture.store.read().await.unwrap()).await.unwrap();
    names.sort();
    names
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let sqlite = columns(&Fixture::new(Engine::Sqlite).await, Engine::Sqlite).await;
    let postgres = columns(&Fixture::new(Engine::Postgres).await, Engine::Postgres).await;
    assert_eq!(sqlite, postgres);
    assert!(sqlite.len() > 80, "{sqlite:?}");
}

/// Two processes at one SQLite file, as far as their locks can tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_comes_rarely_is_not_starved_by_one_that_never_pauses() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    let busy = Fixture::new(Engine::Sqlite).await;
    let rare = Store::open(&busy.database.url.parse().unwrap(), false).await.unwrap();
    let (commits, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let never_pauses = tokio::spawn({
        let (store, commits, stop) = (busy.store.clone(), commits.clone(), stop.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                let mut tx = store.write().await.unwrap();
                imports::revise(&mut tx).await.unwrap();
                tx.commit().await.unwrap();
                commits.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut others = Vec::new();
    for _ in 0..50 {
        let before = commits.load(Ordering::Relaxed);
        let mut tx = rare.write().await.unwrap();
        imports::revise(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        others.push(commits.load(Ordering::Relaxed) - before);
    }
    stop.store(true, Ordering::Relaxed);
    never_pauses.await.unwrap();
    assert!(commits.load(Ordering::Relaxed) > 10, "the other one goes on");
    // Not their sum: a machine that is busy elsewhere holds up this thread for many commits at a time.
    others.sort_unstable();
    assert!(others[25] <= 10, "commits of the other in each turn: {others:?}");
}
