//! TOML that is not valid: what its author probably meant, and how to write it. The library's words name its grammar.

/// Quotes of word processors, and the one that TOML has.
const QUOTES: &[(&str, char)] =
    &[("\u{201C}\u{201D}\u{201E}\u{201F}\u{AB}\u{BB}\u{2033}", '"'), ("\u{2018}\u{2019}\u{201A}\u{201B}`\u{B4}", '\'')];

/// Says what is wrong with a line; `message` is what the library says.
pub fn explain(line: &str, message: &str) -> String {
    let (key, value) =
        line.split_once('=').map_or((None, line.trim()), |(key, value)| (Some(key.trim()), value.trim()));
    if let Some(found) = curly(line) {
        return found;
    }
    if message.contains("duplicate") {
        return format!("`{}` is there twice: remove one of them", shown(key.unwrap_or(value)));
    }
    match (key, value.chars().next()) {
        (None, _) => without_value(value, message),
        (Some(_), None) => "the value is missing: write text as `key = \"text\"`".to_owned(),
        (Some(_), Some(_)) if is_word(value, &["yes", "no", "on", "off", "true", "false"]) => {
            "write `true` or `false`, in small letters and without quotes".to_owned()
        }
        (Some(_), Some('"')) => quoted(value, message),
        (Some(_), Some(c)) if c.is_ascii_digit() => number(value, message),
        (Some(key), Some(c)) if c.is_alphabetic() => {
            format!("text stands in straight quotes, as in `{} = \"text\"`", shown(key))
        }
        _ => message.to_owned(),
    }
}

/// A quote that is none for TOML, outside of text in straight quotes.
fn curly(line: &str) -> Option<String> {
    let mut open = None;
    for c in line.chars() {
        match (open, c) {
            (None, '"' | '\'') => open = Some(c),
            (Some(quote), c) if quote == c => open = None,
            (None, '#') => return None,
            (None, c) => {
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
    if line.starts_with('[') != line.ends_with(']') {
        return "the name of a table stands in brackets, as in `[fields]`; a list ends with `]`".to_owned();
    }
    if line.starts_with(['"', '\'']) {
        return "a comma is missing between the entries of a list, as in `[\"one\", \"two\"]`".to_owned();
    }
    if line.contains(':') || line.starts_with("- ") {
        return "this is not YAML: write `key = \"text\"`, and lists as `[\"one\", \"two\"]`".to_owned();
    }
    if line.is_empty() {
        return message.to_owned();
    }
    "a line is `key = value`, the name of a table in brackets, or a comment that begins with `#`".to_owned()
}

/// A value that begins with a quote.
fn quoted(value: &str, message: &str) -> String {
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
    match text.rsplit('"').next().map(str::trim) {
        Some(rest) if !rest.is_empty() => {
            format!("`{}` after the text is too much: a comment begins with `#`", shown(rest))
        }
        _ => message.to_owned(),
    }
}

/// A value that begins with a digit.
fn number(value: &str, message: &str) -> String {
    if value.contains([':', '-', '.']) && value.len() > 4 {
        let times = "a time is written 2026-12-01T22:00:00+01:00, and a date 2026-12-01, without quotes";
        // The library says which part of a date does not exist.
        return if message.contains("between") { message.to_owned() } else { times.to_owned() };
    }
    "a value with more than a number in it is text and stands in straight quotes, as in `\"1,5\"`".to_owned()
}

fn is_word(value: &str, words: &[&str]) -> bool {
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect::<String>().escape_debug().to_string()
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
