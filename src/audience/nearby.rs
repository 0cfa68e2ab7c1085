//! Whom an audience has in common with other notices.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{AudienceError, Pages, Plan};
use crate::store::Conn;
use crate::store::notices::nearby;

/// Customers of an audience that are looked at: a notice to a million is written as quickly as one to ten thousand.
const MOST: usize = 10_000;

/// The customers that an audience has in common with others.
#[derive(Debug, Default)]
pub struct Shared {
    /// How many of those looked at each notice addresses, if it addresses any.
    pub by_notice: BTreeMap<Uuid, u64>,
    /// The audience has more customers than were looked at.
    pub has_more: bool,
}

/// How many of the first customers of an audience each of some notices addresses.
///
/// # Errors
/// If the audience cannot be read, or the database fails.
pub async fn shared(conn: &mut Conn, plan: &Plan, notices: &[Uuid]) -> Result<Shared, AudienceError> {
    let mut shared = Shared::default();
    if notices.is_empty() {
        return Ok(shared);
    }
    let mut looked_at = 0;
    let mut pages = Pages::new(plan, None);
    while let Some(page) = pages.next(conn).await? {
        if looked_at >= MOST {
            shared.has_more = true;
            break;
        }
        let mut accounts: Vec<&str> = page.recipients.iter().map(|it| it.account_id.as_str()).collect();
        accounts.dedup();
        for (notice, count) in nearby::addressed(conn, &accounts, notices).await? {
            *shared.by_notice.entry(notice).or_default() += count;
        }
        looked_at += accounts.len();
    }
    Ok(shared)
}
