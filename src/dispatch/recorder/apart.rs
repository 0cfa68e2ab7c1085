//! What to do if a transaction fails again and again while the database can be written: one part of it fails, and must not keep
//! the others from being recorded.

use crate::dispatch::Context;
use crate::dispatch::recorder::unreadable::PAUSE_MS;
use crate::dispatch::recorder::{DEADLINE, Group, Recorder};
use crate::domain::delivery::Outcome;
use crate::domain::entry::{Entry, Event, Fact, Person};
use crate::store::sending::settle::{Settlement, Written};
use crate::store::{StoreError, Writer};

/// What stands in place of the reply.
const UNRECORDED: &str = "the outcome could not be recorded; the log says why";

impl Recorder {
    /// Commits each outcome by itself, then the rest. Returns false if the database cannot be written: then nothing is wrong with
    /// any of them.
    pub(super) async fn commit_apart(&mut self, writer: &mut Writer, group: &mut Group) -> bool {
        if !self.can_write(writer).await {
            return false;
        }
        let mut left = std::mem::take(&mut group.settlements).into_iter();
        while let Some(written) = left.next() {
            let mut one = group.apart(written);
            if let Err(error) = self.commit_one(writer, &mut one).await {
                if !error.is_refusal() || !self.can_write(writer).await {
                    group.join(one);
                    group.settlements.extend(left);
                    return false;
                }
                self.put_away(writer, one, &error).await;
            }
        }
        if let Err(error) = self.commit_one(writer, group).await
            && error.is_refusal()
            && self.can_write(writer).await
        {
            // What was returned untried does so by itself, once its lease is over; the others lose their place at most.
            tracing::error!(error = error.for_logs(), "claims cannot be returned: their leases expire by themselves");
            *group = Group::default();
        }
        true
    }

    async fn commit_one(&mut self, writer: &mut Writer, group: &mut Group) -> Result<(), StoreError> {
        let store = self.context.store.clone();
        // Nothing else: it would fail with what fails here.
        let committed = store.within(DEADLINE, self.commit(writer, group, 0)).await?;
        self.done(group, committed);
        Ok(())
    }

    /// Records that an outcome which cannot be recorded is not known; what no server has returns to the queue.
    async fn put_away(&mut self, writer: &mut Writer, mut one: Group, error: &StoreError) {
        let (now, context) = (self.context.clock.now(), self.context.clone());
        for written in std::mem::take(&mut one.settlements) {
            let Settlement { delivery_id, notice_id, outcome, .. } = written.settlement;
            let error = error.for_logs();
            tracing::error!(delivery = %delivery_id, notice = %notice_id, %outcome, error, "an outcome cannot be recorded, others are");
            if matches!(outcome, Outcome::Accepted | Outcome::Uncertain) {
                one.settlements.extend(unknown(&context, written.settlement));
                continue;
            }
            context.unreadable.note_delivery(notice_id, delivery_id.to_string(), now.as_millisecond());
            let due_at = Some(now.as_millisecond().saturating_add(PAUSE_MS));
            for hold in std::mem::take(&mut one.holds) {
                one.give_back(hold, due_at);
            }
        }
        let is_something = !one.is_empty();
        if !is_something || self.commit_one(writer, &mut one).await.is_err() {
            tracing::error!(
                "nor that it is not known: the delivery stays claimed, and the next dispatcher finds it uncertain"
            );
            self.stuck.append(&mut one.holds);
        }
    }
}

/// The settlement of a delivery whose outcome cannot be recorded: uncertain, and never sent again by itself. It has the least that
/// a record can have: whatever else was to be recorded may be what the database does not take.
fn unknown(context: &Context, settlement: Settlement) -> Option<Written> {
    let entry = settlement.entry.as_ref()?;
    let (fact, person) = (Fact::from_cbor(&entry.fact).ok()?, Person::from_cbor(&entry.person).ok()?);
    let fact = Fact { event: Event::Uncertain, level: None, status_class: None, attempt: None, ..fact };
    // Without the message, its digest would say that it was removed.
    let person = Person { reply: UNRECORDED.to_owned(), sha256: None, ..person };
    let entry = Some(Entry::new(&fact, Some(&person), &context.random));
    let unknown = Settlement {
        outcome: Outcome::Uncertain,
        level: None,
        reply: Some(UNRECORDED.to_owned()),
        reason: None,
        again: None,
        attempt: None,
        message: None,
        entry,
        dead: None,
        ..settlement
    };
    Written::try_from(unknown).ok()
}

impl Group {
    /// One settlement of this group, with what it holds.
    fn apart(&mut self, written: Written) -> Self {
        let claim = (written.settlement.delivery_id, written.settlement.token);
        let holds = self.holds.extract_if(.., |hold| hold.claim() == claim).collect();
        Self { settlements: vec![written], holds, ..Self::default() }
    }

    /// Takes back what was set apart.
    fn join(&mut self, mut one: Self) {
        self.settlements.append(&mut one.settlements);
        self.holds.append(&mut one.holds);
    }
}
