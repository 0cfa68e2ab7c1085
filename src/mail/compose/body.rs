//! A body: the text or the HTML of a notice, with slots, ready to be filled in and encoded.
//!
//! Quoted-printable (RFC 2045 section 6.7) encodes each line by itself. So the lines that are the same for all recipients are
//! encoded once, and for each recipient only the few lines that differ.

use crate::mail::compose::slots::Piece;

/// A body with slots.
#[derive(Debug)]
pub struct Body {
    stretches: Vec<Stretch>,
}

#[derive(Debug)]
enum Stretch {
    /// Lines without a slot.
    Fixed { plain: String, encoded: Vec<u8> },
    /// A line with slots, its line break included.
    Line(Vec<Piece>),
}

impl Body {
    /// Makes a body from a rendered text, cut at its slots; lines end in LF.
    pub fn new(pieces: Vec<Piece>) -> Self {
        let mut stretches = Vec::new();
        let mut line = Vec::new();
        for piece in pieces {
            let Piece::Literal(text) = piece else {
                line.push(piece);
                continue;
            };
            for part in text.split_inclusive('\n') {
                line.push(Piece::Literal(part.to_owned()));
                if part.ends_with('\n') {
                    end_line(&mut stretches, &mut line);
                }
            }
        }
        end_line(&mut stretches, &mut line);
        for stretch in &mut stretches {
            if let Stretch::Fixed { plain, encoded } = stretch {
                *encoded = encode(plain);
            }
        }
        Self { stretches }
    }

    /// Returns the text, each line with slots filled in by `fill`.
    pub fn plain(&self, fill: impl Fn(&[Piece]) -> String) -> String {
        let mut text = String::new();
        for stretch in &self.stretches {
            match stretch {
                Stretch::Fixed { plain, .. } => text.push_str(plain),
                Stretch::Line(pieces) => text.push_str(&fill(pieces)),
            }
        }
        text
    }

    /// Returns the text of [`Body::plain`], encoded; lines end in CRLF.
    pub fn encoded(&self, fill: impl Fn(&[Piece]) -> String) -> Vec<u8> {
        let fixed = |stretch: &Stretch| if let Stretch::Fixed { encoded, .. } = stretch { encoded.len() } else { 256 };
        let mut bytes = Vec::with_capacity(self.stretches.iter().map(fixed).sum());
        for stretch in &self.stretches {
            match stretch {
                Stretch::Fixed { encoded, .. } => bytes.extend_from_slice(encoded),
                Stretch::Line(pieces) => bytes.extend_from_slice(&encode(&fill(pieces))),
            }
        }
        bytes
    }
}

/// Adds a line to the stretches: to the last one if neither has a slot.
fn end_line(stretches: &mut Vec<Stretch>, line: &mut Vec<Piece>) {
    let pieces = std::mem::take(line);
    if pieces.iter().any(|piece| matches!(piece, Piece::Slot(..))) {
        stretches.push(Stretch::Line(pieces));
        return;
    }
    let text =
        pieces.iter().filter_map(|piece| if let Piece::Literal(text) = piece { Some(text.as_str()) } else { None });
    match stretches.last_mut() {
        Some(Stretch::Fixed { plain, .. }) => plain.extend(text),
        _ => stretches.push(Stretch::Fixed { plain: text.collect(), encoded: Vec::new() }),
    }
}

fn encode(text: &str) -> Vec<u8> {
    quoted_printable::encode(text.replace('\n', "\r\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::compose::slots::{Escape, Slot};

    fn fill(pieces: &[Piece], value: &str) -> String {
        let text = |piece: &Piece| if let Piece::Literal(text) = piece { text.clone() } else { value.to_owned() };
        pieces.iter().map(text).collect()
    }

    proptest! {
        /// Encoding line by line equals encoding the whole text, and decoding restores it.
        #[test]
        fn it_is_encoded_as_if_all_of_it_were_encoded_at_once(
            texts in prop::collection::vec("[ =.åx\t\n]{0,120}", 1..9),
            value in "[ =.åx]{0,90}",
        ) {
            let mut pieces = Vec::new();
            for text in texts {
                pieces.push(Piece::Literal(text));
                pieces.push(Piece::Slot(Slot::Email, Escape::None));
            }
            let whole = fill(&pieces, &value);
            let body = Body::new(pieces);
            let encoded = body.encoded(|line| fill(line, &value));
            prop_assert_eq!(body.plain(|line| fill(line, &value)), whole.as_str());
            prop_assert_eq!(&encoded, &quoted_printable::encode(whole.replace('\n', "\r\n")));
            let decoded = mail_parser::decoders::quoted_printable::quoted_printable_decode(&encoded).unwrap();
            prop_assert_eq!(String::from_utf8(decoded).unwrap().replace("\r\n", "\n"), whole);
        }
    }
}
