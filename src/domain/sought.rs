//! What customers are found by: the words of their names, from the beginning of each, whatever their case and accents.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::domain::address::fold;
use crate::domain::customer::AccountId;

/// The most words that are looked for: each costs a look at the index.
const WORDS: usize = 8;

/// The words of a text, folded, each once: letters and digits, small, without accents. What is stored of customers was folded by this:
/// if it changes, all of it is to be made anew.
#[must_use]
pub fn words(text: &str) -> BTreeSet<String> {
    let folded: String = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        fold(text).nfkd().filter(|c| !is_combining_mark(*c)).collect()
    };
    folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The words that a customer is found by. An account id that is all small or all in capitals is found by itself.
#[must_use]
pub fn words_of(account_id: &str, name: &str) -> BTreeSet<String> {
    let mut found = words(name);
    if account_id != account_id.to_lowercase() && account_id != account_id.to_uppercase() {
        found.extend(words(account_id));
    }
    found
}

/// What somebody typed to find customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// How the account id may begin: as it was typed, all small, and in capitals. Empty if it is no account id.
    pub accounts: Vec<String>,
    /// How words begin that the customer has all of.
    pub words: Vec<String>,
    /// How an address may begin, as the key of an address is written; a domain in other letters than a to z is none before it is whole.
    /// Empty if it is none.
    pub address: String,
}

impl Sought {
    /// What a text asks for.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let account = AccountId::parse(text).ok();
        let cases = account.iter().flat_map(|it| {
            let it = it.as_str();
            [it.to_owned(), it.to_lowercase(), it.to_uppercase()]
        });
        let is_one = !text.is_empty() && !text.contains(char::is_whitespace);
        Self {
            accounts: cases.collect::<BTreeSet<_>>().into_iter().collect(),
            words: longest(words(text)),
            address: if is_one { fold(text) } else { String::new() },
        }
    }

    /// Which of the accounts' beginnings an account has.
    #[must_use]
    pub fn account(&self, account_id: &str) -> Option<usize> {
        self.accounts.iter().position(|it| account_id.starts_with(it))
    }

    /// True if a customer with these words has one that begins with each that was typed.
    #[must_use]
    pub fn has_all(&self, words: &BTreeSet<String>) -> bool {
        !self.words.is_empty() && self.words.iter().all(|it| first(words, it).is_some())
    }
}

/// Some words without those that another one begins with: who has that one has them.
fn longest(words: BTreeSet<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    // In their order a word follows the ones that it begins with.
    for word in words {
        kept.pop_if(|before| word.starts_with(before.as_str()));
        kept.push(word);
    }
    kept.truncate(WORDS);
    kept
}

/// The first of some words that begins with a text.
#[must_use]
pub fn first<'a>(words: &'a BTreeSet<String>, beginning: &str) -> Option<&'a str> {
    words.range(beginning.to_owned()..).next().map(String::as_str).filter(|it| it.starts_with(beginning))
}

/// The text after all that begin with `beginning`, in the order of bytes.
#[must_use]
pub fn end(beginning: &str) -> String {
    format!("{beginning}{}", char::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_folded_and_counted_once() {
        let of = |text: &str| words(text).into_iter().collect::<Vec<_>>();
        assert_eq!(of("Anna Andersson AB"), ["ab", "andersson", "anna"]);
        assert_eq!(of("Åkeri 100%_AB"), ["100", "ab", "akeri"]);
        assert_eq!(of("O'Neill \"X\" ÉCOLE école ﬁn"), ["ecole", "fin", "neill", "o", "x"]);
        assert_eq!(of("ΣΑΣ Жанна 日本"), ["σασ", "жанна", "日本"]);
        for (one, other) in [("Παπαδόπουλος", "ΠΑΠΑΔΟΠΟΥΛΟΣ"), ("Straße", "STRASSE"), ("A\u{30a}kesson", "åkesson")]
        {
            assert_eq!(of(one), of(other));
        }
        assert!(of(" %-– ").is_empty());
    }

    #[test]
    fn an_account_id_in_mixed_case_is_found_by_words() {
        let of = |account: &str| words_of(account, "X").into_iter().collect::<Vec<_>>();
        assert_eq!(of("C-17"), ["x"]);
        assert_eq!(of("kund-17"), ["x"]);
        assert_eq!(of("Kund-17"), ["17", "kund", "x"]);
    }

    #[test]
    fn what_was_typed_says_how_things_begin() {
        let sought = Sought::parse(" Kund-1 ");
        assert_eq!(sought.accounts, ["KUND-1", "Kund-1", "kund-1"]);
        assert_eq!(
            (sought.words.as_slice(), sought.address.as_str()),
            (&["1".to_owned(), "kund".to_owned()][..], "kund-1")
        );
        assert_eq!((sought.account("kund-17"), sought.account("kunde")), (Some(2), None));
        let names = Sought::parse("berg ann");
        assert!(names.accounts.is_empty() && names.address.is_empty());
        assert!(names.has_all(&words("Anna Bergström")) && !names.has_all(&words("Anna Ek")));
        assert!(!Sought::parse("").has_all(&words("Anna")) && Sought::parse("").accounts.is_empty());
        assert!(!Sought::parse("%").has_all(&words("Anna")));
        assert_eq!(Sought::parse("an ander b ann").words, ["ander", "ann", "b"]);
        assert_eq!(Sought::parse("a b c d e f g h i j").words.len(), WORDS);
    }

    #[test]
    fn what_begins_with_a_text_lies_before_its_end() {
        for text in ["ander", "anderö", "ander\u{10fffd}"] {
            assert!(text >= "ander" && *text < *end("ander"), "{text}");
        }
        assert!(*"andes" > *end("ander"));
        assert_eq!(first(&words("Anders Andersson"), "ander"), Some("anders"));
    }
}
