//! Pace towards recipients' domains: how many deliveries may be under way to one, and how fast.
//!
//! Slots are reserved when a delivery is claimed and given back when it is settled, so that a slow domain holds up only its
//! own deliveries: the claim skips domains that are saturated.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::DefaultDirectRateLimiter;

use super::relay::limiter;
use crate::config::Limits;
use crate::domain::address::parse_domain;

/// The limits towards domains, and what is under way.
pub struct Pace {
    connections: u32,
    rates: BTreeMap<String, DefaultDirectRateLimiter>,
    under_way: Mutex<HashMap<String, u32>>,
}

impl Pace {
    /// Nothing is under way yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let rates = limits.domain_rate_per_second.iter().filter_map(|(domain, rate)| {
            Some((parse_domain(domain).unwrap_or_else(|| domain.to_lowercase()), limiter(*rate)?))
        });
        Self { connections: limits.domain_connections, rates: rates.collect(), under_way: Mutex::default() }
    }

    /// Reserves a slot for a delivery to `domain`, if its limits allow one more now.
    #[must_use]
    pub fn reserve(&self, domain: &str) -> bool {
        let mut under_way = self.under_way();
        let count = under_way.get(domain).copied().unwrap_or(0);
        if self.connections > 0 && count >= self.connections {
            return false;
        }
        if self.rates.get(domain).is_some_and(|rate| rate.check().is_err()) {
            return false;
        }
        under_way.insert(domain.to_owned(), count + 1);
        true
    }

    /// Gives a slot back.
    pub fn free(&self, domain: &str) {
        let mut under_way = self.under_way();
        match under_way.get_mut(domain) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(under_way.remove(domain)),
        }
    }

    /// The domains that can take no more deliveries at once.
    #[must_use]
    pub fn saturated(&self) -> Vec<String> {
        if self.connections == 0 {
            return Vec::new();
        }
        let under_way = self.under_way();
        under_way.iter().filter(|(_, count)| **count >= self.connections).map(|(domain, _)| domain.clone()).collect()
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        // Each change is a single insertion or removal.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_domain_at_its_limit_leaves_the_others_free() {
        let pace = Pace::new(&Limits { domain_connections: 2, ..Limits::default() });
        assert!(pace.reserve("a.example") && pace.reserve("a.example"));
        assert!(!pace.reserve("a.example"));
        assert!(pace.reserve("b.example"));
        assert_eq!(pace.saturated(), ["a.example"]);
        pace.free("a.example");
        assert!(pace.reserve("a.example"));
    }

    #[test]
    fn a_rate_is_kept_for_the_domain_it_names() {
        let rates = BTreeMap::from([("Slow.example".to_owned(), 0.001)]);
        let pace = Pace::new(&Limits { domain_connections: 0, domain_rate_per_second: rates });
        assert!(pace.reserve("slow.example"));
        assert!(!pace.reserve("slow.example"));
        assert!(pace.reserve("quick.example") && pace.reserve("quick.example"));
    }
}
