//! Phrases: names that are shown and put into a header, of people, organisations and senders.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use crate::domain::character::{Named, is_unfit_for_name};

/// The longest phrase, in octets.
pub const LONGEST: usize = 200;

/// One line in NFC that can stand in a header, as it is or in encoded words (RFC 2047), and be shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phrase(String);

/// Why a text is no phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PhraseError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// More than [`LONGEST`] octets.
    #[error("is longer than {LONGEST} bytes")]
    TooLong,
    /// A line break.
    #[error("contains a control character or line break: {}; write it on one line", Named(*.0))]
    Control(char),
    /// A character was lost when the text was converted.
    #[error("has U+FFFD REPLACEMENT CHARACTER: a character was lost when the text was converted; export it as UTF-8")]
    Lost,
    /// A character that cannot be seen.
    #[error("has {}, which cannot be seen: delete it", Named(*.0))]
    Unseen(char),
}

/// Returns a text in NFC whose characters can all be seen: how names and values are stored and compared.
///
/// # Errors
/// The first character that it may not have.
pub fn seen(text: &str) -> Result<String, PhraseError> {
    if let Some(c) = text.chars().find(|c| is_unfit_for_name(*c)) {
        return Err(match c {
            '\u{fffd}' => PhraseError::Lost,
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => PhraseError::Control(c),
            c => PhraseError::Unseen(c),
        });
    }
    Ok(if is_nfc(text) { text.to_owned() } else { text.nfc().collect() })
}

impl Phrase {
    /// Parses a phrase; blanks at its ends are dropped.
    ///
    /// # Errors
    /// [`PhraseError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PhraseError::Empty);
        }
        // NFC makes a text at most three times as short, and what is longer need not be looked at.
        if text.len() > 3 * LONGEST {
            return Err(PhraseError::TooLong);
        }
        let text = seen(text)?;
        if text.len() > LONGEST { Err(PhraseError::TooLong) } else { Ok(Self(text)) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text alone.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl FromStr for Phrase {
    type Err = PhraseError;

    fn from_str(text: &str) -> Result<Self, PhraseError> {
        Self::parse(text)
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_is_one_line_whose_characters_can_be_seen() {
        assert_eq!(Phrase::parse(" A\u{30a}sa \u{a0}").unwrap().as_str(), "Åsa");
        for (text, why) in [
            ("", PhraseError::Empty),
            (" \t", PhraseError::Empty),
            ("a\r\nBcc: b", PhraseError::Control('\r')),
            ("a\u{2028}b", PhraseError::Control('\u{2028}')),
            ("R\u{fffd}ksm\u{fffd}rg\u{fffd}s", PhraseError::Lost),
            ("gnp\u{202e}exe", PhraseError::Unseen('\u{202e}')),
            ("zero\u{200b}width", PhraseError::Unseen('\u{200b}')),
        ] {
            assert_eq!(Phrase::parse(text), Err(why), "{text:?}");
        }
        assert_eq!(Phrase::parse(&"å".repeat(101)), Err(PhraseError::TooLong));
    }
}
