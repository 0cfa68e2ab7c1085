//! The lists of tags in DKIM and DMARC records (RFC 6376 section 3.2): `name=value; name=value`.

/// The tags of a record, in their order; the names in lower case.
///
/// # Errors
/// If a part of it is no tag, or a tag is there twice.
pub(super) fn read(text: &str) -> Result<Vec<(String, String)>, String> {
    if text.contains('\\') {
        return Err(
            "it has backslashes, as files of name servers write them before `;`: publish it without them".to_owned()
        );
    }
    let mut tags: Vec<(String, String)> = Vec::new();
    for part in text.trim().trim_end_matches(';').split(';') {
        let Some((name, value)) = part.split_once('=') else {
            return Err(format!("`{}` is no tag such as `name=value`", part.trim().escape_debug()));
        };
        let name = name.trim().to_ascii_lowercase();
        if tags.iter().any(|(known, _)| *known == name) {
            return Err(format!("the tag `{}=` is there twice", name.escape_debug()));
        }
        tags.push((name, value.trim().to_owned()));
    }
    Ok(tags)
}

/// The value of a tag.
pub(super) fn value<'a>(tags: &'a [(String, String)], name: &str) -> Option<&'a str> {
    tags.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// Why receivers ignore a published DKIM key, or take it for another one than ours, whose record is `wanted` (RFC 6376 section 3.6.1).
pub(super) fn key_problem(published: &str, wanted: &str) -> Option<String> {
    let ours = read(wanted).unwrap_or_default();
    let tags = match read(published) {
        Ok(tags) => tags,
        Err(problem) => return Some(problem),
    };
    let bare = |value: &str| value.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let has = |name: &str, words: &[&str]| {
        value(&tags, name).is_none_or(|list| list.split(':').any(|word| words.contains(&word.trim())))
    };
    let kind = |tags: &[(String, String)]| value(tags, "k").unwrap_or("rsa").to_owned();
    let said = match value(&tags, "p").map(bare) {
        _ if value(&tags, "v").is_some_and(|version| version != "DKIM1") => "its version is not `v=DKIM1`",
        _ if tags.iter().position(|(name, _)| name == "v").is_some_and(|at| at > 0) => "`v=DKIM1` must come first",
        None => "a record without a key",
        Some(key) if key.is_empty() => "the key is revoked: its `p=` is empty",
        Some(key) if Some(&key) != value(&ours, "p").map(bare).as_ref() => {
            "another key than the one that signs: publish this one, or sign with that one"
        }
        Some(_) if kind(&tags) != kind(&ours) => "its `k=` names another kind of key than the one that signs",
        Some(_) if !has("h", &["sha256"]) => "its `h=` does not allow SHA-256, which the signatures have",
        Some(_) if !has("s", &["*", "email"]) => "its `s=` does not allow mail: leave it out",
        Some(_) => return None,
    };
    Some(said.to_owned())
}

/// True if receivers treat mail with this key as if it were not signed (`t=y`).
pub(super) fn is_testing(published: &str) -> bool {
    let tags = read(published).unwrap_or_default();
    value(&tags, "t").is_some_and(|flags| flags.split(':').any(|flag| flag.trim() == "y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_key_is_read_as_receivers_read_it() {
        let ours = "v=DKIM1; k=rsa; p=ABCDEF";
        for good in [ours, "p=ABCDEF", "v=DKIM1; p=AB CD\tEF;", "v=DKIM1;k=rsa;h=sha1:sha256;s=email;t=y;p=ABCDEF"] {
            assert_eq!(key_problem(good, ours), None, "{good}");
        }
        for (bad, part) in [
            ("v=DKIM1; k=ed25519; p=ABCDEF", "`k=`"),
            ("v=DKIM1; h=sha1; p=ABCDEF", "`h=`"),
            ("v=DKIM1; s=tlsrpt; p=ABCDEF", "`s=`"),
            ("v=DKIM2; p=ABCDEF", "version"),
            ("p=ABCDEF; v=DKIM1", "first"),
            ("v=DKIM1\\; k=rsa\\; p=ABCDEF", "backslashes"),
            ("v=DKIM1; p=", "revoked"),
            ("v=DKIM1; k=rsa", "without a key"),
            ("v=DKIM1; p=ABCDEE", "another key"),
            ("v=DKIM1; k=rsa; k=rsa; p=ABCDEF", "twice"),
            ("v=spf1 -all", "version"),
        ] {
            assert!(
                key_problem(bad, ours).is_some_and(|said| said.contains(part)),
                "{bad}: {:?}",
                key_problem(bad, ours)
            );
        }
        assert!(is_testing("v=DKIM1; t=y:s; p=A") && !is_testing("v=DKIM1; t=s; p=A"));
    }
}
