//! What the recipients and messages of a file must agree with in its entries, which come before them.
//!
//! For each entry 48 bytes are kept, and not the entry: a file may have millions.

use super::{Fact, Hash, Subject};
use crate::domain::digest::sha256;
use crate::domain::entry::who;

/// The first half of a SHA-256. To find another text with the same half is as hard as to break AES-128.
type Half = [u8; 16];

/// Whom and which messages the entries name.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Ordinal and index of each entry about a recipient, and whom it names.
    persons: Vec<(u64, u64, Half)>,
    messages: Vec<Half>,
}

impl Named {
    /// Takes up an entry.
    pub(super) fn add(&mut self, index: u64, fact: &Fact, subject: &Subject) {
        let Subject::Person(person) = subject else { return };
        if let Some(ordinal) = fact.ordinal {
            self.persons.push((ordinal, index, half(&sha256(&who(&person.account_id, &person.address)))));
        }
        self.messages.extend(person.sha256.as_ref().map(half));
    }

    /// Makes the entries findable, once all are known.
    pub(super) fn complete(&mut self) {
        self.persons.sort_unstable();
        self.messages.sort_unstable();
    }

    /// Index of the first entry about this recipient that names somebody else.
    pub(super) fn otherwise(&self, ordinal: u64, account_id: &str, address: &str) -> Option<u64> {
        let named = half(&sha256(&who(account_id, address)));
        let first = self.persons.partition_point(|(of, ..)| *of < ordinal);
        let about = self.persons[first..].iter().take_while(|(of, ..)| *of == ordinal);
        about.filter(|(.., person)| *person != named).map(|(_, index, _)| *index).next()
    }

    /// Whether an entry names the message with this digest.
    pub(super) fn has_message(&self, sha256: &Hash) -> bool {
        self.messages.binary_search(&half(sha256)).is_ok()
    }
}

fn half(hash: &Hash) -> Half {
    let mut half = Half::default();
    half.copy_from_slice(&hash[..16]);
    half
}
