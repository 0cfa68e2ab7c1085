//! The rows of an audience: of the file that was chosen, of the text that was pasted, or as they are stored.

use super::sent::{CHOSEN, LARGEST, Sent};
use crate::app::App;
use crate::console::places::SAID;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::audience::Audience;
use crate::domain::problem::{Problem, Problems};
use crate::domain::rows_file::Rows;
use crate::domain::wrong::Wrong;
use crate::notices::NoticeError;

/// The longest file that is put into the form, in bytes, so that it need not be chosen again.
const PUT_INTO_FORM: usize = 256 << 10;

/// The rows that a form means; `None` if it means none. What is wrong with them is a problem at their place in the document.
///
/// # Errors
/// If the stored rows cannot be read.
pub async fn meant(app: &App, signed: &Signed, sent: &mut Sent) -> Result<Result<Option<Rows>, Problems>, Refusal> {
    if sent.filled.get("audience") != "rows" {
        return Ok(Ok(None));
    }
    if let Some((name, _)) = sent.file.as_ref().filter(|_| sent.is_too_large) {
        let values = [("name", name.clone()), ("most", (LARGEST >> 20).to_string())];
        let mut problems = Problems::default();
        let text = signed.words.say_with("console-write-rows-too-large", &values);
        problems.add_at("/audience/rows", Wrong::known(SAID, text));
        return Ok(Err(problems));
    }
    if let Some((_, bytes)) = &sent.file {
        let read = Rows::parse(bytes).map_err(placed);
        let text = std::str::from_utf8(bytes).ok().filter(|_| read.is_ok() && bytes.len() <= PUT_INTO_FORM);
        // The file takes the place of rows that were typed before. A browser does not send it again: what is not put into the form is
        // asked for once more.
        sent.filled.set("rows_text", text.unwrap_or_default());
        return Ok(read.map(Some));
    }
    if let Some(text) = sent.filled.text("rows_text") {
        return Ok(Rows::parse(text.as_bytes()).map(Some).map_err(placed));
    }
    // The stored rows are those of a form in which no file was chosen: others were seen in this one.
    if let Some(name) = sent.filled.text(CHOSEN) {
        let mut problems = Problems::default();
        let text = signed.words.say_with("console-write-rows-again", &[("name", name.to_owned())]);
        problems.add_at("/audience/rows", Wrong::known(SAID, text));
        return Ok(Err(problems));
    }
    let Ok(id) = sent.filled.get("notice").parse() else { return Ok(Ok(None)) };
    match app.notices.draft(&signed.actor, id).await {
        Ok(draft) if matches!(draft.notice.audience, Audience::Rows { .. }) => Ok(Ok(draft.rows)),
        Ok(_) | Err(NoticeError::Invalid(_)) => Ok(Ok(None)),
        Err(error) => Err(error.into()),
    }
}

/// Problems of a file, at the place of the file in the document.
fn placed(problems: Problems) -> Problems {
    let placed = |problem: Problem| Problem {
        problem: problem.to_string(),
        pointer: Some("/audience/rows".into()),
        ..Problem::default()
    };
    Problems(problems.limited().0.into_iter().take(10).map(placed).collect())
}
