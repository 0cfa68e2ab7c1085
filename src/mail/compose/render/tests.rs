//! Rendering: escaping of values, the greeting, and the languages of fixed and authored texts. What whole mails say is in the
//! snapshots of `tests/besked/mails.rs`.

use std::collections::BTreeMap;

use super::*;

const MAINTENANCE: &str = include_str!("../../../../config/demo/notices/3-maintenance.md");
const NEWS: &str = include_str!("../../../../config/demo/notices/7-news.md");

const UNSUBSCRIBE: &str = "https://notices.example.com/u/token?a=1&b=2";

fn values<'a>(name: &'a str, merged: &'a BTreeMap<String, String>) -> Values<'a> {
    Values {
        contact_name: name,
        email: "anna@nordvind.example",
        customer_name: "Nordvind Energi AB",
        account_id: "C-1001",
        unsubscribe_url: UNSUBSCRIBE,
        calendar: "",
        merged,
    }
}

fn skeleton(source: &str, locale: &str, zone: &str) -> Skeleton {
    let notice = Notice::parse(source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let role = notice.category.default_addressing().roles[0];
    let view = View { locale: locale.parse().ok(), zone: zone.parse().ok(), role };
    Skeleton::new(&Config::default(), &notice, &view, Course::default()).unwrap()
}

fn render(source: &str, locale: &str) -> Content {
    skeleton(source, locale, "Europe/Stockholm").fill(&values("Anna Lindqvist", &BTreeMap::new()))
}

/// The default edition alone.
fn without_swedish(source: &str) -> &str {
    source.split_once("\n+++ sv").unwrap().0
}

#[test]
fn a_value_stays_what_it_is() {
    let source = "+++\ncategory = \"news\"\nsubject = \"For {{ contact.name }}\"\n[audience]\nall = true\n[fields]\n\
                  title = \"To {{ contact.name }}\"\n+++\n**{{ contact.name }}** at \
                  [your page](https://example.com/?who={{ contact.name }}) {{ row.x }} `{{ row.x }}` <mailto:{{ contact.email }}>\n";
    let skeleton = skeleton(source, "en", "UTC");
    let name = "<b>\"&' {{ contact.email }} **x** [a](javascript:alert(1)) zqslott000qz\r\nBcc: x";
    let merged = BTreeMap::from([("row.x".to_owned(), "{{ row.y }}<script>".to_owned())]);
    let content = skeleton.fill(&values(name, &merged));
    let literal = name.replace(['\r', '\n'], " ");
    assert_eq!(content.subject, format!("For {literal}"));
    assert!(content.text.contains(&format!("{literal} at your page")), "{}", content.text);
    let escaped = "&lt;b&gt;&#34;&amp;&#39; {{ contact.email }} **x** [a](javascript:alert(1)) zqslott000qz  Bcc: x";
    assert!(content.html.contains(&format!(">{escaped}</strong>")), "{}", content.html);
    assert!(content.html.contains("{{ row.y }}&lt;script&gt;"));
    assert!(content.html.contains(">{{ row.x }}</code>") && content.text.contains("`{{ row.x }}`"), "code is code");
    let encoded = "https://example.com/?who=%3Cb%3E%22%26%27%20%7B%7B%20contact.email";
    assert!(content.html.contains(&format!("href=\"{encoded}")) && content.text.contains(encoded), "{}", content.text);
    assert!(content.html.contains("href=\"mailto:anna@nordvind.example\""), "{}", content.html);
    assert!(!content.html.contains("<b>") && !content.html.contains("href=\"javascript"));
    // An address of ours is a whole one: it is not encoded once more.
    assert!(content.html.contains("href=\"https://notices.example.com/u/token?a=1&amp;b=2\""));
    assert!(content.text.contains(UNSUBSCRIBE));
}

#[test]
fn a_skeleton_is_shared_between_workers() {
    fn shared<T: Send + Sync>() {}
    shared::<Skeleton>();
}

#[test]
fn a_blank_name_is_greeted_too() {
    let content = skeleton(NEWS, "sv", "UTC").fill(&values(" ", &BTreeMap::new()));
    assert!(content.text.contains("\nHej,\n") && content.html.contains(">Hej,<"), "{}", content.text);
}

#[test]
fn fixed_strings_and_edition_fall_back_on_their_own() {
    let german = render(MAINTENANCE, "de");
    assert_eq!(german, render(MAINTENANCE, "en"));
    let swedish = render(without_swedish(MAINTENANCE), "sv");
    assert!(
        swedish.html.contains("<html lang=\"sv\"") && swedish.text.contains("Vad du kan märka".to_uppercase().as_str())
    );
    assert!(swedish.html.contains("class=\"body\" lang=\"en\" dir=\"auto\""), "{}", swedish.html);
    assert!(swedish.subject.starts_with("Underhåll av Compute och Network"));
}

#[test]
fn a_list_that_is_not_translated_is_marked_with_its_language() {
    const AGREEMENT: &str = include_str!("../../../../config/demo/notices/4-agreement-change.md");
    const BREACH: &str = include_str!("../../../../config/demo/notices/1-security-breach.md");
    for (source, list) in [(AGREEMENT, "ul"), (BREACH, "ol")] {
        let swedish = render(without_swedish(source), "sv").html;
        assert!(swedish.contains(&format!("<{list} lang=\"en\" dir=\"auto\" style=")), "{swedish}");
        assert!(
            !render(source, "en").html.contains("lang=\"en\" dir=\"auto\""),
            "what is in the reader's language needs none"
        );
    }
}
