//! The messages that are kept: their moulds against their digests, their bytes against the digest in the entry that they are stored
//! with, and whether any is missing.

use super::fold::Scanned;
use super::{Damage, Progress, Report, Stop};
use crate::store::sending::messages::{self, KeptMessage};
use crate::store::sending::moulds::{self, Moulds};
use crate::store::{Conn, StoreError};

/// Messages read at once.
const PAGE: u32 = 500;

/// Moulds read at once: each is as large as a message.
const MOULDS: u32 = 50;

/// Checks every message, and that none is missing.
pub(super) async fn check(
    conn: &mut Conn,
    scanned: &mut Scanned,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    let (mut after, mut moulds) = (String::new(), Moulds::default());
    loop {
        let page = messages::page(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.entry_id.to_string();
        for kept in &page {
            rebuilt(conn, kept, &mut moulds).await?;
        }
        report.messages += page.len() as u64;
        progress(Progress::Messages(report.messages));
    }
    match scanned.without_message()? {
        Some(u64::MAX) => Err(Damage::whole("a message that was sent was removed").into()),
        Some(index) => Err(Damage::at(index, "the message that was sent was removed").into()),
        None => every_mould(conn).await,
    }
}

/// A message has the digest that its entry names.
async fn rebuilt(conn: &mut Conn, kept: &KeptMessage, moulds: &mut Moulds) -> Result<(), Stop> {
    let damage = |problem: String| match kept.index {
        Some(index) => Damage::at(index, problem),
        None => Damage::whole(format!("the message of delivery {}: {problem}", kept.delivery_id)),
    };
    let bytes = match kept.bytes(conn, moulds).await {
        Err(StoreError::Inconsistent { table, problem, .. }) => {
            let what = if table == "moulds" { "mould" } else { "values" };
            return Err(damage(format!("the message kept for it cannot be rebuilt: {what}: {problem}")).into());
        }
        bytes => bytes?,
    };
    if !kept.is_named(&bytes) {
        return Err(damage("the message kept for it is not the one that was sent".to_owned()).into());
    }
    Ok(())
}

/// Moulds from which nothing was sent so far are what they were, too, and are of the recipients that they are stored for.
async fn every_mould(conn: &mut Conn) -> Result<(), Stop> {
    let mut after = 0;
    loop {
        let page = moulds::page(conn, after, MOULDS).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = last.number;
        if let Some((mould, _)) = page.iter().find(|(mould, key)| mould.key != *key) {
            let problem = format!("a mould of notice {} is stored for other recipients", mould.key.notice_id);
            return Err(Damage::whole(problem).into());
        }
    }
}
