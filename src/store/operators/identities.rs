//! Identities of operators at a provider: once an identity has signed in as an operator, no other one does.

use uuid::Uuid;

use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// The operator of an identity.
pub async fn find(conn: &mut Conn, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    let row = sqlx::query("SELECT operator_id FROM identities WHERE issuer = $1 AND subject = $2")
        .bind(issuer)
        .bind(subject)
        .fetch_optional(conn)
        .await?;
    row.map(|row| Row::of("identities", &row).id("operator_id")).transpose()
}

/// The identity of an operator at a provider.
pub async fn of(conn: &mut Conn, issuer: &str, operator_id: Uuid) -> Result<Option<String>> {
    let row = sqlx::query("SELECT subject, operator_id FROM identities WHERE issuer = $1 AND operator_id = $2")
        .bind(issuer)
        .bind(operator_id.to_string())
        .fetch_optional(conn)
        .await?;
    row.map(|row| Row::of("identities", &row).get("subject")).transpose()
}

/// Ties an identity to an operator. Returns false if the operator has another one at this provider.
pub async fn tie(conn: &mut Conn, issuer: &str, subject: &str, operator_id: Uuid) -> Result<bool> {
    let done =
        sqlx::query("INSERT INTO identities (issuer, subject, operator_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(issuer)
            .bind(subject)
            .bind(operator_id.to_string())
            .execute(conn)
            .await?;
    Ok(done.rows_affected() == 1)
}
