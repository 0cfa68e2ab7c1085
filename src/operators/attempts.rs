//! How often one may try to sign in: from an address, and for a name. Each node counts for itself.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::InMemoryState;
use governor::state::direct::NotKeyed;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::digest::sha256;
use crate::domain::network::network;
use crate::domain::operator::OperatorName;

/// From one address at once after a pause, and then one each so often.
const FROM_ADDRESS: (u32, Duration) = (30, Duration::from_secs(6));

/// For one name. Who guesses has so many guesses; the operator waits as long if somebody guesses at the same time.
const FOR_NAME: (u32, Duration) = (10, Duration::from_secs(30));

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
    names: Keyed<[u8; 32]>,
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
            names: RateLimiter::dashmap_with_clock(quota(FOR_NAME), time.clone()),
            codes: RateLimiter::dashmap_with_clock(quota(FOR_CODE), time.clone()),
            noted: RateLimiter::direct_with_clock(quota(NOTED), time.clone()),
            time,
            tried: AtomicU32::new(0),
        }
    }

    /// Counts an attempt with a password. Returns the seconds to wait if there were too many; a name counts also if there is no such
    /// operator.
    pub fn of_password(&self, address: IpAddr, name: &str) -> Result<(), u64> {
        self.sweep();
        self.addresses.check_key(&network(address)).map_err(|not| seconds(not.wait_time_from(self.time.now())))?;
        let likeness = OperatorName::parse(name).map_or_else(|_| String::new(), |name| name.likeness().folded);
        let key = sha256(likeness.as_bytes());
        self.names.check_key(&key).map_err(|not| seconds(not.wait_time_from(self.time.now())))
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
        for at in 0..10 {
            assert_eq!(attempts.of_password(ip(at), "Eva"), Ok(()));
        }
        assert_eq!(attempts.of_password(ip(11), " eva"), Err(30), "other spellings are the same name");
        assert_eq!(attempts.of_password(ip(11), "Bo"), Ok(()));
        clock.advance(Duration::from_secs(30));
        assert_eq!((attempts.of_password(ip(12), "Eva"), attempts.of_password(ip(13), "Eva")), (Ok(()), Err(30)));
        let from_one = (0..40).filter(|at| attempts.of_password(ip(200), &format!("x{at}")).is_ok()).count();
        assert_eq!(from_one, 30);
        let id = Uuid::from_u128(1);
        assert_eq!((0..9).filter(|_| attempts.of_code(id).is_ok()).count(), 5);
    }
}
