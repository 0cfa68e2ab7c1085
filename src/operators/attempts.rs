//! How often one may try to sign in: from an address, for a name from a network, and for a name from wherever. Each node counts for itself.
//!
//! Who guesses does not lock the operator out: few guesses are possible from one network, and the wide limit for the name does not count
//! where the operator has signed in before.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::InMemoryState;
use governor::state::direct::NotKeyed;
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, Quota, RateLimiter};
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::digest::sha256;
use crate::domain::network::network;
use crate::domain::operator::OperatorName;

/// From one address at once after a pause, and then one each so often.
const FROM_ADDRESS: (u32, Duration) = (30, Duration::from_secs(6));

/// For one name from one network.
const FROM_NETWORK: (u32, Duration) = (10, Duration::from_secs(30));

/// For one name from all networks where it has not signed in: so many guesses has who has many addresses.
const FOR_NAME: (u32, Duration) = (100, Duration::from_secs(10));

/// Networks where a name has signed in that are remembered: those of an organisation, many times over.
const REMEMBERED: usize = 10_000;

/// Codes of one operator: with three right ones of a million at any time, one guess in a day of guessing succeeds once in 230 days.
const FOR_CODE: (u32, Duration) = (5, Duration::from_mins(1));

/// Failures that are noted in the audit log, from whatever addresses.
const NOTED: (u32, Duration) = (300, Duration::from_millis(200));

/// After so many attempts what is not needed any more is dropped.
const SWEEP: u32 = 1000;

/// The time of Besked as the limits take it.
#[derive(Clone, Debug)]
struct Time(Clock);

impl GovernorClock for Time {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Duration::from_millis(u64::try_from(self.0.now_ms()).unwrap_or(0)).into()
    }
}

type Keyed<K> = RateLimiter<K, DashMapStateStore<K>, Time, NoOpMiddleware<Nanos>>;

/// What was tried lately.
pub struct Attempts {
    addresses: Keyed<IpAddr>,
    /// By name and network.
    networks: Keyed<[u8; 32]>,
    names: Keyed<[u8; 32]>,
    /// Names with networks where they have signed in.
    proved: Mutex<BTreeSet<[u8; 32]>>,
    codes: Keyed<Uuid>,
    noted: RateLimiter<NotKeyed, InMemoryState, Time, NoOpMiddleware<Nanos>>,
    time: Time,
    tried: AtomicU32,
}

fn quota((burst, each): (u32, Duration)) -> Quota {
    let quota = Quota::with_period(each).unwrap_or(Quota::per_minute(NonZeroU32::MIN));
    quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN))
}

impl Attempts {
    /// Nothing was tried yet.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let time = Time(clock);
        Self {
            addresses: RateLimiter::dashmap_with_clock(quota(FROM_ADDRESS), time.clone()),
            networks: RateLimiter::dashmap_with_clock(quota(FROM_NETWORK), time.clone()),
            names: RateLimiter::dashmap_with_clock(quota(FOR_NAME), time.clone()),
            proved: Mutex::default(),
            codes: RateLimiter::dashmap_with_clock(quota(FOR_CODE), time.clone()),
            noted: RateLimiter::direct_with_clock(quota(NOTED), time.clone()),
            time,
            tried: AtomicU32::new(0),
        }
    }

    /// Counts an attempt with a password. Returns the seconds to wait if there were too many; a name counts also if there is no such
    /// operator.
    pub fn of_password(&self, address: IpAddr, name: &str) -> Result<(), u64> {
        self.of_address(address)?;
        let (name, here) = keys(address, name);
        let wait = |not: NotUntil<Nanos>| seconds(not.wait_time_from(self.time.now()));
        self.networks.check_key(&here).map_err(wait)?;
        if self.lock().contains(&here) { Ok(()) } else { self.names.check_key(&name).map_err(wait) }
    }

    /// Notes that a name has signed in from an address: guesses from elsewhere do not count there any more.
    pub fn proved(&self, address: IpAddr, name: &str) {
        let (_, here) = keys(address, name);
        let mut proved = self.lock();
        if proved.len() >= REMEMBERED {
            proved.clear();
        }
        proved.insert(here);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<[u8; 32]>> {
        // Each change is one call.
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt with a token that nobody guesses, such as that of an invitation.
    pub fn of_address(&self, address: IpAddr) -> Result<(), u64> {
        self.sweep();
        self.addresses.check_key(&network(address)).map_err(|not| seconds(not.wait_time_from(self.time.now())))
    }

    /// Counts an attempt with a code.
    pub fn of_code(&self, operator: Uuid) -> Result<(), u64> {
        self.codes.check_key(&operator).map_err(|not| seconds(not.wait_time_from(self.time.now())))
    }

    /// Counts a failure, and returns false if too many are in the audit log already.
    pub fn is_noted(&self) -> bool {
        self.noted.check().is_ok()
    }

    fn sweep(&self) {
        if self.tried.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.addresses.retain_recent();
            self.networks.retain_recent();
            self.names.retain_recent();
            self.codes.retain_recent();
        }
    }
}

impl std::fmt::Debug for Attempts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attempts")
    }
}

/// A name in all its spellings, alone and with a network.
fn keys(address: IpAddr, name: &str) -> ([u8; 32], [u8; 32]) {
    let folded = OperatorName::parse(name).map_or_else(|_| String::new(), |name| name.likeness().folded);
    (sha256(folded.as_bytes()), sha256(format!("{}\n{folded}", network(address)).as_bytes()))
}

/// Whole seconds, rounded up.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_and_each_name_has_its_own_limit_that_time_lifts() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let attempts = Attempts::new(clock.clone());
        let ip = |last: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(0xC633_6400 + last));
        for _ in 0..10 {
            assert_eq!(attempts.of_password(ip(1), "Eva"), Ok(()));
        }
        assert_eq!(attempts.of_password(ip(1), " eva"), Err(30), "other spellings are the same name");
        assert_eq!((attempts.of_password(ip(1), "Bo"), attempts.of_password(ip(2), "Eva")), (Ok(()), Ok(())));
        clock.advance(Duration::from_secs(30));
        assert_eq!((attempts.of_password(ip(1), "Eva"), attempts.of_password(ip(1), "Eva")), (Ok(()), Err(30)));
        let from_one = (0..40).filter(|at| attempts.of_password(ip(200), &format!("x{at}")).is_ok()).count();
        assert_eq!(from_one, 30);
        let id = Uuid::from_u128(1);
        assert_eq!((0..9).filter(|_| attempts.of_code(id).is_ok()).count(), 5);
    }

    #[test]
    fn who_guesses_from_everywhere_locks_nobody_out_where_they_have_signed_in() {
        let clock = Clock::manual("2026-11-24T10:00:00Z".parse().unwrap());
        let attempts = Attempts::new(clock.clone());
        let ip = |last: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(0xC633_6400 + last));
        attempts.proved(ip(250), "Eva");
        let guesses = (0..200).filter(|at| attempts.of_password(ip(at % 100), "Eva").is_ok()).count();
        assert_eq!(guesses, 100);
        assert_eq!(attempts.of_password(ip(251), "Eva"), Err(10));
        assert_eq!(attempts.of_password(ip(250), "EVA"), Ok(()));
        // The own network has its limit all the same.
        assert_eq!((0..40).filter(|_| attempts.of_password(ip(250), "Eva").is_ok()).count(), 9);
    }
}
