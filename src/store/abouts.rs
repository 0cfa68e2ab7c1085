//! What tasks are about, in words: the notice by its reference and subject, the customer by name.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What a task is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The author's reference of the notice.
    pub reference: Option<String>,
    /// The subject of the notice, placeholders unfilled.
    pub subject: Option<String>,
    /// The name of the customer, unless the account is not known any more.
    pub customer: Option<String>,
}

/// What some tasks are about, by their ids.
pub async fn of_tasks(conn: &mut Conn, ids: &[Uuid]) -> Result<BTreeMap<Uuid, About>> {
    let sql = among!(
        conn,
        "SELECT t.id, n.reference, n.subject, c.name FROM tasks t LEFT JOIN notices n ON n.id = t.notice_id
           LEFT JOIN customers c ON c.account_id = t.account_id WHERE t.id", in "$1"
    );
    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    query!(sql, json(&ids))
        .all(conn, |row| {
            let row = Row::of("tasks", row);
            let about =
                About { reference: row.get("reference")?, subject: row.get("subject")?, customer: row.get("name")? };
            Ok((row.id("id")?, about))
        })
        .await
}
