//! The tables of both engines, and their version.

use std::borrow::Cow;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::Dialect;

/// The migrations of both engines, in order: name, SQLite, PostgreSQL.
const MIGRATIONS: [(&str, &str, &str); 1] = [(
    "init",
    include_str!("../../../migrations/sqlite/0001_init.sql"),
    include_str!("../../../migrations/postgres/0001_init.sql"),
)];

/// The names of the tables that the migrations make, in order.
pub fn tables(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let scripts = MIGRATIONS.iter().map(move |(_, sqlite, postgres)| dialect.pick(sqlite, postgres));
    let made = scripts.flat_map(|script| script.lines()).filter_map(|line| line.strip_prefix("CREATE TABLE "));
    made.filter_map(|rest| rest.split([' ', '(']).next())
}

/// Version of the newest migration.
pub const LATEST: i64 = MIGRATIONS.len() as i64;

/// The migrations of this engine.
pub fn migrator(dialect: Dialect) -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).map(|(version, (name, sqlite, postgres))| {
        let sql = SqlStr::from_static(dialect.pick(sqlite, postgres));
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}
