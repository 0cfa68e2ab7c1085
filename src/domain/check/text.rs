//! The check of what a notice says: where its links lead, how it sounds, and what in it is code.

use super::{Circumstances, Findings, links, markup, tone};
use crate::domain::category::{Category, Class};
use crate::domain::front_matter::{Document, Reader, Section, placeholders_in_code};
use crate::domain::locale::Locale;
use crate::domain::markdown::{self, Link, host_of};
use crate::domain::problem::{Lines, Problem};

/// Checks the texts of a section.
pub fn check(
    section: &Section<'_>,
    category: Option<Category>,
    circumstances: &Circumstances<'_>,
    findings: &mut Findings,
) {
    let mut check =
        Check { mandatory: category.map(Category::class) == Some(Class::Mandatory), circumstances, findings };
    check.toml(section);
    check.body(section);
}

struct Check<'a> {
    mandatory: bool,
    circumstances: &'a Circumstances<'a>,
    findings: &'a mut Findings,
}

impl Check<'_> {
    fn toml(&mut self, section: &Section<'_>) {
        let document = Document::new(section.toml, section.line + 1);
        let table = document.parse();
        let top = Reader::top(&document, &table);
        for (line, field, text) in top.strings().into_iter().filter(|(_, field, _)| is_shown(field)) {
            self.tone(line, &field, &text);
            self.findings
                .warnings
                .0
                .extend(markup::foreign(&text).map(|found| Problem::new(line, field.as_str(), found)));
            if let (true, Some(link)) = (field == "fields.link", host_of(&text)) {
                self.link(line, &field, &link);
            }
        }
    }

    fn body(&mut self, section: &Section<'_>) {
        let body = section.markdown();
        let (reading, lines) = (markdown::read(&body), Lines::of(&body));
        let line = |offset| section.body_line + lines.at(offset);
        for (offset, words) in &reading.prose {
            self.tone(line(*offset), "body", words);
            markup::of(words).into_iter().for_each(|found| self.findings.warnings.add(line(*offset), "body", found));
        }
        for (offset, words) in &reading.unlinked {
            if let Some(found) = markup::of_words(words) {
                self.findings.warnings.add(line(*offset), "body", found);
            }
        }
        for (offset, link) in &reading.links {
            self.link(line(*offset), "body", link);
        }
        for (offset, label) in &reading.without_note {
            let text = format!(
                "`[^{label}]` is shown as it is: there is no footnote `[^{label}]: words` on a line of its own"
            );
            self.findings.warnings.add(line(*offset), "body", text);
        }
        for (offset, shown) in placeholders_in_code(&body, &reading.code) {
            let text = format!("`{shown}` stands in code, so it is shown as it is");
            self.findings.warnings.add(line(offset), "body", text);
        }
        for range in &reading.code {
            let mut offset = range.start;
            for text in body[range.clone()].split_inclusive('\n') {
                if text.strip_prefix("+++ ").is_some_and(|label| label.trim().parse::<Locale>().is_ok()) {
                    let text = format!("`{}` stands in code, so no section begins there", text.trim());
                    self.findings.warnings.add(line(offset), "body", text);
                }
                offset += text.len();
            }
        }
    }

    fn tone(&mut self, line: usize, field: &str, text: &str) {
        if self.mandatory {
            tone::of(text).into_iter().for_each(|found| self.findings.warnings.add(line, field, found));
        }
    }

    fn link(&mut self, line: usize, field: &str, link: &Link) {
        if let Link::Web { host, ip, .. } = link
            && let Some(found) = links::suspicion(host, *ip, self.circumstances.own_domains)
        {
            self.findings.warnings.add(line, field, found);
        }
    }
}

/// True for a value that recipients read.
fn is_shown(field: &str) -> bool {
    field == "subject" || field.starts_with("fields.")
}
