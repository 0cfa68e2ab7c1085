//! Addresses among other words.

use super::AddressKey;

/// The characters that separate an address from the words around it.
fn is_apart(c: char) -> bool {
    c.is_whitespace() || "<>()[]{},;:\"'".contains(c)
}

/// The punctuation that ends a sentence and no address.
const STOPS: [char; 3] = ['.', '!', '?'];

/// The keys of the addresses that a text mentions, in order.
pub fn mentions(text: &str) -> impl Iterator<Item = AddressKey> {
    let words = text.split(is_apart).map(|word| word.trim_matches(STOPS));
    words.filter(|word| word.contains('@')).filter_map(AddressKey::of)
}

/// True if a text mentions an address, in any spelling. An address that only begins or ends like it is another one.
#[must_use]
pub fn mentioned(text: &str, key: &AddressKey) -> bool {
    mentions(text).any(|mention| mention == *key)
}

/// The text with `replace` of each mention of an address, in any spelling, in the mention's place.
pub fn replace_mentions(text: &str, key: &AddressKey, replace: impl Fn(&str) -> String) -> String {
    let mut replaced = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_apart) {
        let word = piece.strip_suffix(is_apart).unwrap_or(piece);
        let begin = word.len() - word.trim_start_matches(STOPS).len();
        let mention = word.trim_matches(STOPS);
        if mention.contains('@') && AddressKey::of(mention).as_ref() == Some(key) {
            replaced += &piece[..begin];
            replaced += &replace(mention);
            replaced += &piece[begin + mention.len()..];
        } else {
            replaced += piece;
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_mentions_an_address_and_not_one_that_ends_like_it() {
        let anna = AddressKey::of("anna@x.example").unwrap();
        for text in ["anna@x.example", "told Anna (Anna@X.EXAMPLE).", "<anna@x.example>, Bo", "mailto:anna@x.example"] {
            assert!(mentioned(text, &anna), "{text}");
        }
        for text in ["johanna@x.example", "anna@x.example.org", "anna at x.example", "anna@y.x.example", ""] {
            assert!(!mentioned(text, &anna), "{text}");
        }
    }
}
