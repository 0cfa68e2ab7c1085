//! Refusals that are about us or about the relay, whichever recipient they meet.
//!
//! Postfix and others check HELO, client, sender and login at RCPT by default, and providers refuse after the final dot what
//! their account may not send: the step does not tell whose fault a refusal is, the codes and the words do. Codes as in RFC
//! 4954, RFC 7372 and the documentation of Gmail, Microsoft 365, SES, Postmark, Mailgun and SendGrid; words as Postfix, Exim,
//! Sendmail, qmail and those providers write them.

use super::Reply;

/// What a relay objects to, if it would object to everybody's mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// We are not signed in, or not in the way it wants.
    Login,
    /// Our sender address or its domain.
    Sender,
    /// It does not pass mail on for us.
    Relaying,
    /// The name that we greet with.
    Hello,
    /// The account may not send more.
    Quota,
    /// Our host or its reputation.
    Client,
    /// SPF, DKIM or DMARC of our mail.
    Authentication,
}

/// Three-digit codes that never speak of a recipient.
const CODES: &[(u16, Cause)] = &[
    (503, Cause::Login),
    (504, Cause::Hello),
    (530, Cause::Login),
    (534, Cause::Login),
    (535, Cause::Login),
    (538, Cause::Login),
];

/// Subject and detail of enhanced codes, as ranges of the detail.
const ENHANCED: &[(u16, std::ops::RangeInclusive<u16>, Cause)] = &[
    (1, 7..=8, Cause::Sender),
    (1, 90..=90, Cause::Quota),
    (2, 252..=252, Cause::Sender),
    (4, 5..=5, Cause::Quota),
    (7, 8..=9, Cause::Login),
    (7, 11..=11, Cause::Login),
    (7, 20..=24, Cause::Authentication),
    (7, 25..=25, Cause::Client),
    (7, 26..=26, Cause::Authentication),
    (7, 27..=27, Cause::Sender),
    (7, 28..=28, Cause::Quota),
    (7, 29..=29, Cause::Login),
    (7, 30..=32, Cause::Authentication),
    (7, 40..=40, Cause::Authentication),
    (7, 54..=54, Cause::Relaying),
    (7, 57..=57, Cause::Login),
    (7, 60..=60, Cause::Sender),
    (7, 64..=64, Cause::Relaying),
    (7, 230..=233, Cause::Quota),
    (7, 501..=503, Cause::Client),
    (7, 509..=509, Cause::Authentication),
    (7, 511..=511, Cause::Client),
    (7, 515..=515, Cause::Authentication),
    (7, 606..=649, Cause::Client),
    (7, 700..=707, Cause::Quota),
    (7, 708..=749, Cause::Client),
    (7, 750..=750, Cause::Sender),
];

/// Words, in lower case. The first that occurs decides.
const WORDS: &[(&str, Cause)] = &[
    ("relay access denied", Cause::Relaying),
    ("relay not permitted", Cause::Relaying),
    ("relay is not permitted", Cause::Relaying),
    ("relay denied", Cause::Relaying),
    ("relay prohibited", Cause::Relaying),
    ("relaying denied", Cause::Relaying),
    ("relaying not allowed", Cause::Relaying),
    ("relaying is not allowed", Cause::Relaying),
    ("relaying is prohibited", Cause::Relaying),
    ("unable to relay", Cause::Relaying),
    ("not permitted to relay", Cause::Relaying),
    ("not allowed to relay", Cause::Relaying),
    ("do not relay", Cause::Relaying),
    ("rcpthosts", Cause::Relaying),
    ("helo command rejected", Cause::Hello),
    ("ehlo command rejected", Cause::Hello),
    ("fully-qualified hostname", Cause::Hello),
    ("invalid helo", Cause::Hello),
    ("bad helo", Cause::Hello),
    ("unauthenticated senders", Cause::Login),
    ("authentication required", Cause::Login),
    ("authentication is required", Cause::Login),
    ("requires authentication", Cause::Login),
    ("must authenticate", Cause::Login),
    ("please authenticate", Cause::Login),
    ("not authenticated", Cause::Login),
    ("must issue a starttls", Cause::Login),
    ("sender address rejected", Cause::Sender),
    ("sender verify failed", Cause::Sender),
    ("sender rejected", Cause::Sender),
    ("not owned by user", Cause::Sender),
    ("sendasdenied", Cause::Sender),
    ("sender signature", Cause::Sender),
    ("sender identity", Cause::Sender),
    ("verified sender", Cause::Sender),
    ("is not verified", Cause::Sender),
    ("not allowed to send:", Cause::Sender),
    ("not allowed to send from", Cause::Sender),
    ("not authorized to send from", Cause::Sender),
    ("not authorised to send from", Cause::Sender),
    ("not permitted to send from", Cause::Sender),
    ("submissionquotaexceeded", Cause::Quota),
    ("sending limit", Cause::Quota),
    ("sending quota", Cause::Quota),
    ("daily limit", Cause::Quota),
    ("daily sending", Cause::Quota),
    ("daily message quota", Cause::Quota),
    ("daily quota", Cause::Quota),
    ("hourly limit", Cause::Quota),
    ("hour limit", Cause::Quota),
    ("hourly sending", Cause::Quota),
    ("hourly quota", Cause::Quota),
    ("per hour", Cause::Quota),
    ("per day", Cause::Quota),
    ("limit for today", Cause::Quota),
    ("quota of sender", Cause::Quota),
    ("sender quota", Cause::Quota),
    ("sender's quota", Cause::Quota),
    ("recipient limit for this tenant", Cause::Quota),
    ("tenant exceeded", Cause::Quota),
    ("tenant has exceeded", Cause::Quota),
    ("mail flow limit", Cause::Quota),
    ("outgoing email quota", Cause::Quota),
    ("minutes allowed", Cause::Quota),
    ("monthly limit", Cause::Quota),
    ("message limit", Cause::Quota),
    ("credits exceeded", Cause::Quota),
    ("sending paused", Cause::Quota),
    ("test purposes only", Cause::Quota),
    ("account is disabled", Cause::Quota),
    ("account disabled", Cause::Quota),
    ("account has been disabled", Cause::Quota),
    ("account suspended", Cause::Quota),
    ("account is suspended", Cause::Quota),
    ("client host", Cause::Client),
    ("blocked using", Cause::Client),
    ("spamhaus", Cause::Client),
    ("blocklist", Cause::Client),
    ("block list", Cause::Client),
    ("blacklist", Cause::Client),
    ("black list", Cause::Client),
    ("reverse dns", Cause::Client),
    ("reverse hostname", Cause::Client),
    ("ptr record", Cause::Client),
    ("banned sending ip", Cause::Client),
    ("unauthenticated", Cause::Authentication),
    ("dmarc", Cause::Authentication),
    ("dkim", Cause::Authentication),
    ("spf check", Cause::Authentication),
    ("spf fail", Cause::Authentication),
    ("spf validation", Cause::Authentication),
];

/// Words by which a server asks for fewer messages, in lower case: of a rate, or of connections at a time.
const RATES: &[&str] = &[
    "exceeded rate",
    "exceeds rate",
    "rate-limit",
    "ratelimit",
    "mail rate",
    "message rate",
    "per second",
    "per minute",
    "too many emails",
    "wait to send more",
    "too many e-mails",
    "too many mails",
    "too many outbound",
    "too many requests",
    "too much mail",
    "thread limit",
    "concurrency limit",
    "connection limit",
    "connections limit",
    "sending rate",
    "send rate",
    "rate exceeded",
    "rate limit",
    "rate is limited",
    "throttl",
    "too fast",
    "too quickly",
    "slow down",
    "too many messages",
    "too many concurrent",
    "too many connections",
    "concurrent connections",
    "messages per second",
];

impl Cause {
    /// What a refusal objects to; `None` if it may be about this recipient or this message.
    #[must_use]
    pub fn of(reply: &Reply) -> Option<Self> {
        if !(400..=599).contains(&reply.code) {
            return None;
        }
        // A limit is told with any code.
        let by_code = || {
            let mut known = CODES.iter().filter(|(code, _)| *code == reply.code && !speaks_of_a_rate(reply));
            known.next().map(|(_, cause)| *cause)
        };
        let by_enhanced = || {
            let (_, subject, detail) = reply.enhanced()?;
            let mut known = ENHANCED.iter().filter(|(its, details, _)| *its == subject && details.contains(&detail));
            known.next().map(|(.., cause)| *cause)
        };
        let by_words = || {
            let text = reply.text.to_lowercase();
            WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, cause)| *cause)
        };
        // The words of a 5.7.x know more than a bare 503.
        by_enhanced().or_else(by_words).or_else(by_code)
    }

    /// True if it can be about one delivery: its sender, its content, or the recipient's view of us. An account that may send no
    /// more, or is not signed in, is so for all.
    #[must_use]
    pub const fn may_be_of_one(self) -> bool {
        !matches!(self, Self::Login | Self::Hello | Self::Quota)
    }

    /// What an operator can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Login => "check `password_file` and the user and `tls` in the relay's `url`, then `besked doctor`",
            Self::Sender => {
                "let the relay's user send as `[sender] from` and from every address at `[sender] bounce_domain`; if it may send as \
                 itself only, set `[sender] from` to its address and `return_path = \"from\"`"
            }
            Self::Relaying => "let the relay accept mail from this host or its user for all recipients",
            Self::Hello => "set `[smtp] hello_name` to this host's full name in the DNS",
            Self::Quota => "raise the account's limit at the provider, or wait; `rate_per_second` slows the relay down",
            Self::Client => "check this host's reverse DNS and whether its address is on a block list",
            Self::Authentication => "check SPF, DKIM and DMARC of the sender's domain",
        }
    }
}

/// True if a refusal asks for fewer messages, whoever they are for. Many limiters refuse what is above their rate with a
/// permanent code: the words decide. Greylisting is about one message.
#[must_use]
pub fn asks_for_less(reply: &Reply) -> bool {
    // x.1.x and x.2.x speak of the recipient: a mailbox may get mail too quickly.
    let of_the_recipient = matches!(reply.enhanced(), Some((_, 1 | 2, _)));
    // 450 and 451 with a time are how some greylist.
    let of_a_time = (400..=499).contains(&reply.code)
        && !matches!(reply.code, 450 | 451)
        && reply.text.to_lowercase().contains("try again in ");
    (400..=599).contains(&reply.code)
        && !reply.is_greylisting()
        && !of_the_recipient
        && (of_a_time || speaks_of_a_rate(reply))
}

fn speaks_of_a_rate(reply: &Reply) -> bool {
    let text = reply.text.to_lowercase();
    RATES.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refusals as servers and providers word them.
    const REAL: &[(u16, &str, Option<Cause>)] = &[
        (504, "5.5.2 <vm>: Helo command rejected: need fully-qualified hostname", Some(Cause::Hello)),
        (554, "5.7.1 <drift@k0.example>: Relay access denied", Some(Cause::Relaying)),
        (454, "4.7.1 <drift@k0.example>: Relay access denied", Some(Cause::Relaying)),
        (550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", Some(Cause::Relaying)),
        (550, "relay not permitted", Some(Cause::Relaying)),
        (550, "5.7.1 Relaying denied", Some(Cause::Relaying)),
        (550, "5.7.1 <a@b.example>... Relaying denied. Proper authentication required.", Some(Cause::Relaying)),
        (553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", Some(Cause::Relaying)),
        (530, "5.7.0 Authentication required", Some(Cause::Login)),
        (530, "5.7.57 Client not authenticated to send mail.", Some(Cause::Login)),
        (550, "5.7.1 Unauthenticated senders not allowed", Some(Cause::Login)),
        (503, "5.5.1 Error: need AUTH first", Some(Cause::Login)),
        (535, "5.7.8 Error: authentication failed", Some(Cause::Login)),
        (553, "5.7.1 <n@example.com>: Sender address rejected: not owned by user drift", Some(Cause::Sender)),
        (550, "5.1.8 <b@bounces.example.com>: Sender address rejected: Domain not found", Some(Cause::Sender)),
        (550, "Sender verify failed", Some(Cause::Sender)),
        (554, "5.2.252 SendAsDenied; a@example.com not allowed to send as b@example.com", Some(Cause::Sender)),
        (550, "5.7.60 SMTP; Client does not have permissions to send as this sender", Some(Cause::Sender)),
        (554, "Message rejected: Email address is not verified.", Some(Cause::Sender)),
        (550, "The from address does not match a verified Sender Identity.", Some(Cause::Sender)),
        (550, "The 'From' address you supplied is not a Sender Signature on your account.", Some(Cause::Sender)),
        (554, "5.7.1 Service unavailable; Client host [192.0.2.7] blocked using zen.example", Some(Cause::Client)),
        (550, "5.7.606 Access denied, banned sending IP [192.0.2.7]", Some(Cause::Client)),
        (550, "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.", Some(Cause::Client)),
        (550, "5.7.25 [192.0.2.7] The IP address sending this message does not have a PTR record", Some(Cause::Client)),
        (450, "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.7]", Some(Cause::Client)),
        (550, "5.7.26 This mail has been blocked because the sender is unauthenticated.", Some(Cause::Authentication)),
        (550, "5.7.515 Access denied, sending domain example.com does not meet the level", Some(Cause::Authentication)),
        (550, "5.7.1 Email rejected per DMARC policy for example.com", Some(Cause::Authentication)),
        (550, "5.4.5 Daily SMTP relay sending limit exceeded for user.", Some(Cause::Quota)),
        (554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", Some(Cause::Quota)),
        (550, "5.1.90 Your message can't be sent because you've reached your daily limit", Some(Cause::Quota)),
        (454, "Throttling failure: Daily message quota exceeded.", Some(Cause::Quota)),
        (451, "Authentication failed: Maximum credits exceeded", Some(Cause::Quota)),
        (550, "5.7.705 Access denied, tenant has exceeded threshold", Some(Cause::Quota)),
        (
            421,
            "Domain sandbox.example is not allowed to send: Free accounts are for test purposes only",
            Some(Cause::Sender),
        ),
        (554, "Sending paused for this account.", Some(Cause::Quota)),
        (550, "5.1.1 no such user", None),
        (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", None),
        (552, "5.2.2 mailbox full", None),
        (552, "5.2.2 The email account that you tried to reach is over quota", None),
        (554, "5.7.1 message looks like spam", None),
        (550, "5.7.1 your message was refused by policy", None),
        (550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", None),
        (450, "4.2.0 greylisted", None),
        (250, "2.0.0 dmarc", None),
        (550, "5.7.232 Message cannot be delivered because this tenant exceeded its trial limit", Some(Cause::Quota)),
        (550, "5.7.233 Message cannot be delivered because your tenant exceeded its TERRL", Some(Cause::Quota)),
        (552, "5.2.2 quota of sender exceeded", Some(Cause::Quota)),
        (550, "User has exceeded its hourly limit", Some(Cause::Quota)),
        (
            550,
            "Domain example.com has exceeded the max emails per hour (60/50 (120%)) allowed. Message discarded.",
            Some(Cause::Quota),
        ),
        (535, "5.7.1 too many messages", None),
        (550, "User has exceeded outgoing email quota", Some(Cause::Quota)),
        (450, "4.7.1 End-of-data rejected: Number messages per hour exceeded. Error:RATE_MSG", Some(Cause::Quota)),
        (554, "5.7.1 Data command rejected: only 10 messages per day", Some(Cause::Quota)),
    ];

    #[test]
    fn what_servers_say_to_everybody_is_known_by_code_or_words() {
        for (code, text, cause) in REAL {
            let reply = Reply { code: *code, text: (*text).to_owned() };
            assert_eq!(Cause::of(&reply), *cause, "{code} {text}");
        }
    }

    #[test]
    fn a_server_that_asks_for_less_is_understood() {
        for (code, text, asks) in [
            (454, "Throttling failure: Maximum sending rate exceeded.", true),
            (454, "Maximum sending rate exceeded", true),
            (421, "4.7.0 Too many messages, slow down", true),
            (432, "4.3.2 Concurrent connections limit exceeded", true),
            (451, "4.7.500 Server busy", false),
            (450, "4.2.1 The user you are trying to contact is receiving mail too quickly", false),
            (450, "4.7.1 Greylisted by rate limit", false),
            (550, "5.7.1 rate limit", true),
            (550, "5.7.0 Requested action not taken: too many emails per second. Please upgrade", true),
            (550, "Message rate exceeded, try later", true),
            (550, "5.7.1 Too many messages for this session", true),
            (550, "sorry, too many emails (#5.7.1)", true),
            (554, "5.7.0 Too many outbound messages", true),
            (550, "Too many concurrent connections", true),
            (550, "5.7.1 Client exceeded rate", true),
            (535, "5.7.1 too many messages", true),
            (432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", true),
            (422, "try again in 5 seconds.", true),
            (451, "4.7.1 try again in 300 seconds", false),
            (550, "5.2.1 The user you are trying to contact is receiving mail too quickly", false),
            (550, "5.1.1 no such user", false),
        ] {
            assert_eq!(asks_for_less(&Reply { code, text: text.to_owned() }), asks, "{code} {text}");
        }
    }
}
