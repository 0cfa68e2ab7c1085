//! Whether the database itself is whole, below all that it says: its pages and indexes.

use super::migrations::tables;
use super::{Conn, Dialect, Result, StoreError};

/// How many findings are named.
const FINDINGS: usize = 3;

impl StoreError {
    /// True if the database engine found its own files damaged: SQLITE_CORRUPT or SQLITE_NOTADB, data_corrupted or
    /// index_corrupted.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        let (Self::Database(sqlx::Error::Database(error)) | Self::Open { source: sqlx::Error::Database(error), .. }) =
            self
        else {
            return false;
        };
        let code = error.code().unwrap_or_default();
        match code.parse::<i32>() {
            Ok(code) => matches!(code & 0xff, 11 | 26),
            Err(_) => matches!(&*code, "XX001" | "XX002"),
        }
    }
}

/// Checks the pages of a SQLite file, and returns what is wrong with them. Reads all of it, and blocks no writer.
/// On PostgreSQL nothing like it can be asked for, and nothing is returned.
pub async fn damage(conn: &mut Conn) -> Result<Vec<String>> {
    if Dialect::of(conn) == Dialect::Postgres {
        return Ok(Vec::new());
    }
    let found: Result<Vec<String>, _> = sqlx::query_scalar("PRAGMA quick_check(20)").fetch_all(conn).await;
    let found = match found.map_err(StoreError::from) {
        Ok(found) => found,
        Err(error) if error.is_damaged() => return Ok(vec![error.to_string()]),
        Err(error) => return Err(error),
    };
    // A finding may have several lines, each a page.
    let lines = found.iter().flat_map(|found| found.lines()).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && *line != "ok" && !line.starts_with("***"));
    Ok(lines.take(FINDINGS).map(str::to_owned).collect())
}

/// The tables of this version that are not there: a version alone does not say that somebody has dropped one.
pub async fn missing_tables(conn: &mut Conn) -> Result<Vec<&'static str>> {
    let dialect = Dialect::of(conn);
    let sql = dialect.pick(
        "SELECT name FROM sqlite_master WHERE type = 'table'",
        "SELECT CAST(tablename AS TEXT) AS name FROM pg_catalog.pg_tables WHERE schemaname = ANY (current_schemas(false))",
    );
    let there: Vec<String> = sqlx::query_scalar(sql).fetch_all(conn).await?;
    Ok(tables(dialect).filter(|table| !there.iter().any(|it| it == table)).collect())
}

/// Whether PostgreSQL has checksums on its pages; `None` on SQLite, which has none.
pub async fn has_checksums(conn: &mut Conn) -> Result<Option<bool>> {
    if Dialect::of(conn) == Dialect::Sqlite {
        return Ok(None);
    }
    let shown: String = sqlx::query_scalar("SELECT current_setting('data_checksums')").fetch_one(conn).await?;
    Ok(Some(shown == "on"))
}

/// What came of checking the indexes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// The extension that checks them is not installed.
    NotInstalled,
    /// So many are whole.
    Whole(usize),
    /// This one could not be checked, or is damaged.
    Failed {
        /// Its name.
        index: String,
        /// True if it is damaged.
        damaged: bool,
        /// What PostgreSQL says.
        problem: String,
    },
}

/// Checks the indexes of a PostgreSQL database with its extension `amcheck`, if that is installed. Blocks no writer.
pub async fn check_indexes(conn: &mut Conn) -> Result<Indexes> {
    if Dialect::of(conn) == Dialect::Sqlite {
        return Ok(Indexes::NotInstalled);
    }
    let installed: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM pg_extension WHERE extname = 'amcheck'").fetch_one(&mut *conn).await?;
    if installed == 0 {
        return Ok(Indexes::NotInstalled);
    }
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(i.indexrelid::regclass AS TEXT) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
         JOIN pg_am a ON a.oid = c.relam
         WHERE a.amname = 'btree' AND c.relnamespace = current_schema()::regnamespace AND c.relpersistence = 'p'
           AND i.indisready AND i.indisvalid ORDER BY 1",
    )
    .fetch_all(&mut *conn)
    .await?;
    for index in &names {
        let checked = sqlx::query("SELECT CAST(bt_index_check(CAST($1 AS TEXT)::regclass) AS TEXT)").bind(index);
        match checked.execute(&mut *conn).await.map_err(StoreError::from) {
            Ok(_) => {}
            Err(error @ StoreError::Database(sqlx::Error::Database(_))) => {
                let (damaged, problem) = (error.is_damaged(), error.to_string());
                return Ok(Indexes::Failed { index: index.clone(), damaged, problem });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Indexes::Whole(names.len()))
}
