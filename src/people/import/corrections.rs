//! Corrected addresses: a file that still has the old address of a person must not undo the correction (GDPR Art. 16).

use std::collections::HashMap;

use crate::domain::address::{Address, AddressKey};
use crate::domain::customers_file::Row;
use crate::store::people::rectifications;
use crate::store::{Conn, StoreError};

/// Corrections read at once.
const PAGE: u32 = 5000;

/// The corrections of all addresses.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Corrections(HashMap<AddressKey, Address>);

impl Corrections {
    /// Reads the corrections.
    pub(super) async fn load(conn: &mut Conn) -> Result<Self, StoreError> {
        let mut corrections = HashMap::new();
        let mut after = String::new();
        loop {
            let page = rectifications::page(conn, &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(Self(corrections)) };
            last.old_key.as_str().clone_into(&mut after);
            corrections.extend(page.into_iter().map(|it| (it.old_key, it.new)));
        }
    }

    /// Puts the corrected address, or the corrected spelling, in place of an old one; returns true if it did.
    pub(super) fn apply(&self, row: &mut Row) -> bool {
        // An import asks for a million addresses: without corrections no key is made.
        let new = if self.0.is_empty() { None } else { self.0.get(&row.contact.email.key()) };
        new.filter(|new| row.contact.email != **new).map(|new| row.contact.email = new.clone()).is_some()
    }
}
