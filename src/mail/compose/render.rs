//! Rendering: a notice becomes a [`Skeleton`] for everybody with the same language, zone and role, and each recipient's
//! mail is that skeleton, filled.

use pulldown_cmark::HeadingLevel;
use thiserror::Error;

pub use crate::mail::compose::slots::Values;

use crate::config::Organisation;
use crate::domain::category::{Category, Class, Role};
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::notice::{Edition, Notice};
use crate::domain::placeholder::Placeholder;
use crate::mail::compose::body::Body;
use crate::mail::compose::dates::Dates;
use crate::mail::compose::markdown;
use crate::mail::compose::slots::{Escape, Marks, Part, Piece, Slot};
use crate::mail::compose::templates::{Footer, Page};
use crate::mail::compose::views::Maker;
use crate::mail::locale::Language;

/// What recipients of one skeleton share.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// The language they read.
    pub locale: Locale,
    /// The zone their clocks show.
    pub zone: ZoneName,
    /// As what they are addressed.
    pub role: Role,
}

/// A notice rendered for a view, with slots left where recipients differ. Made rarely, filled often.
#[derive(Debug)]
pub struct Skeleton {
    language: String,
    greeting: Greeting,
    subject: Vec<Piece>,
    text: Body,
    html: Body,
}

/// What one recipient is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Content {
    /// The subject, one line.
    pub subject: String,
    /// The plain text, lines ending in LF.
    pub text: String,
    /// The HTML, lines ending in LF.
    pub html: String,
}

/// What one recipient is sent, its bodies in quoted-printable, lines ending in CRLF.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// The subject, one line.
    pub subject: String,
    /// The plain text.
    pub text: Vec<u8>,
    /// The HTML.
    pub html: Vec<u8>,
}

/// Why a notice could not be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// A template failed.
    #[error("cannot render the mail template of `{category}`: {source}")]
    Template {
        /// The category rendered.
        category: Category,
        /// What went wrong.
        source: askama::Error,
    },
}

impl Skeleton {
    /// Renders a notice for a view.
    ///
    /// # Errors
    /// A template that fails.
    pub fn new(organisation: &Organisation, notice: &Notice, view: &View) -> Result<Self, RenderError> {
        let language = Language::of(&view.locale);
        let edition = notice.edition(&view.locale, &organisation.default_locale);
        let fixed = [
            organisation.name.as_str(),
            &organisation.address,
            &organisation.privacy_contact,
            &organisation.supervisory_authority,
        ];
        let marks = Marks::new(notice, &fixed);
        let maker = Maker {
            language,
            dates: Dates::new(language, &view.zone),
            marks: &marks,
            reference: notice.reference.as_deref(),
        };
        let own = maker.view(&edition.fields);
        let (body_html, body_text) = body(notice.category, edition, &marks);
        let mut page = Page {
            language,
            subject: String::new(),
            heading: String::new(),
            heading_is_authored: false,
            authored: authored(language, edition.locale.as_ref().unwrap_or(&organisation.default_locale)),
            preheader: beginning(if own.preheader.is_empty() { &body_text } else { &own.preheader }),
            label: own.label,
            accent: own.accent,
            organisation: organisation.name.clone(),
            greeting: marks.mark(&Slot::Greeting),
            body_html,
            body_text,
            footer: footer(organisation, notice.category, view.role, language, &marks),
        };
        let failed = |source| RenderError::Template { category: notice.category, source };
        page.subject = match &edition.subject {
            Some(subject) => marks.text(subject),
            None => own.parts.subject(&page).map_err(failed)?,
        };
        (page.heading, page.heading_is_authored) = match own.heading {
            Some(heading) => (heading.text, heading.is_authored),
            None => (page.subject.clone(), edition.subject.is_some()),
        };
        let text = own.parts.text(&page).map_err(failed)?;
        let html = own.parts.html(&page).map_err(failed)?;
        Ok(Self {
            language: language.tag().to_owned(),
            greeting: Greeting::new(language, &marks),
            subject: marks.cut(&page.subject, Part::Text),
            text: Body::new(marks.cut(&text, Part::Text)),
            html: Body::new(marks.cut(&html, Part::Html)),
        })
    }

    /// Fills it in for a recipient.
    #[must_use]
    pub fn fill(&self, values: &Values<'_>) -> Content {
        let fill = |pieces: &[Piece]| fill(pieces, &self.greeting, values);
        Content { subject: fill(&self.subject), text: self.text.plain(fill), html: self.html.plain(fill) }
    }

    /// Fills it in for a recipient, as it goes into a message.
    #[must_use]
    pub fn encode(&self, values: &Values<'_>) -> Encoded {
        let fill = |pieces: &[Piece]| fill(pieces, &self.greeting, values);
        Encoded { subject: fill(&self.subject), text: self.text.encoded(fill), html: self.html.encoded(fill) }
    }

    /// The language of the fixed strings, as a BCP 47 tag: for `Content-Language`, and what the HTML says of itself.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }
}

/// The subject of a notice in the organisation's own language, its placeholders standing for themselves. That it can be had
/// is also the proof that the notice can be rendered.
///
/// # Errors
/// A template that fails.
pub fn subject(organisation: &Organisation, notice: &Notice) -> Result<String, RenderError> {
    let (locale, zone) = (organisation.default_locale.clone(), organisation.default_time_zone.clone());
    let skeleton = Skeleton::new(organisation, notice, &View { locale, zone, role: Role::Service })?;
    let braces = |placeholder: &Placeholder| format!("{{{{ {placeholder} }}}}");
    let merged =
        notice.placeholders().iter().map(|placeholder| (placeholder.to_string(), braces(placeholder))).collect();
    let values = Values {
        contact_name: &braces(&Placeholder::ContactName),
        email: &braces(&Placeholder::ContactEmail),
        customer_name: &braces(&Placeholder::CustomerName),
        account_id: &braces(&Placeholder::AccountId),
        unsubscribe_url: "",
        merged: &merged,
    };
    Ok(skeleton.fill(&values).subject)
}

/// The two forms of a greeting. The named one is cut where the name goes.
#[derive(Debug)]
struct Greeting {
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
        let name = name.trim();
        if name.is_empty() {
            return escape.push(&self.blank, out);
        }
        for part in [&self.before, name, &self.after] {
            escape.push(part, out);
        }
    }
}

fn fill(pieces: &[Piece], greeting: &Greeting, values: &Values<'_>) -> String {
    let literal = |piece: &Piece| if let Piece::Literal(literal) = piece { literal.len() } else { 32 };
    let mut out = String::with_capacity(pieces.iter().map(literal).sum());
    for piece in pieces {
        let (slot, escape) = match piece {
            Piece::Literal(literal) => {
                out.push_str(literal);
                continue;
            }
            Piece::Slot(slot, escape) => (slot, *escape),
        };
        let value = match slot {
            Slot::Greeting => {
                greeting.push(values.contact_name, escape, &mut out);
                continue;
            }
            Slot::UnsubscribeUrl => values.unsubscribe_url,
            Slot::ContactName => values.contact_name,
            Slot::Email => values.email,
            Slot::CustomerName => values.customer_name,
            Slot::AccountId => values.account_id,
            Slot::Merged(name) => values.merged.get(name).map_or("", String::as_str),
        };
        escape.push(value, &mut out);
    }
    out
}

/// The author's body as HTML and as text, both empty where it is blank.
fn body(category: Category, edition: &Edition, marks: &Marks) -> (String, String) {
    let body = marks.text(&edition.body);
    if body.trim().is_empty() {
        return (String::new(), String::new());
    }
    // The text of an agreement stands below a heading of ours.
    let top = if category == Category::AgreementChange { HeadingLevel::H3 } else { HeadingLevel::H2 };
    (markdown::to_html(&body, top, |link| marks.link(link)), markdown::to_text(&body, |link| marks.link(link)))
}

/// The attributes that say that what the author wrote is in another language than the rest; none where it is not.
fn authored(language: &Language, edition: &Locale) -> String {
    if edition.language() == language.tag() { String::new() } else { format!(" lang=\"{edition}\" dir=\"auto\"") }
}

/// The first words of a text, for the list of mails in an inbox.
fn beginning(text: &str) -> String {
    let mut beginning = String::new();
    for word in text.split_whitespace() {
        if beginning.len() + word.len() > 140 {
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

fn footer(organisation: &Organisation, category: Category, role: Role, language: &Language, marks: &Marks) -> Footer {
    let sender = [("organisation", organisation.name.as_str()), ("address", &organisation.address)];
    let (role, customer, account) = (
        language.text(&format!("role-{role}")),
        marks.placeholder(Placeholder::CustomerName),
        marks.placeholder(Placeholder::AccountId),
    );
    let why = [("role", role.as_str()), ("customer", &customer), ("account", &account)];
    let optional = category.class() == Class::Optional;
    Footer {
        sender: language.with("footer-sender", &sender),
        why: language.with("footer-why", &why),
        basis: language.text(&format!("basis-{category}")),
        refusal: if optional {
            language.text("footer-optional")
        } else {
            language.text(&format!("refusal-{category}"))
        },
        privacy_contact: organisation.privacy_contact.clone(),
        authority: language.with("footer-authority", &[("authority", &organisation.supervisory_authority)]),
        unsubscribe: optional.then(|| marks.mark(&Slot::UnsubscribeUrl)),
    }
}

#[cfg(test)]
mod tests;
