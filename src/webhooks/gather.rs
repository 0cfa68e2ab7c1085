//! Makes calls of facts: what a call says has ids, states, counts and times, and neither addresses nor content.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Webhooks;
use crate::domain::category::Category;
use crate::domain::delivery::State;
use crate::domain::notice::State as NoticeState;
use crate::domain::right::is_sealed;
use crate::domain::task::TaskKind;
use crate::domain::webhook::HookEvent;
use crate::metrics::Circuit;
use crate::store::notices::Kept;
use crate::store::sending::{deliveries, nodes};
use crate::store::webhooks::calls::Call;
use crate::store::webhooks::facts::Fact;
use crate::store::webhooks::{self, calls, facts, relays};
use crate::store::{Conn, StoreError, escalations, notices, tasks};

/// Facts of which one transaction makes calls.
const CHUNK: u32 = 1000;

/// Deliveries in one call.
const TOGETHER: usize = 100;

/// What a call says.
#[derive(Serialize)]
struct Payload {
    r#type: HookEvent,
    timestamp: Timestamp,
    data: Value,
}

impl Payload {
    fn body(&self) -> (HookEvent, String) {
        (self.r#type, serde_json::to_string(self).expect("words, numbers and times serialise"))
    }
}

/// The call of a test.
pub(super) fn ping(webhook: Uuid, timestamp: Timestamp) -> String {
    Payload { r#type: HookEvent::Ping, timestamp, data: json!({ "webhook": webhook }) }.body().1
}

impl Webhooks {
    /// Makes the calls of one chunk of facts.
    pub(super) async fn gather(&self) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let facts = facts::take(&mut tx, CHUNK).await?;
        let wants = webhooks::wants(&mut tx).await?;
        let mut made = Vec::new();
        for (event, body) in self.bodies(&mut tx, facts).await? {
            made.extend(wants.iter().filter(|(wanted, _)| *wanted == event).map(|(_, webhook_id)| Call {
                id: self.context.random.id(now),
                webhook_id: *webhook_id,
                event,
                body: body.clone(),
                created_at: now,
                attempts: 0,
                first_at: None,
            }));
        }
        calls::insert(&mut tx, &made).await?;
        Ok(tx.commit().await?)
    }

    /// What is to be said of facts, in their order; deliveries are said together.
    async fn bodies(&self, conn: &mut Conn, facts: Vec<Fact>) -> Result<Vec<(HookEvent, String)>, StoreError> {
        let (mut bodies, mut ended) = (Vec::new(), Vec::new());
        for fact in facts {
            if fact.event == HookEvent::DeliveryFinal {
                ended.push(fact);
                if ended.len() == TOGETHER {
                    bodies.extend(together(&mut ended));
                }
                continue;
            }
            if fact.event == HookEvent::NoticeClosed {
                bodies.extend(together(&mut ended));
            }
            let data = match self.data(conn, &fact).await {
                // One that cannot be read keeps no other back.
                Err(error @ StoreError::Inconsistent { .. }) => {
                    tracing::error!(event = %fact.event, error = error.for_logs(), "no webhook is called for this");
                    None
                }
                data => data?,
            };
            bodies.extend(data.map(|data| Payload { r#type: fact.event, timestamp: fact.at, data }.body()));
        }
        bodies.extend(together(&mut ended));
        Ok(bodies)
    }

    /// What is to be said of a fact; nothing of what only some roles may know of, or what is not there any more.
    async fn data(&self, conn: &mut Conn, fact: &Fact) -> Result<Option<Value>, StoreError> {
        if fact.event == HookEvent::DeliveryBounced {
            return Ok(Some(delivery(fact)));
        }
        let notice = match fact.notice_id {
            Some(id) => notices::find(conn, id).await?,
            None => None,
        };
        // Until its release nobody but some roles knows that there is a notice of a breach, and a receiver may be anybody.
        if notice.as_ref().is_some_and(|it| is_sealed(it.category) && it.released_at.is_none()) {
            return Ok(None);
        }
        Ok(match (fact.event, notice) {
            (HookEvent::TaskOpened | HookEvent::TaskDone, _) => task(conn, fact).await?,
            (HookEvent::RelayDown | HookEvent::RelayUp, _) => Some(json!({ "relay": fact.object })),
            (HookEvent::LedgerStopped, _) => Some(json!({ "ledger": self.context.config.ledger.origin })),
            (HookEvent::CoverageOverdue, Some(notice)) => {
                let watch = escalations::watched(conn, notice.id).await?;
                let (overdue, deadline) = (watch.map(|watch| watch.overdue), notice.terms.and_then(|it| it.deadline));
                overdue.map(|overdue| {
                    json!({ "notice": notice.id, "category": notice.category, "overdue": overdue, "deadline": deadline })
                })
            }
            (_, Some(notice)) => Some(of_notice(conn, fact.event, &notice).await?),
            (_, None) => None,
        })
    }

    /// Notes the relays that are down since the last look, or up again. Returns false if there is none.
    pub(super) async fn look_at_relays(&self) -> Result<bool, StoreError> {
        let now = self.context.clock.now();
        let mut conn = self.context.store.read().await?;
        if !relays::are_wanted(&mut conn).await? {
            return Ok(false);
        }
        let up = usable(&mut conn, now).await?;
        let down = relays::down(&mut conn).await?;
        drop(conn);
        let changed: Vec<_> = up.iter().filter(|(relay, up)| **up == down.contains(*relay)).collect();
        if changed.is_empty() || !self.hold().await? {
            return Ok(false);
        }
        let mut tx = self.context.store.write().await?;
        for (relay, up) in changed {
            if relays::set_down(&mut tx, relay, !up).await? {
                let event = if *up { HookEvent::RelayUp } else { HookEvent::RelayDown };
                facts::note(&mut tx, event, (relay, None), now).await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Whether a running dispatcher can use each relay that one knows.
async fn usable(conn: &mut Conn, now: Timestamp) -> Result<BTreeMap<String, bool>, StoreError> {
    #[derive(serde::Deserialize)]
    struct Report {
        state: Circuit,
    }
    let live: Vec<String> = nodes::live(conn, now).await?.into_iter().map(|node| node.id).collect();
    let mut usable = BTreeMap::new();
    for known in nodes::relay_states(conn).await?.into_iter().filter(|known| live.contains(&known.node_id)) {
        // A node of another version may say what this one does not understand.
        if let Ok(report) = serde_json::from_str::<Report>(&known.state) {
            *usable.entry(known.relay).or_default() |= report.state == Circuit::Closed;
        }
    }
    Ok(usable)
}

/// One call for some deliveries, of which none are left.
fn together(ended: &mut Vec<Fact>) -> Option<(HookEvent, String)> {
    let timestamp = ended.iter().map(|fact| fact.at).max()?;
    let deliveries: Vec<Value> = std::mem::take(ended).iter().map(delivery).collect();
    let data = json!({ "deliveries": deliveries });
    Some(Payload { r#type: HookEvent::DeliveryFinal, timestamp, data }.body())
}

fn delivery(fact: &Fact) -> Value {
    let Fact { object, notice_id, account_id, state, at, .. } = fact;
    json!({ "id": object, "notice": notice_id, "account_id": account_id, "state": state, "at": at })
}

async fn of_notice(conn: &mut Conn, event: HookEvent, notice: &Kept) -> Result<Value, StoreError> {
    #[derive(Serialize)]
    struct Data {
        id: Uuid,
        category: Category,
        state: NoticeState,
        #[serde(skip_serializing_if = "Option::is_none")]
        recipients: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        counts: Option<BTreeMap<State, u64>>,
    }
    // What it became by this: a step later it may be something else.
    let state = match event {
        HookEvent::NoticeSubmitted => NoticeState::Submitted,
        HookEvent::NoticeApproved => NoticeState::Approved,
        HookEvent::NoticeReleased => NoticeState::Released,
        _ => notice.state,
    };
    let counts = match event {
        HookEvent::NoticeClosed => Some(deliveries::tally(conn, notice.id, notice.recipients).await?),
        _ => None,
    };
    let is_released = matches!(event, HookEvent::NoticeReleased | HookEvent::NoticeClosed);
    let recipients = is_released.then_some(notice.recipients);
    let data = Data { id: notice.id, category: notice.category, state, recipients, counts };
    Ok(serde_json::to_value(data).expect("words and numbers serialise"))
}

async fn task(conn: &mut Conn, fact: &Fact) -> Result<Option<Value>, StoreError> {
    #[derive(Serialize)]
    struct Data {
        id: Uuid,
        kind: TaskKind,
        state: crate::domain::task::State,
        notice: Option<Uuid>,
        account_id: Option<String>,
        delivery: Option<Uuid>,
        opened_at: Timestamp,
        deadline: Option<Timestamp>,
        done_at: Option<Timestamp>,
    }
    let Ok(id) = fact.object.parse() else { return Ok(None) };
    let Some(task) = tasks::find(conn, id).await? else { return Ok(None) };
    let is_done = fact.event == HookEvent::TaskDone;
    let data = Data {
        id,
        kind: task.kind,
        state: if is_done { crate::domain::task::State::Done } else { crate::domain::task::State::Open },
        notice: task.notice_id,
        account_id: task.account_id,
        delivery: task.delivery_id,
        opened_at: task.opened_at,
        deadline: task.deadline,
        done_at: task.done_at.filter(|_| is_done),
    };
    Ok(Some(serde_json::to_value(data).expect("words, ids and times serialise")))
}
