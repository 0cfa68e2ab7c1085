//! Values of arguments that clap does not check itself, or refuses in the words of a library.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

/// A text in NFC, which must not be blank: what it says goes into records, and what it names is stored in NFC.
pub fn said(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("the text is empty") } else { Ok(text.nfc().collect()) }
}

/// The id of a delivery or hold.
pub fn id(text: &str) -> Result<Uuid, &'static str> {
    Uuid::parse_str(text)
        .map_err(|_| "it is not an id such as 01a225f3-bf53-7000-bee5-87d80c3421b8: the list command prints the ids")
}

/// A time with its zone.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("`{}` is not a time with its zone, such as 2026-12-01T10:30:00+01:00", text.escape_debug())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_text_says_nothing() {
        for text in ["", " ", "\t\n"] {
            assert!(said(text).unwrap_err().ends_with("is empty"), "{text:?}");
        }
        assert_eq!(said(" a\u{308} ").as_deref(), Ok(" \u{e4} "));
    }
}
