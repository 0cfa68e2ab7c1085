//! A report of evidence that a lawyer can read: a PDF/A-3b, in plain words, with the evidence file in it.
//!
//! ```text
//! chapters (what is said) -> flow (its place on the sheets) -> write (PDF)
//!                              lines, fonts
//! ```
//!
//! The file is what proves; the report only shows it. Text from outside may hold any character: none makes a report
//! fail, and none shows as something it is not.

mod chapters;
mod flow;
mod fonts;
mod lines;
mod outcomes;
mod words;
mod write;

use jiff::Timestamp;
use thiserror::Error;

use crate::config::Organisation;
use crate::domain::entry::{Detail, Manifest};
use crate::domain::evidence::Evidence;
use crate::domain::kind::Kind;
use crate::store::notices::Kept;
use flow::Flow;
use fonts::Fonts;

/// The content of a report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Who sent the notice.
    pub organisation: &'a Organisation,
    /// When the report is made.
    pub made_at: Timestamp,
    /// The notice.
    pub notice: &'a Kept,
    /// Account that the evidence is about; `None` for all of the notice.
    pub account: Option<&'a str>,
    /// The customer's name today, if the report is about one.
    pub customer_name: Option<&'a str>,
    /// Text of the messages as sent, one for each distinct text; for all of a notice its source.
    pub words: &'a [Words],
    /// What the file proves.
    pub evidence: &'a Evidence,
    /// Name of the evidence file.
    pub file_name: &'a str,
    /// Bytes of the evidence file.
    pub file: &'a [u8],
    /// The key that verifies it.
    pub verifier_key: &'a str,
}

/// Words that were sent, or from which what was sent was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// What they are.
    pub title: String,
    /// The words.
    pub text: String,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// Notice and evidence do not belong together.
    #[error("the evidence is not about notice {0} with its present content")]
    OtherNotice(uuid::Uuid),
    /// What is shown of the notice is not what was sealed.
    #[error(
        "the stored subject, reference, predecessor or domain of notice {0} is not what was sealed at its release: nothing is \
         shown of it"
    )]
    Changed(uuid::Uuid),
    /// The evidence file is larger than a PDF can hold.
    #[error("the evidence file has {0} bytes, more than a PDF can hold")]
    TooLarge(usize),
    /// The PDF would not be a valid PDF/A.
    #[error("the PDF cannot be written: {0}")]
    Pdf(Box<krilla::error::KrillaError>),
}

impl ReportError {
    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::TooLarge(_) => Kind::Refused,
            Self::OtherNotice(_) | Self::Changed(_) | Self::Pdf(_) => Kind::Failed,
        }
    }
}

impl From<krilla::error::KrillaError> for ReportError {
    fn from(error: krilla::error::KrillaError) -> Self {
        Self::Pdf(Box::new(error))
    }
}

/// The release as it was sealed.
#[derive(Clone, Copy)]
struct Sealed<'a> {
    at: Timestamp,
    manifest: &'a Manifest,
}

/// The manifest among the entries of an evidence file.
fn sealed(evidence: &Evidence) -> Option<Sealed<'_>> {
    evidence.entries.iter().find_map(|entry| match &entry.fact.detail {
        Detail::Manifest(manifest) => Some(Sealed { at: entry.fact.at, manifest }),
        _ => None,
    })
}

/// Makes the report: the same bytes for the same report.
///
/// # Errors
/// If notice and evidence do not belong together, the notice's row was changed, or the evidence file is larger than 2 GiB.
pub fn pdf(report: &Report<'_>) -> Result<Vec<u8>, ReportError> {
    let notice = report.notice;
    if report.evidence.notice.is_none_or(|(id, _, digest)| (id, digest) != (notice.id, notice.digest)) {
        return Err(ReportError::OtherNotice(notice.id));
    }
    let sealed = sealed(report.evidence).ok_or(ReportError::OtherNotice(notice.id))?;
    if notice.shown() != sealed.manifest.shown {
        return Err(ReportError::Changed(notice.id));
    }
    let fonts = Fonts::load();
    let mut flow = Flow::new(&fonts);
    chapters::tell(&mut flow, report);
    write::written(report, &fonts, &flow.into_sheets())
}
