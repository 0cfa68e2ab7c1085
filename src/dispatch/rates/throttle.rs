//! A relay that asks for fewer messages is sent fewer: its rate falls at once, to what it took in the last second, and rises
//! again slowly (additive increase, multiplicative decrease). A limit of its own, beside the configured rate; each node has one.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// What is counted to know how much the relay takes.
const WINDOW: Duration = Duration::from_secs(1);

/// A relay that took nothing for so long does not only want less.
const RECENT: Duration = Duration::from_secs(60);

/// After a decrease, refusals of what was under way by then say nothing new.
const SETTLES: Duration = Duration::from_millis(1500);

/// How much of its rate a refusal leaves.
const DECREASE: f64 = 0.85;

/// How much of its starting rate it regains in a second.
const INCREASE: f64 = 0.02;

/// Without a refusal for so long, the rate doubles every [`DOUBLES`]: the reason is over. A request without a word of a rate says
/// little from the beginning.
const CALM: Duration = Duration::from_secs(12);
const DOUBLES: Duration = Duration::from_secs(3);

/// The fastest that a relay took messages counts for so long.
const PEAK: Duration = Duration::from_secs(60);

/// The most doublings: by then no rate matters.
const DOUBLINGS: f64 = 30.0;

/// A request that may be a domain's is the relay's if so many domains made it within [`SAME_TIME`].
const DOMAINS: usize = 3;
const SAME_TIME: Duration = Duration::from_secs(10);

/// Requests of one domain after which it is decided whether they are the domain's or the relay's.
const REQUESTS: u32 = 3;

/// A delivery that is put off more often is refused for a reason of its own.
const MOST_TIMES: u32 = 20;

/// Deliveries remembered for that.
const REMEMBERED: usize = 10_000;

/// The lowest rate, per second.
const LOWEST: f64 = 0.2;

/// Without a refusal for so long, the limit ends.
const ENDS: Duration = Duration::from_secs(600);

/// Times remembered to measure what the relay takes.
const MEASURED: usize = 10_000;

/// The rate at which a relay takes messages, if it asked for fewer.
#[derive(Debug, Default)]
pub struct Throttle {
    taken: VecDeque<Instant>,
    last_taken: Option<Instant>,
    /// The most that it took in a second lately, and when.
    peak: Option<(usize, Instant)>,
    /// Domains whose deliveries lately met requests that may be theirs: how many, and when the last.
    asking: HashMap<String, (u32, Instant)>,
    /// Messages that it took for other domains meanwhile.
    others: u32,
    /// How often each delivery was put off.
    times: HashMap<Uuid, u32>,
    limit: Option<Limit>,
}

#[derive(Debug)]
struct Limit {
    per_second: f64,
    /// The rate after the last decrease, and when that was.
    from: f64,
    lowered: Instant,
    refused: Instant,
    /// How long after the last refusal the rate begins to double.
    calm: Duration,
    /// When the next message may go.
    next: Instant,
}

/// A domain that may have asked for fewer messages.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The domain.
    pub domain: &'a str,
    /// The words of the request speak of a rate.
    pub of_rate: bool,
}

/// Whose request for fewer messages it is.
enum Whose {
    Domain,
    Relay,
    Unclear,
}

/// What a request for fewer messages changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asked {
    /// The relay took nothing lately, or a domain asks: the relay's rate is not the reason.
    NotOfItsRate,
    /// A domain's request or the relay's: the next ones show it.
    Unclear,
    /// Its rate is lower now, or was lowered a moment ago.
    Slower {
        /// The rate now, per second.
        per_second: f64,
        /// The limit began with this request.
        first: bool,
    },
}

impl Throttle {
    /// Records that the relay took a message for a recipient at `domain`.
    pub fn took(&mut self, domain: &str, now: Instant) {
        self.last_taken = Some(now);
        self.taken.push_back(now);
        if !self.asking.is_empty() && !self.asking.contains_key(domain) {
            self.others += 1;
        }
        self.forget(now);
        let taken = self.taken.len();
        if self.peak.is_none_or(|(most, at)| taken >= most || now - at > PEAK) {
            self.peak = Some((taken, now));
        }
    }

    /// Records that the relay asked for fewer messages; `asker` if it may have passed on the request of a domain.
    pub fn asked(&mut self, delivery: Uuid, asker: Option<Asker<'_>>, now: Instant) -> Asked {
        if self.times.len() >= REMEMBERED {
            self.times.clear();
        }
        let times = self.times.entry(delivery).or_default();
        *times += 1;
        let is_too_often = *times > MOST_TIMES;
        if is_too_often || self.last_taken.is_none_or(|at| now - at > RECENT) {
            return Asked::NotOfItsRate;
        }
        let of_rate = asker.is_none_or(|asker| asker.of_rate);
        match asker.map_or(Whose::Relay, |asker| self.whose(asker, now)) {
            Whose::Domain => Asked::NotOfItsRate,
            Whose::Unclear if self.limit.is_none() => Asked::Unclear,
            Whose::Unclear | Whose::Relay => self.slow_down(of_rate, now),
        }
    }

    /// Whose request it is: the domain's, if only few domains ask. Words about a rate are often the relay's own: then it is the
    /// domain's only if others are taken meanwhile.
    fn whose(&mut self, Asker { domain, of_rate }: Asker<'_>, now: Instant) -> Whose {
        self.asking.retain(|_, (_, at)| now - *at < SAME_TIME);
        if self.asking.is_empty() {
            self.others = 0;
        }
        let (requests, at) = self.asking.entry(domain.to_owned()).or_insert((0, now));
        (*requests, *at) = (*requests + 1, now);
        let requests = *requests;
        match requests {
            _ if self.asking.len() >= DOMAINS => Whose::Relay,
            _ if !of_rate => Whose::Domain,
            ..REQUESTS => Whose::Unclear,
            _ if self.others > 0 => Whose::Domain,
            _ => Whose::Relay,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
    fn slow_down(&mut self, of_rate: bool, now: Instant) -> Asked {
        self.forget(now);
        let first = self.limit.is_none();
        // Without a word of a rate, the last second may have been slow for another reason.
        let peak = self.peak.filter(|(_, at)| !of_rate && now - *at <= PEAK).map_or(0, |(most, _)| most);
        let took = self.taken.len().max(peak) as f64 / WINDOW.as_secs_f64();
        let calm = if of_rate { CALM } else { Duration::from_secs(1) };
        let limit = self.limit.get_or_insert_with(|| {
            let per_second = (took * DECREASE).max(LOWEST);
            Limit { per_second, from: per_second, lowered: now, refused: now, calm, next: now + WINDOW }
        });
        (limit.refused, limit.calm) = (now, limit.calm.max(calm));
        if !first && now - limit.lowered > SETTLES {
            limit.from = (limit.rate(now) * DECREASE).max(LOWEST);
            limit.lowered = now;
        }
        limit.per_second = limit.from;
        Asked::Slower { per_second: limit.from, first }
    }

    /// Takes the next place if it is there now, else says how long it is not.
    pub fn take(&mut self, now: Instant) -> Result<(), Duration> {
        if self.limit.as_ref().is_some_and(|limit| now - limit.refused > ENDS) {
            self.limit = None;
        }
        let Some(limit) = &mut self.limit else { return Ok(()) };
        if now < limit.next {
            return Err(limit.next - now);
        }
        limit.per_second = limit.rate(now);
        limit.next = now.max(limit.next) + Duration::from_secs_f64(1.0 / limit.per_second);
        Ok(())
    }

    /// Returns a place that was not used.
    pub fn give_back(&mut self) {
        if let Some(limit) = &mut self.limit {
            let place = Duration::from_secs_f64(1.0 / limit.per_second);
            limit.next = limit.next.checked_sub(place).unwrap_or(limit.next);
        }
    }

    /// The present limit, per second.
    pub fn limit(&self) -> Option<f64> {
        self.limit.as_ref().map(|limit| limit.per_second)
    }

    fn forget(&mut self, now: Instant) {
        while self.taken.len() > MEASURED || self.taken.front().is_some_and(|at| now - *at > WINDOW) {
            self.taken.pop_front();
        }
    }
}

impl Limit {
    /// The rate now: it rises from the last decrease on, faster the longer nothing was refused.
    fn rate(&self, now: Instant) -> f64 {
        let steady = self.from + self.from * INCREASE * (now - self.lowered).as_secs_f64();
        let calm = (now - self.refused).saturating_sub(self.calm).as_secs_f64();
        steady * (calm / DOUBLES.as_secs_f64()).min(DOUBLINGS).exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_rate(domain: &str) -> Asker<'_> {
        Asker { domain, of_rate: true }
    }

    /// A delivery that was not put off before.
    fn delivery() -> Uuid {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        Uuid::from_u64_pair(0, NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_that_is_always_put_off_comes_to_an_end() {
        let (mut throttle, now, odd) = (Throttle::default(), Instant::now(), delivery());
        throttle.took("a.example", now);
        assert_eq!((0..100).filter(|_| throttle.asked(odd, None, now) != Asked::NotOfItsRate).count(), 20);
        assert!(matches!(throttle.asked(delivery(), None, now), Asked::Slower { .. }));
    }

    #[tokio::test(start_paused = true)]
    async fn it_finds_the_rate_of_a_server_that_refuses_what_is_over_it() {
        let (mut throttle, begun) = (Throttle::default(), Instant::now());
        let (mut window, mut taken, mut refused) = (VecDeque::new(), 0, 0);
        while taken < 2000 {
            let now = Instant::now();
            if let Err(wait) = throttle.take(now) {
                tokio::time::advance(wait).await;
                continue;
            }
            window.retain(|at: &Instant| now - *at < Duration::from_secs(1));
            if window.len() < 14 {
                window.push_back(now);
                throttle.took("a.example", now);
                taken += 1;
            } else {
                throttle.asked(delivery(), None, now);
                refused += 1;
            }
            tokio::time::advance(Duration::from_millis(2)).await;
        }
        let rate = f64::from(taken) / begun.elapsed().as_secs_f64();
        assert!(rate > 0.8 * 14.0, "{rate} a second");
        assert!(refused < 200, "{refused} refused");
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_domain_asks_for_while_others_are_taken_does_not_slow_the_relay() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        throttle.took("b.example", now);
        let ask = |throttle: &mut Throttle, domain| throttle.asked(delivery(), Some(of_rate(domain)), now);
        assert_eq!(ask(&mut throttle, "a.example"), Asked::Unclear);
        throttle.took("b.example", now);
        assert_eq!(ask(&mut throttle, "a.example"), Asked::Unclear);
        assert_eq!(ask(&mut throttle, "a.example"), Asked::NotOfItsRate);
        assert_eq!(ask(&mut throttle, "b.example"), Asked::Unclear);
        assert!(matches!(ask(&mut throttle, "c.example"), Asked::Slower { .. }), "three domains ask at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_a_word_of_a_rate_is_the_domains_at_once() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        throttle.took("b.example", now);
        let asker = Asker { of_rate: false, ..of_rate("a.example") };
        assert_eq!(throttle.asked(delivery(), Some(asker), now), Asked::NotOfItsRate);
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_says_no_once_for_another_reason_is_fast_again_in_seconds() {
        let mut throttle = Throttle::default();
        for _ in 0..500 {
            throttle.took("a.example", Instant::now());
        }
        tokio::time::advance(Duration::from_secs(5)).await;
        throttle.took("a.example", Instant::now());
        let vague = |domain| Some(Asker { domain, of_rate: false });
        for domain in ["a.example", "b.example", "c.example"] {
            throttle.asked(delivery(), vague(domain), Instant::now());
        }
        assert!(throttle.limit().is_some_and(|limit| limit > 400.0), "{:?}", throttle.limit());
        let mut of_rate = Throttle::default();
        of_rate.took("a.example", Instant::now());
        of_rate.asked(delivery(), None, Instant::now());
        tokio::time::advance(CALM + DOUBLES * 10).await;
        of_rate.take(Instant::now()).unwrap();
        assert!(of_rate.limit().is_some_and(|limit| limit > 800.0), "{:?}", of_rate.limit());
    }

    #[tokio::test(start_paused = true)]
    async fn where_all_go_to_one_domain_its_requests_slow_the_relay() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        throttle.took("a.example", now);
        let asked: Vec<_> = (0..3).map(|_| throttle.asked(delivery(), Some(of_rate("a.example")), now)).collect();
        assert!(matches!(asked[..], [Asked::Unclear, Asked::Unclear, Asked::Slower { first: true, .. }]), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_relay_that_takes_nothing_is_not_slow_but_unhealthy() {
        let mut throttle = Throttle::default();
        assert_eq!(throttle.asked(delivery(), None, Instant::now()), Asked::NotOfItsRate);
        throttle.took("a.example", Instant::now());
        let asked = throttle.asked(delivery(), None, Instant::now());
        assert_eq!(asked, Asked::Slower { per_second: 0.85, first: true });
        tokio::time::advance(RECENT * 2).await;
        assert_eq!(throttle.asked(delivery(), None, Instant::now()), Asked::NotOfItsRate);
        tokio::time::advance(ENDS * 2).await;
        assert_eq!((throttle.take(Instant::now()), throttle.limit()), (Ok(()), None), "the limit ends by itself");
    }
}
