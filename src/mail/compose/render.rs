//! Rendering: a notice becomes one [`Skeleton`] for all recipients with the same language, zone and role; each recipient's
//! mail is that skeleton, filled in.

use pulldown_cmark::HeadingLevel;
use thiserror::Error;
use uuid::Uuid;

pub use crate::mail::compose::slots::Values;

use crate::config::Config;
use crate::domain::calendar::folded;
use crate::domain::category::{Category, Role};
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::mould;
use crate::domain::notice::{Edition, Notice};
use crate::domain::placeholder::Placeholder;
use crate::mail::compose::bind::bind;
use crate::mail::compose::calendar::{Entry, Line, property};
use crate::mail::compose::course::Course;
use crate::mail::compose::dates::Dates;
use crate::mail::compose::footer::{Footer, Subscription};
use crate::mail::compose::markdown;
use crate::mail::compose::slots::{Escape, Marks, Part, Piece, Slot, greet};
use crate::mail::compose::templates::Page;
use crate::mail::compose::views::{self, Heading, Maker};
use crate::mail::locale::Language;

/// What the recipients of one skeleton have in common, as it is stored with their deliveries.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// The language they read, if it is known.
    pub locale: Option<Locale>,
    /// The zone their clocks show, if it is known.
    pub zone: Option<ZoneName>,
    /// The role in which they are addressed.
    pub role: Role,
}

/// A notice rendered for a view, with slots where recipients differ. Made rarely, filled often.
#[derive(Debug)]
pub struct Skeleton {
    language: String,
    pub(super) greeting: Greeting,
    pub(super) subscription: Subscription,
    pub(super) subject: Vec<Piece>,
    pub(super) text: Vec<Piece>,
    pub(super) html: Vec<Piece>,
    pub(super) entry: Option<Entry>,
}

/// The content of one recipient's mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// The subject, one line.
    pub subject: String,
    /// The plain text, lines ending in LF.
    pub text: String,
    /// The HTML, lines ending in LF.
    pub html: String,
}

/// The reason a notice could not be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A template failed.
    #[error("cannot render the mail template of `{category}`: {source}")]
    Template {
        /// The category.
        category: Category,
        /// The cause.
        source: askama::Error,
    },
}

impl Skeleton {
    /// Renders a notice for a view.
    ///
    /// # Errors
    /// If a template fails.
    pub fn new(config: &Config, notice: &Notice, view: &View, course: Course<'_>) -> Result<Self, RenderError> {
        let organisation = &config.organisation;
        let marks = Marks::new(notice, &Footer::texts(config));
        let (maker, edition) = maker((config, notice), view, &marks, course);
        let language = maker.language;
        let own = maker.view(&edition.fields);
        let mut page = page(config, notice, edition, view.role, &maker, &own);
        let failed = |source| RenderError::Template { category: notice.category, source };
        page.subject = match &edition.subject {
            Some(subject) => marks.text(subject),
            None => own.parts.subject(&page).map_err(failed)?,
        };
        (page.heading, page.heading_is_authored) = match (own.heading, &edition.subject) {
            (Heading::Authored(text), _) => (text, true),
            (Heading::Ours(text), _) | (Heading::UnlessAuthored(text), None) => (text, false),
            (Heading::UnlessAuthored(_), Some(_)) => (page.subject.clone(), true),
            (Heading::Subject, subject) => (page.subject.clone(), subject.is_some()),
        };
        let text = own.parts.text(&page).map_err(failed)?;
        let html = bind(&own.parts.html(&page).map_err(failed)?, &marks);
        Ok(Self {
            language: language.tag().to_owned(),
            greeting: Greeting::new(language, &marks),
            subscription: Subscription::new(organisation, language),
            subject: marks.cut(&page.subject, Part::Text),
            text: marks.cut(&text, Part::Text),
            html: marks.cut(&html, Part::Html),
            entry: Entry::new(config, notice, edition, &maker),
        })
    }

    /// Makes the calendar entry of a notice for a view, and nothing else of its mails.
    #[must_use]
    pub fn of_entry(config: &Config, notice: &Notice, view: &View, course: Course<'_>) -> Self {
        let marks = Marks::new(notice, &[]);
        let (maker, edition) = maker((config, notice), view, &marks, course);
        Self {
            language: maker.language.tag().to_owned(),
            greeting: Greeting::new(maker.language, &marks),
            subscription: Subscription::new(&config.organisation, maker.language),
            subject: Vec::new(),
            text: Vec::new(),
            html: Vec::new(),
            entry: Entry::new(config, notice, edition, &maker),
        }
    }

    /// Fills it in for a recipient.
    #[must_use]
    pub fn fill(&self, values: &Values<'_>) -> Content {
        let fill = |pieces: &[Piece]| self.filled(pieces, values);
        Content { subject: fill(&self.subject), text: fill(&self.text), html: fill(&self.html) }
    }

    /// The lines of its calendar entry for a customer, folded; none in other categories than maintenance.
    #[must_use]
    pub fn entry(&self, values: &Values<'_>, uid: Uuid) -> Vec<String> {
        let Some(entry) = &self.entry else { return Vec::new() };
        let lines = entry.lines.iter().filter_map(|line| match line {
            Line::Fixed(line) => Some(folded(line)),
            Line::Uid => Some(format!("UID:{}", uid.hyphenated())),
            Line::Attendee => None,
            Line::Property(name, pieces) => Some(property(name, &self.filled(pieces, values))),
        });
        ["BEGIN:VEVENT".to_owned()].into_iter().chain(lines).chain(["END:VEVENT".to_owned()]).collect()
    }

    fn filled(&self, pieces: &[Piece], values: &Values<'_>) -> String {
        let mut out = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Slot(Slot::Greeting, escape) => self.greeting.push(values.contact_name, *escape, &mut out),
                Piece::Slot(Slot::Calendar, escape) => self.subscription.push(values.calendar, *escape, &mut out),
                Piece::Slot(slot, escape) => escape.push(values.of(slot), &mut out),
            }
        }
        out
    }

    /// The language of the fixed strings, as a BCP 47 tag: for `Content-Language` and the HTML.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }
}

/// What makes the parts of a notice's mails for a view, and the edition that its recipients read.
fn maker<'a>(
    (config, notice): (&Config, &'a Notice),
    view: &View,
    marks: &'a Marks,
    course: Course<'a>,
) -> (Maker<'a>, &'a Edition) {
    let organisation = &config.organisation;
    let locale = view.locale.as_ref().unwrap_or(&organisation.default_locale);
    let zone = view.zone.as_ref().unwrap_or(&organisation.default_time_zone);
    let language = Language::of(locale);
    let dates = Dates::new(language, zone);
    let maker = Maker { language, dates, marks, reference: notice.reference.as_deref(), course };
    (maker, notice.edition(locale, &organisation.default_locale))
}

/// Returns the subject of a notice in the organisation's own language, with its placeholders unfilled. Success also shows
/// that the notice can be rendered.
///
/// # Errors
/// If a template fails.
pub fn subject(config: &Config, notice: &Notice) -> Result<String, RenderError> {
    let view = View { locale: None, zone: None, role: Role::Service };
    let skeleton = Skeleton::new(config, notice, &view, Course::default())?;
    let braces = |placeholder: &Placeholder| format!("{{{{ {placeholder} }}}}");
    let merged =
        notice.placeholders().iter().map(|placeholder| (placeholder.to_string(), braces(placeholder))).collect();
    let values = Values {
        contact_name: &braces(&Placeholder::ContactName),
        email: &braces(&Placeholder::ContactEmail),
        customer_name: &braces(&Placeholder::CustomerName),
        account_id: &braces(&Placeholder::AccountId),
        unsubscribe_url: "",
        calendar: "",
        merged: &merged,
    };
    Ok(skeleton.fill(&values).subject)
}

/// The two forms of a greeting; the one with a name is cut at the name.
#[derive(Debug)]
pub(super) struct Greeting {
    before: String,
    after: String,
    blank: String,
}

impl Greeting {
    fn new(language: &Language, marks: &Marks) -> Self {
        let mark = marks.placeholder(Placeholder::ContactName);
        let named = language.with("greeting", &[("name", &mark)]);
        let (before, after) = named.split_once(&mark).expect("a greeting has the name in it");
        Self { before: before.to_owned(), after: after.to_owned(), blank: language.text("greeting-blank") }
    }

    fn push(&self, name: &str, escape: Escape, out: &mut String) {
        greet([&self.before, &self.after, &self.blank], name, escape, out);
    }

    /// The greeting as a part of a mould.
    pub(super) fn as_part(&self) -> mould::Part {
        let (before, after, blank) = (self.before.clone(), self.after.clone(), self.blank.clone());
        mould::Part::Greeting { before, after, blank }
    }
}

/// What the layout shows, except subject and heading: a default subject is itself a template that is given the page.
fn page(config: &Config, notice: &Notice, edition: &Edition, role: Role, maker: &Maker<'_>, own: &views::View) -> Page {
    let (language, marks) = (maker.language, maker.marks);
    let source = marks.text(&edition.body);
    let (body_html, body_text) = body(notice.category, &source, marks);
    let rest = if own.preheader.is_empty() { markdown::opening(&source, PREHEADER) } else { own.preheader.clone() };
    let preheader = format!("{} {rest}", own.opening.text);
    Page {
        language,
        subject: String::new(),
        heading: String::new(),
        heading_is_authored: false,
        authored: authored(language, edition.locale.as_ref().unwrap_or(&config.organisation.default_locale)),
        opening: own.opening.clone(),
        preheader: beginning(&preheader),
        label: own.label.clone(),
        accent: own.accent,
        organisation: config.organisation.name.clone(),
        greeting: marks.mark(&Slot::Greeting),
        body_html,
        body_text,
        footer: Footer::new(config, notice.category, &edition.fields, role, maker),
    }
}

/// The author's body, with its marks, as HTML and as text; both empty if it is blank.
fn body(category: Category, source: &str, marks: &Marks) -> (String, String) {
    if source.trim().is_empty() {
        return (String::new(), String::new());
    }
    // The text of an agreement comes below a heading of ours.
    let top = if category == Category::AgreementChange { HeadingLevel::H3 } else { HeadingLevel::H2 };
    let text = markdown::to_text(source, |link| marks.link(link), |text| marks.is_in(text));
    (markdown::to_html(source, top, |link| marks.link(link)), text)
}

/// The `lang` and `dir` attributes of what the author wrote, if that is in another language than the fixed strings.
fn authored(language: &Language, edition: &Locale) -> String {
    if edition.language() == language.tag() { String::new() } else { format!(" lang=\"{edition}\" dir=\"auto\"") }
}

/// Bytes of the text that an inbox shows after the subject.
const PREHEADER: usize = 140;

/// The first words of a text, for the list of mails in an inbox.
fn beginning(text: &str) -> String {
    let mut beginning = String::new();
    for word in text.split_whitespace() {
        if beginning.len() + word.len() > PREHEADER {
            beginning.push('\u{2026}');
            break;
        }
        if !beginning.is_empty() {
            beginning.push(' ');
        }
        beginning.push_str(word);
    }
    beginning
}

#[cfg(test)]
mod tests;
