//! The steps on a notice: one command, one step, and the state after it.

use std::path::Path;

use uuid::Uuid;

use super::show::{describe_state, print_state};
use super::{Act, Release, file, look};
use crate::app::App;
use crate::audience::AudienceError;
use crate::cli::Place;
use crate::cli::failure::Failure;
use crate::cli::named::named;
use crate::cli::output::{Output, count, grouped};
use crate::cli::progress::spinner;
use crate::domain::actor::Actor;
use crate::domain::notice::reference::Purpose;
use crate::domain::notice::{State, Step};
use crate::domain::prints::Changed;
use crate::notices::shown::Now;
use crate::notices::{self, Kept, NoticeError};

/// Stores a notice file as a draft.
pub async fn create(place: &Place, (app, actor): (&App, &Actor), path: &Path, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(path, |source| app.notices.untimely(source))?;
    let id = app.notices.create(&draft, actor).await?;
    place.made(id);
    // The draft is stored: whatever fails now, a second one must not be made of it.
    let stored = |error| Failure::from(error).hint_last(format!("it is stored as notice {id}"));
    let notice = app.notices.find(actor, id).await.map_err(stored)?;
    let document = app.notices.written(actor, &notice, &draft).await.unwrap_or_else(|error| {
        eprintln!("warning: the draft is stored, and whom it reaches could not be counted: {}", error.for_logs());
        Now { recipients: None, ..Now::of(&notice) }
    });
    look::warn(&document.warnings.clone().unwrap_or_default());
    output.print(&document, |_| format!("{id}\n"))?;
    Ok(0)
}

/// Replaces the content of a notice.
pub async fn edit(app: &App, actor: &Actor, id: &str, path: &Path, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(path, |source| app.notices.untimely(source))?;
    let id = named(app, actor, id, Purpose::Take(Step::Edit)).await?;
    let before = app.notices.find(actor, id).await?;
    let edited = app.notices.edit(id, &draft, actor).await?;
    if let Some(by) = &before.approved_by {
        eprintln!("the approval by {by} is void: submit the notice again");
    }
    print_state(app, &edited, output)
}

/// Takes a step that needs nothing but a reason.
pub async fn take(app: &App, actor: &Actor, step: Step, act: Act, output: &Output) -> Result<u8, Failure> {
    let id = named(app, actor, &act.id, Purpose::Take(step)).await?;
    let why = act.reason.as_deref();
    let warnings = match step {
        // What is refused is said by the step itself.
        Step::Submit => app.notices.warnings(actor, id).await.ok(),
        Step::Approve => Some(app.notices.lateness(&app.notices.find(actor, id).await?)),
        _ => None,
    };
    look::warn(&warnings.clone().unwrap_or_default());
    let notice = match step {
        Step::Submit => app.notices.submit(id, actor).await?,
        Step::Approve => {
            let notice = app.notices.approve(id, actor, why).await?;
            if let Some(by) = notice.approved_by.as_deref().filter(|by| *by != actor.name()) {
                eprintln!("it was approved already, by {by}: your approval is not recorded");
            }
            notice
        }
        Step::Decline => app.notices.decline(id, actor, why).await?,
        Step::Pause => app.notices.pause(id, actor, why).await?,
        Step::Resume => app.notices.resume(id, actor, why).await?,
        Step::Cancel => app.notices.cancel(id, actor, why).await?,
        Step::Close => app.notices.end(id, actor, why).await?,
        Step::Create | Step::Edit | Step::Release => app.notices.find(actor, id).await?,
    };
    let document = Now { warnings: warnings.filter(|_| step == Step::Submit), ..Now::of(&notice) };
    output.print(&document, |_| describe_state(&notice, app.context.clock.now()))?;
    Ok(0)
}

/// How the recipients changed since the approval.
fn describe_changed(Changed { then, now, others }: Changed) -> String {
    let then = count(then, "recipient", "recipients");
    let others = match others {
        Some(others) => format!(", {others} of them others than then"),
        None => String::new(),
    };
    format!("the audience is another one than at the approval: {then} then, {} now{others}", grouped(now))
}

/// Releases a notice.
pub async fn release(app: &App, actor: &Actor, command: Release, output: &Output) -> Result<u8, Failure> {
    let id = named(app, actor, &command.act.id, Purpose::Take(Step::Release)).await?;
    let notice = app.notices.find(actor, id).await?;
    look::warn(&app.notices.lateness(&notice));
    if let Some(changed) = app.notices.changed_since_approval(&notice).await? {
        eprintln!("warning: {}", describe_changed(changed));
    }
    let how = notices::Release { now: command.now, reason: command.act.reason.as_deref(), read: None };
    let notice = freeze(app, actor, id, how).await?;
    let code = print_state(app, &notice, output)?;
    say_if_nobody_sends(app, &notice).await;
    Ok(code)
}

/// Says of a released notice that no dispatcher is running, which would send it.
pub async fn say_if_nobody_sends(app: &App, notice: &Kept) {
    let waits = matches!(notice.state, State::Scheduled | State::Releasing | State::Released);
    // That it is released is known; who sends it is a courtesy.
    let nobody = waits && app.relays.show().await.is_ok_and(|shown| !shown.running);
    if nobody {
        eprintln!("\nno dispatcher is running: `besked serve` or `besked dispatch` sends it");
    }
}

/// Releases a notice, and shows how many recipients are written meanwhile.
pub async fn freeze(app: &App, actor: &Actor, id: Uuid, how: notices::Release<'_>) -> Result<Kept, Failure> {
    let progress = spinner("freezing the audience");
    let released = app.notices.release(id, actor, how, &|count| progress.set_position(count)).await;
    progress.finish_and_clear();
    match released {
        Ok(notice) => Ok(notice),
        Err(error) => {
            // Any other hint would be to try it again.
            let is_place = matches!(error, NoticeError::Audience(AudienceError::Spool(_)));
            Err(interrupted((app, actor), id, error.into(), is_place).await)
        }
    }
}

/// Says what becomes of a release that was interrupted: a second notice would reach its recipients twice.
async fn interrupted((app, actor): (&App, &Actor), id: Uuid, failure: Failure, with_its_hint: bool) -> Failure {
    let state = app.notices.find(actor, id).await.map(|notice| notice.state);
    match state {
        Ok(State::Releasing) => {
            let hint = format!(
                "do not send it again: `besked serve` or `dispatch` continues the release within a minute; \
                 `besked notice status {id}` shows it"
            );
            if with_its_hint { failure.hint_first(hint) } else { failure.instead(hint) }
        }
        Err(_) => {
            failure.hint_first(format!("do not send it again: `besked notice status {id}` shows what became of it"))
        }
        Ok(_) => failure,
    }
}
