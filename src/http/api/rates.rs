//! How often: each key may ask so many times a second, and each address a few times a minute without a valid key. Each node counts for
//! itself.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use super::problem::Problem;
use crate::config::Http;
use crate::domain::network::network;

/// After so many requests what is not needed any more is dropped.
const SWEEP: u32 = 10_000;

/// So many requests without a valid key are noted in a minute, from whatever addresses.
const NOTED_PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// What has been asked lately.
pub struct Rates {
    keys: Limiter<Uuid>,
    addresses: Limiter<IpAddr>,
    noted: DefaultDirectRateLimiter,
    clock: DefaultClock,
    asked: AtomicU32,
}

/// How much a key has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    limit: u32,
    remaining: u32,
    reset: u64,
}

impl Rates {
    /// The rates of a configuration.
    pub fn new(config: &Http) -> Self {
        let least = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let keys = Quota::per_second(least(config.rate_per_second)).allow_burst(least(config.burst));
        let addresses = Quota::per_minute(least(config.unknown_keys_per_minute));
        let (clock, asked) = (DefaultClock::default(), AtomicU32::new(0));
        let keys = RateLimiter::dashmap(keys).with_middleware();
        let noted = RateLimiter::direct(Quota::per_minute(NOTED_PER_MINUTE));
        Self { keys, addresses: RateLimiter::dashmap(addresses).with_middleware(), noted, clock, asked }
    }

    /// Counts a request with a key.
    pub fn of_key(&self, key: Uuid) -> Result<Left, Problem> {
        self.sweep();
        match self.keys.check_key(&key) {
            Ok(state) => {
                let limit = state.quota().burst_size().get();
                let remaining = state.remaining_burst_capacity();
                let wait = state.quota().replenish_interval().saturating_mul(limit - remaining.min(limit));
                Ok(Left { limit, remaining, reset: seconds(wait) })
            }
            Err(not) => Err(too_many(seconds(not.wait_time_from(self.now())))),
        }
    }

    /// Counts a request without a valid key.
    pub fn of_unknown(&self, address: IpAddr) -> Result<(), Problem> {
        self.sweep();
        let checked = self.addresses.check_key(&network(address));
        checked.map(|_| ()).map_err(|not| too_many(seconds(not.wait_time_from(self.now()))))
    }

    /// Counts a row about a request without a valid key, and returns false if there are too many: who has many addresses shall not fill
    /// the audit log.
    pub fn notes_unknown(&self) -> bool {
        self.noted.check().is_ok()
    }

    fn now(&self) -> QuantaInstant {
        self.clock.now()
    }

    fn sweep(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.keys.retain_recent();
            self.addresses.retain_recent();
        }
    }
}

impl Left {
    /// Writes it into the headers of an answer.
    pub fn write(self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", u64::from(self.remaining)),
            ("ratelimit-reset", self.reset),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

/// Whole seconds, rounded up.
pub fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn too_many(seconds: u64) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "there were too many requests").retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_and_each_address_has_its_own_limit() {
        let rates = Rates::new(&Http { rate_per_second: 1, burst: 2, unknown_keys_per_minute: 1, ..Http::default() });
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(rates.of_key(one).unwrap().remaining, 1);
        assert_eq!(rates.of_key(one).unwrap().remaining, 0);
        assert!(rates.of_key(one).is_err() && rates.of_key(other).is_ok());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(rates.of_unknown(ip("192.0.2.1")).is_ok() && rates.of_unknown(ip("192.0.2.2")).is_ok());
        assert!(rates.of_unknown(ip("::ffff:192.0.2.1")).is_err());
        assert!(rates.of_unknown(ip("2001:db8::1")).is_ok());
        let noted = (0..1000).filter(|_| rates.notes_unknown()).count();
        assert!((300..400).contains(&noted), "{noted} rows of strangers in one moment");
        assert!(rates.of_unknown(ip("2001:db8::2")).is_err(), "a network of the sixth version counts as one");
    }
}
