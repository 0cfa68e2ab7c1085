//! Randomness, as a value that is passed in: the operating system's, or a seeded one for tests.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, RngExt as _, SeedableRng as _, TryRng as _};
use uuid::Uuid;

/// A cryptographically secure generator, shared by its clones.
#[derive(Clone, Debug)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    /// Seeded by the operating system.
    ///
    /// # Panics
    /// Where the operating system has no entropy source: nothing Besked promises would hold then.
    #[must_use]
    pub fn from_system() -> Self {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).expect("the operating system provides randomness");
        Self(Arc::new(Mutex::new(StdRng::from_seed(seed))))
    }

    /// The same sequence for the same seed. For tests only: salts drawn from it are guessable.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// A UUID of version 7 (RFC 9562 section 5.7): ids made later sort later, which keeps indexes append-only.
    #[must_use]
    pub fn id(&self, now: Timestamp) -> Uuid {
        let millisecond = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millisecond, &self.bytes()).into_uuid()
    }

    /// A factor in `1 - spread ..= 1 + spread`, to keep retries from marching in step.
    #[must_use]
    pub fn jitter(&self, spread: f64) -> f64 {
        self.lock().random_range(1.0 - spread..=1.0 + spread)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StdRng> {
        // A generator has no invariant that a panic elsewhere could have broken half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
