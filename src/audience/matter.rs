//! Whether a notice may follow another one now, by what was released of the matter.

use uuid::Uuid;

use super::AudienceError;
use crate::domain::category::Category;
use crate::domain::matter::{Said, Unfit, may_follow};
use crate::store::Conn;
use crate::store::notices::matters;

/// The notice that another one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Its id.
    pub id: Uuid,
    /// Its matter.
    pub matter_id: Uuid,
}

/// Checks that a notice that says `said` may follow `follows` now, and finds the matter of that one. `None` if it follows nothing.
///
/// # Errors
/// [`AudienceError::Unfit`] if it may not, or if the database fails.
pub async fn join(
    conn: &mut Conn,
    follows: Option<Uuid>,
    (category, said): (Category, &Said),
) -> Result<Option<Followed>, AudienceError> {
    let Some(id) = follows else { return Ok(None) };
    // A draft that was never released may be deleted, and what follows it stays.
    let Some((matter_id, followed)) = matters::member_of(conn, id).await? else { return Ok(None) };
    let last = matters::last(conn, matter_id).await?;
    may_follow((category, said), &followed, last.as_ref())?;
    Ok(Some(Followed { id, matter_id }))
}

/// Moves the notices that follow one with it from its matter `from` to the matter `to`.
///
/// # Errors
/// [`AudienceError::Unfit`] if it would follow itself, or one that follows it was released; or if the database fails.
pub async fn rejoin(conn: &mut Conn, id: Uuid, from: Uuid, followed: Option<Followed>) -> Result<(), AudienceError> {
    let to = followed.map_or(id, |it| it.matter_id);
    let followers = matters::followers(conn, from, id).await?;
    if followed.is_some_and(|followed| followed.id == id || followers.iter().any(|it| it.id == followed.id)) {
        return Err(Unfit::Circle.into());
    }
    if to == from {
        return Ok(());
    }
    if followers.iter().any(|it| it.released_at.is_some()) {
        return Err(Unfit::Settled.into());
    }
    for follower in followers {
        matters::set_matter(conn, follower.id, to).await?;
    }
    Ok(())
}
