//! The next notice of a matter, and the copy of a notice for the next time: written for a person, and stored by the usual steps.

use uuid::Uuid;

use super::{NoticeError, Notices, find, last_named};
use crate::audience::AudienceError;
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::matter::next::{copy, follow_up};
use crate::domain::matter::{Member, Progress, Said, Unfit, may_follow};
use crate::domain::right::Right;
use crate::store::notices::matters;

/// The next notice of a matter, as it is written for a person, with what else may follow.
#[derive(Clone, Debug)]
pub struct Next {
    /// Its text.
    pub source: String,
    /// The notice that it follows: the last one of the matter, whichever was named.
    pub follows: Uuid,
    /// Its category.
    pub category: Category,
    /// Its phase, status or stage.
    pub word: Option<Progress>,
    /// Everything that may follow, in the order of a life.
    pub nexts: Vec<Progress>,
}

impl Notices {
    /// Writes the text of the notice that follows one, or the last released one of the matter with this reference. `word` is its phase,
    /// status or stage; without it, the usual next one. Nothing is stored.
    ///
    /// # Errors
    /// If there is no such notice, the actor may not write such notices, or the word cannot follow what was released of the matter.
    pub async fn follow_up(&self, actor: &Actor, name: &str, word: Option<&str>) -> Result<String, NoticeError> {
        Ok(self.after_last(actor, name, word, usual).await?.source)
    }

    /// The same with what may follow. Without a word, of a matter that has ended the first notice that may still follow is written.
    ///
    /// # Errors
    /// As above; and without a word, if nothing may follow.
    pub async fn next(&self, actor: &Actor, name: &str, word: Option<&str>) -> Result<Next, NoticeError> {
        self.after_last(actor, name, word, possible).await
    }

    async fn after_last(
        &self,
        actor: &Actor,
        name: &str,
        word: Option<&str>,
        else_word: impl FnOnce(Option<Progress>) -> Result<Option<Progress>, AudienceError> + Send,
    ) -> Result<Next, NoticeError> {
        let mut conn = self.context.store.snapshot().await?;
        let id = last_named(&mut conn, actor, name, None).await?;
        let named = find(&mut conn, id).await?;
        actor.may(Right::Write, named.category)?;
        // The newest says how the matter stands: what it was before is not to be copied.
        let last = match matters::last(&mut conn, named.matter_id).await? {
            Some(last) if last.category == named.category => find(&mut conn, last.id).await?,
            _ => named,
        };
        let progress = match word {
            Some(word) => Some(Progress::parse(last.category, word).map_err(NoticeError::Word)?.ok_or_else(|| {
                NoticeError::Word(format!("a notice of the category {} has no phase, status or stage", last.category))
            })?),
            None => else_word(last.said.progress)?,
        };
        let followed = Member {
            id: last.id,
            category: last.category,
            sequence: last.sequence,
            released_at: last.released_at,
            said: last.said,
            speaks: last.speaks,
        };
        let next = Said { progress, ..Said::default() };
        may_follow((last.category, &next), &followed, None).map_err(AudienceError::from)?;
        let source = follow_up(&last.source, &last.id.to_string(), progress, self.context.clock.now())?;
        let nexts = last.said.progress.map(Progress::nexts).unwrap_or_default();
        Ok(Next { source, follows: last.id, category: last.category, word: progress, nexts })
    }

    /// Writes the text of a copy of a notice, as a matter of its own. Nothing is stored.
    ///
    /// # Errors
    /// If there is no such notice, or the actor may not write such notices.
    pub async fn copy(&self, actor: &Actor, name: &str) -> Result<String, NoticeError> {
        let mut conn = self.context.store.snapshot().await?;
        let id = last_named(&mut conn, actor, name, None).await?;
        let named = find(&mut conn, id).await?;
        actor.may(Right::Write, named.category)?;
        // A draft that the matter began with may be deleted.
        let begun = find(&mut conn, named.matter_id).await;
        let begun = begun.as_ref().map_or(named.source.as_str(), |it| it.source.as_str());
        Ok(copy(&named.source, begun, Progress::all(named.category).first().copied())?)
    }
}

/// What usually follows; after an end nothing does.
fn usual(last: Option<Progress>) -> Result<Option<Progress>, AudienceError> {
    match last {
        Some(last) => Ok(Some(last.usual_next().ok_or(Unfit::Ended { last })?)),
        None => Ok(None),
    }
}

/// What usually follows, else the first that may.
fn possible(last: Option<Progress>) -> Result<Option<Progress>, AudienceError> {
    match last.and_then(|last| last.usual_next().or_else(|| last.nexts().first().copied())) {
        Some(next) => Ok(Some(next)),
        None => usual(last),
    }
}
