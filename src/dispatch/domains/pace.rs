//! Pace towards recipients' domains: how many deliveries may be sent to one at a time, at which rate, and which are paused.
//!
//! A claim takes a slot, which is first ahead of its message and then in use while the message is being sent. The limit is that of
//! the slots in use: a delivery that waits for the message before it on its connection takes nothing away from the others. As many
//! again may be ahead, but none while the limit is reached, so that a slow domain delays only its own deliveries: the claim skips it.
//! What is begun behind another message (`pipeline_messages`) is in use from then on.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

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

/// How long a connection waits for its delivery's turn at a domain, before the delivery returns to the queue.
const TURN: Duration = Duration::from_millis(100);

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
    /// Woken when a message has been sent: a delivery to its domain may have its turn.
    sent: Notify,
}

/// A place among the deliveries to a domain, free again when it is dropped.
pub struct Slot {
    pace: Arc<Pace>,
    domain: String,
    stage: Stage,
}

/// What a slot counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its delivery is claimed.
    Ahead,
    /// Its message is being sent.
    InUse,
    /// Its message was sent: it counts no more.
    Over,
}

/// Whether a delivery may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It may: its slot is in use.
    Now,
    /// Its domain is at its limit.
    Full,
    /// Its domain is paused.
    Paused,
}

impl Slot {
    /// Waits for a short while until the delivery may be sent. Returns false if its domain is at its limit or paused.
    pub async fn begin(&mut self, now_ms: i64) -> bool {
        let pace = self.pace.clone();
        let turn = async {
            loop {
                let mut sent = pin!(pace.sent.notified());
                sent.as_mut().enable();
                match self.try_begin(now_ms) {
                    Turn::Full => sent.await,
                    turn => return turn == Turn::Now,
                }
            }
        };
        timeout(TURN, turn).await.unwrap_or(false)
    }

    /// Uses the slot, or goes on using it, if its domain allows that now.
    pub fn try_begin(&mut self, now_ms: i64) -> Turn {
        let pace = self.pace.clone();
        let mut state = pace.state();
        let turn = self.turn(&state, now_ms);
        if turn == Turn::Now && self.stage != Stage::InUse {
            self.becomes(Stage::InUse, &mut state);
        }
        turn
    }

    /// Whether its delivery may be sent now: a slot in use counts already.
    fn turn(&self, state: &State, now_ms: i64) -> Turn {
        let others = state.count(&self.domain).in_use - u32::from(self.stage == Stage::InUse);
        if state.pauses.until(&self.domain, now_ms).is_some() {
            Turn::Paused
        } else if others >= self.pace.limit(&state.pauses, &self.domain) {
            Turn::Full
        } else {
            Turn::Now
        }
    }

    /// Ends its use: the message was sent, or will not be now.
    pub fn end(&mut self) {
        let pace = self.pace.clone();
        self.becomes(Stage::Over, &mut pace.state());
    }

    fn becomes(&mut self, stage: Stage, state: &mut State) {
        let before = std::mem::replace(&mut self.stage, stage);
        let was_full = self.pace.is_full(state, &self.domain);
        state.count_as(&self.domain, before, stage);
        if was_full && !self.pace.is_full(state, &self.domain) {
            self.pace.freed.notify_one();
        }
        if before == Stage::InUse {
            self.pace.sent.notify_waiters();
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Default)]
struct State {
    slots: HashMap<String, Count>,
    pauses: Pauses,
}

/// The slots of a domain that are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    ahead: u32,
    in_use: u32,
}

impl Count {
    /// How many slots of a stage there are; those that are over do not count.
    const fn of(&mut self, stage: Stage) -> Option<&mut u32> {
        match stage {
            Stage::Ahead => Some(&mut self.ahead),
            Stage::InUse => Some(&mut self.in_use),
            Stage::Over => None,
        }
    }
}

impl State {
    fn count(&self, domain: &str) -> Count {
        self.slots.get(domain).copied().unwrap_or_default()
    }

    /// Counts a slot as of another stage.
    fn count_as(&mut self, domain: &str, before: Stage, after: Stage) {
        let mut count = self.count(domain);
        if let Some(slots) = count.of(before) {
            *slots -= 1;
        }
        if let Some(slots) = count.of(after) {
            *slots += 1;
        }
        if count == Count::default() {
            self.slots.remove(domain);
        } else if let Some(slots) = self.slots.get_mut(domain) {
            *slots = count;
        }
    }
}

impl Pace {
    /// Nothing in flight.
    #[must_use]
    pub fn new(limits: &Limits, share: &Arc<Share>, freed: Arc<Notify>) -> Self {
        let rates = limits.domain_rate_per_second.iter();
        let rates = rates.filter_map(|(domain, rate)| Some((domain.to_string(), Rate::new(*rate, share)?)));
        Self {
            connections: limits.domain_connections,
            rates: rates.collect(),
            state: Mutex::default(),
            freed,
            sent: Notify::new(),
        }
    }

    /// Reserves a slot for a delivery to `domain`, if its limits allow one more now.
    #[must_use]
    pub fn reserve(self: &Arc<Self>, domain: &str, now_ms: i64) -> Option<Slot> {
        let mut state = self.state();
        if self.is_full(&state, domain) || state.pauses.until(domain, now_ms).is_some() {
            return None;
        }
        if self.rates.get(domain).is_some_and(|rate| !rate.try_take()) {
            return None;
        }
        state.slots.entry(domain.to_owned()).or_default().ahead += 1;
        Some(Slot { pace: self.clone(), domain: domain.to_owned(), stage: Stage::Ahead })
    }

    /// True if nothing more may be claimed of a domain's deliveries.
    fn is_full(&self, state: &State, domain: &str) -> bool {
        let Count { ahead, in_use } = state.count(domain);
        let limit = self.limit(&state.pauses, domain);
        // After a pause one delivery is tried, and none may be ahead beside it.
        let most_ahead = if state.pauses.one_at_a_time(domain) { limit.saturating_sub(in_use) } else { limit };
        in_use >= limit || ahead >= most_ahead
    }

    /// The domains to which nothing may be claimed now.
    #[must_use]
    pub fn held(&self, now_ms: i64) -> Vec<Held> {
        let state = self.state();
        let mut held: HashMap<&str, i64> = HashMap::new();
        for domain in state.slots.keys() {
            if self.is_full(&state, domain) {
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
        let mut state = self.state();
        let before = self.limit(&state.pauses, domain);
        state.pauses.took(domain, now_ms);
        if self.limit(&state.pauses, domain) > before {
            self.sent.notify_waiters();
            self.freed.notify_one();
        }
    }

    /// The paused domains for which a relay asked, the longest pauses first.
    #[must_use]
    pub fn paused_by(&self, relay: &str, now_ms: i64) -> Vec<Paused> {
        self.state().pauses.of(relay, now_ms)
    }

    /// How many deliveries may be sent to a domain at a time.
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
    use tokio::time::Instant;

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
        let (mut first, mut second) = (pace.reserve("a.example", 0).unwrap(), pace.reserve("a.example", 0).unwrap());
        assert!(pace.reserve("a.example", 0).is_none(), "two are ahead");
        assert!(first.begin(0).await);
        let mut third = pace.reserve("a.example", 0).unwrap();
        assert!(second.begin(0).await);
        assert!(pace.reserve("a.example", 0).is_none(), "two are being sent");
        assert!(pace.reserve("b.example", 0).is_some());
        assert_eq!(names(pace.held(0)), ["a.example"]);
        assert!(!third.begin(0).await, "it waits, but not for long");
        first.end();
        pace.freed.notified().await;
        assert!(pace.reserve("a.example", 0).is_some(), "before what was sent is recorded");
        assert!(third.begin(0).await);
        drop((first, second, third));
        assert_eq!(pace.held(0), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_ahead_has_its_turn_when_a_message_has_been_sent() {
        let (pace, random) = (pace(&Limits { domain_connections: 2, ..Limits::default() }), Random::seeded(1));
        let (mut first, mut second) = (pace.reserve("a.example", 0).unwrap(), pace.reserve("a.example", 0).unwrap());
        assert!(first.begin(0).await);
        let mut third = pace.reserve("a.example", 0).unwrap();
        assert!(second.begin(0).await);
        let ((), may) = tokio::join!(async { first.end() }, third.begin(0));
        assert!(may);
        let mut fourth = pace.reserve("b.example", 0).unwrap();
        pace.asked("b.example", ("r", Some(421)), 0, &random);
        assert!(!fourth.begin(0).await, "its domain asked for a pause meanwhile");
    }

    /// What is begun behind another message may go by another relay in the end: it asks again.
    #[tokio::test(start_paused = true)]
    async fn a_slot_in_use_is_held_back_by_a_pause_and_by_a_limit_that_fell() {
        let (pace, random) = (pace(&Limits { domain_connections: 2, ..Limits::default() }), Random::seeded(1));
        let (mut first, mut second) = (pace.reserve("a.example", 0).unwrap(), pace.reserve("a.example", 0).unwrap());
        assert_eq!((first.try_begin(0), second.try_begin(0), second.try_begin(0)), (Turn::Now, Turn::Now, Turn::Now));
        pace.asked("a.example", ("r", Some(421)), 0, &random);
        assert_eq!((second.try_begin(0), second.begin(0).await), (Turn::Paused, false));
        let until = pace.held(0)[0].until_ms;
        assert_eq!(
            (second.try_begin(until), second.begin(until).await),
            (Turn::Full, false),
            "one is tried after a pause"
        );
        first.end();
        assert_eq!((second.try_begin(until), second.begin(until).await), (Turn::Now, true));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_pause_wakes_what_waits_for_its_turn_and_for_a_claim() {
        let (pace, random) = (pace(&Limits { domain_connections: 2, ..Limits::default() }), Random::seeded(1));
        let (mut first, mut second) = (pace.reserve("a.example", 0).unwrap(), pace.reserve("a.example", 0).unwrap());
        assert!(first.begin(0).await);
        pace.asked("a.example", ("r", Some(421)), 0, &random);
        let until = pace.held(0)[0].until_ms;
        let waiting = Instant::now();
        let took = async { pace.took("a.example", until) };
        let (may, (), ()) = tokio::join!(second.begin(until), took, pace.freed.notified());
        assert_eq!((may, waiting.elapsed()), (true, Duration::ZERO), "beside the first, and at once");
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
