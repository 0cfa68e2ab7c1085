//! The messages that are kept: their bytes against their digest, and the digest against what the ledger says was sent.

use super::fold::{Scanned, half};
use super::{Damage, Progress, Report, Stop};
use crate::domain::digest::sha256;
use crate::store::Conn;
use crate::store::sending::messages;

/// Messages read at once.
const PAGE: u32 = 500;

/// Checks every message, and that none is missing.
pub(super) async fn check(
    conn: &mut Conn,
    scanned: &mut Scanned,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    let mut after = String::new();
    loop {
        let page = messages::page(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.delivery_id.to_string();
        for kept in &page {
            let named = scanned.sent.remove(&kept.delivery_id.as_u128());
            let damage = |problem: &str| match named {
                Some((_, index)) if index != u64::MAX => Damage::at(index, problem),
                _ => Damage::whole(format!("the message of delivery {}: {problem}", kept.delivery_id)),
            };
            let bytes = kept.bytes.as_ref().ok_or_else(|| damage("the message kept for it cannot be unpacked"))?;
            let digest = sha256(bytes);
            if digest != kept.sha256 || named.is_some_and(|(named, _)| named != half(&digest)) {
                return Err(damage("the message kept for it is not the one that was sent").into());
            }
            if named.is_none() {
                return Err(damage("no entry says that it was sent").into());
            }
        }
        report.messages += page.len() as u64;
        progress(Progress::Messages(report.messages));
    }
    match scanned.sent.values().map(|(_, index)| *index).min() {
        Some(u64::MAX) => Err(Damage::whole("a message that was sent was removed").into()),
        Some(index) => Err(Damage::at(index, "the message that was sent was removed").into()),
        None => Ok(()),
    }
}
