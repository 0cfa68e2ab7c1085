//! The machine part of a report: groups of fields, one for each recipient (RFC 3464 section 2.1, RFC 6533).

use crate::domain::report::{Action, Status};
use crate::inbound::reader::address;

/// The fields of one group, names in lower case, values unfolded.
#[derive(Debug, Default)]
pub struct Group {
    fields: Vec<(String, String)>,
}

/// What a group says of a recipient, before it is judged.
#[derive(Debug)]
pub struct Recipient {
    /// `Final-Recipient`, else `Original-Recipient`.
    pub address: String,
    /// `Original-Recipient`, if it is another.
    pub original: Option<String>,
    /// `Action`.
    pub action: Option<Action>,
    /// `Status`.
    pub status: Option<Status>,
    /// `Diagnostic-Code` without its type.
    pub diagnostic: Option<String>,
    /// `Remote-MTA` without its type.
    pub remote_mta: Option<String>,
    /// True if the server says until when it tries.
    pub retries: bool,
}

/// Longest value that is kept.
const LONGEST: usize = 4_000;

impl Group {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a field.
    pub fn all<'g>(&'g self, name: &'g str) -> impl Iterator<Item = &'g str> {
        self.fields.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Names, in lower case, and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn has_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some())
    }
}

/// Fields that begin the part of a recipient.
const RECIPIENT: &[&str] = &["final-recipient", "original-recipient"];

/// Fields that follow them.
const OUTCOME: &[&str] = &["action", "status", "diagnostic-code"];

/// Divides text into groups at blank lines, and where a group would begin to speak of a second recipient. A group that has
/// only an outcome belongs to the recipient before it: some servers put blank lines between all fields.
#[must_use]
pub fn groups(text: &str, most: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut open = Group::default();
    let mut fields = 0;
    for line in text.lines() {
        if line.trim().is_empty() {
            close(&mut groups, &mut open);
        } else if line.starts_with([' ', '\t'])
            && let Some((_, value)) = open.fields.last_mut()
        {
            append(value, line.trim());
        } else if let Some((name, value)) = field(line) {
            let repeated = RECIPIENT.contains(&name.as_str()) && open.get(&name).is_some();
            if repeated {
                close(&mut groups, &mut open);
            }
            open.fields.push((name, value));
            fields += 1;
        } else if let Some((_, value)) = open.fields.last_mut() {
            append(value, line.trim());
        }
        if groups.len() > most + 10 || fields > most.saturating_mul(30) + 100 {
            break; // over the bounds already, whatever follows
        }
    }
    close(&mut groups, &mut open);
    groups
}

fn append(value: &mut String, line: &str) {
    if value.len() < LONGEST {
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(line);
    }
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim();
    let is_name =
        !name.is_empty() && name.len() < 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let value: String = value.trim().chars().take(LONGEST).collect();
    is_name.then(|| (name.to_ascii_lowercase(), value))
}

fn close(groups: &mut Vec<Group>, open: &mut Group) {
    let group = std::mem::take(open);
    if group.fields.is_empty() {
        return;
    }
    if let Some(last) = groups.last_mut()
        && !group.has_any(RECIPIENT)
        && group.has_any(OUTCOME)
        && last.has_any(RECIPIENT)
        && !(last.has_any(&["action"]) && last.has_any(&["status"]))
    {
        last.fields.extend(group.fields);
    } else {
        groups.push(group);
    }
}

/// What a group says of a recipient; `None` for the group about the message.
#[must_use]
pub fn recipient(group: &Group) -> Option<Recipient> {
    let last = group.get("final-recipient").map(typed_address).filter(|address| !address.is_empty());
    let original = group.get("original-recipient").map(typed_address).filter(|address| !address.is_empty());
    let original = original.map(|original| without_xtext(&original));
    let address = last.or_else(|| original.clone())?;
    let original = original.filter(|original| original.contains('@') && !address::same(original, &address));
    let status = group.get("status").and_then(status_of);
    Some(Recipient {
        address,
        original,
        action: group.get("action").and_then(|value| action(value, status)),
        status,
        diagnostic: group.get("diagnostic-code").map(untyped).filter(|text| !text.is_empty()),
        remote_mta: group.get("remote-mta").map(untyped).filter(|text| !text.is_empty()),
        retries: group.get("will-retry-until").is_some(),
    })
}

/// What happened, as a group says that names no recipient.
#[must_use]
pub fn outcome(groups: &[Group]) -> Option<Action> {
    groups.iter().find_map(|group| action(group.get("action")?, group.get("status").and_then(status_of)))
}

/// The first code in `Status`, which may have a comment behind it.
fn status_of(value: &str) -> Option<Status> {
    value.split(|c: char| c.is_whitespace() || matches!(c, '(' | ';' | ',')).find_map(|word| word.parse().ok())
}

/// The actions of RFC 3464 section 2.3.3.
const ACTIONS: [&str; 5] = ["failed", "delayed", "delivered", "relayed", "expanded"];

/// `Action` without its comment. Words that RFC 3464 does not know (`error`, `expired`) are read as failures, unless the status says
/// that all went well. The beginning of a word says nothing: the report was cut off.
fn action(value: &str, status: Option<Status>) -> Option<Action> {
    let word = value.trim_start_matches('"').split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "" => None,
        "failed" | "fail" => Some(Action::Failed),
        "delayed" | "deferred" | "delay" => Some(Action::Delayed),
        "delivered" | "deliverable" => Some(Action::Delivered),
        "relayed" => Some(Action::Relayed),
        "expanded" => Some(Action::Expanded),
        _ if ACTIONS.iter().any(|action| action.starts_with(&word)) => None,
        _ => Some(Action::Failed).filter(|_| status.is_none_or(|status| status.class != 2)),
    }
}

/// An original recipient without the marks of xtext (RFC 3461 section 4), which some servers leave in: `a+2Bb` was `a+b`.
fn without_xtext(address: &str) -> String {
    address.replace("+2B", "+").replace("+3D", "=")
}

/// An address without its type (`rfc822; a@x.example`), without brackets and comment.
pub fn typed_address(value: &str) -> String {
    let (kind, address) = match value.split_once(';') {
        Some((kind, address)) => (kind.trim(), address.trim()),
        None => ("", value.trim()),
    };
    let address = address.strip_prefix("rfc822;").unwrap_or(address);
    let bare = address.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ';'));
    if let Some(quoted) = quoted(bare) {
        return quoted.to_owned();
    }
    let address = address.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\'' | ';'));
    let address = match address::first(address) {
        // A comment or a name around the address, not a quoted local part.
        Some(found) if address.contains(char::is_whitespace) || address.contains(['<', '>']) => found,
        _ => address.split_once(" (").map_or(address, |(before, _)| before),
    };
    if kind.eq_ignore_ascii_case("utf-8") { unescaped(address) } else { address.to_owned() }
}

/// An address whose local part stands in quotes, and may hold anything.
fn quoted(text: &str) -> Option<&str> {
    let range = address::find(text).into_iter().next()?;
    text.get(range).filter(|found| text.starts_with('"') && found.starts_with('"'))
}

/// A `utf-8` address in its form for ASCII (RFC 6533 section 3): `\x{E5}` is `å`.
fn unescaped(address: &str) -> String {
    let mut text = String::with_capacity(address.len());
    let mut rest = address;
    while let Some(start) = rest.find("\\x{") {
        let (before, escape) = rest.split_at(start);
        text.push_str(before);
        let code = escape[3..].split_once('}').filter(|(hex, _)| hex.len() <= 6);
        match code.and_then(|(hex, after)| Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, after))) {
            Some((c, after)) => {
                text.push(c);
                rest = after;
            }
            None => {
                text.push_str("\\x{");
                rest = &escape[3..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// A value without its type: `smtp; 550 no` is `550 no`.
fn untyped(value: &str) -> String {
    match value.split_once(';') {
        Some((kind, rest)) if !kind.trim().contains(char::is_whitespace) => rest.trim().to_owned(),
        _ => value.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Recipient> {
        groups(text, 100).iter().filter_map(recipient).collect()
    }

    #[test]
    fn each_recipient_has_its_own_outcome() {
        let found = read(
            "Reporting-MTA: dns; mx.x.example\n\nFinal-Recipient: rfc822;a@x.example\nAction: failed (gone)\nStatus: 5.1.1 (bad)\n\
             Diagnostic-Code: smtp; 550\n 5.1.1 no\n\nOriginal-Recipient: rfc822; <list@x.example>\nFinal-Recipient: utf-8; \\x{E5}@x.example\n\
             Action: Delayed\nWill-Retry-Until: later\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].address.as_str(), found[0].action), ("a@x.example", Some(Action::Failed)));
        assert_eq!(found[0].diagnostic.as_deref(), Some("550 5.1.1 no"));
        assert_eq!(found[1].address, "å@x.example");
        assert_eq!(found[1].original.as_deref(), Some("list@x.example"));
        assert!(found[1].retries && found[1].status.is_none());
    }

    #[test]
    fn odd_spellings_are_read() {
        let found = read(
            "FINAL-RECIPIENT : a@x.example\n\nACTION: error\n\nstatus: 5.0.0\nFinal-Recipient: RFC822; Bo <b@x.example> (Bo)\nAction: expired\n\
             Diagnostic-Code: no type; 5.1.1\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].address.as_str(), found[0].action), ("a@x.example", Some(Action::Failed)));
        assert_eq!((found[1].address.as_str(), found[1].action), ("b@x.example", Some(Action::Failed)));
        assert_eq!(found[1].diagnostic.as_deref(), Some("no type; 5.1.1"));
        assert_eq!(read("Final-Recipient: rfc822; <>\nAction: failed").len(), 0);
    }

    #[test]
    fn quoted_and_encoded_addresses_are_read() {
        for (field, address) in [
            ("rfc822; \"anna berg\"@x.example", "\"anna berg\"@x.example"),
            ("rfc822; <\"anna berg\"@x.example> (Anna)", "\"anna berg\"@x.example"),
            ("rfc822; \"anna@x.example\"", "anna@x.example"),
            ("utf-8; \u{e5}sa@sk\u{e4}r.example", "\u{e5}sa@sk\u{e4}r.example"),
            ("UTF-8;\\x{E5}sa@sk\\x{E4}r.example", "\u{e5}sa@sk\u{e4}r.example"),
        ] {
            assert_eq!(read(&format!("Final-Recipient: {field}\nAction: failed"))[0].address, address, "{field}");
        }
        let found =
            read("Original-Recipient: rfc822;a+2Bb@x.example\nFinal-Recipient: rfc822;c@x.example\nAction: failed");
        assert_eq!(found[0].original.as_deref(), Some("a+b@x.example"));
    }

    #[test]
    fn an_action_that_is_cut_off_or_unknown_is_no_failure_if_the_rest_says_otherwise() {
        let of = |text: &str| read(&format!("Final-Recipient: rfc822;a@x.example\n{text}"))[0].action;
        for (text, action) in [
            ("Action: deliv", None),
            ("Action: rel\nStatus: 2.0.0", None),
            ("Action: sent\nStatus: 2.0.0", None),
            ("Action: sent", Some(Action::Failed)),
            ("Action: expired\nStatus: 4.4.7", Some(Action::Failed)),
            ("Action: failed\nStatus: 2.0.0", Some(Action::Failed)),
        ] {
            assert_eq!(of(text), action, "{text}");
        }
    }
}
