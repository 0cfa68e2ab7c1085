//! The steps on a notice: one command, one step, and the state after it.

use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::show::print_state;
use super::{Act, Release, file};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::progress::spinner;
use crate::domain::actor::Actor;
use crate::domain::kind::Kind;
use crate::domain::notice::{State, Step};
use crate::notices::{self, Kept};

/// Stores a notice file as a draft.
pub async fn create(app: &App, actor: &Actor, path: &Path, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(path, |source| app.notices.untimely(source))?;
    let id = app.notices.create(&draft, actor).await?;
    // A draft may be written before its customers are imported: nobody is reached yet, and a release is refused.
    let recipients = match app.notices.check(&draft).await {
        Ok(checked) => checked.reach.recipients,
        Err(error) if error.kind() == Kind::Invalid => 0,
        Err(error) => return Err(error.into()),
    };
    let document = json!({ "id": id, "state": State::Draft, "recipients": recipients });
    output.print(&document, |_| format!("{id}\n"))?;
    Ok(0)
}

/// Replaces the content of a notice.
pub async fn edit(app: &App, actor: &Actor, id: &str, path: &Path, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(path, |source| app.notices.untimely(source))?;
    let notice = app.notices.named(id).await?;
    print_state(app, &app.notices.edit(notice.id, &draft, actor).await?, output)
}

/// Takes a step that needs nothing but a reason.
pub async fn take(app: &App, actor: &Actor, step: Step, act: Act, output: &Output) -> Result<u8, Failure> {
    let notice = app.notices.named(&act.id).await?;
    let (id, why) = (notice.id, act.reason.as_deref());
    let notice = match step {
        Step::Submit => app.notices.submit(id, actor).await?,
        Step::Approve => app.notices.approve(id, actor, why).await?,
        Step::Decline => app.notices.decline(id, actor, why).await?,
        Step::Pause => app.notices.pause(id, actor, why).await?,
        Step::Resume => app.notices.resume(id, actor, why).await?,
        Step::Cancel => app.notices.cancel(id, actor, why).await?,
        Step::Create | Step::Edit | Step::Release => notice,
    };
    print_state(app, &notice, output)
}

/// Releases a notice.
pub async fn release(app: &App, actor: &Actor, command: Release, output: &Output) -> Result<u8, Failure> {
    let notice = app.notices.named(&command.act.id).await?;
    let how = notices::Release { now: command.now, reason: command.act.reason.as_deref() };
    print_state(app, &freeze(app, actor, notice.id, how).await?, output)
}

/// Releases a notice, and shows how many recipients are written meanwhile.
pub async fn freeze(app: &App, actor: &Actor, id: Uuid, how: notices::Release<'_>) -> Result<Kept, Failure> {
    let progress = spinner("freezing the audience");
    let released = app.notices.release(id, actor, how, &|count| progress.set_position(count)).await;
    progress.finish_and_clear();
    match released {
        Ok(notice) => Ok(notice),
        Err(error) => Err(interrupted(app, id, error.into()).await),
    }
}

/// Says what becomes of a release that was interrupted: a second notice would reach its recipients twice.
async fn interrupted(app: &App, id: Uuid, failure: Failure) -> Failure {
    let state = app.notices.named(&id.to_string()).await.map(|notice| notice.state);
    match state {
        Ok(State::Releasing) => failure.instead(format!(
            "do not send it again: `besked serve` or `dispatch` continues the release within a minute; \
             `besked notice status {id}` shows it"
        )),
        Err(_) => {
            failure.hint_first(format!("do not send it again: `besked notice status {id}` shows what became of it"))
        }
        Ok(_) => failure,
    }
}
