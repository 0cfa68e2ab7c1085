//! Header blocks (RFC 5322 section 2.2), as they come and not as they should.

use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::lines::Lines;

/// The fields of a header block, in their order.
#[derive(Clone, Debug, Default)]
pub struct Headers<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
}

/// Longest value that is decoded: what is longer says nothing more, and decoding may look ahead more than once.
const LONGEST: usize = 2_000;

impl<'a> Headers<'a> {
    /// Reads up to and with the blank line that ends the block; `None` if it has more than `most` bytes.
    ///
    /// A line of mbox (`From `) before the first field is skipped, and so is a line that is no field if a field follows it.
    /// Else such a line begins the body.
    pub fn read(lines: &mut Lines<'a>, most: usize) -> Option<Self> {
        let start = lines.at();
        let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
        while let Some(line) = lines.peek() {
            if line.start - start > most || line.text.len() > most {
                return None;
            }
            let continues = line.text.first().is_some_and(u8::is_ascii_whitespace) && !fields.is_empty();
            if line.text.trim_ascii().is_empty() {
                lines.next();
                // A folded line of blanks only does not end a block that goes on (some servers fold so).
                if !line.text.is_empty() && lines.peek().is_some_and(|next| field(next.text).is_some()) {
                    continue;
                }
                return Some(Self { fields });
            }
            if continues {
                lines.next();
                extend(&mut fields, lines, line.start + line.text.len());
            } else if let Some(found) = field(line.text) {
                lines.next();
                fields.push(found);
            } else if is_skipped(line.text, lines, fields.is_empty()) {
                lines.next();
            } else {
                return Some(Self { fields });
            }
        }
        Some(Self { fields })
    }

    /// Reads the block that some bytes begin with, as far as `most` of them.
    #[must_use]
    pub fn of(bytes: &'a [u8], most: usize) -> Self {
        let bytes = &bytes[..bytes.len().min(most)];
        let mut lines = Lines::new(bytes);
        lines.skip_blank();
        Self::read(&mut lines, most).unwrap_or_default()
    }

    /// True if there is no field.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields, names as written.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + '_ {
        self.fields.iter().copied()
    }

    /// The bytes of the first field with this name, which is in lower case.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    /// The first field with this name: unfolded, encoded words decoded (RFC 2047).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.raw(name).map(decoded)
    }

    /// Every field with this name.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = String> + 'h {
        let found = self.fields.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()));
        found.take(50).map(|(_, value)| decoded(value))
    }
}

/// Makes the last field reach to the end of the line that continues it.
fn extend<'a>(fields: &mut [(&'a [u8], &'a [u8])], lines: &Lines<'a>, end: usize) {
    if let Some((_, value)) = fields.last_mut() {
        *value = lines.since(value, end);
    }
}

/// A line as a field's name and value.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().take(100).position(|byte| *byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_graphic() && *byte != b':');
    is_name.then(|| (name, &line[colon + 1..]))
}

/// True if a line that is no field does not end the block.
fn is_skipped(line: &[u8], lines: &Lines<'_>, first: bool) -> bool {
    if first && (line.starts_with(b"From ") || line.starts_with(b">From ")) {
        return true;
    }
    let mut lines = lines.clone();
    lines.next();
    !first && !line.starts_with(b"--") && lines.next().is_some_and(|next| field(next.text).is_some())
}

/// A value: without folds and bytes that cannot be text, encoded words decoded.
fn decoded(value: &[u8]) -> String {
    let value = &value[..value.len().min(LONGEST)];
    let mut line: Vec<u8> = value.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }).collect();
    line.push(b'\n');
    let text = match MessageStream::new(&line).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Headers<'_>, &str) {
        let mut lines = Lines::new(text.as_bytes());
        let headers = Headers::read(&mut lines, 10_000).unwrap();
        let rest = lines.at();
        (headers, &text[rest..])
    }

    #[test]
    fn fields_are_unfolded_and_decoded() {
        let (headers, body) = read(
            "From x Thu Nov 26 09:02:11 2026\nSubject: =?utf-8?q?Fr=C3=A5nva?=\n =?utf-8?q?rande?=\nX : a\n\tb\n\nbody",
        );
        assert_eq!(headers.get("subject").as_deref(), Some("Frånvarande"));
        assert_eq!(headers.get("x").as_deref(), Some("a b"));
        assert_eq!(headers.get("none"), None);
        assert_eq!(body, "body");
    }

    #[test]
    fn a_line_that_is_no_field_is_skipped_only_before_a_field() {
        let (headers, body) = read("A: 1\nnonsense\nB: 2\nbody without a blank line\n");
        assert_eq!(headers.get("b").as_deref(), Some("2"));
        assert!(body.starts_with("body"));
    }

    #[test]
    fn a_block_that_is_too_long_is_refused() {
        let text = "A: 1\n".repeat(1_000);
        assert!(Headers::read(&mut Lines::new(text.as_bytes()), 1_000).is_none());
    }
}
