//! Characters that cannot be seen or look like others: which they are, and how an error names them.

use std::fmt;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// A character as errors name it: `U+200B ZERO WIDTH SPACE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named(pub char);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "U+{:04X} ", u32::from(self.0))?;
        match (unicode_names2::name(self.0), self.0) {
            (Some(name), _) => write!(f, "{name}"),
            (None, '\0') => f.write_str("NUL"),
            (None, '\t') => f.write_str("TAB"),
            (None, '\n') => f.write_str("LINE FEED"),
            (None, '\r') => f.write_str("CARRIAGE RETURN"),
            (None, other) => f.write_str(match other.general_category() {
                GeneralCategory::Control => "(a control character)",
                GeneralCategory::PrivateUse => "(a private character)",
                _ => "(not assigned)",
            }),
        }
    }
}

/// True if a character has no shape of its own: controls, spaces, format characters, variation selectors and fillers, and what
/// Unicode has not assigned or left to private use. Two texts that differ only in these look the same.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_graphic();
    }
    let by_category =
        matches!(c.general_category_group(), GeneralCategoryGroup::Other | GeneralCategoryGroup::Separator);
    by_category || is_ignorable(c)
}

/// Letters and marks that Unicode says not to draw (Default_Ignorable_Code_Point).
const fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// True if a character may not be in a name that is shown and put into a header: it is unseen and no script or emoji needs it, or
/// it stands for one that was lost.
#[must_use]
pub fn is_unfit_for_name(c: char) -> bool {
    // Joiners and direction marks are part of how Persian, Indic and Hebrew names, and emoji, are written.
    let is_needed = matches!(c, '\u{200c}'..='\u{200f}' | '\u{61c}');
    let is_replacement = c == '\u{fffd}';
    let unseen = matches!(c.general_category_group(), GeneralCategoryGroup::Other)
        || matches!(c.general_category(), GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator);
    is_replacement || (unseen && !is_needed)
}

/// True for a mark that joins the character before it, such as an accent.
#[must_use]
pub fn is_mark(c: char) -> bool {
    !c.is_ascii() && matches!(c.general_category_group(), GeneralCategoryGroup::Mark)
}

/// The ASCII character that was probably meant by one that looks like it: word processors put typographic quotes and dashes in its
/// place, and input methods its full-width form.
#[must_use]
pub fn look_alike(c: char) -> Option<char> {
    Some(match c {
        '\u{2018}'..='\u{201b}' | '\u{2bc}' | '\u{2b9}' | '\u{2b8}' | '\u{2032}' | '\u{b4}' | '\u{55a}' => '\'',
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\u{2024}' | '\u{3002}' | '\u{ff61}' | '\u{fe52}' => '.',
        '\u{fe6b}' => '@',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_named_by_code_point_and_name() {
        for (c, name) in [
            ('\u{200b}', "U+200B ZERO WIDTH SPACE"),
            ('\u{2019}', "U+2019 RIGHT SINGLE QUOTATION MARK"),
            ('\u{a0}', "U+00A0 NO-BREAK SPACE"),
            ('\t', "U+0009 TAB"),
            ('\u{1b}', "U+001B (a control character)"),
            ('\u{e000}', "U+E000 (a private character)"),
            ('\u{378}', "U+0378 (not assigned)"),
            ('\u{fffe}', "U+FFFE (not assigned)"),
            (',', "U+002C COMMA"),
        ] {
            assert_eq!(Named(c).to_string(), name);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_known() {
        let unseen = "\u{200b}\u{feff}\u{ad}\u{a0}\u{2060}\u{200e}\u{202e}\u{3164}\u{fe0f}\u{180e}\u{e0001}\u{378}\u{e000}\u{2028} \t";
        assert!(unseen.chars().all(is_unseen), "{:?}", unseen.chars().find(|c| !is_unseen(*c)));
        let seen = "aÅ'·漢字שאαไดंप्र😀ة_";
        assert!(!seen.chars().any(is_unseen), "{:?}", seen.chars().find(|c| is_unseen(*c)));
    }

    #[test]
    fn a_name_keeps_the_joiners_that_its_script_needs() {
        assert!(!"میترا\u{200c}ها O’Brien 👩\u{200d}💻 Moln ☁\u{fe0f}".chars().any(is_unfit_for_name));
        for c in ['\u{fffd}', '\u{202e}', '\u{200b}', '\n', '\u{2028}', '\u{ad}'] {
            assert!(is_unfit_for_name(c), "{}", Named(c));
        }
    }
}
