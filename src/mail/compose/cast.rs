//! Casting: a rendered notice and its headers become a mould; a mould and a recipient become a message.
//!
//! What is made here of a recipient is stored before it is sent, and what a mould does not fix is made from what is stored with the
//! delivery and from the key of the tokens. So the same delivery has the same bytes at every attempt, whatever was configured in
//! between; only signatures of a key that was replaced differ.

mod calendar;

use jiff::Timestamp;
use uuid::Uuid;

use super::calendar::{attendee, property};
use super::message::{self, Encoded, Head, MessageError, date_value, reply_to_value, subject_value, to_value};
use super::quoted;
use super::render::Skeleton;
use super::slots::{Escape, Piece as Slotted, Slot, Values as Merged};
use crate::config::{Config, Dkim};
use crate::domain::address::Address;
use crate::domain::mould::{Form, Key, Mould, MouldError, Part, Piece, Recipe, Values};
use crate::mail::dkim;

/// What all messages of a mould have in common, beside what is rendered.
#[derive(Clone, Debug)]
pub struct Common<'a> {
    /// The headers.
    pub head: Head<'a>,
    /// The domain of the Message-IDs.
    pub message_domain: &'a str,
    /// What stands for the matter in `References`: a Message-ID that no message has, without its brackets.
    pub root: &'a str,
    /// The unsubscribe address without its token.
    pub unsubscribe: &'a str,
    /// The name and the domain of the signed addresses for replies; `None` if replies go elsewhere.
    pub replies: Option<(&'a str, &'a str)>,
}

/// The recipient of a message.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The delivery.
    pub delivery_id: Uuid,
    /// When it was attempted first: the Date of every attempt.
    pub date: Timestamp,
    /// The Message-IDs of the messages before it, without brackets, the last one last.
    pub thread: &'a [String],
    /// The id of the customer's calendar entry of the matter.
    pub entry: Uuid,
    /// The address.
    pub to: &'a Address,
    /// The token of the unsubscribe link.
    pub token: &'a str,
    /// The token of the return path.
    pub return_token: &'a str,
    /// The local part of the signed address for replies.
    pub reply_local: &'a str,
    /// The values of the placeholders.
    pub merged: &'a Merged<'a>,
}

/// Marks the place of a value in an encoded part: an octet that does not occur there, before and after the number of its recipe.
const MARK: u8 = 0;

/// A mould that is being made.
#[derive(Default)]
struct Caster {
    recipes: Vec<Recipe>,
    pieces: Vec<Piece>,
}

/// Makes a mould of a rendered notice; returns it with its bytes.
///
/// # Errors
/// If lettre refuses a part; that is not expected.
pub fn cast(
    config: &Config,
    key: Key,
    skeleton: &Skeleton,
    common: &Common<'_>,
) -> Result<(Mould, Vec<u8>), MessageError> {
    let mut caster = Caster::default();
    caster.value(Form::Signatures, Vec::new());
    let text = caster.encoded(skeleton, &skeleton.text, common.unsubscribe);
    let html = caster.encoded(skeleton, &skeleton.html, common.unsubscribe);
    let subject = caster.subject(skeleton, common.head.is_test);
    let fixed = match subject.as_slice() {
        [] => Some(""),
        [Part::Text(text)] => Some(text.as_str()),
        _ => None,
    };
    let head = Head { subject: fixed, ..common.head.clone() };
    let calendar = skeleton.entry.as_ref().map(|entry| (entry.method, caster.calendar(skeleton, entry)));
    let message = message::build(config, &head, Encoded { text, html, calendar })?;
    let message = String::from_utf8(message).map_err(|_| MessageError::new("its text is not UTF-8"))?;
    let (fields, body) = message.split_once("\r\n\r\n").unwrap_or((&message, ""));
    for field in unfolded(fields) {
        match fixed {
            Some(text) if field.starts_with("Subject:") => {
                caster.literal(format!("Subject: {}\r\n", subject_value(text.to_owned())).as_bytes());
            }
            _ => caster.field(field, common, fixed.map_or(Some(&subject), |_| None)),
        }
    }
    caster.literal(b"\r\n");
    caster.cut(body.as_bytes());
    Ok(Mould::new(key, caster.recipes, caster.pieces))
}

/// The fields of a head, each with its folds and its final line break.
fn unfolded(head: &str) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in head.split("\r\n") {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => field.push_str(line),
            _ => fields.push(line.to_owned()),
        }
        if let Some(field) = fields.last_mut() {
            field.push_str("\r\n");
        }
    }
    fields
}

impl Caster {
    fn literal(&mut self, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Literal(last)) => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.pieces.push(Piece::Literal(bytes.to_vec())),
        }
    }

    fn value(&mut self, form: Form, parts: Vec<Part>) {
        let index = self.recipe(form, parts);
        self.pieces.push(Piece::Value(index));
    }

    /// The number of a recipe: equal values are stored once.
    fn recipe(&mut self, form: Form, parts: Vec<Part>) -> usize {
        let recipe = Recipe { form, parts };
        self.recipes.iter().position(|known| *known == recipe).unwrap_or_else(|| {
            self.recipes.push(recipe);
            self.recipes.len() - 1
        })
    }

    /// Takes over a header field, with values in place of nobody's.
    fn field(&mut self, field: String, common: &Common<'_>, subject: Option<&Vec<Part>>) {
        let name = field.split(':').next().unwrap_or_default();
        let (before, (form, parts), after) = match (name, subject) {
            ("To", _) => ("To: ", (Form::To, vec![]), "\r\n".to_owned()),
            ("Date", _) => ("Date: ", (Form::Date, vec![]), "\r\n".to_owned()),
            ("Subject", Some(parts)) => ("Subject: ", (Form::Subject, parts.clone()), "\r\n".to_owned()),
            ("Message-ID", _) => ("Message-ID: <", (Form::Id, vec![]), format!("@{}>\r\n", common.message_domain)),
            ("X-Besked-Delivery", _) => ("X-Besked-Delivery: ", (Form::Id, vec![]), "\r\n".to_owned()),
            ("X-Besked-Token", _) => ("X-Besked-Token: ", (Form::ReturnToken, vec![]), "\r\n".to_owned()),
            ("In-Reply-To", _) => ("", (Form::Thread, vec![Part::Text(common.root.to_owned())]), String::new()),
            ("Reply-To", _) if let Some((name, domain)) = common.replies => {
                let parts = vec![Part::Text(name.to_owned()), Part::Text(domain.to_owned())];
                ("Reply-To: ", (Form::ReplyTo, parts), "\r\n".to_owned())
            }
            ("List-Unsubscribe", _) => {
                self.literal(format!("List-Unsubscribe: <{}", common.unsubscribe).as_bytes());
                ("", (Form::Token, vec![]), ">\r\n".to_owned())
            }
            _ => return self.literal(field.as_bytes()),
        };
        self.literal(before.as_bytes());
        self.value(form, parts);
        self.literal(after.as_bytes());
    }

    /// The parts of the subject: one text if it is the same for all.
    fn subject(&self, skeleton: &Skeleton, is_test: bool) -> Vec<Part> {
        let mut parts: Vec<Part> = is_test.then(|| Part::Text("[TEST] ".to_owned())).into_iter().collect();
        for piece in &skeleton.subject {
            match (piece, parts.last_mut()) {
                (Slotted::Literal(text), _) if text.is_empty() => {}
                (Slotted::Literal(text), Some(Part::Text(last))) => last.push_str(text),
                (Slotted::Literal(text), _) => parts.push(Part::Text(text.clone())),
                (Slotted::Slot(slot, _), _) => parts.push(part_of(slot, skeleton)),
            }
        }
        parts
    }

    /// A part of the message in quoted-printable, with marks for the values.
    fn encoded(&mut self, skeleton: &Skeleton, pieces: &[Slotted], unsubscribe: &str) -> Vec<u8> {
        let (mut out, mut column, mut open) = (Vec::new(), 0, false);
        for (index, piece) in pieces.iter().enumerate() {
            let ends = index + 1 == pieces.len();
            let (slot, escape) = match piece {
                Slotted::Literal(text) => {
                    literal(text, ends, &mut open, &mut column, &mut out);
                    continue;
                }
                Slotted::Slot(slot, escape) => (slot, *escape),
            };
            let recipe = match slot {
                Slot::UnsubscribeUrl => {
                    let mut address = String::new();
                    escape.push(unsubscribe, &mut address);
                    literal(&address, false, &mut open, &mut column, &mut out);
                    self.recipe(Form::Token, Vec::new())
                }
                Slot::Calendar => {
                    let around = skeleton.subscription.around(escape);
                    self.recipe(Form::Calendar, around.iter().cloned().map(Part::Text).collect())
                }
                _ => self.recipe(form_of(escape), vec![part_of(slot, skeleton)]),
            };
            if open || column > 0 {
                out.extend_from_slice(quoted::SOFT);
            }
            out.push(MARK);
            out.extend_from_slice(recipe.to_string().as_bytes());
            out.push(MARK);
            (open, column) = (true, 0);
        }
        out
    }

    /// Takes over the parts, cut at their marks.
    fn cut(&mut self, body: &[u8]) {
        for (index, piece) in body.split(|byte| *byte == MARK).enumerate() {
            let number = || std::str::from_utf8(piece).ok().and_then(|number| number.parse().ok());
            match if index % 2 == 1 { number() } else { None } {
                Some(recipe) => self.pieces.push(Piece::Value(recipe)),
                None => self.literal(piece),
            }
        }
    }
}

/// Appends a literal; `open` after a value, whose line ends with a soft line break unless it ends anyway.
fn literal(text: &str, ends: bool, open: &mut bool, column: &mut usize, out: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    if *open && !text.starts_with('\n') {
        out.extend_from_slice(quoted::SOFT);
    }
    *open = false;
    quoted::encode(text, column, ends, out);
}

const fn form_of(escape: Escape) -> Form {
    match escape {
        Escape::None => Form::Text,
        Escape::Html => Form::Html,
        Escape::Percent => Form::Link,
    }
}

fn part_of(slot: &Slot, skeleton: &Skeleton) -> Part {
    match slot {
        Slot::Greeting => skeleton.greeting.as_part(),
        other => Part::Value(other.name().to_owned()),
    }
}

/// Makes a recipient's message; returns it with its values.
///
/// # Errors
/// If the address is not accepted, the mould names a value that this version does not know, or a key does not sign.
pub fn fill(mould: &Mould, keys: &[&Dkim], facts: &Facts<'_>) -> Result<(Vec<u8>, Values), MessageError> {
    let mut values = Values::with_capacity(1024);
    for recipe in &mould.recipes {
        values.push(|out| write(recipe, facts, out))?;
    }
    let message = mould.fill(&values)?;
    let signatures = dkim::signatures(keys, facts.date, &message)?;
    if signatures.is_empty() {
        return Ok((message, values));
    }
    let place = mould.recipes.iter().position(|recipe| recipe.form == Form::Signatures);
    values.replace(place.ok_or(MouldError::Values)?, &signatures);
    Ok((mould.fill(&values)?, values))
}

fn write(recipe: &Recipe, facts: &Facts<'_>, out: &mut Vec<u8>) -> Result<(), MessageError> {
    match recipe.form {
        Form::Signatures => {}
        Form::To => out.extend(to_value(facts.to, facts.merged.contact_name)?.into_bytes()),
        Form::Date => out.extend(date_value(facts.date).into_bytes()),
        Form::Id => {
            out.extend_from_slice(facts.delivery_id.hyphenated().encode_lower(&mut Uuid::encode_buffer()).as_bytes())
        }
        Form::Token => out.extend_from_slice(facts.token.as_bytes()),
        Form::ReturnToken => out.extend_from_slice(facts.return_token.as_bytes()),
        Form::ReplyTo => out.extend(reply_to(recipe, facts)?.into_bytes()),
        Form::Thread => out.extend(thread(recipe, facts)?.into_bytes()),
        Form::Subject => out.extend(subject_value(joined(&recipe.parts, Escape::None, facts)?).into_bytes()),
        Form::Text => quoted::value(&joined(&recipe.parts, Escape::None, facts)?, out),
        Form::Html => quoted::value(&joined(&recipe.parts, Escape::Html, facts)?, out),
        Form::Link => quoted::value(&joined(&recipe.parts, Escape::Percent, facts)?, out),
        Form::Calendar => {
            let [Part::Text(before), Part::Text(after)] = recipe.parts.as_slice() else {
                return Err(MouldError::Form("the address of a calendar").into());
            };
            if !facts.merged.calendar.is_empty() {
                quoted::value(&format!("{before}{}{after}", facts.merged.calendar), out);
            }
        }
        Form::Uid => quoted::value(&format!("UID:{}", facts.entry.hyphenated()), out),
        Form::Attendee => quoted::value(&attendee(facts.merged.contact_name, facts.to.as_str()), out),
        Form::Property => {
            let Some((Part::Text(name), value)) = recipe.parts.split_first() else {
                return Err(MouldError::Form("the name of a property").into());
            };
            quoted::value(&property(name, &joined(value, Escape::None, facts)?), out);
        }
    }
    Ok(())
}

/// The fields that name the messages before.
fn thread(recipe: &Recipe, facts: &Facts<'_>) -> Result<String, MessageError> {
    let [Part::Text(root)] = recipe.parts.as_slice() else {
        return Err(MouldError::Form("what stands for the matter").into());
    };
    let last = facts.thread.last().map(|last| format!("In-Reply-To: <{last}>\r\n")).unwrap_or_default();
    let all: String = facts.thread.iter().map(|id| format!("\r\n <{id}>")).collect();
    Ok(format!("{last}References: <{root}>{all}\r\n"))
}

/// The value of a `Reply-To` field with the signed address for replies.
fn reply_to(recipe: &Recipe, facts: &Facts<'_>) -> Result<String, MessageError> {
    let [Part::Text(name), Part::Text(domain)] = recipe.parts.as_slice() else {
        return Err(MouldError::Form("the address for replies").into());
    };
    let address = Address::parse(&format!("{}@{domain}", facts.reply_local)).map_err(MessageError::new)?;
    Ok(reply_to_value(&address, name))
}

fn joined(parts: &[Part], escape: Escape, facts: &Facts<'_>) -> Result<String, MessageError> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Value(name) => {
                let slot = Slot::named(name).ok_or(MouldError::Form("the name of a value"))?;
                escape.push(facts.merged.of(&slot), &mut text);
            }
            Part::Greeting { before, after, blank } => {
                super::slots::greet([before, after, blank], facts.merged.contact_name, escape, &mut text);
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
