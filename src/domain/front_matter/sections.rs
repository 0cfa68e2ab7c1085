//! The sections of a notice file: TOML between `+++` lines, then Markdown.

use std::ops::Range;

use crate::domain::locale::Locale;
use crate::domain::markdown::{self, fenced};
use crate::domain::placeholder::{Piece, Placeholder, pieces, pieces_with};
use crate::domain::problem::{Lines, Problems};

/// One section of a notice file: TOML between `+++` lines, then Markdown up to the next section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// The text after the opening `+++`: a locale, or nothing for the first section.
    pub label: &'a str,
    /// The TOML text.
    pub toml: &'a str,
    /// The Markdown text.
    pub body: &'a str,
    /// The line of the opening `+++`.
    pub line: usize,
    /// The line on which the Markdown begins.
    pub body_line: usize,
}

impl Section<'_> {
    /// The Markdown text, its lines ending in LF.
    #[must_use]
    pub fn markdown(&self) -> String {
        self.body.replace("\r\n", "\n")
    }
}

/// Sections of a notice: languages.
const MAX_SECTIONS: usize = 50;

/// Splits a notice file into its sections. What is in a fenced code block of Markdown begins none.
///
/// # Errors
/// If the file does not begin with `+++`, the TOML of a section has no closing `+++`, a `+++` line outside of code begins no
/// section, or one is in a code block that is not closed.
pub fn sections(source: &str) -> Result<Vec<Section<'_>>, Problems> {
    let mut problems = Problems::default();
    let fences = fences(source);
    if fences.first().is_none_or(|fence| !source[..fence.start].trim().is_empty()) {
        problems.add(1, "", "a notice begins with a line `+++`, then TOML, then a line `+++`, then the text");
        return Err(problems);
    }
    let (mut sections, mut at) = (Vec::new(), 0);
    while let Some(open) = fences.get(at) {
        if open.is_glued {
            problems.add(open.line, "", format!("write `+++ {}`, with a space after the plus signs", open.label));
        }
        let Some(close) = fences.get(at + 1) else {
            problems.add(open.line, "", "the TOML that begins here has no closing `+++` line");
            break;
        };
        if !close.label.is_empty() {
            problems.add(close.line, "", "the line that ends the TOML is `+++` alone");
        }
        if sections.len() == MAX_SECTIONS {
            problems.add(open.line, "", format!("a notice has at most {MAX_SECTIONS} sections"));
            break;
        }
        let next = at + 2 + body_fences(source, close, &fences[at + 2..], &mut problems);
        let body_end = fences.get(next).map_or(source.len(), |next| next.start);
        sections.push(Section {
            label: open.label,
            toml: &source[open.end..close.start],
            body: &source[close.end..body_end],
            line: open.line,
            body_line: close.line + 1,
        });
        at = next;
    }
    if problems.is_empty() { Ok(sections) } else { Err(problems.sorted()) }
}

/// The number of `+++` lines in the body after `close` that begin no section: those in code, and those that name no language, which
/// are problems.
fn body_fences(source: &str, close: &Fence<'_>, fences: &[Fence<'_>], problems: &mut Problems) -> usize {
    let rest = &source[close.end..];
    let code = if fences.is_empty() { Vec::new() } else { fenced(rest) };
    let in_code = |fence: &Fence<'_>| code.iter().any(|block| block.range.contains(&(fence.start - close.end)));
    let (mut count, mut quoted) = (0, None);
    for fence in fences {
        if in_code(fence) {
            quoted = Some(fence);
        } else if fence.label.parse::<Locale>().is_ok() {
            break;
        } else {
            let shown: String = format!("+++ {}", fence.label).trim().chars().take(40).collect();
            let problem = "begins no section, which needs a language, as in `+++ sv`";
            let hint = match fence.label.parse::<Locale>() {
                Err(problem) if problem.contains("write `") => problem,
                _ => "text that is quoted goes into a code block: a line ``` before it and one after it".to_owned(),
            };
            problems.add(fence.line, "", format!("`{}` {problem}; {hint}", shown.escape_debug()));
        }
        count += 1;
    }
    let end = fences.get(count).map_or(source.len(), |next| next.start) - close.end;
    let open = code.iter().find(|block| !block.is_closed && block.range.start < end);
    if let (Some(quoted), Some(open)) = (quoted, open) {
        let line = close.line + 1 + rest[..open.range.start].matches('\n').count();
        let problem = format!("the code block that begins on line {line} is not closed");
        let hint = format!("it needs a line ``` at its end, and the `+++` on line {} is in code", quoted.line);
        problems.add(line, "", format!("{problem}: {hint}"));
    }
    count
}

struct Fence<'a> {
    label: &'a str,
    line: usize,
    start: usize,
    end: usize,
    /// True if its language has no space before it: `+++sv`.
    is_glued: bool,
}

fn fences(source: &str) -> Vec<Fence<'_>> {
    let mut start = 0;
    let mut fences = Vec::new();
    for (index, text) in source.split_inclusive('\n').enumerate() {
        let end = start + text.len();
        if let Some(label) = text.strip_prefix("+++")
            && (label.trim().is_empty() || label.starts_with(' ') || label.trim().parse::<Locale>().is_ok())
        {
            let is_glued = !label.trim().is_empty() && !label.starts_with(' ');
            fences.push(Fence { label: label.trim(), line: index + 1, start, end, is_glued });
        }
        start = end;
    }
    fences
}

/// The placeholders in the text of a notice, each with its line. Comments in the TOML and code are not searched.
#[must_use]
pub fn placeholders_at(source: &str) -> Vec<(usize, Placeholder)> {
    let mut found = Vec::new();
    for section in sections(source).unwrap_or_default() {
        let toml = section.toml.lines().zip(section.line + 1..);
        for (line, number) in toml.filter(|(line, _)| !line.trim_start().starts_with('#')) {
            found.extend(placeholders_in(pieces(line)).map(|(_, placeholder)| (number, placeholder)));
        }
        let body = section.markdown();
        let (code, lines) = (markdown::read(&body).code, Lines::of(&body));
        let in_body = placeholders_in(pieces_with(&body, &code));
        found.extend(in_body.map(|(offset, placeholder)| (section.body_line + lines.at(offset), placeholder)));
    }
    found
}

fn placeholders_in<'a>(pieces: impl Iterator<Item = Piece<'a>>) -> impl Iterator<Item = (usize, Placeholder)> {
    pieces.filter_map(|piece| match piece {
        Piece::Braces { inside, offset } => Placeholder::parse(inside).ok().map(|it| (offset, it)),
        Piece::Literal(_) => None,
    })
}

/// The placeholders in the code of a body, each with its offset: they are shown as they are.
#[must_use]
pub fn placeholders_in_code(body: &str, code: &[Range<usize>]) -> Vec<(usize, String)> {
    let in_code = code.iter().flat_map(|range| pieces(&body[range.clone()]).map(|piece| (range.start, piece)));
    let shown = in_code.filter_map(|(start, piece)| match piece {
        Piece::Braces { inside, offset } if Placeholder::parse(inside).is_ok() => {
            Some((start + offset, format!("{{{{{inside}}}}}")))
        }
        _ => None,
    });
    shown.collect()
}
