//! The audit log.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::audit::Ended;
use crate::store::engine::batch::{Batch, Step, Values};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = audit::Event)]
pub struct Asked {
    /// Id.
    pub id: Uuid,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The operator's name, or the one that was claimed.
    pub operator: String,
    /// How they reached Besked.
    pub via: String,
    /// The command or request.
    pub action: String,
    /// What it was about, if that has a name that is no address.
    pub object: Option<String>,
    /// How it ended.
    pub result: Ended,
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Those of this operator.
    pub operator: Option<&'a str>,
    /// Those about this object.
    pub object: Option<&'a str>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Also those about a notice of a breach that is not released.
    pub sealed: bool,
}

static INSERT: Batch<1> = Batch::new([Step {
    before: "INSERT INTO audit",
    columns: "id, at bigint, operator, via, action, object, result",
    after: "WHERE id IS NOT NULL",
}]);

/// Adds rows.
pub async fn insert(conn: &mut Conn, rows: &[&Asked]) -> Result<()> {
    let values = |asked: &&Asked| -> Values {
        vec![
            asked.id.into(),
            asked.at.as_millisecond().into(),
            asked.operator.as_str().into(),
            asked.via.as_str().into(),
            asked.action.as_str().into(),
            asked.object.as_deref().into(),
            asked.result.as_str().into(),
        ]
    };
    let rows: Vec<_> = rows.iter().map(values).collect();
    INSERT.run(conn, [rows.iter().collect()]).await?;
    Ok(())
}

/// The rows of a page. What comes first decides which index finds them.
macro_rules! page {
    ($first:literal) => {
        concat!(
            "SELECT id, at, operator, via, action, object, result FROM audit a WHERE ",
            $first,
            "id < $1 AND ($2 IS NULL OR operator = $2) AND ($3 IS NULL OR object = $3) AND id >= $4 AND id < $9
               AND at + 0 >= $8 AND at + 0 < $5 AND ($6 = 1 OR object IS NULL OR NOT EXISTS (SELECT 1 FROM notices n
                 WHERE n.id = a.object AND n.category = 'security_breach' AND n.released_at IS NULL))
             ORDER BY id DESC LIMIT $7"
        )
    };
}

/// A page of rows by id, the newest first, before this one.
pub async fn list(conn: &mut Conn, filter: &Filter<'_>, before: Option<Uuid>, limit: u32) -> Result<Vec<Asked>> {
    let sql = match (filter.object, filter.operator) {
        (Some(_), _) => page!("object = $3 AND "),
        (None, Some(_)) => page!("operator = $2 AND "),
        (None, None) => page!(""),
    };
    query!(
        sql,
        before.unwrap_or(Uuid::max()),
        filter.operator,
        filter.object,
        filter.since.map_or_else(String::new, before_ids_of),
        filter.until.map_or(i64::MAX, Timestamp::as_millisecond),
        filter.sealed,
        limit,
        filter.since.map_or(i64::MIN, Timestamp::as_millisecond),
        filter
            .until
            .map_or_else(|| "g".to_owned(), |until| before_ids_of(until.saturating_add(AHEAD).unwrap_or(until)))
    )
    .all(conn, read)
    .await
}

/// How far an id may be ahead of its row: ids go on where they were after the clock was set back.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What stands before the ids of a time and behind those of all times before: an id begins with its time in milliseconds (RFC 9562
/// section 5.7).
fn before_ids_of(at: Timestamp) -> String {
    let ms = at.as_millisecond().clamp(0, (1 << 48) - 1);
    format!("{:08x}-{:04x}", ms >> 16, ms & 0xffff)
}

/// How many rows are older than a time.
pub async fn count_before(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    query!("SELECT COUNT(*) AS n FROM audit WHERE at < $1", before).count(conn, "audit").await
}

/// Deletes some of the rows that are older than a time. Returns how many.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < $1 ORDER BY at LIMIT $2)";
    query!(sql, before, limit).changed(conn).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Asked> {
    let row = Row::of("audit", row);
    Ok(Asked {
        id: row.id("id")?,
        at: row.time("at")?,
        operator: row.get("operator")?,
        via: row.get("via")?,
        action: row.get("action")?,
        object: row.get("object")?,
        result: row.parse("result")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;

    #[test]
    fn ids_are_found_by_their_time() {
        let (at, random) = (Timestamp::from_millisecond(1_796_000_000_123).unwrap(), Random::from_system());
        let id = random.id(at).to_string();
        let (this, next) = (before_ids_of(at), before_ids_of(at + jiff::SignedDuration::from_millis(1)));
        assert!(this < id && id < next && id.as_str() < "g", "{this} {id} {next}");
        assert_eq!(before_ids_of(Timestamp::MIN), "00000000-0000");
    }
}
