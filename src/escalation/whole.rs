//! A look at all customers of a notice: at its release at those with nobody to address, at its deadline, and while some are not
//! informed although it has passed; and at times when an answer changes though nothing happens, as `report_wait` ends.

use jiff::{SignedDuration, Timestamp};

use super::customers::Who;
use super::{CHUNK, Escalation, EscalationError, later, watched};
use crate::coverage::CoverageRow;
use crate::domain::actor::Actor;
use crate::domain::clock::{from_millis, millis};
use crate::domain::coverage::{LegalClock, Measure, Verdict};
use crate::domain::delivery::Level;
use crate::domain::escalation::State;
use crate::domain::task::TaskKind;
use crate::domain::webhook::HookEvent;
use crate::store::escalations::{Case, Watch};
use crate::store::notices::Kept;
use crate::store::sending::deliveries;
use crate::store::tasks::NewTask;
use crate::store::webhooks::facts;
use crate::store::{Conn, StoreError, escalations, tasks};

/// The shortest time between two looks.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);

/// How long a notice rests for each page that a look at it reads: a large one is read seldom.
const PER_PAGE: SignedDuration = SignedDuration::from_secs(1);

/// The parts of `report_wait` after which what waits for a report is looked at again.
const PARTS: i32 = 100;

/// What a look found.
#[derive(Default)]
struct Found {
    /// Customers past the deadline of whom no person has a task, and none will have soon.
    waiting: u64,
    /// All customers past the deadline.
    overdue: u64,
    /// When the first of the deliveries that wait for a report has waited long enough.
    report_at: Option<Timestamp>,
    /// Pages that were read.
    pages: i32,
}

impl Escalation {
    /// Looks at all customers of a notice.
    pub(super) async fn look_at_all(&self, watch: Watch) -> Result<(), EscalationError> {
        let Some(notice) = watched(&mut *self.context.store.read().await?, watch.notice_id).await? else {
            let mut tx = self.context.store.write().await?;
            escalations::unwatch(&mut tx, watch.notice_id).await?;
            return Ok(tx.commit().await.map_err(StoreError::from)?);
        };
        let (measure, clock) = (self.coverage.measure(&notice), self.coverage.clock(&notice));
        if watch.seen.is_none() {
            return self.begin(&notice, &measure, clock).await;
        }
        let seen = self.seen(&notice, clock).await?;
        if watch.seen.as_ref() == Some(&seen) && measure.informed_at == Level::Relayed {
            // Nothing happened, and no answer changes by itself.
            let due_at =
                (watch.overdue > 0).then(|| later(measure.now, SHORTEST)).or_else(|| passes(clock, measure.now));
            return self.looked(&Watch { seen: Some(seen), ..watch }, due_at).await;
        }
        let found = self.read(&notice, &measure, clock).await?;
        let again = self.seen(&notice, clock).await?;
        let rest = SHORTEST.max(PER_PAGE * found.pages);
        let late = clock.deadline.is_some_and(|deadline| deadline < measure.now);
        let busy = late && (found.overdue > 0 || again != seen);
        let report = found.report_at.map(|at| at.max(later(measure.now, report_step(&measure).max(rest))));
        let due_at =
            [passes(clock, measure.now), busy.then(|| later(measure.now, rest)), report].into_iter().flatten().min();
        self.settle_overdue(&notice, clock, &found).await?;
        self.looked(&Watch { seen: Some(again), overdue: found.overdue, ..watch }, due_at).await
    }

    /// The first look: nothing can have failed yet, but some customers have nobody to address.
    async fn begin(&self, notice: &Kept, measure: &Measure, clock: LegalClock) -> Result<(), EscalationError> {
        let mut after = String::new();
        loop {
            let mut conn = self.context.store.read().await?;
            let page = deliveries::unaddressed_after(&mut conn, notice.id, &after, CHUNK).await?;
            drop(conn);
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            let accounts = page.into_iter().map(|(account, _)| account).collect();
            self.look(notice.id, Who::These(accounts)).await?;
            self.hold().await?;
        }
        let waits = measure.informed_at != Level::Relayed;
        let report = waits.then(|| later(measure.now, SignedDuration::from_millis(millis(measure.report_wait))));
        // A notice may be released after its deadline.
        let due_at = passes(clock, measure.now).or_else(|| clock.deadline.map(|_| later(measure.now, SHORTEST)));
        let watch = Watch { notice_id: notice.id, seen: Some(String::new()), overdue: 0 };
        self.looked(&watch, [due_at, report].into_iter().flatten().min()).await
    }

    async fn looked(&self, watch: &Watch, due_at: Option<Timestamp>) -> Result<(), EscalationError> {
        let mut tx = self.context.store.write().await?;
        let before = escalations::watched(&mut tx, watch.notice_id).await?.map_or(0, |before| before.overdue);
        escalations::set_looked(&mut tx, watch, due_at).await?;
        if watch.overdue > before {
            let at = self.context.clock.now();
            facts::note_notice(&mut tx, HookEvent::CoverageOverdue, watch.notice_id, at).await?;
        }
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// What the answers about a notice depend on.
    async fn seen(&self, notice: &Kept, clock: LegalClock) -> Result<String, StoreError> {
        let late = clock.deadline.is_some_and(|deadline| deadline < self.context.clock.now());
        let seen = escalations::seen(&mut *self.context.store.read().await?, notice.id).await?;
        Ok(if late { format!("late, {seen}") } else { seen })
    }

    /// Reads the coverage of a notice, and escalates who has no case.
    async fn read(&self, notice: &Kept, measure: &Measure, clock: LegalClock) -> Result<Found, EscalationError> {
        let mut found = Found::default();
        let actor = Actor::system("escalation");
        let mut covering = self.coverage.coverage(&actor, &notice.id.to_string()).await?;
        while let Some(rows) = covering.next().await? {
            found.pages += 1;
            let open: Vec<&CoverageRow> = rows.iter().filter(|row| row.verdict != Verdict::Informed).collect();
            let ids: Vec<&str> = open.iter().map(|row| row.account_id.as_str()).collect();
            let cases = escalations::of_customers(&mut *self.context.store.read().await?, notice.id, &ids).await?;
            let mut without = Vec::new();
            for row in open {
                let case = cases.get(&row.account_id);
                let has_failed = row.verdict != Verdict::Pending;
                if has_failed && !case.is_some_and(is_at_work) {
                    without.push(row.account_id.clone());
                } else if clock.is_overdue(row.verdict, measure.now) && !case.is_some_and(is_at_work) {
                    found.waiting += 1;
                }
                if !has_failed && measure.informed_at != Level::Relayed {
                    let at = ends(row, measure);
                    found.report_at = Some(found.report_at.map_or(at, |before| before.min(at)));
                }
            }
            for chunk in without.chunks(CHUNK as usize) {
                self.look(notice.id, Who::These(chunk.to_vec())).await?;
            }
            self.hold().await?;
        }
        found.overdue = covering.totals().overdue;
        Ok(found)
    }

    /// Opens the task of a notice with customers who wait past its deadline, and closes it once there are none.
    async fn settle_overdue(&self, notice: &Kept, clock: LegalClock, found: &Found) -> Result<(), StoreError> {
        let last = tasks::last(&mut *self.context.store.read().await?, TaskKind::Overdue, notice.id).await?;
        let is_open = last.as_ref().is_some_and(|task| task.done_at.is_none());
        if is_open != (found.waiting == 0) || (!is_open && last.is_some_and(|task| task.is_settled())) {
            return Ok(());
        }
        let mut tx = self.context.store.write().await?;
        let opened = if is_open {
            tasks::close_all(&mut tx, TaskKind::Overdue, notice.id, self.context.clock.now()).await?;
            false
        } else {
            self.open_overdue(&mut tx, notice, clock, found.waiting).await?
        };
        tx.commit().await?;
        if opened {
            let count = found.waiting;
            tracing::warn!(notice = %notice.id, count, "the deadline has passed, and customers whose deliveries wait are not informed");
        }
        Ok(())
    }

    async fn open_overdue(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        clock: LegalClock,
        waiting: u64,
    ) -> Result<bool, StoreError> {
        let at = self.context.clock.now();
        let reason = format!(
            "the deadline has passed and deliveries still wait: customers who are not informed yet, {waiting} in number, are shown by \
             `besked coverage {} --open`",
            notice.id
        );
        let task = NewTask {
            id: self.context.random.id(at),
            kind: TaskKind::Overdue,
            notice_id: Some(notice.id),
            account_id: None,
            delivery_id: None,
            inbound_id: None,
            reason: &reason,
            at,
            deadline: clock.deadline,
        };
        tasks::open(conn, &task).await
    }
}

/// True if a person has, or had, the task to inform the customer, or a role has its turn for a while.
const fn is_at_work(case: &Case) -> bool {
    match case.state {
        State::Task | State::Settled => true,
        State::Addressing => case.due_at.is_some(),
        State::Informed => false,
    }
}

/// How often what waits for reports is looked at.
fn report_step(measure: &Measure) -> SignedDuration {
    SignedDuration::from_millis(millis(measure.report_wait)) / PARTS
}

/// When the first delivery of a customer has waited for a report long enough; of one that was not sent yet, at the earliest.
fn ends(row: &CoverageRow, measure: &Measure) -> Timestamp {
    let since = |at: Timestamp, informs: bool| if informs { at } else { measure.now };
    let first = row.deliveries.iter().filter(|it| it.state.informs() || it.state.is_pending());
    let first = first.map(|it| since(it.at, it.state.informs())).min().unwrap_or(measure.now);
    from_millis(first.as_millisecond().saturating_add(millis(measure.report_wait)))
}

/// When the deadline will have passed, if it has not.
fn passes(clock: LegalClock, now: Timestamp) -> Option<Timestamp> {
    let passed = clock.deadline.map(|deadline| later(deadline, SignedDuration::from_millis(1)));
    passed.filter(|passed| *passed > now)
}
