//! Whole messages, small ones: kinds, and what is hard about each.

use super::*;
use crate::domain::report::Status;

fn message(text: &str) -> Message {
    let ours = Ours { bounce_domain: "b.us.example", message_domain: "us.example", fixed: &[], verify: &|_| None };
    read(text.as_bytes(), None, &ours, &Bounds::default())
}

fn kind(text: &str) -> MessageKind {
    message(text).kind
}

/// A report with a machine part.
fn report(fields: &str) -> Message {
    let headers = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: Undelivered\nContent-Type: multipart/report; boundary=b\n\n";
    let machine = format!("Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\n{fields}");
    message(&format!("{headers}--b\n\nYour message could not be delivered.\n--b\n{machine}\n--b--\n"))
}

fn only(message: &Message) -> &Report {
    assert_eq!((message.kind, message.reports.len()), (MessageKind::Dsn, 1), "{message:?}");
    &message.reports[0]
}

fn status(text: &str) -> Option<Status> {
    text.parse().ok()
}

#[test]
fn what_a_machine_part_lacks_is_taken_from_the_rest() {
    let to = "Final-Recipient: rfc822; a@x.example\n";
    for (fields, action, code, verdict) in [
        ("Final-Recipient: a@x.example\nAction: failed\nStatus: 5.1.1", Action::Failed, "5.1.1", Verdict::AddressDead),
        ("Original-Recipient: a@x.example\nStatus: 5.1.1", Action::Failed, "5.1.1", Verdict::AddressDead),
        (&format!("{to}Action: exploded\nStatus: 5.2.2"), Action::Failed, "5.2.2", Verdict::MailboxFull),
        (&format!("{to}Status: 4.4.1\nWill-Retry-Until: Mon"), Action::Delayed, "4.4.1", Verdict::Temporary),
        (&format!("{to}Status: 2.0.0"), Action::None, "2.0.0", Verdict::None),
        (&format!("{to}Action: delayed\nStatus: 5.1.1"), Action::Delayed, "5.1.1", Verdict::Temporary),
        (&format!("{to}Diagnostic-Code: smtp; 550 5.1.1 no"), Action::Failed, "5.1.1", Verdict::AddressDead),
    ] {
        let message = report(fields);
        let found = only(&message);
        assert_eq!(found.recipient.as_deref(), Some("a@x.example"), "{fields}");
        assert_eq!((found.action, found.status, found.verdict), (action, status(code), verdict), "{fields}");
    }
}

#[test]
fn a_report_may_have_a_part_for_each_recipient() {
    let message = report(
        "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: message/delivery-status\n\n\
         Final-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.2.2",
    );
    let verdicts: Vec<Verdict> = message.reports.iter().map(|report| report.verdict).collect();
    assert_eq!(verdicts, [Verdict::AddressDead, Verdict::MailboxFull]);
}

#[test]
fn the_worst_report_stands_for_the_message() {
    let group = |name: &str, rest: &str| format!("Final-Recipient: rfc822; {name}@x.example\n{rest}\n\n");
    let message = report(&format!(
        "{}{}{}",
        group("a", "Action: delivered\nStatus: 2.0.0"),
        group("b", "Action: failed\nStatus: 5.2.2"),
        group("c", "Action: failed\nStatus: 5.1.1")
    ));
    assert_eq!(message.reports.len(), 3);
    assert_eq!(message.worst().unwrap().recipient.as_deref(), Some("c@x.example"));
    assert_eq!((message.action(), message.verdict()), (Action::Failed, Verdict::AddressDead));
}

#[test]
fn reports_for_people_are_read_by_how_they_look() {
    use Action::{Delayed, Delivered, Failed};
    use Verdict::{AddressDead, MailboxFull, None, Success, Temporary};
    for (subject, text, action, verdict) in [
        (
            "failure notice",
            "Hi.\n\n<a@x.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
            Failed,
            AddressDead,
        ),
        (
            "Olevererbart",
            "Meddelandet kunde inte levereras till följande mottagare:\n\na@x.example\nPostlådan är full\n",
            Failed,
            MailboxFull,
        ),
        (
            "Unzustellbar",
            "Ihre Nachricht konnte nicht zugestellt werden.\nEmpfänger: a@x.example\nGrund: Empfänger unbekannt\n",
            Failed,
            AddressDead,
        ),
        (
            "Warning: message delayed 24 hours",
            "has not yet been delivered to:\n\n  a@x.example\n\nDelivery attempts will continue.\n",
            Delayed,
            Temporary,
        ),
        (
            "Undeliverable: version 5.1.1 is out",
            "Your message\n  Subject: version 5.1.1 is out, user unknown\ncould not be delivered to:\n\n  a@x.example\n",
            Failed,
            None,
        ),
        (
            "Delivered: hello",
            "Your message was successfully delivered to the following recipients:\n\n  a@x.example\n",
            Delivered,
            Success,
        ),
    ] {
        let from =
            "Return-Path: <>\nFrom: Postmaster <postmaster@x.example>\nContent-Type: text/plain; charset=utf-8\n";
        let message = message(&format!("{from}Subject: {subject}\n\n{text}"));
        let found = only(&message);
        assert_eq!(found.recipient.as_deref(), Some("a@x.example"), "{subject}");
        assert_eq!((found.action, found.verdict), (action, verdict), "{subject}: {found:?}");
    }
}

#[test]
fn machines_and_people_are_distinguished() {
    use MessageKind::{AutoReply, Reply, Unknown};
    let from = "From: Anna <anna@x.example>\nContent-Type: text/plain; charset=utf-8\n";
    for (headers, text, wanted) in [
        ("Auto-Submitted: auto-replied\nSubject: Re: hello\n", "ok", AutoReply),
        ("Auto-Submitted: no\nSubject: Re: hello\n", "ok", Reply),
        ("Subject: Automatic reply: hello\n", "I am away", AutoReply),
        ("Subject: Re: Automatic reply: hello\n", "Then when?", Reply),
        ("Subject: Frånvarande\n", "Åter på måndag", AutoReply),
        ("Subject: hello\n", "Ich bin im Urlaub und ab dem 7. wieder erreichbar.", AutoReply),
        ("Subject: Re: hello\n", "I am on vacation next week, can you move it?", Reply),
        ("Subject: Re: hello\n", "This account is protected by a filter. Please click the link below.", AutoReply),
        ("Subject: SV: hello\n", "Mitt mejl kunde inte levereras, user unknown 550 5.1.1", Reply),
        ("Precedence: bulk\nIn-Reply-To: <a@us.example>\nSubject: hello\n", "thanks", AutoReply),
        ("Auto-Submitted: auto-generated\nSubject: Backup done\n", "ok", Unknown),
        ("Subject: You have won\n", "Click here", Unknown),
        ("In-Reply-To: <a@us.example>\nSubject: hello\n", "> quoted\nok", Reply),
    ] {
        assert_eq!(kind(&format!("{from}{headers}\n{text}\n")), wanted, "{headers}{text}");
    }
    let calendar = "From: a@x.example\nSubject: Yes\nContent-Type: text/calendar; method=REPLY\n\nBEGIN:VCALENDAR\n";
    assert_eq!(kind(calendar), Reply);
}

#[test]
fn a_report_that_a_person_passes_on_counts_for_nobody() {
    let inner = "From: MAILER-DAEMON@x.example\nContent-Type: multipart/report; report-type=delivery-status; boundary=i\n\n--i\n\
        Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n--i--\n";
    let outer = |from: &str, subject: &str| {
        let headers = format!("From: {from}\nSubject: {subject}\nContent-Type: multipart/mixed; boundary=o\n\n");
        message(&format!("{headers}--o\n\nSee below.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"))
    };
    let of_person = outer("anna@x.example", "Fwd: Undelivered");
    assert_eq!((of_person.kind, of_person.reports.len()), (MessageKind::Reply, 0));
    let parts = "From: a@x.example\nSubject: Fwd: Undelivered\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nSee below.\n--i\n";
    let in_parts = message(&format!("{parts}{}", &inner[inner.find("Content-Type: message").unwrap()..]));
    assert_eq!((in_parts.kind, in_parts.reports.len()), (MessageKind::Reply, 0));
    let of_gateway = outer("postmaster@gateway.example", "Delivery Status Notification (Failure)");
    assert_eq!(only(&of_gateway).verdict, Verdict::AddressDead);
}

#[test]
fn a_complaint_and_a_receipt_name_who_and_what() {
    let part = |kind: &str, fields: &str| {
        let headers = "From: fbl@x.example\nContent-Type: multipart/report; boundary=b\n\n";
        message(&format!("{headers}--b\n\nx\n--b\nContent-Type: message/{kind}\n\n{fields}\n--b--\n"))
    };
    let two = "Feedback-Type: ABUSE\nOriginal-Rcpt-To: <a@x.example>\nOriginal-Rcpt-To: <b@x.example>";
    let complaint = part("feedback-report", two);
    assert_eq!((complaint.kind, complaint.verdict()), (MessageKind::Arf, Verdict::Complaint));
    assert_eq!((complaint.what.as_deref(), complaint.reports.len()), (Some("abuse"), 2));
    assert_eq!(part("feedback-report", "Feedback-Type: not-spam").verdict(), Verdict::None);
    let disposition =
        "Final-Recipient: rfc822;a@x.example\nDisposition: automatic-action/MDN-sent-automatically; processed/error";
    let receipt = part("disposition-notification", disposition);
    assert_eq!((receipt.kind, receipt.action(), receipt.verdict()), (MessageKind::Mdn, Action::None, Verdict::None));
    assert_eq!(receipt.what.as_deref(), Some("automatic-action/mdn-sent-automatically; processed/error"));
}

#[test]
fn an_absence_note_may_hint_at_more() {
    let headers = "From: a@x.example\nAuto-Submitted: auto-replied\nSubject: Autosvar\nContent-Type: text/plain; charset=utf-8\n\n";
    let hint = |text: &str| message(&format!("{headers}{text}")).hint;
    assert_eq!(hint("Anna arbetar inte längre kvar."), Some(Hint::LeftCompany));
    assert_eq!(hint("My new email address is b@x.example"), Some(Hint::NewAddress));
    assert_eq!(hint("Åter på måndag"), None);
}

#[test]
fn what_is_no_message_is_unknown() {
    for bytes in [&b""[..], b"\0\0\0", b"\n\n\n", b"\xff\xfe\r\r", b"Subject", b"From: a@x.example\n\nhello"] {
        let ours = Ours { bounce_domain: "b.us.example", message_domain: "us.example", fixed: &[], verify: &|_| None };
        let message = read(bytes, None, &ours, &Bounds::default());
        assert_eq!(
            (message.kind, message.action(), message.verdict()),
            (MessageKind::Unknown, Action::None, Verdict::None)
        );
    }
    let long = message(&format!("From: a@x.example\nX: {}\n\n", "a".repeat(300_000)));
    assert_eq!((long.kind, long.excess), (MessageKind::Unknown, Some(Excess::Headers(200_000))));
    assert_eq!(long.excess.unwrap().to_string(), "the headers have more than 200000 bytes");
}

#[test]
fn our_own_header_outside_a_returned_part_is_a_loop() {
    assert!(message("From: a@x.example\nX-Besked-Delivery: 1\nSubject: Re: hello\n\nok").looped);
    assert!(!report("Final-Recipient: rfc822; a@x.example\nAction: failed\n--b\nContent-Type: text/rfc822-headers\n\nX-Besked-Delivery: 1").looped);
}

#[test]
fn blank_lines_before_a_message_are_skipped() {
    assert_eq!(kind("\n   \nFrom: a@x.example\nSubject: Re: hello\n\nok"), MessageKind::Reply);
}

/// A success report of Postfix, cut off anywhere: it never becomes a failure, and proves a delivery only with its status.
#[test]
fn a_success_report_that_is_cut_off_is_no_failure() {
    let text = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example (Mail Delivery System)\nSubject: Successful Mail Delivery Report\n\
        Auto-Submitted: auto-replied\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n--b\n\
        Content-Type: text/plain\n\nThis is the mail system at host x.example.\n\nYour message was successfully delivered to the \
        destination(s)\nlisted below.\n\n<a@x.example>: delivery via local: delivered to mailbox\n\n--b\n\
        Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\nArrival-Date: Mon, 23 Nov 2026 10:00:00 +0100\n\n\
        Final-Recipient: rfc822; a@x.example\nAction: delivered\nStatus: 2.0.0\nDiagnostic-Code: x-unix; delivered to mailbox\n\n\
        --b\nContent-Type: text/rfc822-headers\n\nReceived: by mx.example; Thu, 1 Jan 1970 00:00:00 +0000\nReceived: by x.example; Mon, 23 Nov 2026 09:59:58 +0100\nSubject: a\n\n--b--\n";
    let complete = text.find("Status: 2.0.0").unwrap() + "Status: 2.0.0".len();
    let machine = text.find("Reporting-MTA").unwrap();
    for cut in machine..=text.len() {
        let message = message(&text[..cut]);
        assert_eq!(message.kind, MessageKind::Dsn, "{cut}");
        for report in &message.reports {
            assert_ne!(report.action, Action::Failed, "{cut}: {}", &text[..cut]);
            let proves = report.action == Action::Delivered && report.status.is_some_and(|status| status.class == 2);
            assert_eq!(proves, cut >= complete, "{cut}");
        }
    }
    let copy_at = message(text).copy_at.unwrap();
    assert_eq!(copy_at.to_string(), "2026-11-23T08:59:58Z", "the first server's time");
    assert_eq!(message(text).dkim, Dkim::Unsigned);
    assert_eq!(message(&format!("DKIM-Signature: v=1; d=x.example\n{text}")).dkim, Dkim::NotChecked);
}

/// A fault in the reader ends the message, and not what it came to.
#[test]
fn a_message_at_which_the_reader_fails_keeps_its_delivery() {
    let delivery = uuid::Uuid::from_u128(7);
    let verify = |_: &str| Some(delivery);
    let ours = Ours { bounce_domain: "b.us.example", message_domain: "us.example", fixed: &[], verify: &verify };
    let message = Message::unread(Some("b+x@b.us.example"), &ours);
    assert_eq!(
        (message.kind, message.evidence.token, message.excess),
        (MessageKind::Unknown, Some(delivery), Some(Excess::Fault))
    );
}
