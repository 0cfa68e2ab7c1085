//! Webhooks as they are shown: never with a secret.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::webhook::{Disabled, HookEvent};
use crate::store::webhooks::Webhook;
use crate::store::webhooks::attempts::Attempt;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = webhook::Webhook)]
pub struct Shown {
    /// Id.
    pub id: Uuid,
    /// Where it is.
    pub url: String,
    /// What it wants to know.
    #[schema(value_type = Vec<HookEvent>)]
    pub events: BTreeSet<HookEvent>,
    /// `active`, `failing` or `disabled`.
    pub state: &'static str,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Calls that have not succeeded yet.
    pub queued: u64,
    /// When a call succeeded last.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub succeeded_at: Option<Timestamp>,
    /// Since when calls fail.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// When the next one is tried.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retry_at: Option<Timestamp>,
    /// Until when the former secret signs besides.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub former_secret_until: Option<Timestamp>,
    /// Since when it is not called any more.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub disabled_at: Option<Timestamp>,
    /// Why that is so.
    pub disabled_by: Option<Disabled>,
}

impl Shown {
    pub(super) fn of(it: Webhook, queued: u64, now: Timestamp) -> Self {
        let state = match (it.disabled, it.failing_since) {
            (Some(_), _) => "disabled",
            (None, Some(_)) => "failing",
            (None, None) => "active",
        };
        Self {
            id: it.id,
            url: it.target.to_string(),
            events: it.events,
            state,
            created_at: it.created_at,
            queued,
            succeeded_at: it.succeeded_at,
            failing_since: it.failing_since,
            retry_at: it.retry_at.filter(|_| it.disabled.is_none()),
            former_secret_until: it.former.map(|(_, until)| until).filter(|until| *until > now),
            disabled_at: it.disabled.map(|(at, _)| at),
            disabled_by: it.disabled.map(|(_, why)| why),
        }
    }
}

/// A webhook with its last attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = webhook::Detailed)]
pub struct Detailed {
    /// The webhook.
    #[serde(flatten)]
    pub shown: Shown,
    /// The last attempts to call it, the newest first.
    pub attempts: Vec<Attempt>,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = webhook::Tested)]
pub struct Tested {
    /// The webhook.
    pub id: Uuid,
    /// True if the receiver answered 2xx.
    pub ok: bool,
    /// Its attempt, as it is in the log.
    #[serde(flatten)]
    pub attempt: Attempt,
}
