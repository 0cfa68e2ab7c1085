//! References of notices: which notices have one, and which of them is meant.

use uuid::Uuid;

use crate::domain::notice::reference::{Bearer, Meant, Purpose, meant};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// All notices with this reference, newest first. Their texts are not read.
pub async fn bearers(conn: &mut Conn, reference: &str) -> Result<Vec<Bearer>> {
    let sql = "SELECT id, state, released_at, recipients FROM notices WHERE reference = $1 ORDER BY id DESC";
    let rows = sqlx::query(sql).bind(reference).fetch_all(conn).await?;
    rows.iter().map(bearer).collect()
}

/// The notice that an id or a reference means; never `own`, which looks for another one.
pub async fn named(conn: &mut Conn, name: &str, purpose: Purpose, own: Option<Uuid>) -> Result<Meant> {
    let mut found = match Uuid::parse_str(name) {
        Ok(id) => {
            let sql = "SELECT id, state, released_at, recipients FROM notices WHERE id = $1";
            let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(conn).await?;
            row.iter().map(bearer).collect::<Result<Vec<_>>>()?
        }
        Err(_) => bearers(conn, name).await?,
    };
    found.retain(|bearer| Some(bearer.id) != own);
    Ok(meant(&found, purpose))
}

fn bearer(row: &sqlx::any::AnyRow) -> Result<Bearer> {
    let row = Row::of("notices", row);
    Ok(Bearer {
        id: row.id("id")?,
        state: row.parse("state")?,
        released_at: row.maybe_time("released_at")?,
        recipients: row.count("recipients")?,
    })
}
