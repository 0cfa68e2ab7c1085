//! Webhooks: other systems are called when something happens, as Standard Webhooks describes it.
//!
//! ```text
//! a fact (store/webhooks/facts.rs, in the transaction in which it happens; nothing while no webhook wants it)
//!   -> [gather] a call for each webhook that wants it, in the transaction that deletes the fact
//!   -> [send] signed and sent; repeated until the receiver answers 2xx, or three days have passed
//! ```
//!
//! A call is made at least once: a process that ends between the answer and its record leaves a call that is made again, with the same
//! id. One node calls at a time, beside the sending of mail and without a transaction open meanwhile.

mod error;
mod gather;
mod outside;
mod send;
mod sender;
mod shown;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64};

use jiff::Timestamp;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::domain::task::TaskKind;
use crate::domain::webhook::reach::Networks;
use crate::domain::webhook::{Disabled, HookEvent, ROTATION, Secret, Target};
use crate::ledger::operated::{Operation, record};
use crate::store::tasks::NewTask;
pub use crate::store::webhooks::attempts::Attempt;
use crate::store::webhooks::{self, Webhook, attempts, calls};
use crate::store::{Conn, StoreError, tasks};
pub use error::WebhookError;
use outside::Astray;
pub use outside::{Names, Outside, Scripted};
pub use sender::Sender;
pub use shown::{Detailed, Shown, Tested};

/// A webhook to be added.
#[derive(Clone, Debug)]
pub struct NewWebhook<'a> {
    /// Where it is.
    pub url: &'a str,
    /// What it wants to know.
    pub events: BTreeSet<HookEvent>,
}

/// Changes of a webhook.
#[derive(Clone, Debug, Default)]
pub struct Change<'a> {
    /// Where it is, if that changes.
    pub url: Option<&'a str>,
    /// What it wants to know, if that changes.
    pub events: Option<BTreeSet<HookEvent>>,
}

/// A webhook with a new secret.
#[derive(Clone, Debug)]
pub struct Made {
    /// How it is shown from now on.
    pub shown: Shown,
    /// The secret, for the only time.
    pub secret: Secret,
    /// What cannot be said of its address now.
    pub warning: Option<String>,
}

/// The service for webhooks. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    context: Context,
    outside: Arc<Outside>,
    /// This process, for the hold on the work, and whether it may have it.
    owner: Arc<str>,
    holds: Arc<AtomicBool>,
    /// When it last looked for calls that nobody waits for, by the clock in milliseconds.
    tidied: Arc<AtomicI64>,
}

impl Webhooks {
    /// The service over a database.
    #[must_use]
    pub fn new(context: Context, outside: Outside) -> Self {
        let owner = context.random.id(context.clock.now()).to_string().into();
        Self { context, outside: Arc::new(outside), owner, holds: Arc::default(), tidied: Arc::default() }
    }

    /// The same for the work of a node.
    #[must_use]
    pub fn of_node(&self, owner: &str) -> Self {
        Self { owner: owner.into(), holds: Arc::default(), ..self.clone() }
    }

    /// Adds a webhook. The secret that it returns is the only copy that is shown.
    ///
    /// # Errors
    /// If the actor may not, the address may not be called, or the database fails.
    pub async fn add(&self, actor: &Actor, new: &NewWebhook<'_>) -> Result<Made, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        if new.events.is_empty() {
            return Err(WebhookError::NoEvent);
        }
        let (target, warning) = self.target(new.url).await?;
        let created_at = self.context.clock.now();
        let webhook = Webhook {
            id: self.context.random.id(created_at),
            target,
            secret: Secret::new(&self.context.random),
            former: None,
            events: new.events.clone(),
            created_at,
            disabled: None,
            failures: 0,
            failing_since: None,
            retry_at: None,
            succeeded_at: None,
        };
        let mut tx = self.context.store.write().await?;
        webhooks::insert(&mut tx, &webhook).await?;
        self.record(&mut tx, actor, Action::AddWebhook, &webhook).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Made { secret: webhook.secret.clone(), shown: Shown::of(webhook, 0, created_at), warning })
    }

    /// A page of webhooks, in the order in which they were added.
    ///
    /// # Errors
    /// If the actor may not, the cursor is not one of this list, or the database fails.
    pub async fn list(&self, actor: &Actor, request: &PageRequest) -> Result<Page<Shown>, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        let after = request.key::<Uuid>()?;
        let (mut conn, now) = (self.context.store.read().await?, self.context.clock.now());
        let rows = webhooks::list(&mut conn, after, request.to_read()).await?;
        let mut counted = Vec::with_capacity(rows.len());
        for webhook in rows {
            let queued = calls::count(&mut conn, webhook.id).await?;
            counted.push(Shown::of(webhook, queued, now));
        }
        Ok(Page::of(counted, request, |shown| shown.id.to_string()))
    }

    /// A webhook with its last attempts.
    ///
    /// # Errors
    /// If the actor may not, there is no such webhook, or the database fails.
    pub async fn show(&self, actor: &Actor, id: Uuid) -> Result<Detailed, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        let mut conn = self.context.store.read().await?;
        let webhook = find(&mut conn, id).await?;
        let (queued, attempts) = (calls::count(&mut conn, id).await?, attempts::list(&mut conn, id).await?);
        Ok(Detailed { shown: Shown::of(webhook, queued, self.context.clock.now()), attempts })
    }

    /// Changes where a webhook is or what it wants to know. What is queued goes to the new address.
    ///
    /// # Errors
    /// If the actor may not, there is no such webhook, the address may not be called, or the database fails.
    pub async fn set(&self, actor: &Actor, id: Uuid, change: &Change<'_>) -> Result<Shown, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        if change.events.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(WebhookError::NoEvent);
        }
        let target = match change.url {
            Some(url) => Some(self.target(url).await?.0),
            None => None,
        };
        let mut tx = self.context.store.write().await?;
        let before = find(&mut tx, id).await?;
        let mut webhook = before.clone();
        webhook.target = target.unwrap_or(webhook.target);
        webhook.events = change.events.clone().unwrap_or(webhook.events);
        let (queued, now) = (calls::count(&mut tx, id).await?, self.context.clock.now());
        if webhook == before {
            return Ok(Shown::of(before, queued, now));
        }
        webhooks::set(&mut tx, &webhook).await?;
        if webhook.target != before.target {
            // That the former place failed says nothing of the new one.
            webhooks::forget_failures(&mut tx, id).await?;
            calls::begin_again(&mut tx, id, now).await?;
        }
        self.record(&mut tx, actor, Action::SetWebhook, &webhook).await?;
        let webhook = find(&mut tx, id).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Shown::of(webhook, queued, now))
    }

    /// Makes another secret. The former one signs besides for a day; the one before that, if there is one, no more.
    ///
    /// # Errors
    /// If the actor may not, there is no such webhook, or the database fails.
    pub async fn rotate(&self, actor: &Actor, id: Uuid) -> Result<Made, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        let (now, secret) = (self.context.clock.now(), Secret::new(&self.context.random));
        let mut tx = self.context.store.write().await?;
        let webhook = find(&mut tx, id).await?;
        webhooks::rotate(&mut tx, id, &secret, now.saturating_add(ROTATION).unwrap_or(Timestamp::MAX)).await?;
        self.record(&mut tx, actor, Action::RotateWebhook, &webhook).await?;
        let (webhook, queued) = (find(&mut tx, id).await?, calls::count(&mut tx, id).await?);
        tx.commit().await.map_err(StoreError::from)?;
        Ok(Made { shown: Shown::of(webhook, queued, now), secret, warning: None })
    }

    /// Disables a webhook. Returns false if an operator did so already.
    ///
    /// # Errors
    /// If the actor may not, there is no such webhook, or the database fails.
    pub async fn disable(&self, actor: &Actor, id: Uuid) -> Result<bool, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        let now = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let webhook = find(&mut tx, id).await?;
        let changed = webhooks::disable(&mut tx, id, Disabled::Operator, now).await?
            || webhooks::leave_disabled(&mut tx, id).await?;
        if changed {
            settle_task(&mut tx, now).await?;
            self.record(&mut tx, actor, Action::DisableWebhook, &webhook).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(changed)
    }

    /// Lets a disabled webhook be called again, also for what is still queued. Returns false if it is not disabled.
    ///
    /// # Errors
    /// If the actor may not, there is no such webhook, or the database fails.
    pub async fn enable(&self, actor: &Actor, id: Uuid) -> Result<bool, WebhookError> {
        actor.may_at_all(Right::Webhooks)?;
        let now = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let webhook = find(&mut tx, id).await?;
        let changed = webhooks::enable(&mut tx, &webhook).await?;
        if changed {
            calls::begin_again(&mut tx, id, now).await?;
            settle_task(&mut tx, now).await?;
            self.record(&mut tx, actor, Action::EnableWebhook, &webhook).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(changed)
    }

    /// The address that a text names, and what cannot be said of it now: its name may have no address yet.
    async fn target(&self, url: &str) -> Result<(Target, Option<String>), WebhookError> {
        let config = &self.context.config.webhooks;
        let target = Target::parse(url, Networks(&config.allow))?;
        match self.outside.look(config, &target).await {
            Ok(()) => Ok((target, None)),
            Err(Astray::Forbidden(why)) => Err(WebhookError::Astray(why)),
            Err(Astray::Unknown) => {
                let warning = "the name in the address cannot be resolved now: calls are repeated until it can be";
                Ok((target, Some(warning.to_owned())))
            }
        }
    }

    async fn record(
        &self,
        conn: &mut Conn,
        actor: &Actor,
        action: Action,
        webhook: &Webhook,
    ) -> Result<(), StoreError> {
        let events: Vec<&str> = webhook.events.iter().map(|event| event.as_str()).collect();
        // The path may hold a secret of the receiver's.
        let what = format!("{}: {}", webhook.target.origin(), events.join(", "));
        let operation = Operation::new(action).object(webhook.id).reason(&what);
        record(conn, actor, &operation, self.context.clock.now(), &self.context.random).await
    }

    /// Opens the task for an admin, if none is open.
    async fn open_task(&self, conn: &mut Conn, reason: &str, at: Timestamp) -> Result<(), StoreError> {
        let task = NewTask {
            id: self.context.random.id(at),
            kind: TaskKind::WebhookFailed,
            notice_id: None,
            account_id: None,
            delivery_id: None,
            inbound_id: None,
            reason,
            at,
            deadline: None,
        };
        tasks::open(conn, &task).await.map(drop)
    }
}

/// Closes the task once no webhook is disabled but by an operator.
async fn settle_task(conn: &mut Conn, now: Timestamp) -> Result<(), StoreError> {
    if webhooks::count_failed(conn).await? == 0 {
        tasks::close_kind(conn, TaskKind::WebhookFailed, now).await?;
    }
    Ok(())
}

/// The webhook with this id.
async fn find(conn: &mut Conn, id: Uuid) -> Result<Webhook, WebhookError> {
    webhooks::find(conn, id).await?.ok_or(WebhookError::Unknown(id))
}
