//! A Markdown body as HTML for mail, and as plain text.
//!
//! The HTML is sanitised against a short list although `domain::markdown` already refuses HTML, images and unusual links: the
//! result must be safe whatever the parser makes of a body. Styles are inline, since many mail clients drop style sheets.

mod notes;
mod text;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use pulldown_cmark::{CowStr, Event, HeadingLevel, Parser, Tag, TagEnd, html};

use crate::domain::markdown::options;

pub use text::to_text;

/// The style of a cell.
const TD: &str =
    "min-width:64px;padding:8px 8px 8px 0;border-bottom:1px solid #d0d5dd;text-align:left;vertical-align:top";
/// The style of a cell in the first row.
const TH: &str = "min-width:64px;padding:8px 8px 8px 0;border-bottom:2px solid #98a2b3;text-align:left;vertical-align:top;\
                  font-weight:700";
/// The style of a list item.
const LI: &str = "margin:0 0 6px";

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
    ("li", LI),
    ("ol", "margin:0 0 16px;padding:0 0 0 24px"),
    ("p", "margin:0 0 16px"),
    ("pre", "margin:0 0 16px;padding:12px;background-color:#f2f4f7;white-space:pre-wrap;overflow-wrap:anywhere"),
    ("strong", ""),
    ("table", "margin:0 0 16px;width:100%;border-collapse:collapse"),
    ("tbody", ""),
    ("td", TD),
    ("th", TH),
    ("thead", ""),
    ("tr", ""),
    ("ul", "margin:0 0 16px;padding:0 0 0 24px"),
];

/// The alignments of a column that need a word.
const ALIGNED: [&str; 2] = ["center", "right"];

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
        .tag_attribute_values(["td", "th"].map(|cell| (cell, [("align", ALIGNED.into())].into())).into())
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
    let events = events(body, &link);
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
            Event::TaskListMarker(is_done) => Event::Text(CowStr::Borrowed(mark_of(is_done))),
            other => other,
        }),
    );
    for align in ALIGNED {
        for cell in ["td", "th"] {
            rendered = rendered
                .replace(&format!("<{cell} style=\"text-align: {align}\">"), &format!("<{cell} align=\"{align}\">"));
        }
    }
    styled(&SANITISER.clean(&rendered).to_string())
}

/// Adds what a style for each element cannot say: aligned cells, tables that may be wider than the window, and tasks, whose boxes
/// replace the bullets. Texts cannot look like these elements, as their brackets are escaped.
fn styled(html: &str) -> String {
    let mut html = html
        .replace("<table ", "<div style=\"width:0;min-width:100%;overflow-x:auto\"><table ")
        .replace("</table>", "</table></div>");
    for (cell, style) in [("td", TD), ("th", TH)] {
        for align in ALIGNED {
            let aligned = style.replace("text-align:left", &format!("text-align:{align}"));
            html = html.replace(
                &format!("<{cell} align=\"{align}\" style=\"{style}\">"),
                &format!("<{cell} align=\"{align}\" style=\"{aligned}\">"),
            );
        }
    }
    for mark in [mark_of(true), mark_of(false)] {
        for before in ["", "\n<p style=\"margin:0 0 16px\">"] {
            html = html.replace(
                &format!("<li style=\"{LI}\">{before}{mark}"),
                &format!("<li style=\"{LI};list-style:none\">{before}{mark}"),
            );
        }
    }
    html
}

/// The box of a task.
const fn mark_of(is_done: bool) -> &'static str {
    if is_done { "\u{2611} " } else { "\u{2610} " }
}

/// The events of a body in their harmless form, with its footnotes at the end; `link` is applied to the address of each link.
fn events<'a>(body: &'a str, link: &impl Fn(&str) -> String) -> Vec<Event<'a>> {
    notes::at_the_end(Parser::new_ext(body, options()).filter_map(|event| harmless(event, link)))
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

/// Returns the first words of a body's paragraphs and lists, at least `enough` bytes of them if there are as many: headings,
/// code, tables, footnotes and the addresses of links are left out.
#[must_use]
pub fn opening(body: &str, enough: usize) -> String {
    let (mut words, mut skipped) = (String::new(), 0_usize);
    for event in Parser::new_ext(body, options()) {
        match event {
            Event::Start(
                Tag::Heading { .. }
                | Tag::CodeBlock(_)
                | Tag::Table(_)
                | Tag::FootnoteDefinition(_)
                | Tag::Image { .. },
            ) => skipped += 1,
            Event::End(
                TagEnd::Heading(_) | TagEnd::CodeBlock | TagEnd::Table | TagEnd::FootnoteDefinition | TagEnd::Image,
            ) => skipped -= 1,
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
            to_text(body, same, |_| false),
            "Head\n----\n\nSee the page (https://example.com/a) or help@example.com. More.\n\n\
             1. one\n2. two\n   - nested\n\n> quoted\n\na  b\n-  --\n1  22\n\n    code  here\n"
        );
    }
}
