//! Types of parts, and their text: transfer encodings (RFC 2045), charsets, HTML.

use std::fmt;

use mail_parser::HeaderValue;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use quoted_printable::ParseMode;

use super::Part;
use super::headers::Headers;
use super::lines::Lines;
use crate::inbound::reader::html;

/// `Content-Type` (RFC 2045 section 5) in lower case, with the parameters that are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// `text`, `multipart`, `message`, ...
    pub kind: String,
    /// What stands behind the slash.
    pub subtype: String,
    /// The charset.
    pub charset: Option<String>,
    /// The boundary, as written.
    pub boundary: Option<Vec<u8>>,
    /// What a `multipart/report` reports (RFC 6522).
    pub report: Option<String>,
}

impl ContentType {
    /// The type in a header block; `text/plain` if it has none (RFC 2045 section 5.2).
    #[must_use]
    pub fn of(headers: &Headers<'_>) -> Self {
        let mut line: Vec<u8> = headers.raw("content-type").unwrap_or_default().iter().copied().take(2_000).collect();
        line.retain(|byte| *byte != 0);
        line.push(b'\n');
        let value = MessageStream::new(&line).parse_content_type();
        let HeaderValue::ContentType(found) = value else { return Self::plain() };
        let attribute = |name: &str| found.attribute(name).map(str::to_owned);
        let kind = found.c_type.trim().to_lowercase();
        let subtype = found.c_subtype.as_deref().unwrap_or_default().trim().to_lowercase();
        let boundary = attribute("boundary").map(|text| text.trim_end().to_owned()).filter(|text| !text.is_empty());
        Self {
            kind: if kind.is_empty() { "text".into() } else { kind },
            subtype: if subtype.is_empty() { "plain".into() } else { subtype },
            charset: attribute("charset").map(|text| text.to_lowercase()),
            boundary: boundary.map(String::into_bytes),
            report: attribute("report-type").map(|text| text.to_lowercase()),
        }
    }

    fn plain() -> Self {
        Self { kind: "text".into(), subtype: "plain".into(), charset: None, boundary: None, report: None }
    }

    /// True for this type, and this subtype if there is one.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: Option<&str>) -> bool {
        self.kind == kind && subtype.is_none_or(|subtype| self.subtype == subtype)
    }

    /// True for the header block or the whole of a message that is returned (RFC 6522, RFC 6533).
    #[must_use]
    pub fn is_returned(&self) -> bool {
        match self.kind.as_str() {
            "message" => matches!(self.subtype.as_str(), "rfc822" | "global" | "global-headers" | "news" | "partial"),
            "text" => matches!(self.subtype.as_str(), "rfc822-headers" | "rfc822-header" | "rfc822"),
            _ => false,
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.subtype)
    }
}

/// The bytes of a part after its transfer encoding, at most `most` of them. An unknown encoding is none.
#[must_use]
pub fn bytes(part: &Part<'_>, most: usize) -> Vec<u8> {
    let encoding = part.headers.get("content-transfer-encoding").unwrap_or_default().to_lowercase();
    let mut decoded = match encoding.split([';', ' ', '(']).next().unwrap_or_default() {
        "base64" => base64(&part.body[..part.body.len().min(most / 3 * 4 + most / 16)]),
        "quoted-printable" => quoted(&part.body[..part.body.len().min(most.saturating_mul(3))]),
        _ => part.body[..part.body.len().min(most)].to_vec(),
    };
    decoded.truncate(most);
    decoded
}

/// Base 64, up to a line that is none: servers add lines of their own below it.
fn base64(body: &[u8]) -> Vec<u8> {
    let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let lines = Lines::new(body).map(|line| line.text.trim_ascii());
    let kept: Vec<u8> = lines.take_while(|line| line.iter().all(is_of_it)).flatten().copied().collect();
    base64_decode(&kept).unwrap_or_else(|| body.to_vec())
}

fn quoted(body: &[u8]) -> Vec<u8> {
    // The lines of a message may end with CR alone; those of a soft break must not.
    let lines: Vec<&[u8]> = Lines::new(body).map(|line| line.text).collect();
    let body = lines.join(&b'\n');
    quoted_printable_decode(&body)
        .or_else(|| quoted_printable::decode(&body, ParseMode::Robust).ok())
        .unwrap_or_else(|| body.to_vec())
}

/// The text of a part, without markup. Lines end with LF, and there is no NUL.
#[must_use]
pub fn text(part: &Part<'_>, most: usize) -> String {
    let bytes = bytes(part, most);
    let text = charset(&bytes, part.content.charset.as_deref());
    let mut text = lines_of(&text);
    if part.content.is("text", Some("html")) || looks_like_html(&text) {
        text = html::text(&text);
    }
    text
}

/// True if a part is HTML, whatever its type says.
fn looks_like_html(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(15).collect::<String>().to_lowercase();
    start.starts_with("<html") || start.starts_with("<!doctype html")
}

/// Text in LF lines, without NUL.
fn lines_of(text: &str) -> String {
    let mut lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.retain(|c| c != '\0');
    lines
}

/// Text in a charset. Names that nobody knows must never stop a batch: without one, UTF-8 if it is that, else latin-1.
fn charset(bytes: &[u8], name: Option<&str>) -> String {
    let known = name.map(|name| name.trim().trim_matches(['"', '\''])).filter(|name| !is_ascii(name));
    let decoder = known.and_then(|name| charset_decoder(alias(name).as_bytes()));
    match decoder {
        Some(decode) => decode(bytes),
        // Japanese servers that name no charset write this one (RFC 1468).
        None if memchr::memmem::find(bytes, b"\x1b$").is_some() => decode_as("iso-2022-jp", bytes),
        None => std::str::from_utf8(bytes).map_or_else(|_| decode_as("windows-1252", bytes), str::to_owned),
    }
}

fn is_ascii(name: &str) -> bool {
    matches!(name, "" | "us-ascii" | "us_ascii" | "ascii" | "utf-8" | "utf8" | "unknown-8bit" | "x-unknown" | "default")
}

/// A charset that has further names.
fn alias(name: &str) -> &str {
    match name {
        "big5_tw" | "big5-tw" | "cp950" | "x-big5" => "big5",
        "cp932" | "windows-31j" | "ms932" | "x-sjis" | "sjis" | "shift-jis" => "shift_jis",
        "cp949" | "ks_c_5601-1987" | "ksc5601" => "euc-kr",
        "gb2312" | "cp936" | "x-gbk" | "hz-gb-2312" => "gbk",
        "unicode-1-1-utf-7" | "x-unicode-2-0-utf-7" => "utf-7",
        other => other,
    }
}

fn decode_as(name: &str, bytes: &[u8]) -> String {
    charset_decoder(name.as_bytes()).map_or_else(|| String::from_utf8_lossy(bytes).into_owned(), |decode| decode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, body: &[u8]) -> String {
        let headers = Headers::of(header.as_bytes(), 1_000);
        let content = ContentType::of(&headers);
        text(&Part { headers, content, body }, 100)
    }

    #[test]
    fn text_is_read_in_any_charset_and_encoding() {
        assert_eq!(read("Content-Type: text/plain; charset=ISO-8859-1", b"f\xf6r"), "för");
        assert_eq!(read("Content-Type: text/plain", "för".as_bytes()), "för");
        assert_eq!(read("Content-Type: text/plain; charset=x-nobody-knows", b"f\xf6r"), "för");
        assert_eq!(read("Content-Type: text/plain; charset=gb18030", b"\xcf\xb5\xcd\xb3"), "系统");
        assert_eq!(read("Content-Type: text/plain", b"\x1b$BEDCf\x1b(B"), "田中");
        assert_eq!(read("Content-Transfer-Encoding: base64", b"ZsO2\ncg=="), "för");
        assert_eq!(read("Content-Transfer-Encoding: base64", b"ZsO2\n--- added by a server ---"), "fö");
        assert_eq!(read("Content-Transfer-Encoding: quoted-printable", b"f=C3=B6r=\nt 100 =% =4"), "fört 100 =% =4");
        assert_eq!(read("Content-Transfer-Encoding: 8bits", b"a\0b\r\nc\rd"), "ab\nc\nd");
        assert_eq!(read("Content-Type: text/html", b"<p>a&ouml;</p><p>b"), "aö\n\nb");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(read("Content-Transfer-Encoding: base64", &b"YWFh".repeat(1_000)).len(), 100);
        assert_eq!(read("Content-Type: text/plain", &b"a".repeat(1_000)).len(), 100);
    }
}
