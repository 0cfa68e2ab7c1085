//! A Markdown body as HTML for mail, and as plain text.
//!
//! The HTML is sanitised against a short list although `domain::markdown` already refuses HTML, images and unusual links: the
//! result must be safe whatever the parser makes of a body. Styles are inline, since many mail clients drop style sheets.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Parser, Tag, TagEnd, html};

use crate::domain::markdown::options;
use crate::mail::compose::plain;

/// Element and style. Anything not listed is removed.
const STYLES: &[(&str, &str)] = &[
    ("a", "color:#175cd3;text-decoration:underline;overflow-wrap:anywhere"),
    ("blockquote", "margin:0 0 16px;padding:4px 0 4px 16px;border-left:3px solid #d0d5dd"),
    ("br", ""),
    ("code", "font-family:Consolas,Menlo,monospace;font-size:14px;overflow-wrap:anywhere"),
    ("del", ""),
    ("em", ""),
    ("h2", "margin:28px 0 8px;font-size:18px;line-height:1.35;font-weight:700"),
    ("h3", "margin:24px 0 6px;font-size:16px;line-height:1.4;font-weight:700"),
    ("h4", "margin:20px 0 4px;font-size:16px;line-height:1.4;font-weight:600"),
    ("h5", "margin:20px 0 4px;font-size:16px;line-height:1.4;font-weight:600"),
    ("h6", "margin:20px 0 4px;font-size:16px;line-height:1.4;font-weight:600"),
    ("hr", "margin:24px 0;border:0;border-top:1px solid #d0d5dd"),
    ("li", "margin:0 0 6px"),
    ("ol", "margin:0 0 16px;padding:0 0 0 24px"),
    ("p", "margin:0 0 16px"),
    ("pre", "margin:0 0 16px;padding:12px;background-color:#f2f4f7;white-space:pre-wrap;overflow-wrap:anywhere"),
    ("strong", ""),
    ("table", "margin:0 0 16px;width:100%;border-collapse:collapse"),
    ("tbody", ""),
    ("td", "min-width:64px;padding:8px 8px 8px 0;border-bottom:1px solid #d0d5dd;text-align:left;vertical-align:top"),
    (
        "th",
        "min-width:64px;padding:8px 8px 8px 0;border-bottom:2px solid #98a2b3;text-align:left;vertical-align:top;\
         font-weight:700",
    ),
    ("thead", ""),
    ("tr", ""),
    ("ul", "margin:0 0 16px;padding:0 0 0 24px"),
];

static SANITISER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut builder = ammonia::Builder::empty();
    // One attribute for each element: of two, the order would differ from process to process, and so would the bytes.
    let mut set: HashMap<&str, HashMap<&str, &str>> = HashMap::new();
    for (tag, style) in STYLES.iter().filter(|(_, style)| !style.is_empty()) {
        set.entry(tag).or_default().insert("style", style);
    }
    builder
        .tags(STYLES.iter().map(|(tag, _)| *tag).collect())
        .clean_content_tags(["script", "style"].into())
        .tag_attributes([("a", HashSet::from(["href"])), ("ol", HashSet::from(["start"]))].into())
        .set_tag_attribute_values(set)
        .url_schemes(["https", "http", "mailto", "tel"].into())
        .url_relative(ammonia::UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer"));
    builder
});

/// Renders a body as HTML. Its highest heading gets `top_level`, so that it fits below the headings of the mail; `link` is
/// applied to the address of each link.
#[must_use]
pub fn to_html(body: &str, top_level: HeadingLevel, link: impl Fn(&str) -> String) -> String {
    let events: Vec<Event<'_>> = Parser::new_ext(body, options()).filter_map(|event| harmless(event, &link)).collect();
    let highest = events.iter().filter_map(|event| match event {
        Event::Start(Tag::Heading { level, .. }) => Some(*level as usize),
        _ => None,
    });
    let shift = (top_level as usize).saturating_sub(highest.min().unwrap_or(1));
    let shifted = |level: HeadingLevel| {
        HeadingLevel::try_from((level as usize + shift).clamp(2, 6)).expect("a level between 2 and 6 exists")
    };
    let mut rendered = String::new();
    html::push_html(
        &mut rendered,
        events.into_iter().map(|event| match event {
            Event::Start(Tag::Heading { level, .. }) => {
                Event::Start(Tag::Heading { level: shifted(level), id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(shifted(level))),
            other => other,
        }),
    );
    SANITISER.clean(&rendered).to_string()
}

/// The event in its harmless form: HTML as plain text, no image, no title on a link.
fn harmless<'a>(event: Event<'a>, link: impl Fn(&str) -> String) -> Option<Event<'a>> {
    Some(match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => return None,
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            let dest_url = CowStr::from(link(&dest_url));
            Event::Start(Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id })
        }
        other => other,
    })
}

/// Renders a body as plain text: paragraphs wrapped, links followed by their addresses. `link` is applied to the address of
/// each link.
#[must_use]
pub fn to_text(body: &str, link: impl Fn(&str) -> String) -> String {
    let mut writer = TextWriter::default();
    for event in Parser::new_ext(body, options()).filter_map(|event| harmless(event, &link)) {
        writer.event(event);
    }
    plain::tidy(&writer.out)
}

/// Returns the first words of a body's paragraphs and lists, at least `enough` bytes of them if there are as many: headings,
/// code, tables and the addresses of links are left out.
#[must_use]
pub fn opening(body: &str, enough: usize) -> String {
    let (mut words, mut skipped) = (String::new(), 0_usize);
    for event in Parser::new_ext(body, options()) {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::CodeBlock(_) | Tag::Table(_)) => skipped += 1,
            Event::End(TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table) => skipped -= 1,
            Event::Text(text) | Event::Code(text) if skipped == 0 => words.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::Item) => words.push(' '),
            _ => {}
        }
        if words.len() > enough {
            break;
        }
    }
    words
}

/// Turns Markdown events into lines.
#[derive(Default)]
struct TextWriter {
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
    /// Whether an empty line comes before the next block.
    gap: bool,
}

impl TextWriter {
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

    /// Writes a table in columns if it fits, else each row as `header: cell` lines.
    fn table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let columns = rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max())
            .map(Option::unwrap_or_default)
            .collect();
        self.open_gap();
        let (mut first, rest) = self.prefix();
        let fits = widths.iter().sum::<usize>() + 2 * columns + rest.len() <= plain::WIDTH;
        for (index, row) in rows.iter().enumerate() {
            if fits {
                let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
                self.out.push_str(&format!("{first}{}\n", cells.collect::<String>().trim_end()));
                if index == 0 {
                    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
                    self.out.push_str(&format!("{rest}{}\n", rules.join("  ")));
                }
            } else if index > 0 {
                for (header, cell) in rows[0].iter().zip(row) {
                    self.out.push_str(&plain::wrap(&format!("{header}: {cell}"), &first, &format!("{rest}  ")));
                    first.clone_from(&rest);
                }
                self.out.push('\n');
            }
            first.clone_from(&rest);
        }
        self.gap = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(address: &str) -> String {
        address.to_owned()
    }

    #[test]
    fn what_is_not_on_the_list_is_removed() {
        let body = "# A\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1)) [y](data:text/html,z) [z](/relative) \
                    ![alt](https://example.com/a.png) <b onclick=\"x\">b</b> [t](https://example.com \"title\")\n";
        let html = to_html(body, HeadingLevel::H2, same);
        for bad in ["<script", "href=\"javascript", "href=\"data", "href=\"/", "<img", "title=", "<b ", "<h1"] {
            assert!(!html.contains(bad), "{bad}: {html}");
        }
        assert!(html.contains("<h2 style="), "{html}");
        assert!(
            html.contains("href=\"https://example.com\"") && html.contains("rel=\"noopener noreferrer\""),
            "{html}"
        );
    }

    #[test]
    fn headings_fit_below_those_of_the_mail() {
        let html = to_html("## A\n\n### B\n", HeadingLevel::H3, same);
        assert!(html.contains("<h3 ") && html.contains("<h4 ") && !html.contains("<h2"), "{html}");
    }

    #[test]
    fn the_opening_leaves_out_headings_code_and_tables() {
        let body = "# Head\n\n| a |\n|---|\n| 1 |\n\n```\ncode\n```\n\nSee **the** [page](https://example.com)\nnow.\n\n\
                    - one\n- two\n";
        assert_eq!(opening(body, 140).split_whitespace().collect::<Vec<_>>().join(" "), "See the page now. one two");
        assert_eq!(opening(body, 5), "See the");
    }

    #[test]
    fn text_reads_well() {
        let body = "# Head\n\nSee **the** [page](https://example.com/a) or <help@example.com>.\nMore.\n\n\
                    1. one\n2. two\n   - nested\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 22 |\n\n```\ncode  here\n```\n";
        assert_eq!(
            to_text(body, same),
            "Head\n----\n\nSee the page (https://example.com/a) or help@example.com. More.\n\n\
             1. one\n2. two\n   - nested\n\n> quoted\n\na  b\n-  --\n1  22\n\n    code  here\n"
        );
    }
}
