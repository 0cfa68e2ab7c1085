//! The tone of a mandatory notice: it does not shout, and it does not advertise. Spam filters count both, and readers distrust them.

/// Words that shout if they are in capitals alone.
const LOUD: &[&str] = &[
    "ALERT",
    "ATTENTION",
    "IMMEDIATELY",
    "IMPORTANT",
    "URGENT",
    "WARNING",
    "BRÅDSKANDE",
    "OMEDELBART",
    "VARNING",
    "VIKTIGT",
];

/// Words that advertise, English and Swedish. `docs/files.md` lists them.
pub const PROMOTION: &[&str] = &[
    "act now",
    "best price",
    "buy now",
    "click here",
    "discount",
    "don't miss",
    "for free",
    "free trial",
    "limited time",
    "order now",
    "save up to",
    "special offer",
    "upgrade now",
    "bästa pris",
    "erbjudande",
    "gratis",
    "kampanj",
    "klicka här",
    "köp nu",
    "missa inte",
    "passa på",
    "prova nu",
    "rabatt",
    "uppgradera nu",
];

/// Words in capitals one after the other that are no abbreviations any more, and the letters that they have together.
const SHOUT: (usize, usize) = (3, 12);

/// What is wrong with the tone of a line of text.
pub fn of(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(shout) = shout(line) {
        found.push(format!("`{shout}` is in capitals: use small letters, as capitals read as shouting"));
    }
    if let Some(at) = line.find("!!") {
        let marks: String = line[at..].chars().take_while(|c| *c == '!').take(10).collect();
        found.push(format!("`{marks}` reads as shouting: one exclamation mark, or none, says the same"));
    }
    if let Some(word) = promotion(line) {
        found.push(format!(
            "`{word}` reads as promotion, which a mandatory notice must not contain: `news` is for that"
        ));
    }
    found
}

fn shout(line: &str) -> Option<String> {
    let mut run: Vec<&str> = Vec::new();
    let mut longest: Vec<&str> = Vec::new();
    for word in line.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()) {
        if LOUD.contains(&word) {
            return Some(word.to_owned());
        }
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        let is_loud = letters >= 2 && !word.chars().any(char::is_lowercase);
        if is_loud {
            run.push(word)
        } else {
            run.clear()
        }
        if run.len() > longest.len() {
            longest.clone_from(&run);
        }
    }
    let letters: usize = longest.iter().map(|word| word.chars().count()).sum();
    (longest.len() >= SHOUT.0 && letters >= SHOUT.1).then(|| longest.join(" ").chars().take(60).collect())
}

fn promotion(line: &str) -> Option<&'static str> {
    let lower = line.to_lowercase().replace('\u{2019}', "'");
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    PROMOTION.iter().copied().find(|word| {
        lower
            .match_indices(word)
            .any(|(at, _)| is_edge(lower[..at].chars().next_back()) && is_edge(lower[at + word.len()..].chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shouting_and_promotion_are_found_and_abbreviations_are_not() {
        for (line, parts) in [
            ("The TLS and DNSSEC keys of IMAP, SMTP and POP3", &[][..]),
            ("SMTP IMAP", &[]),
            ("An important change! Act before Monday.", &[]),
            ("The upgrade is free of charge", &[]),
            ("Gratiserbjudandet", &[]),
            ("URGENT: read this", &["`URGENT` is in capitals"]),
            ("YOUR ACCOUNT WILL BE CLOSED", &["`YOUR ACCOUNT WILL BE CLOSED` is in capitals"]),
            ("DITT KONTO STÄNGS", &["`DITT KONTO STÄNGS`"]),
            ("Act!!! Now", &["`!!!`"]),
            ("A special offer: 20 % discount", &["`discount`"]),
            ("Passa på, det är gratis!!", &["`!!`", "`gratis`"]),
            ("Don\u{2019}t miss it", &["`don't miss`"]),
        ] {
            let found = of(line);
            assert_eq!(found.len(), parts.len(), "{line}: {found:?}");
            parts.iter().zip(&found).for_each(|(part, found)| assert!(found.contains(part), "{line}: {found}"));
        }
        let docs = include_str!("../../../docs/files.md");
        let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
        PROMOTION.iter().for_each(|word| assert!(docs.contains(&format!("`{word}`")), "docs/files.md: `{word}`"));
        LOUD.iter().for_each(|word| assert!(docs.contains(&format!("`{word}`")), "docs/files.md: `{word}`"));
    }
}
