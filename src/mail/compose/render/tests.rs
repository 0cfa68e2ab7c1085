//! What recipients see of the demo notices, and of what people try.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::domain::category::Class;
use crate::domain::fields::{IncidentStatus, Phase};

const NOTICES: [(Category, &str); 8] = [
    (Category::SecurityBreach, include_str!("../../../../config/demo/notices/1-security-breach.md")),
    (Category::Disruption, include_str!("../../../../config/demo/notices/2-disruption.md")),
    (Category::Maintenance, include_str!("../../../../config/demo/notices/3-maintenance.md")),
    (Category::AgreementChange, include_str!("../../../../config/demo/notices/4-agreement-change.md")),
    (Category::SecurityMeasuresChange, include_str!("../../../../config/demo/notices/5-security-measures-change.md")),
    (Category::Billing, include_str!("../../../../config/demo/notices/6-billing.md")),
    (Category::News, include_str!("../../../../config/demo/notices/7-news.md")),
    (Category::Survey, include_str!("../../../../config/demo/notices/8-survey.md")),
];

const UNSUBSCRIBE: &str = "https://notices.example.com/u/token?a=1&b=2";

fn source(category: Category) -> &'static str {
    NOTICES.iter().find(|notice| notice.0 == category).unwrap().1
}

fn merged() -> BTreeMap<String, String> {
    let values = [
        ("invoice", "2026-11873"),
        ("period", "2026-11-01 – 2026-11-30"),
        ("amount", "48 210.50"),
        ("ocr", "2026118732"),
    ];
    values.map(|(column, value)| (format!("row.{column}"), value.to_owned())).into()
}

fn values<'a>(name: &'a str, merged: &'a BTreeMap<String, String>) -> Values<'a> {
    Values {
        contact_name: name,
        email: "anna@nordvind.example",
        customer_name: "Nordvind Energi AB",
        account_id: "C-1001",
        unsubscribe_url: UNSUBSCRIBE,
        merged,
    }
}

fn skeleton(source: &str, locale: &str, zone: &str) -> Skeleton {
    let notice = Notice::parse(source).unwrap_or_else(|problems| panic!("{problems:?}"));
    let role = notice.category.default_addressing().roles[0];
    let view = View { locale: locale.parse().unwrap(), zone: zone.parse().unwrap(), role };
    Skeleton::new(&Config::default(), &notice, &view).unwrap()
}

fn render(source: &str, locale: &str) -> Content {
    skeleton(source, locale, "Europe/Stockholm").fill(&values("Anna Lindqvist", &merged()))
}

/// The default edition alone.
fn without_swedish(source: &str) -> &str {
    source.split_once("\n+++ sv").unwrap().0
}

/// Where the mails land, so that people can look at them.
fn look_folder() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let folder = target.join("mail-look");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn every_category_in_every_language() {
    let folder = look_folder();
    for (category, source) in NOTICES {
        for locale in ["en", "sv"] {
            let content = render(source, locale);
            let name = format!("{category}-{locale}");
            fs::write(folder.join(format!("{name}.html")), &content.html).unwrap();
            fs::write(folder.join(format!("{name}.txt")), format!("{}\n\n{}", content.subject, content.text)).unwrap();
            for part in [&content.subject, &content.text, &content.html] {
                assert!(!part.contains("{{") && !part.contains("zqslot"), "{name}: {part}");
            }
            for part in [&content.text, &content.html] {
                assert!(part.contains("Anna Lindqvist") && part.contains("C-1001"), "{name}");
                assert!(part.contains("Storgatan 1") && part.contains("(IMY)") && part.contains("dpo@example.com"));
                assert_eq!(part.contains("/u/token"), category.class() == Class::Optional, "{name}");
            }
            assert!(content.subject.chars().count() > 10 && !content.subject.contains('\n'), "{}", content.subject);
            assert!(content.html.contains(&format!("<html lang=\"{locale}\"")) && !content.html.contains("<img"));
            assert!(!content.html.contains(" lang=\"en\" dir=\"auto\""), "{name}");
            let long = |line: &&str| line.chars().count() > 90 && !line.contains("https://");
            assert_eq!(content.text.lines().find(long), None, "{name}");
        }
    }
}

#[test]
fn every_phase_and_status_has_its_words() {
    for phase in Phase::ALL {
        let previous = "previous_start = 2026-12-10T22:00:00Z\nprevious_end = 2026-12-11T02:00:00Z\nphase = ";
        let source = source(Category::Maintenance).replace("phase = \"announced\"", &format!("{previous}\"{phase}\""));
        for locale in ["en", "sv"] {
            let content = render(&source, locale);
            fs::write(look_folder().join(format!("maintenance-{phase}-{locale}.html")), &content.html).unwrap();
            fs::write(look_folder().join(format!("maintenance-{phase}-{locale}.txt")), &content.text).unwrap();
            assert_eq!(content.html.contains("<s class"), matches!(phase, Phase::Rescheduled | Phase::Cancelled));
        }
    }
    for status in IncidentStatus::ALL {
        let resolved = if *status == IncidentStatus::Resolved { "resolved_at = 2026-12-08T12:00:00Z\n" } else { "" };
        let source = source(Category::Disruption)
            .replace("status = \"identified\"", &format!("{resolved}status = \"{status}\""));
        for locale in ["en", "sv"] {
            assert!(!render(&source, locale).subject.is_empty());
        }
    }
}

#[test]
fn a_value_stays_what_it_is() {
    let source = "+++\ncategory = \"news\"\nsubject = \"For {{ contact.name }}\"\n[audience]\nall = true\n[fields]\n\
                  title = \"To {{ contact.name }}\"\n+++\n**{{ contact.name }}** at \
                  [your page](https://example.com/?who={{ contact.name }}) `{{ row.x }}` <mailto:{{ contact.email }}>\n";
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
    let content = skeleton(source(Category::News), "sv", "UTC").fill(&values(" ", &merged()));
    assert!(content.text.contains("\nHej,\n") && content.html.contains(">Hej,<"), "{}", content.text);
}

#[test]
fn fixed_strings_and_edition_fall_back_on_their_own() {
    let german = render(source(Category::Maintenance), "de");
    assert_eq!(german, render(source(Category::Maintenance), "en"));
    let swedish = render(without_swedish(source(Category::Maintenance)), "sv");
    assert!(
        swedish.html.contains("<html lang=\"sv\"") && swedish.text.contains("Vad du kan märka".to_uppercase().as_str())
    );
    assert!(swedish.html.contains("class=\"body\" lang=\"en\" dir=\"auto\""), "{}", swedish.html);
    assert!(swedish.subject.starts_with("Planerat underhåll av Compute och Network: 14 december 2026"));
}
