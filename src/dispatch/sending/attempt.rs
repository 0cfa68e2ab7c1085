//! One delivery, from its claim to its outcome.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::dispatch::Context;
use crate::dispatch::recorder::job::Job;
use crate::dispatch::recorder::settlement::{Transaction, Trial};
use crate::domain::address::Address;
use crate::domain::delivery::{Outcome, Reason};
use crate::domain::mould::Mould;
use crate::domain::preference::{Permission, permission};
use crate::domain::reply::{Cause, Failure, Stage, Verdict, asks_for_pause, classify};
use crate::mail::compose::composer::{ComposeError, Composed, envelope_sender};
use crate::mail::smtp::{Envelope, Failed, Group, Reports, Session};
use crate::store::StoreError;
use crate::store::sending::settle::{self, Attempt};
use crate::store::sending::{deliveries, leases, messages};

/// How an attempt ended.
pub enum Ended {
    /// With an outcome to record.
    Settled(Box<Trial>),
    /// Not tried, and not because of the relay: claim it again, not before this time if there is one.
    GivenBack(Option<Timestamp>),
    /// Refused: by the recipient, unless the relay refuses everybody so. Holds what to record if it is the recipient.
    Refused(Failed, Box<Trial>),
    /// The relay refuses the message itself, for its size or its form: another one may take it. Holds what to record if none does.
    MessageRefused(Failed, Box<Trial>),
    /// The answer to the final dot was lost: nobody knows whether the message was taken.
    Lost(Failed, Box<Trial>),
    /// Not tried: the relay does not offer what the message needs, in words.
    NotCarried(String),
    /// Not tried: the relay refuses us. Holds what to record if the cause is this delivery.
    RelayRefuses(Failed, Box<Trial>),
    /// Not tried: the relay asks for fewer messages. Holds what to record if its rate is not the reason.
    Throttled(Failed, Box<Trial>),
    /// Not tried: the relay is unhealthy.
    RelayDown(Failed),
    /// Not tried: the connection has ended.
    HungUp,
}

impl Ended {
    /// True if the relay saw a message, or a sender: that uses up a rate token. A relay that is down has seen one at most.
    pub fn used_token(&self) -> bool {
        match self {
            Self::Settled(trial) => trial.transaction.is_some(),
            Self::Refused(..)
            | Self::MessageRefused(..)
            | Self::Lost(..)
            | Self::RelayRefuses(..)
            | Self::Throttled(..)
            | Self::RelayDown(_) => true,
            Self::GivenBack(_) | Self::NotCarried(_) | Self::HungUp => false,
        }
    }

    /// True if the transaction got past MAIL, whatever its result.
    pub fn came_past_mail(&self) -> bool {
        let trial = match self {
            Self::Settled(trial)
            | Self::Refused(_, trial)
            | Self::MessageRefused(_, trial)
            | Self::Lost(_, trial)
            | Self::RelayRefuses(_, trial)
            | Self::Throttled(_, trial) => trial,
            Self::GivenBack(_) | Self::NotCarried(_) | Self::RelayDown(_) | Self::HungUp => return false,
        };
        trial.transaction.as_ref().is_some_and(|transaction| transaction.attempt.stage > Stage::Mail)
    }
}

/// A claim older than this is checked again before MAIL FROM, in milliseconds.
const FRESH_MS: i64 = 2_000;

/// How long it may take to check a claim again, or to load the message of an earlier attempt.
const DEADLINE: Duration = Duration::from_secs(15);

/// How often to store a mould again at once if the database failed, and the pause before each try.
const MOULD_TRIES: u32 = 5;
const MOULD_PAUSE: Duration = Duration::from_millis(250);

/// How long a delivery waits if its message could not be composed or its state could not be read, in milliseconds.
const TROUBLE_MS: i64 = 60_000;

/// A delivery with its message, before its transaction is over.
pub struct Prepared {
    from: Address,
    /// The transaction as it is recorded if the answer to the final dot is lost.
    unanswered: Transaction,
}

impl Prepared {
    fn envelope<'a>(&'a self, context: &Context, job: &'a Job) -> Envelope<'a> {
        let success = context.config.ask_delivery_reports(job.sending.kept.category);
        let reports = Reports { delivery: job.to.id, success };
        Envelope { from: Some(&self.from), to: &job.to.email, reports: Some(reports) }
    }

    fn message(&self) -> &[u8] {
        &self.unanswered.composed.bytes
    }

    fn answered(self, stage: Stage, code: Option<u16>, dsn: bool) -> Transaction {
        let Transaction { attempt, envelope_sender, composed } = self.unanswered;
        Transaction { attempt: Attempt { stage, code, dsn, ..attempt }, envelope_sender, composed }
    }

    /// How an attempt ended that failed.
    async fn failed(self, context: &Context, job: &Job, failed: Failed) -> Ended {
        let asked = self.unanswered.attempt.dsn && !matches!(failed.failure, Failure::Unsupported(_));
        let transaction = self.answered(failed.stage, failed.failure.code(), asked);
        match judged(failed, transaction) {
            Ended::Lost(failed, mut trial) => {
                trial.copies = copies(context, job).await;
                Ended::Lost(failed, trial)
            }
            ended => ended,
        }
    }
}

/// Tries to send a delivery.
pub async fn attempt(context: &Context, relay: &str, session: &mut Session, job: &mut Job) -> Ended {
    let begun = async {
        let prepared = prepare(context, relay, session, job).await?;
        begin(context, session, job, prepared).await
    };
    match begun.await {
        Ok(prepared) => finish(context, session, job, prepared, None).await,
        Err(ended) => ended,
    }
}

/// Makes the message of a delivery, once its domain allows one more.
///
/// # Errors
/// How the attempt ended, if the delivery may not be sent.
pub async fn prepare(context: &Context, relay: &str, session: &mut Session, job: &mut Job) -> Result<Prepared, Ended> {
    if !job.begin_slot(context.clock.now_ms()).await {
        return Err(Ended::GivenBack(None));
    }
    if let Some(ended) = may_not_send(context, job).await {
        return Err(ended);
    }
    let composed = compose(context, job).await.map_err(|error| not_composed(context, job, &error))?;
    let from = envelope_sender(&context.config, &context.key, job.sending.kept.category, job.to.id);
    let unanswered = Transaction {
        attempt: Attempt {
            number: job.claimed.attempts + 1,
            relay: relay.to_owned(),
            host: session.host.clone(),
            tls: session.tls.clone(),
            stage: Stage::Dot,
            code: None,
            dsn: session.extensions().dsn,
        },
        envelope_sender: from.as_str().to_owned(),
        composed,
    };
    job.transaction = Some(Box::new(unanswered.clone()));
    Ok(Prepared { from, unanswered })
}

/// True if the message of a delivery can be made without the database.
pub fn is_at_hand(context: &Context, job: &Job) -> bool {
    is_fresh(context, job) && job.claimed.attempts == 0 && job.sending.mould_at_hand(&job.to).is_some()
}

/// Makes the message of a delivery whose transaction is to begin behind the message of another, and its commands.
///
/// # Errors
/// How the attempt ended, if the delivery may not or cannot be sent.
pub async fn prepare_behind(
    context: &Context,
    relay: &str,
    session: &mut Session,
    job: &mut Job,
) -> Result<(Prepared, Group), Ended> {
    let prepared = prepare(context, relay, session, job).await?;
    match session.group(prepared.envelope(context, job), prepared.message()) {
        Ok(group) => Ok((prepared, group)),
        Err(failed) => Err(prepared.failed(context, job, failed).await),
    }
}

/// Runs the transaction up to the go-ahead for the message. What was begun behind another message is checked again: it may have
/// waited for the answer to that one.
///
/// # Errors
/// How the attempt ended.
pub async fn begin(
    context: &Context,
    session: &mut Session,
    job: &mut Job,
    prepared: Prepared,
) -> Result<Prepared, Ended> {
    if session.is_ahead() {
        let address = job.to.email.clone();
        let ended = may_not_send(context, job).await;
        // The commands name the address that was known then; and the message before may have been answered by a pause.
        let may = job.to.email == address && job.try_begin_slot(context.clock.now_ms());
        let ended = ended.or_else(|| (!may).then_some(Ended::GivenBack(None)));
        if let Some(ended) = ended {
            session.abandon();
            return Err(ended);
        }
    }
    let lease_holds = || context.leases.has_time(&job.claimed, context.clock.now_ms());
    match session.begin(prepared.envelope(context, job), prepared.message(), lease_holds).await {
        Ok(true) => Ok(prepared),
        Ok(false) => Err(Ended::GivenBack(None)),
        Err(failed) => Err(prepared.failed(context, job, failed).await),
    }
}

/// Sends the message, with the commands of the next transaction behind it.
pub async fn finish(
    context: &Context,
    session: &mut Session,
    job: &mut Job,
    prepared: Prepared,
    behind: Option<&Group>,
) -> Ended {
    let reply = match session.finish(prepared.message(), &job.in_doubt, behind).await {
        Ok(reply) => reply,
        Err(failed) => return prepared.failed(context, job, failed).await,
    };
    // After anything else its domain may have to wait: it is not clear yet whose fault it was.
    job.end_slot();
    let dsn = prepared.unanswered.attempt.dsn;
    Ended::Settled(Box::new(Trial {
        transaction: Some(prepared.answered(Stage::Dot, Some(reply.code), dsn)),
        reply: Some(format!("{} {}", reply.code, reply.text)),
        ..Trial::untried(Outcome::Accepted)
    }))
}

/// How many messages of a delivery the servers may have by now, this one included.
async fn copies(context: &Context, job: &Job) -> usize {
    if job.claimed.attempts == 0 {
        return 1;
    }
    let made = async { settle::attempts(&mut *context.store.read().await?, job.to.id).await };
    match context.store.within(DEADLINE, made).await {
        Ok(made) => 1 + made.iter().filter(|it| it.outcome == Outcome::Uncertain.as_str()).count(),
        Err(error) => {
            let error = error.for_logs();
            tracing::error!(delivery = %job.to.id, error, "earlier attempts could not be read");
            1
        }
    }
}

/// How an attempt ended before a message was composed: the claim does not hold any more, or the recipient may not be sent to.
async fn may_not_send(context: &Context, job: &mut Job) -> Option<Ended> {
    if context.outage.is_on() {
        return Some(Ended::GivenBack(None));
    }
    match context.store.within(DEADLINE, refresh(context, job)).await {
        Ok(true) => {}
        Ok(false) => return Some(Ended::GivenBack(None)),
        Err(error) => {
            let error = error.for_logs();
            tracing::error!(delivery = %job.to.id, error, "a claim could not be checked again");
            return Some(give_up_for_now(context));
        }
    }
    let outcome = match permission(job.sending.class(), job.to.opted_out, job.to.suppression) {
        Permission::OptedOut => Outcome::OptedOut,
        Permission::Suppressed => Outcome::Suppressed,
        Permission::Send | Permission::SendOnce => return None,
    };
    Some(Ended::Settled(Box::new(Trial::untried(outcome))))
}

/// How an attempt ended that failed.
fn judged(failed: Failed, transaction: Transaction) -> Ended {
    let verdict = classify(failed.stage, &failed.failure, failed.reused);
    let (reply, asks) = (failed.failure.text(), asks_for_pause(failed.stage, &failed.failure));
    let trial = |outcome, dead| {
        Box::new(Trial {
            outcome,
            transaction: Some(transaction),
            reply: Some(reply),
            reason: None,
            dead,
            asks_for_pause: outcome == Outcome::Deferred && asks,
            copies: 0,
        })
    };
    match verdict {
        Verdict::NotCarried => Ended::NotCarried(failed.failure.text()),
        Verdict::Rejected { dead } => Ended::Refused(failed, trial(Outcome::Rejected, dead)),
        Verdict::MessageRefused => Ended::MessageRefused(failed, trial(Outcome::Rejected, false)),
        Verdict::Deferred if failed.failure.is_greylisting() => Ended::Settled(trial(Outcome::Deferred, false)),
        Verdict::Deferred => Ended::Refused(failed, trial(Outcome::Deferred, false)),
        Verdict::Uncertain => Ended::Lost(failed, trial(Outcome::Uncertain, false)),
        Verdict::RelayRefuses => {
            let of_one = failed.failure.cause().is_none_or(Cause::may_be_of_one);
            let permanent =
                failed.stage > Stage::Mail && failed.failure.code().is_some_and(|code| code >= 500) && of_one;
            let own = trial(if permanent { Outcome::Rejected } else { Outcome::Deferred }, false);
            Ended::RelayRefuses(failed, own)
        }
        Verdict::Throttled => {
            let own = trial(Outcome::Deferred, false);
            Ended::Throttled(failed, own)
        }
        Verdict::RelayDown => Ended::RelayDown(failed),
        Verdict::ConnectionEnded => Ended::HungUp,
    }
}

/// How an attempt ended whose message could not be composed: only a failure of the database may pass.
fn not_composed(context: &Context, job: &Job, error: &ComposeError) -> Ended {
    let (delivery, notice, text) = (job.to.id, job.sending.kept.id, error.for_logs());
    if matches!(error, ComposeError::Kept(error) if error.may_pass()) {
        tracing::error!(%delivery, error = text, "a message could not be composed, retrying");
        return give_up_for_now(context);
    }
    if context.unsent.logged.is_news(notice) {
        tracing::error!(
            %notice, %delivery,
            "messages of this notice cannot be composed and are not sent: correct the cause, then `besked deliveries resend \
             --notice {notice} --state not_composed`: {text}"
        );
    }
    Ended::Settled(Box::new(Trial::not_sent(Reason::NotComposed)))
}

fn give_up_for_now(context: &Context) -> Ended {
    let later = context.clock.now_ms().saturating_add(TROUBLE_MS);
    Ended::GivenBack(Some(crate::domain::clock::from_millis(later)))
}

/// True if a claim need not be checked again.
fn is_fresh(context: &Context, job: &Job) -> bool {
    let (claimed, claimed_at) = job.claimed_at;
    let age_ms = context.clock.now_ms() - claimed_at.as_millisecond();
    (0..=FRESH_MS).contains(&age_ms) && claimed.elapsed() <= Duration::from_millis(FRESH_MS.unsigned_abs())
}

/// Checks an older claim again: it may have been paused, cancelled or fenced off, and its recipient may have opted out.
/// Returns false if it may not be sent.
async fn refresh(context: &Context, job: &mut Job) -> Result<bool, StoreError> {
    if is_fresh(context, job) {
        return Ok(true);
    }
    let mut conn = context.store.read().await?;
    if !leases::still_ours(&mut conn, job.to.id, job.claimed.token).await? {
        return Ok(false);
    }
    let ids = [job.to.id.to_string()];
    let fresh = deliveries::to_send(&mut conn, &ids).await?.pop();
    if let Some(fresh) = fresh {
        job.to = fresh;
    }
    Ok(true)
}

/// The message: the one stored at an earlier attempt, byte for byte, else a new one.
async fn compose(context: &Context, job: &Job) -> Result<Composed, ComposeError> {
    if job.claimed.attempts > 0 {
        let kept = async { messages::find(&mut *context.store.read().await?, job.to.id).await };
        if let Some(bytes) = context.store.within(DEADLINE, kept).await? {
            return Ok(Composed::kept(bytes));
        }
    }
    let mould = match job.sending.mould_at_hand(&job.to) {
        Some(mould) => mould,
        None => stored_mould(context, job).await?,
    };
    job.sending.compose(&context.config, &context.key, &mould, (&job.to, job.claimed.first_at))
}

/// The mould of a delivery, once it is stored. A commit that was not answered, or a connection that was lost, is no reason to let
/// the delivery wait: the mould that is stored counts, whoever stored it.
async fn stored_mould(context: &Context, job: &Job) -> Result<Arc<Mould>, ComposeError> {
    let mut tries = 0;
    loop {
        let mould = job.sending.mould(&context.store, &context.config, &job.to);
        match context.store.within(DEADLINE, mould).await {
            Err(ComposeError::Kept(error)) if error.may_pass() && tries < MOULD_TRIES => {
                tries += 1;
                tokio::time::sleep(MOULD_PAUSE).await;
            }
            stored => return stored,
        }
    }
}
