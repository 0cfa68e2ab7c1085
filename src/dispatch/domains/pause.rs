//! Pauses towards recipients' domains that asked for one, by 421 or 4.7.x at RCPT, DATA or the final dot.
//!
//! A pause starts at 30 seconds, doubles with each one that follows it up to 15 minutes, and halves with each message that
//! the domain accepts. After a pause, deliveries to the domain go one at a time until one is accepted. A pause does not bring
//! any delivery closer to giving up: the delivery with that reply is deferred by its own schedule, the others wait untried.
//!
//! A relay that replies so to everybody is unhealthy, and no domain is paused for it: [`crate::dispatch::relay::refusals`].

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::clock::from_millis;

/// First pause, in milliseconds; it doubles up to [`LONGEST_MS`].
const FIRST_MS: i64 = 30_000;
const LONGEST_MS: i64 = 15 * 60_000;

/// Domains remembered at most; those whose pause ends first are dropped first.
const REMEMBERED: usize = 1000;

/// A paused domain, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// The domain.
    pub domain: String,
    /// Until when.
    pub until: Timestamp,
    /// The code of the reply that asked for it.
    pub code: Option<u16>,
}

#[derive(Debug)]
struct Pause {
    until_ms: i64,
    length_ms: i64,
    code: Option<u16>,
    relay: String,
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
        if before.is_some_and(|pause| now_ms < pause.until_ms) {
            return; // Sent before the pause began.
        }
        let length_ms = before.map_or(FIRST_MS, |pause| pause.length_ms.saturating_mul(2).min(LONGEST_MS));
        let until_ms = now_ms.saturating_add(jittered(length_ms, jitter));
        tracing::info!(domain, relay, code, pause_s = length_ms / 1000, "a domain asks for a pause");
        self.domains.insert(domain.to_owned(), Pause { until_ms, length_ms, code, relay: relay.to_owned() });
        self.forget_some();
    }

    /// Records that a domain accepted a message.
    pub fn took(&mut self, domain: &str, now_ms: i64) {
        let Some(pause) = self.domains.get_mut(domain) else { return };
        if now_ms < pause.until_ms {
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
        self.domains.get(domain).map(|pause| pause.until_ms).filter(|until| now_ms < *until)
    }

    /// Domains that are or were paused, and until when, in milliseconds.
    pub fn all(&self) -> impl Iterator<Item = (&str, i64)> {
        self.domains.iter().map(|(domain, pause)| (domain.as_str(), pause.until_ms))
    }

    /// The paused domains for which a relay asked, the longest pauses first.
    #[must_use]
    pub fn of(&self, relay: &str, now_ms: i64) -> Vec<Paused> {
        let on_pause = self.domains.iter().filter(|(_, pause)| pause.relay == relay && now_ms < pause.until_ms);
        let mut paused: Vec<_> = on_pause
            .map(|(domain, pause)| Paused {
                domain: domain.clone(),
                until: from_millis(pause.until_ms),
                code: pause.code,
            })
            .collect();
        paused.sort_by(|a, b| b.until.cmp(&a.until).then_with(|| a.domain.cmp(&b.domain)));
        paused
    }

    fn forget_some(&mut self) {
        if self.domains.len() > REMEMBERED {
            let first = self.domains.iter().min_by_key(|(_, pause)| pause.until_ms).map(|(domain, _)| domain.clone());
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

    #[test]
    fn a_pause_doubles_until_the_domain_takes_a_message() {
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

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut pauses = Pauses::default();
        for n in 0..3000 {
            let relay = format!("r{n}");
            pauses.ask(&format!("d{n}.example"), &relay, None, n, 1.0);
        }
        assert_eq!((pauses.all().count(), pauses.until("d2999.example", 2999).is_some()), (REMEMBERED, true));
    }
}
