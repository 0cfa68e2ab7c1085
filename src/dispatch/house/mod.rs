//! Housekeeping: periodic work of a dispatcher beside the sending. It closes finished notices, takes over the claims of
//! dispatchers that are gone, counts what could be sent, and detects that there is nothing left to do. A round is short: it
//! only starts long work, which runs beside it.

pub mod ending;
pub mod errands;
pub mod upkeep;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::dispatch::house::errands::{Errands, PATIENCE, Undone};
use crate::dispatch::node::clocks;
use crate::dispatch::recorder::every::Every;
use crate::dispatch::recorder::lanes::Due;
use crate::dispatch::recorder::settlement::doubt;
use crate::dispatch::relay::Relay;
use crate::dispatch::relay::refusals::Undecided;
use crate::dispatch::{Dispatcher, Finished, Left, SILENCE, TICK, Until};
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;
use crate::domain::delivery::Outcome;
use crate::domain::notice::State;
use crate::ledger::Sealed;
use crate::notices::{NoticeError, Task};
use crate::store::notices::open::Open;
use crate::store::sending::leases::{self, Stale};
use crate::store::sending::queue::LEASE_MS;
use crate::store::sending::settle::{Settlement, Written};
use crate::store::sending::waiting::{Depth, Waiting};
use crate::store::sending::{claims, queue, recipients, settle, waiting};
use crate::store::{StoreError, notices as kept};

/// The shortest wait before looking again when workers find nothing to claim: a domain's limit may hold what is due.
const SHORTEST_TICK: Duration = Duration::from_millis(20);

/// Deliveries to paused domains that one transaction postpones.
const PUT_OFF: usize = 2000;

/// Claims that one transaction takes over.
const TAKEN_OVER: u32 = 200;

/// Deliveries counted as due at most: more make no difference to the number of workers that wake.
const COUNTED: usize = 1000;

/// What a round does at intervals.
struct Looks {
    /// For claims of nodes that are gone.
    at_leases: Every,
    /// For deliveries that would wait too long.
    far_ahead: Every,
}

impl Dispatcher {
    /// Runs the housekeeping until `shutdown`; a running round is finished, unless the time to drain is `over` first.
    pub(in crate::dispatch) async fn keep_house(
        &self,
        (shutdown, over): (&CancellationToken, &CancellationToken),
        until: Option<Until>,
        due: &watch::Sender<Due>,
        errands: &mut Errands,
    ) -> Result<Finished, NoticeError> {
        let mut looks = Looks { at_leases: Every::new(LEASE_MS / 3), far_ahead: Every::new(clocks::LOOK_MS) };
        let mut failing: Option<Instant> = None;
        loop {
            let round = self.context.store.watched(SILENCE, self.round(&mut looks, due, until, errands));
            let Some(done) = over.run_until_cancelled(round).await else { return Ok(Finished::Stopped) };
            match done {
                Ok(Some(finished)) => return Ok(finished),
                Ok(None) => failing = None,
                Err(error) => {
                    let since = *failing.get_or_insert_with(Instant::now);
                    let passes = matches!(&error, NoticeError::Store(error) if error.may_pass());
                    if until.is_some() && !(passes && since.elapsed() < PATIENCE) {
                        return Err(error);
                    }
                    self.context.outage.log("housekeeping failed", &error.for_logs());
                }
            }
            if until.is_some() && self.context.outage.lasts_for() > PATIENCE {
                return Err(StoreError::Unwritable.into());
            }
            self.pulse.turned();
            tokio::select! {
                () = shutdown.cancelled() => return Ok(Finished::Stopped),
                () = self.looks_again() => {}
                () = errands.ended() => {}
                () = self.recipients_come() => {}
                () = tokio::time::sleep(self.tick()) => {}
            }
        }
    }

    /// How long to wait before the next round, if nothing happens: no longer than until a domain's rate allows the next message.
    fn tick(&self) -> Duration {
        self.context.pace.next_token().map_or(TICK, |wait| wait.clamp(SHORTEST_TICK, TICK))
    }

    /// Returns some time after a worker found nothing to claim: a limit may hold what is due.
    async fn looks_again(&self) {
        self.context.nothing.notified().await;
        tokio::time::sleep(SHORTEST_TICK).await;
    }

    /// Returns when recipients were added in this process to a notice: they are sent to at once. Many calls come at a time.
    async fn recipients_come(&self) {
        self.notices.recipients_come().await;
        tokio::time::sleep(SHORTEST_TICK).await;
    }

    /// One round; returns the result if the run is to end.
    async fn round(
        &self,
        looks: &mut Looks,
        due: &watch::Sender<Due>,
        until: Option<Until>,
        errands: &mut Errands,
    ) -> Result<Option<Finished>, NoticeError> {
        let now = self.context.clock.now_ms();
        if looks.at_leases.is_due(now) {
            self.take_over(false).await?;
            looks.at_leases.done(now);
        }
        errands.reap();
        let made = self.notices.remind().await? | self.notices.draft_ahead().await?;
        let open = self.open().await?;
        self.bring_forward(&open, &mut looks.far_ahead).await?;
        errands.begin(&self.notices.errands(&open));
        let waiting = self.with_due().await?;
        self.put_off(&waiting).await?;
        let count = self.count_due(&open, &waiting).await?;
        due.send_replace(count);
        self.decide_refusals(count);
        // After the workers were woken: what fails here must not stop them.
        self.close_done(&open).await?;
        match until {
            Some(Until::Idle(_)) if made => Ok(None),
            Some(Until::Idle(notice)) => self.is_idle(notice, &open, errands).await,
            None => Ok(None),
        }
    }

    /// Closes what has nothing left to do.
    async fn close_done(&self, open: &[Open]) -> Result<(), NoticeError> {
        for id in self.notices.close_done(open).await? {
            self.context.unreadable.log(id, "it cannot be closed");
        }
        Ok(())
    }

    /// Decides that refusals are the recipients' fault where nothing else can show it: nothing else is being sent, and nothing
    /// that the relay carries can be claimed.
    fn decide_refusals(&self, due: Due) {
        let found_nothing = CategorySet::from_bits(self.context.found_nothing.swap(0, Ordering::Relaxed));
        let undecided: usize = self.relays.iter().map(|relay| relay.undecided()).sum();
        if undecided == 0 {
            return;
        }
        if self.context.outage.is_on() {
            // Nothing is claimed and nothing is sent: that nothing else was taken meanwhile shows nothing.
            self.relays.iter().for_each(|relay| relay.wait_longer());
            return;
        }
        let nothing_else_is_sent = self.context.leases.held().len() == undecided;
        for relay in &self.relays {
            if relay.trouble().is_some() {
                // The relay is unhealthy: its refusals show nothing, and what is dropped returns to the queue.
                drop(relay.take_undecided());
                continue;
            }
            // Tried again: what is dropped returns to the queue.
            drop(relay.take_due());
            let claimable = due.count(self.streams.carried(relay).without(found_nothing));
            let alone = nothing_else_is_sent && claimable == 0;
            let undecided = if alone { relay.take_undecided() } else { relay.take_overdue() };
            undecided.into_iter().for_each(|it| self.decide_alone(relay, it));
        }
    }

    /// Decides about a refused delivery with nothing to compare it with: another relay of its stream is asked first, if there is
    /// one.
    fn decide_alone(&self, relay: &Relay, undecided: Undecided) {
        let delivery = undecided.job.to.id;
        let category = undecided.job.sending.kept.category;
        // A domain that asks a relay which takes other mail for a pause asks every relay.
        let is_domains = undecided.trial.asks_for_pause && relay.has_taken();
        if !undecided.cleared
            && !is_domains
            && self.streams.others(relay, category).any(|other| other.may_take(delivery))
        {
            relay.leave_to_others(delivery);
            // What is dropped returns to the queue.
            return;
        }
        let Some(mut undecided) = relay.look(undecided) else { return };
        undecided.trial.dead &= !relay.refuses_several();
        let code = undecided.trial.transaction.as_ref().and_then(|transaction| transaction.attempt.code);
        // A deferral decides nothing.
        if undecided.trial.outcome == Outcome::Rejected && !undecided.cleared {
            tracing::warn!(
                relay = relay.config.name,
                %delivery,
                code,
                "refused, and there was nothing else to show whether the relay refuses everybody: taken as the recipient's refusal"
            );
        }
        self.context.decide(relay, undecided);
    }

    async fn with_due(&self) -> Result<HashMap<Uuid, Waiting>, StoreError> {
        let waiting = waiting::with_due(&mut *self.context.store.read().await?, self.context.clock.now()).await?;
        Ok(waiting.into_iter().collect())
    }

    async fn open(&self) -> Result<Vec<Open>, StoreError> {
        kept::open::list(&mut *self.context.store.read().await?).await
    }

    /// Postpones what was set aside for domains that may receive nothing for a while, so that it does not count as due.
    async fn put_off(&self, waiting: &HashMap<Uuid, Waiting>) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let held = self.context.pace.held(now.as_millisecond());
        let later = held.into_iter().filter(|held| held.until_ms > now.as_millisecond());
        let domains: Vec<_> = later.map(|held| queue::PutOff { domain: held.domain, until: held.until_ms }).collect();
        if domains.is_empty() {
            return Ok(());
        }
        for (notice_id, waiting) in waiting {
            let mut more = waiting.aside;
            while more {
                let mut tx = self.context.store.write().await?;
                more = queue::put_off(&mut tx, *notice_id, &domains, PUT_OFF).await? == PUT_OFF as u64;
                tx.commit().await?;
            }
        }
        Ok(())
    }

    /// How many deliveries could be claimed now of the open notices, in order of precedence, of each stream counted up to
    /// [`COUNTED`]. `waiting` says where to count; what was put off since is not counted.
    async fn count_due(&self, open: &[Open], waiting: &HashMap<Uuid, Waiting>) -> Result<Due, StoreError> {
        let mut conn = self.context.store.read().await?;
        let mut due = Due::default();
        let now = self.context.clock.now();
        let unreadable = self.context.unreadable.now(now.as_millisecond());
        let held: HashSet<String> =
            self.context.pace.held(now.as_millisecond()).into_iter().map(|held| held.domain).collect();
        for notice in open {
            let Some(waiting) = waiting.get(&notice.id) else { continue };
            let counted = due.count(self.streams.along(notice.category));
            if notice.is_sendable() && !unreadable.contains(&notice.id) && counted < COUNTED as u64 {
                let mut count = 0;
                if waiting.front {
                    count += waiting::due(&mut conn, notice.id, now, COUNTED).await?;
                }
                if waiting.aside {
                    // Only what its domain's limits allow: the rest waits for a slot, which wakes us.
                    let aside = claims::domains(&mut conn, notice.id, "").await?;
                    let free = aside.domains.iter().filter(|domain| !held.contains(*domain)).count();
                    count += if aside.upto.is_some() { COUNTED } else { free } as u64;
                }
                due.add(notice.category, count);
            }
        }
        due.busy = self.context.leases.held().len() as u64;
        Ok(due)
    }

    /// True if nothing can be done now. A category whose relays are all of no use ends the run once everything else is done.
    async fn is_idle(
        &self,
        notice: Option<Uuid>,
        open: &[Open],
        errands: &Errands,
    ) -> Result<Option<Finished>, NoticeError> {
        let Some(steps) = self.upkeep.escalation.steps() else { return Ok(None) };
        // Errands first: what one has released by now counts below.
        let awaited = errands.are_awaited(&self.notices.errands(open), notice);
        let hopeless = self.streams.whose_relays_all(Relay::is_hopeless);
        if self.is_busy(notice, hopeless).await? {
            return Ok(None);
        }
        let (depths, unread) = self.depths_but_unreadable(notice).await?;
        let depth = depths.iter().fold(Depth::default(), |all, (_, depth)| all.and(*depth));
        // What waits may wait for its own time, unless no relay takes anything of its category.
        let objected = self.streams.whose_relays_all(|relay| relay.objection().is_some());
        let is_stuck = |category: Category, depth: Depth| {
            hopeless.contains(category) || (depth.due == 0 && objected.contains(category))
        };
        let waiting = depths.iter().filter(|(_, depth)| depth.due + depth.later > 0);
        let stuck: CategorySet =
            waiting.filter(|(category, depth)| is_stuck(*category, *depth)).map(|(category, _)| *category).collect();
        let is_due = depths.iter().any(|(category, depth)| depth.due > 0 && !stuck.contains(*category));
        // What is being released may go through a relay that is of use.
        let awaited = awaited && (stuck.is_empty() || hopeless.or(objected) != CategorySet::ALL);
        if depth.leased > 0 || is_due || awaited {
            return Ok(None);
        }
        // What came back may be about what was just sent.
        if notice.is_none() && !self.upkeep.inbound.work_once().await?.is_nothing() {
            return Ok(None);
        }
        // Others may have been addressed since the queue was looked at, or have to be now that all of it has ended.
        if self.escalate().await? || self.upkeep.escalation.steps() != Some(steps) {
            return Ok(None);
        }
        // What ended since this round began may have been the last delivery of a notice.
        self.close_done(&self.open().await?).await?;
        let left = Left {
            no_relay: (!stuck.is_empty()).then(|| self.streams.objections(stuck)),
            undone: self.undone(errands, notice).await?,
            unsealed: match self.upkeep.ledger.seal().await {
                Ok(Sealed::Upto(_)) => None,
                Ok(Sealed::Stopped(reason)) => Some(reason),
                Err(error) => Some(error.to_string()),
            },
            unsent: self.context.unsent.so_far(),
            unread,
            uninformed: self.context.unsent.uninformed(),
            depth,
        };
        Ok(Some(left.into()))
    }

    /// Escalates customers who are not informed; returns true if there were any.
    async fn escalate(&self) -> Result<bool, NoticeError> {
        let escalated = self.upkeep.escalation.round().await;
        // What is no error of the database is logged by the round.
        escalated.or_else(|error| error.into_store().map_or(Ok(false), |error| Err(error.into())))
    }

    async fn is_busy(&self, notice: Option<Uuid>, hopeless: CategorySet) -> Result<bool, StoreError> {
        let (mut conn, now) = (self.context.store.read().await?, self.context.clock.now());
        let unreadable: Vec<Uuid> = self.context.unreadable.now(now.as_millisecond()).into_iter().collect();
        waiting::is_busy(&mut conn, notice, (hopeless, &unreadable), now).await
    }

    /// The depth of the queue by category, where what cannot be read counts as waiting, and how much that is.
    async fn depths_but_unreadable(&self, notice: Option<Uuid>) -> Result<(Vec<(Category, Depth)>, u64), StoreError> {
        let (mut conn, now) = (self.context.store.read().await?, self.context.clock.now());
        let mut depths = waiting::depth_by_category(&mut conn, notice, now).await?;
        let mut unread = self.context.unreadable.deliveries(notice, now.as_millisecond());
        for id in self.context.unreadable.now(now.as_millisecond()) {
            if notice.is_some_and(|notice| notice != id) {
                continue;
            }
            for (category, waits) in waiting::depth_by_category(&mut conn, Some(id), now).await? {
                unread += waits.due + waits.later;
                for (_, depth) in depths.iter_mut().filter(|(its, _)| *its == category) {
                    depth.due = depth.due.saturating_sub(waits.due);
                    depth.later += waits.due;
                }
            }
        }
        Ok((depths, unread))
    }

    /// What was given up on and nobody has done since.
    async fn undone(&self, errands: &Errands, notice: Option<Uuid>) -> Result<Vec<Undone>, StoreError> {
        let mut conn = self.context.store.read().await?;
        let mut undone = Vec::new();
        for given_up in errands.given_up(notice) {
            let now = kept::find(&mut conn, given_up.notice).await?.map(|notice| notice.state);
            let still = match given_up.task {
                Task::Release => matches!(now, Some(State::Approved | State::Scheduled | State::Releasing)),
                Task::Cancel => now == Some(State::Cancelled),
                Task::Readdress => now == Some(State::Released),
            };
            undone.extend(still.then(|| given_up.clone()));
        }
        Ok(undone)
    }

    /// The depth of the queue; of one notice, if named.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn depth(&self, notice: Option<Uuid>) -> Result<Depth, StoreError> {
        waiting::depth(&mut *self.context.store.read().await?, notice, self.context.clock.now()).await
    }

    /// Takes over the claims of dispatchers that are gone: whether their messages were accepted is unknown.
    pub(in crate::dispatch) async fn take_over(&self, every: bool) -> Result<(), NoticeError> {
        loop {
            let mut tx = self.context.store.write().await?;
            let now = self.context.clock.now();
            let refused = leases::give_back_refused(&mut tx, &self.context.owner, now, every).await?;
            // Claims of what cannot be read stay where they are: their outcome cannot be recorded yet.
            let but: Vec<Uuid> = self.context.unreadable.now(now.as_millisecond()).into_iter().collect();
            let stale = leases::take_over(&mut tx, (&self.context.owner, now), every, &but, TAKEN_OVER).await?;
            let count = stale.len();
            let mut doubts = Vec::with_capacity(count);
            let mut unreadable = None;
            for claim in stale {
                let notice = claim.notice_id;
                match self.doubt(&mut tx, claim).await {
                    Err(StoreError::Inconsistent { table: "notices", .. }) => unreadable = Some(notice),
                    doubt => doubts.extend(doubt?),
                }
            }
            if let Some(notice) = unreadable {
                self.context.unreadable.note(notice, now.as_millisecond());
                self.context.unreadable.log(notice, "claims of a dispatcher that is gone wait");
                continue;
            }
            let (categories, settlements): (Vec<_>, Vec<_>) = doubts.into_iter().unzip();
            let settlements: Vec<Written> = settlements.into_iter().map(Written::try_from).collect::<Result<_, _>>()?;
            settle::settle(&mut tx, &settlements).await?;
            tx.commit().await?;
            let counted = categories.into_iter().zip(&settlements);
            counted.for_each(|(category, it)| self.context.count(Some(category), &it.settlement));
            if refused > 0 {
                tracing::info!(count = refused, "took over deliveries that a relay had refused: they are tried again");
            }
            if count == 0 {
                return Ok(());
            }
            tracing::warn!(count, "took over deliveries of a dispatcher that is gone: they may have been sent");
        }
    }

    async fn doubt(
        &self,
        conn: &mut crate::store::Conn,
        stale: Stale,
    ) -> Result<Option<(Category, Settlement)>, StoreError> {
        let Some(notice) = kept::find(conn, stale.notice_id).await? else { return Ok(None) };
        let ids = [stale.delivery_id.to_string()];
        let Some(recipient) = recipients::find(conn, &ids).await?.pop() else { return Ok(None) };
        let settlement = doubt(&self.context.random, self.context.clock.now(), (&stale, &notice, recipient));
        Ok(Some((notice.category, settlement)))
    }
}
