//! The rate tokens of one relay. Nothing is claimed without one; a token that no message used returns when it is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::dispatch::rates::rate::Rate;
use crate::dispatch::rates::share::Share;
use crate::dispatch::rates::throttle::{Asked, Asker, Throttle};

/// Both limits of a relay: the configured rate, and the one to which it asked us to slow down.
pub struct Tokens {
    rate: Option<Rate>,
    throttle: Mutex<Throttle>,
}

/// The right to send one message.
pub struct Token(Option<Arc<Tokens>>);

impl Token {
    /// A message used it: it does not return.
    pub fn spend(mut self) {
        self.0 = None;
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if let Some(tokens) = self.0.take() {
            tokens.give_back();
        }
    }
}

impl Tokens {
    /// The tokens at this many per second, all nodes together; without limit for 0.
    pub fn new(per_second: f64, share: &Arc<Share>) -> Arc<Self> {
        Arc::new(Self { rate: Rate::new(per_second, share), throttle: Mutex::default() })
    }

    /// Takes a token as soon as there is one.
    pub async fn take(self: &Arc<Self>) -> Token {
        loop {
            let taken = self.throttle().take(Instant::now());
            let Err(wait) = taken else { break };
            sleep(wait).await;
        }
        let Some(rate) = &self.rate else { return Token(Some(self.clone())) };
        rate.take().await;
        Token(Some(self.clone()))
    }

    /// Takes a token if there is one now.
    pub fn try_take(self: &Arc<Self>) -> Option<Token> {
        if let Some(rate) = &self.rate
            && !rate.try_take()
        {
            return None;
        }
        let taken = self.throttle().take(Instant::now()).is_ok();
        if let (Some(rate), false) = (&self.rate, taken) {
            rate.give_back();
        }
        taken.then(|| Token(Some(self.clone())))
    }

    /// This node's share of the configured rate, per second; `None` without a limit.
    pub fn share(&self) -> Option<f64> {
        self.rate.as_ref().map(Rate::share)
    }

    /// The rate to which the relay is slowed down since it asked for fewer messages, per second.
    pub fn throttled_to(&self) -> Option<f64> {
        self.throttle().limit()
    }

    /// Records that the relay took a message for a recipient at `domain`.
    pub fn took(&self, domain: &str) {
        self.throttle().took(domain, Instant::now());
    }

    /// Records that the relay asked for fewer messages; `asker` if it may have passed on the request of a domain.
    pub fn asked(&self, delivery: Uuid, asker: Option<Asker<'_>>) -> Asked {
        self.throttle().asked(delivery, asker, Instant::now())
    }

    fn give_back(&self) {
        self.throttle().give_back();
        if let Some(rate) = &self.rate {
            rate.give_back();
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        // Each change is complete before anything can panic.
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_dropped_returns_and_one_that_was_used_does_not() {
        let tokens = Tokens::new(0.5, &Arc::new(Share::sole(Clock::System)));
        let token = tokens.try_take().expect("nothing was taken yet");
        assert!(tokens.try_take().is_none());
        drop(token);
        tokens.try_take().expect("it returned").spend();
        assert!(tokens.try_take().is_none());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(tokens.try_take().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_in_vain_for_the_second_limit_keeps_nothing_of_the_first() {
        let tokens = Tokens::new(1.0, &Arc::new(Share::sole(Clock::System)));
        tokens.took("a.example");
        let delivery = Uuid::from_u128(1);
        assert!(matches!(tokens.asked(delivery, None), Asked::Slower { .. }));
        assert!(tokens.try_take().is_none(), "the relay asked for a pause of a second");
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert!(tokens.try_take().is_some(), "the configured rate has its token still");
    }
}
