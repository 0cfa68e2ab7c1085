//! What the page of a step says before a notice is sent: how far it reaches, why it reaches nobody, and what whoever sends it should know.

use crate::app::App;
use crate::audience::Reach;
use crate::console::fault::Fault;
use crate::console::places::faults;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::kind::Kind;
use crate::domain::problem::Problems;
use crate::notices::{Kept, may_prepare};

/// What a release would do, as far as it is known now.
#[derive(Default)]
pub struct Outlook {
    /// How far it reaches; `None` if it reaches nobody, or could not be released.
    pub reach: Option<Reach>,
    /// Why it reaches nobody, or could not be released, if that is known.
    pub refusal: Option<Fault>,
    /// What its author is warned of, as after a check.
    pub warnings: Vec<Fault>,
}

/// Looks at a notice that is not released. That its release would be refused is no reason not to show the page.
///
/// # Errors
/// If the database fails.
pub async fn outlook(app: &App, signed: &Signed, notice: &Kept) -> Result<Outlook, Refusal> {
    let checked = if may_prepare(&signed.actor, notice.category).is_ok() {
        app.notices.check_again(&signed.actor, notice.id).await.map(|it| (it.reach, it.warnings))
    } else {
        app.notices.reach(notice).await.map(|reach| (reach, Problems::default()))
    };
    match checked {
        Ok((reach, warnings)) => {
            let lateness = app.notices.lateness(notice);
            let is_new = |fault: &Fault| !lateness.0.iter().any(|it| fault.text.ends_with(&it.problem));
            let warnings = faults(&signed.words, &warnings);
            let warnings = warnings.all().iter().map(|(_, fault)| fault.clone()).filter(is_new).collect();
            Ok(Outlook { reach: Some(reach).filter(|it| it.recipients > 0), warnings, ..Outlook::default() })
        }
        Err(error) if matches!(error.kind(), Kind::Failed | Kind::Later) => Err(error.into()),
        Err(error) => Ok(Outlook { refusal: Some(Refusal::from(error).fault(&signed.words)), ..Outlook::default() }),
    }
}
