//! Sends replies to support.

use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;
use tokio::time::{Duration, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::compose::{About, Parcel, Person, compose};
use crate::domain::address::Address;
use crate::domain::clock::millis;
use crate::domain::forward::{Reason, State};
use crate::domain::reply::{Stage, Verdict, for_logs};
use crate::domain::task::TaskKind;
use crate::inbound::reader::mime::headers::Headers;
use crate::inbound::{Inbound, InboundError};
use crate::mail::compose::message::MessageError;
use crate::mail::direct::{self, Refused, Taken};
use crate::metrics::repeats::Repeats;
use crate::store::inbound::forwards::{self, Claimed};
use crate::store::inbound::packed::unpack;
use crate::store::sending::deliveries;
use crate::store::tasks::{self, NewTask};
use crate::store::{StoreError, notices};

/// How often to look for replies.
const PAUSE: Duration = Duration::from_secs(2);

/// How often to look while the database fails.
const PAUSE_FAILED: Duration = Duration::from_secs(5);

/// How long a claim holds: longer than [`LONGEST`], so that no other node sends the same reply meanwhile.
const CLAIM: SignedDuration = SignedDuration::from_mins(15);

/// How long sending one reply may take, all relays together.
const LONGEST: Duration = Duration::from_secs(600);

/// Waits before the record of what was sent is tried again: what is not recorded is sent once more.
const AGAIN: [u64; 5] = [0, 1, 2, 5, 10];

/// By how much the waits between attempts differ from the schedule.
const SPREAD: f64 = 0.2;

/// What was done with replies that were due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwards {
    /// Accepted by a relay.
    pub forwarded: u64,
    /// Left for later.
    pub deferred: u64,
    /// Given up.
    pub failed: u64,
}

/// What became of one reply.
enum Ended {
    Forwarded(Taken),
    Later { why: String },
    Failed(Reason),
}

impl Inbound {
    /// Forwards what waits, until `ended`; a reply that is being sent then has the time of `[dispatch] drain`. Several processes may
    /// do so at once.
    pub async fn forward(&self, ended: &CancellationToken) {
        let repeats = Repeats::default();
        let drained = async {
            ended.cancelled().await;
            sleep(self.context.config.dispatch.drain).await;
        };
        let run = async {
            while !ended.is_cancelled() {
                let pause = match self.forward_due(ended).await {
                    Ok(_) => PAUSE,
                    Err(error) => {
                        repeats.log("replies cannot be forwarded", &error);
                        PAUSE_FAILED
                    }
                };
                tokio::select! {
                    () = ended.cancelled() => {}
                    () = sleep(pause) => {}
                }
            }
        };
        tokio::select! {
            () = run => {}
            () = drained => {}
        }
    }

    /// Forwards every reply that is due, one after another, unless it has `ended`.
    ///
    /// # Errors
    /// If the database fails; what was recorded until then stays recorded.
    pub async fn forward_due(&self, ended: &CancellationToken) -> Result<Forwards, InboundError> {
        let mut done = Forwards::default();
        while !ended.is_cancelled() {
            let Some(claimed) = self.claim().await? else { break };
            let id = claimed.inbound_id;
            match self.try_forward(&claimed).await? {
                Ended::Forwarded(Taken { relay, .. }) => {
                    self.record_forwarded(&claimed).await?;
                    self.metrics.reply(State::Forwarded.as_str());
                    tracing::info!(inbound = %id, relay, "a reply was forwarded to support");
                    done.forwarded += 1;
                }
                Ended::Later { why } => {
                    self.postpone(&claimed).await?;
                    self.metrics.reply("deferred");
                    tracing::warn!(inbound = %id, why, "a reply could not be forwarded to support, retrying later");
                    done.deferred += 1;
                }
                Ended::Failed(reason) => {
                    self.fail(&claimed, reason).await?;
                    self.metrics.reply(State::Failed.as_str());
                    tracing::error!(inbound = %id, %reason, "a reply cannot be forwarded to support");
                    done.failed += 1;
                }
            }
        }
        Ok(done)
    }

    async fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        let now = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let claimed = forwards::claim(&mut tx, now, later(now, CLAIM)).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Makes the mail and sends it.
    async fn try_forward(&self, claimed: &Claimed) -> Result<Ended, StoreError> {
        let Some((about, bytes)) = self.about(claimed).await? else { return Ok(Ended::Failed(Reason::Deleted)) };
        let Ok(bytes) = bytes else { return Ok(Ended::Failed(Reason::Unreadable)) };
        let this = self.clone();
        // On a thread of its own: a large message takes a while, and a fault ends only this one.
        let made = spawn_blocking(move || this.parcel(&about, &bytes)).await;
        let parcel = match made {
            Ok(Some(Ok(parcel))) => parcel,
            Ok(None) => return Ok(Ended::Failed(Reason::NoSender)),
            Ok(Some(Err(error))) => {
                tracing::error!(inbound = %claimed.inbound_id, %error, "the mail with a reply cannot be made");
                return Ok(Ended::Failed(Reason::Unreadable));
            }
            Err(error) => {
                tracing::error!(inbound = %claimed.inbound_id, %error, "the mail with a reply cannot be made: please report it");
                return Ok(Ended::Failed(Reason::Unreadable));
            }
        };
        Ok(self.send(claimed, &parcel).await)
    }

    /// What is known of a reply; `None` if its bytes or its delivery were deleted.
    async fn about(&self, claimed: &Claimed) -> Result<Option<(About, Result<Vec<u8>, InboundError>)>, StoreError> {
        let Some(raw) = &claimed.raw else { return Ok(None) };
        let mut conn = self.context.store.read().await?;
        let Some(delivery) = deliveries::find(&mut conn, claimed.delivery_id).await? else { return Ok(None) };
        let Some(notice) = notices::find(&mut conn, delivery.notice_id).await? else { return Ok(None) };
        let Claimed { inbound_id, came_at, .. } = *claimed;
        let about = About { inbound_id, came_at, delivery, notice, bounds: self.bounds() };
        Ok(Some((about, unpack(inbound_id, raw, claimed.size).map_err(InboundError::from))))
    }

    /// Makes the mail; `None` if there is nobody to answer.
    fn parcel(&self, about: &About, bytes: &[u8]) -> Option<Result<Parcel, MessageError>> {
        let headers = Headers::of(bytes, about.bounds.headers);
        let person = Person::of(&headers, |address| self.is_own(address))?;
        Some(compose(&self.context.config, about, &person, bytes))
    }

    async fn send(&self, claimed: &Claimed, parcel: &Parcel) -> Ended {
        let config = &self.context.config;
        let Ok(to) = Address::parse(config.sender.reply_to.email.as_ref()) else {
            return Ended::Failed(Reason::Unreadable);
        };
        // Services that take mail from their customers only may want a sender that is one.
        let own = Address::parse(config.sender.from.email.as_ref()).ok();
        let deliver = |from| direct::deliver(config, from, &to, |extensions| parcel.form(extensions.eight_bit_mime));
        let sending = async {
            let sent = deliver(None).await;
            match &sent {
                Err(refusals) if refusals.iter().any(refuses_sender) => deliver(own.as_ref()).await,
                _ => sent,
            }
        };
        match timeout(LONGEST, sending).await {
            Ok(Ok(taken)) => Ended::Forwarded(taken),
            Ok(Err(refusals)) => self.judge(claimed, &refusals),
            Err(_) => Ended::Later { why: "the relays took too long".to_owned() },
        }
    }

    /// Decides what follows from the answers of the relays. While no relay can be used it is not given up.
    fn judge(&self, claimed: &Claimed, refusals: &[Refused]) -> Ended {
        let verdicts: Vec<Verdict> = refusals.iter().map(Refused::verdict).collect();
        let is_of_size = |it: &Verdict| matches!(it, Verdict::NotCarried | Verdict::MessageRefused);
        let is_final = |it: &Verdict| is_of_size(it) || matches!(it, Verdict::Rejected { .. });
        let is_answer = |it: &Verdict| is_final(it) || matches!(it, Verdict::Deferred | Verdict::Throttled);
        let waited = self.context.clock.now().duration_since(claimed.came_at);
        let is_over = waited.as_millis() > i128::from(millis(self.context.config.retry.give_up_after));
        if verdicts.is_empty() {
            Ended::Later { why: "no [[relay]] is configured".to_owned() }
        } else if verdicts.iter().all(is_of_size) {
            Ended::Failed(Reason::NotCarried)
        } else if verdicts.iter().all(is_final) {
            Ended::Failed(Reason::Refused)
        } else if is_over && verdicts.iter().all(is_answer) {
            Ended::Failed(Reason::Expired)
        } else {
            Ended::Later { why: for_logs(&refusals.iter().map(Refused::to_string).collect::<Vec<_>>().join("; ")) }
        }
    }

    async fn record_forwarded(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let mut recorded = Ok(());
        for pause in AGAIN {
            sleep(Duration::from_secs(pause)).await;
            let at = self.context.clock.now();
            recorded = async {
                let mut tx = self.context.store.write().await?;
                forwards::forwarded(&mut tx, claimed.inbound_id, at).await?;
                tx.commit().await.map_err(StoreError::from)
            }
            .await;
            if recorded.is_ok() {
                break;
            }
        }
        recorded
    }

    async fn postpone(&self, claimed: &Claimed) -> Result<(), StoreError> {
        let schedule = &self.context.config.retry.schedule;
        let step = usize::try_from(claimed.claims.saturating_sub(1)).unwrap_or(usize::MAX);
        let wait = schedule.get(step).or(schedule.last()).copied().unwrap_or(PAUSE);
        let wait = wait.mul_f64(self.context.random.jitter(SPREAD));
        let due_at = later(self.context.clock.now(), SignedDuration::from_millis(millis(wait)));
        let mut tx = self.context.store.write().await?;
        forwards::postpone(&mut tx, claimed, due_at).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Gives a reply up, with a task if a person has to look at it.
    async fn fail(&self, claimed: &Claimed, reason: Reason) -> Result<(), StoreError> {
        let at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        let delivery = deliveries::find(&mut tx, claimed.delivery_id).await?;
        if forwards::fail(&mut tx, claimed, reason, at).await?
            && reason.needs_a_person()
            && let Some(delivery) = delivery
        {
            let id = claimed.inbound_id;
            let words = format!(
                "a reply to this delivery could not be forwarded to support: {}; `besked inbound show {id}` prints it, pass it on",
                reason.describe()
            );
            let task = NewTask {
                id: self.context.random.id(at),
                kind: TaskKind::Unforwarded,
                notice_id: Some(delivery.notice_id),
                account_id: Some(&delivery.account_id),
                delivery_id: Some(delivery.id),
                inbound_id: Some(id),
                reason: &words,
                at,
                deadline: None,
            };
            tasks::open(&mut tx, &task).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// True if a relay refused the null sender.
fn refuses_sender(refusal: &Refused) -> bool {
    refusal.failed.stage == Stage::Mail && refusal.verdict() == Verdict::RelayRefuses
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(now)
}
