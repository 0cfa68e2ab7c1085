//! What servers say, and what it means.

use super::*;

fn cause(field: &str, texts: &[&str]) -> (Verdict, String) {
    let Cause { verdict, status } = of(&Failure { field: field.parse().ok(), texts });
    (verdict, status.map(|status| status.to_string()).unwrap_or_default())
}

#[test]
fn words_win_over_codes() {
    use Verdict::{AddressDead, Content, MailboxFull, None, Policy, RelayOrSender, Temporary};
    for (field, text, verdict, status) in [
        ("5.1.1", "550 5.1.1 <a@x.example>... User unknown", AddressDead, "5.1.1"),
        ("5.0.0", "550 5.1.1 <a@x.example>... User unknown", AddressDead, "5.1.1"),
        ("5.1.1", "550 5.1.1 sorry, over quota", MailboxFull, "5.1.1"),
        ("5.1.1", "550 5.7.1 192.0.2.1 is blacklisted", Policy, "5.1.1"),
        ("5.1.1", "550 5.7.1 go away", Policy, "5.1.1"),
        ("5.1.1", "", AddressDead, "5.1.1"),
        ("5.7.1", "554 5.7.1 <a@x.example>: Relay access denied", RelayOrSender, "5.7.1"),
        ("5.1.8", "550 5.1.8 <a@x.example>: Sender address rejected: Domain not found", RelayOrSender, "5.1.8"),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", Content, "5.3.4"),
        ("5.7.1", "550 5.7.1 Message rejected as spam", Content, "5.7.1"),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled", None, "5.2.1"),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied.", None, "5.4.1"),
        ("5.0.0", "550 rejected", None, "5.0.0"),
        ("5.1.1", "550 Requested action not taken: mailbox unavailable", None, "5.1.1"),
        ("5.1.1", "550 5.1.1 Requested action not taken: mailbox unavailable", AddressDead, "5.1.1"),
        ("4.1.1", "450 4.1.1 <a@x.example>: User unknown", Temporary, "4.1.1"),
        ("4.2.2", "452 4.2.2 Over quota", MailboxFull, "4.2.2"),
        ("4.4.1", "connect to x.example[192.0.2.1]:25: Connection timed out", Temporary, "4.4.1"),
        ("5.4.4", "Host or domain name not found. Name service error for name=x.example", AddressDead, "5.4.4"),
        ("5.4.4", "", None, "5.4.4"),
        ("5.7.27", "", RelayOrSender, "5.7.27"),
        ("5.0.0", "550 No such domain (in reply to MAIL FROM command)", RelayOrSender, "5.0.0"),
        ("4.4.3", "Host not found, try again", Temporary, "4.4.3"),
        ("", "Cannot deliver wxPython 2.3.0", None, ""),
    ] {
        assert_eq!(cause(field, &[text]), (verdict, status.to_owned()), "{field} {text}");
    }
}

#[test]
fn farther_words_count_only_if_the_nearest_say_nothing() {
    assert_eq!(cause("5.0.0", &["", "Unrouteable address"]), (Verdict::AddressDead, "5.0.0".to_owned()));
    assert_eq!(cause("5.1.1", &["550 5.1.1 user unknown", "the mailbox may be full"]).0, Verdict::AddressDead);
    assert_eq!(cause("", &["", "450 4.2.2 Mailbox full"]), (Verdict::MailboxFull, "4.2.2".to_owned()));
}

/// What well-known providers say, as their documents have it.
const REPLIES: &[(&str, Verdict)] = &[
    (
        "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking",
        Verdict::AddressDead,
    ),
    ("552-5.2.2 The email account that you tried to reach is over quota. Please direct", Verdict::MailboxFull),
    ("550 5.2.1 The email account that you tried to reach is inactive.", Verdict::None),
    (
        "552-5.7.0 This message was blocked because its content presents a potential 552-5.7.0 security issue.",
        Verdict::Content,
    ),
    (
        "550-5.7.1 Our system has detected an unusual rate of unsolicited mail originating from your IP address.",
        Verdict::Policy,
    ),
    ("550-5.7.26 Unauthenticated email from x.example is not accepted due to domain's DMARC policy.", Verdict::Policy),
    ("450 4.2.1 The user you are trying to contact is receiving mail too quickly.", Verdict::Temporary),
    ("550 5.4.5 Daily user sending limit exceeded.", Verdict::RelayOrSender),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", Verdict::AddressDead),
    ("550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", Verdict::AddressDead),
    ("554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException", Verdict::MailboxFull),
    ("550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy", Verdict::Policy),
    ("550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", Verdict::Policy),
    ("550 5.7.606 Access denied, banned sending IP [192.0.2.1]", Verdict::Policy),
    ("550 5.1.8 Access denied, bad outbound sender", Verdict::RelayOrSender),
    ("554 5.4.14 Hop count exceeded - possible mail loop", Verdict::RelayOrSender),
    ("550 5.4.316 Message expired, connection refused", Verdict::Temporary),
    ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", Verdict::Temporary),
    ("554 5.7.9 Message not accepted for policy reasons.", Verdict::Policy),
    ("554 delivery error: dd This user doesn't have a yahoo.com account", Verdict::AddressDead),
    (
        "554 30 Sorry, your message to a@x.example cannot be delivered. This mailbox is disabled (554.30).",
        Verdict::None,
    ),
    ("550 5.1.1 RCP-P1 The attempted recipient address does not exist", Verdict::AddressDead),
    ("550 5.1.0 DNS-P1 Your SMTP MAIL FROM domain does not exist", Verdict::RelayOrSender),
    ("550 Mail content denied. http://service.mail.qq.example/", Verdict::Content),
    ("550 Connection frequency limited.", Verdict::Temporary),
    ("554 Suspected spam ip", Verdict::Policy),
    ("550 Mailbox not found. http://service.mail.qq.example/", Verdict::AddressDead),
    ("552 5.3.4 Message size exceeds fixed limit", Verdict::Content),
    ("554 5.7.1 <h[192.0.2.1]>: Client host rejected: cannot find your reverse hostname, [192.0.2.1]", Verdict::Policy),
    ("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.example", Verdict::Policy),
    ("450 4.7.1 <a@x.example>: Recipient address rejected: Greylisted, see http://x.example", Verdict::Temporary),
    ("550 5.1.2 <a@x.example>: Host unknown (Name server: x.example.: host not found)", Verdict::AddressDead),
    (
        "5.4.4 Host or domain name not found. Name service error for name=x.example type=AAAA: Host not found",
        Verdict::AddressDead,
    ),
    ("an MX or SRV record indicated no SMTP service", Verdict::AddressDead),
    ("all hosts for 'x.example' have been failing for a long time (and retry time not reached)", Verdict::Temporary),
    ("500 5.5.2 Error: command not recognized", Verdict::None),
    ("554 5.4.7 [internal] message timeout (exceeded max time)", Verdict::Temporary),
    ("TLS 1.0 is no longer supported, connection terminated", Verdict::None),
    ("There's no need to send again: could not connect", Verdict::Temporary),
    ("550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416", Verdict::AddressDead),
    ("550 5.1.1 Benutzer unbekannt", Verdict::AddressDead),
    ("550 Anv\u{e4}ndaren finns inte", Verdict::AddressDead),
    ("550 5.2.2 Postl\u{e5}dan \u{e4}r full", Verdict::MailboxFull),
    ("551 not our customer", Verdict::AddressDead),
    ("552 5.2.2 Mailbox size limit exceeded", Verdict::MailboxFull),
    ("530 5.7.0 Must issue a STARTTLS command first", Verdict::RelayOrSender),
    ("550 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", Verdict::RelayOrSender),
];

#[test]
fn replies_of_providers_are_understood() {
    for (text, verdict) in REPLIES {
        assert_eq!(of(&Failure { field: None, texts: &[text] }).verdict, *verdict, "{text}");
    }
}
