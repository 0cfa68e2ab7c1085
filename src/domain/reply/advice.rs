//! What an operator can do about a step of a session that failed.

use super::{Cause, Failure, Reply, Stage, asks_for_less, is_about_the_message};

impl Cause {
    /// What a failed step of a session with a relay objects to, if it would object to everybody's mail.
    #[must_use]
    pub fn at(stage: Stage, failure: &Failure) -> Option<Self> {
        let Failure::Replied(reply) = failure else { return None };
        match stage {
            Stage::Connect | Stage::StartTls => None,
            Stage::Auth => (500..=599).contains(&reply.code).then_some(Self::Login),
            // Nothing else is refused there for everybody.
            Stage::Mail => Self::of(reply).or((reply.code >= 500).then_some(Self::Sender)),
            Stage::Greeting | Stage::Rcpt | Stage::Data | Stage::Body | Stage::Dot => Self::of(reply),
        }
    }
}

/// How a step failed, as far as what was said shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// The server refuses us for this cause.
    Refuses(Cause),
    /// The server asks to wait, or for fewer messages.
    AsksToWait,
    /// The server refuses the message, for its size or its form.
    RefusesMessage,
    /// The server refuses, and its words do not say whom.
    Objects,
    /// The connection was lost.
    Lost,
    /// No answer came before the deadline.
    Silent,
    /// What came is no reply, or none to this step.
    NotSmtp,
    /// Anything else: our own words say what.
    Other,
}

impl Failing {
    /// Reads what was said: a server's reply, or our own words about one that did not come.
    #[must_use]
    pub fn of(stage: Stage, said: &str) -> Self {
        let Some(reply) = replied(said) else { return Self::in_our_words(said) };
        let asks = (400..=499).contains(&reply.code) || asks_for_less(&reply);
        let known = Cause::of(&reply);
        if stage >= Stage::Mail && known.is_none() && is_about_the_message(&reply) {
            return Self::RefusesMessage;
        }
        match Cause::at(stage, &Failure::Replied(reply)) {
            Some(cause) if known == Some(cause) => Self::Refuses(cause),
            _ if asks => Self::AsksToWait,
            Some(cause) => Self::Refuses(cause),
            None => Self::Objects,
        }
    }

    fn in_our_words(said: &str) -> Self {
        const KINDS: &[(Failing, &[&str])] = &[
            (
                Failing::NotSmtp,
                &[
                    "unexpected reply",
                    "reply cannot be read",
                    "something else than an SMTP reply",
                    "in place of a reply",
                    "a reply that was not requested",
                    "a reply without end",
                ],
            ),
            (Failing::Silent, &["before the deadline"]),
            (Failing::Lost, &["the connection was lost", "closed the connection"]),
        ];
        let known = KINDS.iter().find(|(_, words)| words.iter().any(|words| said.contains(words)));
        known.map_or(Self::Other, |(failing, _)| *failing)
    }

    /// What a relay does that fails so with everybody, as the beginning of a sentence.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Refuses(_) => "the relay refuses us",
            Self::AsksToWait => "the relay asks everybody to wait",
            Self::RefusesMessage => "the relay refuses each message for its size or its form",
            Self::Objects | Self::Other => "the relay refuses everybody with the same answer",
            Self::Lost => "the relay ends every transaction without an answer",
            Self::Silent => "the relay does not answer in time",
            Self::NotSmtp => "the relay's answers cannot be read",
        }
    }

    const fn advice(self, stage: Stage) -> &'static str {
        match (self, stage) {
            (Self::Refuses(cause), _) => cause.advice(),
            (_, Stage::Connect) => {
                "check host, port and TLS in the relay's `url`, and whether a firewall lets this host through"
            }
            (Self::AsksToWait, _) => {
                "the relay asks to wait, and is tried again without you; if it goes on asking, lower `connections` or \
                 `rate_per_second` of the relay to its limits, and look into its log"
            }
            (Self::Silent | Self::NotSmtp, Stage::Greeting) => {
                "check host and port in the relay's `url`: a server that expects TLS from the first byte is silent without it \
                 (`smtps://`), and what answers there may be no mail server"
            }
            (Self::NotSmtp, _) => {
                "look into the relay's log, and whether a firewall, a proxy or a mail filter on the way to it changes its answers"
            }
            (Self::Silent, _) => {
                "look at the relay's load and into its log; if it needs longer by design, raise the limit of this step in `[smtp]`"
            }
            (Self::Lost, _) => {
                "look into the relay's log: it says why the connection ended; a limit of connections, a mail filter, or a firewall \
                 on the way may be the reason"
            }
            (Self::RefusesMessage, _) => {
                "make the message shorter, or send it through a relay that takes it: `besked doctor` shows what each one offers"
            }
            (Self::Other, Stage::Mail) => {
                "the relay cannot carry this message: make it shorter, or send it through a relay that can"
            }
            (_, Stage::Mail) => Cause::Sender.advice(),
            (_, Stage::Greeting) => {
                "ask the relay's operator whether it accepts this host, and check `[smtp] hello_name` and the port in the relay's `url`"
            }
            (_, Stage::StartTls) => "check `tls` and the name of the host in the relay's `url`, and its `ca_file`",
            (_, Stage::Auth) => Cause::Login.advice(),
            (_, Stage::Rcpt) => {
                "ask the relay's operator whether it passes mail on for this host or user, and to this recipient"
            }
            (_, Stage::Data | Stage::Body | Stage::Dot) => {
                "the relay objects to the message: check `[sender] from`, the text and size of the notice, and SPF, DKIM and DMARC \
                 with `besked doctor --dns`"
            }
        }
    }
}

/// What an operator can do about a failed step, by what was said and at which step.
#[must_use]
pub fn advice(stage: Stage, said: &str) -> &'static str {
    Failing::of(stage, said).advice(stage)
}

/// The reply of a server, if a text is one.
fn replied(said: &str) -> Option<Reply> {
    let (code, text) = said.split_at_checked(3)?;
    let code = code.parse().ok().filter(|_| super::is_answer(said))?;
    Some(Reply { code, text: text.trim_start().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Stage; 9] = [
        Stage::Connect,
        Stage::Greeting,
        Stage::StartTls,
        Stage::Auth,
        Stage::Mail,
        Stage::Rcpt,
        Stage::Data,
        Stage::Body,
        Stage::Dot,
    ];

    /// What was said, and the advice at each step from the connection to the final dot, in the order of [`ALL`].
    const TABLE: &[(&str, [&str; 9])] = {
        const WAIT: &str = "asks to wait";
        const LOG: &str = "why the connection ended";
        const LOAD: &str = "relay's load";
        const CONNECT: &str = "host, port";
        const PORT: &str = "host and port";
        const TLS: &str = "`ca_file`";
        const LOGIN: &str = "`password_file`";
        const SENDER: &str = "return_path";
        const HOST: &str = "accepts this host";
        const PASSES: &str = "to this recipient";
        const MESSAGE: &str = "objects to the message";
        const LIMIT: &str = "the account's limit";
        const SIZE: &str = "make the message shorter";
        &[
            ("421 4.3.2 shutting down", [CONNECT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT]),
            ("451 later", [CONNECT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT]),
            ("550 5.7.1 too many messages", [CONNECT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT, WAIT]),
            ("550 no", [CONNECT, HOST, TLS, LOGIN, SENDER, PASSES, MESSAGE, MESSAGE, MESSAGE]),
            ("550 5.4.5 daily limit", [CONNECT, LIMIT, TLS, LOGIN, LIMIT, LIMIT, LIMIT, LIMIT, LIMIT]),
            ("552 5.3.4 too large", [CONNECT, HOST, TLS, LOGIN, SIZE, SIZE, SIZE, SIZE, SIZE]),
            ("555 5.5.4 unsupported option", [CONNECT, HOST, TLS, LOGIN, SIZE, SIZE, SIZE, SIZE, SIZE]),
            ("421 4.1.8 no such domain", [CONNECT, SENDER, WAIT, WAIT, SENDER, SENDER, SENDER, SENDER, SENDER]),
            ("the connection was lost: reset", [CONNECT, LOG, LOG, LOG, LOG, LOG, LOG, LOG, LOG]),
            ("the server closed the connection before replying", [CONNECT, LOG, LOG, LOG, LOG, LOG, LOG, LOG, LOG]),
            ("no answer before the deadline", [CONNECT, PORT, LOAD, LOAD, LOAD, LOAD, LOAD, LOAD, LOAD]),
            (
                "the message was not accepted before the deadline",
                [CONNECT, PORT, LOAD, LOAD, LOAD, LOAD, LOAD, LOAD, LOAD],
            ),
            ("unexpected reply: 354 go on", NOT_SMTP),
            ("the server's reply cannot be read: 250-a 550 b", NOT_SMTP),
            ("the server sent something else than an SMTP reply: HTTP/1.1", NOT_SMTP),
            ("the server sent an empty line in place of a reply", NOT_SMTP),
            ("the server sent a reply that was not requested", NOT_SMTP),
            ("the connection was lost: a reply without end", NOT_SMTP),
        ]
    };

    const NOT_SMTP: [&str; 9] = {
        const IT: &str = "changes its answers";
        ["host, port", "host and port", IT, IT, IT, IT, IT, IT, IT]
    };

    #[test]
    fn advice_follows_from_what_happened_at_which_step() {
        for (said, parts) in TABLE {
            for (stage, part) in ALL.into_iter().zip(parts) {
                assert!(advice(stage, said).contains(part), "{stage} {said}: {}", advice(stage, said));
            }
        }
    }

    #[test]
    fn the_words_of_a_reply_and_our_own_know_better() {
        for (stage, said, part) in [
            (Stage::Connect, "127.0.0.1:1: the connection is refused", "host, port"),
            (Stage::Greeting, "554 5.7.1 Client host [192.0.2.7] blocked using zen.example", "block list"),
            (Stage::StartTls, "the server does not offer STARTTLS, which this relay requires", "`tls`"),
            (Stage::Auth, "the server offers no AUTH; many do so only over TLS", "`password_file`"),
            (Stage::Mail, "501 5.1.7 Invalid address", "return_path"),
            (Stage::Mail, "the message has 5000 bytes, the server accepts 1000", "make it shorter"),
            (Stage::Rcpt, "554 5.7.1 <a@b.example>: Relay access denied", "for all recipients"),
            (Stage::Rcpt, "553 5.7.1 <n@a.example>: Sender address rejected: not owned by user u", "return_path"),
            (Stage::Rcpt, "550 5.1.1 no such user", "to this recipient"),
            (Stage::Dot, "554 5.2.252 SendAsDenied; a not allowed to send as b", "return_path"),
        ] {
            assert!(advice(stage, said).contains(part), "{stage} {said}: {}", advice(stage, said));
        }
    }
}
