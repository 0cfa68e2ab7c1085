//! The parts of a message as places in its bytes (RFC 2045, RFC 2046).
//!
//! A full parser decodes every part, also 20 MB of attachment, and may follow a bomb to its end. This one walks the lines once,
//! with a stack of at most [`Bounds::depth`] boundaries, and copies nothing; only the few parts that are read are decoded, by
//! [`content`]. A returned message is never entered: its own report, if it has one, speaks of another message.

pub mod content;
pub mod headers;
pub mod lines;

use std::ops::Range;

use crate::inbound::reader::bounds::{Bounds, Excess};
use content::ContentType;
use headers::Headers;
use lines::{Line, Lines};

/// A leaf of a message, or a returned message.
#[derive(Debug)]
pub struct Part<'a> {
    /// Its header block.
    pub headers: Headers<'a>,
    /// Its type; `text/plain` if it has none.
    pub content: ContentType,
    /// Its bytes, still encoded.
    pub body: &'a [u8],
}

/// A message as headers and leaves, in their order.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The message's own headers.
    pub headers: Headers<'a>,
    /// The message's own type.
    pub content: ContentType,
    /// The leaves.
    pub leaves: Vec<Part<'a>>,
}

/// A boundary that is open.
struct Open {
    boundary: Vec<u8>,
    /// True between the first and the last delimiter line.
    inside: bool,
}

/// A part whose end has not been seen.
struct Pending<'a> {
    headers: Headers<'a>,
    content: ContentType,
    start: usize,
}

/// Walks over a message; see [`parts`].
struct Walk<'a, 'b> {
    bytes: &'a [u8],
    lines: Lines<'a>,
    bounds: &'b Bounds,
    headers_left: usize,
    parts: usize,
    open: Vec<Open>,
    pending: Option<Pending<'a>>,
    leaves: Vec<Part<'a>>,
}

/// Divides a message into its parts.
///
/// # Errors
/// The bound that it is over. Of a message without any headers, there is one leaf: all of it.
pub fn parts<'a>(bytes: &'a [u8], bounds: &Bounds) -> Result<Parts<'a>, Excess> {
    if bytes.len() > bounds.message {
        return Err(Excess::Message { found: bytes.len(), most: bounds.message });
    }
    let mut walk = Walk {
        bytes,
        lines: Lines::new(bytes),
        bounds,
        headers_left: bounds.headers,
        parts: 0,
        open: Vec::new(),
        pending: None,
        leaves: Vec::new(),
    };
    walk.lines.skip_blank();
    let headers = walk.header_block()?;
    let content = content_type(&headers, &walk);
    walk.enter(headers.clone(), content.clone())?;
    walk.run()?;
    Ok(Parts { headers, content, leaves: walk.leaves })
}

impl<'a> Walk<'a, '_> {
    /// Reads the header block at the present line, and counts its bytes.
    fn header_block(&mut self) -> Result<Headers<'a>, Excess> {
        let from = self.lines.at();
        let headers = Headers::read(&mut self.lines, self.headers_left).ok_or(Excess::Headers(self.bounds.headers))?;
        self.headers_left =
            self.headers_left.checked_sub(self.lines.at() - from).ok_or(Excess::Headers(self.bounds.headers))?;
        Ok(headers)
    }

    /// Begins a part: a multipart opens its boundary, everything else waits for its end.
    fn enter(&mut self, headers: Headers<'a>, content: ContentType) -> Result<(), Excess> {
        self.parts += 1;
        if self.parts > self.bounds.parts {
            return Err(Excess::Parts(self.bounds.parts));
        }
        let start = self.lines.at();
        match &content.boundary {
            Some(boundary) if content.is("multipart", None) => {
                if self.open.len() >= self.bounds.depth {
                    return Err(Excess::Depth(self.bounds.depth));
                }
                self.open.push(Open { boundary: boundary.clone(), inside: false });
                self.pending = None;
            }
            _ => self.pending = Some(Pending { headers, content, start }),
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), Excess> {
        while let Some(line) = self.lines.next() {
            if let Some((depth, last)) = self.delimiter(line) {
                self.leave(line.start);
                self.open.truncate(depth + 1);
                self.open[depth].inside = !last;
                if last {
                    self.open.truncate(depth);
                } else {
                    let headers = self.header_block()?;
                    let content = content_type(&headers, self);
                    self.enter(headers, content)?;
                }
            }
        }
        self.leave(self.bytes.len());
        Ok(())
    }

    /// Which open boundary a line is, innermost first, and whether it is the last of it.
    fn delimiter(&self, line: Line<'a>) -> Option<(usize, bool)> {
        let text = line.text.strip_prefix(b"--")?;
        self.open.iter().enumerate().rev().find_map(|(depth, open)| {
            let rest = text.strip_prefix(open.boundary.as_slice())?.trim_ascii_end();
            match rest {
                b"" => Some((depth, false)),
                b"--" => Some((depth, true)),
                _ => None,
            }
        })
    }

    /// Ends the part that is open.
    fn leave(&mut self, end: usize) {
        if let Some(Pending { headers, content, start }) = self.pending.take() {
            let body = self.bytes.get(start..end).unwrap_or_default();
            self.leaves.push(Part { headers, content, body });
        }
    }
}

/// The type of a part. Where a multipart's boundary never comes, or the type was lost, the boundary is taken from the body.
fn content_type(headers: &Headers<'_>, walk: &Walk<'_, '_>) -> ContentType {
    let mut content = ContentType::of(headers);
    let multipart = content.is("multipart", None);
    let lost = walk.open.is_empty() && headers.get("content-type").is_none();
    if multipart || lost {
        let rest = walk.lines.rest();
        let declared = content.boundary.as_ref().is_some_and(|boundary| has_delimiter(rest, boundary));
        // Where the type was lost, only a body that begins with a delimiter has parts: further down it is a returned message's.
        let most = if lost { 6 } else { usize::MAX };
        if !declared && let Some(range) = first_delimiter(walk.lines.clone(), most) {
            content.boundary = walk.bytes.get(range).map(<[u8]>::to_vec);
            if lost {
                content.kind = "multipart".into();
                content.subtype = "mixed".into();
            }
        }
        if multipart && content.boundary.is_none() {
            content.kind = "text".into();
            content.subtype = "plain".into();
        }
    }
    content
}

/// True if a delimiter of the boundary stands at the beginning of a line near enough to be its own.
fn has_delimiter(rest: &[u8], boundary: &[u8]) -> bool {
    let near = &rest[..rest.len().min(NEAR)];
    let finder = memchr::memmem::Finder::new(boundary);
    finder.find_iter(near).any(|at| near[..at].ends_with(b"--"))
}

/// How far into a body a boundary is searched for: the search happens for each multipart, and must stay cheap.
const NEAR: usize = 16_384;

/// A line that begins with `--` and is followed by a header of a part: the boundary without its dashes. It is one of the first
/// `most` lines that are not blank.
fn first_delimiter(lines: Lines<'_>, most: usize) -> Option<Range<usize>> {
    let start = lines.at();
    let lines = lines.take_while(|line| line.start - start < NEAR).filter(|line| !line.text.trim_ascii().is_empty());
    let mut lines = lines.take(most);
    let mut candidate = None;
    loop {
        let line = lines.next()?;
        let text = line.text.trim_ascii_end();
        if let Some(range) = candidate.take()
            && text.len() > 8
            && text[..8].eq_ignore_ascii_case(b"content-")
        {
            return Some(range);
        }
        let long_enough = text.len() > 4 && text.starts_with(b"--") && !text[2..].contains(&b' ');
        candidate = long_enough.then(|| line.start + 2..line.start + text.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<(String, String)> {
        let parts = parts(text.as_bytes(), &Bounds::default()).unwrap();
        let leaf = |part: &Part<'_>| {
            (part.content.to_string(), String::from_utf8_lossy(part.body).trim().replace("\r\n", "\n"))
        };
        parts.leaves.iter().map(leaf).collect()
    }

    fn pair(kind: &str, body: &str) -> (String, String) {
        (kind.to_owned(), body.to_owned())
    }

    #[test]
    fn parts_are_found_whatever_ends_their_lines() {
        let text = "Content-Type: multipart/mixed; boundary=x\n\npreamble\n--x\nContent-Type: text/html\n\na\n--x\n\nb\n--x--\nend";
        let wanted = [pair("text/html", "a"), pair("text/plain", "b")];
        for text in [text.to_owned(), text.replace('\n', "\r\n"), text.replace('\n', "\r")] {
            assert_eq!(leaves(&text), wanted);
        }
    }

    #[test]
    fn a_returned_message_is_not_entered() {
        let text = "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/rfc822\n\n\
            Content-Type: multipart/mixed; boundary=y\n\n--y\n\ninner\n--y--\n--x--\n";
        let found = leaves(text);
        assert_eq!(found.len(), 1);
        assert!(found[0].1.contains("inner"));
    }

    #[test]
    fn a_boundary_that_never_comes_is_taken_from_the_body() {
        let wanted = [pair("text/plain", "a"), pair("message/delivery-status", "b: c")];
        let body =
            "--real\nContent-Type: text/plain\n\na\n--real\nContent-Type: message/delivery-status\n\nb: c\n--real--\n";
        assert_eq!(leaves(&format!("Content-Type: multipart/report; boundary=wrong\n\n{body}")), wanted);
        assert_eq!(leaves(&format!("Subject: no type\n\n{body}")), wanted);
        assert_eq!(leaves("Content-Type: multipart/mixed\n\nonly text\n"), [pair("text/plain", "only text")]);
    }

    #[test]
    fn an_end_that_is_missing_is_the_end_of_the_message_or_of_the_outer_part() {
        let text = "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\na\n--x\n\nb";
        assert_eq!(leaves(text), [pair("text/plain", "a"), pair("text/plain", "b")]);
    }

    #[test]
    fn bounds_end_the_reading() {
        let bounds = Bounds { headers: 2_000, parts: 3, depth: 2, message: 10_000, ..Bounds::default() };
        let read = |text: &str| parts(text.as_bytes(), &bounds).map(|parts| parts.leaves.len()).unwrap_err();
        let nested: String =
            (0..4).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
        assert_eq!(read(&nested), Excess::Depth(2));
        assert_eq!(
            read(&format!("Content-Type: multipart/mixed; boundary=x\n\n{}", "--x\n\n".repeat(4))),
            Excess::Parts(3)
        );
        assert_eq!(read(&format!("Subject: {}\n\n", "a".repeat(3_000))), Excess::Headers(2_000));
        assert_eq!(read(&"a".repeat(10_001)), Excess::Message { found: 10_001, most: 10_000 });
    }
}
