//! What a message that came back says: its kind, what ties it to a delivery, and what became of each recipient.

pub mod effect;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::domain::words::words;

/// What a message that came back is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// A report about a delivery (RFC 3464), in whatever format.
    Dsn,
    /// A report of a feedback loop (RFC 5965), in whatever format.
    Arf,
    /// An answer of a machine: an absence note, a challenge, a ticket's acknowledgement.
    AutoReply,
    /// A notification of what a recipient did with the message (RFC 8098).
    Mdn,
    /// A person's answer.
    Reply,
    /// Anything else, and everything over the bounds.
    Unknown,
}

words!(MessageKind, "a kind of message", {
    Dsn => "dsn",
    Arf => "arf",
    AutoReply => "auto-reply",
    Mdn => "mdn",
    Reply => "reply",
    Unknown => "unknown",
});

/// What the reporting server did (RFC 3464 section 2.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Given up.
    Failed,
    /// Not delivered yet, and still being tried.
    Delayed,
    /// In the mailbox.
    Delivered,
    /// Passed on to a server that sends no success reports.
    Relayed,
    /// Passed on to the members of a list or an alias.
    Expanded,
    /// The message reports on no delivery.
    None,
}

words!(Action, "an action", {
    Failed => "failed",
    Delayed => "delayed",
    Delivered => "delivered",
    Relayed => "relayed",
    Expanded => "expanded",
    None => "none",
});

/// What a report means for the address and for us. The worst is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No such mailbox, no longer in use, moved, or its domain does not exist. The only one that may mark an address.
    AddressDead,
    /// The recipient complained about the message.
    Complaint,
    /// Our relay or our sender address was refused, or the message looped.
    RelayOrSender,
    /// Refused for who sends or from where, or by the recipient's own rules.
    Policy,
    /// Refused for this message: its size, its form, spam or a virus found in it.
    Content,
    /// The mailbox has no room.
    MailboxFull,
    /// Time-outs, greylisting, rate limits: nothing was said against the address.
    Temporary,
    /// Nothing certain, or nothing at all.
    None,
    /// Delivered, relayed or expanded.
    Success,
}

words!(Verdict, "a verdict", {
    AddressDead => "address-dead",
    Complaint => "complaint",
    RelayOrSender => "relay-or-sender",
    Policy => "policy",
    Content => "content",
    MailboxFull => "mailbox-full",
    Temporary => "temporary",
    None => "none",
    Success => "success",
});

/// What ties a message to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatchKind {
    /// A valid signed return path in the envelope's recipient.
    Token,
    /// A valid signed return path in the returned message or in a field of the report.
    TokenInReturnedPart,
    /// `X-Besked-Delivery` of the returned message: not signed, every recipient knows it.
    DeliveryHeader,
    /// One of our Message-IDs: not signed either.
    MessageId,
    /// An address that we mailed, and nothing else.
    Address,
    /// A valid token, but the rest names another delivery or an address that was never mailed.
    Mismatch,
    /// It claims to be about one of our messages, and its token is missing or wrong.
    Forged,
    /// Nothing of ours.
    None,
}

words!(MatchKind, "a match", {
    Token => "token",
    TokenInReturnedPart => "token-in-returned-part",
    DeliveryHeader => "delivery-header",
    MessageId => "message-id",
    Address => "address",
    Mismatch => "mismatch",
    Forged => "forged",
    None => "none",
});

impl MatchKind {
    /// Describes what ties a message to a delivery.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Token => "the signed return path that it came to",
            Self::TokenInReturnedPart => "the signed return path in the message that it returns",
            Self::DeliveryHeader => "a header of the message that it returns, which is not signed",
            Self::MessageId => "a Message-ID, which is not signed",
            Self::Address => "an address alone",
            Self::Mismatch => "a signed return path that the rest of it contradicts",
            Self::Forged => "a return path that is not ours",
            Self::None => "nothing",
        }
    }
}

/// What is known of the DKIM signature of a report (RFC 6376). To check one would make each record depend on the DNS, which the
/// sender of a forged report may own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dkim {
    /// It has none.
    Unsigned,
    /// It has one, which was not checked.
    NotChecked,
}

words!(Dkim, "the state of a signature", {
    Unsigned => "unsigned",
    NotChecked => "not-checked",
});

/// An enhanced status code (RFC 3463): class, subject and detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    pub class: u8,
    /// What it is about: 1 addresses, 2 the mailbox, 7 policy, and so on.
    pub subject: u16,
    /// The exact cause.
    pub detail: u16,
}

impl utoipa::PartialSchema for Status {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for Status {
    fn name() -> std::borrow::Cow<'static, str> {
        "report.Status".into()
    }
}

impl Status {
    /// True if the code says no more than its class.
    #[must_use]
    pub const fn is_bare(self) -> bool {
        self.subject == 0 && self.detail == 0
    }
}

/// A text is no enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an enhanced status code, such as `5.1.1`")]
pub struct NotAStatus;

impl FromStr for Status {
    type Err = NotAStatus;

    /// Parses exactly `class.subject.detail`, with at most three digits in each of the last two.
    fn from_str(text: &str) -> Result<Self, NotAStatus> {
        let mut parts = text.split('.');
        let mut number = |most: usize| {
            let part = parts.next().filter(|part| (1..=most).contains(&part.len())).ok_or(NotAStatus)?;
            if part.bytes().all(|byte| byte.is_ascii_digit()) {
                part.parse::<u16>().map_err(|_| NotAStatus)
            } else {
                Err(NotAStatus)
            }
        };
        let (class, subject, detail) = (number(1)?, number(3)?, number(3)?);
        match (class, parts.next()) {
            (2 | 4 | 5, None) => Ok(Self { class: u8::try_from(class).map_err(|_| NotAStatus)?, subject, detail }),
            _ => Err(NotAStatus),
        }
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a message says of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The final recipient, as written there; for a complaint the person who complained. It may be redacted or missing.
    pub recipient: Option<String>,
    /// The address that was mailed, if the message says so and it is another one.
    pub original_recipient: Option<String>,
    /// What happened.
    pub action: Action,
    /// The most exact code.
    pub status: Option<Status>,
    /// What it means.
    pub verdict: Verdict,
    /// The words of the remote server, else of the report. Foreign text: escape it wherever it is shown.
    pub diagnostic: Option<String>,
    /// The server that refused, where it is named.
    pub remote_mta: Option<String>,
}

impl Report {
    /// A report on nothing: no action, no verdict.
    #[must_use]
    pub const fn on(recipient: Option<String>) -> Self {
        Self {
            recipient,
            original_recipient: None,
            action: Action::None,
            status: None,
            verdict: Verdict::None,
            diagnostic: None,
            remote_mta: None,
        }
    }
}

/// What a report states about one delivery, as the ledger records it: nothing personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What the message is.
    pub kind: MessageKind,
    /// What ties it to the delivery.
    pub tie: MatchKind,
    /// What happened.
    pub action: Action,
    /// The most exact code.
    pub status: Option<Status>,
    /// What it means.
    pub verdict: Verdict,
    /// What is known of the message's signature.
    pub dkim: Dkim,
    /// SHA-256 of the message's bytes.
    pub digest: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_three_numbers_and_a_known_class() {
        assert_eq!("5.1.351".parse(), Ok(Status { class: 5, subject: 1, detail: 351 }));
        for wrong in ["", "5", "5.1", "5.1.1.1", "3.1.1", "55.1.1", "5.1.1111", "5..1", "5.+1.1", "x.y.z"] {
            assert_eq!(wrong.parse::<Status>(), Err(NotAStatus), "{wrong}");
        }
        assert!("4.0.0".parse::<Status>().unwrap().is_bare());
    }
}
