//! Errors of the parser in words that help: nothing of the value, which may be a secret, and no names of types.

use crate::domain::problem::nearest;

/// The message of an error, as what must be done.
pub(super) fn own(message: &str) -> String {
    let message = without_value(message);
    if let Some(rest) = message.strip_prefix("unknown field `") {
        return unknown_field(rest).unwrap_or(message);
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        return unknown_word(rest).unwrap_or(message);
    }
    if let Some(field) = message.strip_prefix("missing field `") {
        return format!("lacks `{}`", field.trim_end_matches('`'));
    }
    if message.contains("expected literal string") {
        return "is not text in straight quotes: \"like this\"".to_owned();
    }
    let Some((found, expected)) = message.strip_prefix("invalid ").and_then(|rest| rest.split_once(", expected "))
    else {
        return message;
    };
    let expected = match expected.trim() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "string" => "text in quotes",
        "a sequence" => "a list",
        "a map" => "a table",
        other => other,
    };
    let found = match found.split_once(": ") {
        Some((_, found)) => format!(", not {}", found.replace("sequence", "a list").replace("map", "a table")),
        None => String::new(),
    };
    format!("must be {expected}{found}")
}

/// The rest of a message behind "unknown field `" in our words.
fn unknown_field(rest: &str) -> Option<String> {
    let (field, known) = named(rest)?;
    Some(match nearest(field, known.iter().copied()) {
        Some(near) => format!("`{field}` is no key here: did you mean `{near}`?"),
        None => format!("`{field}` is no key here: the keys are {}", listed(&known)),
    })
}

/// The rest of a message behind "unknown variant `" in our words.
fn unknown_word(rest: &str) -> Option<String> {
    let (word, known) = named(rest)?;
    Some(match nearest(word, known.iter().copied()) {
        Some(near) => format!("`{word}` is none of {}: did you mean `{near}`?", listed(&known)),
        None => format!("`{word}` is none of {}", listed(&known)),
    })
}

/// The name that is wrong, and those that are right.
fn named(rest: &str) -> Option<(&str, Vec<&str>)> {
    let (wrong, expected) = rest.split_once('`')?;
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    (!known.is_empty()).then_some((wrong, known))
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The message of an error without the value that serde quotes in it.
fn without_value(message: &str) -> String {
    let message = message.trim_end();
    for (quoted, said) in [("invalid type: string ", "invalid type: text"), ("invalid value: string ", "invalid value")]
    {
        if message.starts_with(quoted)
            && let Some((_, expected)) = message.rsplit_once(", expected ")
        {
            return format!("{said}, expected {expected}");
        }
    }
    message.to_owned()
}
