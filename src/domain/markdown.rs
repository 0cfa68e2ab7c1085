//! Reads a Markdown body: where its code is, what it may not contain, where its links lead, and what its words are.
//!
//! Every mail client shows HTML in its own way and blocks remote images, and a mandatory notice must not track anyone. The author
//! therefore gets an error with the line, instead of a gap in the mail. Rendering sanitises nevertheless.
//!
//! Markdown decides what is code, not the text: in code nothing is a placeholder, a section or HTML. What would take the parser
//! more than linear time is refused before it is parsed.

mod links;
mod refusals;

use std::collections::BTreeSet;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};

pub use links::{Link, host_of};

use links::Named;

/// The Markdown dialect of Besked: CommonMark with tables, strikethrough, task lists and footnotes.
#[must_use]
pub const fn options() -> Options {
    Options::ENABLE_TABLES
        .union(Options::ENABLE_STRIKETHROUGH)
        .union(Options::ENABLE_TASKLISTS)
        .union(Options::ENABLE_FOOTNOTES)
}

/// Quotes, lists and emphasis within each other.
pub const MAX_DEPTH: usize = 12;
/// Columns of a table: more are not legible in a mail.
pub const MAX_COLUMNS: usize = 12;
/// Cells of all tables in a body.
pub const MAX_CELLS: usize = 2_000;
/// Footnotes in a body.
pub const MAX_NOTES: usize = 200;

/// Quotes and lists that begin on one line, and the spaces before them: the time of the parser grows with their square.
const MAX_MARKERS: usize = 100;

/// What a body consists of.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// The stretches of code, in order.
    pub code: Vec<Range<usize>>,
    /// What it may not contain, each with its byte offset.
    pub problems: Vec<(usize, String)>,
    /// Its links, each with its byte offset.
    pub links: Vec<(usize, Link)>,
    /// The words of its lines outside of code, each with the byte offset of its first word.
    pub prose: Vec<(usize, String)>,
    /// References to footnotes that it does not have, each with its byte offset: they are shown as text.
    pub without_note: Vec<(usize, String)>,
    /// Words that look like part of a link and are none, each with its byte offset.
    pub unlinked: Vec<(usize, String)>,
}

/// Reads a body whose lines end in LF.
#[must_use]
pub fn read(body: &str) -> Reading {
    let mut reader = Reader::default();
    if let Some(offset) = too_deep(body) {
        reader.found.problems.push((offset, nested()));
        return reader.found;
    }
    let masked = masked(body);
    for (event, range) in Parser::new_ext(&masked, options()).into_offset_iter() {
        reader.event(event, range, body);
    }
    reader.line();
    reader.footnotes();
    reader.found.code.sort_by_key(|range| range.start);
    reader.found
}

fn nested() -> String {
    format!("quotes, lists and emphasis are nested more than {MAX_DEPTH} deep: write fewer levels")
}

/// Where quotes and lists are nested so deeply that the parser is not given the text.
fn too_deep(body: &str) -> Option<usize> {
    let mut start = 0;
    for line in body.split_inclusive('\n') {
        if markers(line) >= MAX_MARKERS {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// The marks of quotes and list items at the beginning of a line.
fn markers(line: &str) -> usize {
    let (mut rest, mut count) = (line, 0);
    loop {
        let text = rest.trim_start_matches([' ', '\t']);
        let is_far = rest.len() - text.len() > MAX_MARKERS;
        rest = text;
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let after = match rest.as_bytes().get(digits) {
            Some(b'>') if digits == 0 => 1,
            Some(b'-' | b'+' | b'*') if digits == 0 && rest[1..].starts_with([' ', '\t', '\n']) => 1,
            Some(b'.' | b')') if (1..10).contains(&digits) => digits + 1,
            _ => return count,
        };
        rest = &rest[after..];
        count += if is_far { MAX_MARKERS } else { 1 };
    }
}

/// A fenced code block at the top level of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// Where it is.
    pub range: Range<usize>,
    /// False if the text ends before the block does.
    pub is_closed: bool,
}

/// The fenced code blocks in a text that may begin in the first column, as the text is from its beginning on.
#[must_use]
pub fn fenced(text: &str) -> Vec<Fenced> {
    if too_deep(text).is_some() {
        return Vec::new();
    }
    let (mut depth, mut blocks) = (0_usize, Vec::new());
    for (event, range) in Parser::new_ext(text, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) if depth == 0 => {
                blocks.push(Fenced { is_closed: is_closed(&text[range.clone()]), range });
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    blocks
}

/// True if a fenced block ends with a fence that closes it.
fn is_closed(block: &str) -> bool {
    let mut lines = block.trim_end().lines();
    let (Some(first), Some(last)) = (lines.next(), lines.next_back()) else { return false };
    let (first, last) = (first.trim_start(), last.trim());
    let Some(fence) = first.chars().next() else { return false };
    let length = first.chars().take_while(|c| *c == fence).count();
    last.chars().count() >= length && last.chars().all(|c| c == fence)
}

/// Marks a placeholder. Authored text cannot contain it.
const MASK: char = '\u{E000}';

/// Returns the body with each pair of braces on one line replaced by a word of the same length, unless a backtick is in it: the
/// spaces in `{{ row.id }}` would end a link in Markdown. The result has the same code, since no mark of code is replaced.
fn masked(body: &str) -> String {
    let mut masked = String::with_capacity(body.len());
    for line in body.split_inclusive('\n') {
        let mut rest = line;
        while let Some((open, inside)) = first_braces(rest) {
            masked.push_str(&rest[..open]);
            masked.push(MASK);
            masked.extend(std::iter::repeat_n('z', inside + 4 - MASK.len_utf8()));
            rest = &rest[open + inside + 4..];
        }
        masked.push_str(rest);
    }
    masked
}

/// The offset of the first braces on a line that may be a placeholder, and the length of what is in them.
fn first_braces(line: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let open = from + line[from..].find("{{")?;
        let inside = &line[open + 2..];
        let close = inside.find("}}")?;
        match inside[..close].rfind(['`', '{']) {
            Some(stop) => from = open + 2 + stop,
            None => return Some((open, close)),
        }
    }
}

/// True for what stands in the name of a footnote.
fn is_in_label(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The cells that a row of a table is written with.
fn cells(row: &str) -> usize {
    let line = row.trim();
    let line = line.strip_prefix('|').unwrap_or(line);
    let mut bars = Vec::new();
    let mut is_escaped = false;
    for (at, byte) in line.bytes().enumerate() {
        if byte == b'|' && !is_escaped {
            bars.push(at);
        }
        is_escaped = byte == b'\\' && !is_escaped;
    }
    let is_closed = bars.last().is_some_and(|last| last + 1 == line.len());
    bars.len() + usize::from(!is_closed)
}

/// True for what may be within itself.
const fn nests(tag: &TagEnd) -> bool {
    use TagEnd::{BlockQuote, Emphasis, FootnoteDefinition, List, Strikethrough, Strong};
    matches!(tag, BlockQuote(_) | List(_) | Emphasis | Strong | Strikethrough | FootnoteDefinition)
}

/// Collects what the events of a body say.
#[derive(Default)]
struct Reader {
    found: Reading,
    depth: usize,
    is_too_deep: bool,
    /// Within code blocks and images.
    silent: usize,
    cells: usize,
    /// The columns of the present table.
    columns: usize,
    /// The words of the present line.
    words: Option<(usize, String)>,
    /// The open link: its offset, type, address and words.
    link: Option<(usize, LinkType, String, String)>,
    /// The footnotes, each with its offset and its name in small letters.
    defined: Vec<(usize, String)>,
    /// The open footnotes.
    open: Vec<String>,
    /// References to footnotes: from one, or from the text, to another.
    referred: BTreeSet<(Option<String>, String)>,
}

impl Reader {
    fn event(&mut self, event: Event<'_>, range: Range<usize>, body: &str) {
        match event {
            Event::Start(tag) => self.start(tag, range, body),
            Event::End(tag) => self.end(&tag, &body[range.clone()], range.start),
            Event::Html(_) => {}
            Event::InlineHtml(_) => self.problem(range.start, refusals::html(&body[range])),
            Event::Code(code) => {
                self.say(range.start, &code, true);
                self.found.code.push(range);
            }
            Event::Text(text) => {
                self.without_note(range.clone(), body);
                if self.silent == 0 && self.link.is_none() {
                    self.unlinked(range.start, &text, body);
                }
                self.say(range.start, &text, false);
            }
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::FootnoteReference(label) => {
                self.referred.insert((self.open.last().cloned(), label.to_lowercase()));
            }
            _ => {}
        }
    }

    fn problem(&mut self, offset: usize, problem: String) {
        self.found.problems.push((offset, problem));
    }

    /// Takes words; those in code belong to the words of a link, and are no prose.
    fn say(&mut self, offset: usize, text: &str, is_code: bool) {
        if self.silent > 0 {
            return;
        }
        if let Some((.., words)) = &mut self.link {
            words.push_str(text);
        }
        let (_, line) = self.words.get_or_insert_with(|| (offset, String::new()));
        line.push_str(if is_code { " " } else { text });
    }

    /// Finds references to footnotes that are no references for the parser, since there is no such footnote.
    fn without_note(&mut self, range: Range<usize>, body: &str) {
        if self.silent > 0 || self.link.is_some() {
            return;
        }
        for (offset, _) in body[range.clone()].match_indices('[') {
            let at = range.start + offset;
            let Some(rest) = body[at + 1..].strip_prefix('^') else { continue };
            let (label, rest) = rest.split_at(rest.find(|c| !is_in_label(c)).unwrap_or(rest.len()));
            if !label.is_empty() && rest.starts_with(']') && !body[..at].ends_with('\\') {
                self.found.without_note.push((at, label.to_owned()));
            }
        }
    }

    /// Takes words that look like part of a link and are none.
    fn unlinked(&mut self, offset: usize, text: &str, body: &str) {
        // The parser gives the brackets of what is no link as words of their own.
        let is_broken = text.starts_with('(') && body[..offset].ends_with(']');
        if is_broken {
            self.found.unlinked.push((offset, format!("]{text}")));
        } else if text.contains("://") {
            self.found.unlinked.push((offset, text.to_owned()));
        }
    }

    /// Ends a line of words.
    fn line(&mut self) {
        self.found.prose.extend(self.words.take());
        if let Some((.., words)) = &mut self.link {
            words.push(' ');
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>, body: &str) {
        if nests(&tag.to_end()) {
            self.depth += 1;
            if self.depth > MAX_DEPTH && !std::mem::replace(&mut self.is_too_deep, true) {
                self.problem(range.start, nested());
            }
        }
        match tag {
            Tag::CodeBlock(_) => {
                self.silent += 1;
                self.found.code.push(range);
            }
            Tag::HtmlBlock => self.problem(range.start, refusals::html(&body[range])),
            Tag::Image { .. } => {
                self.silent += 1;
                self.problem(range.start, refusals::IMAGE.to_owned());
            }
            Tag::Link { link_type, dest_url, .. } => {
                self.link = Some((range.start, link_type, dest_url.into_string(), String::new()));
            }
            Tag::Table(columns) if columns.len() > MAX_COLUMNS => self.problem(
                range.start,
                format!("a table may have {MAX_COLUMNS} columns, and this one has {}: split it", columns.len()),
            ),
            Tag::Table(columns) => self.columns = columns.len(),
            Tag::TableRow => {
                let cells = cells(&body[range.clone()]);
                if cells > self.columns {
                    let problem = format!(
                        "this row has {cells} cells, and the header of its table {}: the last ones would be left out; write `\\|` \
                         for a `|` within a cell, also in code",
                        self.columns
                    );
                    self.problem(range.start, problem);
                }
            }
            Tag::TableCell => {
                self.cells += 1;
                if self.cells == MAX_CELLS + 1 {
                    let problem = format!("the tables have more than {MAX_CELLS} cells: link to a page with them");
                    self.problem(range.start, problem);
                }
            }
            Tag::FootnoteDefinition(label) => self.footnote(range.start, label.to_lowercase()),
            _ => {}
        }
    }

    fn end(&mut self, tag: &TagEnd, shown: &str, offset: usize) {
        self.depth -= usize::from(nests(tag));
        match tag {
            TagEnd::CodeBlock | TagEnd::Image => self.silent -= 1,
            TagEnd::Link => self.end_link(shown, offset),
            TagEnd::FootnoteDefinition => {
                self.line();
                self.open.pop();
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {}
            _ => self.line(),
        }
    }

    fn end_link(&mut self, shown: &str, offset: usize) {
        let Some((_, link_type, address, words)) = self.link.take() else { return };
        let is_mail = link_type == LinkType::Email;
        match Link::parse(&address, is_mail) {
            Err(problem) => self.problem(offset, format!("{problem}, unlike `{}`", refusals::beginning(shown))),
            Ok(link) => {
                if let Some(Named { name, leads_to }) = link.misnamed(&words) {
                    self.problem(offset, refusals::misnamed(&name, &leads_to));
                }
                self.found.links.push((offset, link));
            }
        }
    }

    fn footnote(&mut self, offset: usize, label: String) {
        if self.defined.iter().any(|(_, known)| *known == label) {
            self.problem(offset, format!("a second footnote `[^{label}]`: give it another name"));
        } else if self.defined.len() == MAX_NOTES {
            self.problem(offset, format!("there are more than {MAX_NOTES} footnotes: link to a page"));
        }
        self.open.push(label.clone());
        if self.defined.len() <= MAX_NOTES {
            self.defined.push((offset, label));
        }
    }

    /// Reports footnotes that nothing refers to, or only others of that kind: they would be left out.
    fn footnotes(&mut self) {
        let mut shown: BTreeSet<&str> = BTreeSet::new();
        loop {
            let known = shown.len();
            let from_shown =
                self.referred.iter().filter(|(from, _)| from.as_ref().is_none_or(|it| shown.contains(it.as_str())));
            let more: Vec<&str> = from_shown.map(|(_, to)| to.as_str()).collect();
            shown.extend(more);
            if shown.len() == known {
                break;
            }
        }
        for (offset, label) in self.defined.iter().filter(|(_, label)| !shown.contains(label.as_str())) {
            let problem = format!("nothing refers to the footnote `[^{label}]`: write `[^{label}]` in the text");
            self.found.problems.push((*offset, problem));
        }
    }
}

#[cfg(test)]
mod tests;
