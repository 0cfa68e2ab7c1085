//! Housekeeping: what a dispatcher does from time to time beside the sending. It releases and closes what is due, takes over
//! what dispatchers left that are gone, counts what could be sent, and notices when there is nothing left to do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::lanes::Due;
use super::notice::Sending;
use super::outcome::doubt;
use super::{Dispatcher, Finished, SILENCE, TICK, Until, recorder};
use crate::domain::category::Lane;
use crate::ledger::Sealed;
use crate::notices::NoticeError;
use crate::store::queue::{LEASE_MS, Stale};
use crate::store::settle::{Settlement, Written};
use crate::store::waiting::Depth;
use crate::store::{StoreError, notices as kept, queue, recipients, settle, waiting};

/// How soon to look again at most, where workers find nothing to claim: a domain's limit may hold up what is due.
const SHORTEST_TICK: Duration = Duration::from_millis(20);

/// Deliveries to domains on pause that are put off in one transaction.
const PUT_OFF: usize = 2000;

/// How long a run that is to end by itself waits for the database.
const PATIENCE: Duration = Duration::from_secs(60);

/// Deliveries counted as due at most: more make no difference to how many workers are woken.
const COUNTED: usize = 1000;

impl Dispatcher {
    /// Housekeeping: what has to be done from time to time, beside the sending.
    pub(super) async fn keep_house(
        &self,
        shutdown: &CancellationToken,
        until: Option<Until>,
        due: &watch::Sender<Due>,
    ) -> Result<Finished, NoticeError> {
        let mut next_look = 0;
        let mut failing: Option<Instant> = None;
        let given_up = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.context.config.dispatch.drain).await;
        };
        let mut given_up = std::pin::pin!(given_up);
        loop {
            let round = self.context.store.watched(SILENCE, self.round(&mut next_look, due, until));
            let done = tokio::select! {
                // Only where it takes long: what a round does is best finished.
                () = &mut given_up => return Ok(Finished::Stopped),
                done = round => done,
            };
            match done {
                Ok(Some(finished)) => return Ok(finished),
                Ok(None) => failing = None,
                Err(error) => {
                    let since = *failing.get_or_insert_with(Instant::now);
                    let passes = matches!(&error, NoticeError::Store(error) if error.may_pass());
                    if until.is_some() && !(passes && since.elapsed() < PATIENCE) {
                        return Err(error);
                    }
                    self.context.outage.tell("housekeeping failed", &error);
                }
            }
            if until.is_some() && self.context.outage.lasts_for() > PATIENCE {
                return Err(StoreError::Unwritable.into());
            }
            self.pulse.turned();
            tokio::select! {
                () = shutdown.cancelled() => return Ok(Finished::Stopped),
                () = self.looks_again() => {}
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Returns when a worker found nothing to claim, though not at once: it may be held up by a limit.
    async fn looks_again(&self) {
        self.context.nothing.notified().await;
        tokio::time::sleep(SHORTEST_TICK).await;
    }

    /// One round; what there is to say where the run is to end.
    pub(super) async fn round(
        &self,
        next_look: &mut i64,
        due: &watch::Sender<Due>,
        until: Option<Until>,
    ) -> Result<Option<Finished>, NoticeError> {
        let now = self.context.clock.now_ms();
        if now >= *next_look {
            self.take_over(false).await?;
            *next_look = now + LEASE_MS / 3;
        }
        self.notices.advance().await?;
        let mut count = self.count_due().await?;
        if count.all > 0 && self.put_off().await? {
            count = self.count_due().await?;
        }
        due.send_replace(count);
        match until {
            Some(Until::Idle(notice)) => self.is_idle(notice).await,
            None => Ok(None),
        }
    }

    /// Puts off what was set aside to domains to which nothing may be sent for a while, so that it does not count as due. False
    /// where there is none.
    async fn put_off(&self) -> Result<bool, StoreError> {
        let now = self.context.clock.now();
        let held = self.context.pace.held(now.as_millisecond());
        let later = held.into_iter().filter(|held| held.until_ms > now.as_millisecond());
        let domains: Vec<_> = later.map(|held| queue::PutOff { domain: held.domain, until: held.until_ms }).collect();
        if domains.is_empty() {
            return Ok(false);
        }
        for notice in kept::open(&mut *self.context.store.read().await?).await? {
            if !notice.is_sendable() {
                continue;
            }
            loop {
                let mut tx = self.context.store.write().await?;
                let count = queue::put_off(&mut tx, notice.id, &domains, PUT_OFF).await?;
                tx.commit().await?;
                if count < PUT_OFF as u64 {
                    break;
                }
            }
        }
        Ok(true)
    }

    /// How many deliveries could be claimed now, counted up to [`COUNTED`]: those that go first, first.
    async fn count_due(&self) -> Result<Due, StoreError> {
        let mut conn = self.context.store.read().await?;
        let mut due = Due::default();
        for notice in kept::open(&mut conn).await? {
            if notice.is_sendable() && due.all < COUNTED as u64 {
                let count = waiting::due(&mut conn, notice.id, self.context.clock.now(), COUNTED).await?;
                due.all += count;
                if notice.category.lane() == Lane::Critical {
                    due.critical += count;
                }
            }
        }
        Ok(due)
    }

    /// Whether there is nothing that could be done now.
    async fn is_idle(&self, notice: Option<Uuid>) -> Result<Option<Finished>, NoticeError> {
        let depth = self.depth(notice).await?;
        if depth.leased == 0 && depth.due == 0 {
            // What ended since this round began may have been the last of a notice.
            let progress = self.notices.advance().await?;
            let awaited = progress.held.iter().any(|held| notice.is_none_or(|notice| notice == *held));
            if progress.released > 0 || awaited {
                return Ok(None);
            }
            return Ok(Some(match self.upkeep.ledger.seal().await {
                Ok(Sealed::Upto(_)) => Finished::Idle(depth),
                Ok(Sealed::Stopped(reason)) => Finished::Unsealed(reason, depth),
                Err(error) => Finished::Unsealed(error.to_string(), depth),
            }));
        }
        let hopeless = self.relays.iter().all(|relay| relay.is_hopeless());
        if hopeless && depth.leased == 0 {
            let troubles = self.relays.iter().filter_map(|it| Some((it.config.name.clone(), it.trouble()?)));
            return Ok(Some(Finished::NoRelay(troubles.collect(), depth)));
        }
        Ok(None)
    }

    /// What waits; of one notice, where named.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn depth(&self, notice: Option<Uuid>) -> Result<Depth, StoreError> {
        waiting::depth(&mut *self.context.store.read().await?, notice, self.context.clock.now()).await
    }

    /// Takes over claims of dispatchers that are gone: nobody knows whether their messages were taken.
    pub(super) async fn take_over(&self, every: bool) -> Result<(), NoticeError> {
        loop {
            let mut tx = self.context.store.write().await?;
            let now = self.context.clock.now();
            let stale = queue::take_over(&mut tx, &self.context.owner, now, every, 200).await?;
            let count = stale.len();
            let mut doubts = Vec::with_capacity(count);
            for claim in stale {
                doubts.extend(self.doubt(&mut tx, claim).await?);
            }
            let (sendings, settlements): (Vec<_>, Vec<_>) = doubts.into_iter().unzip();
            let settlements: Vec<Written> = settlements.into_iter().map(Written::from).collect();
            settle::settle(&mut tx, &settlements).await?;
            tx.commit().await?;
            sendings
                .iter()
                .zip(&settlements)
                .for_each(|(sending, it)| self.context.count(Some(sending), &it.settlement));
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
    ) -> Result<Option<(Arc<Sending>, Settlement)>, StoreError> {
        let Some(sending) = recorder::load(conn, stale.notice_id).await? else { return Ok(None) };
        let ids = [stale.delivery_id.to_string()];
        let Some(recipient) = recipients::find(conn, &ids).await?.pop() else { return Ok(None) };
        let settlement = doubt(&self.context.random, self.context.clock.now(), (&stale, &sending, recipient));
        Ok(Some((sending, settlement)))
    }
}
