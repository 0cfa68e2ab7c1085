//! What is known about an address, at a glance: for the operator whom its person asks for something.

use super::{SubjectError, Subjects};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::preference::Reason;
use crate::domain::right::Right;
use crate::people::addresses::of_person;
use crate::people::reads::note_read;
use crate::store::people::petitions::{self, Petition};
use crate::store::people::preferences::{self, OptOut};
pub use crate::store::people::subjects::SubjectDelivery as Sent;
use crate::store::people::subjects::{self, SubjectContact};
use crate::store::people::suppressions::{self, Suppression};

/// What is known about an address, and about the others that are known as the same person's.
#[derive(Debug, Default)]
pub struct Looked {
    /// The addresses, that which was looked up first.
    pub addresses: Vec<String>,
    /// Contacts.
    pub contacts: Vec<SubjectContact>,
    /// Opt-outs.
    pub opt_outs: Vec<OptOut>,
    /// Reasons against mailing the addresses.
    pub suppressions: Vec<Suppression>,
    /// What was sent, or was to be.
    pub deliveries: Vec<Sent>,
    /// What the person asked for.
    pub petitions: Vec<Petition>,
}

impl Looked {
    /// True if the processing of the person's data is restricted.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.suppressions.iter().any(|it| it.reason == Reason::Restricted)
    }

    /// True if nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.contacts.is_empty()
            && self.opt_outs.is_empty()
            && self.suppressions.is_empty()
            && self.deliveries.is_empty()
            && self.petitions.is_empty()
    }
}

impl Subjects {
    /// What is known about an address. If its data is restricted, the view is logged.
    ///
    /// # Errors
    /// If the actor may not, or the database fails.
    pub async fn look(&self, actor: &Actor, address: &Address) -> Result<Looked, SubjectError> {
        actor.may_at_all(Right::Subjects)?;
        note_read(&self.context, actor, &address.key(), "subject look-up").await?;
        let mut conn = self.context.store.snapshot().await?;
        let mut looked = Looked::default();
        for address in of_person(&mut conn, address).await? {
            let key = address.key();
            looked.contacts.extend(subjects::contacts(&mut conn, &key).await?);
            looked.opt_outs.extend(preferences::of_address(&mut conn, &key).await?);
            looked.suppressions.extend(suppressions::reasons(&mut conn, &key).await?);
            looked.deliveries.extend(subjects::deliveries(&mut conn, &key).await?);
            looked.petitions.extend(petitions::of_address(&mut conn, &key).await?);
            looked.addresses.push(address.as_str().to_owned());
        }
        Ok(looked)
    }
}
