//! The strings of pages: each one that a page can ask for exists in each language, so that no state or task of tomorrow is one that a page
//! cannot name.

use std::collections::BTreeSet;

use besked::domain::category::{Category, Class, Role as ContactRole};
use besked::domain::fields::{Fields, Takes};
use besked::domain::notice::Step;
use besked::mail::locale::Language;
use besked::people::subjects::Decision;

use crate::tidy::texts;

macro_rules! all {
    ($type:ty) => {
        <$type>::ALL.iter().map(|word| word.as_str().to_owned()).collect::<Vec<String>>()
    };
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The steps that have a page of their own.
fn steps() -> Vec<String> {
    Step::ALL.iter().filter(|it| **it != Step::Create && **it != Step::Edit).map(|it| it.as_str().to_owned()).collect()
}

fn choices() -> Vec<String> {
    let inputs = Category::ALL.iter().flat_map(|it| Fields::inputs(*it));
    let known = inputs.filter_map(|it| if let Takes::Choice(known) = it.takes { Some(known) } else { None });
    known.flatten().map(str::to_owned).collect()
}

/// The beginning of keys with every word that follows it: what a page says of a word of the domain.
fn families() -> Vec<(&'static str, Vec<String>)> {
    vec![
        ("console-task", all!(besked::domain::task::TaskKind)),
        ("console-task-about", all!(besked::domain::task::TaskKind)),
        ("console-task-state", all!(besked::domain::task::State)),
        ("console-promise", all!(besked::domain::promise::PromiseKind)),
        ("console-category", all!(Category)),
        ("console-category-about", all!(Category)),
        ("console-class", all!(Class)),
        ("console-stage", all!(besked::domain::reply::Stage)),
        ("console-notice-state", all!(besked::domain::notice::State)),
        ("console-notice-waits", all!(besked::domain::notice::State)),
        ("console-notice-waits", words(&["submitted-own", "overdue", "paused"])),
        ("console-delivery-state", all!(besked::domain::delivery::State)),
        ("console-delivery-unsent", all!(besked::domain::delivery::Reason)),
        ("console-level", all!(besked::domain::delivery::Level)),
        ("console-verdict", all!(besked::domain::coverage::Verdict)),
        ("console-role", all!(ContactRole)),
        ("role", all!(ContactRole)),
        ("console-kind", all!(besked::domain::report::MessageKind)),
        ("console-kind", words(&["none"])),
        ("console-channel", all!(besked::domain::attestation::Channel)),
        ("console-step", steps()),
        ("console-step-title", steps()),
        ("console-step-reason-hint", steps()),
        ("console-step-taken", steps()),
        ("console-step-done", all!(Step)),
        ("console-step-refused", all!(Step)),
        ("console-consequence", steps()),
        ("console-consequence", words(&["release-now", "release-later", "cancel-sending"])),
        (
            "console-operator",
            words(&["active", "invited", "disabled", "disable", "enable", "disable-text", "enable-text"]),
        ),
        ("console-operator-kind", all!(besked::domain::operator::OperatorKind)),
        ("console-operator-role", all!(besked::domain::operator::Role)),
        ("console-suppression", all!(besked::domain::preference::Reason)),
        (
            "console-webhook",
            words(&["active", "failing", "disabled", "disable", "enable", "disable-text", "enable-text"]),
        ),
        ("console-event", all!(besked::domain::webhook::HookEvent)),
        ("console-key", words(&["active", "expired", "revoked", "disabled"])),
        ("console-customer", words(&["active", "left"])),
        ("console-change", words(&["new", "changed", "gone", "reactivated"])),
        ("console-import-how", words(&["replace", "skip-invalid", "allow-shrink"])),
        ("console-disposition", all!(besked::domain::inbound::Disposition)),
        ("console-forward", all!(besked::domain::forward::State)),
        ("console-circuit", words(&["closed", "half-open", "open", "unknown"])),
        ("console-result", all!(besked::domain::audit::Ended)),
        ("console-decision", all!(Decision)),
        ("console-petition", all!(besked::domain::petition::PetitionKind)),
        ("console-petition-answer", all!(besked::domain::petition::Answer)),
        ("console-ledger-waiting", words(&["leave", "send"])),
        ("console-choice", choices()),
        (
            "console-field",
            Category::ALL.iter().flat_map(|it| Fields::inputs(*it)).map(|it| it.key.to_owned()).collect(),
        ),
        (
            "console-write",
            words(&["attributes", "audience", "body", "category", "customers", "follows", "include_left"]),
        ),
        (
            "console-write",
            words(&[
                "reference",
                "reminders",
                "rows",
                "send_at",
                "send_at_local",
                "spread",
                "subject",
                "every",
                "until",
            ]),
        ),
        (
            "console-nav",
            words(&["now", "notices", "ask", "customers", "people", "preferences", "suppressions", "tasks"]),
        ),
        ("console-nav", words(&["inbound", "relays", "ledger", "operators", "keys", "webhooks", "audit", "me"])),
    ]
}

/// The code of the pages without its tests.
fn pages() -> Vec<(String, String)> {
    let mut pages = texts(&["src/console", "templates/console"], &["rs", "html"]);
    for (_, text) in &mut pages {
        text.truncate(text.find("#[cfg(test)]").unwrap_or(text.len()));
    }
    pages
}

/// The texts in quotes that follow `before` in a text.
fn quoted<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// The keys that are missing in a language.
fn missing(keys: &BTreeSet<String>) -> Vec<String> {
    let in_language = |language: &'static Language| {
        keys.iter().filter(|key| !language.has(key)).map(|key| format!("{}: {key}", language.tag()))
    };
    Language::all().iter().flat_map(in_language).collect()
}

#[test]
fn each_word_of_the_domain_that_a_page_shows_has_its_string() {
    let families = families();
    let keys = families.iter().flat_map(|(name, words)| words.iter().map(move |it| format!("{name}-{it}")));
    let keys: BTreeSet<String> = keys.map(|key| key.replace(['_', '.'], "-")).collect();
    assert_eq!(missing(&keys), [""; 0]);
    // A family that a page uses is listed above.
    let known: BTreeSet<&str> = families.iter().map(|(name, _)| *name).collect();
    let mut used = 0;
    for (path, text) in pages() {
        for name in quoted(&text, ".word(") {
            assert!(known.contains(name), "{path} shows the words of `{name}`: list them in `families`");
            used += 1;
        }
    }
    assert!(used > 60, "only {used} places found");
}

#[test]
fn each_string_that_a_page_names_exists() {
    let families = families();
    let (mut keys, mut seen) = (BTreeSet::new(), 0);
    for (_, text) in pages() {
        for key in text.split('"').filter(|it| it.starts_with("console-")) {
            let is_key =
                key.len() > "console-".len() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            let is_family = families.iter().any(|(name, _)| *name == key);
            // The name of a table is the beginning of the keys of its parts.
            let is_table = Language::all()[0].has(&format!("{key}-caption"));
            match (is_key, is_table) {
                (true, true) => keys.extend([format!("{key}-caption"), format!("{key}-empty")]),
                (true, false) if !is_family => drop(keys.insert(key.to_owned())),
                _ => continue,
            }
            seen += 1;
        }
        // The columns of a table, where they stand beside its name.
        let heads = text.split("Table::new(").skip(1).filter_map(|rest| rest.split(')').next()?.split_once("&["));
        for head in heads.filter_map(|(_, rest)| rest.split(']').next()) {
            keys.extend(head.split('"').skip(1).step_by(2).map(|column| format!("console-col-{column}")));
        }
        keys.extend(quoted(&text, " col(").map(|key| format!("console-col-{key}")));
        keys.extend(quoted(&text, "Field::line(words,").map(|name| format!("console-input-{name}")));
    }
    assert!(seen > 300, "only {seen} strings found");
    let missing = missing(&keys);
    assert_eq!(missing, [""; 0]);
}

/// What is wrong with a value or refused has a string for each code that the source gives one.
#[test]
fn each_code_of_what_is_wrong_has_its_string() {
    let mut keys = BTreeSet::new();
    for (path, text) in texts(&["src"], &["rs"]) {
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( \"", "(\"");
        keys.extend(quoted(&text, "Wrong::known(").map(|code| format!("console-wrong-{code}")));
        if path == "src/console/said.rs" {
            keys.extend(quoted(&text, "Self::new(").map(|code| format!("console-refused-{code}")));
            keys.extend(
                ["audience-others", "audience-changed", "forbidden-role", "forbidden-roles"]
                    .map(|code| format!("console-refused-{code}")),
            );
        }
    }
    assert!(keys.len() > 35, "only {keys:?}");
    assert_eq!(missing(&keys), [""; 0]);
    // And none has a string that nothing says.
    let said = |key: &&str| key.starts_with("console-wrong-") || key.starts_with("console-refused-");
    let english = texts(&["templates/locale"], &["ftl"]);
    let all = english.iter().flat_map(|(_, text)| text.lines()).filter_map(|line| line.split(" =").next());
    let unused: BTreeSet<&str> = all.filter(said).filter(|key| !keys.contains(*key)).collect();
    assert_eq!(unused, BTreeSet::new());
}
