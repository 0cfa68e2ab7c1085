//! Evidence of a notice, to be taken along: a file that `besked verify` checks, or a PDF for people that holds it.

use std::io::{self, Read as _, Seek as _};

use askama::Template;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;

use super::{asked, id_of};
use crate::app::App;
use crate::console::form::{Faults, Form};
use crate::console::frame::{Frame, Place, page_with};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::kind::Kind;
use crate::domain::placeholder::Text;
use crate::domain::right::Right;
use crate::evidence::{Choice, Proof, Request, Scope};

/// The largest evidence that is made into a PDF, in bytes: PDF and evidence are held in memory.
const LARGEST_IN_PDF: u64 = 64 << 20;

/// What is read from the file at once, in bytes.
const CHUNK: usize = 64 << 10;

/// Evidence is written by one at a time: that of a large notice is large.
static TURN: Semaphore = Semaphore::const_new(1);

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/evidence", get(ask)).route("/notices/{id}/evidence/{file}", get(take))
}

#[derive(Template)]
#[template(path = "console/notices/evidence.html")]
struct Page {
    frame: Frame,
    faults: Faults,
    id: String,
    subject: String,
    form: Form,
}

async fn ask(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    draw(&app, &signed, &id_of(&id)?.to_string(), asked(query), Faults::default()).await
}

async fn draw(app: &App, signed: &Signed, id: &str, form: Form, faults: Faults) -> Result<Response, Refusal> {
    signed.actor.may_at_all(Right::Evidence)?;
    let notice = app.notices.named(&signed.actor, id).await?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        frame: signed.frame(Place::Notices, signed.words.say("console-evidence-title")),
        faults,
        id: id.to_owned(),
        subject: Text::named(&notice.subject),
        form,
    };
    Ok(page_with(status, &page))
}

async fn take(
    State(app): State<App>,
    signed: Signed,
    Path((id, file)): Path<(String, String)>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let (id, asked) = (id_of(&id)?.to_string(), asked(query));
    let scope = match (asked.text("whose"), asked.text("account")) {
        ("everyone", _) => Scope::Everyone,
        (_, "") => {
            let mut faults = Faults::default();
            faults.add("account", signed.words.say("console-evidence-whose-missing"));
            return draw(&app, &signed, &id, asked, faults).await;
        }
        (_, account) => Scope::Customer(account.to_owned()),
    };
    let is_pdf = match file.as_str() {
        "evidence.json" => false,
        "evidence.pdf" => true,
        _ => return Err(Refusal::not_found("")),
    };
    let request = Request { notices: Choice::Notice(id.clone()), scope, with_messages: asked.has("messages") };
    let _turn = TURN.try_acquire().map_err(|_| Refusal::new(Kind::Later, ""))?;
    let mut proofs = app.evidence.prepare(&signed.actor, &request).await?;
    let proof = proofs.pop().ok_or_else(|| Refusal::not_found(""))?;
    let mut written = tempfile::tempfile().map_err(|error| unwritten(&error))?;
    proof.write(io::BufWriter::new(&mut written), &|_| ()).await?;
    written.rewind().map_err(|error| unwritten(&error))?;
    let name = format!("attachment; filename=\"evidence-{id}.{}\"", if is_pdf { "pdf" } else { "json" });
    if is_pdf {
        let bytes = pdf(&signed, &proof, written).await?;
        let headers = [(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)];
        return Ok((headers, bytes).into_response());
    }
    let headers = [(header::CONTENT_TYPE, "application/json".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, streamed(written)).into_response())
}

async fn pdf(signed: &Signed, proof: &Proof, mut file: std::fs::File) -> Result<Vec<u8>, Refusal> {
    let size = file.metadata().map_err(|error| unwritten(&error))?.len();
    if size > LARGEST_IN_PDF {
        return Err(Refusal::new(Kind::Refused, signed.words.say("console-evidence-too-large")));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| unwritten(&error))?;
    Ok(proof.pdf(&bytes, "evidence.json").await?)
}

/// The file, a part at a time.
fn streamed(file: std::fs::File) -> Body {
    Body::from_stream(stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut part = vec![0; CHUNK];
        let n = file.read(&mut part).await?;
        part.truncate(n);
        Ok::<_, io::Error>((n > 0).then(|| (Bytes::from(part), file)))
    }))
}

fn unwritten(error: &io::Error) -> Refusal {
    tracing::error!(%error, "a temporary file for evidence cannot be used");
    Refusal::new(Kind::Failed, "")
}
