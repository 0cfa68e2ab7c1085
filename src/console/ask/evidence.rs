//! Evidence of a notice for one customer, as a file to keep: JSON for `/verify`, or a PDF that holds it.

use std::io::{self, Read as _, Seek as _};

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::console::asked::Asked;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::kind::Kind;
use crate::domain::words::cause;
use crate::evidence::{Choice, Request, Scope};

/// The largest evidence that is answered here, in bytes: that of one customer has some kilobytes.
const LARGEST: u64 = 64 << 20;

/// One evidence at a time: each reads from one state of the database, and holds it until its end.
static TURN: Semaphore = Semaphore::const_new(1);

/// The file.
pub async fn evidence(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let (Some(notice), Some(account)) = (asked.maybe("notice"), asked.maybe("account")) else {
        return Err(Refusal::new(Kind::Invalid, signed.words.say("console-ask-evidence-whose")));
    };
    let is_pdf = asked.text("form") == "pdf";
    let notices = Choice::Notice(notice.to_owned());
    let request = Request { notices, scope: Scope::Customer(account.to_owned()), with_messages: true };
    let _turn = TURN.acquire().await.map_err(|_| Refusal::new(Kind::Later, ""))?;
    let mut proofs = Box::pin(app.evidence.prepare(&signed.actor, &request)).await?;
    let Some(proof) = proofs.pop() else { return Err(Refusal::not_found("")) };
    let mut file = tempfile::tempfile().map_err(|error| unwritten(&error))?;
    Box::pin(proof.write(io::BufWriter::new(&mut file), &|_| ())).await?;
    if file.metadata().map_err(|error| unwritten(&error))?.len() > LARGEST {
        return Err(Refusal::new(Kind::Refused, signed.words.say("console-ask-evidence-large")));
    }
    file.rewind().map_err(|error| unwritten(&error))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unwritten(&error))?;
    let (bytes, kind, end) = if is_pdf {
        (Box::pin(proof.pdf(&bytes, "evidence.json")).await?, "application/pdf", "pdf")
    } else {
        (bytes, "application/json", "json")
    };
    let name = format!("attachment; filename=\"evidence.{end}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], Body::from(bytes)).into_response())
}

fn unwritten(error: &io::Error) -> Refusal {
    let error = cause(error);
    tracing::error!(error, "a temporary file for evidence cannot be used");
    Refusal::new(Kind::Failed, "")
}
