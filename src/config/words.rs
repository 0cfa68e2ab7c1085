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
    let Some((found, expected)) = message.strip_prefix("invalid ").and_then(|rest| rest.split_once(", expected "))
    else {
        return message;
    };
    let expected = match expected.trim() {
        "u8" | "u16" | "u32" | "u64" | "usize" if found.starts_with("value") => "a whole number, 0 or above",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number",
        "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a string" | "string" => "text in quotes",
        "a sequence" => "a list such as `[\"one\", \"two\"]`",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let is_bare = expected.contains("number") || expected.contains("`true`");
    let is_wrong_kind = found.starts_with("type");
    // Nothing of the value, which may be a secret.
    let found = match found.split_once(": ").map(|(_, found)| found).filter(|_| is_wrong_kind) {
        Some("sequence") => ", not a list",
        Some("map") => ", not a table",
        Some("text") if is_bare => NOT_IN_QUOTES,
        Some("text") => NOT_TEXT,
        Some(found) if found.starts_with("boolean") => ", not true or false",
        Some(found) if found.starts_with("floating") && is_bare => ", without a decimal point",
        Some(found) if found.starts_with("integer") || found.starts_with("floating") => ", not a number",
        Some(found) if found.contains("datetime") => ", not a date or time",
        _ => "",
    };
    format!("must be {expected}{found}")
}

/// What is said of text in a file where something else is meant; in the environment everything is text.
pub(super) const NOT_IN_QUOTES: &str = ", not text: leave out the quotes";
pub(super) const NOT_TEXT: &str = ", not text";

/// The rest of a message behind "unknown field `" in our words.
fn unknown_field(rest: &str) -> Option<String> {
    let (field, known) = named(rest)?;
    if let Some(elsewhere) = elsewhere(field, &known) {
        return Some(format!("`{field}` is no key here: {elsewhere}"));
    }
    Some(match nearest(field, known.iter().copied()) {
        Some(near) => format!("`{field}` is no key here: did you mean `{near}`?"),
        None => format!("`{field}` is no key here: the keys are {}", listed(&known)),
    })
}

/// Where Besked has what other programs have under this key.
fn elsewhere(field: &str, known: &[&str]) -> Option<&'static str> {
    let is_relay = known.contains(&"rate_per_second");
    let is_top = known.contains(&"organisation");
    match field.to_lowercase().as_str() {
        "ssl" | "tls" | "starttls" | "secure" | "use_tls" | "use_ssl" | "encryption" if is_relay => Some(
            "it is part of the `url`, as in `smtps://user@host:465` (TLS from the first byte) or `smtp://user@host:587` (STARTTLS)",
        ),
        "host" | "hostname" | "server" | "smtp_server" | "port" | "user" | "username" | "login" if is_relay => {
            Some("it is part of the `url`, as in `smtp://user@smtp.example.com:587`")
        }
        "pass" | "passwd" | "smtp_password" if is_relay => {
            Some("the password is in a file, which `password_file` names, or in the environment")
        }
        "include" | "includes" | "import" | "extends" if is_top => {
            Some("there is one file, and the environment changes single keys of it: `BESKED__DATABASE__URL=...`")
        }
        "mail" | "relays" | "smtp_relay" if is_top => Some("the servers are named as `[[relay]]`"),
        _ => None,
    }
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
