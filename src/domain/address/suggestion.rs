//! What was probably meant by a text that is no address.

use super::{Address, AddressError, not_more_than_one};
use crate::domain::character::{is_unseen, look_alike};

/// The address that was probably meant by a text that is none, if that is plain.
#[must_use]
pub fn suggestion(text: &str) -> Option<Address> {
    if text.len() > 1024 || matches!(not_more_than_one(text), Err(AddressError::Several)) {
        return None;
    }
    let inside = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(inside, _)| inside);
    let plain: String = inside.chars().map(|c| look_alike(c).unwrap_or(c)).collect();
    let at = plain
        .replace("(at)", "@")
        .replace("[at]", "@")
        .replace(" at ", "@")
        .replace("[dot]", ".")
        .replace("(dot)", ".");
    let alone = at
        .split_once(':')
        .filter(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphabetic()))
        .map_or(&*at, |it| it.1);
    let seen: String = alone.chars().filter(|c| !is_unseen(*c)).collect();
    let trimmed = seen.trim_matches(['.', ',', ';', ':', '"', '\'', '<', '>', '(', ')', '[', ']']);
    let dotted = trimmed.rsplit_once('@').map(|(local, domain)| format!("{local}@{}", domain.replace(',', ".")));
    let single = trimmed.replace("@@", "@").replace("..", ".");
    // A blank within an address is a slip, and what is before it no address of anybody.
    let is_in_words = matches!(not_more_than_one(text), Err(AddressError::NotAlone));
    let in_words = alone
        .split_whitespace()
        .find(|word| is_in_words && word.contains('@'))
        .map(|word| word.trim_matches(['(', ')', ',', ';', ':']));
    let candidates = in_words.into_iter().chain([&*seen, trimmed, &*single]).chain(dotted.as_deref());
    candidates.filter(|it| *it != text && !is_split(text)).find_map(|it| Address::parse(it).ok())
}

/// True for one word before an address, as in `anna berg@example.com`: it may be a part of the address, and what is behind it the
/// address of somebody else.
fn is_split(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let (first, second, more) = (words.next(), words.next(), words.next());
    let is_part = |word: &str| word.chars().all(|c| c.is_alphanumeric() || "._-+".contains(c));
    more.is_none()
        && first.is_some_and(is_part)
        && second.is_some_and(|it| it.contains('@') && !it.starts_with('@') && !it.contains(['<', '(']))
}
