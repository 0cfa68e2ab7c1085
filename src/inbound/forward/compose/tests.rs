//! Parts of the mail to support; whole mails are in the integration tests.

use std::borrow::Cow;

use super::*;

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
