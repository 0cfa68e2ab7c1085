//! Whose an address is: what is asked for by one that nobody has is stored, and may be a typing error.

use super::{SubjectError, Subjects};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::right::Right;
use crate::people::addresses;
use crate::store::people::subjects;

/// Whose an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A contact has it or had it, or a notice was sent to it.
    Somebodys,
    /// The person with it was erased.
    Erased,
    /// It is in no customer's contacts, and nothing was sent to it.
    Nobodys,
}

impl Subjects {
    /// Finds out whose an address is, or one of the same person.
    ///
    /// # Errors
    /// If the actor may do nothing with an address, or the database or the journal fails.
    pub async fn whose(&self, actor: &Actor, address: &Address) -> Result<Whose, SubjectError> {
        if !actor.has(Right::Preferences) && !actor.has(Right::Suppressions) {
            actor.may_at_all(Right::Subjects)?;
        }
        let mut conn = self.context.store.read().await?;
        for key in addresses::keys(&mut conn, address).await? {
            if !subjects::contacts(&mut conn, &key).await?.is_empty()
                || !subjects::deliveries(&mut conn, &key).await?.is_empty()
            {
                return Ok(Whose::Somebodys);
            }
        }
        drop(conn);
        let erased = self.tombstones().await?.erased_at(&address.key()).is_some();
        Ok(if erased { Whose::Erased } else { Whose::Nobodys })
    }
}
