//! Whether the database itself is whole: the pages of a SQLite file; the checksums and indexes of PostgreSQL.

use super::{Check, Verdict};
use crate::app::App;
use crate::store::engine::integrity::{self, Indexes};
use crate::store::{Dialect, StoreError};

const WHAT: &str = "integrity";

/// Checks it. This reads all of a SQLite file.
pub(super) async fn check(app: &App) -> Check {
    let checked = match app.context.store.dialect {
        Dialect::Sqlite => sqlite(app).await,
        Dialect::Postgres => postgres(app).await,
    };
    checked.unwrap_or_else(|error| failed(&error))
}

/// A database that cannot even be opened or asked.
pub(super) fn failed(error: &StoreError) -> Check {
    let detail = match error.is_damaged() {
        true => format!("the database file is damaged: {error}: restore it from a backup"),
        false => error.to_string(),
    };
    Check::new(WHAT, Verdict::Failed, detail)
}

async fn sqlite(app: &App) -> Result<Check, StoreError> {
    let found = integrity::damage(&mut *app.context.store.read().await?).await?;
    Ok(if found.is_empty() {
        Check::new(WHAT, Verdict::Ok, "the pages of the file fit together (quick_check)")
    } else {
        let detail = format!("the database file is damaged: {}: restore it from a backup", found.join("; "));
        Check::new(WHAT, Verdict::Failed, detail)
    })
}

async fn postgres(app: &App) -> Result<Check, StoreError> {
    let mut conn = app.context.store.read().await?;
    let (checksums, verdict) = match integrity::has_checksums(&mut conn).await? {
        Some(false) => {
            let detail = "data checksums are off, so damaged pages go unnoticed: stop the server and run \
                          `pg_checksums --enable`";
            (detail, Verdict::Warning)
        }
        _ => ("data checksums are on", Verdict::Ok),
    };
    let (indexes, verdict) = match integrity::check_indexes(&mut conn).await? {
        Indexes::NotInstalled => (
            "indexes were not checked: that needs the extension `amcheck` (CREATE EXTENSION amcheck)".to_owned(),
            verdict,
        ),
        Indexes::Whole(count) => (format!("{count} indexes are whole (amcheck)"), verdict),
        Indexes::Failed { index, damaged: true, problem } => {
            (format!("index `{index}` is damaged: {problem}: REINDEX it, or restore from a backup"), Verdict::Failed)
        }
        Indexes::Failed { index, damaged: false, problem } => {
            let detail = format!(
                "index `{index}` was not checked: {problem}; as its owner run `GRANT EXECUTE ON FUNCTION \
                 bt_index_check(regclass) TO` this user"
            );
            (detail, Verdict::Warning)
        }
    };
    Ok(Check::new(WHAT, verdict, format!("{checksums}; {indexes}")))
}
