//! The lines of a configuration: which of them cannot be read, and on which one a key is.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words;
use crate::domain::mistakes::{Quote, explain};

/// What can be read of a configuration.
pub(super) struct Readable {
    /// The text without what cannot be read.
    pub text: String,
    /// Each problem with its line, in our words.
    pub problems: Vec<(usize, String)>,
    /// The keys with a made-up value in place of one that cannot be read or is missing, such as `relay.0.url`: without it the whole
    /// table could not be read, and what else is wrong with it would not be found.
    pub made_up: BTreeSet<String>,
}

/// Reads a text as `T`. A parser stops at the first problem, so the text is read again without the part that has it, until the rest
/// can be read.
pub(super) fn readable<T: DeserializeOwned>(text: &str) -> Readable {
    let mut problems = broken(text);
    let (mut left_out, mut made_up) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = Rest::new(text);
    // What is wrong beside a syntax error is found after its correction: the keys that follow it may be in any table.
    while DeTable::parse_recoverable(text).1.is_empty() {
        let Err(error) = toml::from_str::<T>(&rest.text()) else { break };
        let problem = words::own(error.message());
        let Some(span) = error.span() else {
            problems.push((0, problem));
            break;
        };
        let (now, index) = (rest.text(), rest.index_of(span.start));
        let line = rest.lines[index].0;
        let path = of_value(&now, span.start);
        let lacking = problem.strip_prefix("lacks `").and_then(|rest| rest.strip_suffix('`'));
        if let ([list, entry, key], None) = (path.as_slice(), lacking)
            && let Some(value) = stand_in(list, entry, key)
        {
            problems.push((line, format!("`{}`: {problem}", path.join("."))));
            rest.lines[index].1 = format!("{key} = {value}");
            made_up.insert(path.join("."));
            continue;
        }
        if let (Some(key), Some((list, entry))) = (lacking, rest.entry_at(index))
            && let Some(value) = stand_in(&list, &entry, key)
        {
            rest.lines.insert(index + 1, (line, format!("{key} = {value}")));
            problems.push((line, problem.clone()));
            made_up.insert(format!("{list}.{entry}.{key}"));
            continue;
        }
        // A key that was left out because of its value is not missing.
        let is_missing = |key: &str| left_out.contains(&(table_of(text, line), key.to_owned()));
        let of_list = path.first().map(String::as_str).filter(|key| path.len() == 1 && LISTS.contains(key));
        let of_list =
            of_list.or_else(|| LISTS.into_iter().find(|key| path.is_empty() && is_header_of(text, line, key)));
        let problem = match of_list {
            Some(key) if lacking.is_none() => {
                format!("`{key}` is a list of tables: each of them begins with `[[{key}]]` in double brackets")
            }
            _ => problem.clone(),
        };
        match lacking {
            Some(key) if is_missing(key) => {}
            _ if path.is_empty() || of_list.is_some() => problems.push((line, problem)),
            _ => problems.push((line, format!("`{}`: {problem}", path.join(".")))),
        }
        if let Some(key) = path.last() {
            left_out.insert((table_of(text, line), key.clone()));
        }
        if !rest.leave_out(index) {
            break;
        }
    }
    Readable { text: rest.text(), problems, made_up }
}

/// The lines of a text that are no TOML, in our words.
fn broken(text: &str) -> Vec<(usize, String)> {
    let (_, errors) = DeTable::parse_recoverable(text);
    let mut broken = BTreeSet::new();
    let mut problems: Vec<(usize, String)> = Vec::new();
    for error in errors {
        let line = error.span().map_or(1, |span| number(text, span.start));
        if broken.insert(line) {
            let said = syntax(text.lines().nth(line - 1).unwrap_or_default(), error.message());
            // What is open on one line is open on all that follow; and below a second header every key is a second one.
            let follows = problems.last().is_some_and(|(_, last)| *last == said || last.starts_with("`["));
            let is_consequence = error.message().contains("between") || error.message().contains("duplicate");
            if !(follows && is_consequence) {
                problems.push((line, said));
            }
        }
    }
    problems
}

/// A value for a key that an entry of a list must have.
fn stand_in(list: &str, entry: &str, key: &str) -> Option<String> {
    match (list, key) {
        ("relay", "name") => Some(format!("\"relay {entry}\"")),
        ("relay", "url") => Some("\"smtp://user@made-up.invalid\"".to_owned()),
        ("dkim", "domain") => Some("\"made-up.invalid\"".to_owned()),
        ("dkim", "selector") => Some(format!("\"made-up-{entry}\"")),
        ("dkim", "key_file") => Some("\"made-up\"".to_owned()),
        _ => None,
    }
}

/// The lines of a text that are left, with their numbers.
struct Rest {
    lines: Vec<(usize, String)>,
}

impl Rest {
    fn new(text: &str) -> Self {
        Self { lines: (1..).zip(text.split('\n')).map(|(number, line)| (number, line.to_owned())).collect() }
    }

    fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The index of the line at an offset.
    fn index_of(&self, offset: usize) -> usize {
        (number(&self.text(), offset) - 1).min(self.lines.len() - 1)
    }

    /// The list that the header on a line adds an entry to, and the number of that entry.
    fn entry_at(&self, index: usize) -> Option<(String, String)> {
        let header = |line: &str| {
            let line = line.split('#').next().unwrap_or_default().trim();
            line.strip_prefix("[[")?.strip_suffix("]]").map(|name| name.trim().to_owned())
        };
        let list = header(&self.lines[index].1)?;
        let before = self.lines[..index].iter().filter(|(_, line)| header(line).as_ref() == Some(&list)).count();
        Some((list, before.to_string()))
    }

    /// Makes a line blank; with the whole table if the line is its header. Returns false if the rest would be no TOML, or the same.
    fn leave_out(&mut self, first: usize) -> bool {
        let is_header = |line: &str| line.trim_start().starts_with('[');
        let last = if is_header(&self.lines[first].1) {
            first + 1 + self.lines[first + 1..].iter().take_while(|(_, line)| !is_header(line)).count()
        } else {
            first + 1
        };
        let before = self.text();
        self.lines[first..last].iter_mut().for_each(|(_, line)| line.clear());
        let after = self.text();
        after != before && after.parse::<toml::Table>().is_ok()
    }
}

/// Keys whose values are lists of tables.
const LISTS: [&str; 2] = ["relay", "dkim"];

/// True if a line is the header of this table, as if it were no list.
fn is_header_of(text: &str, line: usize, key: &str) -> bool {
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim();
    line == format!("[{key}]") || line.starts_with(&format!("{key}."))
}

/// What is wrong with a line that is no TOML. Nothing of it is quoted but the name of a table, which is known.
fn syntax(line: &str, message: &str) -> String {
    let table = line.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match table.filter(|_| message.contains("duplicate")) {
        Some(key) if LISTS.contains(&key) => {
            format!("`[{key}]` is there twice: each table of a list begins with `[[{key}]]` in double brackets")
        }
        Some(key) => format!("`[{key}]` is there twice: all of its keys stand below one of them"),
        None => explain(line, message, Quote::Nothing),
    }
}

/// The line of the header of the table that a line is in; 0 before the first one.
fn table_of(text: &str, line: usize) -> usize {
    let is_header = |text: &str| text.trim_start().starts_with('[') && text.trim_end().ends_with(']');
    let before = text.lines().enumerate().take(line).filter(|(_, text)| is_header(text));
    before.last().map_or(0, |(index, _)| index + 1)
}

/// The path of the key whose value begins at an offset; empty if none does.
fn of_value(text: &str, offset: usize) -> Vec<String> {
    fn find(value: &Spanned<DeValue<'_>>, offset: usize, path: &mut Vec<String>) -> bool {
        let found = match value.get_ref() {
            DeValue::Table(table) => table.iter().any(|(key, value)| {
                path.push(key.get_ref().to_string());
                find(value, offset, path) || path.pop().is_none()
            }),
            DeValue::Array(items) => items.iter().enumerate().any(|(index, item)| {
                path.push(index.to_string());
                find(item, offset, path) || path.pop().is_none()
            }),
            _ => false,
        };
        // The span of a table is that of its header.
        let has_header = match value.get_ref() {
            DeValue::Table(_) => true,
            DeValue::Array(items) => items.iter().any(|item| matches!(item.get_ref(), DeValue::Table(_))),
            _ => false,
        };
        found || (!has_header && value.span().start == offset)
    }
    let (table, _) = DeTable::parse_recoverable(text);
    let mut path = Vec::new();
    for (key, value) in table.get_ref() {
        path.push(key.get_ref().to_string());
        if find(value, offset, &mut path) {
            return path;
        }
        path.clear();
    }
    path
}

fn number(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

/// The key that a problem begins with, such as "`relay.0.name` is used twice".
pub(super) fn key(problem: &str) -> Vec<String> {
    let mut parts = problem.split('`').skip(1);
    let mut path = parts.next().unwrap_or_default().replace('[', ".").replace(']', "");
    if let (Some(" "), Some(key)) = (parts.next(), parts.next()) {
        path = format!("{path}.{key}");
    }
    path.split('.').map(str::to_owned).collect()
}

/// The line of a key, or of the nearest table around it that is there; 0 if none is.
pub(super) fn of_key(text: &str, path: &[String]) -> usize {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut offset = None;
    let mut place = DeValue::Table(table.into_inner());
    for part in path {
        let next = match place {
            DeValue::Table(table) => table.into_iter().find(|(key, _)| key.get_ref() == part.as_str()),
            DeValue::Array(items) => {
                let item = part.parse().ok().and_then(|index: usize| items.into_iter().nth(index));
                place = match item {
                    Some(item) => {
                        offset = Some(item.span().start);
                        item.into_inner()
                    }
                    None => break,
                };
                continue;
            }
            _ => None,
        };
        let Some((key, value)) = next else { break };
        offset = Some(key.span().start);
        place = value.into_inner();
    }
    offset.map_or(0, |offset| number(text, offset))
}
