//! The messages that are kept: their bytes against their digest, and the digest against what the ledger says was sent.

use sha2::{Digest, Sha256};

use super::{Damage, Progress, Report, Stop};
use crate::domain::entry::Person;
use crate::store::{Conn, ledger as entries, messages};

/// Messages read at once.
const PAGE: u32 = 500;

/// Checks every message.
pub(super) async fn check(
    conn: &mut Conn,
    progress: &(dyn Fn(Progress) + Sync),
    report: &mut Report,
) -> Result<(), Stop> {
    let mut after = String::new();
    loop {
        let page = messages::page(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.delivery_id.to_string();
        for kept in &page {
            let mut index = None;
            let mut named = None;
            for opening in entries::of_delivery(conn, kept.delivery_id).await? {
                let person = opening.person.as_deref().filter(|person| !person.is_empty()).map(Person::from_cbor);
                if let Some(Ok(Person { sha256: Some(sha256), .. })) = person {
                    (index, named) = (opening.index, Some(sha256));
                    break;
                }
            }
            let damage = |problem: &str| match index {
                Some(index) => Damage::at(index, problem),
                None => Damage::whole(format!("the message of delivery {}: {problem}", kept.delivery_id)),
            };
            let bytes = kept.bytes.as_ref().ok_or_else(|| damage("the message kept for it cannot be unpacked"))?;
            let digest: [u8; 32] = Sha256::digest(bytes).into();
            if digest != kept.sha256 || named.is_some_and(|named| named != digest) {
                return Err(damage("the message kept for it is not the one that was sent").into());
            }
        }
        report.messages += page.len() as u64;
        progress(Progress::Messages(report.messages));
    }
}
