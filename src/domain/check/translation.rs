//! The check of a section in another language: who reads it is told no less than the others.

use super::Findings;
use crate::domain::category::Category;
use crate::domain::fields::Fields;
use crate::domain::front_matter::{Document, Reader, Section};

/// Compares a section with the first one. A body that is left out is refused: its readers would get a mail without the text. What is
/// not translated is shown in the default language, and the author is warned of it.
pub fn check(first: &Section<'_>, section: &Section<'_>, category: Option<Category>, findings: &mut Findings) {
    if section.body.trim().is_empty() && !first.body.trim().is_empty() {
        let problem = format!(
            "the section `{}` has no text, and the first section has one: write it, or leave the section out, so that its readers \
             get the first one",
            section.label
        );
        findings.problems.add(section.line, "", problem);
    }
    let (ours, theirs) = (keys(first, category), keys(section, category));
    let missing: Vec<String> = ours.iter().filter(|key| !theirs.contains(key)).map(|key| format!("`{key}`")).collect();
    if !missing.is_empty() {
        let (them, these) = if missing.len() == 1 { ("it", "this text") } else { ("them", "these texts") };
        let warning = format!(
            "the section `{}` does not translate {}: its readers get {these} as the first section has {them}",
            section.label,
            missing.join(", ")
        );
        findings.warnings.add(section.line, "", warning);
    }
}

/// The texts in words that a section has: its subject, and fields such as `fields.impact`.
fn keys(section: &Section<'_>, category: Option<Category>) -> Vec<String> {
    let document = Document::new(section.toml, section.line + 1);
    let table = document.parse();
    let top = Reader::top(&document, &table);
    let mut keys: Vec<String> = top.is_there("subject").then(|| "subject".to_owned()).into_iter().collect();
    if let (Some(category), Some(fields)) = (category, top.table("fields")) {
        let there = Fields::worded_keys(category).iter().filter(|key| fields.is_there(key));
        keys.extend(there.map(|key| format!("fields.{key}")));
    }
    keys
}
