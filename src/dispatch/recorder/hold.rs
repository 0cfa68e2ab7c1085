//! What a claimed delivery holds: its lease, a slot at its recipient's domain, and the rate token for its message.
//!
//! One value owns them, from the claim to the commit of the outcome, wherever the delivery is meanwhile: in what the recorder
//! claims, in a job, in what waits to be recorded. Dropping the value frees them, so that no path has to.

use uuid::Uuid;

use crate::dispatch::domains::pace::Slot;
use crate::dispatch::rates::tokens::Token;
use crate::dispatch::recorder::leases::Lease;
use crate::store::sending::queue::GiveBack;

/// What a claimed delivery holds.
pub struct Hold {
    lease: Lease,
    slot: Slot,
    /// Until it is known whether a message used it.
    token: Option<Token>,
}

impl Hold {
    /// What a claim holds, before a worker has it.
    pub const fn new(lease: Lease, slot: Slot) -> Self {
        Self { lease, slot, token: None }
    }

    /// Its slot at the recipient's domain.
    pub const fn slot(&mut self) -> &mut Slot {
        &mut self.slot
    }

    /// The same with the token of the worker that has it now.
    pub fn with(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Ends the token: it returns unless the relay saw a message for it.
    pub fn end_token(&mut self, is_used: bool) {
        if let Some(token) = self.token.take()
            && is_used
        {
            token.spend();
        }
    }

    /// The delivery and the token that it was claimed with.
    pub const fn claim(&self) -> (Uuid, i64) {
        (self.lease.delivery_id, self.lease.token)
    }

    /// The claim as it is returned: when it may be claimed again; `None` keeps its place in the queue.
    pub fn give_back(&self, due_at: Option<i64>) -> GiveBack {
        GiveBack { id: self.lease.delivery_id, token: self.lease.token, due_at, not_before: None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use tokio::sync::Notify;

    use super::*;
    use crate::config::Limits;
    use crate::dispatch::domains::pace::Pace;
    use crate::dispatch::rates::share::Share;
    use crate::dispatch::rates::tokens::Tokens;
    use crate::dispatch::recorder::leases::Leases;
    use crate::domain::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn dropping_it_frees_lease_slot_and_token() {
        let share = Arc::new(Share::sole(Clock::System));
        let limits = Limits { domain_connections: 1, ..Limits::default() };
        let (pace, leases) = (Arc::new(Pace::new(&limits, &share, Arc::new(Notify::new()))), Leases::default());
        let tokens = Tokens::new(0.1, &share);
        let hold = || {
            let lease = leases.begin(Uuid::from_u128(1), 7, Timestamp::UNIX_EPOCH);
            let slot = pace.reserve("a.example", 0).expect("it is free");
            Hold::new(lease, slot).with(tokens.try_take().expect("there is one"))
        };
        let held = || (leases.held().len(), pace.reserve("a.example", 0).is_none(), tokens.try_take().is_none());
        let mut first = hold();
        assert_eq!(held(), (1, true, true));
        first.end_token(false);
        assert_eq!(held(), (1, true, false), "its message was not sent");
        drop(first);
        assert_eq!(held(), (0, false, false));
        let mut second = hold();
        second.end_token(true);
        drop(second);
        assert_eq!(held(), (0, false, true), "its message was sent");
    }
}
