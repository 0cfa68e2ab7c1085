//! A mail in a frame of a page: what somebody else wrote, shown so that it can do nothing. The frame is sandboxed, and its answer has a
//! policy of its own: styles as mails have them, and nothing else.

use askama::Template;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse as _, Response};

use super::frame::page;
use super::words::Words;

/// Nothing runs, nothing is fetched, no form is sent, nothing leaves the frame.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
     frame-ancestors 'self'; base-uri 'none'; sandbox";

/// The colours that a recipient prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// As the reader of the page prefers them.
    #[default]
    Own,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Scheme {
    /// The scheme of a word; the reader's own for any other.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Own,
        }
    }

    /// The HTML of a mail for somebody who prefers these colours.
    #[must_use]
    pub fn applied(self, html: &str) -> String {
        let (media, scheme) = match self {
            Self::Own => return html.to_owned(),
            Self::Light => ("not all", "light"),
            Self::Dark => ("all", "dark"),
        };
        html.replace("(prefers-color-scheme: dark)", media)
            .replace("(prefers-color-scheme:dark)", media)
            .replace("color-scheme: light dark", &format!("color-scheme: {scheme}"))
            .replace("content=\"light dark\"", &format!("content=\"{scheme}\""))
    }
}

/// The heading of a mail in a language: by its name, if there is one.
#[must_use]
pub fn in_language(words: &Words, tag: &str) -> String {
    let key = format!("console-language-{tag}");
    let language = if words.has(&key) { words.say(&key) } else { tag.to_owned() };
    words.say_with("console-preview-in", &[("language", language)])
}

/// The HTML of a mail, for a frame.
pub fn html(html: &str, scheme: Scheme) -> Response {
    framed(Html(scheme.applied(html)).into_response())
}

#[derive(Template)]
#[template(path = "console/text.html")]
struct Text<'a> {
    text: &'a str,
}

/// A text, for a frame.
pub fn text(text: &str) -> Response {
    framed(page(&Text { text }))
}

/// An answer that a frame of a page may show.
pub fn framed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_the_one_that_is_chosen() {
        let mail = "<meta name=\"color-scheme\" content=\"light dark\"><style>:root { color-scheme: light dark; } \
                    @media (prefers-color-scheme: dark) { a { color: red } }</style>";
        assert_eq!(Scheme::of("").applied(mail), mail);
        let dark = Scheme::of("dark").applied(mail);
        assert!(dark.contains("@media all {") && dark.contains("color-scheme: dark;"), "{dark}");
        let light = Scheme::of("light").applied(mail);
        assert!(light.contains("@media not all {") && light.contains("content=\"light\""), "{light}");
    }

    #[test]
    fn a_framed_mail_can_do_nothing() {
        let response = text("<script>alert(1)</script>");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.ends_with("; sandbox"));
        assert!(!policy.contains("script-src"));
    }
}
