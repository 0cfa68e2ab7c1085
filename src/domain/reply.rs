//! What an SMTP server's answer means for a delivery: whose fault it is, and what happens next.
//!
//! RFC 5321 gives the codes, RFC 3463 the enhanced ones. The three-digit code decides; whatever is unclear is temporary,
//! never a bounce. What a relay replies to everybody is never a recipient's fault: [`Cause`] knows it by its codes and words,
//! the dispatcher by its pattern.

mod advice;
mod cause;

use std::borrow::Cow;

pub use advice::{Failing, advice};
pub use cause::{Cause, asks_for_less};
use serde::{Deserialize, Serialize};

use crate::domain::words::words;

/// How far a transaction had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// TCP connect, and TLS from the first byte where the relay wants it.
    Connect,
    /// The greeting and EHLO.
    Greeting,
    /// STARTTLS.
    StartTls,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, up to the go-ahead.
    Data,
    /// The message itself; the final dot has not been written.
    Body,
    /// From the first byte of the final dot on: the server may have the message.
    Dot,
}

words!(Stage, "a stage", {
    Connect => "connect",
    Greeting => "greeting",
    StartTls => "starttls",
    Auth => "auth",
    Mail => "mail",
    Rcpt => "rcpt",
    Data => "data",
    Body => "body",
    Dot => "dot",
});

/// A server's reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The three-digit code.
    pub code: u16,
    /// The lines after the code, joined by line breaks.
    pub text: String,
}

impl Reply {
    /// The enhanced status code (RFC 3463) the text begins with, if its class agrees with the code.
    #[must_use]
    pub fn enhanced(&self) -> Option<(u8, u16, u16)> {
        let mut parts = self.text.split_whitespace().next()?.splitn(3, '.');
        let class: u8 = parts.next()?.parse().ok()?;
        let subject = parts.next()?.parse().ok()?;
        let detail = parts.next()?.parse().ok()?;
        (u16::from(class) == self.code / 100).then_some((class, subject, detail))
    }

    /// True if the server wants to see the same message again later: it does not know the sender yet (greylisting), or is
    /// about to ask whether the address exists. Each new address gets this answer, whatever the relay.
    #[must_use]
    pub fn is_greylisting(&self) -> bool {
        const WORDS: &[&str] = &[
            "greylist",
            "graylist",
            "grey list",
            "gray list",
            "grey-list",
            "gray-list",
            "verification in progress",
            "verification is in progress",
            "unverified address",
            "verify in progress",
            "callout",
            "first contact",
        ];
        let text = self.text.to_lowercase();
        (400..=499).contains(&self.code) && WORDS.iter().any(|words| text.contains(words))
    }

    /// The reply without what differs from one recipient to the next: addresses, domains, numbers, ids, and the local part of
    /// the recipient's address. Two replies with the same gist are the same answer.
    #[must_use]
    pub fn gist(&self, recipient: &str) -> String {
        let text = self.text.to_lowercase();
        let local = recipient.rsplit_once('@').map_or(recipient, |(local, _)| local).to_lowercase();
        let varies = |word: &str| word.contains(|c: char| c.is_ascii_digit() || "@<>[]".contains(c)) || is_dotted(word);
        let mut words = text.split_whitespace().peekable();
        let enhanced = self.enhanced().and_then(|_| words.next()).unwrap_or_default();
        let is_local = |word: &str| word.trim_matches(|c: char| c.is_ascii_punctuation()) == local;
        let words: Vec<&str> = words.filter(|word| !varies(word) && !is_local(word)).collect();
        format!("{} {enhanced} {}", self.code, words.join(" "))
    }
}

/// Why a step did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no.
    Replied(Reply),
    /// No clear answer: the connection was lost, the deadline passed, or the answer was garbage.
    Unclear(String),
    /// The server does not offer what this message needs (SMTPUTF8, or its size); nothing was sent.
    Unsupported(String),
}

impl Failure {
    /// The code, where the server gave one.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        match self {
            Self::Replied(reply) => Some(reply.code),
            Self::Unclear(_) | Self::Unsupported(_) => None,
        }
    }

    /// What is the same whoever the message was for: the answer without what differs from one recipient to the next. That no
    /// answer came is one answer, however it did not come.
    #[must_use]
    pub fn gist(&self, recipient: &str) -> String {
        match self {
            Self::Replied(reply) => reply.gist(recipient),
            Self::Unclear(_) | Self::Unsupported(_) => "no answer".to_owned(),
        }
    }

    /// What a refusal objects to, if it would object to everybody's mail.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Replied(reply) => Cause::of(reply),
            Self::Unclear(_) | Self::Unsupported(_) => None,
        }
    }

    /// True for greylisting and the like, which are about one recipient and say nothing about the relay.
    #[must_use]
    pub fn is_greylisting(&self) -> bool {
        matches!(self, Self::Replied(reply) if reply.is_greylisting())
    }

    /// What is known, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Replied(reply) => format!("{} {}", reply.code, reply.text),
            Self::Unclear(what) | Self::Unsupported(what) => what.clone(),
        }
    }
}

/// True for the text of a server's reply, with its code; false for our own words about one that did not come.
#[must_use]
pub fn is_answer(text: &str) -> bool {
    let code = text.split([' ', '\n']).next().unwrap_or_default();
    code.len() == 3 && code.starts_with(['2', '3', '4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns true if an operator stated a text that stands in place of a reply. A server's words begin with its code.
#[must_use]
pub fn is_stated(text: &str) -> bool {
    text.starts_with("stated by ")
}

/// A server's words as they may stand in a log: on one line, with whatever may be an address left out.
#[must_use]
pub fn for_logs(text: &str) -> String {
    let word = |word: &'_ str| if word.contains('@') { "(address)".to_owned() } else { word.to_owned() };
    let words: Vec<String> = text.split(|c: char| c.is_whitespace() || c.is_control()).map(word).collect();
    words.join(" ")
}

/// A server's words as a table has room for them.
#[must_use]
pub fn in_short(text: &str) -> Cow<'_, str> {
    const ROOM: usize = 120;
    let mut ends = text.char_indices().map(|(index, _)| index).skip(ROOM - 1);
    match (ends.next(), ends.next()) {
        (Some(end), Some(_)) => format!("{}…", text[..end].trim_end()).into(),
        _ => text.into(),
    }
}

/// True for a word such as `mx.example`, with a dot inside it.
fn is_dotted(word: &str) -> bool {
    word.trim_matches(|c: char| !c.is_alphanumeric()).contains('.')
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Final for this recipient, unless the relay refuses everybody so; `dead` if the address does not exist.
    Rejected {
        /// The address is to be marked dead.
        dead: bool,
    },
    /// Final: the message itself is refused, for its size or its form.
    MessageRefused,
    /// The relay does not offer what the message needs: another one may. Nothing was sent.
    NotCarried,
    /// The relay asks for fewer messages.
    Throttled,
    /// An attempt is used; another follows after a while.
    Deferred,
    /// The message may have been taken: nobody knows.
    Uncertain,
    /// The relay's own trouble: no attempt is used, its circuit opens.
    RelayDown,
    /// The relay refuses us, not the recipient; it takes three distinct deliveries to be sure.
    RelayRefuses,
    /// The connection has come to its end, as connections do: reconnect at once.
    ConnectionEnded,
}

/// Decides whose fault a failure is. `reused` says that the connection had completed a transaction before.
#[must_use]
pub fn classify(stage: Stage, failure: &Failure, reused: bool) -> Verdict {
    if matches!(failure, Failure::Unsupported(_)) {
        return Verdict::NotCarried;
    }
    match (stage, failure) {
        (Stage::Connect | Stage::Greeting | Stage::StartTls | Stage::Auth, _) => Verdict::RelayDown,
        (Stage::Mail, Failure::Replied(reply)) => at_mail(reply, reused),
        (Stage::Mail, _) if reused => Verdict::ConnectionEnded,
        (Stage::Mail, _) => Verdict::RelayDown,
        (Stage::Rcpt | Stage::Data | Stage::Body | Stage::Dot, Failure::Replied(reply)) => past_mail(stage, reply),
        (Stage::Rcpt | Stage::Data | Stage::Body, _) => Verdict::Deferred,
        (Stage::Dot, _) => Verdict::Uncertain,
    }
}

/// True if a recipient's domain may have asked for fewer messages: 421, 4.7.x, or a permanent refusal with words about a rate,
/// at RCPT, DATA or the final dot.
#[must_use]
pub fn asks_for_pause(stage: Stage, failure: &Failure) -> bool {
    let Failure::Replied(reply) = failure else { return false };
    let of_rate = reply.code >= 500 && cause::asks_for_less(reply);
    matches!(stage, Stage::Rcpt | Stage::Data | Stage::Dot) && (of_rate || is_busy(reply))
}

/// 421 or 4.7.x. Not if the server speaks of itself (4.3.x, 4.4.x) or of one message, as greylisting does: the next one would
/// fare no better for a pause.
fn is_busy(reply: &Reply) -> bool {
    let of_one_message = reply.is_greylisting();
    match (reply.code, reply.enhanced()) {
        (400..=499, Some((4, 7, _))) => !of_one_message,
        (421, Some((4, 3 | 4, _))) => false,
        (421, _) => !of_one_message,
        _ => false,
    }
}

fn at_mail(reply: &Reply, reused: bool) -> Verdict {
    match reply.code {
        _ if is_about_the_message(reply) => Verdict::MessageRefused,
        _ if cause::asks_for_less(reply) => Verdict::Throttled,
        421 if reused => Verdict::ConnectionEnded,
        421 => Verdict::RelayDown,
        _ => Verdict::RelayRefuses,
    }
}

/// What a reply at RCPT, DATA or the final dot means.
fn past_mail(stage: Stage, reply: &Reply) -> Verdict {
    match (reply.code, reply.enhanced()) {
        _ if Cause::of(reply).is_some() => Verdict::RelayRefuses,
        _ if cause::asks_for_less(reply) || is_busy(reply) => Verdict::Throttled,
        // Too many recipients (RFC 5321 section 4.5.3.1.10, where a bare 552 at RCPT is to be taken as 452).
        (_, Some((5, 5, 3))) => Verdict::Deferred,
        (552, None) if stage == Stage::Rcpt => Verdict::Deferred,
        (552, Some((5, 2, _))) => Verdict::Rejected { dead: false },
        _ if is_about_the_message(reply) => Verdict::MessageRefused,
        (500..=599, Some((5, 1, 1 | 2 | 3 | 6 | 10))) if stage == Stage::Rcpt => Verdict::Rejected { dead: true },
        (500..=599, _) => Verdict::Rejected { dead: false },
        (400..=499, _) => Verdict::Deferred,
        _ if stage == Stage::Dot => Verdict::Uncertain,
        _ => Verdict::Deferred,
    }
}

/// Too large, an unknown parameter, or content that cannot be converted.
fn is_about_the_message(reply: &Reply) -> bool {
    match (reply.code, reply.enhanced()) {
        (_, Some((5, 5, 3))) => false,
        (552 | 555, _) => true,
        (500..=599, Some((5, 3, 4) | (5, 6, 7))) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replied(code: u16, text: &str) -> Failure {
        Failure::Replied(Reply { code, text: text.to_owned() })
    }

    #[test]
    fn logs_show_neither_addresses_nor_line_breaks() {
        let text = "550 5.7.1 <b+1@x.example>: refused\r\nask \u{1b}a@b.example";
        assert_eq!(for_logs(text), "550 5.7.1 (address) refused  ask  (address)");
    }

    #[test]
    fn a_table_has_the_beginning_of_a_long_reply() {
        let whole = "å".repeat(120);
        assert_eq!(in_short(&whole), whole);
        assert_eq!(in_short(&format!("{whole}x")), format!("{}…", "å".repeat(119)));
    }

    #[test]
    fn each_reply_has_its_culprit() {
        use Stage::{Auth, Connect, Data, Dot, Greeting, Mail, Rcpt};
        let lost = || Failure::Unclear("connection lost".to_owned());
        let rejected = |dead| Verdict::Rejected { dead };
        for (stage, failure, reused, verdict) in [
            (Connect, lost(), false, Verdict::RelayDown),
            (Greeting, replied(554, "go away"), false, Verdict::RelayDown),
            (Auth, replied(535, "5.7.8 wrong password"), false, Verdict::RelayDown),
            (Mail, replied(421, "4.3.2 shutting down"), true, Verdict::ConnectionEnded),
            (Mail, lost(), true, Verdict::ConnectionEnded),
            (Mail, lost(), false, Verdict::RelayDown),
            (Mail, replied(550, "5.7.1 sender refused"), true, Verdict::RelayRefuses),
            (Mail, replied(451, "4.7.1 later"), true, Verdict::RelayRefuses),
            (Mail, replied(552, "5.3.4 too big"), true, Verdict::MessageRefused),
            (Mail, replied(552, "5.5.3 too many recipients"), true, Verdict::RelayRefuses),
            (Rcpt, replied(550, "5.1.1 no such user"), true, rejected(true)),
            (Rcpt, replied(550, "no such user"), true, rejected(false)),
            (Rcpt, replied(550, "5.7.1 policy"), true, rejected(false)),
            (Rcpt, replied(550, "5.1.8 bad sender domain"), true, Verdict::RelayRefuses),
            (Rcpt, replied(550, "5.1.90 daily limit"), true, Verdict::RelayRefuses),
            (Rcpt, replied(530, "5.7.0 Authentication required"), true, Verdict::RelayRefuses),
            (Rcpt, replied(552, "5.5.3 too many recipients"), true, Verdict::Deferred),
            (Dot, replied(550, "5.7.26 unauthenticated"), true, Verdict::RelayRefuses),
            (Dot, replied(554, "5.3.4 too big"), true, Verdict::MessageRefused),
            (Dot, replied(454, "Maximum sending rate exceeded"), true, Verdict::Throttled),
            (
                Rcpt,
                replied(550, "5.7.0 Requested action not taken: too many emails per second"),
                true,
                Verdict::Throttled,
            ),
            (Mail, replied(550, "5.7.1 Client exceeded rate"), true, Verdict::Throttled),
            (Rcpt, replied(450, "4.1.1 Address verification in progress"), true, Verdict::Deferred),
            (Rcpt, replied(571, "5.7.1 not authorized"), true, rejected(false)),
            (Rcpt, replied(471, "later"), true, Verdict::Deferred),
            (Rcpt, replied(552, "too many recipients"), true, Verdict::Deferred),
            (Rcpt, replied(552, "5.2.2 mailbox full"), true, rejected(false)),
            (Rcpt, replied(450, "4.2.0 greylisted"), true, Verdict::Deferred),
            (Rcpt, replied(421, "4.7.0 slow down"), true, Verdict::Throttled),
            (Rcpt, lost(), true, Verdict::Deferred),
            (Data, replied(554, "5.6.0 no"), true, rejected(false)),
            (Stage::Body, lost(), true, Verdict::Deferred),
            (Dot, replied(451, "4.3.0 later"), true, Verdict::Deferred),
            (Dot, replied(554, "5.7.1 spam"), true, rejected(false)),
            (Dot, replied(250, "not a refusal"), true, Verdict::Uncertain),
            (Dot, lost(), true, Verdict::Uncertain),
        ] {
            assert_eq!(classify(stage, &failure, reused), verdict, "{stage} {failure:?} reused={reused}");
        }
    }

    #[test]
    fn a_domain_that_wants_less_is_told_from_a_server_that_goes_down_and_from_greylisting() {
        use Stage::{Data, Dot, Mail, Rcpt};
        for (stage, code, text, asks) in [
            (Rcpt, 421, "4.7.0 try again later", true),
            (Rcpt, 421, "try again later", true),
            (Dot, 421, "4.7.28 unusual rate of mail", true),
            (Data, 451, "4.7.500 server busy", true),
            (Rcpt, 450, "4.7.1 rate limited", true),
            (Rcpt, 450, "4.7.1 Greylisted, come back in five minutes", false),
            (Rcpt, 421, "4.3.2 shutting down", false),
            (Rcpt, 452, "4.2.2 mailbox full", false),
            (Rcpt, 450, "4.2.0 greylisted", false),
            (Rcpt, 550, "5.7.1 policy", false),
            (Mail, 421, "4.7.0 too many connections", false),
        ] {
            assert_eq!(asks_for_pause(stage, &replied(code, text)), asks, "{stage} {code} {text}");
        }
        assert!(!asks_for_pause(Rcpt, &Failure::Unclear("connection lost".to_owned())));
    }

    #[test]
    fn the_same_answer_is_recognised_whoever_it_is_for() {
        let gist_for = |to: &str, text: &str| Reply { code: 550, text: text.to_owned() }.gist(to);
        let gist = |text: &str| gist_for("a@b.example", text);
        let one = gist("5.7.1 <a@b.example>: not today (id 4f2a17), see mx1.r.example");
        assert_eq!(one, gist("5.7.1 <other@c.example>: Not  today (id 99), see mx2.r.example"));
        assert_ne!(one, gist("5.7.2 <a@b.example>: not today (id 4f2a17), see mx1.r.example"));
        assert_eq!(gist("no such user"), "550  no such user");
        assert_eq!(gist_for("anna@b.example", "\"Anna\" unknown"), gist_for("bo@c.example", "Bo unknown"));
    }

    #[test]
    fn an_enhanced_code_of_another_class_is_not_believed() {
        assert_eq!(Reply { code: 450, text: "5.1.1 what".to_owned() }.enhanced(), None);
        assert_eq!(Reply { code: 550, text: "5.1.1".to_owned() }.enhanced(), Some((5, 1, 1)));
        assert_eq!(Reply { code: 550, text: "5.1".to_owned() }.enhanced(), None);
    }
}
