//! A Markdown body as plain text.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};
use textwrap::core::display_width;

use super::{events, mark_of};
use crate::mail::compose::plain;

/// Renders a body as plain text: paragraphs wrapped, links followed by their addresses. `link` is applied to the address of
/// each link. `varies` is true for a text whose width differs between recipients.
#[must_use]
pub fn to_text(body: &str, link: impl Fn(&str) -> String, varies: impl Fn(&str) -> bool) -> String {
    let mut writer = TextWriter { varies: Some(&varies), ..TextWriter::default() };
    for event in events(body, &link) {
        writer.event(event);
    }
    plain::tidy(&writer.out)
}

/// Turns Markdown events into lines.
#[derive(Default)]
struct TextWriter<'v> {
    /// True for a text whose width differs between recipients.
    varies: Option<&'v dyn Fn(&str) -> bool>,
    out: String,
    /// The paragraph, heading, cell or item being read.
    inline: String,
    /// The prefix of each open list item and quote: of its first line, and of the lines after that.
    prefixes: Vec<(String, String)>,
    /// The number of the next item of each open list; `None` for a list with bullets.
    lists: Vec<Option<u64>>,
    /// The start of the open link's words in `inline`, and its address.
    link: Option<(usize, String)>,
    /// The rows of the open table, the header first.
    rows: Vec<Vec<String>>,
    /// The alignments of its columns.
    alignments: Vec<Alignment>,
    /// Whether an empty line comes before the next block.
    gap: bool,
}

impl TextWriter<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => self.inline.push_str(&text),
            Event::Code(code) => {
                self.inline.push('`');
                self.inline.push_str(&code);
                self.inline.push('`');
            }
            Event::SoftBreak => self.inline.push(' '),
            Event::HardBreak => self.inline.push('\n'),
            Event::TaskListMarker(is_done) => self.task(mark_of(is_done)),
            Event::Rule => self.block(&"-".repeat(20)),
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::BlockQuote(_) => self.prefixes.push(("> ".to_owned(), "> ".to_owned())),
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
            }
            Tag::Item => {
                let first = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                let rest = " ".repeat(first.len());
                self.prefixes.push((first, rest));
            }
            Tag::Link { dest_url, .. } => self.link = Some((self.inline.len(), dest_url.into_string())),
            Tag::Table(alignments) => self.alignments = alignments,
            Tag::TableHead | Tag::TableRow => self.rows.push(Vec::new()),
            Tag::Strikethrough => self.inline.push_str("~~"),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => {
                self.flush();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                let text = std::mem::take(&mut self.inline);
                let underline = "-".repeat(text.chars().count().min(plain::WIDTH));
                self.gap = true;
                self.block(&format!("{text}\n{underline}"));
            }
            TagEnd::BlockQuote(_) => {
                self.prefixes.pop();
            }
            TagEnd::CodeBlock => self.code(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap |= self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                self.prefixes.pop();
            }
            TagEnd::Link => self.end_link(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inline);
                self.rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
            }
            TagEnd::Table => self.table(),
            TagEnd::Strikethrough => self.inline.push_str("~~"),
            _ => {}
        }
    }

    /// Writes the box of a task: in place of a bullet, or after a number.
    fn task(&mut self, mark: &str) {
        match self.prefixes.last_mut() {
            Some((first, _)) if first == "- " => mark.clone_into(first),
            _ => self.inline.push_str(mark),
        }
    }

    /// Writes the address after a link's words, unless the words are the address.
    fn end_link(&mut self) {
        if let Some((start, address)) = self.link.take() {
            let words = &self.inline[start..];
            let shown = address.strip_prefix("mailto:").or(address.strip_prefix("tel:")).unwrap_or(&address);
            if words == shown || words == address {
                self.inline.truncate(start);
                self.inline.push_str(shown);
            } else {
                self.inline.push_str(" (");
                self.inline.push_str(shown);
                self.inline.push(')');
            }
        }
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.inline);
        if !text.trim().is_empty() {
            self.write(&text);
        }
    }

    fn block(&mut self, text: &str) {
        self.write(text);
        self.gap = true;
    }

    fn write(&mut self, text: &str) {
        self.open_gap();
        let (first, rest) = self.prefix();
        self.out.push_str(&plain::wrap(text, &first, &rest));
    }

    fn open_gap(&mut self) {
        if std::mem::take(&mut self.gap) && !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// The prefixes of the next line and of those after it. This uses up an item's bullet.
    fn prefix(&mut self) -> (String, String) {
        let first = self.prefixes.iter().map(|prefix| prefix.0.as_str()).collect();
        let rest: String = self.prefixes.iter().map(|prefix| prefix.1.as_str()).collect();
        for prefix in &mut self.prefixes {
            prefix.0.clone_from(&prefix.1);
        }
        (first, rest)
    }

    /// Writes code unchanged and indented; its lines are never wrapped.
    fn code(&mut self) {
        self.open_gap();
        let (mut first, rest) = self.prefix();
        for line in std::mem::take(&mut self.inline).lines() {
            self.out.push_str(&format!("{first}    {line}\n"));
            first.clone_from(&rest);
        }
        self.gap = true;
    }

    /// Writes a table in columns if it fits and their widths are known, else each row as `header: cell` lines.
    fn table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let columns = rows.first().map_or(0, Vec::len);
        // What varies has no width yet: the rule below the header is then as long as the longest of the other cells.
        let widths: Vec<usize> = (0..columns)
            .map(|column| rows.iter().filter_map(move |row| row.get(column)).filter(|cell| !self.varies(cell)))
            .map(|cells| cells.map(|cell| display_width(cell)).max().unwrap_or_default())
            .collect();
        self.open_gap();
        let (mut first, rest) = self.prefix();
        let fits = widths.iter().sum::<usize>() + 2 * columns + rest.len() <= plain::WIDTH
            && rows.iter().all(|row| row.iter().enumerate().all(|(column, cell)| self.is_free(column, columns, cell)));
        for (index, row) in rows.iter().enumerate() {
            if fits {
                let cells = row.iter().zip(&widths).enumerate();
                let cells = cells.map(|(column, (cell, width))| self.padded(cell, *width, column));
                self.out.push_str(&format!("{first}{}\n", cells.collect::<String>().trim_end()));
                if index == 0 {
                    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                    self.out.push_str(&format!("{rest}{}\n", rules.join("  ")));
                }
            } else if index > 0 {
                for (header, cell) in rows[0].iter().zip(row).filter(|(_, cell)| !cell.trim().is_empty()) {
                    self.out.push_str(&plain::wrap(&format!("{header}: {cell}"), &first, &format!("{rest}  ")));
                    first.clone_from(&rest);
                }
                self.out.push('\n');
            }
            first.clone_from(&rest);
        }
        self.gap = true;
    }

    fn varies(&self, cell: &str) -> bool {
        self.varies.is_some_and(|varies| varies(cell))
    }

    /// True for a cell whose width moves no other one: it does not vary, or nothing stands behind it or is aligned with it.
    fn is_free(&self, column: usize, columns: usize, cell: &str) -> bool {
        let is_left = !matches!(self.alignments.get(column), Some(Alignment::Right | Alignment::Center));
        (column + 1 == columns && is_left) || !self.varies(cell)
    }

    /// A cell of a table in columns, with the space after it.
    fn padded(&self, cell: &str, width: usize, column: usize) -> String {
        let space = width.saturating_sub(display_width(cell));
        let before = match self.alignments.get(column) {
            Some(Alignment::Right) => space,
            Some(Alignment::Center) => space / 2,
            _ => 0,
        };
        format!("{}{cell}{}  ", " ".repeat(before), " ".repeat(space - before))
    }
}
