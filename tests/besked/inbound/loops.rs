//! What never goes on to support: machines, loops, floods, forgeries.

use std::time::Duration;

use besked::domain::forward::{Reason, State};
use besked::domain::inbound::{Disposition, Route};
use besked::domain::page::PageRequest;
use besked::domain::task::TaskKind;
use besked::inbound::{Forwards, Incoming};
use besked::mail::token::TokenKey;
use rstest::rstest;

use super::{Answered, SUPPORT, parts};
use crate::app::alice;
use crate::database::Engine;

/// Support's system answers at once, to every address that it finds in the mail, and takes over each of its headers.
#[tokio::test(flavor = "multi_thread")]
async fn a_loop_ends_after_one_round() {
    let it = Answered::new(Engine::Sqlite).await;
    it.comes(it.reply("hello")).await;
    it.forward().await;
    let mail = it.mails().remove(0);
    let answer = |fields: &str, text: &str| {
        format!("From: Support <{SUPPORT}>\r\nTo: {}\r\nSubject: Re: [#1] Got it\r\n{fields}\r\n{text}\r\n", it.to)
    };
    let path = it.app.app.key().return_path(it.delivery, "bounces.example.com").to_string();
    // As RFC 3834 has it, with a null sender; then as badly made ones do. The forward that comes back is automatic, too.
    it.comes_from("", &path, answer("Auto-Submitted: auto-replied\r\n", "1")).await;
    it.comes_from(SUPPORT, &it.to, answer("Auto-Submitted: auto-replied\r\n", "2")).await;
    it.comes_from(SUPPORT, &it.to, answer("X-Autoreply: yes\r\n", "3")).await;
    it.comes_from("other@example.net", &it.to, mail.data.clone()).await;
    assert_eq!(it.became().await.len(), 1, "automatic answers are no replies");
    it.comes_from("", &it.to, answer("", "4")).await;
    it.comes_from(SUPPORT, &it.to, answer("", "5")).await;
    let copied = format!("X-Besked-Loop: {}\r\n", mail.header("X-Besked-Loop").unwrap());
    it.comes(it.reply_with(&copied, "6")).await;
    assert_eq!(it.forward().await, Forwards::default());
    let withheld = |reason| (State::Withheld, Some(reason));
    let (machine, looped) = (withheld(Reason::Machine), withheld(Reason::Loop));
    assert_eq!(it.became().await, [(State::Forwarded, None), machine, looped, looped]);
    assert_eq!(it.mails().len(), 1);
    // A notice of ours that comes back as it was.
    let notice = it.app.relay.to("hello@two.example").remove(0);
    it.comes(notice.data).await;
    it.forward().await;
    assert_eq!(it.mails().len(), 1);
    assert!(it.tasks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_passed_too_many_servers_is_one_of_a_loop() {
    let it = Answered::new(Engine::Sqlite).await;
    let passed =
        |hops: usize| "Received: from a.example by b.example; Tue, 24 Nov 2026 10:00:00 +0000\r\n".repeat(hops);
    it.comes(it.reply_with(&passed(50), "50")).await;
    it.comes(it.reply_with(&passed(51), "51")).await;
    assert_eq!(it.became().await, [(State::Waiting, None), (State::Withheld, Some(Reason::Loop))]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn three_replies_an_hour_are_forwarded_and_a_person_looks_at_more(#[case] engine: Engine) {
    let it = Answered::new(engine).await;
    for n in 0..6 {
        it.comes(it.reply(&format!("Reply {n}"))).await;
    }
    assert_eq!(it.forward().await.forwarded, 3);
    let tasks = it.tasks().await;
    assert_eq!(tasks.len(), 1, "one, however much comes");
    assert_eq!((tasks[0].kind, tasks[0].delivery_id), (TaskKind::Unforwarded, Some(it.delivery)));
    assert!(!tasks[0].reason.contains('@'), "{}", tasks[0].reason);
    assert_eq!(it.became().await[3..], [(State::Withheld, Some(Reason::TooOften)); 3]);
    it.app.advance(Duration::from_secs(3601));
    it.comes(it.reply("Later")).await;
    assert_eq!(it.forward().await.forwarded, 1);
}

/// Only the token names the delivery; what a message says of itself under our names does not reach support.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_header_names_nothing() {
    let it = Answered::new(Engine::Sqlite).await;
    let forged = "X-Besked-Account: C1\r\nX-BESKED-Notice: 1\r\n folded\r\n";
    it.comes(it.reply_with(&format!("{forged}X-Other: kept\r\n"), "hello")).await;
    it.forward().await;
    let mail = it.mails().remove(0);
    assert_eq!(mail.header("X-Besked-Account").as_deref(), Some("C2"));
    let (_, _, attached) = parts(&mail);
    let attached = String::from_utf8(attached).unwrap();
    assert_eq!(attached, it.reply_with("X-Other: kept\r\n", "hello"), "without them, and otherwise as it came");
    assert_eq!(String::from_utf8_lossy(&mail.data).to_lowercase().matches("x-besked-notice").count(), 1);
    // Our own header outside a returned part is a sign of a loop, whatever it names; by itself it names nothing.
    let other = uuid::Uuid::now_v7();
    it.comes(it.reply_with(&format!("X-Besked-Delivery: {other}\r\n"), "hello again")).await;
    let elsewhere = format!(
        "From: a@x.example\r\nTo: x@bounces.example.com\r\nX-Besked-Delivery: {}\r\nSubject: Re: x\r\n\r\nx",
        it.delivery
    );
    it.comes_from("a@x.example", "x@bounces.example.com", elsewhere).await;
    assert_eq!(it.forward().await, Forwards::default());
    assert_eq!(it.became().await[1..], [(State::Withheld, Some(Reason::Loop))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_or_one_of_another_installation_leads_nowhere() {
    let it = Answered::new(Engine::Sqlite).await;
    let foreign = TokenKey::new([9; 32]).reply_path(it.delivery, "bounces.example.com").to_string();
    let wrong = it.to.replace("reply+", "reply+a");
    for to in [foreign, wrong] {
        assert!(!it.app.app.inbound.accepts(&to), "the listener refuses it");
        let message = it.reply("hello").replace(&it.to, &to);
        // By a way that refuses nobody.
        it.take(Incoming { route: Route::Pipe, recipient: Some(to), sender: None, bytes: message.into() }).await;
    }
    assert_eq!((it.forward().await, it.became().await), (Forwards::default(), vec![]));
    let listed = it.app.app.inbound.list(&alice(), true, &PageRequest { after: None, limit: 10 }).await.unwrap().items;
    assert!(listed.len() == 2 && listed.iter().all(|it| it.disposition == Disposition::Unmatched));
}

/// Messages that mail programs and attackers make: none stops the others, none is lost, none goes on that must not.
#[rstest]
#[case::null_sender("", "Subject: Re: x\r\n", "hello", Some(Reason::Machine))]
#[case::old("a@x.example", "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\nSubject: Re: x\r\n", "hello", None)]
#[case::no_date("a@x.example", "Date: yesterday\r\nSubject: Re: x\r\n", "hello", None)]
#[case::nul("a@x.example", "Subject: Re: x\r\n", "hel\0lo", None)]
#[case::eight_bit_head("a@x.example", "Subject: Re: \u{e5}\u{e4}\u{f6}\r\n", "hello", None)]
#[case::broken_word("a@x.example", "Subject: Re: =?utf-8?q?=FF?= =?x?b?!?=\r\n", "hello", None)]
#[case::new_lines("a@x.example", "Subject: Re: =?utf-8?q?a=0D=0ABcc:_b@x.example?=\r\n", "hello", None)]
#[case::cut_off(
    "a@x.example",
    "Subject: Re: x\r\nContent-Type: multipart/mixed; boundary=a\r\n",
    "--a\r\nContent-Ty",
    None
)]
#[case::empty("a@x.example", "Subject: Re:\r\n", "", None)]
#[case::own_boundary("a@x.example", "Subject: Re: x\r\n", "--=_\r\n--=_0--\r\n.\r\n..\r\n", None)]
#[tokio::test(flavor = "multi_thread")]
async fn odd_messages(#[case] sender: &str, #[case] fields: &str, #[case] body: &str, #[case] reason: Option<Reason>) {
    let it = Answered::new(Engine::Sqlite).await;
    let message = format!("From: A <a@x.example>\r\nTo: {}\r\nIn-Reply-To: <x@x>\r\n{fields}\r\n{body}", it.to);
    it.comes_from(sender, &it.to, message.clone()).await;
    it.forward().await;
    let state = if reason.is_some() { State::Withheld } else { State::Forwarded };
    assert_eq!(it.became().await, [(state, reason)]);
    let Some(mail) = it.mails().pop() else { return assert!(reason.is_some()) };
    assert_eq!((mail.header("Bcc"), mail.header("Reply-To").as_deref()), (None, Some("A <a@x.example>")));
    assert!(mail.header("Subject").unwrap().contains("CHG-1"), "{:?}", mail.header("Subject"));
    let (_, _, attached) = parts(&mail);
    assert_eq!(String::from_utf8(attached).unwrap(), message);
}

/// What a machine writes without answering anything is no person's beginning.
#[rstest]
#[case("Auto-Submitted: auto-generated (nightly)\r\n")]
#[case("Precedence: BULK\r\n")]
#[case("Return-Path: <>\r\n")]
#[case("Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n")]
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_begins_nothing(#[case] field: &str) {
    let it = Answered::new(Engine::Sqlite).await;
    it.comes(format!("From: A <a@x.example>\r\nTo: {}\r\nSubject: Figures\r\n{field}\r\nhello", it.to)).await;
    assert_eq!(it.became().await, [(State::Withheld, Some(Reason::Machine))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_nobody_is_withheld_and_kept() {
    let it = Answered::new(Engine::Sqlite).await;
    for from in ["", "From: Anna\r\n", "From: <a@b@c>\r\n"] {
        it.comes(format!("{from}To: {}\r\nSubject: Re: x\r\nIn-Reply-To: <x@x>\r\n\r\n> x\r\n", it.to)).await;
    }
    let replies = it.shown().await.replies;
    assert!(replies.iter().all(|it| it.reason == Some(Reason::NoSender)), "{replies:?}");
    for reply in replies {
        assert!(it.app.app.inbound.message(&alice(), reply.inbound_id).await.unwrap().1.is_some(), "nothing is lost");
    }
}
