//! The mails as people receive them. Every category, part and language is a snapshot, so that a change of wording shows in
//! review: `docs/mails.md` says how to review one.

mod footers;
pub mod narrow;
mod spam;
mod variants;

use std::collections::{BTreeMap, BTreeSet};

use besked::config::Config;
use besked::domain::address::Address;
use besked::domain::category::{Category, Class};
use besked::domain::mould::Key;
use besked::domain::notice::Notice;
use besked::mail::compose::cast::{Common, Facts, cast, fill};
use besked::mail::compose::course::Course;
use besked::mail::compose::message::Head;
use besked::mail::compose::render::{Skeleton, Values, View};
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, maintenance};
use crate::database::Engine;

/// The demo's notices, one of each category.
const NOTICES: [(Category, &str); 8] = [
    (Category::SecurityBreach, include_str!("../../config/demo/notices/1-security-breach.md")),
    (Category::Disruption, include_str!("../../config/demo/notices/2-disruption.md")),
    (Category::Maintenance, include_str!("../../config/demo/notices/3-maintenance.md")),
    (Category::AgreementChange, include_str!("../../config/demo/notices/4-agreement-change.md")),
    (Category::SecurityMeasuresChange, include_str!("../../config/demo/notices/5-security-measures-change.md")),
    (Category::Billing, include_str!("../../config/demo/notices/6-billing.md")),
    (Category::News, include_str!("../../config/demo/notices/7-news.md")),
    (Category::Survey, include_str!("../../config/demo/notices/8-survey.md")),
];

const LOCALES: [&str; 2] = ["en", "sv"];

/// A mail to one recipient.
struct Mail {
    /// Category and language.
    name: String,
    subject: String,
    text: String,
    html: String,
    /// The whole message.
    bytes: Vec<u8>,
}

/// A configuration in which everything is set that a footer can show.
fn config() -> Config {
    let mut config = Config::default();
    config.organisation.registration_number = Some("556000-0000".to_owned());
    config.organisation.seat = Some("Karlskrona".to_owned());
    config.organisation.privacy_notice_url = Some("https://example.com/privacy".to_owned());
    config
}

/// Composes a notice for one recipient, with ids and times that are always the same.
fn mail(source: &str, locale: &str) -> Mail {
    mail_after(None, source, locale)
}

/// The same for a notice that follows another.
fn mail_after(before: Option<&Notice>, source: &str, locale: &str) -> Mail {
    let notice = Notice::parse(source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let (config, category) = (config(), notice.category);
    let role = category.default_addressing().roles[0];
    let view = View { locale: locale.parse().ok(), zone: "Europe/Stockholm".parse().ok(), role };
    let id = Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0001);
    let at = "2026-11-24T10:00:00Z".parse().unwrap();
    let reference = notice.reference.as_deref();
    let course = Course { matter_id: id, sequence: 0, at, before, reference, reminds: before.is_some() };
    let skeleton = Skeleton::new(&config, &notice, &view, course).unwrap();
    let row = [("invoice", "2026-11873"), ("period", "2026-11-01 – 2026-11-30"), ("amount", "48 210.50")];
    let row = row.into_iter().chain([("ocr", "2026118732")]);
    let merged: BTreeMap<String, String> =
        row.map(|(column, value)| (format!("row.{column}"), value.to_owned())).collect();
    let unsubscribe = (category.class() == Class::Optional).then_some("https://notices.example.com/u/TOKEN");
    let values = Values {
        contact_name: "Anna Lindqvist",
        email: "anna@nordvind.example",
        customer_name: "Nordvind Energi AB",
        account_id: "C-1001",
        unsubscribe_url: unsubscribe.unwrap_or_default(),
        calendar: "",
        merged: &merged,
    };
    let common = Common {
        head: Head {
            notice: Uuid::nil(),
            category,
            language: skeleton.language(),
            subject: None,
            boundary: &format!("=_{}", id.simple()),
            is_test: false,
        },
        message_domain: "example.com",
        root: &format!("{id}@example.com"),
        unsubscribe: "https://notices.example.com/u/",
        replies: None,
    };
    let key = Key { notice_id: id, locale: locale.to_owned(), zone: String::new(), role: role.to_string() };
    let (mould, _) = cast(&config, key, &skeleton, &common).unwrap();
    let facts = Facts {
        delivery_id: id,
        date: at,
        thread: &[],
        entry: Uuid::from_u128(0x0193_5a6b_0000_8000_8000_0000_0000_0001),
        to: &Address::parse(values.email).unwrap(),
        token: "TOKEN",
        return_token: "TOKEN",
        reply_local: "reply+token",
        merged: &values,
    };
    let content = skeleton.fill(&values);
    let (bytes, _) = fill(&mould, &config.dkim.iter().collect::<Vec<_>>(), &facts).unwrap();
    let name = format!("{category}-{locale}");
    Mail { name, subject: content.subject, text: content.text, html: content.html, bytes }
}

/// One mail of each category in each language.
fn mails() -> impl Iterator<Item = Mail> {
    NOTICES.into_iter().flat_map(|(_, source)| LOCALES.map(|locale| mail(source, locale)))
}

/// The header of a message, unfolded, with its subject as people read it.
fn header(mail: &Mail) -> String {
    let message = String::from_utf8(mail.bytes.clone()).unwrap();
    let header = message.split_once("\r\n\r\n").unwrap().0.replace("\r\n ", " ");
    let line = |line: &str| match line.strip_prefix("Subject: ") {
        Some(_) => format!("Subject: {}\n", mail.subject),
        None => format!("{line}\n"),
    };
    header.lines().map(line).collect()
}

/// Compares a text with the one in `snapshots/`.
fn same(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_snapshot_path("snapshots");
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_category_reads_as_reviewed_in_every_language() {
    for mail in mails() {
        same(&format!("{}-text", mail.name), &format!("{}\n{}", header(&mail), mail.text));
        same(&format!("{}-html", mail.name), &mail.html);
    }
}

#[test]
fn a_mail_leaves_nothing_unfilled_and_loads_nothing() {
    for mail in mails() {
        for part in [&mail.subject, &mail.text, &mail.html] {
            assert!(!part.contains("{{") && !part.contains("zqslot"), "{}: {part}", mail.name);
        }
        assert!(mail.subject.chars().count() > 10 && !mail.subject.contains('\n'), "{}", mail.subject);
        assert!(!mail.html.contains("<img") && !mail.html.contains("url("), "{}", mail.name);
        // Both editions are written in the language of the fixed strings around them.
        assert!(!mail.html.contains("dir=\"auto\""), "{}", mail.name);
        let long = |line: &&str| line.chars().count() > 90 && !line.contains("https://");
        assert_eq!(mail.text.lines().find(long), None, "{}", mail.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_has_a_sender_of_its_own_and_every_mail_says_which_stream_it_is_of() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        let news = config.category.entry(Category::News).or_default();
        news.from = Some("Example Cloud News <news@news.example.com>".parse().unwrap());
    })
    .await;
    app.import(CUSTOMERS).await;
    let (news, work) = (app.release(NEWS).await, app.release(&maintenance("all = true")).await);
    app.run_until_idle().await;
    let headers = |category: &str, name: &str| -> BTreeSet<String> {
        let mails = app.relay.received().into_iter();
        let of = mails.filter(|mail| mail.header("X-Besked-Category").as_deref() == Some(category));
        of.map(|mail| mail.header(name).unwrap()).collect()
    };
    assert_eq!(
        headers("news", "From").into_iter().collect::<Vec<_>>(),
        ["\"Example Cloud News\" <news@news.example.com>"]
    );
    assert!(headers("maintenance", "From").iter().all(|from| from.contains("notices@example.com")));
    let feedback = |id: Uuid, rest: &str| BTreeSet::from([format!("{}:{rest}", id.simple())]);
    assert_eq!(headers("news", "Feedback-ID"), feedback(news, "news:optional:newsexamplecom"));
    assert_eq!(headers("maintenance", "Feedback-ID"), feedback(work, "maintenance:mandatory:examplecom"));
    assert!(headers("news", "List-Id").iter().all(|id| id.contains("<news.news.example.com>")));
}
