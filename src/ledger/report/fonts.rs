//! The report's fonts: which characters they have, how wide each is, and how text from outside is spelled with them.

use std::fmt::Write as _;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::charmap::Charmap;
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _};
use unicode_normalization::UnicodeNormalization as _;

const REGULAR: &[u8] = include_bytes!("../../../templates/report/LiberationSans-Regular.ttf");
const BOLD: &[u8] = include_bytes!("../../../templates/report/LiberationSans-Bold.ttf");
const MONO: &[u8] = include_bytes!("../../../templates/report/LiberationMono-Regular.ttf");

/// One of the three fonts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Regular,
    Bold,
    /// For whatever must be compared character by character.
    Mono,
}

/// All of them, ready for measuring and drawing.
pub(super) struct Fonts {
    regular: Loaded,
    bold: Loaded,
    mono: Loaded,
}

struct Loaded {
    font: Font,
    charmap: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units_per_em: f32,
}

impl Loaded {
    fn new(bytes: &'static [u8]) -> Self {
        let font = Font::new(bytes.into(), 0).expect("a font that comes with the program is one");
        let face = FontRef::new(bytes).expect("a font that comes with the program is one");
        let metrics = face.glyph_metrics(Size::unscaled(), LocationRef::default());
        let units_per_em = font.units_per_em();
        Self { font, charmap: face.charmap(), metrics, units_per_em }
    }

    fn glyph(&self, c: char) -> Option<skrifa::GlyphId> {
        self.charmap.map(c).filter(|glyph| *glyph != skrifa::GlyphId::NOTDEF)
    }

    /// Width in parts of the font size.
    fn advance(&self, glyph: skrifa::GlyphId) -> f32 {
        self.metrics.advance_width(glyph).unwrap_or(0.0) / self.units_per_em
    }
}

impl Fonts {
    pub(super) fn load() -> Self {
        Self { regular: Loaded::new(REGULAR), bold: Loaded::new(BOLD), mono: Loaded::new(MONO) }
    }

    fn face(&self, face: Face) -> &Loaded {
        match face {
            Face::Regular => &self.regular,
            Face::Bold => &self.bold,
            Face::Mono => &self.mono,
        }
    }

    /// The font as the PDF's writer takes it.
    pub(super) fn font(&self, face: Face) -> Font {
        self.face(face).font.clone()
    }

    /// Text on one line in characters that the font has: what it lacks, and what nobody could see, is shown by its number.
    /// So no text leads to a glyph that is missing, and none changes the order of the text around it.
    pub(super) fn spell(&self, face: Face, text: &str) -> String {
        let face = self.face(face);
        let mut spelled = String::with_capacity(text.len());
        for c in text.nfc() {
            if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
                spelled.push(' ');
            } else if is_unseen(c) || face.glyph(c).is_none() {
                let _ = write!(spelled, "[U+{:04X}]", u32::from(c));
            } else {
                spelled.push(c);
            }
        }
        spelled
    }

    /// Width of a character; nothing for one that the font lacks.
    pub(super) fn advance(&self, face: Face, size: f32, c: char) -> f32 {
        let face = self.face(face);
        face.glyph(c).map_or(0.0, |glyph| face.advance(glyph) * size)
    }

    /// Width of a text.
    pub(super) fn width(&self, face: Face, size: f32, text: &str) -> f32 {
        text.chars().map(|c| self.advance(face, size, c)).sum()
    }

    /// The glyphs of a text that was spelled for this face, in their order on the page.
    pub(super) fn glyphs(&self, face: Face, text: &str) -> Vec<KrillaGlyph> {
        let face = self.face(face);
        let glyph = |(at, c): (usize, char)| {
            let glyph = face.glyph(c)?;
            let range = at..at + c.len_utf8();
            Some(KrillaGlyph::new(GlyphId::new(glyph.to_u32()), face.advance(glyph), 0.0, 0.0, 0.0, range, None))
        };
        text.char_indices().filter_map(glyph).collect()
    }
}

/// Characters without a shape of their own, among them those that turn the direction of text.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_shown_by_its_number() {
        let fonts = Fonts::load();
        for face in [Face::Regular, Face::Bold, Face::Mono] {
            assert_eq!(fonts.spell(face, "Å A\u{30a} ß \u{416}"), "Å Å ß \u{416}");
            assert_eq!(fonts.spell(face, "a\u{1f600}b\u{202e}c"), "a[U+1F600]b[U+202E]c");
            assert_eq!(fonts.spell(face, "a\r\n\tb\0\u{85}\u{2028}"), "a   b   ");
        }
    }

    #[test]
    fn whatever_is_spelled_has_a_glyph() {
        let fonts = Fonts::load();
        let all: String = (0..=0xffff).filter_map(char::from_u32).collect();
        for face in [Face::Regular, Face::Bold, Face::Mono] {
            let spelled = fonts.spell(face, &all);
            assert_eq!(fonts.glyphs(face, &spelled).len(), spelled.chars().count());
        }
    }

    #[test]
    fn widths_are_those_of_the_font() {
        let fonts = Fonts::load();
        assert!((fonts.width(Face::Mono, 10.0, "abcde") - 30.0).abs() < 0.1);
        assert!(fonts.width(Face::Bold, 10.0, "Evidence") > fonts.width(Face::Regular, 10.0, "Evidence"));
    }
}
