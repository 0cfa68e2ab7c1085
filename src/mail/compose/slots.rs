//! Slots: the places in a rendered notice that differ between recipients.
//!
//! A notice is rendered with a *mark* for each such place: a word of lower-case letters and digits that passes unchanged
//! through Fluent, Markdown, link handling and the sanitiser, and that occurs in nothing else of this mail. The result is
//! cut at the marks. So a value never meets a template, Markdown or another value: it is escaped for the place it lands in
//! and put there.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::notice::Notice;
use crate::domain::placeholder::{Placeholder, Text};
use crate::domain::together::bound;

/// The values of one recipient's mail.
pub struct Values<'a> {
    /// The person's name; may be blank.
    pub contact_name: &'a str,
    /// The address the mail goes to.
    pub email: &'a str,
    /// The customer's name.
    pub customer_name: &'a str,
    /// The customer's account id.
    pub account_id: &'a str,
    /// The unsubscribe address; empty for a mandatory notice.
    pub unsubscribe_url: &'a str,
    /// The secret of the address of the customer's calendar; empty if it has none.
    pub calendar: &'a str,
    /// Values of `customer.attr.NAME` and `row.COLUMN` placeholders, by those names.
    pub merged: &'a BTreeMap<String, String>,
}

/// The kind of value in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The greeting, which has a separate form for a blank name.
    Greeting,
    /// The unsubscribe address.
    UnsubscribeUrl,
    /// The sentence with the address of the customer's calendar.
    Calendar,
    /// The person's name.
    ContactName,
    /// The address the mail goes to.
    Email,
    /// The customer's name.
    CustomerName,
    /// The customer's account id.
    AccountId,
    /// A value of the customer's attributes or row, by the name in `Values::merged`.
    Merged(String),
}

impl From<Placeholder> for Slot {
    fn from(placeholder: Placeholder) -> Self {
        match placeholder {
            Placeholder::ContactName => Self::ContactName,
            Placeholder::ContactEmail => Self::Email,
            Placeholder::CustomerName => Self::CustomerName,
            Placeholder::AccountId => Self::AccountId,
            other => Self::Merged(other.to_string()),
        }
    }
}

impl Slot {
    /// The slot of a value, by the name of its placeholder.
    pub fn named(name: &str) -> Option<Self> {
        Placeholder::parse(name).ok().map(Self::from)
    }

    /// The name of its placeholder; a greeting has the name of what it greets.
    pub fn name(&self) -> &str {
        match self {
            Self::Greeting | Self::ContactName => "contact.name",
            Self::UnsubscribeUrl | Self::Calendar => "",
            Self::Email => "contact.email",
            Self::CustomerName => "customer.name",
            Self::AccountId => "customer.account_id",
            Self::Merged(name) => name,
        }
    }
}

impl Values<'_> {
    /// The value of a slot.
    pub fn of(&self, slot: &Slot) -> &str {
        match slot {
            Slot::Greeting | Slot::ContactName => self.contact_name,
            Slot::UnsubscribeUrl => self.unsubscribe_url,
            Slot::Calendar => self.calendar,
            Slot::Email => self.email,
            Slot::CustomerName => self.customer_name,
            Slot::AccountId => self.account_id,
            Slot::Merged(name) => self.merged.get(name).map_or("", String::as_str),
        }
    }
}

/// Appends a greeting: the name between the first two texts, or the third one for a blank name.
pub fn greet([before, after, blank]: [&str; 3], name: &str, escape: Escape, out: &mut String) {
    let name = name.trim();
    if name.is_empty() {
        return escape.push(blank, out);
    }
    for part in [before, name, after] {
        escape.push(part, out);
    }
}

/// The marks of one rendering.
pub struct Marks {
    prefix: String,
    slots: Vec<Slot>,
}

/// The end of every mark, so that digits after it are not read as part of it.
const END: &str = "qz";

/// A mark in the address of a link: its value is percent-encoded.
const IN_LINK: char = 'u';
/// A mark anywhere else.
const IN_TEXT: char = 't';

impl Marks {
    /// Chooses marks that occur neither in the notice nor in `fixed`, the other texts of its mails.
    pub fn new(notice: &Notice, fixed: &[String]) -> Self {
        let mut slots = vec![
            Slot::Greeting,
            Slot::UnsubscribeUrl,
            Slot::Calendar,
            Slot::ContactName,
            Slot::CustomerName,
            Slot::AccountId,
        ];
        for slot in notice.placeholders().into_iter().map(Slot::from) {
            if !slots.contains(&slot) {
                slots.push(slot);
            }
        }
        let mut prefix = "zqslot".to_owned();
        while occurs(&prefix, notice, fixed) {
            prefix.push('x');
        }
        Self { prefix, slots }
    }

    /// The mark of a slot.
    pub fn mark(&self, slot: &Slot) -> String {
        let index = self.slots.iter().position(|known| known == slot).expect("every slot of a notice is registered");
        format!("{}{IN_TEXT}{index:03}{END}", self.prefix)
    }

    /// The mark of a placeholder.
    pub fn placeholder(&self, placeholder: Placeholder) -> String {
        self.mark(&placeholder.into())
    }

    /// The mark of the customer's account id.
    pub fn account_id(&self) -> String {
        self.mark(&Slot::AccountId)
    }

    /// Returns an authored text with marks in place of its placeholders.
    pub fn text(&self, text: &Text) -> String {
        text.fill(|placeholder| self.placeholder(placeholder))
    }

    /// Returns the address of a link, with its values to be percent-encoded.
    pub fn link(&self, address: &str) -> String {
        address.replace(&format!("{}{IN_TEXT}", self.prefix), &format!("{}{IN_LINK}", self.prefix))
    }

    /// True if a text has a mark.
    pub fn is_in(&self, text: &str) -> bool {
        text.contains(&self.prefix)
    }

    /// True if a word begins with a mark.
    pub fn begin(&self, word: &str) -> bool {
        word.starts_with(&self.prefix)
    }

    /// True if a word ends with a mark.
    pub fn end(&self, word: &str) -> bool {
        word.ends_with(END) && self.is_in(word)
    }

    /// Cuts a rendered part at its marks.
    pub fn cut(&self, rendered: &str, part: Part) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = rendered;
        while let Some((before, slot, place, after)) = self.next(rest) {
            let escape = match (place, part) {
                (IN_LINK, _) => Escape::Percent,
                (_, Part::Html) => Escape::Html,
                (_, Part::Text) => Escape::None,
            };
            pieces.push(Piece::Literal(before.to_owned()));
            pieces.push(Piece::Slot(slot, escape));
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        pieces
    }

    fn next<'a>(&self, text: &'a str) -> Option<(&'a str, Slot, char, &'a str)> {
        let (before, mark) = text.split_once(&self.prefix)?;
        let (inside, after) = mark.split_once(END)?;
        let index: usize = inside.get(1..)?.parse().ok()?;
        Some((before, self.slots.get(index)?.clone(), inside.chars().next()?, after))
    }
}

fn occurs(prefix: &str, notice: &Notice, fixed: &[String]) -> bool {
    fixed.iter().any(|text| text.contains(prefix))
        || notice.reference.iter().any(|reference| reference.contains(prefix))
        || notice.editions.iter().any(|edition| {
            edition.subject.iter().chain([&edition.body]).any(|text| text.as_str().contains(prefix))
                || edition.fields.texts().iter().any(|text| text.as_str().contains(prefix))
        })
}

/// A part of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The subject, or the plain text.
    Text,
    /// The HTML.
    Html,
}

/// A piece of a rendered part.
#[derive(Debug)]
pub enum Piece {
    /// The same for all recipients.
    Literal(String),
    /// A value.
    Slot(Slot, Escape),
}

/// What is percent-encoded in the address of a link: all but the unreserved characters of RFC 3986 and `@`, for mailto: links; it
/// cannot change a host, since the author must write hosts out.
const NOT_IN_LINKS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// How a value is escaped, by the place where it lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Not escaped: plain text.
    None,
    /// For HTML text and attributes.
    Html,
    /// For the address of a link.
    Percent,
}

impl Escape {
    /// Appends a value. Control characters become spaces everywhere: a line break in a subject would start a new header.
    pub fn push(self, value: &str, out: &mut String) {
        match self {
            Self::None => value.chars().for_each(|c| out.push(if is_control(c) { ' ' } else { c })),
            // Nor does a number part from its unit at the end of a line.
            Self::Html => bound(value).chars().for_each(|c| match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&#34;"),
                '\'' => out.push_str("&#39;"),
                c if is_control(c) => out.push(' '),
                c => out.push(c),
            }),
            Self::Percent => out.extend(utf8_percent_encode(value, NOT_IN_LINKS)),
        }
    }
}

fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_escaped_for_the_place_where_they_land() {
        let escaped = |escape: Escape| {
            let mut out = String::new();
            escape.push("<b>\"&'\r\n å@/", &mut out);
            out
        };
        assert_eq!(escaped(Escape::None), "<b>\"&'   å@/");
        assert_eq!(escaped(Escape::Html), "&lt;b&gt;&#34;&amp;&#39;   å@/");
        assert_eq!(escaped(Escape::Percent), "%3Cb%3E%22%26%27%0D%0A%20%C3%A5@%2F");
        let pushed = |escape: Escape, value: &str| {
            let mut out = String::new();
            escape.push(value, &mut out);
            out
        };
        assert_eq!(pushed(Escape::Html, "3 994.00"), "3\u{a0}994.00", "an amount stays on its line");
        assert_eq!(pushed(Escape::None, "3 994.00"), "3 994.00", "plain text is broken elsewhere");
    }
}
