//! Reads: the log of who looked at the record of a person whose data is restricted (GDPR Art. 18).

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::AddressKey;
use crate::domain::preference::Reason;
use crate::store::StoreError;
use crate::store::people::subjects::{self, Read};
use crate::store::people::suppressions;

/// Records that an actor looked at the record of an address, if its data is restricted; of others nothing is recorded. `what`
/// is the command or page.
///
/// # Errors
/// If the database fails: what cannot be recorded must not be shown.
pub async fn note_read(context: &Context, actor: &Actor, key: &AddressKey, what: &str) -> Result<(), StoreError> {
    let reasons = suppressions::reasons(&mut *context.store.read().await?, key).await?;
    if !reasons.iter().any(|suppression| suppression.reason == Reason::Restricted) {
        return Ok(());
    }
    let at = context.clock.now();
    let read = Read { operator: actor.name().to_owned(), what: what.to_owned(), at };
    let mut tx = context.store.write().await?;
    subjects::insert_read(&mut tx, context.random.id(at), key, &read).await?;
    tx.commit().await?;
    Ok(())
}
