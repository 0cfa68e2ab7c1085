//! Codes in the words of a server: replies (RFC 5321 section 4.2) and enhanced status codes (RFC 3463).

use crate::domain::report::Status;

/// The codes of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    /// The first reply code, 4xx or 5xx.
    pub reply: Option<u16>,
    /// The most exact status code.
    pub status: Option<Status>,
}

/// How far into a text codes are searched for.
const NEAR: usize = 20_000;

/// Finds the codes in a text. With a class, only status codes of this class count.
///
/// The most exact status code is one right behind a reply code, else the first that names a cause.
#[must_use]
pub fn find(text: &str, class: Option<u8>) -> Codes {
    let mut codes = Codes::default();
    let mut best = 0;
    let mut before: Option<u16> = None;
    for token in tokens(text) {
        if let Some(status) = status(token) {
            let exact = if status.is_bare() || status.detail == 0 { 1 } else { 2 + u8::from(before.is_some()) };
            if class.is_none_or(|class| class == status.class) && exact > best {
                best = exact;
                codes.status = Some(status);
            }
            before = None;
        } else if let Some(reply) = reply(token) {
            codes.reply = codes.reply.or(Some(reply));
            before = Some(reply);
        } else {
            before = None;
        }
    }
    codes
}

/// Words that may be codes: letters and digits with dots between them.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut near = text.len().min(NEAR);
    while !text.is_char_boundary(near) {
        near -= 1;
    }
    let divides = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '@' | '_' | '/'));
    text[..near].split(divides).filter(|token| !token.is_empty())
}

fn status(token: &str) -> Option<Status> {
    token.trim_end_matches('.').parse().ok()
}

fn reply(token: &str) -> Option<u16> {
    let token = token.trim_end_matches('.');
    let is_code = token.len() == 3 && token.starts_with(['4', '5']) && token.bytes().all(|byte| byte.is_ascii_digit());
    // 56x and above are times and sizes rather than codes.
    if is_code {
        token.parse().ok().filter(|code| (400..=475).contains(code) || (500..=575).contains(code))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, class: Option<u8>) -> (Option<u16>, String) {
        let codes = find(text, class);
        (codes.reply, codes.status.map(|status| status.to_string()).unwrap_or_default())
    }

    #[test]
    fn the_most_exact_code_is_taken() {
        assert_eq!(found("550 5.1.1 <a@x.example>... User unknown", None), (Some(550), "5.1.1".into()));
        assert_eq!(
            found("5.1.0 - Unknown address error 550-'5.2.2 <a@x.example>... Mailbox Full'", None),
            (Some(550), "5.2.2".into())
        );
        assert_eq!(found("Sorry, no mailbox here by that name. (#5.1.1)", None), (None, "5.1.1".into()));
        assert_eq!(found("550-5.1.1 The account", Some(4)), (Some(550), String::new()));
        assert_eq!(found("host 192.0.2.25[192.0.2.25]:25 said: 554", None), (Some(554), String::new()));
        assert_eq!(found("Exim 4.94.2 and 10.5.1.1 and 5.1.1.7 and 999 days", None), (None, "4.94.2".into()));
    }
}
