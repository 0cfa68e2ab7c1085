//! A stored notice as the draft that it was written from.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Draft, NoticeError, Notices, find, known};
use crate::domain::actor::Actor;
use crate::domain::audience::Audience;
use crate::domain::customer::AccountId;
use crate::domain::rows_file::Rows;
use crate::store::notices::rows;
use crate::store::{Conn, StoreError};

/// Rows that are read at once.
const PAGE: u32 = 1000;

impl Notices {
    /// The draft that a notice was written from, with the rows of its audience.
    ///
    /// # Errors
    /// If there is no such notice, or this version cannot read it.
    pub async fn draft(&self, actor: &Actor, id: Uuid) -> Result<Draft, NoticeError> {
        let mut conn = self.context.store.snapshot().await?;
        let notice = find(&mut conn, id).await?;
        known(actor, &notice)?;
        let with_rows = matches!(notice.parsed()?.audience, Audience::Rows { .. });
        let rows = if with_rows { Some(stored(&mut conn, id).await?) } else { None };
        Ok(Draft::of(&notice.source, rows)?)
    }
}

/// The rows of an audience as they are stored.
async fn stored(conn: &mut Conn, id: Uuid) -> Result<Rows, NoticeError> {
    let (mut columns, mut found, mut after) = (BTreeSet::new(), BTreeMap::new(), String::new());
    loop {
        let page = rows::page(conn, id, &after, PAGE).await?;
        let Some((last, _)) = page.last_key_value() else { break };
        after.clone_from(last);
        for (account, data) in page {
            let values: BTreeMap<String, String> =
                serde_json::from_str(&data).map_err(|_| inconsistent(id, &account))?;
            columns.extend(values.keys().cloned());
            found.insert(AccountId::parse(&account).map_err(|_| inconsistent(id, &account))?, values);
        }
    }
    Ok(Rows { columns: columns.into_iter().collect(), rows: found })
}

fn inconsistent(id: Uuid, account: &str) -> NoticeError {
    let row = format!("{id} {account}");
    let problem = "it is no row of an audience".to_owned();
    StoreError::Inconsistent { table: "notice_rows", column: "data", row, problem }.into()
}
