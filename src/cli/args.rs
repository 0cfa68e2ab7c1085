//! Values of arguments that clap does not check itself, or refuses in the words of a library.

use std::net::SocketAddr;

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

/// The address of a server, with its port.
pub fn server(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "it is not an IP address with a port, such as 192.0.2.53:53 or [2001:db8::53]:53")
}

/// A port, or 0 for any.
pub fn port(text: &str) -> Result<u16, &'static str> {
    text.parse().map_err(|_| "it must be a number from 0 to 65535")
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
