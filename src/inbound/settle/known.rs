//! A report on its way into the books: what is recorded of it, and what a person must look at.

use crate::domain::address::AddressKey;
use crate::domain::delivery::{Level, Outcome};
use crate::domain::digest::sha256_of;
use crate::domain::report::{Action, MatchKind, MessageKind, Report, Statement};
use crate::domain::task::TaskKind;
use crate::inbound::reader::address;
use crate::inbound::reader::read::{Hint, Message};
use crate::store::inbound::Waiting;
use crate::store::inbound::reports::Report as Recorded;

/// The longest text from outside that is stored, in characters.
const LONGEST: usize = 2000;

/// A report on its way into the books.
pub(super) struct Known<'a> {
    pub(super) waiting: &'a Waiting,
    pub(super) message: &'a Message,
    pub(super) tie: MatchKind,
    pub(super) digest: [u8; 32],
    pub(super) report: &'a Report,
}

impl Known<'_> {
    /// The same for each copy of a report, by whatever route it came. A copy that came without its token is another one: it must not
    /// keep out the one that proves something.
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        let id = match &self.message.message_id {
            Some(id) => id.as_bytes(),
            None => &self.digest,
        };
        let recipient = self.report.recipient.as_deref().unwrap_or_default().to_lowercase();
        let proof = if self.tie.is_proof() { "proof" } else { "note" };
        let parts =
            [self.message.kind.as_str(), self.report.action.as_str(), self.report.verdict.as_str(), proof].join(" ");
        sha256_of(&[id, b"\n", recipient.as_bytes(), b"\n", parts.as_bytes()])
    }

    pub(super) fn statement(&self) -> Statement {
        Statement {
            kind: self.message.kind,
            tie: self.tie,
            action: self.report.action,
            status: self.report.status,
            verdict: self.report.verdict,
            dkim: self.message.dkim,
            digest: self.digest,
        }
    }

    pub(super) fn recorded(&self, outcome: Option<Outcome>, erased: bool) -> Recorded {
        let words = |text: &Option<String>| text.as_deref().map(foreign).filter(|_| !erased);
        Recorded {
            inbound_id: self.waiting.id,
            at: self.waiting.at,
            kind: self.message.kind,
            tie: self.tie,
            action: self.report.action,
            status: self.report.status,
            verdict: self.report.verdict,
            dkim: self.message.dkim,
            outcome,
            recipient: words(&self.report.recipient),
            diagnostic: words(&self.report.diagnostic),
            remote: words(&self.report.remote_mta),
        }
    }

    pub(super) fn diagnostic(&self) -> Option<String> {
        self.report.diagnostic.as_deref().map(foreign)
    }

    /// What a person must look at, in words without an address.
    pub(super) fn reason(&self, kind: TaskKind) -> String {
        let said = self.said();
        let id = self.waiting.id;
        match kind {
            TaskKind::WeakMatch => format!(
                "{said} is tied to this delivery by {} only, so it changed nothing: look at `besked inbound show {id}`; if it is \
                 right, record it with `besked deliveries report`",
                self.tie.describe()
            ),
            TaskKind::Contradiction => format!(
                "{said} contradicts itself or what was known of this delivery, or may be about another copy of \
                 it: look at `besked deliveries show` and `besked inbound show {id}`, and record what is right with `besked deliveries report`"
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
            | TaskKind::WebhookFailed
            | TaskKind::Promise
            | TaskKind::Draft => {
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
    pub(super) fn unread(&self) -> Option<TaskKind> {
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
pub(super) fn level(outcome: Outcome) -> Option<Level> {
    (outcome == Outcome::Delivered).then_some(Level::DsnDelivered)
}

/// What a message says of a delivery.
pub(super) struct About {
    /// The report.
    pub(super) report: Report,
    /// It is about the very address that was mailed.
    pub(super) same_address: bool,
    /// It is the worst of several about other addresses, not all of which failed.
    pub(super) of_several: bool,
}

/// What a message says of a delivery to an address. Reports on strangers are left out:
/// one message may report on several recipients. A message that reports on nobody says something of the delivery as a whole.
pub(super) fn about(message: &Message, mailed: &str) -> Vec<About> {
    let key = AddressKey::of(mailed);
    let is_mailed = |address: &str| key.is_some() && address::key(address) == key;
    let names = |address: &Option<String>| address.as_deref().is_some_and(is_mailed);
    let is_reporting = matches!(message.kind, MessageKind::Dsn | MessageKind::Arf);
    let (reports, aliases) = (&message.reports, &message.evidence.named);
    let one = |report: Report, same_address| About { report, same_address, of_several: false };
    if !is_reporting || reports.is_empty() {
        return vec![one(Report::on(None), true)];
    }
    let of_it = |report: &&Report| names(&report.recipient) || names(&report.original_recipient);
    let mut found: Vec<About> =
        reports.iter().filter(of_it).map(|report| one(report.clone(), names(&report.recipient))).collect();
    if let (true, [only]) = (found.is_empty(), reports.as_slice()) {
        // It names nobody, or an address that this one leads to.
        let same_address = only.recipient.is_none() && aliases.is_empty();
        found.push(one(only.clone(), same_address));
    }
    if found.is_empty() {
        // An alias that led to several: some of them may have got it.
        let of_several = reports.iter().any(|report| report.action != Action::Failed);
        found.extend(message.worst().map(|worst| About { of_several, ..one(worst.clone(), false) }));
    }
    found
}

/// A text from outside as it is stored: one line, of bounded length.
pub(super) fn foreign(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|it| !it.is_empty()).collect();
    words.join(" ").chars().take(LONGEST).collect()
}
