//! Pauses towards recipients' domains that asked for one, by 421 or 4.7.x at RCPT, DATA or the final dot.
//!
//! A pause starts at 30 seconds, doubles with each one that follows it up to 15 minutes, and halves with each message that
//! the domain accepts. After a pause, deliveries to the domain go one at a time until one is accepted. A pause does not bring
//! any delivery closer to giving up: the delivery with that reply is deferred by its own schedule, the others wait untried.
//!
//! A relay that replies so to everybody is unhealthy, and no domain is paused for it: [`crate::dispatch::relay::refusals`].

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::domain::clock::{from_millis, millis};

/// First pause, in milliseconds; it doubles up to [`LONGEST_MS`].
const FIRST_MS: i64 = 30_000;
const LONGEST_MS: i64 = 15 * 60_000;

/// Domains remembered at most; those whose pause ends first are dropped first.
const REMEMBERED: usize = 1000;

/// A paused domain, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = relay::Paused)]
pub struct Paused {
    /// The domain.
    pub domain: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// The code of the reply that asked for it.
    pub code: Option<u16>,
}

/// A pause ends by the clock that says so first: one stops while the machine is suspended, the other may have been ahead when
/// the pause began.
#[derive(Debug)]
struct Pause {
    end: Instant,
    until_ms: i64,
    length_ms: i64,
    code: Option<u16>,
    relay: String,
}

impl Pause {
    /// Its end as the wall clock will show it; `None` if it is over.
    fn until(&self, now_ms: i64) -> Option<i64> {
        let left = self.end.saturating_duration_since(Instant::now());
        // Not rounded down: what is due at its end must find it over.
        let left_ms = millis(left + Duration::from_micros(999));
        let until = self.until_ms.min(now_ms.saturating_add(left_ms));
        Some(until).filter(|until| now_ms < *until)
    }
}

/// All pauses of this node.
#[derive(Debug, Default)]
pub struct Pauses {
    domains: HashMap<String, Pause>,
}

impl Pauses {
    /// Records that a relay passed on the request of a domain for a pause. `jitter` is a factor around 1.
    pub fn ask(&mut self, domain: &str, relay: &str, code: Option<u16>, now_ms: i64, jitter: f64) {
        let before = self.domains.get(domain);
        if before.is_some_and(|pause| pause.until(now_ms).is_some()) {
            return; // Sent before the pause began.
        }
        let length_ms = before.map_or(FIRST_MS, |pause| pause.length_ms.saturating_mul(2).min(LONGEST_MS));
        let lasts_ms = jittered(length_ms, jitter);
        let end = Instant::now() + Duration::from_millis(lasts_ms.unsigned_abs());
        let until_ms = now_ms.saturating_add(lasts_ms);
        tracing::info!(domain, relay, code, pause_s = length_ms / 1000, "a domain asks for a pause");
        self.domains.insert(domain.to_owned(), Pause { end, until_ms, length_ms, code, relay: relay.to_owned() });
        self.forget_some();
    }

    /// Records that a domain accepted a message.
    pub fn took(&mut self, domain: &str, now_ms: i64) {
        let Some(pause) = self.domains.get_mut(domain) else { return };
        if pause.until(now_ms).is_some() {
            return; // Sent before the pause began.
        }
        pause.length_ms /= 2;
        if pause.length_ms < FIRST_MS {
            self.domains.remove(domain);
        }
    }

    /// True after a pause, until the domain accepts a message.
    #[must_use]
    pub fn one_at_a_time(&self, domain: &str) -> bool {
        self.domains.contains_key(domain)
    }

    /// Until when a domain is paused, in milliseconds.
    #[must_use]
    pub fn until(&self, domain: &str, now_ms: i64) -> Option<i64> {
        self.domains.get(domain)?.until(now_ms)
    }

    /// The paused domains, and until when, in milliseconds.
    pub fn all(&self, now_ms: i64) -> impl Iterator<Item = (&str, i64)> {
        self.domains.iter().filter_map(move |(domain, pause)| Some((domain.as_str(), pause.until(now_ms)?)))
    }

    /// The paused domains for which a relay asked, the longest pauses first.
    #[must_use]
    pub fn of(&self, relay: &str, now_ms: i64) -> Vec<Paused> {
        let its = self.domains.iter().filter(|(_, pause)| pause.relay == relay);
        let shown = its.filter_map(|(domain, pause)| {
            let until = from_millis(pause.until(now_ms)?);
            Some(Paused { domain: domain.clone(), until, code: pause.code })
        });
        let mut paused: Vec<_> = shown.collect();
        paused.sort_by(|a, b| b.until.cmp(&a.until).then_with(|| a.domain.cmp(&b.domain)));
        paused
    }

    fn forget_some(&mut self) {
        if self.domains.len() > REMEMBERED {
            let first = self.domains.iter().min_by_key(|(_, pause)| pause.end).map(|(domain, _)| domain.clone());
            first.and_then(|domain| self.domains.remove(&domain));
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "minutes in milliseconds")]
fn jittered(ms: i64, jitter: f64) -> i64 {
    (ms as f64 * jitter) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_ahead_holds_nothing_for_long() {
        let (mut pauses, day) = (Pauses::default(), 86_400_000);
        pauses.ask("slow.example", "r", Some(421), day, 1.0);
        // Then the clock is corrected.
        assert_eq!(pauses.until("slow.example", 0), Some(30_000));
        assert_eq!(pauses.all(0).collect::<Vec<_>>(), [("slow.example", 30_000)]);
        assert_eq!(pauses.of("r", 0)[0].until, from_millis(30_000));
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(pauses.until("slow.example", 20_000), Some(30_000));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!((pauses.until("slow.example", 30_000), pauses.all(30_000).count()), (None, 0));
        pauses.ask("slow.example", "r", Some(421), 30_000, 1.0);
        assert_eq!(pauses.until("slow.example", 90_000), None, "the machine was suspended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_doubles_until_the_domain_takes_a_message() {
        let mut pauses = Pauses::default();
        let (mut now, mut lengths) = (0, Vec::new());
        for _ in 0..7 {
            pauses.ask("slow.example", "r", Some(421), now, 1.0);
            let until = pauses.until("slow.example", now).unwrap();
            pauses.ask("slow.example", "r", Some(421), until - 1, 1.0);
            pauses.took("slow.example", until - 1);
            assert_eq!(pauses.until("slow.example", until - 1), Some(until), "answers to what was under way");
            lengths.push((until - now) / 1000);
            now = until;
        }
        assert_eq!(lengths, [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(pauses.until("slow.example", now), None);
        pauses.took("slow.example", now);
        pauses.ask("slow.example", "r", Some(451), now, 1.0);
        assert_eq!(pauses.until("slow.example", now), Some(now + 15 * MINUTE), "half of it, doubled again");
        now += 15 * MINUTE;
        for _ in 0..6 {
            assert!(pauses.one_at_a_time("slow.example"));
            pauses.took("slow.example", now);
            if !pauses.one_at_a_time("slow.example") {
                break;
            }
        }
        assert!(!pauses.one_at_a_time("slow.example"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let mut pauses = Pauses::default();
        for n in 0..3000 {
            let relay = format!("r{n}");
            pauses.ask(&format!("d{n}.example"), &relay, None, n, 1.0);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!((pauses.all(2999).count(), pauses.until("d2999.example", 2999).is_some()), (REMEMBERED, true));
    }
}
