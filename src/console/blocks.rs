//! The parts that pages are made of: headings, texts, facts, tables, forms and links. A page is a list of them, so that all pages look
//! alike, read alike by a screen reader, and none forgets an empty state, a caption or a label.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;

pub use super::enter::done;
use super::fault::Fault;
use super::frame::{Frame, page_with};
use super::words::Words;

/// How something is coloured; the text says the same.
pub type Tone = &'static str;

/// It is as it should be.
pub const GOOD: Tone = "good";
/// Somebody should look at it.
pub const WARN: Tone = "warn";
/// It is not as it should be.
pub const BAD: Tone = "bad";
/// It is neither.
pub const PLAIN: Tone = "neutral";
/// It is under way.
pub const BUSY: Tone = "busy";

/// What one cell of a table, or one fact, shows.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub href: Option<String>,
    /// Its colour, if it is a state.
    pub tone: Option<Tone>,
    /// The time that it says, for programs.
    pub at: Option<String>,
    /// It is an identifier.
    pub code: bool,
    /// It is a number.
    pub number: bool,
    /// A share of a hundred, as a bar beside the text.
    pub bar: Option<u64>,
    /// What stands under it in small letters.
    pub under: Option<String>,
    /// What can be done with its row.
    pub button: Option<Button>,
}

/// A form of one button.
#[derive(Clone, Debug)]
pub struct Button {
    /// Where it posts to.
    pub action: String,
    /// Its label.
    pub label: String,
    /// What it is about, for those who hear the label alone.
    pub about: String,
}

impl Cell {
    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A text that leads somewhere.
    pub fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..Self::text(text) }
    }

    /// A state.
    pub fn badge(tone: Tone, text: impl Into<String>) -> Self {
        Self { tone: Some(tone), ..Self::text(text) }
    }

    /// An identifier.
    pub fn code(text: impl Into<String>) -> Self {
        Self { code: true, ..Self::text(text) }
    }

    /// A number.
    pub fn number(words: &Words, number: u64) -> Self {
        Self { number: true, ..Self::text(words.number(number)) }
    }

    /// A time in the zone of the reader.
    pub fn time(words: &Words, at: Timestamp) -> Self {
        Self { at: Some(words.machine(at)), ..Self::text(words.time(at)) }
    }

    /// A time, or nothing.
    pub fn maybe_time(words: &Words, at: Option<Timestamp>) -> Self {
        at.map_or_else(Self::default, |at| Self::time(words, at))
    }

    /// A text, or nothing.
    pub fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or_else(Self::default, Self::text)
    }

    /// The same with a button and nothing else.
    pub fn button(action: impl Into<String>, label: String, about: impl Into<String>) -> Self {
        let button = Button { action: action.into(), label, about: about.into() };
        Self { button: Some(button), ..Self::default() }
    }

    /// The same with something in small letters under it.
    #[must_use]
    pub fn under(mut self, under: impl Into<String>) -> Self {
        self.under = Some(under.into()).filter(|it: &String| !it.is_empty());
        self
    }
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What it is.
    pub caption: String,
    /// Its columns.
    pub head: Vec<String>,
    /// Its rows, each with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// What stands in its place if it has no rows.
    pub empty: String,
    /// The address of its next page.
    pub next: Option<String>,
    /// The label of that.
    pub more: String,
}

impl Table {
    /// A table with these columns. `name` is the beginning of its strings' keys: `-caption`, `-empty`.
    pub fn new(words: &Words, name: &str, head: &[&str]) -> Self {
        Self {
            caption: words.say(&format!("{name}-caption")),
            head: head.iter().map(|key| words.say(&format!("console-col-{key}"))).collect(),
            rows: Vec::new(),
            empty: words.say(&format!("{name}-empty")),
            next: None,
            more: words.say("console-more"),
        }
    }

    /// True if a column holds numbers, which are read from the right.
    #[must_use]
    pub fn is_number(&self, column: impl std::borrow::Borrow<usize>) -> bool {
        self.rows.first().and_then(|row| row.get(*column.borrow())).is_some_and(|cell| cell.number)
    }

    /// The same with these rows.
    #[must_use]
    pub fn with(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// The same, continued at an address after a cursor. `path` may have a query.
    #[must_use]
    pub fn next(mut self, path: &str, cursor: Option<&str>) -> Self {
        self.next = cursor.map(|cursor| {
            let joint = if path.contains('?') { '&' } else { '?' };
            format!("{path}{joint}after={}", encoded(cursor))
        });
        self
    }
}

/// One choice of a field.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What it posts.
    pub value: String,
    /// Its label.
    pub label: String,
    /// It is chosen.
    pub chosen: bool,
}

/// How a field is filled in.
#[derive(Clone, Debug)]
pub enum Input {
    /// One line; the type of the input.
    Line(&'static str),
    /// One of a list.
    Select(Vec<Choice>),
    /// Any of a list.
    Checks(Vec<Choice>),
    /// One of a few.
    Radios(Vec<Choice>),
    /// A file; which ones.
    File(&'static str),
}

/// A field of a form.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its label.
    pub label: String,
    /// How to fill it in.
    pub hint: Option<String>,
    /// What is wrong with it.
    pub problem: Option<Fault>,
    /// What it has now.
    pub value: String,
    /// How it is filled in.
    pub input: Input,
    /// It may not be left empty.
    pub required: bool,
}

impl Field {
    /// A field of one line that must be filled in. The key of its label is `console-input-NAME`.
    pub fn line(words: &Words, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            name,
            label: words.say(&format!("console-input-{name}")),
            hint: None,
            problem: None,
            value: value.into(),
            input: Input::Line("text"),
            required: true,
        }
    }

    /// The same, filled in another way.
    #[must_use]
    pub fn by(mut self, input: Input) -> Self {
        self.required &= !matches!(input, Input::Checks(_));
        self.input = input;
        self
    }

    /// The same, which may be left empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The same with words on how to fill it in.
    #[must_use]
    pub fn hint(mut self, hint: String) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same with another label.
    #[must_use]
    pub fn label(mut self, label: String) -> Self {
        self.label = label;
        self
    }

    /// The same with what is wrong with it.
    #[must_use]
    pub fn wrong(mut self, problem: Option<impl Into<Fault>>) -> Self {
        self.problem = problem.map(Into::into);
        self
    }
}

/// A form.
#[derive(Clone, Debug, Default)]
pub struct Form {
    /// Its id: no other form of the page has it.
    pub id: &'static str,
    /// It only asks, and changes nothing.
    pub asks: bool,
    /// Where it goes.
    pub action: String,
    /// Its heading.
    pub title: Option<String>,
    /// What it does, in words.
    pub text: Option<String>,
    /// Values that are not filled in.
    pub hidden: Vec<(&'static str, String)>,
    /// What is filled in.
    pub fields: Vec<Field>,
    /// The label of its button.
    pub submit: String,
    /// What it does cannot be undone.
    pub danger: bool,
    /// What is wrong with all of it.
    pub problem: Option<Fault>,
}

impl Form {
    /// A form that posts to an address.
    pub fn new(id: &'static str, action: impl Into<String>, submit: String) -> Self {
        Self { id, action: action.into(), submit, ..Self::default() }
    }

    /// A form that asks, such as a search.
    pub fn asking(id: &'static str, action: impl Into<String>, submit: String) -> Self {
        Self { asks: true, ..Self::new(id, action, submit) }
    }

    /// The same with a heading.
    #[must_use]
    pub fn titled(mut self, title: String) -> Self {
        self.title = Some(title);
        self
    }

    /// The same with words on what it does.
    #[must_use]
    pub fn saying(mut self, text: String) -> Self {
        self.text = Some(text);
        self
    }

    /// The same with these fields.
    #[must_use]
    pub fn with(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.fields.extend(fields);
        self
    }

    /// The same, which cannot be undone.
    #[must_use]
    pub fn danger(mut self) -> Self {
        self.danger = true;
        self
    }

    /// The same with what is wrong with it.
    #[must_use]
    pub fn wrong(mut self, problem: Option<impl Into<Fault>>) -> Self {
        self.problem = problem.map(Into::into);
        self
    }

    /// The same with a value that is not filled in.
    #[must_use]
    pub fn hiding(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.hidden.push((name, value.into()));
        self
    }

    /// True if it carries a file.
    #[must_use]
    pub fn has_file(&self) -> bool {
        self.fields.iter().any(|field| matches!(field.input, Input::File(_)))
    }

    /// The id of a field.
    #[must_use]
    pub fn id_of(&self, field: &Field) -> String {
        format!("{}-{}", self.id, field.name)
    }
}

/// A part of a page.
#[derive(Clone, Debug)]
pub enum Block {
    /// A heading of a section.
    Heading(String),
    /// A paragraph.
    Text(String),
    /// A paragraph in small, soft letters.
    Note(String),
    /// The answer to the question of the page.
    Answer(Tone, String, Vec<String>),
    /// Something that somebody must see.
    Warning(Tone, String),
    /// Names and what they stand for.
    Facts(Vec<(String, Cell)>),
    /// A table.
    Table(Table),
    /// A form.
    Form(Form),
    /// Links to what can be done next.
    Links(Vec<(String, String)>),
    /// Text as it is, such as a key or a note; its label.
    Verbatim(String, String),
}

/// A page, or the part of one that is sent again while it is looked at.
#[derive(Template)]
#[template(path = "console/blocks.html")]
pub struct Page {
    /// What is around it.
    pub frame: Frame,
    /// Its parts.
    pub blocks: Vec<Block>,
    /// The address from which its newest state comes, while it is looked at.
    pub live: Option<&'static str>,
}

/// The parts alone.
#[derive(Template)]
#[template(path = "console/parts_alone.html")]
struct Alone {
    blocks: Vec<Block>,
}

impl Page {
    /// A page of these parts.
    #[must_use]
    pub const fn new(frame: Frame, blocks: Vec<Block>) -> Self {
        Self { frame, blocks, live: None }
    }

    /// The parts of a form that are wrong, each with the id that it has.
    #[must_use]
    pub fn problems(&self) -> Vec<(String, Fault)> {
        let forms =
            self.blocks.iter().filter_map(|block| if let Block::Form(form) = block { Some(form) } else { None });
        forms
            .flat_map(|form| {
                let at = |it: &Field| Some((form.id_of(it), it.problem.clone()?.behind(format!("{}: ", it.label))));
                let of_fields = form.fields.iter().filter_map(at);
                form.problem.clone().map(|problem| (form.id.to_owned(), problem)).into_iter().chain(of_fields)
            })
            .collect()
    }

    /// The page as an answer: with status 422 if something in a form of it is wrong.
    #[must_use]
    pub fn answer(&self) -> Response {
        let status = if self.problems().is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        page_with(status, self)
    }
}

/// The parts of a page without what is around them.
pub fn alone(blocks: Vec<Block>) -> String {
    Alone { blocks }.render().unwrap_or_default()
}

/// A text as a part of a path or of a query.
pub fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
