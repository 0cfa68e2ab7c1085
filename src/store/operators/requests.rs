//! Requests with an `Idempotency-Key`: that one was carried out, and the first answer to it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::request::Request;
use crate::store::engine::batch::{Batch, Step, Values};
use crate::store::engine::query::query;
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
    let sql = "SELECT scope, digest, token, at, object, status, headers, body FROM requests WHERE scope = $1";
    query!(sql, scope.as_slice()).first(conn, |row| read(&Row::of("requests", row))).await
}

static NOTE: Batch<1> = Batch::new([Step {
    before: "INSERT INTO requests",
    columns: "scope bytea, digest bytea, token, at bigint, object",
    after: "WHERE scope IS NOT NULL ON CONFLICT (scope) DO UPDATE SET at = requests.at WHERE requests.token = excluded.token",
}]);

/// Notes that requests are carried out, each with what it makes or changes, in the transaction that does so. Returns false if another try
/// of one of them came first, or one is there twice.
pub async fn note(conn: &mut Conn, noted: &[(&Request, Option<Uuid>)], at: Timestamp) -> Result<bool> {
    let values = |(request, object): &(&Request, Option<Uuid>)| -> Values {
        let Request { scope, digest, token, .. } = request;
        vec![
            scope.as_slice().into(),
            digest.as_slice().into(),
            (*token).into(),
            at.as_millisecond().into(),
            (*object).into(),
        ]
    };
    let scopes: BTreeSet<_> = noted.iter().map(|(request, _)| request.scope).collect();
    if scopes.len() < noted.len() {
        return Ok(false);
    }
    let rows: Vec<_> = noted.iter().map(values).collect();
    Ok(NOTE.run(conn, [rows.iter().collect()]).await? == rows.len() as u64)
}

/// Has another try take over a request whose first try was never answered. Returns false if a third one came first.
pub async fn take_over(conn: &mut Conn, request: &Request, from: Uuid, at: Timestamp) -> Result<bool> {
    let sql =
        "UPDATE requests SET token = $1, at = $2 WHERE scope = $3 AND token = $4 AND digest = $5 AND status IS NULL";
    query!(sql, request.token.to_string(), at, request.scope.as_slice(), from.to_string(), request.digest.as_slice())
        .changed_one(conn)
        .await
}

/// How many persons were erased so far. An answer that was begun before the last one may show that person.
pub async fn erasures(conn: &mut Conn) -> Result<u64> {
    query!("SELECT erasures FROM ledger_head").one(conn, |row| Row::of("ledger_head", row).count("erasures")).await
}

static ANSWER: Batch<1> = Batch::new([Step {
    before: "INSERT INTO requests",
    columns: "scope bytea, digest bytea, token, at bigint, status bigint, headers, body bytea",
    after: "WHERE scope IS NOT NULL ON CONFLICT (scope) DO UPDATE
              SET status = excluded.status, headers = excluded.headers, body = excluded.body WHERE requests.token = excluded.token",
}]);

/// Keeps the answers to requests, also to those that changed nothing; not if a person was erased since the request began. The caller
/// holds the ledger's head, as an erasure does.
pub async fn answer(conn: &mut Conn, answered: &[(&Request, &Answer)], at: Timestamp) -> Result<()> {
    if answered.is_empty() {
        return Ok(());
    }
    let erasures = erasures(conn).await?;
    let mut left: Vec<_> = answered.iter().filter(|(request, _)| request.erasures == erasures).collect();
    let values = |(request, answer): &&(&Request, &Answer)| -> Values {
        let Request { scope, digest, token, .. } = request;
        vec![
            scope.as_slice().into(),
            digest.as_slice().into(),
            (*token).into(),
            at.as_millisecond().into(),
            i64::from(answer.status).into(),
            answer.headers.as_str().into(),
            answer.body.as_slice().into(),
        ]
    };
    while !left.is_empty() {
        // Two tries of one request: PostgreSQL changes a row only once in a statement.
        let mut scopes = BTreeSet::new();
        let (once, again) = left.into_iter().partition::<Vec<_>, _>(|(request, _)| scopes.insert(request.scope));
        let rows: Vec<_> = once.iter().map(values).collect();
        ANSWER.run(conn, [rows.iter().collect()]).await?;
        left = again;
    }
    Ok(())
}

/// Forgets the answers, but not that the requests were carried out: an answer may show a person who is being erased. Those that are being
/// made are not kept.
pub async fn forget_answers(conn: &mut Conn) -> Result<()> {
    query!("UPDATE ledger_head SET erasures = erasures + 1").run(&mut *conn).await?;
    query!("UPDATE requests SET status = NULL, headers = NULL, body = NULL WHERE status IS NOT NULL").run(conn).await
}

/// Deletes a request, unless another try than this one carried it out: another process may have begun it anew.
pub async fn delete(conn: &mut Conn, scope: &[u8; 32], token: Uuid) -> Result<()> {
    let sql = "DELETE FROM requests WHERE scope = $1 AND token = $2";
    query!(sql, scope.as_slice(), token.to_string()).run(conn).await
}

/// Deletes some of the requests that are older than a time. Returns how many.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM requests WHERE scope IN (SELECT scope FROM requests WHERE at < $1 ORDER BY at LIMIT $2)";
    query!(sql, before, limit).changed(conn).await
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
