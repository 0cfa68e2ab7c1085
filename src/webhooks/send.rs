//! Sends what is due, and records what came of it.
//!
//! A receiver that fails is left alone for a while as a whole, then one call finds out whether it answers again; each call that failed
//! has its own wait besides, so that one that a receiver never accepts keeps no other back: a receiver that refuses one is there, and
//! rests for seconds only.

use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

use super::gather::ping;
use super::outside::Answer;
use super::shown::Tested;
use super::{Webhooks, find};
use crate::domain::actor::{Action, Actor};
use crate::domain::right::Right;
use crate::domain::webhook::{Disabled, HookEvent, PATIENCE, signatures, wait};
use crate::store::webhooks::attempts::{self, Attempt};
use crate::store::webhooks::calls::{self, Call};
use crate::store::webhooks::{self, Webhook, facts};
use crate::store::{Conn, StoreError};
use crate::webhooks::WebhookError;

/// The status of a receiver that is gone for good.
const GONE: u16 = 410;

/// Chunks of facts of which calls are made before some are sent.
const CHUNKS: usize = 50;

/// How often to look for calls that nobody waits for, in milliseconds.
const TIDY_MS: i64 = 3_600_000;

/// Calls of one webhook at a time.
const AT_ONCE: u32 = 4;

/// By how much waits differ, so that calls that failed together do not come back together.
const JITTER: f64 = 0.2;

impl Webhooks {
    /// Makes calls of all that has happened, sends what is due, and waits for the answers. Returns false if there was nothing to do, or
    /// another node does it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn round(&self) -> Result<bool, StoreError> {
        if !self.any().await? {
            return Ok(false);
        }
        let gathered = self.prepare().await?;
        let due = self.due().await?;
        let worked = join_all(due.iter().map(|id| self.work(*id))).await;
        worked.into_iter().try_fold(gathered, |any, one| Ok(any | one?))
    }

    /// Makes calls of all that has happened, and drops those for which nobody waits. Returns false if there was nothing to do, or another
    /// node does it.
    pub(super) async fn prepare(&self) -> Result<bool, StoreError> {
        let mut worked = self.look_at_relays().await?;
        for _ in 0..CHUNKS {
            if !facts::any(&mut *self.context.store.read().await?).await? {
                break;
            }
            if !self.hold().await? {
                return Ok(worked);
            }
            self.gather().await?;
            worked = true;
        }
        Ok(worked | self.tidy().await?)
    }

    /// True if there is a webhook at all.
    pub(super) async fn any(&self) -> Result<bool, StoreError> {
        webhooks::any(&mut *self.context.store.read().await?).await
    }

    /// Drops calls of disabled webhooks whose time is over, once an hour. Returns false if there was none.
    async fn tidy(&self) -> Result<bool, StoreError> {
        let now = self.context.clock.now();
        let since = now.as_millisecond() - self.tidied.load(Ordering::Relaxed);
        if (0..TIDY_MS).contains(&since) {
            return Ok(false);
        }
        self.tidied.store(now.as_millisecond(), Ordering::Relaxed);
        let before = now.saturating_sub(PATIENCE).unwrap_or(Timestamp::MIN);
        let left = calls::count_left(&mut *self.context.store.read().await?, before).await?;
        if left == 0 || !self.hold().await? {
            return Ok(false);
        }
        let mut tx = self.context.store.write().await?;
        calls::delete_left(&mut tx, before).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The webhooks with a call that is due, if this node is the one that calls.
    pub(super) async fn due(&self) -> Result<Vec<Uuid>, StoreError> {
        let due = calls::due(&mut *self.context.store.read().await?, self.context.clock.now()).await?;
        if due.is_empty() || !self.hold().await? { Ok(Vec::new()) } else { Ok(due) }
    }

    /// Sends what is due of one webhook, until nothing is or a call fails. Returns false if there was nothing.
    pub(super) async fn work(&self, id: Uuid) -> Result<bool, StoreError> {
        let mut worked = false;
        loop {
            let (webhook, calls) = {
                let (mut conn, now) = (self.context.store.read().await?, self.context.clock.now());
                let Some(webhook) = webhooks::find(&mut conn, id).await? else { return Ok(worked) };
                let rests = webhook.retry_at.is_some_and(|at| at > now);
                if webhook.disabled.is_some() || rests {
                    return Ok(worked);
                }
                // One finds out whether it answers again.
                let limit = if webhook.failures > 0 { 1 } else { AT_ONCE };
                let calls = calls::next(&mut conn, id, now, limit).await?;
                (webhook, calls)
            };
            if calls.is_empty() || !self.hold().await? {
                return Ok(worked);
            }
            worked = true;
            let sent = join_all(calls.iter().map(|call| self.carry_out(&webhook, call))).await;
            if !sent.into_iter().collect::<Result<Vec<bool>, _>>()?.into_iter().all(|done| done) {
                return Ok(worked);
            }
        }
    }

    /// Sends a call and records what came of it. Returns true if it succeeded.
    async fn carry_out(&self, webhook: &Webhook, call: &Call) -> Result<bool, StoreError> {
        let answer = self.post(webhook, call).await;
        let now = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        attempts::insert(&mut tx, webhook.id, &self.attempt(call, &answer, now)).await?;
        if answer.problem.is_none() {
            calls::delete(&mut tx, call.id).await?;
            webhooks::succeeded(&mut tx, webhook.id, now).await?;
        } else {
            self.failed(&mut tx, webhook, call, &answer, now).await?;
        }
        tx.commit().await?;
        Ok(answer.problem.is_none())
    }

    /// Records a call that failed: it waits, or its time is over, or that of the webhook.
    async fn failed(
        &self,
        conn: &mut Conn,
        webhook: &Webhook,
        call: &Call,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, problem) = (webhook.id, answer.problem.as_deref().unwrap_or_default());
        let at = |failures: u32| {
            let jitter = self.context.random.jitter(JITTER);
            now.saturating_add(wait(failures.saturating_add(1), jitter, answer.asked)).unwrap_or(Timestamp::MAX)
        };
        // Calls that fail at the same time are one failure of the webhook.
        let failures = webhook.failures.saturating_add(1);
        // A receiver that answers, and refuses this call, may take the next one.
        let refused = answer.status.is_some_and(|status| (400..500).contains(&status) && ![408, 429].contains(&status));
        let rest = if refused { 0 } else { webhook.failures };
        let since = webhooks::failed(conn, id, (failures, now), at(rest)).await?;
        calls::failed(conn, call.id, now, at(call.attempts)).await?;
        let is_over = |since: Timestamp| now.duration_since(since) >= PATIENCE;
        let (why, reason) = if answer.status == Some(GONE) {
            (Disabled::Gone, "its receiver answers that it is gone for good (410)".to_owned())
        } else if is_over(since) {
            (Disabled::Failed, format!("its calls have failed for three days: {problem}"))
        } else {
            tracing::debug!(webhook = %id, call = %call.id, problem, "a call of a webhook failed, and is repeated");
            if is_over(call.first_at.unwrap_or(now)) {
                self.drop_call(conn, webhook, call, problem, now).await?;
            }
            return Ok(());
        };
        if webhooks::disable(conn, id, why, now).await? {
            tracing::error!(webhook = %id, origin = webhook.target.origin(), "a webhook was disabled: {reason}");
            let reason = format!(
                "webhook {id} was disabled, and is not called for what happens now: {reason}; `besked webhooks show {id}` shows the last \
                 attempts, `besked webhooks enable {id}` lets it be called again; `besked webhooks list` shows whether there are more"
            );
            self.open_task(conn, &reason, now).await?;
        }
        Ok(())
    }

    /// Drops a call that a receiver has not accepted for three days, though it accepts others.
    async fn drop_call(
        &self,
        conn: &mut Conn,
        webhook: &Webhook,
        call: &Call,
        problem: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, event) = (webhook.id, call.event);
        calls::delete(conn, call.id).await?;
        webhooks::forget_failures(conn, id).await?;
        tracing::error!(webhook = %id, call = %call.id, %event, problem, "a call of a webhook was dropped after three days");
        let reason = format!(
            "a call of webhook {id} ({event}) was dropped: its receiver has not accepted it for three days, but accepts others: {problem}; \
             `besked webhooks show {id}` shows the last attempts"
        );
        self.open_task(conn, &reason, now).await
    }

    /// Calls a webhook now, whether it is disabled or not. The call is made once, and counts in the log alone; but if it succeeds, what
    /// waits for a receiver that failed is due.
    ///
    /// # Errors
    /// If the actor may not, there is no such webhook, or the database fails. That it does not answer is a result, not an error.
    pub async fn test(&self, actor: &Actor, id: Uuid) -> Result<Tested, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        let created_at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let webhook = find(&mut tx, id).await?;
        self.record(&mut tx, actor, Action::TestWebhook, &webhook).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let call = Call {
            id: self.context.random.id(created_at),
            webhook_id: id,
            event: HookEvent::Ping,
            body: ping(id, created_at),
            created_at,
            attempts: 0,
            first_at: None,
        };
        let answer = self.post(&webhook, &call).await;
        let now = self.context.clock.now();
        let attempt = self.attempt(&call, &answer, now);
        let ok = attempt.problem.is_none();
        let mut tx = self.context.store.write().await?;
        attempts::insert(&mut tx, id, &attempt).await?;
        if ok && webhook.failures > 0 {
            webhooks::succeeded(&mut tx, id, now).await?;
            calls::begin_again(&mut tx, id, now).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Tested { id, ok, attempt })
    }

    /// Signs a call and sends it.
    async fn post(&self, webhook: &Webhook, call: &Call) -> Answer {
        let now = self.context.clock.now();
        let (id, seconds) = (call.id.to_string(), now.as_second());
        let former = webhook.former.as_ref().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        let signed = signatures([&webhook.secret].into_iter().chain(former), &id, seconds, &call.body);
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signed)]
        {
            let value = HeaderValue::try_from(value).expect("ids, numbers and base64 are fit for a header");
            headers.insert(HeaderName::from_static(name), value);
        }
        self.outside.post(&self.context.config.webhooks, &webhook.target, headers, call.body.clone()).await
    }

    fn attempt(&self, call: &Call, answer: &Answer, at: Timestamp) -> Attempt {
        Attempt {
            id: self.context.random.id(at),
            call_id: call.id,
            event: call.event,
            at,
            attempt: call.attempts.saturating_add(1),
            status: answer.status,
            took_ms: u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX),
            problem: answer.problem.clone(),
        }
    }

    /// Takes or renews the hold on this work. Returns false if another node has it.
    pub(super) async fn hold(&self) -> Result<bool, StoreError> {
        let mut tx = self.context.store.write().await?;
        let held = webhooks::hold(&mut tx, &self.owner, self.context.clock.now()).await?;
        tx.commit().await?;
        self.holds.fetch_or(held, Ordering::Relaxed);
        Ok(held)
    }

    /// Lets another node call at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn let_go(&self) -> Result<(), StoreError> {
        if !self.holds.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let mut tx = self.context.store.write().await?;
        webhooks::let_go(&mut tx, &self.owner).await?;
        Ok(tx.commit().await?)
    }
}
