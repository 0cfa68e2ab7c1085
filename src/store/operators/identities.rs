//! Identities of operators at a provider: once an identity has signed in as an operator, no other one does.

use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// The operator of an identity.
pub async fn find(conn: &mut Conn, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    let sql = "SELECT operator_id FROM identities WHERE issuer = $1 AND subject = $2";
    query!(sql, issuer, subject).first(conn, |row| Row::of("identities", row).id("operator_id")).await
}

/// The identity of an operator at a provider.
pub async fn of(conn: &mut Conn, issuer: &str, operator_id: Uuid) -> Result<Option<String>> {
    let sql = "SELECT subject, operator_id FROM identities WHERE issuer = $1 AND operator_id = $2";
    query!(sql, issuer, operator_id).first(conn, |row| Row::of("identities", row).get("subject")).await
}

/// Ties an identity to an operator. Returns false if the operator has another one at this provider.
pub async fn tie(conn: &mut Conn, issuer: &str, subject: &str, operator_id: Uuid) -> Result<bool> {
    let sql = "INSERT INTO identities (issuer, subject, operator_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    query!(sql, issuer, subject, operator_id).changed_one(conn).await
}
