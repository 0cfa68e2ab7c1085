//! Jobs whose worker is gone: it was aborted, or it panicked.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::dispatch::Context;
use crate::dispatch::recorder::How;
use crate::dispatch::recorder::settlement::{Transaction, Trial, settlement};
use crate::dispatch::recorder::unreadable::PAUSE_MS;
use crate::domain::delivery::{Outcome, Reason};
use crate::mail::compose::composer::Composer;
use crate::store::sending::claims::Claimed;
use crate::store::sending::deliveries::ToSend;

/// Panics over one delivery after which it is not tried again.
const MOST: u32 = 3;

/// Deliveries remembered; beyond that, the memory starts over.
const REMEMBERED: usize = 10_000;

/// How often a worker panicked that held a delivery, by delivery.
#[derive(Default)]
pub struct Panics(HashMap<Uuid, u32>);

impl Panics {
    /// Counts one more, and returns how many there are.
    fn count(&mut self, delivery: Uuid) -> u32 {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&delivery) {
            self.0.clear();
        }
        let count = self.0.entry(delivery).or_default();
        *count += 1;
        *count
    }
}

/// A job whose worker is gone.
pub struct Abandoned {
    /// The claim.
    pub claimed: Claimed,
    /// Its notice.
    pub sending: Arc<Composer>,
    /// Its recipient.
    pub to: ToSend,
    /// What was being sent.
    pub transaction: Option<Box<Transaction>>,
    /// True if the server may have the message.
    pub in_doubt: bool,
    /// True if its worker panicked: perhaps over this delivery.
    pub panicked: bool,
}

impl Abandoned {
    /// What to record: that it is uncertain, with all that is known, if the server may have the message. If not, it returns. A
    /// delivery over which workers panic again and again ends as one that cannot be composed.
    pub fn ends(self, context: &Context, panics: &mut Panics) -> How {
        let Self { claimed, sending, to, transaction, in_doubt, panicked } = self;
        let (delivery, notice, now) = (to.id, sending.kept.id, context.clock.now());
        let trial = if in_doubt {
            let why = "the connection was given up before the server's answer".to_owned();
            let transaction = transaction.map(|transaction| *transaction);
            Trial { reply: Some(why), transaction, ..Trial::untried(Outcome::Uncertain) }
        } else if !panicked {
            return How::GiveBack(None);
        } else if panics.count(delivery) < MOST {
            context.unreadable.note_delivery(notice, delivery.to_string(), now.as_millisecond());
            return How::GiveBack(Some(now.as_millisecond().saturating_add(PAUSE_MS)));
        } else {
            tracing::error!(
                %notice, %delivery,
                "workers panicked {MOST} times over a delivery, it is not sent: report the panic in this log, then `besked \
                 deliveries resend --notice {notice} --state not_composed`"
            );
            Trial::not_sent(Reason::NotComposed)
        };
        context.recorded(settlement(&context.config.retry, &context.random, now, (&claimed, &sending, &to), trial))
    }
}
