//! Parts of the mail to support; whole mails are in the integration tests.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::domain::category::{Category, Role};
use crate::domain::delivery::State;

fn dropped(text: &str) -> String {
    String::from_utf8(without_ours(text.as_bytes()).into_owned()).unwrap()
}

#[test]
fn fields_with_our_names_are_left_out_of_the_head_and_nothing_else_is() {
    for (text, wanted) in [
        (
            "A: 1\r\nX-Besked-Account: C9\r\n and more\r\nB: 2\r\n\r\nX-Besked-Account: C9\r\n",
            "A: 1\r\nB: 2\r\n\r\nX-Besked-Account: C9\r\n",
        ),
        ("x-besked-delivery: 1\nx-BESKED-notice: 2\nA: 1\n\nb", "A: 1\n\nb"),
        ("A: 1\n\tX-Besked-Account: C9\nB: 2\n\n", "A: 1\n\tX-Besked-Account: C9\nB: 2\n\n"),
        ("From a@x Mon\nA: 1\n\nFrom b\n", "A: 1\n\nFrom b\n"),
        ("A: 1\nX-Besked-Loop: x\n\nbody", "A: 1\n\nbody"),
        ("A: 1\nX-Besked-Loop: x", "A: 1\n"),
        ("X-Besked-Loop: x", ""),
        ("", ""),
    ] {
        assert_eq!(dropped(text), wanted, "{text}");
    }
    assert!(matches!(without_ours(b"A: 1\r\n\r\nb"), Cow::Borrowed(_)), "nothing is copied for nothing");
}

#[test]
fn what_cannot_be_sent_as_it_is_is_known() {
    for good in ["A: 1\r\n\r\nb\r\n", "A: 1\n\nå\n", "A: 1\n\nno end", "A: 1", ""] {
        assert!(is_regular(good.as_bytes()), "{good}");
    }
    let long = format!("A: 1\n\n{}\n", "x".repeat(999));
    for bad in ["A: å\n\nb", "A: 1\n\na\rb\n", "A: 1\n\na\0b\n", "A: 1\r\rb", long.as_str()] {
        assert!(!is_regular(bad.as_bytes()), "{}", bad.escape_debug());
    }
    let ends = |text: &str| String::from_utf8(with_crlf(Cow::Borrowed(text.as_bytes()))).unwrap();
    assert_eq!(ends("a\nb\r\n\nc"), "a\r\nb\r\n\r\nc");
    assert_eq!(ends("a\r\nb"), "a\r\nb");
}

#[test]
fn answers_go_to_the_person_and_never_back_to_us() {
    let person = |text: &str| {
        let headers = Headers::of(text.as_bytes(), 10_000);
        let person = Person::of(&headers, |address| address.as_str().ends_with("@us.example"));
        person.map(|it| (it.called().to_owned(), it.address.to_string(), it.from.map(|from| from.to_string())))
    };
    let anna = |name: &str| Some((name.to_owned(), "anna@x.example".to_owned(), None));
    assert_eq!(person("From: \"Anna \\\"A\\\" Å\" <anna@x.example>\n\n"), anna("Anna \"A\" Å"));
    assert_eq!(person("From: anna@x.example\n\n"), anna("anna@x.example"));
    assert_eq!(person("From: \"anna@y.example\" <anna@x.example>\n\n"), anna("anna@x.example"), "a name is no address");
    assert_eq!(person("From: Anna\u{202e} <anna@x.example>\nReply-To: reply+x@us.example\n\n"), anna("Anna"));
    let other = Some(("Anna".to_owned(), "box@x.example".to_owned(), Some("anna@x.example".to_owned())));
    assert_eq!(person("From: Anna <anna@x.example>\nReply-To: <box@x.example>\n\n"), other);
    for nobody in ["Subject: x\n\n", "From: Anna\n\n", "From: a@us.example\n\n", "From: <a@b@c>\n\n"] {
        assert_eq!(person(nobody), None, "{nobody}");
    }
}

#[test]
fn only_one_plain_id_is_taken_over() {
    assert!(is_message_id("<a.b@x.example>"));
    for bad in ["", "a@x.example", "<a@x> <b@x>", "<a b@x>", "<å@x>", "<a@x>\r\nBcc: b@x"] {
        assert!(!is_message_id(bad), "{bad}");
    }
}

/// What is known of a reply to a notice.
fn about() -> About {
    let at = "2026-11-24T10:00:00Z".parse().unwrap();
    let id = Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0001);
    let delivery = Shown {
        id,
        notice_id: id,
        ordinal: 0,
        account_id: "C-1001".to_owned(),
        customer_name: "Öbergs & Söner".to_owned(),
        email: "anna@x.example".to_owned(),
        role: Role::Service,
        state: State::Accepted,
        level: None,
        reason: None,
        attempts: 1,
        reply: None,
        at,
        accepted_at: None,
        row_key: None,
    };
    let notice = Kept {
        id,
        category: Category::Maintenance,
        state: crate::domain::notice::State::Closed,
        reference: Some("CHG-1".to_owned()),
        subject: "Underhåll".to_owned(),
        follows_id: None,
        matter_id: id,
        sequence: Some(1),
        said: crate::domain::matter::Said::default(),
        speaks: false,
        source: String::new(),
        digest: [0; 32],
        author: "alice".to_owned(),
        approved_digest: None,
        approved_by: None,
        send_at: None,
        release_by: None,
        release_reason: None,
        created_at: at,
        released_at: Some(at),
        paused_at: None,
        closed_at: None,
        customers: 1,
        recipients: 1,
        message_domain: "example.com".to_owned(),
        standing: None,
        terms: None,
    };
    About { inbound_id: id, came_at: at, delivery, notice, bounds: Bounds::default() }
}

fn composed(bytes: &[u8]) -> Option<Parcel> {
    let about = about();
    let person = Person::of(&Headers::of(bytes, about.bounds.headers), |_| false)?;
    Some(compose(&Config::default(), &about, &person, bytes).unwrap())
}

/// A text of the pieces that mails consist of, and of anything.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "\r\n",
        "\n",
        "\r",
        "\0",
        ": ",
        "Subject: ",
        "X-Besked-Account: C9",
        "=?utf-8?q?=0D=0A?=",
        "--=_",
        "\r\n.\r\n",
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: message/rfc822",
        "å",
        "Reply-To: <a@b.example>",
        "\t",
    ]);
    prop_oneof![known.prop_map(|text| text.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    /// Whatever a person sends: the mail has our headers once, and ends where it should.
    #[test]
    fn any_reply_makes_a_mail(pieces in prop::collection::vec(piece(), 0..30)) {
        let bytes = [b"From: \"Anna\" <anna@x.example>\r\n".as_slice(), &pieces.concat()].concat();
        let parcel = composed(&bytes).unwrap();
        prop_assert!(parcel.form(false).is_ascii());
        for mail in [parcel.form(true), parcel.form(false)] {
            let head = memchr::memmem::find(mail, b"\r\n\r\n").unwrap();
            let head = String::from_utf8(mail[..head].to_vec()).unwrap();
            for name in ["From", "To", "Reply-To", "Subject", "X-Besked-Account", "X-Besked-Loop", "Content-Type"] {
                prop_assert_eq!(head.lines().filter(|line| line.starts_with(&format!("{name}:"))).count(), 1, "{}", name);
            }
            prop_assert!(!head.contains("Bcc") && head.lines().all(|line| line.len() < 998), "{}", head);
            let end = format!("\r\n--=_{}--\r\n", HEXLOWER.encode(&sha256(&bytes)[..16]));
            prop_assert!(mail.ends_with(end.as_bytes()));
            prop_assert!(memchr_iter(b'\n', mail).all(|at| mail[at - 1] == b'\r') && !mail.contains(&b'\0'));
        }
    }
}

#[test]
fn a_long_text_is_cut_and_the_whole_is_attached() {
    let text = "Ö".repeat(30_000);
    let lines: String =
        text.chars().collect::<Vec<_>>().chunks(100).map(|it| it.iter().collect::<String>() + "\r\n").collect();
    let reply = format!("From: anna@x.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{lines}");
    let parcel = composed(reply.as_bytes()).unwrap();
    let parsed = mail_parser::MessageParser::default().parse(parcel.form(true)).unwrap();
    let said = parsed.body_text(0).unwrap();
    assert!(said.contains("[The rest is in the attached mail.]") && said.chars().count() < 21_000);
    assert!(memchr::memmem::find(parcel.form(true), reply.as_bytes()).is_some());
    assert_eq!(parsed.subject(), Some("Reply without a subject [CHG-1]"));
}
