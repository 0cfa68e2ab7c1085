//! The files of notices as written, apart from their rows: they are long, and the rows are looked up for each
//! delivery. SQLite compares ids by copying rows that do not fit into a page.

use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::{Conn, Result};

/// The file of a row of `notices`. One that is missing is as unreadable as an empty one: it is named as that, and stops nothing else.
macro_rules! source {
    () => {
        "COALESCE((SELECT s.source FROM notice_sources s WHERE s.notice_id = notices.id), '') AS source"
    };
}

pub(in crate::store) use source;

/// Keeps the file of a notice in place of the one before.
pub(super) async fn keep(conn: &mut Conn, notice_id: Uuid, source: &str) -> Result<()> {
    let sql = "INSERT INTO notice_sources (notice_id, source) VALUES ($1, $2)
         ON CONFLICT (notice_id) DO UPDATE SET source = excluded.source";
    query!(sql, notice_id, source).run(conn).await
}
