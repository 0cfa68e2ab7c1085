//! Records what messages say of deliveries. A message, its effects and their entries are one transaction, under the lock of the
//! ledger's head: two nodes that read the same message record it once.

mod known;

use jiff::{SignedDuration, Timestamp};

use super::Inbound;
use super::copies::{self, Times};
use super::tie::Tied;
use crate::deliveries::DeliveryError;
use crate::deliveries::findings::{fact, lock_notice, person};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::delivery::{Event as DeliveryEvent, Outcome, State};
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::inbound::Disposition;
use crate::domain::preference::{Reason, Source, Wish};
use crate::domain::report::effect::{About, Earlier, Effect, Said};
use crate::domain::report::{Action, Verdict};
use crate::domain::task::TaskKind;
use crate::people::preferences;
use crate::store::inbound::{self, Disposed, Waiting, reports};
use crate::store::notices::Kept;
use crate::store::people::suppressions;
use crate::store::proof::ledger::{self, Opening};
use crate::store::sending::deliveries::Shown;
use crate::store::sending::settle;
use crate::store::tasks::{self, NewTask};
use crate::store::{Conn, StoreError};
use known::{About as AboutIt, Known, about, foreign, level};

/// The longest time that a report waits before its delivery is looked at again.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// The shortest.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// Reports that change nothing and are recorded for one delivery: whoever got a notice can send more, each of which would be an entry.
const MOST_NOTES: u32 = 1000;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is recorded, with what it says, or known to be about nothing of ours.
    Done(Disposition, Vec<Verdict>),
    /// Its delivery is not finished: it is looked at again.
    Waits,
    /// Another process was first.
    Gone,
}

/// A delivery that a message is about, locked.
struct Subject<'a> {
    delivery: &'a Shown,
    notice: &'a Kept,
    /// Its state now: one message may hold several reports about it.
    state: State,
}

impl Inbound {
    /// Records a message that was read, in the caller's transaction, which holds the ledger's head and the places of the deliveries in the
    /// queue.
    pub(super) async fn settle(
        &self,
        conn: &mut Conn,
        waiting: &Waiting,
        digest: [u8; 32],
        tied: &Tied,
    ) -> Result<Settled, StoreError> {
        let locked = match tied.delivery() {
            Some(id) => match lock_notice(conn, id).await {
                Ok(locked) => Some(locked),
                // It was purged, or is of another installation.
                Err(DeliveryError::Unknown(_)) => None,
                Err(DeliveryError::Store(error)) => return Err(error),
                Err(_) => None,
            },
            None => None,
        };
        if !inbound::is_waiting(conn, waiting.id).await? {
            return Ok(Settled::Gone);
        }
        let mut verdicts = Vec::new();
        let disposition = match &locked {
            Some((delivery, notice)) => {
                let subject = Subject { delivery, notice, state: delivery.state };
                let Some(recorded) = self.record(conn, waiting, digest, tied, subject).await? else {
                    let due_at = later(waiting.at, self.context.clock.now());
                    inbound::postpone(conn, waiting.id, due_at).await?;
                    return Ok(Settled::Waits);
                };
                verdicts = recorded;
                Disposition::Recorded
            }
            None => Disposition::Unmatched,
        };
        let disposed = Disposed {
            disposition,
            kind: tied.message.kind,
            tie: tied.tie.kind,
            delivery_id: tied.tie.delivery,
            erased: locked.is_some_and(|(delivery, _)| delivery.email.is_empty()),
        };
        inbound::dispose(conn, waiting.id, &disposed).await?;
        Ok(Settled::Done(disposition, verdicts))
    }

    /// Records what a message says of its delivery, and returns what was not recorded before. Returns `None` if the delivery is not
    /// finished.
    async fn record(
        &self,
        conn: &mut Conn,
        waiting: &Waiting,
        digest: [u8; 32],
        tied: &Tied,
        mut subject: Subject<'_>,
    ) -> Result<Option<Vec<Verdict>>, StoreError> {
        let (message, tie) = (&tied.message, tied.tie.kind);
        let about_it = about(message, &subject.delivery.email);
        let expanded = reports::was_expanded(conn, subject.delivery.id).await?;
        let times = Times { came: waiting.at, copy: message.copy_at };
        let fails = about_it.iter().any(|it| it.report.action == Action::Failed);
        let earlier = if fails { copies::earlier(conn, subject.delivery, times).await? } else { Earlier::No };
        let judge = |state, it: &AboutIt| {
            let about = About { state, same_address: it.same_address, expanded: expanded || it.of_several, earlier };
            Effect::of(message.kind, tie, Said::from(&it.report), about)
        };
        if about_it.iter().any(|it| judge(subject.state, it).is_none()) {
            return Ok(None);
        }
        let mut verdicts = Vec::new();
        for it in about_it {
            let Some(effect) = judge(subject.state, &it) else { return Ok(None) };
            let known = Known { waiting, message, tie, digest, report: &it.report };
            if self.apply(conn, &known, effect, &subject).await? {
                verdicts.push(it.report.verdict);
                subject.state = effect.outcome.map_or(subject.state, Outcome::state);
            }
        }
        Ok(Some(verdicts))
    }

    /// Records a report with its effect. Returns false if it is recorded already.
    async fn apply(
        &self,
        conn: &mut Conn,
        known: &Known<'_>,
        effect: Effect,
        subject: &Subject<'_>,
    ) -> Result<bool, StoreError> {
        let Subject { delivery, notice, state } = *subject;
        let at = self.context.clock.now();
        let erased = delivery.email.is_empty();
        if effect.is_note() && reports::count(conn, delivery.id, MOST_NOTES).await? >= u64::from(MOST_NOTES) {
            tracing::warn!(delivery = %delivery.id, "more reports came about a delivery than are recorded: the message is kept");
            // What a person wrote goes on to support all the same, as often as it does.
            self.plan_forward(conn, known.waiting, known.message, delivery, at).await?;
            return Ok(false);
        }
        if !reports::insert(conn, delivery.id, known.fingerprint(), &known.recorded(effect.outcome, erased)).await? {
            return Ok(false);
        }
        let entry = self.entry(known, effect.outcome, subject, at);
        match effect.outcome {
            Some(outcome) => {
                let words = known.diagnostic();
                let reported = settle::Reported {
                    delivery_id: delivery.id,
                    notice_id: notice.id,
                    from: state,
                    event: DeliveryEvent::Outcome(outcome),
                    level: level(outcome),
                    reply: words.as_deref().filter(|_| !erased),
                    at,
                };
                settle::report(conn, &reported, &entry).await?;
            }
            None => ledger::append(conn, &[Opening::of_delivery(&entry, notice.id, delivery.id, at)]).await?,
        }
        if let Ok(address) = Address::parse(&delivery.email) {
            if effect.dead {
                suppressions::add(conn, &address, Reason::Dead, at).await?;
            }
            if effect.complaint {
                self.opt_out(conn, &address, at).await?;
            }
        }
        let tasks = [effect.task, known.message.hint.map(TaskKind::from), known.unread()];
        for kind in tasks.into_iter().flatten() {
            self.open_task(conn, kind, known, subject, at).await?;
        }
        self.plan_forward(conn, known.waiting, known.message, delivery, at).await?;
        let delivery = delivery.id;
        let (kind, verdict, outcome) = (known.message.kind, known.report.verdict, effect.outcome.map(Outcome::as_str));
        tracing::info!(%delivery, %kind, %verdict, outcome, "a report was recorded");
        Ok(true)
    }

    /// The entry of a report. It names nobody if the person was erased.
    fn entry(&self, known: &Known<'_>, outcome: Option<Outcome>, subject: &Subject<'_>, at: Timestamp) -> Entry {
        let Subject { delivery, notice, .. } = *subject;
        let event = outcome.map_or(Event::Reported, Event::from);
        let detail = Detail::Report(known.statement());
        let fact = Fact { detail, level: outcome.and_then(level), ..fact(delivery, notice, event, at) };
        let host = known.report.remote_mta.as_deref().map(foreign).unwrap_or_default();
        let person = person(delivery, notice, &known.diagnostic().unwrap_or_default());
        let person = person.map(|person| Person { host, ..person });
        Entry::new(&fact, person.as_ref(), &self.context.random)
    }

    /// A complaint is an objection: the person gets nothing optional any more.
    async fn opt_out(&self, conn: &mut Conn, address: &Address, at: Timestamp) -> Result<(), StoreError> {
        suppressions::add(conn, address, Reason::Complaint, at).await?;
        let wishes: Vec<Wish> = Category::ALL.iter().filter_map(|category| Wish::new(*category, true).ok()).collect();
        let actor = Actor::system("inbound");
        preferences::apply(&self.context, conn, &actor, address, &wishes, Source::Complaint).await?;
        Ok(())
    }

    async fn open_task(
        &self,
        conn: &mut Conn,
        kind: TaskKind,
        known: &Known<'_>,
        subject: &Subject<'_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let about = (subject.notice.id, subject.delivery.account_id.as_str(), subject.delivery.id);
        if tasks::open_about(conn, kind, about).await? >= most_open(kind) {
            return Ok(());
        }
        let task = NewTask {
            id: self.context.random.id(at),
            kind,
            notice_id: Some(subject.notice.id),
            account_id: Some(&subject.delivery.account_id),
            delivery_id: Some(subject.delivery.id),
            inbound_id: Some(known.waiting.id),
            reason: &known.reason(kind),
            at,
            deadline: None,
        };
        tasks::open(conn, &task).await?;
        Ok(())
    }
}

/// How many tasks of a kind may be open about one delivery: what a person must look at once needs no more.
const fn most_open(kind: TaskKind) -> u64 {
    if matches!(kind, TaskKind::WeakMatch) { 10 } else { 1 }
}

/// When a report is looked at again whose delivery is not finished: soon at first.
fn later(came: Timestamp, now: Timestamp) -> Timestamp {
    let waited = now.duration_since(came) / 10;
    now.checked_add(waited.clamp(SHORTEST_WAIT, LONGEST_WAIT)).unwrap_or(now)
}
