//! The page of one step on a notice: what it will do, in words, and the form that takes it. An approval shows what is approved.

use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use tokio::time::timeout;
use uuid::Uuid;

use super::differs::{Difference, differences};
use super::outlook::{Outlook, outlook};
use super::{id_of, show, some, way};
use crate::app::App;
use crate::console::cookies::set_flash;
use crate::console::form::{Faults, Form};
use crate::console::frame::{Frame, Place, page_with};
use crate::console::mail;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::coverage::Status;
use crate::domain::notice::{State as NoticeState, Step};
use crate::domain::prints::Changed;
use crate::notices::shown::Brief;
use crate::notices::{NoticeError, Release};

/// The routes.
pub fn routes() -> Router<App> {
    way::STEPS.into_iter().fold(Router::new(), |routes, step| {
        let ask = move |app: State<App>, signed: Signed, id: Path<String>| ask(app, signed, id, step);
        let take =
            move |app: State<App>, signed: Signed, id: Path<String>, form: Form| take(app, signed, id, form, step);
        routes.route(&format!("/notices/{{id}}/{step}"), get(ask).post(take))
    })
}

#[derive(Template)]
#[template(path = "console/notices/step.html")]
struct Page {
    frame: Frame,
    faults: Faults,
    step: Step,
    brief: Brief,
    digest: String,
    reason: String,
    /// Deliveries that were not sent yet.
    unsent: u64,
    outlook: Outlook,
    whom: String,
    languages: Vec<String>,
    changed: Option<Changed>,
    lateness: Vec<String>,
    /// In what it differs from what was read of it before, and from the notice that it continues.
    differs: Vec<Difference>,
    may_preview: bool,
    /// The notice does not allow the step any more.
    is_possible: bool,
}

impl Page {
    /// What the step does, in words.
    fn consequence(&self) -> String {
        let words = &self.frame.words;
        let key = match (self.step, self.brief.state) {
            (Step::Release, NoticeState::Scheduled) => "release-now".to_owned(),
            (Step::Release, _) if self.brief.send_at.is_some() => "release-later".to_owned(),
            (Step::Cancel, NoticeState::Released) => "cancel-sending".to_owned(),
            (step, _) => step.to_string(),
        };
        words.counted(&format!("console-consequence-{key}"), self.unsent)
    }

    /// How far it reaches, in words.
    fn reached(&self, reach: &crate::audience::Reach) -> String {
        let words = &self.frame.words;
        words.say_with(
            "console-step-reach",
            &[
                ("addresses", words.counted("console-write-addresses", reach.recipients)),
                ("customers", words.counted("console-write-at-customers", reach.customers)),
            ],
        )
    }

    /// True for a step that stops something: its button looks like it.
    const fn is_stop(&self) -> bool {
        matches!(self.step, Step::Cancel | Step::Decline)
    }

    const fn shows(&self) -> bool {
        shows(self.step)
    }

    /// True if a reason is asked for.
    const fn asks_why(&self) -> bool {
        !matches!(self.step, Step::Submit)
    }
}

/// True for a step whose page shows what is sent.
const fn shows(step: Step) -> bool {
    matches!(step, Step::Submit | Step::Approve | Step::Release)
}

async fn ask(State(app): State<App>, signed: Signed, Path(id): Path<String>, step: Step) -> Result<Response, Refusal> {
    draw(&app, &signed, id_of(&id)?, step, ("", Faults::default())).await
}

async fn draw(
    app: &App,
    signed: &Signed,
    id: Uuid,
    step: Step,
    (reason, faults): (&str, Faults),
) -> Result<Response, Refusal> {
    let (actor, name) = (&signed.actor, id.to_string());
    let (notice, steps) = app.notices.show(actor, &name).await?;
    actor.may(step.needs(), notice.category)?;
    let status = app.coverage.status(actor, &name).await?;
    // Only who decides about the recipients waits until all of them are compared.
    let changed = if matches!(step, Step::Approve | Step::Release) {
        app.notices.changed_since_approval(&notice).await?
    } else {
        None
    };
    let parsed = notice.parsed().ok();
    let looks = matches!(step, Step::Submit | Step::Approve | Step::Release) && notice.released_at.is_none();
    let outlook = if looks { outlook(app, signed, &notice).await? } else { Outlook::default() };
    let words = &signed.words;
    let is_stale = !way::offered(&notice, &steps, actor, changed.is_some()).contains(&step);
    let kind =
        if faults.is_empty() { axum::http::StatusCode::OK } else { axum::http::StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        frame: signed.frame(Place::Notices, words.word("console-step-title", step)),
        faults,
        step,
        brief: Brief::of(&notice, app.context.clock.now()),
        digest: data_encoding::HEXLOWER.encode(&notice.digest),
        reason: reason.to_owned(),
        unsent: unsent(&status),
        outlook,
        whom: parsed.as_ref().map(|it| show::whom(words, it)).unwrap_or_default(),
        languages: show::languages(app, parsed.as_ref()),
        changed,
        lateness: show::lateness(app, &notice),
        differs: if shows(step) { differences(app, signed, &notice, step).await? } else { Vec::new() },
        may_preview: crate::notices::may_prepare(actor, notice.category).is_ok(),
        is_possible: !is_stale,
    };
    Ok(page_with(kind, &page))
}

/// Deliveries that a cancellation would keep from being sent.
fn unsent(status: &Status) -> u64 {
    use crate::domain::delivery::State::{Deferred, Queued};
    [Queued, Deferred].iter().filter_map(|state| status.counts.get(state)).sum()
}

async fn take(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    form: Form,
    step: Step,
) -> Result<Response, Refusal> {
    let id = id_of(&id)?;
    let reason = form.text("reason");
    let taken = match step {
        Step::Decline if reason.is_empty() => {
            let mut faults = Faults::default();
            faults.add("reason", signed.words.say("console-step-reason-missing"));
            return draw(&app, &signed, id, step, (reason, faults)).await;
        }
        step => one(&app, &signed, id, step, &form).await,
    };
    match taken {
        Ok(said) => {
            let mut response = Redirect::to(&format!("/notices/{id}")).into_response();
            set_flash(&app, &mut response, &said);
            Ok(response)
        }
        Err(error) => {
            let refusal = Refusal::from(error);
            let Some(text) = refusal.of_form(&signed.words) else { return Err(refusal) };
            let mut faults = Faults::default();
            faults.add("", text);
            draw(&app, &signed, id, step, (reason, faults)).await
        }
    }
}

/// Takes the step, and returns the key of what is said of it. Each may come twice without harm.
async fn one(app: &App, signed: &Signed, id: Uuid, step: Step, form: &Form) -> Result<String, NoticeError> {
    let (notices, actor, why) = (&app.notices, &signed.actor, some(form.text("reason")));
    match step {
        Step::Submit => notices.submit_read(id, Some(read(form)?), actor).await.map(drop)?,
        Step::Approve => notices.approve_read(id, Some(read(form)?), actor, why).await.map(drop)?,
        Step::Decline => notices.decline(id, actor, why).await.map(drop)?,
        Step::Release => return release(app, signed, id, form).await.map(str::to_owned),
        Step::Pause => notices.pause(id, actor, why).await.map(drop)?,
        Step::Resume => notices.resume(id, actor, why).await.map(drop)?,
        Step::Cancel => notices.cancel(id, actor, why).await.map(drop)?,
        Step::Close => notices.end(id, actor, why).await.map(drop)?,
        Step::Create | Step::Edit => {}
    }
    Ok(format!("console-step-taken-{step}"))
}

/// The digest of what the page showed. A form without one comes from no page.
fn read(form: &Form) -> Result<[u8; 32], NoticeError> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(form.text("digest").as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(NoticeError::Changed)
}

/// How long a page waits for a release: that of a very large audience goes on by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// Releases the notice, and returns the key of what has become of it so far.
async fn release(app: &App, signed: &Signed, id: Uuid, form: &Form) -> Result<&'static str, NoticeError> {
    let (notices, actor) = (app.notices.clone(), signed.actor.clone());
    let (now, reason, read) = (form.has("now"), some(form.text("reason")).map(str::to_owned), Some(read(form)?));
    // Whoever closes the page does not stop it.
    let releasing = tokio::spawn(async move {
        let how = Release { now, reason: reason.as_deref(), read };
        notices.release(id, &actor, how, &|_| {}).await
    });
    let state = match timeout(PATIENCE, releasing).await {
        Err(_) => NoticeState::Releasing,
        // Another process may release it: then that is what was asked for.
        Ok(Ok(Err(NoticeError::Conflict))) => app.notices.find(&signed.actor, id).await?.state,
        Ok(Ok(released)) => released?.state,
        Ok(Err(_)) => return Err(NoticeError::Conflict),
    };
    match state {
        NoticeState::Released | NoticeState::Closed => Ok("console-step-taken-release"),
        NoticeState::Releasing => Ok("console-step-taken-release-begun"),
        NoticeState::Scheduled if !now => Ok("console-step-taken-release-scheduled"),
        _ => Err(NoticeError::Conflict),
    }
}
