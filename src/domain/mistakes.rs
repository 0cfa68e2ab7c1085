//! TOML that is not valid: what its author probably meant, and how to write it. The library's words name its grammar.

use crate::domain::character::{Named, is_unseen};

/// Quotes of word processors, and the one that TOML has.
const QUOTES: &[(&str, char)] =
    &[("\u{201C}\u{201D}\u{201E}\u{201F}\u{AB}\u{BB}\u{2033}", '"'), ("\u{2018}\u{2019}\u{201A}\u{201B}`\u{B4}", '\'')];

/// What an explanation may quote of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// All of it.
    All,
    /// Nothing: it may hold a secret, and what is not valid may be a part of it.
    Nothing,
}

impl Quote {
    /// The beginning of a text, or what stands for it.
    fn of(self, text: &str, instead: &str) -> String {
        match self {
            Self::All => format!("`{}`", text.chars().take(40).collect::<String>().escape_debug()),
            Self::Nothing => instead.to_owned(),
        }
    }
}

/// Says what is wrong with a line; `message` is what the library says.
#[must_use]
pub fn explain(line: &str, message: &str, quote: Quote) -> String {
    let (key, value) =
        line.split_once('=').map_or((None, line.trim()), |(key, value)| (Some(key.trim()), value.trim()));
    if let Some(found) = curly(line) {
        return found;
    }
    if message.contains("carriage return") {
        return grammar(message);
    }
    if message.contains("duplicate") {
        let bare = key.unwrap_or_else(|| value.trim_matches(['[', ']']));
        return format!("{} is there twice: remove one of them", quote.of(bare, "this key or table"));
    }
    if message.contains("cannot extend") {
        return format!("{} is there already as another kind of value", quote.of(key.unwrap_or(value), "this key"));
    }
    // An invalid date also has something "between".
    let between = message.contains("between") && !message.contains("invalid");
    let is_list = message.contains("array") || message.contains("inline table") || between;
    let is_header = is_header(line.trim());
    if is_list && (is_header || (key.is_some() && !value.contains(['[', '{']))) {
        let (what, end) = if message.contains("array") { ("list", ']') } else { ("table in one line", '}') };
        return format!("the {what} that begins above has no `{end}` at its end");
    }
    match (key, value.chars().next()) {
        (None, _) => without_value(value, message),
        (Some(""), _) => "the name of the key is missing before the `=`".to_owned(),
        (Some(key), _) if key.contains(char::is_whitespace) && !key.contains(['"', '\'']) => {
            "the name of a key has no blanks in it".to_owned()
        }
        (Some(_), None) => "the value is missing: write text as `key = \"text\"`".to_owned(),
        (Some(_), Some(_)) if is_word(value, &["yes", "no", "on", "off", "true", "false"]) => {
            "write `true` or `false`, in small letters and without quotes".to_owned()
        }
        (Some(_), Some('"' | '\'')) => quoted(value, message, quote),
        (Some(_), Some('[' | '{')) => grammar(message),
        (Some(_), Some(c)) if c.is_ascii_digit() || "+-.".contains(c) => number(value, message),
        (Some(key), Some(_)) => format!(
            "text stands in straight quotes, as in `{} = \"text\"`",
            match quote {
                Quote::All => key.chars().take(40).collect::<String>().escape_debug().to_string(),
                Quote::Nothing => "key".to_owned(),
            }
        ),
    }
}

/// True for the header of a table, or of a table in a list.
fn is_header(line: &str) -> bool {
    let name = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_even = line.starts_with("[[") == line.ends_with("]]");
    is_even && name.is_some_and(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.[]".contains(c)))
}

/// The library's words for what no line alone explains, in ours.
fn grammar(message: &str) -> String {
    let is_about = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let said = if is_about(&["inline table", "between key-value", "assignment"]) {
        "a table in one line is written `{ key = \"text\", other = 1 }`"
    } else if is_about(&["array", "comma"]) {
        "a list is written `[\"one\", \"two\"]`, with one comma between two entries"
    } else if is_about(&["carriage return"]) {
        "the line ends with a carriage return alone: save the file with the line breaks of Linux or Windows"
    } else if is_about(&["comment character"]) {
        "the comment has a character that cannot be seen: write it anew"
    } else if is_about(&["recurs"]) {
        "lists and tables are nested too deep"
    } else {
        LINES
    };
    said.to_owned()
}

/// What a line is.
const LINES: &str = "a line is `key = value`, the name of a table in brackets, or a comment that begins with `#`";

/// A quote that is none for TOML, outside of text in straight quotes.
fn curly(line: &str) -> Option<String> {
    let mut open = None;
    for c in line.chars() {
        match (open, c) {
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            (None, '#') => return None,
            (None, c) => {
                if (c.is_whitespace() && !c.is_ascii()) || is_unseen(c) && !c.is_ascii() {
                    return Some(format!(
                        "has {}, which looks like a space or cannot be seen: write a space or nothing",
                        Named(c)
                    ));
                }
                if let Some((_, straight)) = QUOTES.iter().find(|(quotes, _)| quotes.contains(c)) {
                    let number = u32::from(c);
                    return Some(format!(
                        "is not text in straight quotes: write {straight} in place of {c} (U+{number:04X})"
                    ));
                }
            }
            _ => {}
        }
    }
    None
}

/// A line without `=`.
fn without_value(line: &str, message: &str) -> String {
    if line.starts_with("[[") != line.ends_with("]]") {
        return "the name of a table in a list stands in double brackets, as in `[[name]]`".to_owned();
    }
    if line.starts_with('[') != line.ends_with(']') {
        return "the name of a table stands in brackets, as in `[name]`; a list ends with `]`".to_owned();
    }
    if line.starts_with(['"', '\'']) {
        return "a comma is missing between the entries of a list, as in `[\"one\", \"two\"]`".to_owned();
    }
    if line.starts_with('{') {
        return "this is not JSON: write `key = \"text\"` on a line of its own, below its `[table]`".to_owned();
    }
    if line.contains(':') || line.starts_with("- ") {
        return "this is not YAML: write `key = \"text\"`, and lists as `[\"one\", \"two\"]`".to_owned();
    }
    grammar(message)
}

/// A value that begins with a quote.
fn quoted(value: &str, message: &str, quote: Quote) -> String {
    if let Some(rest) = value.strip_prefix('\'') {
        return match rest.split_once('\'') {
            None => "the text has no closing quote".to_owned(),
            Some((_, rest)) if rest.contains('\'') => "text with a ' in it stands in double quotes".to_owned(),
            Some((_, rest)) => behind(rest, message, quote),
        };
    }
    let text = value.replace("\\\\", "").replace("\\\"", "");
    let quotes = text.matches('"').count();
    if quotes == 1 {
        return "the text has no closing quote; text of several lines stands between \"\"\" and \"\"\"".to_owned();
    }
    if text.contains('\\') {
        return "a backslash in text is written `\\\\`; or put the text in single quotes".to_owned();
    }
    if quotes > 2 && !text.starts_with("\"\"\"") {
        return "a quote within text is written `\\\"`; or put the text in single quotes".to_owned();
    }
    behind(text.rsplit('"').next().unwrap_or_default(), message, quote)
}

/// What stands behind a text in quotes.
fn behind(rest: &str, message: &str, quote: Quote) -> String {
    match rest.trim() {
        "" => grammar(message),
        "," => "a line does not end with a comma".to_owned(),
        rest => format!("{} after the text is too much: a comment begins with `#`", quote.of(rest, "what stands")),
    }
}

/// A value that begins with a digit.
fn number(value: &str, message: &str) -> String {
    if value.contains([':', '-', '.']) && value.len() > 4 {
        let times = "a time is written 2026-12-01T22:00:00+01:00, and a date 2026-12-01, without quotes";
        // The library says which part of a date does not exist.
        let range = message.split("between ").nth(1).filter(|range| range.starts_with(|c: char| c.is_ascii_digit()));
        return range.map_or_else(
            || times.to_owned(),
            |range| format!("there is no such date or time: a part of it is not between {range}"),
        );
    }
    if value.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') {
        return "a number has a decimal point, as in 1.5; as text it stands in straight quotes, as in `\"1,5\"`"
            .to_owned();
    }
    "a value with more than a number in it is text and stands in straight quotes, as in `\"1 MB\"`".to_owned()
}

fn is_word(value: &str, words: &[&str]) -> bool {
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use crate::domain::front_matter::Document;

    #[test]
    fn each_mistake_has_its_sentence() {
        let quotes = |straight: char, c: char, number: &str| {
            format!("is not text in straight quotes: write {straight} in place of {c} (U+{number})")
        };
        let time = "a time is written 2026-12-01T22:00:00+01:00, and a date 2026-12-01";
        for (toml, wanted) in [
            ("subject = “Notice”", quotes('"', '“', "201C")),
            ("subject = „Notice“", quotes('"', '„', "201E")),
            ("subject = «Notice»", quotes('"', '«', "00AB")),
            ("subject = ‘Notice’", quotes('\'', '‘', "2018")),
            ("subject = `Notice`", quotes('\'', '`', "0060")),
            ("services = [\"a\", “b”]", quotes('"', '“', "201C")),
            ("subject = Hello there", "text stands in straight quotes, as in `subject = \"text\"`".to_owned()),
            ("subject: Hello", "this is not YAML".to_owned()),
            ("- item", "this is not YAML".to_owned()),
            ("subject", "a line is `key = value`".to_owned()),
            ("subject =", "the value is missing".to_owned()),
            ("subject = \"Hello", "the text has no closing quote".to_owned()),
            ("subject = \"a \"b\" c\"", "a quote within text is written `\\\"`".to_owned()),
            ("subject = \"C:\\Windows\"", "a backslash in text is written `\\\\`".to_owned()),
            ("subject = \"a\" // note", "after the text is too much: a comment begins with `#`".to_owned()),
            ("all = True", "write `true` or `false`".to_owned()),
            ("all = yes", "write `true` or `false`".to_owned()),
            ("t = 2026-12-01T22:00:00+0100", time.to_owned()),
            ("t = 01.12.2026", time.to_owned()),
            ("t = 2026-02-30T22:00:00Z", "between 01 and 28".to_owned()),
            ("amount = 1,5", "stands in straight quotes, as in `\"1,5\"`".to_owned()),
            ("price = 10 kr", "stands in straight quotes".to_owned()),
            ("[fields", "the name of a table stands in brackets".to_owned()),
            ("a = \"x\"\na = \"y\"", "`a` is there twice".to_owned()),
        ] {
            let document = Document::new(toml, 1);
            drop(document.parse());
            let problems = document.into_problems().to_string();
            assert!(problems.contains(&wanted), "{toml}: {problems}");
        }
    }
}
