//! The page with the form, made from the fields of the category.

use super::begun::Begun;
use super::filled::Filled;
use super::{read, twice};
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::form::Faults;
use crate::console::frame::{Frame, Place, page_with};
use crate::console::mail;
use crate::console::signed::Signed;
use crate::console::words::Words;
use crate::console::{once, places};
use crate::domain::category::Category;
use crate::domain::fields::{Fields, Input, Takes};
use crate::mail::locale::Language;
use crate::notices::shown::Checking;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

/// A control of the form.
pub struct Control {
    name: String,
    label: String,
    hint: String,
    value: String,
    /// `line`, `text`, `list`, `time`, `date`, `choice` or `link`.
    kind: &'static str,
    /// The words of a choice: value and text.
    choices: Vec<(&'static str, String)>,
    /// It is required, or may be: nothing is said of its need.
    is_required: bool,
    /// The choice of a time that comes twice.
    twice: Option<Twice>,
}

/// Which of two times is meant that the clock shows alike.
pub struct Twice {
    name: String,
    label: String,
    /// The earlier one first: its offset, what it says, and whether it is chosen.
    choices: Vec<(String, String, bool)>,
}

impl Twice {
    /// The choice of a field, if its time comes twice in the form's zone.
    fn of(words: &Words, filled: &Filled, field: &str) -> Option<Self> {
        let zone = read::zone(filled, words);
        let local = twice::civil(filled.get(field))?;
        let offsets = twice::offsets(local, &zone)?;
        let meant = twice::written(zone.to_offset(twice::at(filled, field, local, &zone)));
        let choice = |(key, offset): (&str, jiff::tz::Offset)| {
            let offset = twice::written(offset);
            let text = words.say_with(key, &[("offset", offset.clone())]);
            let chosen = offset == meant;
            (offset, text, chosen)
        };
        let keys = ["console-write-twice-first", "console-write-twice-second"];
        let choices = keys.into_iter().zip(offsets).map(choice).collect();
        Some(Self { name: twice::choice(field), label: words.say("console-write-twice"), choices })
    }
}

/// The texts of the notice in one more language.
pub struct Edition {
    tag: String,
    is_begun: bool,
    subject: String,
    body: String,
    controls: Vec<Control>,
}

/// Whose version was stored while this one was written.
pub struct Theirs {
    /// Who stored it.
    pub by: String,
    /// Its digest in hexadecimal.
    pub digest: String,
}

/// What the form is of, and what is said about it.
#[derive(Default)]
pub struct About {
    /// The address that it is sent to.
    pub path: String,
    /// The digest of the content that it began from, in hexadecimal; empty for a new notice.
    pub digest: String,
    /// What was found when it was checked.
    pub checked: Option<Checking>,
    /// A version that was stored in between.
    pub theirs: Option<Theirs>,
    /// What may follow in its matter: words, and the address of the form for each.
    pub nexts: Vec<(String, String)>,
    /// What was typed here before, and never sent.
    pub begun: Vec<Begun>,
    /// A line that says what was done.
    pub said: Option<String>,
}

#[derive(Template)]
#[template(path = "console/write/form.html")]
struct Page {
    frame: Frame,
    faults: Faults,
    about: About,
    category: Category,
    filled: Filled,
    controls: Vec<Control>,
    editions: Vec<Edition>,
    default_language: String,
    zone: String,
    /// The address of a test mail; empty if the operator has none.
    email: String,
    may_outlive: bool,
    /// Of the time of the release.
    send_at_twice: Option<Twice>,
}

impl Edition {
    fn subject_name(&self) -> String {
        format!("e.{}.subject", self.tag)
    }

    fn body_name(&self) -> String {
        format!("e.{}.body", self.tag)
    }
}

impl Page {
    /// True for the form of the word that is chosen.
    fn is_next(&self, address: &str) -> bool {
        let chosen = ["f.phase", "f.status", "f.stage"].map(|name| self.filled.get(name));
        chosen.iter().any(|word| !word.is_empty() && address.ends_with(&format!("&word={word}")))
    }

    /// How far the notice reaches, after the number of its recipients.
    fn reached(&self, checked: &Checking) -> String {
        let words = &self.frame.words;
        let key = if checked.reach.recipients == 1 { "console-write-reached-one" } else { "console-write-reached" };
        words.say_with(key, &[("customers", words.counted("console-write-at-customers", checked.reach.customers))])
    }

    fn value(&self, name: &str) -> &str {
        self.filled.get(name)
    }

    fn is_whom(&self, whom: &str) -> bool {
        self.filled.get("audience") == whom
    }

    fn is_when(&self, when: &str) -> bool {
        let chosen = self.filled.get("when");
        chosen == when || (chosen.is_empty() && when == "now")
    }

    fn is_seen(&self, name: &str, value: &str) -> bool {
        let chosen = self.filled.get(name);
        chosen == value || (chosen.is_empty() && value.is_empty())
    }

    fn warnings(&self) -> Vec<Fault> {
        let Some(checked) = &self.about.checked else { return Vec::new() };
        places::faults(&self.frame.words, &checked.warnings).all().iter().map(|(_, fault)| fault.clone()).collect()
    }
}

/// Draws the form with what is filled in.
pub fn draw(
    app: &App,
    signed: &Signed,
    (category, mut filled): (Category, Filled),
    (about, faults): (About, Faults),
) -> Response {
    let words = &signed.words;
    if filled.get(once::FORM).is_empty() {
        filled.set(once::FORM, once::id(app));
    }
    let status = match (&about.theirs, faults.is_empty()) {
        (Some(_), _) => StatusCode::CONFLICT,
        (None, true) => StatusCode::OK,
        (None, false) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let default = &app.context.config.organisation.default_locale;
    let zone = filled.text("zone").unwrap_or(words.zone().as_str()).to_owned();
    let mut page = Page {
        frame: signed.frame(Place::Notices, words.word("console-category", category)),
        faults,
        about,
        category,
        controls: controls(words, &filled, "", &Fields::inputs(category)),
        editions: editions(words, &filled, category, default.language()),
        default_language: default.to_string(),
        zone,
        email: signed.operator.email.clone().unwrap_or_default(),
        send_at_twice: Twice::of(words, &filled, "send_at"),
        may_outlive: matches!(category, Category::SecurityBreach | Category::AgreementChange),
        filled,
    };
    // The summary has the order of the form.
    if page.faults.all().len() > 1
        && let Ok(html) = page.render()
    {
        page.faults.sort_as_in(&html);
    }
    page_with(status, &page)
}

/// The controls of some fields; `prefix` is that of their language.
fn controls(words: &Words, filled: &Filled, prefix: &str, inputs: &[Input]) -> Vec<Control> {
    let control = |input: &Input| {
        let name = format!("{prefix}f.{}", input.key);
        let (kind, choices) = match &input.takes {
            Takes::Line => ("line", Vec::new()),
            Takes::Text => ("text", Vec::new()),
            Takes::List => ("list", Vec::new()),
            Takes::Time => ("time", Vec::new()),
            Takes::Date => ("date", Vec::new()),
            Takes::Link => ("link", Vec::new()),
            Takes::Choice(known) => {
                ("choice", known.iter().map(|word| (*word, words.word("console-choice", word))).collect())
            }
        };
        Control {
            label: words.word("console-field", input.key),
            hint: if kind == "list" { words.say("console-write-list-hint") } else { String::new() },
            value: filled.get(&name).to_owned(),
            is_required: (input.is_required || input.depends) && prefix.is_empty(),
            twice: (kind == "time").then(|| Twice::of(words, filled, &name)).flatten(),
            kind,
            choices,
            name,
        }
    };
    inputs.iter().map(control).collect()
}

/// The other languages: those that mails have strings in, and those that the notice has texts in.
fn editions(words: &Words, filled: &Filled, category: Category, default: &str) -> Vec<Edition> {
    let begun = filled.languages();
    let known = Language::all().iter().map(|language| language.tag().to_owned()).filter(|tag| tag != default);
    let mut tags: Vec<String> = known.chain(begun.iter().cloned()).collect();
    tags.sort();
    tags.dedup();
    let inputs: Vec<Input> = Fields::inputs(category).into_iter().filter(|input| input.is_worded).collect();
    let edition = |tag: String| {
        let prefix = format!("e.{tag}.");
        Edition {
            is_begun: begun.contains(&tag),
            subject: filled.get(&format!("{prefix}subject")).to_owned(),
            body: filled.get(&format!("{prefix}body")).to_owned(),
            controls: controls(words, filled, &prefix, &inputs),
            tag,
        }
    };
    tags.into_iter().map(edition).collect()
}
