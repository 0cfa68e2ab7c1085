//! The page with recovery codes, which shows them once.

use askama::Template;

use super::frame::Frame;

/// The codes, and where the page leads.
#[derive(Template)]
#[template(path = "console/recovery_codes.html")]
pub struct RecoveryCodes {
    /// The frame.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<String>,
    /// The address of the next page.
    pub next: String,
}
