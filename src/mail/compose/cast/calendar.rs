//! Casting a calendar entry: its lines in quoted-printable, with marks for the lines that differ between recipients.

use super::{Caster, MARK, literal, part_of};
use crate::domain::calendar::folded;
use crate::domain::mould::{Form, Part};
use crate::mail::compose::calendar::{END, Entry, Line, head, property};
use crate::mail::compose::render::Skeleton;
use crate::mail::compose::slots::Piece as Slotted;

impl Caster {
    /// The calendar with an entry, with marks for the values.
    pub(super) fn calendar(&mut self, skeleton: &Skeleton, entry: &Entry) -> Vec<u8> {
        let (mut out, mut column, mut open) = (Vec::new(), 0, false);
        for line in head(Some(entry.method)).iter().map(String::as_str).chain(["BEGIN:VEVENT"]) {
            literal(&format!("{line}\n"), false, &mut open, &mut column, &mut out);
        }
        for line in &entry.lines {
            let recipe = match line {
                Line::Fixed(line) => {
                    literal(&format!("{}\n", folded(line)), false, &mut open, &mut column, &mut out);
                    continue;
                }
                Line::Property(name, pieces) => match parts(name, pieces, skeleton) {
                    Parts::Fixed(text) => {
                        let line = property(name, &text);
                        literal(&format!("{line}\n"), false, &mut open, &mut column, &mut out);
                        continue;
                    }
                    Parts::Slotted(parts) => self.recipe(Form::Property, parts),
                },
                Line::Uid => self.recipe(Form::Uid, Vec::new()),
                Line::Attendee => self.recipe(Form::Attendee, Vec::new()),
            };
            out.push(MARK);
            out.extend_from_slice(recipe.to_string().as_bytes());
            out.push(MARK);
            open = true;
            literal("\n", false, &mut open, &mut column, &mut out);
        }
        literal(&format!("END:VEVENT\n{END}\n"), true, &mut open, &mut column, &mut out);
        out
    }
}

/// The value of a property.
enum Parts {
    /// The same for all recipients.
    Fixed(String),
    /// The parts of a recipe.
    Slotted(Vec<Part>),
}

fn parts(name: &str, pieces: &[Slotted], skeleton: &Skeleton) -> Parts {
    let mut parts = vec![Part::Text(name.to_owned())];
    let mut fixed = String::new();
    for piece in pieces {
        match piece {
            Slotted::Literal(text) if text.is_empty() => {}
            Slotted::Literal(text) => {
                fixed.push_str(text);
                parts.push(Part::Text(text.clone()));
            }
            Slotted::Slot(slot, _) => parts.push(part_of(slot, skeleton)),
        }
    }
    let is_slotted = pieces.iter().any(|piece| matches!(piece, Slotted::Slot(..)));
    if is_slotted { Parts::Slotted(parts) } else { Parts::Fixed(fixed) }
}
