//! Whom an audience has in common with other notices.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{AudienceError, Pages, Plan};
use crate::store::Conn;
use crate::store::notices::nearby;

/// How many customers of an audience each of some notices addresses, if it addresses any.
///
/// # Errors
/// If the audience cannot be read, or the database fails.
pub async fn shared(conn: &mut Conn, plan: &Plan, notices: &[Uuid]) -> Result<BTreeMap<Uuid, u64>, AudienceError> {
    let mut shared = BTreeMap::new();
    if notices.is_empty() {
        return Ok(shared);
    }
    let mut pages = Pages::new(plan, None);
    while let Some(page) = pages.next(conn).await? {
        let mut accounts: Vec<&str> = page.recipients.iter().map(|it| it.account_id.as_str()).collect();
        accounts.dedup();
        for (notice, count) in nearby::addressed(conn, &accounts, notices).await? {
            *shared.entry(notice).or_default() += count;
        }
    }
    Ok(shared)
}
