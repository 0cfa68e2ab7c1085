//! Moulds: the finished message of one notice, language, zone and role, cut at the places where recipients differ.
//!
//! A message is a mould with one recipient's values between its literals. The values are stored encoded, exactly as they are sent:
//! rebuilding a message is concatenation, and needs no template, library or setting. A mould is never changed, and is named by the
//! SHA-256 of its bytes. Both are deterministic CBOR (RFC 8949 section 4.2.1):
//!
//! ```text
//! mould  = [1, notice id (16 bytes), language or "", zone or "", role, [recipe, ...], [piece, ...]]
//! recipe = [form, [part, ...]]                  how a recipient's value is made; see `Form`
//! part   = text                                 the same for all
//!        / [name of a value]
//!        / [before, after, blank]               a greeting: before, name, after; blank for a blank name
//! piece  = bytes                                a literal
//!        / index of a recipe                    its value
//! values = [bytes, ...]                         one for each recipe
//! ```
//!
//! Values are stored packed: see [`Filled::pack`].

mod cbor;
mod packed;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use crate::domain::digest::sha256;

/// The reason stored bytes are not a mould, or not the values of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MouldError {
    /// They are not the CBOR that is documented.
    #[error("{0} is not the CBOR that is documented")]
    Form(&'static str),
    /// A piece names a recipe that does not exist, or there is not one value for each recipe.
    #[error("the values are not those of the mould")]
    Values,
}

/// The recipients that share a mould. Language and zone are those stored with their deliveries: which ones a delivery without them
/// is sent in, the mould decides when it is made.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// The notice.
    pub notice_id: Uuid,
    /// The language, or nothing.
    pub locale: String,
    /// The zone, or nothing.
    pub zone: String,
    /// The role.
    pub role: String,
}

/// What a value is, and how it is encoded. What a form writes must never change, or a second copy of a message would differ from
/// the first: another encoding is another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The DKIM signatures of everything else, as whole header fields.
    Signatures,
    /// The recipient, as the value of a `To` field.
    To,
    /// The time of the first attempt, as the value of a `Date` field.
    Date,
    /// The id of the delivery.
    Id,
    /// The fields that name the messages before this one: `In-Reply-To` with the last, unless there is none, and `References` with
    /// the first part, which stands for the matter, and all of them.
    Thread,
    /// The parts, as the value of a `Subject` field.
    Subject,
    /// The token of the unsubscribe link.
    Token,
    /// The token of the delivery's return path.
    ReturnToken,
    /// The signed address for replies to the delivery, as the value of a `Reply-To` field. The first part is the name that is shown,
    /// which may be empty; the second is the domain.
    ReplyTo,
    /// The parts as plain text, in quoted-printable.
    Text,
    /// The parts escaped for HTML, in quoted-printable.
    Html,
    /// The parts percent-encoded for the address of a link, in quoted-printable.
    Link,
    /// The line of a calendar that identifies the customer's entry of the matter, in quoted-printable.
    Uid,
    /// The line of a calendar that names the recipient as invited, in quoted-printable.
    Attendee,
    /// The sentence with the address of the customer's own calendar, in quoted-printable: the secret of the address between the two
    /// parts. Nothing for a customer without one.
    Calendar,
    /// A line of a calendar, in quoted-printable. The first part is the name of the property, with a colon; the others are its value,
    /// a text.
    Property,
}

const FORMS: [(Form, &str); 16] = [
    (Form::Signatures, "signatures"),
    (Form::To, "to"),
    (Form::Date, "date"),
    (Form::Id, "id"),
    (Form::Thread, "thread"),
    (Form::Subject, "subject"),
    (Form::Token, "token"),
    (Form::ReturnToken, "return-token"),
    (Form::ReplyTo, "reply-to"),
    (Form::Text, "text"),
    (Form::Html, "html"),
    (Form::Link, "link"),
    (Form::Uid, "uid"),
    (Form::Attendee, "attendee"),
    (Form::Calendar, "calendar"),
    (Form::Property, "property"),
];

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORMS.iter().find(|(form, _)| form == self).map_or("", |(_, name)| name))
    }
}

impl FromStr for Form {
    type Err = MouldError;

    fn from_str(name: &str) -> Result<Self, MouldError> {
        let found = FORMS.iter().find(|(_, known)| *known == name);
        found.map(|(form, _)| *form).ok_or(MouldError::Form("the form of a value"))
    }
}

/// A part of a value, before it is encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The same for all recipients.
    Text(String),
    /// A value of the recipient, by the name of its placeholder.
    Value(String),
    /// The greeting: the name between two texts, or another text for a blank name.
    Greeting {
        /// The text before the name.
        before: String,
        /// The text after the name.
        after: String,
        /// The text without a name.
        blank: String,
    },
}

/// How a recipient's value is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What it is, and how it is encoded.
    pub form: Form,
    /// What it is made of, if the form does not say.
    pub parts: Vec<Part>,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same for all recipients.
    Literal(Vec<u8>),
    /// The value made by a recipe.
    Value(usize),
}

/// A mould.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mould {
    /// The SHA-256 of its bytes.
    pub id: [u8; 32],
    /// Its number in the database; 0 until it is stored.
    pub number: u64,
    /// Its recipients.
    pub key: Key,
    /// How its values are made.
    pub recipes: Vec<Recipe>,
    /// The message.
    pub pieces: Vec<Piece>,
    /// The recipes in CBOR: each message's values are packed beside them.
    recipes_in_cbor: Vec<u8>,
}

impl Mould {
    /// Returns a mould and its bytes.
    #[must_use]
    pub fn new(key: Key, recipes: Vec<Recipe>, pieces: Vec<Piece>) -> (Self, Vec<u8>) {
        let mut mould = Self::unnamed(key, recipes, pieces);
        let bytes = mould.to_cbor();
        mould.id = sha256(&bytes);
        (mould, bytes)
    }

    /// A mould without its id.
    fn unnamed(key: Key, recipes: Vec<Recipe>, pieces: Vec<Piece>) -> Self {
        let recipes_in_cbor = cbor::recipes(&recipes);
        Self { id: [0; 32], number: 0, key, recipes, pieces, recipes_in_cbor }
    }

    /// Returns the message with these values.
    ///
    /// # Errors
    /// If the values are not those of this mould.
    pub fn fill(&self, values: &Values) -> Result<Vec<u8>, MouldError> {
        if values.ends.len() != self.recipes.len() {
            return Err(MouldError::Values);
        }
        let length = |piece: &Piece| match piece {
            Piece::Literal(bytes) => bytes.len(),
            Piece::Value(index) => values.range(*index).map_or(0, |range| range.len()),
        };
        let mut message = Vec::with_capacity(self.pieces.iter().map(length).sum());
        for piece in &self.pieces {
            match piece {
                Piece::Literal(bytes) => message.extend_from_slice(bytes),
                Piece::Value(index) => message.extend_from_slice(values.get(*index).ok_or(MouldError::Values)?),
            }
        }
        Ok(message)
    }
}

/// The values of one message, encoded as they are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Values {
    /// Returns an empty list for about so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(16) }
    }

    /// Appends a value, which `write` writes.
    ///
    /// # Errors
    /// The error of `write`.
    pub fn push<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        write(&mut self.bytes)?;
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// Appends an encoded value.
    pub fn append(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// Puts bytes in place of a value.
    pub fn replace(&mut self, index: usize, with: &[u8]) {
        let Some(range) = self.range(index) else { return };
        let (old, new) = (range.len(), with.len());
        self.bytes.splice(range, with.iter().copied());
        self.ends[index..].iter_mut().for_each(|end| *end = *end + new - old);
    }

    fn get(&self, index: usize) -> Option<&[u8]> {
        self.range(index).and_then(|range| self.bytes.get(range))
    }

    fn range(&self, index: usize) -> Option<Range<usize>> {
        let end = *self.ends.get(index)?;
        Some(if index == 0 { 0 } else { self.ends[index - 1] }..end)
    }
}

/// What is stored of a message: the values, and the mould that they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// The mould.
    pub mould: Arc<Mould>,
    /// Its values.
    pub values: Values,
}

#[cfg(test)]
mod tests;
