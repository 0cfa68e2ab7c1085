//! Notices by name: which one a reference means, and that others have it too.

use uuid::Uuid;

use super::failure::Failure;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::notice::reference::Purpose;
use crate::notices::Named;

/// The id of the notice that an id or a reference means. Says on stderr which one it is if others have the reference.
pub async fn named(app: &App, actor: &Actor, name: &str, purpose: Purpose) -> Result<Uuid, Failure> {
    let Named { id, others } = app.notices.named_for(actor, name, purpose).await?;
    if others > 0 {
        let others = if others == 1 { "another notice has".to_owned() } else { format!("{others} other notices have") };
        eprintln!("`{name}` is taken for notice {id}; {others} this reference");
    }
    Ok(id)
}

/// The same where a notice is read, as the text that services take.
pub async fn read(app: &App, actor: &Actor, name: &str) -> Result<String, Failure> {
    Ok(named(app, actor, name, Purpose::Read).await?.to_string())
}
