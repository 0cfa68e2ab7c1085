//! What an SMTP server's answer means for a delivery: whose fault it is, and what happens next.
//!
//! RFC 5321 gives the codes, RFC 3463 the enhanced ones. The three-digit code decides; whatever is unclear is temporary,
//! never a bounce.

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

    /// What is known, as one text.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Replied(reply) => format!("{} {}", reply.code, reply.text),
            Self::Unclear(what) | Self::Unsupported(what) => what.clone(),
        }
    }
}

/// A server's words as they may stand in a log: on one line, with whatever may be an address left out.
#[must_use]
pub fn for_logs(text: &str) -> String {
    let word = |word: &'_ str| if word.contains('@') { "(address)".to_owned() } else { word.to_owned() };
    let words: Vec<String> = text.split(|c: char| c.is_whitespace() || c.is_control()).map(word).collect();
    words.join(" ")
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Final for this recipient; `dead` where the reply says that the address does not exist.
    Rejected {
        /// The address is to be marked dead.
        dead: bool,
    },
    /// An attempt is used; another follows after a while.
    Deferred,
    /// The message may have been taken: nobody knows.
    Uncertain,
    /// The relay's own trouble: no attempt is used, its circuit opens.
    RelayDown,
    /// The relay refuses our sender: its trouble, but it takes three distinct deliveries to tell.
    SenderRefused,
    /// The connection has come to its end, as connections do: reconnect at once.
    ConnectionEnded,
}

/// Decides whose fault a failure is. `reused` says that the connection had completed a transaction before.
#[must_use]
pub fn classify(stage: Stage, failure: &Failure, reused: bool) -> Verdict {
    if matches!(failure, Failure::Unsupported(_)) {
        return Verdict::Rejected { dead: false };
    }
    match stage {
        Stage::Connect | Stage::Greeting | Stage::StartTls | Stage::Auth => Verdict::RelayDown,
        Stage::Mail => at_mail(failure, reused),
        Stage::Rcpt => at_rcpt(failure),
        Stage::Data | Stage::Body => match failure.code() {
            Some(500..=599) => Verdict::Rejected { dead: false },
            _ => Verdict::Deferred,
        },
        Stage::Dot => match failure.code() {
            Some(500..=599) => Verdict::Rejected { dead: false },
            Some(400..=499) => Verdict::Deferred,
            _ => Verdict::Uncertain,
        },
    }
}

/// True where a recipient's domain asks for fewer messages: 421 or 4.7.x at RCPT, DATA or the final dot. Not where the server
/// speaks of itself (4.3.x, 4.4.x) or of one message, as greylisting does: the next one would fare no better for a pause.
#[must_use]
pub fn asks_for_pause(stage: Stage, failure: &Failure) -> bool {
    let Failure::Replied(reply) = failure else { return false };
    if !matches!(stage, Stage::Rcpt | Stage::Data | Stage::Dot) {
        return false;
    }
    let text = reply.text.to_ascii_lowercase();
    let of_one_message = text.contains("greylist") || text.contains("graylist");
    match (reply.code, reply.enhanced()) {
        (400..=499, Some((4, 7, _))) => !of_one_message,
        (421, Some((4, 3 | 4, _))) => false,
        (421, _) => !of_one_message,
        _ => false,
    }
}

fn at_mail(failure: &Failure, reused: bool) -> Verdict {
    let Failure::Replied(reply) = failure else {
        return if reused { Verdict::ConnectionEnded } else { Verdict::RelayDown };
    };
    match (reply.code, reply.enhanced()) {
        (421, _) if reused => Verdict::ConnectionEnded,
        (421, _) => Verdict::RelayDown,
        // Too large, unknown parameter, content that cannot be converted: about this message, not about us.
        (552 | 555, _) | (500..=599, Some((5, 3, 4) | (5, 6, 7))) => Verdict::Rejected { dead: false },
        _ => Verdict::SenderRefused,
    }
}

fn at_rcpt(failure: &Failure) -> Verdict {
    let Failure::Replied(reply) = failure else { return Verdict::Deferred };
    match (reply.code, reply.enhanced()) {
        // RFC 5321 section 4.5.3.1.10: a bare 552 here means "too many recipients" and is to be taken as 452.
        (552, None) => Verdict::Deferred,
        // 5.1.7 and 5.1.8 complain of the sender's address, the rest of 5.1.x of the recipient's.
        (500..=599, Some((5, 1, detail))) => Verdict::Rejected { dead: !matches!(detail, 7 | 8) },
        (500..=599, _) => Verdict::Rejected { dead: false },
        _ => Verdict::Deferred,
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
            (Mail, replied(550, "5.7.1 sender refused"), true, Verdict::SenderRefused),
            (Mail, replied(451, "4.7.1 later"), true, Verdict::SenderRefused),
            (Mail, replied(552, "5.3.4 too big"), true, rejected(false)),
            (Rcpt, replied(550, "5.1.1 no such user"), true, rejected(true)),
            (Rcpt, replied(550, "no such user"), true, rejected(false)),
            (Rcpt, replied(550, "5.7.1 policy"), true, rejected(false)),
            (Rcpt, replied(550, "5.1.8 bad sender domain"), true, rejected(false)),
            (Rcpt, replied(552, "too many recipients"), true, Verdict::Deferred),
            (Rcpt, replied(552, "5.2.2 mailbox full"), true, rejected(false)),
            (Rcpt, replied(450, "4.2.0 greylisted"), true, Verdict::Deferred),
            (Rcpt, replied(421, "4.7.0 slow down"), true, Verdict::Deferred),
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
    fn an_enhanced_code_of_another_class_is_not_believed() {
        assert_eq!(Reply { code: 450, text: "5.1.1 what".to_owned() }.enhanced(), None);
        assert_eq!(Reply { code: 550, text: "5.1.1".to_owned() }.enhanced(), Some((5, 1, 1)));
        assert_eq!(Reply { code: 550, text: "5.1".to_owned() }.enhanced(), None);
    }
}
