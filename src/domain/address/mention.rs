//! Mentions: the addresses in a text that somebody wrote, a server's reply or the words of an operator.
//!
//! No rule says where an address in a sentence begins. Around each `@` the longest run of characters that an address may have is
//! read, and beside it shorter ones: a person has to be found whatever punctuation is around the address, and `o'brien@` must not be
//! taken for `brien@`.

use std::ops::Range;

use super::{AddressKey, is_atext};
use crate::domain::character::{is_mark, is_unseen, look_alike};
use crate::domain::domain_name::DomainName;

/// The longest local part in bytes before its normalisation, which can shorten it.
const LONGEST_LOCAL: usize = 3 * 64;

/// The keys of the addresses that a text mentions, in order. If it is not certain where an address begins or ends, each address that
/// may be meant is among them.
pub fn mentions(text: &str) -> impl Iterator<Item = AddressKey> {
    candidates(text).map(|(_, key)| key)
}

/// True if a text mentions an address, in any spelling. An address that only begins or ends like it is another one.
#[must_use]
pub fn mentioned(text: &str, key: &AddressKey) -> bool {
    candidates(text).any(|(_, mention)| mention == *key)
}

/// The text with `replace` of each mention of one of the addresses, in any spelling, in the mention's place.
pub fn replace_mentions(
    text: &str,
    is_meant: impl Fn(&AddressKey) -> bool,
    replace: impl Fn(&str) -> String,
) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut end = 0;
    for (place, _) in candidates(text).filter(|(_, key)| is_meant(key)) {
        if place.start >= end {
            replaced += &text[end..place.start];
            replaced += &replace(&text[place.clone()]);
            end = place.end;
        }
    }
    replaced + &text[end..]
}

/// The places and keys of all addresses that may be meant, those around one `@` with the longest first.
fn candidates(text: &str) -> impl Iterator<Item = (Range<usize>, AddressKey)> {
    text.match_indices('@').flat_map(|(at, _)| {
        let starts = starts(&text[..at]);
        let ends = if starts.is_empty() { Vec::new() } else { ends(&text[at + 1..]) };
        let places = ends.into_iter().flat_map(move |end| {
            let starts = starts.clone();
            starts.into_iter().map(move |start| start..at + 1 + end)
        });
        places.filter_map(|place| Some((place.clone(), AddressKey::of(&text[place])?)))
    })
}

/// Where a local part may begin in the text before an `@`: first the beginning of the longest run, then behind each character that
/// is punctuation rather than a part of a name.
fn starts(before: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut first = before.len();
    for (index, c) in before.char_indices().rev() {
        if before.len() - index > LONGEST_LOCAL || !is_local(c) {
            break;
        }
        first = index;
    }
    let mut is_name = false;
    let mut last = None;
    for (index, c) in before[first..].char_indices() {
        let divided = last.is_none_or(|last| divides(last, is_name) || changes_script(last, c));
        if divided && !is_mark(c) {
            starts.push(first + index);
        }
        is_name |= c.is_alphanumeric();
        last = Some(c);
    }
    starts
}

/// True if an address may begin behind a character. What people have in their names and addresses divides only as long as no name has
/// begun: `_anna@` may be Anna's, `o'brien@` is not Brien's.
fn divides(c: char, is_name: bool) -> bool {
    !c.is_alphanumeric() && !is_mark(c) && (!is_name || !".-_+'".contains(c))
}

/// Where a domain may end in the text behind an `@`: at the end of the longest run that is one. If its last label is unlike those of
/// the DNS, also before the punctuation in it.
fn ends(behind: &str) -> Vec<usize> {
    let mut end = behind.find(|c| !is_domain(c)).unwrap_or(behind.len()).min(1024);
    while !behind.is_char_boundary(end) {
        end -= 1;
    }
    let mut ends = Vec::new();
    loop {
        let domain = &behind[..end];
        if DomainName::parse(domain).is_ok() {
            ends.push(end);
            if is_likely(domain) {
                return ends;
            }
        }
        let mut chars = domain.char_indices().rev();
        let mut behind = chars.next();
        let cut = chars.find_map(|(index, c)| {
            let cut = behind.filter(|(_, last)| !last.is_alphanumeric() && !is_mark(*last) || changes_script(c, *last));
            behind = Some((index, c));
            cut.map(|(cut, _)| cut)
        });
        match cut {
            Some(cut) => end = cut,
            None => return ends,
        }
    }
}

/// True if the last label of a domain is like those of the DNS: letters of one kind, or an A-label.
fn is_likely(domain: &str) -> bool {
    let last = domain.rsplit(is_dot).next().unwrap_or_default();
    let in_letters = last.chars().all(|c| c.is_alphabetic() || is_mark(c));
    let one_script = last.chars().zip(last.chars().skip(1)).all(|(a, b)| !changes_script(a, b));
    (in_letters && one_script) || last.to_ascii_lowercase().starts_with("xn--")
}

/// True between an ASCII letter or digit and a letter of a script that has no case: Japanese or Arabic is written without a blank
/// before an address.
fn changes_script(a: char, b: char) -> bool {
    let has_no_case = |c: char| c.is_alphabetic() && !c.is_ascii() && !c.is_lowercase() && !c.is_uppercase();
    (a.is_ascii_alphanumeric() && has_no_case(b)) || (has_no_case(a) && b.is_ascii_alphanumeric())
}

fn is_local(c: char) -> bool {
    if c.is_ascii() { is_atext(c) || c == '.' } else { is_mark(c) || (!is_unseen(c) && look_alike(c).is_none()) }
}

fn is_domain(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() || "-.".contains(c) } else { is_dot(c) || is_mark(c) || !is_unseen(c) }
}

/// The dots of domain names (RFC 3490 section 3.1).
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::address::Address;

    fn key(text: &str) -> AddressKey {
        AddressKey::of(text).unwrap()
    }

    #[test]
    fn a_text_mentions_an_address_whatever_is_around_it() {
        let anna = key("anna@x.example");
        for text in [
            "anna@x.example",
            "told Anna (Anna@X.EXAMPLE).",
            "<anna@x.example>, Bo",
            "mailto:anna@x.example",
            "anna@x.example/070",
            "e-mail=anna@x.example",
            "*anna@x.example*",
            "_anna@x.example_",
            "'anna@x.example'",
            "anna@x.example|tel",
            "070/anna@x.example",
            "anna@x.example...",
            "anna@x.example\u{2026}",
            "\u{ab}anna@x.example\u{bb}",
            "\u{201c}anna@x.example\u{201d}",
            "\u{2018}anna@x.example\u{2019}",
            "\u{2013}anna@x.example\u{2013}yes",
            "anna@x.example--yes",
            "\u{9023}\u{7d61}\u{5148}anna@x.example\u{306b}",
            "@anna@x.example@",
            "anna@x.example,anna@y.example",
        ] {
            assert!(mentioned(text, &anna), "{text}");
        }
    }

    #[test]
    fn an_address_that_begins_or_ends_like_another_is_another() {
        let anna = key("anna@x.example");
        for text in [
            "johanna@x.example",
            "bo.anna@x.example",
            "bo-anna@x.example",
            "bo_anna@x.example",
            "bo+anna@x.example",
            "anna@x.example.org",
            "anna@x.example-x.org",
            "anna at x.example",
            "anna@y.x.example",
            "anna+news@x.example",
            "@x.example",
            "anna@",
            "",
        ] {
            assert!(!mentioned(text, &anna), "{text}");
        }
        for text in ["o'brien@x.example", "told o'brien@x.example.", "\"O'Brien@x.example\""] {
            assert!(mentioned(text, &key("o'brien@x.example")), "{text}");
            assert!(!mentioned(text, &key("brien@x.example")), "{text}");
        }
        assert!(mentioned("'o'brien@x.example'", &key("o'brien@x.example")));
    }

    #[test]
    fn a_domain_is_found_in_each_of_its_spellings() {
        let anna = key("anna@r\u{e4}ksm\u{f6}rg\u{e5}s.example");
        for text in [
            "anna@ra\u{308}ksmo\u{308}rga\u{30a}s.example!",
            "(anna@XN--RKSMRGS-5WAO1O.example)",
            "anna@r\u{e4}ksm\u{f6}rg\u{e5}s\u{3002}example",
        ] {
            assert!(mentioned(text, &anna), "{text}");
        }
    }

    #[test]
    fn each_mention_is_replaced_and_nothing_else() {
        let replaced =
            |text| replace_mentions(text, |it| *it == key("o'brien@x.example"), |it| format!("[{}]", it.len()));
        assert_eq!(replaced("a o'brien@x.example, O'Brien@X.example; b"), "a [17], [17]; b");
        assert_eq!(replaced("brien@x.example and bo@x.example"), "brien@x.example and bo@x.example");
        assert_eq!(replaced(""), "");
    }

    #[test]
    fn a_long_text_of_nothing_but_punctuation_takes_no_time() {
        let text = "=@".repeat(50_000) + &"'".repeat(50_000) + "@" + &"a.-".repeat(50_000);
        assert_eq!(mentions(&text).count(), 0);
    }

    /// An address with a local part of any characters that are allowed there.
    fn any_address() -> impl Strategy<Value = Address> {
        let domain = prop_oneof![
            Just("x.example"),
            Just("a-b.c--d.example.com"),
            Just("r\u{e4}ksm\u{f6}rg\u{e5}s.example"),
            Just("d7.e1x.net"),
        ];
        let local = prop_oneof![
            "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}",
            "[\u{c0}-\u{587}\u{1e00}-\u{1fff}]{1,12}",
            "[\\PC&&[^\\s@]]{1,16}"
        ];
        let parse = |(local, domain): (String, &str)| Address::parse(&format!("{local}@{domain}")).ok();
        (local, domain).prop_filter_map("not an address", parse)
    }

    /// Punctuation, a blank or a control; a mark belongs to the letter beside it.
    fn apart() -> impl Strategy<Value = char> {
        let ascii = prop::sample::select("\t\n !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".chars().collect::<Vec<_>>());
        prop_oneof![ascii, any::<char>()].prop_filter("part of a word", |c| !c.is_alphanumeric() && !is_mark(*c))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_address_between_any_two_characters_that_are_no_letters_is_found(
            address in any_address(), before in apart(), behind in apart(),
        ) {
            for text in [
                format!("{before}{address}{behind}"),
                format!("Bo {before}{address}{behind} Eva"),
                format!("{before}{before}{address}{behind}{behind}{before}"),
                format!("{address}{behind}"),
                format!("{before}{address}"),
            ] {
                prop_assert!(mentioned(&text, &address.key()), "{:?}", text);
                prop_assert!(mentions(&text).any(|it| it == address.key()));
            }
        }

        #[test]
        fn letters_before_an_address_make_it_another(local in "[a-z][a-z0-9._'+-]{0,12}[a-z]", before in "[a-z]{1,8}") {
            let Ok(address) = Address::parse(&format!("{local}@x.example")) else { return Ok(()) };
            let text = format!("{before}{address}");
            prop_assert!(!mentioned(&text, &address.key()), "{:?}", text);
        }

        #[test]
        fn any_text_can_be_searched(text in "[\\PC@@@.'=]{0,40}") {
            let all: Vec<AddressKey> = mentions(&text).collect();
            let replaced = replace_mentions(&text, |it| all.contains(it), |_| "-".to_owned());
            prop_assert_eq!(replaced.is_empty(), text.is_empty());
        }
    }
}
