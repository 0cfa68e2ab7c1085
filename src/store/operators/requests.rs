//! Requests with an `Idempotency-Key`: that one was carried out, and the first answer to it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::request::Request;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A request that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Digest of its body.
    pub digest: [u8; 32],
    /// The try that carried it out.
    pub token: Uuid,
    /// When that was.
    pub at: Timestamp,
    /// What it made or changed, if that has an id.
    pub object: Option<Uuid>,
    /// The first answer, if it is kept.
    pub answer: Option<Answer>,
}

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers that belong to it, each as `name: value`, a line each.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
}

/// The request with a scope.
pub async fn find(conn: &mut Conn, scope: &[u8; 32]) -> Result<Option<Kept>> {
    let row =
        sqlx::query("SELECT scope, digest, token, at, object, status, headers, body FROM requests WHERE scope = $1")
            .bind(scope.as_slice())
            .fetch_optional(conn)
            .await?;
    row.map(|row| read(&Row::of("requests", &row))).transpose()
}

/// Notes that a request is carried out, in the transaction that does so. Returns false if another try of it came first.
pub async fn note(conn: &mut Conn, request: &Request, object: Option<Uuid>, at: Timestamp) -> Result<bool> {
    sqlx::query(
        "INSERT INTO requests (scope, digest, token, at, object) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO NOTHING",
    )
    .bind(request.scope.as_slice())
    .bind(request.digest.as_slice())
    .bind(request.token.to_string())
    .bind(at.as_millisecond())
    .bind(object.map(|id| id.to_string()))
    .execute(&mut *conn)
    .await?;
    let row = sqlx::query("SELECT scope, token FROM requests WHERE scope = $1")
        .bind(request.scope.as_slice())
        .fetch_optional(conn)
        .await?;
    let token = row.map(|row| Row::of("requests", &row).id("token")).transpose()?;
    Ok(token == Some(request.token))
}

/// Has another try take over a request whose first try was never answered. Returns false if a third one came first.
pub async fn take_over(conn: &mut Conn, request: &Request, from: Uuid, at: Timestamp) -> Result<bool> {
    let done = sqlx::query(
        "UPDATE requests SET token = $1, at = $2 WHERE scope = $3 AND token = $4 AND digest = $5 AND status IS NULL",
    )
    .bind(request.token.to_string())
    .bind(at.as_millisecond())
    .bind(request.scope.as_slice())
    .bind(from.to_string())
    .bind(request.digest.as_slice())
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many persons were erased so far. An answer that was begun before the last one may show that person.
pub async fn erasures(conn: &mut Conn) -> Result<u64> {
    let row = sqlx::query("SELECT erasures FROM ledger_head").fetch_one(conn).await?;
    Row::of("ledger_head", &row).count("erasures")
}

/// Keeps the answer to a request, also to one that changed nothing; not if a person was erased since the request began. The caller holds
/// the ledger's head, as an erasure does.
pub async fn answer(conn: &mut Conn, request: &Request, answer: &Answer, at: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO requests (scope, digest, token, at, status, headers, body)
         SELECT $1, $2, $3, $4, $5, $6, $7 FROM ledger_head WHERE erasures = $8
         ON CONFLICT (scope) DO UPDATE SET status = $5, headers = $6, body = $7 WHERE requests.token = $3",
    )
    .bind(request.scope.as_slice())
    .bind(request.digest.as_slice())
    .bind(request.token.to_string())
    .bind(at.as_millisecond())
    .bind(i64::from(answer.status))
    .bind(&answer.headers)
    .bind(answer.body.as_slice())
    .bind(i64::try_from(request.erasures).unwrap_or(i64::MAX))
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets the answers, but not that the requests were carried out: an answer may show a person who is being erased. Those that are being
/// made are not kept.
pub async fn forget_answers(conn: &mut Conn) -> Result<()> {
    sqlx::query("UPDATE ledger_head SET erasures = erasures + 1").execute(&mut *conn).await?;
    sqlx::query("UPDATE requests SET status = NULL, headers = NULL, body = NULL WHERE status IS NOT NULL")
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes a request, unless another try than this one carried it out: another process may have begun it anew.
pub async fn delete(conn: &mut Conn, scope: &[u8; 32], token: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM requests WHERE scope = $1 AND token = $2")
        .bind(scope.as_slice())
        .bind(token.to_string())
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes some of the requests that are older than a time. Returns how many.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64> {
    let done = sqlx::query(
        "DELETE FROM requests WHERE scope IN (SELECT scope FROM requests WHERE at < $1 ORDER BY at LIMIT $2)",
    )
    .bind(before.as_millisecond())
    .bind(i64::from(limit))
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

fn read(row: &Row<'_>) -> Result<Kept> {
    let status: Option<i64> = row.get("status")?;
    let answer = match status.and_then(|status| u16::try_from(status).ok()) {
        Some(status) => Some(Answer {
            status,
            headers: row.get::<Option<String>>("headers")?.unwrap_or_default(),
            body: row.get::<Option<Vec<u8>>>("body")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Kept {
        digest: row.bytes("digest")?,
        token: row.id("token")?,
        at: row.time("at")?,
        object: row.maybe("object")?,
        answer,
    })
}
