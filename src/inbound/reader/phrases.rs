//! Tables of phrases per language, and the search for all of them at once.
//!
//! The tables are data, in `phrases/`: a group has a name and lists of phrases by language. A phrase is in lower case; ` * ` in
//! it stands for a few words. It begins at the beginning of a word and may go on in the word's ending (`full` in `fullt`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use serde::Deserialize;

use crate::inbound::reader::address;

/// A table, ready for searching.
pub struct Table {
    automaton: AhoCorasick,
    /// For each group its name, in the order of the file.
    groups: Vec<String>,
    rules: Vec<Rule>,
    /// For each fragment the rules that begin with it.
    first: Vec<Vec<usize>>,
}

/// A phrase: its group and its fragments.
struct Rule {
    group: usize,
    fragments: Vec<usize>,
}

/// The groups of a table that were found in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found(u64);

/// How many bytes ` * ` may stand for.
const GAP: usize = 80;

/// How much of a text is searched.
const NEAR: usize = 60_000;

#[derive(Deserialize)]
struct File {
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    #[serde(flatten)]
    languages: BTreeMap<String, Vec<String>>,
}

/// What a server's words mean.
pub static CAUSES: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("phrases/causes.toml")));

/// What a message is.
pub static SIGNS: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("phrases/signs.toml")));

/// What stands around the recipients in a report for people.
pub static LAYOUT: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("phrases/layout.toml")));

impl Table {
    /// Reads a table. Those of Besked are part of the program, and a test reads them all.
    fn new(file: &str) -> Self {
        let file: File = toml::from_str(file).expect("the tables of phrases are valid");
        let mut groups = Vec::new();
        let mut rules = Vec::new();
        let mut fragments: Vec<String> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (group, Group { name, languages }) in file.group.into_iter().enumerate() {
            groups.push(name);
            for phrase in languages.into_values().flatten() {
                let number = |fragment: &str| {
                    *known.entry(fragment.to_owned()).or_insert_with(|| {
                        fragments.push(fragment.to_owned());
                        fragments.len() - 1
                    })
                };
                rules.push(Rule { group, fragments: phrase.split(" * ").map(number).collect() });
            }
        }
        let mut first = vec![Vec::new(); fragments.len()];
        for (index, rule) in rules.iter().enumerate() {
            first[rule.fragments[0]].push(index);
        }
        let automaton = AhoCorasick::new(&fragments).expect("the tables of phrases are small");
        Self { automaton, groups, rules, first }
    }

    /// The groups whose phrases stand in a text that [`fold`] has prepared.
    #[must_use]
    pub fn search(&self, text: &str) -> Found {
        let text = near(text);
        let hits: Vec<(usize, usize, usize)> = self
            .automaton
            .find_overlapping_iter(text)
            .map(|hit| (hit.pattern().as_usize(), hit.start(), hit.end()))
            .filter(|(_, start, _)| begins_word(text, *start))
            .collect();
        let mut found = Found::default();
        for (index, (fragment, _, end)) in hits.iter().enumerate() {
            for rule in self.first[*fragment].iter().map(|rule| &self.rules[*rule]) {
                if !found.has_number(rule.group) && follow(&hits[index..], &rule.fragments[1..], *end) {
                    found.0 |= 1 << rule.group;
                }
            }
        }
        found
    }

    /// The groups that have a phrase at the very end of a text that [`fold`] has prepared.
    #[must_use]
    pub fn at_end(&self, text: &str) -> Found {
        let mut found = Found::default();
        for hit in self.automaton.find_overlapping_iter(text) {
            if hit.end() == text.len() && begins_word(text, hit.start()) {
                for rule in &self.first[hit.pattern().as_usize()] {
                    let Rule { group, fragments } = &self.rules[*rule];
                    if fragments.len() == 1 {
                        found.0 |= 1 << group;
                    }
                }
            }
        }
        found
    }

    /// True if a phrase of the group is the very beginning of a text.
    #[must_use]
    pub fn begins(&self, group: &str, text: &str) -> bool {
        let text: String = fold(text).chars().take(60).collect();
        self.automaton.find_overlapping_iter(&text).filter(|hit| hit.start() == 0).any(|hit| {
            let rules = self.first[hit.pattern().as_usize()].iter().map(|rule| &self.rules[*rule]);
            rules.into_iter().any(|rule| rule.fragments.len() == 1 && self.groups[rule.group] == group)
        })
    }

    /// True if a group was found.
    ///
    /// # Panics
    /// If the table has no such group; a test calls this with every name.
    #[must_use]
    pub fn has(&self, found: Found, group: &str) -> bool {
        let number = self.groups.iter().position(|name| name == group).expect("the group is in the table");
        found.has_number(number)
    }

    /// True if a phrase of the group stands in the text, which is folded first.
    #[must_use]
    pub fn says(&self, group: &str, text: &str) -> bool {
        self.has(self.search(&fold(text)), group)
    }

    /// The first group that was found, in the order of the file.
    #[must_use]
    pub fn first(&self, found: Found) -> Option<&str> {
        self.groups.get(found.0.trailing_zeros() as usize).map(String::as_str)
    }
}

impl Found {
    const fn has_number(self, number: usize) -> bool {
        self.0 & (1 << number) != 0
    }
}

/// True if the other fragments of a phrase follow, each near enough.
fn follow(hits: &[(usize, usize, usize)], fragments: &[usize], mut end: usize) -> bool {
    let mut hits = hits.iter().take(200);
    fragments.iter().all(|wanted| {
        let next = hits.find(|(fragment, start, _)| fragment == wanted && *start >= end && *start - end <= GAP);
        if let Some((_, _, next_end)) = next {
            end = *next_end;
        }
        next.is_some()
    })
}

/// True if no letter or digit of ASCII stands before the place, or the place itself has none.
fn begins_word(text: &str, start: usize) -> bool {
    let bytes = text.as_bytes();
    let word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    start == 0 || !word(start) || !word(start - 1)
}

fn near(text: &str) -> &str {
    let mut end = text.len().min(NEAR);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Prepares a text for searching: lower case, single blanks, plain apostrophes; without what may hold any word by chance
/// (addresses, links, host names) and without the codes that a server repeats at the beginning of each line.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len().min(NEAR));
    for word in near(text).split(|c: char| c.is_whitespace() || c == '\u{a0}') {
        let word = without_address(without_continuation(word));
        if word.trim_matches(['<', '>', '"']).is_empty() || is_name(&word) {
            continue;
        }
        if !folded.is_empty() {
            folded.push(' ');
        }
        for c in word.chars().flat_map(char::to_lowercase) {
            match c {
                '\u{2018}' | '\u{2019}' | '\u{b4}' | '`' => folded.push('\''),
                '\u{ad}' | '<' | '>' | '"' => {}
                _ => folded.push(c),
            }
        }
    }
    folded
}

/// A word without the addresses in it: `<a@x.example>...User` is `<>...User`.
fn without_address(word: &str) -> Cow<'_, str> {
    if !word.contains('@') {
        return Cow::Borrowed(word);
    }
    let mut rest = String::new();
    let mut at = 0;
    for range in address::find(word) {
        rest.push_str(&word[at..range.start]);
        at = range.end;
    }
    rest.push_str(&word[at..]);
    Cow::Owned(rest)
}

/// A word of a reply of several lines without its code: `550-5.1.1`, `550-The`.
fn without_continuation(word: &str) -> &str {
    let Some((code, rest)) = word.split_once('-') else { return word };
    let is_code = code.len() == 3 && code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
    match is_code {
        true if rest.starts_with(|c: char| c.is_ascii_digit()) => "",
        true => rest,
        false => word,
    }
}

/// True for an address, a link, or a host's name.
fn is_name(word: &str) -> bool {
    if !word.is_ascii() {
        return word.contains("://");
    }
    if word.contains('@') || word.contains("://") {
        return true;
    }
    let trimmed = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let host = trimmed.split([':', '[', '/', '(']).next().unwrap_or_default();
    let mut labels = host.rsplit('.');
    let top = labels.next().unwrap_or_default();
    let is_top = (2..=10).contains(&top.len()) && top.bytes().all(|byte| byte.is_ascii_alphabetic());
    // `filtered.Please` is the end of a sentence.
    is_top && labels.next().is_some_and(|label| !label.is_empty()) && !top.starts_with(|c: char| c.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_can_be_read_and_every_phrase_can_be_found() {
        for (name, table, file) in [
            ("causes", &CAUSES, include_str!("phrases/causes.toml")),
            ("signs", &SIGNS, include_str!("phrases/signs.toml")),
            ("layout", &LAYOUT, include_str!("phrases/layout.toml")),
        ] {
            let groups: File = toml::from_str(file).unwrap();
            assert!(groups.group.len() <= 64, "{name} has more groups than bits");
            for group in groups.group {
                for phrase in group.languages.values().flatten() {
                    let text = fold(&phrase.replace(" * ", " of that "));
                    let found = table.search(&text);
                    assert!(table.has(found, &group.name), "{name}: `{phrase}` is not found in its own text `{text}`");
                }
            }
        }
    }

    #[test]
    fn the_groups_that_the_reader_asks_for_are_there() {
        for group in ["at-mail", "at-data"] {
            assert!(!CAUSES.says(group, ""), "{group}");
        }
        let signs = [
            "daemon-sender",
            "system-sender",
            "bounce-subject",
            "bounce-body",
            "delay-sure",
            "delay",
            "final",
            "expanded",
            "relayed",
            "delivered",
            "reply-subject",
            "auto-subject",
            "auto-body",
            "challenge",
            "left-company",
            "new-address",
            "complaint-subject",
            "read-subject",
        ];
        assert!(SIGNS.groups.iter().all(|group| signs.contains(&group.as_str())), "a group that nobody asks for");
        assert_eq!(SIGNS.groups.len(), signs.len());
        for group in [
            "returned",
            "anchor",
            "recipient-label",
            "to-label",
            "sender-label",
            "sender-line",
            "alias-label",
            "subject-label",
        ] {
            assert!(!LAYOUT.says(group, ""), "{group}");
        }
    }

    #[test]
    fn phrases_begin_with_words_and_bridge_gaps() {
        let table = Table::new(
            "[[group]]\nname = \"a\"\nen = [\"spf\", \"user * unknown\"]\n[[group]]\nname = \"b\"\nen = [\"full\"]",
        );
        assert_eq!(table.first(table.search(&fold("SPF-fail"))), Some("a"));
        assert_eq!(table.first(table.search("xspf")), None);
        assert_eq!(table.first(table.search(&fold("User <a@x.example> is unknown"))), Some("a"));
        assert_eq!(table.first(table.search(&format!("user {} unknown", "x ".repeat(60)))), None);
        assert_eq!(table.first(table.search("unknown user")), None);
        assert_eq!(table.first(table.search("fullt")), Some("b"));
    }

    #[test]
    fn names_and_codes_of_lines_are_left_out() {
        let text = "550-5.1.1 Mail to <spam@x.example> from\n 550-policy.example.com[192.0.2.1] is  FULL\u{2019}s see https://x.example/spf";
        assert_eq!(fold(text), "mail to from is full's see");
        assert_eq!(fold("550 a@x.example...User unknown"), "550 ...user unknown");
        assert_eq!(fold("550-Mailbox 5.1.1 (#5.1.1) filtered.Please"), "mailbox 5.1.1 (#5.1.1) filtered.please");
    }
}
