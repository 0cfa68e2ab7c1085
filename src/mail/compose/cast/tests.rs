//! Messages made of moulds, as another library reads them.

use std::collections::BTreeMap;

use mail_parser::{Message, MessageParser};
use proptest::prelude::*;

use super::*;
use crate::domain::category::{Category, Role};
use crate::domain::notice::Notice;
use crate::mail::compose::course::Course;
use crate::mail::compose::render::View;

const NEWS: &str = "+++\ncategory = \"news\"\nsubject = \"Nätverk: {{ contact.name }}\"\n[audience]\nall = true\n\
                    [fields]\ntitle = \"{{ customer.name }}{{ row.x }}\"\n+++\n\
                    {{ row.x }}\n\n{{ row.x }}{{ contact.name }} and {{ row.x }} at \
                    [a page](https://example.com/{{ row.x }}?a=1) of {{ contact.email }}.\n\n.\n\n..dots.\n";

/// A notice and the message of a recipient.
struct Made {
    mould: Mould,
    bytes: Vec<u8>,
    values: Values,
    content: super::super::render::Content,
}

impl Made {
    fn parsed(&self) -> Message<'_> {
        MessageParser::default().parse(&self.bytes).unwrap()
    }

    /// A header field as it stands in the message.
    fn field(&self, name: &str) -> Option<String> {
        self.parsed().header_raw(name).map(|value| value.trim().to_owned())
    }
}

/// Makes a message for somebody with this name, the value `x` in their row, and the messages that they had before.
fn made(source: &str, name: &str, x: &str, thread: &[String]) -> Made {
    let notice = Notice::parse(source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let config = Config::default();
    let view = View { locale: None, zone: None, role: Role::Service };
    let skeleton = Skeleton::new(&config, &notice, &view, Course::default()).unwrap();
    let head = Head {
        notice: Uuid::nil(),
        category: notice.category,
        language: skeleton.language(),
        subject: None,
        boundary: "=_b",
        is_test: false,
    };
    let unsubscribe = "https://x.example/?a=1&b=/u/";
    let common = Common { head, message_domain: "example.com", root: "matter@example.com", unsubscribe, replies: None };
    let key = Key { notice_id: Uuid::nil(), locale: "sv".to_owned(), zone: String::new(), role: "service".to_owned() };
    let (mould, _) = cast(&config, key, &skeleton, &common).unwrap();
    let url = format!("{unsubscribe}token");
    let merged = BTreeMap::from([("row.x".to_owned(), x.to_owned())]);
    let address = Address::parse("åsa@exämple.com").unwrap();
    let merged = Merged {
        contact_name: name,
        email: address.as_str(),
        customer_name: "Öbergs & Söner",
        account_id: "C1",
        unsubscribe_url: if notice.category == Category::News { &url } else { "" },
        calendar: "",
        merged: &merged,
    };
    let facts = Facts {
        delivery_id: Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0001),
        date: "2026-11-24T10:00:00Z".parse().unwrap(),
        thread,
        entry: Uuid::from_u128(7),
        to: &address,
        token: "token",
        return_token: "returned",
        reply_local: "reply+token",
        merged: &merged,
    };
    let (bytes, values) = fill(&mould, &config.dkim.iter().collect::<Vec<_>>(), &facts).unwrap();
    Made { bytes, values, content: skeleton.fill(&merged), mould }
}

fn news(name: &str, x: &str) -> Made {
    made(NEWS, name, x, &["5@before.example".to_owned(), "6@before.example".to_owned()])
}

#[test]
fn another_reader_finds_what_was_written() {
    let made = news("Åsa \"Å\" Öberg, chef", "<1>");
    let message = made.parsed();
    assert_eq!(message.subject(), Some("Nätverk: Åsa \"Å\" Öberg, chef"));
    let recipient = message.to().and_then(|to| to.first()).unwrap();
    assert_eq!(recipient.name(), Some("Åsa \"Å\" Öberg, chef"));
    assert_eq!(recipient.address(), Some("åsa@xn--exmple-cua.com"));
    assert_eq!(message.date().unwrap().to_rfc3339(), "2026-11-24T10:00:00Z");
    assert_eq!(made.field("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    assert_eq!(made.field("List-Unsubscribe").as_deref(), Some("<https://x.example/?a=1&b=/u/token>"));
    assert_eq!(message.message_id(), Some("01935a6b-0000-7000-8000-000000000001@example.com"));
    assert_eq!(made.field("X-Besked-Token").as_deref(), Some("returned"));
    assert_eq!(made.field("X-Besked-Delivery").as_deref(), Some("01935a6b-0000-7000-8000-000000000001"));
    assert_eq!(made.field("In-Reply-To").as_deref(), Some("<6@before.example>"));
    let references = "<matter@example.com>\r\n <5@before.example>\r\n <6@before.example>";
    assert_eq!(made.field("References").as_deref(), Some(references));
    assert_eq!(made.mould.fill(&Values::from_cbor(&made.values.to_cbor()).unwrap()).unwrap(), made.bytes);
}

#[test]
fn what_a_message_does_not_have_leaves_no_trace() {
    let maintenance = include_str!("../../../../config/demo/notices/3-maintenance.md");
    let text = |made: &Made| String::from_utf8(made.bytes.clone()).unwrap();
    let alone = text(&made(maintenance, "", "", &[]));
    assert!(!alone.contains("List-") && !alone.contains("In-Reply-To"));
    assert!(alone.contains("\r\nReferences: <matter@example.com>\r\n"), "it is the first of its matter");
    let head = alone.split_once("\r\n\r\n").unwrap().0;
    assert!(head.lines().all(|line| !line.ends_with(": ") && !line.is_empty()), "{head}");
    assert!(head.contains("\r\nTo: åsa@xn--exmple-cua.com\r\n"), "{head}");
}

#[test]
fn a_value_is_stored_once_however_often_it_occurs() {
    let made = news("Anna Lindqvist", "in a row");
    let stored = made.values.to_cbor();
    let times = |text: &str| String::from_utf8_lossy(&stored).matches(text).count();
    // In the text and in the HTML, and in an address.
    assert_eq!((times("in a row"), times("in%20a%20row")), (2, 1));
    assert!(stored.len() < 600, "{} bytes", stored.len());
    let mandatory = made_of_demo();
    let stored = mandatory.values.to_cbor();
    // With the recipient's part of the calendar entry, which is in the message twice.
    assert!(stored.len() < 350, "{} bytes: {}", stored.len(), String::from_utf8_lossy(&stored));
}

fn made_of_demo() -> Made {
    made(include_str!("../../../../config/demo/notices/3-maintenance.md"), "Anna Lindqvist", "", &[])
}

proptest! {
    /// Whatever the values, they are read as they are, no line is too long, and no dot is doubled on the way.
    #[test]
    fn every_value_arrives_as_it_is(name in "[ .=,åA\"<\t]{0,120}", x in "[ .=å&<]{0,200}") {
        let made = news(&name, &x);
        let message = made.parsed();
        let lines = |text: Option<std::borrow::Cow<'_, str>>| text.unwrap().replace("\r\n", "\n");
        prop_assert_eq!(lines(message.body_text(0)), made.content.text.clone());
        prop_assert_eq!(lines(message.body_html(0)), made.content.html.clone());
        prop_assert!(made.bytes.ends_with(b"\r\n"));
        let body = made.bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        for line in made.bytes[body..].split_inclusive(|byte| *byte == b'\n') {
            let shown = String::from_utf8_lossy(line).into_owned();
            prop_assert!(line.ends_with(b"\r\n") && line.len() <= 78 && !line.starts_with(b"."), "{}", shown);
        }
    }
}
