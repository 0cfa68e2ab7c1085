//! Lines of a message, whatever ends them.

use memchr::memchr;

/// A line without its end.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The place of its first byte.
    pub start: usize,
    /// Its bytes.
    pub text: &'a [u8],
}

/// The lines of a message, one after the other. Lines end with LF or CRLF; in a message that has no LF at all, with CR.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
    end: u8,
}

impl<'a> Lines<'a> {
    /// Begins at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let end = if memchr(b'\n', bytes).is_none() { b'\r' } else { b'\n' };
        Self { bytes, at: 0, end }
    }

    /// The place of the next line's first byte.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Everything from the next line on.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// From the first byte of a slice of this message up to a place in it.
    #[must_use]
    pub fn since(&self, slice: &'a [u8], end: usize) -> &'a [u8] {
        // Both are slices of the same bytes, so the difference of their addresses is the place.
        let start = (slice.as_ptr() as usize).saturating_sub(self.bytes.as_ptr() as usize);
        self.bytes.get(start..end).unwrap_or(slice)
    }

    /// Skips blank lines, and what some editors put before a text: mail that was copied by hand may begin with them.
    pub fn skip_blank(&mut self) {
        if self.at == 0 && self.bytes.starts_with(b"\xef\xbb\xbf") {
            self.at = 3;
        }
        while self.peek().is_some_and(|line| line.text.trim_ascii().is_empty()) {
            self.next();
        }
    }

    /// The next line, which is not consumed.
    #[must_use]
    pub fn peek(&self) -> Option<Line<'a>> {
        self.clone().next()
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let start = self.at;
        let length = memchr(self.end, rest).unwrap_or(rest.len());
        self.at = (start + length + 1).min(self.bytes.len());
        let mut text = &rest[..length];
        while let Some(shorter) = text.strip_suffix(b"\r") {
            text = shorter; // CRCRLF comes from a server that converted twice
        }
        Some(Line { start, text })
    }
}
