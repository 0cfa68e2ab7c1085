//! Pace towards recipients' domains: how many deliveries may be in flight to one, at which rate, and which are paused.
//!
//! A slot is reserved when a delivery is claimed and freed when it is settled, so that a slow domain delays only its own
//! deliveries: the claim skips domains at their limit.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::config::Limits;
use crate::dispatch::domains::pause::{Paused, Pauses};
use crate::dispatch::rates::rate::Rate;
use crate::dispatch::rates::share::Share;
use crate::domain::clock::millis;
use crate::domain::random::Random;

/// What waits for a domain whose rate is used up for longer than this is put off until then; for less, looking again is cheaper:
/// [`Pace::next_token`] says when.
const WORTH_WAITING: Duration = Duration::from_secs(1);

/// The longest that a rate postpones deliveries at once: the share may have changed by then.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A domain to which nothing may be claimed now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The domain.
    pub domain: String,
    /// When to look again, in milliseconds; now, if it may be free at any moment.
    pub until_ms: i64,
}

/// The limits towards domains, and what is in flight.
pub struct Pace {
    connections: u32,
    rates: BTreeMap<String, Rate>,
    state: Mutex<State>,
    /// Woken when a domain at its limit has a free slot again: what was set aside for it can be claimed.
    freed: Arc<Notify>,
}

/// A place among the deliveries in flight to a domain, free again when it is dropped.
pub struct Slot {
    pace: Arc<Pace>,
    domain: String,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.pace.free(&self.domain) {
            self.pace.freed.notify_one();
        }
    }
}

/// Slots that count as free until it is dropped.
pub struct Lent {
    pace: Arc<Pace>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pace.state().lent.clear();
    }
}

#[derive(Default)]
struct State {
    under_way: HashMap<String, u32>,
    /// Slots in use that are free once the present transaction commits.
    lent: HashMap<String, u32>,
    pauses: Pauses,
}

impl State {
    /// The slots of a domain that a claim cannot have.
    fn used(&self, domain: &str) -> u32 {
        let count = |slots: &HashMap<String, u32>| slots.get(domain).copied().unwrap_or(0);
        count(&self.under_way).saturating_sub(count(&self.lent))
    }
}

impl Pace {
    /// Nothing in flight.
    #[must_use]
    pub fn new(limits: &Limits, share: &Arc<Share>, freed: Arc<Notify>) -> Self {
        let rates = limits.domain_rate_per_second.iter();
        let rates = rates.filter_map(|(domain, rate)| Some((domain.to_string(), Rate::new(*rate, share)?)));
        Self { connections: limits.domain_connections, rates: rates.collect(), state: Mutex::default(), freed }
    }

    /// Reserves a slot for a delivery to `domain`, if its limits allow one more now.
    #[must_use]
    pub fn reserve(self: &Arc<Self>, domain: &str, now_ms: i64) -> Option<Slot> {
        let mut state = self.state();
        if state.used(domain) >= self.limit(&state.pauses, domain) || state.pauses.until(domain, now_ms).is_some() {
            return None;
        }
        if self.rates.get(domain).is_some_and(|rate| !rate.try_take()) {
            return None;
        }
        *state.under_way.entry(domain.to_owned()).or_default() += 1;
        Some(Slot { pace: self.clone(), domain: domain.to_owned() })
    }

    /// Counts slots as free until the result is dropped: their deliveries end in the transaction that claims others, and a domain at
    /// its limit would stand idle from one transaction to the next.
    #[must_use]
    pub fn lend<'a>(self: &Arc<Self>, slots: impl Iterator<Item = &'a Slot>) -> Lent {
        let mut state = self.state();
        for slot in slots {
            *state.lent.entry(slot.domain.clone()).or_default() += 1;
        }
        Lent { pace: self.clone() }
    }

    /// Frees a slot. Returns true if it was the last one that the domain's limit allows.
    fn free(&self, domain: &str) -> bool {
        let mut state = self.state();
        let limit = self.limit(&state.pauses, domain);
        let was_full = state.under_way.get(domain).is_some_and(|count| *count >= limit);
        match state.under_way.get_mut(domain) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(state.under_way.remove(domain)),
        }
        was_full
    }

    /// The domains to which nothing may be claimed now.
    #[must_use]
    pub fn held(&self, now_ms: i64) -> Vec<Held> {
        let state = self.state();
        let mut held: HashMap<&str, i64> = HashMap::new();
        for domain in state.under_way.keys() {
            if state.used(domain) >= self.limit(&state.pauses, domain) {
                held.insert(domain, now_ms);
            }
        }
        for (domain, rate) in &self.rates {
            if let Some(wait) = rate.wait() {
                let wait = if wait < WORTH_WAITING { Duration::ZERO } else { wait.min(LONGEST_WAIT) };
                held.insert(domain, now_ms.saturating_add(millis(wait)));
            }
        }
        for (domain, until_ms) in state.pauses.all(now_ms) {
            let held = held.entry(domain).or_insert(until_ms);
            *held = until_ms.max(*held);
        }
        held.into_iter().map(|(domain, until_ms)| Held { domain: domain.to_owned(), until_ms }).collect()
    }

    /// How long until the rate of some domain allows the next message, if one is used up.
    #[must_use]
    pub fn next_token(&self) -> Option<Duration> {
        self.rates.values().filter_map(Rate::wait).min()
    }

    /// Records that a domain asked for a pause through a relay, with the code of the reply.
    pub fn asked(&self, domain: &str, (relay, code): (&str, Option<u16>), now_ms: i64, random: &Random) {
        self.state().pauses.ask(domain, relay, code, now_ms, random.jitter(0.2));
    }

    /// Records that a domain accepted a message: a pause may end.
    pub fn took(&self, domain: &str, now_ms: i64) {
        self.state().pauses.took(domain, now_ms);
    }

    /// The paused domains for which a relay asked, the longest pauses first.
    #[must_use]
    pub fn paused_by(&self, relay: &str, now_ms: i64) -> Vec<Paused> {
        self.state().pauses.of(relay, now_ms)
    }

    /// How many deliveries may be in flight to a domain.
    fn limit(&self, pauses: &Pauses, domain: &str) -> u32 {
        match self.connections {
            _ if pauses.one_at_a_time(domain) => 1,
            0 => u32::MAX,
            connections => connections,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single insertion or removal.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Clock;

    fn pace(limits: &Limits) -> Arc<Pace> {
        Arc::new(Pace::new(limits, &Arc::new(Share::sole(Clock::System)), Arc::new(Notify::new())))
    }

    fn names(held: Vec<Held>) -> Vec<String> {
        held.into_iter().map(|held| held.domain).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn one_domain_at_its_limit_leaves_the_others_free() {
        let pace = pace(&Limits { domain_connections: 2, ..Limits::default() });
        let (first, _second) = (pace.reserve("a.example", 0).unwrap(), pace.reserve("a.example", 0).unwrap());
        assert!(pace.reserve("a.example", 0).is_none());
        assert!(pace.reserve("b.example", 0).is_some());
        assert_eq!(names(pace.held(0)), ["a.example"]);
        drop(first);
        pace.freed.notified().await;
        assert!(pace.reserve("a.example", 0).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_that_ends_with_the_transaction_can_be_claimed_in_it() {
        let pace = pace(&Limits { domain_connections: 1, ..Limits::default() });
        let first = pace.reserve("a.example", 0).unwrap();
        let lent = pace.lend([&first].into_iter());
        assert_eq!(pace.held(0), []);
        let second = pace.reserve("a.example", 0).unwrap();
        assert!(pace.reserve("a.example", 0).is_none(), "it is lent once");
        drop((lent, first));
        assert!(pace.reserve("a.example", 0).is_none());
        drop(second);
        let _third = pace.reserve("a.example", 0).unwrap();
        let lent = pace.lend(std::iter::empty());
        drop(lent);
        assert_eq!(names(pace.held(0)), ["a.example"], "the transaction failed: nothing is lent any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_says_when_it_allows_the_next() {
        let rates = BTreeMap::from([("slow.example".parse().unwrap(), 5.0)]);
        let pace = pace(&Limits { domain_connections: 0, domain_rate_per_second: rates, ..Limits::default() });
        assert_eq!(pace.next_token(), None);
        let _one = pace.reserve("slow.example", 0).unwrap();
        let wait = pace.next_token().unwrap();
        assert!((150..=200).contains(&wait.as_millis()), "{wait:?}");
        tokio::time::advance(wait).await;
        assert_eq!(pace.next_token(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_is_kept_for_the_domain_it_names() {
        let rates = BTreeMap::from([("Slow.example".parse().unwrap(), 0.001)]);
        let pace = pace(&Limits { domain_connections: 0, domain_rate_per_second: rates, ..Limits::default() });
        assert_eq!(pace.held(0), []);
        assert!(pace.reserve("slow.example", 0).is_some());
        assert!(pace.reserve("slow.example", 0).is_none());
        assert_eq!(pace.held(0), [Held { domain: "slow.example".to_owned(), until_ms: 30_000 }]);
        let quick = (pace.reserve("quick.example", 0), pace.reserve("quick.example", 0));
        assert!(matches!(quick, (Some(_), Some(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_domain_on_pause_waits_and_is_then_tried_with_one_delivery() {
        let (pace, random) = (pace(&Limits { domain_connections: 0, ..Limits::default() }), Random::seeded(1));
        pace.asked("slow.example", ("r", Some(421)), 0, &random);
        let until = pace.held(0)[0].until_ms;
        assert!((24_000..=36_000).contains(&until), "{until}");
        assert!(pace.reserve("slow.example", until - 1).is_none());
        let one = pace.reserve("slow.example", until).unwrap();
        assert!(pace.reserve("slow.example", until).is_none());
        assert_eq!(names(pace.held(until)), ["slow.example"]);
        pace.took("slow.example", until);
        let two = pace.reserve("slow.example", until);
        assert!(two.is_some(), "beside the one in flight");
        drop((one, two));
        assert_eq!((pace.paused_by("r", 0), pace.held(until)), (Vec::new(), Vec::new()));
    }
}
