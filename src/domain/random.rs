//! Randomness, as a value that is passed in: the operating system's, or a seeded one for tests.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, RngExt as _, SeedableRng as _, TryRng as _};
use uuid::Uuid;

/// A cryptographically secure generator, shared by its clones.
#[derive(Clone, Debug)]
pub struct Random(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    rng: StdRng,
    /// Millisecond and counter of the last id.
    last_id: (u64, u16),
}

/// The counter of an id has 12 bits.
const MAX_COUNTER: u16 = 0xFFF;

impl Random {
    /// Seeded by the operating system.
    ///
    /// # Panics
    /// If the operating system has no entropy source: no promise of Besked would hold then.
    #[must_use]
    pub fn from_system() -> Self {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).expect("the operating system provides randomness");
        Self::new(StdRng::from_seed(seed))
    }

    /// The same sequence for the same seed. For tests only: salts drawn from it are guessable.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::new(StdRng::seed_from_u64(seed))
    }

    fn new(rng: StdRng) -> Self {
        Self(Arc::new(Mutex::new(State { rng, last_id: (0, 0) })))
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.lock().rng.fill_bytes(&mut bytes);
        bytes
    }

    /// A UUID of version 7 (RFC 9562 section 5.7): ids made later sort later, also within a millisecond (section 6.2,
    /// method 1: a counter in `rand_a`). That keeps indexes append-only and lists in the order things happened.
    #[must_use]
    pub fn id(&self, now: Timestamp) -> Uuid {
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let mut random: [u8; 10] = self.bytes();
        let mut state = self.lock();
        state.last_id = match state.last_id {
            (last, _) if now > last => (now, 0),
            // The clock stood still or went back: go on counting, into the next millisecond if need be.
            (last, MAX_COUNTER) => (last + 1, 0),
            (last, counter) => (last, counter + 1),
        };
        let (millisecond, counter) = state.last_id;
        random[..2].copy_from_slice(&counter.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid()
    }

    /// A factor in `1 - spread ..= 1 + spread`, to keep retries from marching in step.
    #[must_use]
    pub fn jitter(&self, spread: f64) -> f64 {
        self.lock().rng.random_range(1.0 - spread..=1.0 + spread)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A generator has no invariant that a panic elsewhere could have broken half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_in_the_order_they_were_made() {
        let random = Random::seeded(1);
        let now = Timestamp::from_millisecond(1_000_000).unwrap();
        let ids: Vec<Uuid> = (0..10_000).map(|_| random.id(now)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
        assert_eq!(ids[0].get_version_num(), 7);
        assert!(random.id(Timestamp::from_millisecond(999).unwrap()) > ids[9_999], "a clock that goes back");
    }
}
