//! The last outcome of each recipient of the ledger, as records in a file: there may be more recipients than fit into memory.

use std::io;

use crate::domain::category::Role;
use crate::domain::delivery::{Level, Outcome, Reason};
use crate::ledger::slots::Slots;

/// Bytes of a record.
const SIZE: usize = 96;

/// The last outcome of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    /// The delivery that the entry is about.
    pub delivery: u128,
    /// What came of it.
    pub outcome: Outcome,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if no server refused it.
    pub reason: Option<Reason>,
    /// When.
    pub at: i64,
    /// What the server replied, as a hash; `None` if the person is not opened.
    pub reply: Option<u64>,
    /// The role addressed, if the entry names it.
    pub role: Option<Role>,
    /// The customer's name, as a hash, if the entry has it.
    pub name: Option<u64>,
    /// Index of the entry; the largest there is for one that waits.
    pub index: u64,
    /// An operator had it sent again after a failure: it is queued until its next outcome.
    pub queued_at: Option<i64>,
    /// The message that was sent last.
    pub sent: Option<Sent>,
}

/// A message that an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// The first half of its digest: enough that no other message can be found for it.
    pub half: u128,
    /// Index of the last entry that names it.
    pub index: u64,
    /// It is stored with an entry that names it.
    pub has_message: bool,
}

impl Sent {
    /// The message sent last, after `before`, if the next entry names this one.
    pub(super) fn after(before: Option<Self>, next: Option<Self>) -> Option<Self> {
        let Some(next) = next else { return before };
        let stored = before.is_some_and(|before| before.half == next.half && before.has_message);
        Some(Self { has_message: next.has_message || stored, ..next })
    }
}

/// The last outcomes by place.
#[derive(Default)]
pub(super) struct Lasts {
    slots: Slots<SIZE>,
    count: u64,
}

impl Lasts {
    /// Adds places, and returns the first of them; `None` if there would be more than a file can hold.
    pub(super) fn grow(&mut self, by: u64) -> Option<u64> {
        let first = self.count;
        self.count = first.checked_add(by).filter(|count| *count < i64::MAX as u64 / (2 * SIZE as u64))?;
        Some(first)
    }

    pub(super) fn get(&mut self, place: u64) -> io::Result<Option<Last>> {
        Ok(read(&self.slots.get(place)?))
    }

    pub(super) fn set(&mut self, place: u64, last: &Last) -> io::Result<()> {
        self.slots.set(place, &written(last))
    }

    /// The first entry that names a message which is not stored.
    pub(super) fn without_message(&mut self) -> io::Result<Option<u64>> {
        let mut first = None;
        for place in 0..self.count {
            let sent = self.get(place)?.and_then(|last| last.sent).filter(|sent| !sent.has_message);
            first = first.into_iter().chain(sent.map(|sent| sent.index)).min();
        }
        Ok(first)
    }
}

/// The place of a word in its list, from 1 on; 0 for none.
fn number<T: PartialEq>(all: &[T], word: Option<T>) -> u8 {
    let place = word.and_then(|word| all.iter().position(|it| *it == word));
    place.map_or(0, |place| u8::try_from(place + 1).expect("lists of words are short"))
}

fn word<T: Copy>(all: &[T], number: u8) -> Option<T> {
    all.get(usize::from(number).checked_sub(1)?).copied()
}

fn written(last: &Last) -> [u8; SIZE] {
    let flags = [
        last.reply.is_some(),
        last.name.is_some(),
        last.queued_at.is_some(),
        last.sent.is_some(),
        last.sent.is_some_and(|sent| sent.has_message),
    ];
    let flags = flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag));
    let mut record = [0; SIZE];
    record[..5].copy_from_slice(&[
        number(Outcome::ALL, Some(last.outcome)),
        number(Level::ALL, last.level),
        number(Reason::ALL, last.reason),
        number(Role::ALL, last.role),
        flags,
    ]);
    record[8..24].copy_from_slice(&last.delivery.to_be_bytes());
    record[24..32].copy_from_slice(&last.at.to_be_bytes());
    record[32..40].copy_from_slice(&last.reply.unwrap_or_default().to_be_bytes());
    record[40..48].copy_from_slice(&last.name.unwrap_or_default().to_be_bytes());
    record[48..56].copy_from_slice(&last.index.to_be_bytes());
    record[56..64].copy_from_slice(&last.queued_at.unwrap_or_default().to_be_bytes());
    if let Some(sent) = last.sent {
        record[64..80].copy_from_slice(&sent.half.to_be_bytes());
        record[80..88].copy_from_slice(&sent.index.to_be_bytes());
    }
    record
}

fn read(record: &[u8; SIZE]) -> Option<Last> {
    let eight = |at: usize| u64::from_be_bytes(record[at..at + 8].try_into().expect("it has 8 bytes"));
    let sixteen = |at: usize| u128::from_be_bytes(record[at..at + 16].try_into().expect("it has 16 bytes"));
    let flag = |bit: u8| record[4] >> bit & 1 == 1;
    Some(Last {
        delivery: sixteen(8),
        outcome: word(Outcome::ALL, record[0])?,
        level: word(Level::ALL, record[1]),
        reason: word(Reason::ALL, record[2]),
        at: eight(24).cast_signed(),
        reply: flag(0).then(|| eight(32)),
        role: word(Role::ALL, record[3]),
        name: flag(1).then(|| eight(40)),
        index: eight(48),
        queued_at: flag(2).then(|| eight(56).cast_signed()),
        sent: flag(3).then(|| Sent { half: sixteen(64), index: eight(80), has_message: flag(4) }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let sent = Sent { half: u128::MAX - 1, index: 7, has_message: false };
        let full = Last {
            delivery: 1 << 100,
            outcome: Outcome::Delivered,
            level: Some(Level::Relayed),
            reason: Some(Reason::NotComposed),
            at: -5,
            reply: Some(0),
            role: Some(Role::Billing),
            name: Some(u64::MAX),
            index: u64::MAX,
            queued_at: Some(-1),
            sent: Some(sent),
        };
        let empty = Last { level: None, reason: None, reply: None, role: None, name: None, queued_at: None, ..full };
        let mut lasts = Lasts::default();
        assert_eq!(lasts.grow(3), Some(0));
        lasts.set(0, &full).unwrap();
        lasts.set(2, &Last { sent: None, ..empty }).unwrap();
        assert_eq!(lasts.get(0).unwrap(), Some(full));
        assert_eq!(lasts.get(1).unwrap(), None);
        assert_eq!(lasts.get(2).unwrap(), Some(Last { sent: None, ..empty }));
        assert_eq!(lasts.without_message().unwrap(), Some(7));
        lasts.set(0, &Last { sent: Some(Sent { has_message: true, ..sent }), ..full }).unwrap();
        assert_eq!(lasts.without_message().unwrap(), None);
        assert_eq!((lasts.grow(u64::MAX), lasts.grow(u64::MAX / 2)), (None, None));
    }

    #[test]
    fn a_message_is_stored_with_the_first_entry_that_names_it() {
        let sent = |half, has_message| Some(Sent { half, index: 1, has_message });
        assert_eq!(Sent::after(sent(1, true), sent(1, false)), sent(1, true));
        assert_eq!(Sent::after(sent(1, true), sent(2, false)), sent(2, false));
        assert_eq!(Sent::after(sent(1, true), None), sent(1, true));
        assert_eq!(Sent::after(None, sent(2, true)), sent(2, true));
    }
}
