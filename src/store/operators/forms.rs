//! Forms that operators have begun and not sent: what was typed survives a browser that closes.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::store::engine::dialect::Dialect;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How long what was typed is kept after the last letter.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A form as it was typed so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its values, as the face wrote them.
    pub fields: String,
    /// When it was kept last.
    pub kept_at: Timestamp,
}

/// Keeps what an operator has typed into a form, in place of what was kept of it before.
pub async fn keep(conn: &mut Conn, operator_id: Uuid, form: &str, begun: &Begun) -> Result<()> {
    let sql = "INSERT INTO begun_forms (operator_id, form, fields, kept_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (operator_id, form) DO UPDATE SET fields = excluded.fields, kept_at = excluded.kept_at";
    query!(sql, operator_id, form, &begun.fields, begun.kept_at).run(conn).await
}

/// What an operator has typed into a form.
pub async fn find(conn: &mut Conn, operator_id: Uuid, form: &str) -> Result<Option<Begun>> {
    let sql = "SELECT fields, kept_at FROM begun_forms WHERE operator_id = $1 AND form = $2";
    let row = query!(sql, operator_id, form).first_row(conn).await?;
    let begun = |row| {
        let row = Row::of("begun_forms", &row);
        Ok(Begun { fields: row.get("fields")?, kept_at: row.time("kept_at")? })
    };
    row.map(begun).transpose()
}

/// Deletes what was kept of a form.
pub async fn delete(conn: &mut Conn, operator_id: Uuid, form: &str) -> Result<()> {
    let sql = "DELETE FROM begun_forms WHERE operator_id = $1 AND form = $2";
    query!(sql, operator_id, form).run(conn).await
}

/// The forms of an operator whose names begin so, the newest first.
pub async fn with_prefix(conn: &mut Conn, operator_id: Uuid, prefix: &str, limit: u32) -> Result<Vec<(String, Begun)>> {
    let sql = "SELECT form, fields, kept_at FROM begun_forms WHERE operator_id = $1 AND form >= $2 AND form < $3
         ORDER BY kept_at DESC, form LIMIT $4";
    query!(
        sql,
        operator_id,
        prefix,
        // Names are compared byte by byte: everything that begins so is before this.
        format!("{prefix}{}", char::MAX),
        limit
    )
    .all(conn, |row| {
        let row = Row::of("begun_forms", row);
        Ok((row.get("form")?, Begun { fields: row.get("fields")?, kept_at: row.time("kept_at")? }))
    })
    .await
}

/// Deletes the forms that were kept last before a time.
pub async fn sweep(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    query!("DELETE FROM begun_forms WHERE kept_at < $1", before).changed(conn).await
}

/// Deletes what an operator has typed into every form.
pub async fn delete_of(conn: &mut Conn, operator_id: Uuid) -> Result<()> {
    let sql = "DELETE FROM begun_forms WHERE operator_id = $1";
    query!(sql, operator_id).run(conn).await
}

/// A form with a text that is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mentioning {
    /// Whose it is.
    pub operator_id: Uuid,
    /// Which it is.
    pub form: String,
    /// What was typed.
    pub begun: Begun,
}

/// A page of forms that contain a text, without regard to the case of ASCII letters, after those of an operator and a form.
pub async fn with_mentions(conn: &mut Conn, text: &str, after: (&str, &str), limit: u32) -> Result<Vec<Mentioning>> {
    let sql = Dialect::of(conn).pick(
        "SELECT operator_id, form, fields, kept_at FROM begun_forms
         WHERE (operator_id, form) > ($2, $3) AND instr(lower(fields), lower($1)) > 0 ORDER BY operator_id, form LIMIT $4",
        "SELECT operator_id, form, fields, kept_at FROM begun_forms
         WHERE (operator_id, form) > ($2, $3) AND strpos(lower(fields), lower($1)) > 0 ORDER BY operator_id, form LIMIT $4",
    );
    let query = query!(sql, text, after.0, after.1, limit);
    let read = |any: &sqlx::any::AnyRow| {
        let row = Row::of("begun_forms", any);
        let begun = Begun { fields: row.get("fields")?, kept_at: row.time("kept_at")? };
        Ok(Mentioning { operator_id: row.id("operator_id")?, form: row.get("form")?, begun })
    };
    query.all(conn, read).await
}
