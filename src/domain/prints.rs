//! Whether an audience has still the recipients that somebody approved: a keyed hash of each, so that what is stored names nobody.

use std::collections::BTreeSet;

use super::entry::{hmac, who};
use super::random::Random;

/// The most recipients whose hashes are stored: of a larger audience only the number is compared.
const MOST: usize = 20_000;

/// The bytes of a hash that are stored: enough to tell the recipients of one notice apart.
const LENGTH: usize = 8;

/// Hashes of recipients, under a key of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prints {
    key: [u8; 32],
    /// `None` if there are too many.
    hashes: Option<BTreeSet<[u8; LENGTH]>>,
    count: u64,
}

/// How an audience differs from the one that was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = notice::Changed)]
pub struct Changed {
    /// Recipients at the approval.
    pub then: u64,
    /// Recipients now.
    pub now: u64,
    /// Those of them who were none at the approval; `None` if there are too many to compare.
    pub others: Option<u64>,
}

impl Prints {
    /// Those of an empty audience, with a new key.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        Self { key: random.bytes(), hashes: Some(BTreeSet::new()), count: 0 }
    }

    /// Those of an empty audience, to be compared with these.
    #[must_use]
    pub fn alike(&self) -> Self {
        Self { key: self.key, hashes: self.hashes.as_ref().map(|_| BTreeSet::new()), count: 0 }
    }

    /// Adds a recipient.
    pub fn add(&mut self, account_id: &str, address: &str) {
        self.count += 1;
        let Some(hashes) = &mut self.hashes else { return };
        if hashes.len() == MOST {
            self.hashes = None;
            return;
        }
        let mut hash = [0; LENGTH];
        hash.copy_from_slice(&hmac(&self.key, &who(account_id, address))[..LENGTH]);
        hashes.insert(hash);
    }

    /// How many recipients were added.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The bytes as they are stored.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.key.iter().chain(self.hashes.iter().flatten().flatten()).copied().collect()
    }

    /// Reads what was stored of so many recipients.
    #[must_use]
    pub fn from_bytes(count: u64, bytes: &[u8]) -> Option<Self> {
        let (key, hashes) = bytes.split_first_chunk::<32>()?;
        let hashes: BTreeSet<[u8; LENGTH]> =
            hashes.chunks_exact(LENGTH).filter_map(|hash| hash.try_into().ok()).collect();
        let hashes = (hashes.len() as u64 == count).then_some(hashes);
        Some(Self { key: *key, hashes, count })
    }

    /// How the audience of `now` differs from this one, if it does.
    #[must_use]
    pub fn changed(&self, now: &Self) -> Option<Changed> {
        let others = self.hashes.as_ref().zip(now.hashes.as_ref());
        let others = others.map(|(then, now)| now.difference(then).count() as u64);
        let changed = self.count != now.count || others.is_some_and(|others| others > 0);
        changed.then_some(Changed { then: self.count, now: now.count, others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prints(base: &Prints, accounts: impl IntoIterator<Item = usize>) -> Prints {
        let mut prints = base.alike();
        accounts.into_iter().for_each(|n| prints.add(&format!("C{n}"), "a@x.example"));
        prints
    }

    #[test]
    fn others_are_counted_and_a_large_audience_by_its_number() {
        let base = Prints::new(&Random::seeded(1));
        let then = prints(&base, 0..12);
        assert_eq!(then.changed(&prints(&base, (0..12).rev())), None);
        assert_eq!(then.changed(&prints(&base, 1..13)), Some(Changed { then: 12, now: 12, others: Some(1) }));
        assert_eq!(then.changed(&prints(&base, 0..13)), Some(Changed { then: 12, now: 13, others: Some(1) }));
        assert_eq!(then.changed(&prints(&base, 0..11)), Some(Changed { then: 12, now: 11, others: Some(0) }));
        assert_eq!(Prints::from_bytes(12, &then.to_bytes()), Some(then));
        let large = prints(&base, 0..MOST + 1);
        let read = Prints::from_bytes(large.count(), &large.to_bytes()).unwrap();
        assert_eq!(read.changed(&prints(&read, 1..MOST + 2)), None);
        let more = Some(Changed { then: MOST as u64 + 1, now: MOST as u64 + 2, others: None });
        assert_eq!(read.changed(&prints(&read, 0..MOST + 2)), more);
        assert_eq!(large.to_bytes().len(), 32, "nothing is stored of those who are not compared");
    }
}
