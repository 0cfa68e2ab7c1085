//! HTML as text: the words and lines that a reader would see, nothing rendered, nothing fetched.

use mail_parser::decoders::html::add_html_token;

/// Elements that begin a new line.
const BLOCKS: &[&str] = &[
    "address",
    "blockquote",
    "br",
    "center",
    "div",
    "dl",
    "dd",
    "dt",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "td",
    "th",
    "title",
    "tr",
    "ul",
];

/// Elements whose content nobody sees.
const HIDDEN: &[&str] = &["head", "script", "style", "template"];

/// The text of a page, in one walk over it.
#[must_use]
pub fn text(page: &str) -> String {
    let mut text = String::with_capacity(page.len() / 2);
    let mut hidden: Option<&str> = None;
    let mut preformatted = false;
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        if hidden.is_none() {
            words(&rest[..open], preformatted, &mut text);
        }
        rest = &rest[open..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        // The search ends at the next bracket of either kind, so that the walk stays linear.
        let Some(end) = rest[1..].find(['<', '>']) else {
            if is_tag(&rest[1..]) {
                rest = ""; // cut off within a tag
            }
            break;
        };
        let (tag, after) = (&rest[1..=end], &rest[end + 1..]);
        if after.starts_with('<') || !is_tag(tag) {
            words("<", preformatted, &mut text);
            rest = &rest[1..];
            continue;
        }
        let after = &after[1..];
        let (name, closing) = name(tag);
        match hidden {
            Some(element) if closing && name == element => hidden = None,
            Some(_) => {}
            None if !closing && !tag.ends_with('/') => hidden = HIDDEN.iter().copied().find(|element| *element == name),
            None => {}
        }
        if name == "pre" {
            preformatted = !closing;
        }
        if hidden.is_none() && BLOCKS.contains(&name.as_str()) {
            new_line(&mut text, &name);
        }
        rest = after;
    }
    if hidden.is_none() {
        words(rest, preformatted, &mut text);
    }
    text.trim().to_owned()
}

/// False for a sign of comparison, and for the bracket of an address that was not escaped.
fn is_tag(tag: &str) -> bool {
    let begins = tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    begins && (!tag.contains('@') || tag.contains('='))
}

/// The name of a tag, and whether it closes.
fn name(tag: &str) -> (String, bool) {
    let closing = tag.starts_with('/');
    let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    (name.chars().take(12).collect::<String>().to_ascii_lowercase(), closing)
}

/// Ends the line; a paragraph, and a second `br`, leave a blank one.
fn new_line(text: &mut String, name: &str) {
    while text.ends_with(' ') {
        text.pop();
    }
    let most = if matches!(name, "p" | "br" | "hr" | "table") { 2 } else { 1 };
    let ends = text.len() - text.trim_end_matches('\n').len();
    let least = if name == "br" { ends + 1 } else { most };
    text.extend(std::iter::repeat_n('\n', least.min(most).saturating_sub(ends)));
}

/// Adds the words between two tags.
fn words(between: &str, preformatted: bool, text: &mut String) {
    for piece in between.split_inclusive(|c: char| c.is_ascii_whitespace()) {
        let word = piece.trim_end_matches(|c: char| c.is_ascii_whitespace());
        entities(word, text);
        if word.len() < piece.len() {
            if preformatted && piece.ends_with('\n') {
                text.push('\n');
            } else if !text.ends_with([' ', '\n']) {
                text.push(' ');
            }
        }
    }
}

/// Adds a word with its character references resolved.
fn entities(word: &str, text: &mut String) {
    let mut rest = word;
    while let Some(start) = rest.find('&') {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        match rest.bytes().take(12).position(|byte| byte == b';') {
            Some(end) if end > 1 => {
                add_html_token(text, &rest.as_bytes()[..=end], false);
                rest = &rest[end + 1..];
            }
            _ => {
                text.push('&');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lines_are_kept() {
        assert_eq!(
            text("<head><style>p {}</style></head><p>Till <b>anna</b>@x.example,<br>hej"),
            "Till anna@x.example,\nhej"
        );
        assert_eq!(text("a &lt;b@c.example&gt; &#246;&#xf6; &nope; & b"), "a <b@c.example> öö &nope; & b");
        assert_eq!(text("a<br><br>b<p>c</p><div>d</div>"), "a\n\nb\n\nc\n\nd");
        assert_eq!(text("<pre>550 a\n 551 b</pre>c"), "550 a\n551 b\nc");
        assert_eq!(text("<table><tr><td>a</td><td>b</td></tr></table>"), "a\nb");
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        assert_eq!(text("<p>a <b@c.example> d"), "a <b@c.example> d");
        assert_eq!(text("a<!-- never closed"), "a");
        assert_eq!(text("1 < 2 <unfinished"), "1 < 2");
        assert_eq!(text("<script>x"), "");
    }
}
