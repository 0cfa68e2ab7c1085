//! The parts of a mail's body: facts in a table, and authored texts. Each exists as HTML and as plain text.

use crate::mail::compose::plain;

/// A row of the table of facts.
pub struct Fact {
    /// The label.
    pub label: String,
    /// The value, in lines.
    pub lines: Vec<Line>,
}

/// A line of a fact.
pub struct Line {
    /// The words.
    pub text: String,
    /// The tone.
    pub tone: Tone,
    /// True if the author wrote it: it is then in the language of the edition.
    pub authored: bool,
}

/// The tone of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Like other text.
    Plain,
    /// Less prominent.
    Quiet,
    /// Struck through: no longer true. A line beside it must say so in words, for readers who do not see the stroke.
    Struck,
}

impl Tone {
    /// True for a quiet line.
    pub fn is_quiet(self) -> bool {
        self == Self::Quiet
    }

    /// True for a line struck through.
    pub fn is_struck(self) -> bool {
        self == Self::Struck
    }
}

impl Fact {
    /// A fact in the author's words.
    pub fn authored(label: String, text: impl Into<String>) -> Self {
        Self::authored_lines(label, vec![text.into()])
    }

    /// A fact with several lines of the author's.
    pub fn authored_lines(label: String, texts: Vec<String>) -> Self {
        let lines = texts.into_iter().map(|text| Line { text, tone: Tone::Plain, authored: true });
        Self { label, lines: lines.collect() }
    }

    /// A fact in our own words: the first line plain, the others quiet.
    pub fn ours(label: String, lines: Vec<String>) -> Self {
        let tone = |index| if index == 0 { Tone::Plain } else { Tone::Quiet };
        let lines = lines.into_iter().enumerate();
        Self { label, lines: lines.map(|(index, text)| Line { text, tone: tone(index), authored: false }).collect() }
    }

    /// A fact that is no longer true, and the note that says so.
    pub fn struck(label: String, lines: Vec<String>, note: String) -> Self {
        let mut fact = Self::ours(label, lines);
        fact.lines.iter_mut().for_each(|line| line.tone = Tone::Struck);
        fact.lines.insert(0, Line { text: note, tone: Tone::Plain, authored: false });
        fact
    }
}

/// The widest label that has its value beside it in plain text.
const LABEL_WIDTH: usize = 28;

/// Facts as plain text, values aligned.
pub fn facts_text(facts: &[Fact]) -> String {
    let widths = facts.iter().map(|fact| fact.label.chars().count()).filter(|width| *width <= LABEL_WIDTH);
    let indent = widths.max().unwrap_or(0) + 2;
    let rest = " ".repeat(indent);
    let mut out = String::new();
    for fact in facts {
        let label = format!("{}:", fact.label);
        let mut first = format!("{label:indent$}");
        if label.chars().count() >= indent {
            out.push_str(&label);
            out.push('\n');
            first.clone_from(&rest);
        }
        let is_list = fact.lines.len() > 1 && fact.lines.iter().all(|line| line.authored);
        for line in &fact.lines {
            let (bullet, space) = if is_list { ("- ", "  ") } else { ("", "") };
            out.push_str(&plain::wrap(&line.text, &format!("{first}{bullet}"), &format!("{rest}{space}")));
            first.clone_from(&rest);
        }
    }
    out
}

/// An authored text of a field: plain text in paragraphs with line breaks, not Markdown.
pub struct Prose {
    /// Each paragraph's lines.
    pub paragraphs: Vec<Vec<String>>,
}

impl Prose {
    /// Splits a text into paragraphs and lines.
    pub fn new(text: &str) -> Self {
        let paragraphs = text.split("\n\n").map(|paragraph| {
            let lines = paragraph.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(str::to_owned).collect::<Vec<_>>()
        });
        Self { paragraphs: paragraphs.filter(|paragraph| !paragraph.is_empty()).collect() }
    }

    /// Returns it as plain text.
    pub fn text(&self) -> String {
        let paragraphs = self.paragraphs.iter().map(|lines| plain::wrap(&lines.join("\n"), "", ""));
        paragraphs.collect::<Vec<_>>().join("\n")
    }
}

/// A list as plain text, each item with a bullet or its number.
pub fn list_text(items: &[String], numbered: bool) -> String {
    let items = items.iter().enumerate().map(|(index, item)| {
        let first = if numbered { format!("{}. ", index + 1) } else { "- ".to_owned() };
        plain::wrap(item, &first, &" ".repeat(first.len()))
    });
    items.collect()
}
