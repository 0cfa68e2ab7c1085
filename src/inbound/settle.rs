//! Records what messages say of deliveries. A message, its effects and their entries are one transaction, under the lock of the
//! ledger's head: two nodes that read the same message record it once.

use jiff::{SignedDuration, Timestamp};

use super::Inbound;
use super::reader::read::{Hint, Message};
use super::tie::Tied;
use crate::deliveries::DeliveryError;
use crate::deliveries::findings::{fact, lock, person};
use crate::domain::actor::Actor;
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::Category;
use crate::domain::delivery::{Event as DeliveryEvent, Level, Outcome, State};
use crate::domain::digest::{sha256, sha256_of};
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::inbound::Disposition;
use crate::domain::preference::{Reason, Source, Wish};
use crate::domain::report::effect::{About, Effect};
use crate::domain::report::{Action, MatchKind, MessageKind, Report, Statement, Verdict};
use crate::domain::task::TaskKind;
use crate::people::preferences;
use crate::store::inbound::reports::Report as Recorded;
use crate::store::inbound::{self, Disposed, Waiting, reports};
use crate::store::notices::Kept;
use crate::store::people::suppressions;
use crate::store::proof::ledger::{self, Opening};
use crate::store::sending::deliveries::Shown;
use crate::store::sending::settle;
use crate::store::tasks::{self, NewTask};
use crate::store::{Conn, StoreError};

/// The longest time that a report waits before its delivery is looked at again.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(60);

/// The shortest.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// The longest text from outside that is stored, in characters.
const LONGEST: usize = 2000;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// It is recorded, with what it says, or known to be about nothing of ours.
    Done(Disposition, Vec<Verdict>),
    /// Its delivery is not finished: it is looked at again.
    Waits,
    /// Another process was first.
    Gone,
}

/// A delivery that a message is about, locked.
struct Subject<'a> {
    delivery: &'a Shown,
    notice: &'a Kept,
    /// Its state now: one message may hold several reports about it.
    state: State,
    /// The reports about it so far.
    before: Vec<Recorded>,
}

impl Inbound {
    /// Records a message that was read, in the caller's transaction.
    pub(super) async fn settle(
        &self,
        conn: &mut Conn,
        waiting: &Waiting,
        bytes: &[u8],
        message: Message,
    ) -> Result<Settled, StoreError> {
        let tied = self.tie(conn, message).await?;
        let locked = match tied.delivery() {
            Some(id) => match lock(conn, id).await {
                Ok(locked) => Some(locked),
                // It was purged, or is of another installation.
                Err(DeliveryError::Unknown(_)) => None,
                Err(DeliveryError::Store(error)) => return Err(error),
                Err(_) => None,
            },
            None => {
                crate::store::proof::tree::lock_head(conn).await?;
                None
            }
        };
        if !inbound::is_waiting(conn, waiting.id).await? {
            return Ok(Settled::Gone);
        }
        let mut verdicts = Vec::new();
        let disposition = match &locked {
            Some((delivery, notice)) => {
                let before = reports::of_delivery(conn, delivery.id).await?;
                let subject = Subject { delivery, notice, state: delivery.state, before };
                let Some(recorded) = self.record(conn, waiting, bytes, &tied, subject).await? else {
                    let due_at = later(waiting.at, self.context.clock.now());
                    inbound::postpone(conn, waiting.id, due_at).await?;
                    return Ok(Settled::Waits);
                };
                verdicts = recorded;
                Disposition::Recorded
            }
            None => Disposition::Unmatched,
        };
        let disposed = Disposed {
            disposition,
            kind: tied.message.kind,
            tie: tied.tie.kind,
            delivery_id: tied.tie.delivery,
            erased: locked.is_some_and(|(delivery, _)| delivery.email.is_empty()),
        };
        inbound::dispose(conn, waiting.id, &disposed).await?;
        Ok(Settled::Done(disposition, verdicts))
    }

    /// Records what a message says of its delivery, and returns what was not recorded before. Returns `None` if the delivery is not
    /// finished.
    async fn record(
        &self,
        conn: &mut Conn,
        waiting: &Waiting,
        bytes: &[u8],
        tied: &Tied,
        mut subject: Subject<'_>,
    ) -> Result<Option<Vec<Verdict>>, StoreError> {
        let (message, tie, digest) = (&tied.message, tied.tie.kind, sha256(bytes));
        let about_it = about(message, &subject.delivery.email);
        let expanded = subject.before.iter().any(|it| it.action == Action::Expanded);
        let judge = |state, report: &Report, same_address| {
            let about = About { state, same_address, expanded };
            Effect::of(message.kind, tie, (report.action, report.verdict), about)
        };
        if about_it.iter().any(|(report, same_address)| judge(subject.state, report, *same_address).is_none()) {
            return Ok(None);
        }
        let mut verdicts = Vec::new();
        for (report, same_address) in about_it {
            let Some(effect) = judge(subject.state, &report, same_address) else { return Ok(None) };
            let known = Known { waiting, message, tie, digest, report: &report };
            if self.apply(conn, &known, effect, &subject).await? {
                verdicts.push(report.verdict);
                subject.state = effect.outcome.map_or(subject.state, Outcome::state);
            }
        }
        Ok(Some(verdicts))
    }

    /// Records a report with its effect. Returns false if it is recorded already.
    async fn apply(
        &self,
        conn: &mut Conn,
        known: &Known<'_>,
        effect: Effect,
        subject: &Subject<'_>,
    ) -> Result<bool, StoreError> {
        let Subject { delivery, notice, state, .. } = *subject;
        let at = self.context.clock.now();
        let erased = delivery.email.is_empty();
        if !reports::insert(conn, delivery.id, known.fingerprint(), &known.recorded(effect.outcome, at, erased)).await?
        {
            return Ok(false);
        }
        let entry = self.entry(known, effect.outcome, subject, at);
        match effect.outcome {
            Some(outcome) => {
                let words = known.diagnostic();
                let reported = settle::Reported {
                    delivery_id: delivery.id,
                    notice_id: notice.id,
                    from: state,
                    event: DeliveryEvent::Outcome(outcome),
                    level: level(outcome),
                    reply: words.as_deref().filter(|_| !erased),
                    at,
                };
                settle::report(conn, &reported, &entry).await?;
            }
            None => ledger::append(conn, &[Opening::of_delivery(&entry, notice.id, delivery.id, at)]).await?,
        }
        if let Ok(address) = Address::parse(&delivery.email) {
            if effect.dead {
                suppressions::add(conn, &address, Reason::Dead, at).await?;
            }
            if effect.complaint {
                self.opt_out(conn, &address, at).await?;
            }
        }
        let tasks = [effect.task, known.message.hint.map(TaskKind::from), known.unread()];
        for kind in tasks.into_iter().flatten() {
            self.open_task(conn, kind, known, subject, at).await?;
        }
        self.plan_forward(conn, known.waiting, known.message, delivery, at).await?;
        let delivery = delivery.id;
        let (kind, verdict, outcome) = (known.message.kind, known.report.verdict, effect.outcome.map(Outcome::as_str));
        tracing::info!(%delivery, %kind, %verdict, outcome, "a report was recorded");
        Ok(true)
    }

    /// The entry of a report. It names nobody if the person was erased.
    fn entry(&self, known: &Known<'_>, outcome: Option<Outcome>, subject: &Subject<'_>, at: Timestamp) -> Entry {
        let Subject { delivery, notice, .. } = *subject;
        let event = outcome.map_or(Event::Reported, Event::from);
        let detail = Detail::Report(known.statement());
        let fact = Fact { detail, level: outcome.and_then(level), ..fact(delivery, notice, event, at) };
        let host = known.report.remote_mta.as_deref().map(foreign).unwrap_or_default();
        let person = person(delivery, notice, &known.diagnostic().unwrap_or_default());
        let person = person.map(|person| Person { host, ..person });
        Entry::new(&fact, person.as_ref(), &self.context.random)
    }

    /// A complaint is an objection: the person gets nothing optional any more.
    async fn opt_out(&self, conn: &mut Conn, address: &Address, at: Timestamp) -> Result<(), StoreError> {
        suppressions::add(conn, address, Reason::Complaint, at).await?;
        let wishes: Vec<Wish> = Category::ALL.iter().filter_map(|category| Wish::new(*category, true).ok()).collect();
        let actor = Actor::system("inbound");
        preferences::apply(&self.context, conn, &actor, address, &wishes, Source::Complaint).await?;
        Ok(())
    }

    async fn open_task(
        &self,
        conn: &mut Conn,
        kind: TaskKind,
        known: &Known<'_>,
        subject: &Subject<'_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let task = NewTask {
            id: self.context.random.id(at),
            kind,
            notice_id: Some(subject.notice.id),
            account_id: Some(&subject.delivery.account_id),
            delivery_id: Some(subject.delivery.id),
            inbound_id: Some(known.waiting.id),
            reason: &known.reason(kind),
            at,
            deadline: None,
        };
        tasks::open(conn, &task).await?;
        Ok(())
    }
}

/// A report on its way into the books.
struct Known<'a> {
    waiting: &'a Waiting,
    message: &'a Message,
    tie: MatchKind,
    digest: [u8; 32],
    report: &'a Report,
}

impl Known<'_> {
    /// The same for each copy of a report, by whatever route it came.
    fn fingerprint(&self) -> [u8; 32] {
        let id = match &self.message.message_id {
            Some(id) => id.as_bytes(),
            None => &self.digest,
        };
        let recipient = self.report.recipient.as_deref().unwrap_or_default().to_lowercase();
        let parts = [self.message.kind.as_str(), self.report.action.as_str(), self.report.verdict.as_str()].join(" ");
        sha256_of(&[id, b"\n", recipient.as_bytes(), b"\n", parts.as_bytes()])
    }

    fn statement(&self) -> Statement {
        Statement {
            kind: self.message.kind,
            tie: self.tie,
            action: self.report.action,
            status: self.report.status,
            verdict: self.report.verdict,
            digest: self.digest,
        }
    }

    fn recorded(&self, outcome: Option<Outcome>, at: Timestamp, erased: bool) -> Recorded {
        let words = |text: &Option<String>| text.as_deref().map(foreign).filter(|_| !erased);
        Recorded {
            inbound_id: self.waiting.id,
            at,
            kind: self.message.kind,
            tie: self.tie,
            action: self.report.action,
            status: self.report.status,
            verdict: self.report.verdict,
            outcome,
            recipient: words(&self.report.recipient),
            diagnostic: words(&self.report.diagnostic),
            remote: words(&self.report.remote_mta),
        }
    }

    fn diagnostic(&self) -> Option<String> {
        self.report.diagnostic.as_deref().map(foreign)
    }

    /// What a person must look at, in words without an address.
    fn reason(&self, kind: TaskKind) -> String {
        let said = self.said();
        let id = self.waiting.id;
        match kind {
            TaskKind::WeakMatch => format!(
                "{said} is tied to this delivery by {} only, so it changed nothing: look at `besked inbound show {id}`; if it is \
                 right, record it with `besked deliveries report`",
                self.tie.describe()
            ),
            TaskKind::Contradiction => format!(
                "{said} contradicts what was known of this delivery: look at `besked deliveries show` and `besked inbound show {id}`"
            ),
            TaskKind::LeftCompany => {
                format!(
                    "an automatic answer says that the person has left: look at `besked inbound show {id}`, and ask the customer"
                )
            }
            TaskKind::NewAddress => format!(
                "an automatic answer names another address: look at `besked inbound show {id}`; if the customer agrees, import it"
            ),
            TaskKind::Unread
            | TaskKind::NotInformed
            | TaskKind::Overdue
            | TaskKind::Unforwarded
            | TaskKind::StaleDirectory
            | TaskKind::WebhookFailed => {
                let why = self.message.excess.map_or_else(String::new, |excess| format!(": {excess}"));
                format!("a message about this delivery could not be read{why}: look at `besked inbound show {id}`")
            }
        }
    }

    /// The report in words.
    fn said(&self) -> String {
        let status = self.report.status.map_or_else(String::new, |status| format!(" ({status})"));
        match (self.message.kind, self.report.action) {
            (MessageKind::Arf, _) => "a complaint".to_owned(),
            (_, Action::Failed) => format!("a report of failure{status}"),
            (_, Action::Delivered) => format!("a report of delivery{status}"),
            (kind, action) => format!("a report ({kind}, {action})"),
        }
    }

    /// A message over the bounds is looked at by a person.
    fn unread(&self) -> Option<TaskKind> {
        self.message.excess.map(|_| TaskKind::Unread)
    }
}

impl From<Hint> for TaskKind {
    fn from(hint: Hint) -> Self {
        match hint {
            Hint::LeftCompany => Self::LeftCompany,
            Hint::NewAddress => Self::NewAddress,
        }
    }
}

/// How strong the evidence of an outcome is that a report led to.
fn level(outcome: Outcome) -> Option<Level> {
    (outcome == Outcome::Delivered).then_some(Level::DsnDelivered)
}

/// What a message says of a delivery to an address, and whether it says so of this very address. Reports on strangers are left out:
/// one message may report on several recipients. A message that reports on nobody says something of the delivery as a whole.
fn about(message: &Message, mailed: &str) -> Vec<(Report, bool)> {
    let key = AddressKey::of(mailed);
    let is_mailed = |address: &str| key.is_some() && AddressKey::of(address) == key;
    let names = |address: &Option<String>| address.as_deref().is_some_and(is_mailed);
    let is_reporting = matches!(message.kind, MessageKind::Dsn | MessageKind::Arf);
    let (reports, aliases) = (&message.reports, &message.evidence.named);
    if !is_reporting || reports.is_empty() {
        return vec![(Report::on(None), true)];
    }
    let of_it = |report: &&Report| names(&report.recipient) || names(&report.original_recipient);
    let mut found: Vec<(Report, bool)> =
        reports.iter().filter(of_it).map(|report| (report.clone(), names(&report.recipient))).collect();
    if let (true, [only]) = (found.is_empty(), reports.as_slice()) {
        // It names nobody, or an address that this one leads to.
        let same_address = only.recipient.is_none() && aliases.is_empty();
        found.push((only.clone(), same_address));
    }
    if found.is_empty() {
        found.extend(message.worst().map(|worst| (worst.clone(), false)));
    }
    found
}

/// When a report is looked at again whose delivery is not finished: soon at first.
fn later(came: Timestamp, now: Timestamp) -> Timestamp {
    let waited = now.duration_since(came) / 10;
    now.checked_add(waited.clamp(SHORTEST_WAIT, LONGEST_WAIT)).unwrap_or(now)
}

/// A text from outside as it is stored: one line, of bounded length.
fn foreign(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|it| !it.is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}
