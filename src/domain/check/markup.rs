//! Marks that are shown as they are, although their author meant something by them: a broken link, a table without its second line, a
//! placeholder of another tool.

/// What is to be said of a line of words.
pub fn of(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    if line.trim_start().starts_with('|') && line.matches('|').count() > 1 {
        found.push("this line is shown as it is: a table needs a line such as `|---|---|` below its header".to_owned());
    }
    found.extend(foreign(line));
    found
}

/// What is to be said of words that are no link.
pub fn of_words(words: &str) -> Option<String> {
    if words.contains("](") {
        let why = "an address has no spaces, and a telephone number after `tel:` neither";
        return Some(format!("`](` is shown as it is, since this is no link: {why}"));
    }
    let begin = ["https://", "http://"].iter().find_map(|scheme| words.find(scheme))?;
    let address = words[begin..].split(char::is_whitespace).next().unwrap_or_default();
    let address = address.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'']);
    let shown: String = address.chars().take(60).collect();
    Some(format!("`{shown}` is text and no link in the HTML part: write `<{shown}>`"))
}

/// The first placeholder of another tool: each begins and ends with marks of its own, with a name between.
pub fn foreign(text: &str) -> Option<String> {
    const MARKS: [(&str, &str); 6] = [("${", "}"), ("*|", "|*"), ("{%", "%}"), ("[[", "]]"), ("<<", ">>"), ("#{", "}")];
    let is_name = |name: &str| {
        let name = name.trim();
        !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_alphanumeric() || "_-. ".contains(c))
    };
    let between = |(open, close): &(&str, &str)| {
        let from = text.find(open)?;
        let inside = &text[from + open.len()..];
        let inside = &inside[..inside.find(close)?];
        is_name(inside).then(|| format!("{open}{inside}{close}"))
    };
    let percent = || {
        let is_word = |word: &str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        text.split('%')
            .skip(1)
            .find(|word| is_word(word) && text.contains(&format!("%{word}%")))
            .map(|word| format!("%{word}%"))
    };
    let shown = MARKS.iter().find_map(between).or_else(percent)?;
    Some(format!("`{shown}` is shown as it is: placeholders are written `{{{{ contact.name }}}}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_of_other_tools_are_known() {
        for text in ["Dear ${name},", "Hi %FNAME%!", "Hi *|FNAME|*", "{% if vip %}", "[[name]]", "Hi #{first name}"] {
            assert!(foreign(text).is_some(), "{text}");
        }
        for text in ["100 % of 50 %", "a ${} b", "{{ contact.name }}", "50% OFF% x", "array[[0]"] {
            assert_eq!(foreign(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_link_and_no_table_is_said() {
        assert!(of("| a | b |")[0].contains("`|---|---|`") && of("a | b").is_empty());
        assert!(of_words("](https://x.example/a b)").unwrap().contains("no link"));
        assert!(of_words("See https://x.example/a.").unwrap().ends_with("write `<https://x.example/a>`"));
        assert_eq!(of_words("https"), None);
    }
}
