//! A fresh, migrated database for each test: SQLite in a temporary file, PostgreSQL cloned from a template.
//!
//! PostgreSQL is an ephemeral cluster that `tests/run` starts and names in `BESKED_TEST_POSTGRES`. Without one the tests fail
//! and say so: nothing is skipped.

use std::sync::atomic::{AtomicU32, Ordering};

use besked::store::Store;
use sqlx::{Connection, Executor};
use tokio::sync::OnceCell;

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A database for one test. Dropping it removes a SQLite file; the cluster as a whole goes when the run ends.
pub struct Database {
    pub url: String,
    _directory: tempfile::TempDir,
}

impl Database {
    pub async fn new(engine: Engine) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}", directory.path().join("besked.db").display()),
            Engine::Postgres => {
                static TEMPLATE_MADE: OnceCell<()> = OnceCell::const_new();
                TEMPLATE_MADE.get_or_init(make_template).await;
                postgres_clone(TEMPLATE).await
            }
        };
        Self { url, _directory: directory }
    }

    /// A copy of it. Nobody may be connected: PostgreSQL copies no database that is in use.
    pub async fn copy(&self) -> Self {
        if let Some(name) = self.url.strip_prefix("postgres").and_then(|rest| rest.rsplit('/').next()) {
            return Self { url: postgres_clone(name).await, _directory: tempfile::tempdir().unwrap() };
        }
        let copy = Self::new(Engine::Sqlite).await;
        let file = |url: &str| url.strip_prefix("sqlite://").unwrap().to_owned();
        std::fs::copy(file(&self.url), file(&copy.url)).unwrap();
        copy
    }

    /// Opens it with its tables created.
    pub async fn open(&self) -> Store {
        let store = Store::open(&self.url.parse().unwrap(), true).await.unwrap();
        store.migrate().await.unwrap();
        store
    }
}

const TEMPLATE: &str = "besked_template";

async fn postgres_clone(template: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("besked_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    // Cloning takes a lock on the template that others wait for.
    static CLONING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one_at_a_time = CLONING.lock().await;
    run(&cluster("postgres"), &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    cluster(&name)
}

async fn make_template() {
    let maintenance = cluster("postgres");
    run(&maintenance, &format!("DROP DATABASE IF EXISTS {TEMPLATE}")).await;
    run(&maintenance, &format!("CREATE DATABASE {TEMPLATE}")).await;
    let store = Store::open(&cluster(TEMPLATE).parse().unwrap(), false).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
}

async fn run(url: &str, sql: &str) {
    sqlx::any::install_default_drivers();
    let mut conn = sqlx::AnyConnection::connect(url).await.unwrap();
    conn.execute(sqlx::AssertSqlSafe(sql.to_owned())).await.unwrap();
    conn.close().await.unwrap();
}

fn cluster(database: &str) -> String {
    let base = std::env::var("BESKED_TEST_POSTGRES")
        .expect("these tests need PostgreSQL: run them with tests/run, which starts one");
    format!("{}/{database}", base.trim_end_matches('/'))
}

/// Ends once somebody waits for a lock in this PostgreSQL database.
pub async fn somebody_waits(conn: &mut besked::store::Conn) {
    let sql = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND pid IN
                 (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
    while sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *conn).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
}
