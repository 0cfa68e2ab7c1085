//! Was this customer informed? The answer for each notice, and over all of them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::rows::strongest;
use super::stopped::{Stopped, stopped};
use super::{Attestation, Coverage, CoverageError};
use crate::domain::actor::Actor;
use crate::domain::category::{Category, Role};
use crate::domain::coverage::{Known, Verdict};
use crate::domain::delivery::{Level, Reason, State};
use crate::domain::matter::Progress;
use crate::domain::notice::State as NoticeState;
use crate::domain::placeholder::Text;
use crate::domain::right::Right;
use crate::mail::compose::message::{message_id, subject_of};
use crate::notices::NoticeError;
use crate::people::mask::{Mask, mask_words};
use crate::store::inbound::reports::{self, Report};
use crate::store::notices::{Among, Kept, attestations, references};
use crate::store::people::customers;
use crate::store::sending::deliveries::Shown;
use crate::store::sending::messages::Seen;
use crate::store::sending::{deliveries, messages};
use crate::store::{Conn, StoreError, notices};

/// Which notices a question is about.
#[derive(Clone, Debug)]
pub enum About {
    /// One notice, by id or reference.
    Notice(String),
    /// The notices of the matters of a reference that address the customer: also those with another one, or none.
    Reference(String),
    /// The notices of a category that address the customer.
    Category {
        /// The category.
        category: Category,
        /// Released at this time or later.
        since: Option<Timestamp>,
        /// Released before this time.
        until: Option<Timestamp>,
    },
}

/// Whether a customer was informed.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = informed::Informed)]
pub struct Informed {
    /// Account id.
    pub account_id: String,
    /// The customer's name at the release of the newest of these notices; without one, today's.
    pub customer_name: Option<String>,
    /// The customer's name today, if it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name_today: Option<String>,
    /// The answer over all notices asked for: the worst one.
    #[serde(serialize_with = "answer")]
    #[schema(value_type = Verdict)]
    pub verdict: Verdict,
    /// The level reached by all of them: the weakest of the notices' levels.
    pub level: Option<Level>,
    /// How many of them the customer should have been informed by, and is not.
    pub overdue: u64,
    /// By how many of them the customer was informed after the deadline.
    pub late: u64,
    /// What the customer has last of the matter, if the question is about one matter by its reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastVersion>,
    /// The answer for each notice.
    pub notices: Vec<InformedNotice>,
}

/// The last notice of a matter that a customer is informed by.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = informed::LastVersion)]
pub struct LastVersion {
    /// The notice.
    pub notice: Uuid,
    /// Its phase, status or stage.
    pub phase: Option<&'static str>,
    /// Since when the customer is informed by it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The newest notice of the matter, if it is another one: the customer is not informed by it.
    pub newer: Option<Newer>,
}

/// A notice of a matter that a customer does not have.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = informed::Newer)]
pub struct Newer {
    /// The notice.
    pub notice: Uuid,
    /// Its phase, status or stage.
    pub phase: Option<&'static str>,
    /// When it was released.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
}

/// Whether a customer was informed by one notice.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = informed::Notice)]
pub struct InformedNotice {
    /// The notice.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// The subject as the customer got it; before that, with the names of its placeholders.
    pub subject: String,
    /// The author's reference.
    pub reference: Option<String>,
    /// Its matter: the id of the first of the notices that follow each other.
    pub matter: Uuid,
    /// Its place among the released notices of the matter, from 1.
    pub sequence: Option<u64>,
    /// Its phase, status or stage.
    pub phase: Option<&'static str>,
    /// The customer's name at its release, if it addressed the customer.
    #[serde(skip)]
    pub customer_name: Option<String>,
    /// When it was released.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub released_at: Option<Timestamp>,
    /// When the breach was discovered, if it is about one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub discovered_at: Option<Timestamp>,
    /// By when the customer must be informed, if the category has a deadline.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deadline: Option<Timestamp>,
    /// The deadline has passed, and the customer is not informed.
    pub overdue: bool,
    /// Since when the customer is informed, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub informed_since: Option<Timestamp>,
    /// The customer was informed after the deadline.
    pub late: bool,
    /// The notice's state.
    pub state: NoticeState,
    /// Why its sending has stopped, if an operator has stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// It was cancelled before anything was sent to the customer: another notice takes its place.
    #[serde(skip)]
    pub is_void: bool,
    /// The answer.
    #[serde(serialize_with = "answer")]
    #[schema(value_type = Verdict)]
    pub verdict: Verdict,
    /// The least level that counts as informed.
    pub informed_at: Level,
    /// The strongest level reached.
    pub level: Option<Level>,
    /// Each delivery to the customer.
    pub deliveries: Vec<InformedDelivery>,
    /// The other ways by which the customer was informed.
    pub attested: Vec<Attestation>,
}

/// A delivery to a customer, with the server's reply.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = informed::Delivery)]
pub struct InformedDelivery {
    /// The delivery.
    pub id: Uuid,
    /// Address.
    pub email: String,
    /// Role that was addressed.
    pub role: Role,
    /// State.
    pub state: State,
    /// The state is an operator's finding, and no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if it is rejected and no server refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When the state changed last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The server's reply, or what an operator found.
    pub reply: Option<String>,
    /// The message's Message-ID.
    pub message_id: String,
    /// True if its stored text was looked into and does not match its entry in the ledger: that text is not shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub text_damaged: bool,
    /// What came back about it by mail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
}

impl Coverage {
    /// Answers whether a customer was informed. Restricted addresses are masked.
    ///
    /// # Errors
    /// If there is no such customer or notice, or the database fails.
    pub async fn informed(&self, actor: &Actor, account_id: &str, about: &About) -> Result<Informed, CoverageError> {
        actor.may_at_all(Right::Read)?;
        let named = match about {
            About::Notice(name) => Some(self.notices.named(actor, name).await?),
            _ => None,
        };
        let mut conn = self.context.store.snapshot().await?;
        let customer = customers::find(&mut conn, account_id).await?;
        let notices = match about {
            About::Notice(_) => named.iter().map(|notice| notice.id).collect(),
            About::Reference(reference) => {
                // A mistyped reference is a mistake, and no answer about the customer.
                let mut bearers = references::bearers(&mut conn, reference).await?;
                bearers.retain(|bearer| actor.knows_of(bearer.category, bearer.released_at.is_some()));
                if bearers.is_empty() {
                    return Err(NoticeError::Unknown(reference.clone()).into());
                }
                notices::addressing(&mut conn, account_id, Among::Reference(reference), None, None).await?
            }
            About::Category { since: Some(since), until: Some(until), .. } if until <= since => {
                return Err(CoverageError::Period);
            }
            About::Category { category, since, until } => {
                notices::addressing(&mut conn, account_id, Among::Category(*category), *since, *until).await?
            }
        };
        let mut answers = Vec::with_capacity(notices.len());
        // One notice at a time: a customer may have had thousands, and each has its whole text.
        for id in notices {
            let notice = notices::find(&mut conn, id).await?;
            if let Some(notice) = notice.filter(|it| actor.knows_of(it.category, it.released_at.is_some())) {
                let sees = actor.sees_addresses_of_one(notice.category);
                answers.push(self.informed_by(&mut conn, (account_id, sees), &notice).await?);
            }
        }
        let names_nobody = |verdict| matches!(verdict, Verdict::NotAddressed | Verdict::NotReleased);
        if customer.is_none() && answers.iter().all(|answer| names_nobody(answer.verdict)) {
            return Err(CoverageError::UnknownCustomer(account_id.to_owned()));
        }
        // What was cancelled unsent decides nothing, unless there is nothing else.
        let all_void = answers.iter().all(|answer| answer.is_void);
        let counting = || answers.iter().filter(|answer| all_void || !answer.is_void);
        let verdicts = counting().map(|answer| answer.verdict);
        let today = customer.map(|customer| customer.name);
        let newest = answers.iter().filter(|it| it.customer_name.is_some()).max_by_key(|it| (it.released_at, it.id));
        let customer_name = newest.and_then(|it| it.customer_name.clone()).or_else(|| today.clone());
        Ok(Informed {
            last: last_version(about, &answers),
            account_id: account_id.to_owned(),
            customer_name_today: today.filter(|today| customer_name.as_ref() != Some(today)),
            customer_name,
            verdict: Verdict::worst(verdicts).unwrap_or(Verdict::NotAddressed),
            level: counting().map(|answer| answer.level).min().flatten(),
            overdue: counting().filter(|answer| answer.overdue).count() as u64,
            late: counting().filter(|answer| answer.late).count() as u64,
            notices: answers,
        })
    }

    pub(super) async fn informed_by(
        &self,
        conn: &mut Conn,
        (account_id, sees): (&str, bool),
        notice: &Kept,
    ) -> Result<InformedNotice, StoreError> {
        let released = notice.released_at.is_some();
        let shown = if released { deliveries::of_customer(conn, notice.id, account_id).await? } else { Vec::new() };
        let mask = Mask::of(conn, sees, shown.iter().map(|it| it.email.as_str())).await?;
        let ids: Vec<Uuid> = shown.iter().map(|it| it.id).collect();
        let mut returned = reports::of_deliveries(conn, &ids).await?;
        mask_words(conn, sees, returned.values_mut().flatten().flat_map(Report::words)).await?;
        let mut attested = attestations::of_notice(conn, notice.id, Some(account_id)).await?;
        mask_words(conn, sees, attested.iter_mut().flat_map(Attestation::words)).await?;
        let known: Vec<Known> = shown.iter().map(Shown::known).collect();
        // An erased person's customer has no name any more, if it was the person's.
        let named = shown.iter().map(|it| it.customer_name.clone()).find(|name| !name.is_empty());
        let unaddressed = unaddressed(conn, notice, account_id).await?;
        let addressed = !shown.is_empty() || unaddressed.is_some();
        let (measure, clock) = (self.measure(notice), self.clock(notice));
        let told = Attestation::told(&attested);
        let verdict = match (released, addressed) {
            (false, _) => Verdict::NotReleased,
            (true, false) => Verdict::NotAddressed,
            (true, true) => measure.verdict(&known, &told),
        };
        let informed_since = measure.customer_since(&known, &told).filter(|_| addressed);
        let unsent = known.iter().all(|known| known.state == State::Cancelled);
        let (subject, damaged) = subject(conn, notice, &shown, &mask).await?;
        Ok(InformedNotice {
            id: notice.id,
            category: notice.category,
            subject,
            reference: notice.reference.clone(),
            matter: notice.matter_id,
            sequence: notice.sequence,
            phase: notice.said.progress.map(Progress::as_str),
            customer_name: named.or(unaddressed).filter(|name| !name.is_empty()),
            released_at: notice.released_at,
            discovered_at: clock.discovered_at,
            deadline: clock.deadline,
            overdue: clock.is_overdue(verdict, measure.now),
            informed_since,
            late: clock.is_late(informed_since),
            state: notice.state,
            stopped: stopped(conn, notice, sees).await?,
            is_void: notice.state == NoticeState::Cancelled && unsent && told.is_empty(),
            verdict,
            informed_at: measure.informed_at,
            level: strongest(&known, &attested),
            deliveries: shown
                .into_iter()
                .map(|it| {
                    let reports = returned.remove(&it.id).unwrap_or_default();
                    InformedDelivery { reports, ..delivery(it, &mask, (&notice.message_domain, &damaged)) }
                })
                .collect(),
            attested,
        })
    }
}

/// What a customer has last of the matter that all these notices belong to.
fn last_version(about: &About, answers: &[InformedNotice]) -> Option<LastVersion> {
    let matter = answers.first().filter(|_| matches!(about, About::Reference(_)))?.matter;
    if answers.iter().any(|it| it.matter != matter) {
        return None;
    }
    let has = answers.iter().filter_map(|it| Some((it.sequence?, it, it.informed_since?)));
    let (sequence, last, at) = has.max_by_key(|(sequence, ..)| *sequence)?;
    // What went to others only, or was cancelled unsent, the customer does not lack.
    let newest = answers.iter().filter(|it| !it.is_void && it.sequence > Some(sequence)).max_by_key(|it| it.sequence);
    let newer = newest.map(|it| Newer { notice: it.id, phase: it.phase, released_at: it.released_at });
    Some(LastVersion { notice: last.id, phase: last.phase, at, newer })
}

/// The name at release of a customer that had nobody to address.
async fn unaddressed(conn: &mut Conn, notice: &Kept, account_id: &str) -> Result<Option<String>, StoreError> {
    match notice.released_at {
        Some(_) => deliveries::unaddressed_name(conn, notice.id, account_id).await,
        None => Ok(None),
    }
}

/// A delivery as the answer has it.
fn delivery(it: Shown, mask: &Mask, (message_domain, damaged): (&str, &[Uuid])) -> InformedDelivery {
    InformedDelivery {
        id: it.id,
        found_by_operator: it.is_found(),
        reply: it.reply.map(|reply| mask.text(&it.email, &reply)),
        email: mask.address(&it.email),
        role: it.role,
        state: it.state,
        level: it.level,
        reason: it.reason,
        at: it.at,
        message_id: message_id(it.id, message_domain),
        text_damaged: damaged.contains(&it.id),
        reports: Vec::new(),
    }
}

/// Writes a verdict as the answer to "was this customer informed?".
fn answer<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    verdict.as_answer().serialize(serializer)
}

/// The subject of a notice in the first message that the customer got, and the deliveries whose messages turned out to be damaged. A
/// restricted person's message is not opened for it.
async fn subject(
    conn: &mut Conn,
    notice: &Kept,
    shown: &[Shown],
    mask: &Mask,
) -> Result<(String, Vec<Uuid>), StoreError> {
    let mut damaged = Vec::new();
    if Text::has_placeholders(&notice.subject) {
        for delivery in shown.iter().filter(|it| mask.address(&it.email) == it.email) {
            let seen = messages::see(conn, delivery.id).await?;
            if let Some(subject) = seen.sent().and_then(subject_of) {
                return Ok((subject, damaged));
            }
            damaged.extend((seen == Seen::Damaged).then_some(delivery.id));
        }
    }
    Ok((Text::named(&notice.subject), damaged))
}
