//! What an operator can do about a step of a session that failed.

use super::{Cause, Failure, Reply, Stage};

impl Cause {
    /// What a failed step of a session with a relay objects to, if it would object to everybody's mail.
    #[must_use]
    pub fn at(stage: Stage, failure: &Failure) -> Option<Self> {
        let Failure::Replied(reply) = failure else { return None };
        match stage {
            Stage::Connect | Stage::Greeting | Stage::StartTls => None,
            Stage::Auth => (500..=599).contains(&reply.code).then_some(Self::Login),
            // Nothing else is refused there for everybody.
            Stage::Mail => Self::of(reply).or((reply.code >= 500).then_some(Self::Sender)),
            Stage::Rcpt | Stage::Data | Stage::Body | Stage::Dot => Self::of(reply),
        }
    }
}

/// What an operator can do about a failed step, by what was said: by the codes and words of a reply, else by the step.
#[must_use]
pub fn advice(stage: Stage, said: &str) -> &'static str {
    if let Some(cause) = replied(said).and_then(|failure| Cause::at(stage, &failure)) {
        return cause.advice();
    }
    match stage {
        Stage::Connect => {
            "check host, port and TLS in the relay's `url`, and whether a firewall lets this host through"
        }
        Stage::Greeting => {
            "check the port in the relay's `url` and `[smtp] hello_name`, and whether the relay accepts this host"
        }
        Stage::StartTls => "check `tls` and the name of the host in the relay's `url`, and its `ca_file`",
        Stage::Auth => Cause::Login.advice(),
        Stage::Mail => Cause::Sender.advice(),
        Stage::Rcpt => {
            "ask the relay's operator whether it passes mail on for this host or user, and to this recipient"
        }
        Stage::Data | Stage::Body | Stage::Dot => {
            "the relay objects to the message: check `[sender] from`, the text and size of the notice, and SPF, DKIM and DMARC with \
             `besked doctor --dns`"
        }
    }
}

/// The reply of a server, if a text is one.
fn replied(said: &str) -> Option<Failure> {
    let (code, text) = said.split_at_checked(3)?;
    let code = code.parse().ok().filter(|_| super::is_answer(said))?;
    Some(Failure::Replied(Reply { code, text: text.trim_start().to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_its_advice_and_the_words_of_a_reply_know_better() {
        for (stage, said, part) in [
            (Stage::Connect, "127.0.0.1:1: the connection is refused", "host, port"),
            (Stage::Greeting, "no answer before the deadline", "hello_name"),
            (Stage::StartTls, "the server does not offer STARTTLS, which this relay requires", "`tls`"),
            (Stage::Auth, "the server offers no AUTH; many do so only over TLS", "`password_file`"),
            (Stage::Mail, "501 5.1.7 Invalid address", "return_path"),
            (Stage::Mail, "550 no", "return_path"),
            (Stage::Mail, "no answer before the deadline", "return_path"),
            (Stage::Rcpt, "554 5.7.1 <a@b.example>: Relay access denied", "for all recipients"),
            (Stage::Rcpt, "553 5.7.1 <n@a.example>: Sender address rejected: not owned by user u", "return_path"),
            (Stage::Rcpt, "550 5.1.1 no such user", "to this recipient"),
            (Stage::Dot, "554 5.2.252 SendAsDenied; a not allowed to send as b", "return_path"),
            (Stage::Dot, "554 5.6.0 no", "objects to the message"),
        ] {
            assert!(advice(stage, said).contains(part), "{stage} {said}: {}", advice(stage, said));
        }
    }
}
