//! Parses a notice file: its sections, and its TOML tables value by value, so that all problems are reported at once, each with
//! its line.

mod sections;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use sections::{Section, placeholders_at, placeholders_in_code, sections};

use crate::domain::mistakes::{self, Quote};
use crate::domain::phrase::seen;
use crate::domain::placeholder::Text;
use crate::domain::problem::{Lines, Problems, has_control, is_line, nearest, shown};
use crate::domain::wrong::Wrong;

/// The longest subject, in characters. RFC 5322 allows 998 octets on a line of the header, and inboxes show some 70 characters.
pub const MAX_SUBJECT: usize = 200;

/// The problem of a subject that is too long.
#[must_use]
pub fn too_long_a_subject(length: usize) -> Wrong {
    let text =
        format!("has {length} characters, and a subject may have {MAX_SUBJECT}: inboxes show the first 70 or so");
    Wrong::known("long-subject", text).with("length", length).with("most", MAX_SUBJECT)
}

/// An audience file, as a notice names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceFile {
    /// The line that names it.
    pub line: usize,
    /// Its path, relative to the notice file.
    pub path: String,
    /// The sheet of a workbook; else the first one that is not hidden.
    pub sheet: Option<String>,
}

/// The audience file that the text of a notice names, even if the notice is not valid.
#[must_use]
pub fn audience_file(source: &str) -> Option<AudienceFile> {
    let sections = sections(source).ok()?;
    let section = sections.first()?;
    let document = Document::new(section.toml, section.line + 1);
    let table = document.parse();
    let audience = Reader::top(&document, &table).table("audience")?;
    Some(AudienceFile { line: audience.line("file"), path: audience.word("file")?, sheet: audience.word("sheet") })
}

/// True if the text of a notice says that its audience stays open, even if the notice is not valid.
#[must_use]
pub fn is_open(source: &str) -> bool {
    let Ok(sections) = sections(source) else { return false };
    let Some(section) = sections.first() else { return false };
    let document = Document::new(section.toml, section.line + 1);
    let table = document.parse();
    let audience = Reader::top(&document, &table).table("audience");
    audience.and_then(|audience| audience.flag("open")) == Some(true)
}

/// A TOML text, its place in the file, and the problems found in it so far.
pub struct Document<'a> {
    toml: &'a str,
    lines: Lines,
    first_line: usize,
    /// The lines that are not valid TOML. What their keys seem to lack is a consequence, and not reported again.
    broken: RefCell<BTreeSet<usize>>,
    problems: RefCell<Problems>,
}

impl<'a> Document<'a> {
    /// A document of the text `toml`, which begins on line `first_line` of its file.
    #[must_use]
    pub fn new(toml: &'a str, first_line: usize) -> Self {
        Self { toml, lines: Lines::of(toml), first_line, broken: RefCell::default(), problems: RefCell::default() }
    }

    /// Parses the TOML. The first syntax error of each line becomes a problem, and its key is left out of the table.
    pub fn parse(&self) -> DeTable<'a> {
        let (table, errors) = DeTable::parse_recoverable(self.toml);
        for error in errors {
            let line = error.span().map_or(self.first_line, |span| self.line(span.start));
            if self.broken.borrow_mut().insert(line) {
                let text = self.toml.lines().nth(line - self.first_line).unwrap_or_default();
                let problem = mistakes::explain(text, error.message(), Quote::All);
                self.problems.borrow_mut().add(line, "", format!("not valid TOML: {problem}"));
            }
        }
        table.into_inner()
    }

    /// True if a syntax error kept a key, which the text has, out of the table.
    fn swallowed(&self, key: &str) -> bool {
        let has =
            |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        !self.broken.borrow().is_empty() && self.toml.lines().any(has)
    }

    /// The problems found.
    #[must_use]
    pub fn into_problems(self) -> Problems {
        self.problems.into_inner()
    }

    fn line(&self, offset: usize) -> usize {
        self.first_line + self.lines.at(offset.min(self.toml.len()))
    }

    fn add(&self, offset: usize, field: &str, problem: impl Into<Wrong>) {
        let line = self.line(offset);
        if !self.broken.borrow().contains(&line) {
            self.problems.borrow_mut().add(line, field, problem);
        }
    }
}

/// Reads one table key by key. Each getter returns `None` for a key that is absent or wrong. It has then recorded the problem,
/// so that the caller can continue and report all problems together.
pub struct Reader<'d, 't> {
    document: &'d Document<'t>,
    table: &'d DeTable<'t>,
    name: &'static str,
    /// The offset of the table's header, which is the place of a missing key.
    offset: usize,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'d, 't> Reader<'d, 't> {
    /// A reader of the top table of a document.
    #[must_use]
    pub fn top(document: &'d Document<'t>, table: &'d DeTable<'t>) -> Self {
        Self { document, table, name: "", offset: 0, known: RefCell::default() }
    }

    /// A reader of a table in this one, if it is there.
    pub fn table(&self, key: &'static str) -> Option<Reader<'d, 't>> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table");
            return None;
        };
        let offset = self.document.toml.find(&format!("[{key}]")).unwrap_or_else(|| value.span().start);
        Some(Reader { document: self.document, table, name: key, offset, known: RefCell::default() })
    }

    /// The line of a key; that of the table if the key is not there.
    #[must_use]
    pub fn line(&self, key: &str) -> usize {
        self.document.line(self.table.get_key_value(key).map_or(self.offset, |(key, _)| key.span().start))
    }

    /// Records a problem of a key.
    pub fn problem(&self, key: &'static str, problem: impl Into<Wrong>) {
        let offset = self.table.get_key_value(key).map_or(self.offset, |(key, _)| key.span().start);
        self.document.add(offset, &self.path(key), problem);
    }

    /// Records that a key is required, unless it is there.
    pub fn require(&self, key: &'static str) {
        if !self.table.contains_key(key) && !self.document.swallowed(key) {
            self.document.add(self.offset, &self.path(key), Wrong::known("required", "is required"));
        }
    }

    /// Every text in the table and the tables in it, with its line and its path.
    #[must_use]
    pub fn strings(&self) -> Vec<(usize, String, String)> {
        let mut found = Vec::new();
        let mut waiting: Vec<(String, &Spanned<DeValue<'_>>)> =
            self.table.iter().map(|(key, value)| (self.path(key.get_ref()), value)).collect();
        while let Some((path, value)) = waiting.pop() {
            match value.get_ref() {
                DeValue::String(text) => {
                    found.push((self.document.line(value.span().start), path, text.clone().into_owned()));
                }
                DeValue::Array(items) => waiting.extend(items.iter().map(|item| (path.clone(), item))),
                DeValue::Table(table) => {
                    waiting.extend(table.iter().map(|(key, value)| (format!("{path}.{}", key.get_ref()), value)));
                }
                _ => {}
            }
        }
        found
    }

    /// The keys of the table.
    pub fn keys(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    /// True if the table has the key, whatever its value.
    #[must_use]
    pub fn is_there(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// True if the value of a key is a list.
    #[must_use]
    pub fn is_list(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|value| value.get_ref().is_array())
    }

    /// True if the value of a key is an empty list, or a table of none but such.
    #[must_use]
    pub fn is_empty(&self, key: &'static str) -> bool {
        self.get(key).is_some_and(|value| match value.get_ref() {
            DeValue::Array(items) => items.is_empty(),
            DeValue::Table(table) => table.values().all(|it| it.get_ref().as_array().is_some_and(|it| it.is_empty())),
            _ => false,
        })
    }

    /// True if the value of a key is blank text.
    #[must_use]
    pub fn is_blank(&self, key: &'static str) -> bool {
        self.get(key).and_then(|value| value.get_ref().as_str()).is_some_and(|text| text.trim().is_empty())
    }

    /// Text that may have several lines and contain placeholders; blank text is wrong.
    pub fn text(&self, key: &'static str) -> Option<Text> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "text in quotes");
            return None;
        };
        self.parse_text(key, text, value.span().start)
    }

    /// Text of one line, such as a subject.
    pub fn line_text(&self, key: &'static str) -> Option<Text> {
        let text = self.text(key)?;
        if has_control(text.as_str()) {
            self.problem(key, Wrong::known("line", "must be one line, without control characters"));
            return None;
        }
        Some(text)
    }

    /// The subject: one line that inboxes show.
    pub fn subject(&self) -> Option<Text> {
        let text = self.line_text("subject")?;
        let length = text.as_str().chars().count();
        if length > MAX_SUBJECT {
            self.problem("subject", too_long_a_subject(length));
            return None;
        }
        Some(text)
    }

    /// Plain text of one line, without placeholders.
    pub fn word(&self, key: &'static str) -> Option<String> {
        let text = self.line_text(key)?;
        if text.placeholders().next().is_some() {
            self.problem(key, Wrong::known("placeholders", "cannot contain placeholders"));
            return None;
        }
        seen(text.as_str().trim()).map_err(|error| self.problem(key, error.to_string())).ok()
    }

    /// A value of a closed list of words.
    pub fn parsed<T: FromStr<Err = String>>(&self, key: &'static str) -> Option<T> {
        let word = self.word(key)?;
        word.parse().map_err(|problem: String| self.problem(key, problem)).ok()
    }

    /// A list of texts with at least one entry.
    pub fn texts(&self, key: &'static str) -> Option<Vec<Text>> {
        let value = self.get(key)?;
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list such as [\"one\", \"two\"]");
            return None;
        };
        if items.is_empty() {
            self.problem(key, Wrong::known("empty", "must not be empty"));
            return None;
        }
        let texts: Vec<_> = items.iter().filter_map(|item| self.item(key, item)).collect();
        (texts.len() == items.len()).then_some(texts)
    }

    /// A list of plain words with at least one entry, none twice.
    pub fn words(&self, key: &'static str) -> Option<Vec<String>> {
        let words = self.texts(key)?.into_iter().map(|text| seen(text.as_str().trim()));
        let words = words.collect::<Result<Vec<_>, _>>().map_err(|error| self.problem(key, error.to_string())).ok()?;
        let Some(word) = first_repeated(&words) else { return Some(words) };
        self.problem(key, Wrong::known("twice", format!("`{word}` is listed twice")).with("word", word));
        None
    }

    /// An offset date-time.
    pub fn time(&self, key: &'static str) -> Option<Timestamp> {
        let value = self.get(key)?;
        let Some(time) = value.get_ref().as_datetime() else {
            self.wrong_type(key, value, "a time such as 2026-12-01T22:00:00+01:00, without quotes");
            return None;
        };
        if time.offset.is_none() {
            self.problem(key, "needs a time of day and a zone offset, such as 2026-12-01T22:00:00+01:00");
            return None;
        }
        time.to_string()
            .parse()
            .map_err(|_| self.problem(key, Wrong::known("no-time", "is not a time that exists")))
            .ok()
    }

    /// A date.
    pub fn date(&self, key: &'static str) -> Option<Date> {
        let value = self.get(key)?;
        let date = value.get_ref().as_datetime().filter(|date| date.time.is_none());
        let Some(date) = date else {
            self.wrong_type(key, value, "a date such as 2026-12-01, without quotes");
            return None;
        };
        date.to_string()
            .parse()
            .map_err(|_| self.problem(key, Wrong::known("no-date", "is not a date that exists")))
            .ok()
    }

    /// A date and a time of day without an offset: that of each recipient's own clock.
    pub fn local_time(&self, key: &'static str) -> Option<DateTime> {
        let value = self.get(key)?;
        let time = value.get_ref().as_datetime().filter(|time| time.date.is_some() && time.time.is_some());
        let Some(time) = time else {
            self.wrong_type(key, value, "a local time such as 2026-12-01T09:00:00, without quotes");
            return None;
        };
        if time.offset.is_some() {
            self.problem(key, "is the time of each recipient's own zone: write it without an offset, or use `send_at`");
            return None;
        }
        time.to_string()
            .parse()
            .map_err(|_| self.problem(key, Wrong::known("no-time", "is not a time that exists")))
            .ok()
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "`true` or `false`");
        }
        flag
    }

    /// A table of lists of words, as `attributes` is one. Keys are free, and an empty list is none. Both are as a customers file has them: in NFC, every
    /// character to be seen.
    pub fn lists(&self, key: &'static str) -> Option<Vec<(String, Vec<String>)>> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(key, value, "a table such as { region = [\"sto2\"] }");
            return None;
        };
        let mut lists = Vec::new();
        for (name, value) in
            table.iter().filter(|(_, value)| value.get_ref().as_array().is_none_or(|it| !it.is_empty()))
        {
            match named_list(name.get_ref(), value) {
                Ok(list) => lists.push(list),
                Err(problem) => {
                    let path = format!("{}.{}", self.path(key), shown(name.get_ref()));
                    self.document.add(name.span().start, &path, problem);
                }
            }
        }
        Some(lists)
    }

    /// Records keys that no getter has read. Call it last.
    pub fn finish(&self) {
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(name) {
                let hint = nearest(name, known.iter().copied());
                let problem = hint.map_or_else(
                    || format!("is not known here (known: {})", known.iter().copied().collect::<Vec<_>>().join(", ")),
                    |hint| format!("is not known here, did you mean `{hint}`?"),
                );
                self.document.add(key.span().start, &self.path(name), problem);
            }
        }
    }

    fn get(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'t>>> {
        self.known.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn item(&self, key: &str, item: &Spanned<DeValue<'t>>) -> Option<Text> {
        let Some(text) = item.get_ref().as_str() else {
            self.document.add(item.span().start, &self.path(key), "must be a list of texts");
            return None;
        };
        self.parse_text(key, text, item.span().start)
    }

    fn parse_text(&self, key: &str, text: &str, offset: usize) -> Option<Text> {
        if text.trim().is_empty() {
            self.document.add(offset, &self.path(key), Wrong::known("blank", "must not be blank"));
            return None;
        }
        match Text::parse(text) {
            Ok(text) => Some(text),
            Err(problems) => {
                for (within, problem) in problems {
                    // TOML strings may span lines; escapes make this at worst a few lines early.
                    let lines = text[..within].matches('\n').count();
                    let line = self.document.line(offset) + lines;
                    self.document.problems.borrow_mut().add(line, self.path(key), problem);
                }
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'t>>, wanted: &str) {
        let problem = format!("must be {wanted}, not {}", kind(value.get_ref()));
        self.document.add(value.span().start, &self.path(key), problem);
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// A list of words with its name.
fn named_list(name: &str, value: &Spanned<DeValue<'_>>) -> Result<(String, Vec<String>), String> {
    let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().filter(|text| is_line(text)).map(str::to_owned);
    let texts: Option<Vec<String>> = value.get_ref().as_array().and_then(|items| items.iter().map(text).collect());
    let texts = texts.filter(|texts| !texts.is_empty());
    let texts = texts.ok_or_else(|| "must be a list of texts with at least one entry".to_owned())?;
    let mut words = Vec::with_capacity(texts.len());
    for text in texts {
        words.push(seen(text.trim()).map_err(|error| format!("`{}` {error}", shown(&text)))?);
    }
    match first_repeated(&words) {
        Some(word) => Err(format!("`{word}` is listed twice")),
        None => Ok((seen(name).map_err(|error| error.to_string())?, words)),
    }
}

/// The first word that is in a list twice.
fn first_repeated(words: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    words.iter().find(|word| !seen.insert(*word))
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(it) if it.date.is_none() => "a time of day",
        DeValue::Datetime(it) if it.time.is_none() => "a date",
        DeValue::Datetime(_) => "a date with a time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
