//! The register of what persons ask for (GDPR Art. 12): recorded when it comes, answered within a month, or within three if the person
//! was told why.

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::clock::shown;
use crate::domain::kind::Kind;
use crate::domain::page::{CursorError, Page, PageRequest};
use crate::domain::petition::{Answer, PetitionKind, due_at};
use crate::domain::problem::{LineError, check_line};
use crate::domain::right::{Forbidden, Right};
use crate::ledger::operated::note;
use crate::people::mask::{Mask, mask_words};
use crate::people::reads::note_read;
use crate::store::people::petitions;
use crate::store::{Conn, StoreError};

pub use crate::store::people::petitions::Petition;

/// The longest note or reason, in bytes.
const LONGEST: usize = 1000;

/// Open petitions that are shown: those with the next time.
const MOST: u32 = 200;

/// Why a petition could not be shown, recorded or answered.
#[derive(Debug, Error)]
pub enum PetitionError {
    /// The actor's roles do not allow it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is none.
    #[error("there is no petition `{0}`")]
    Unknown(Uuid),
    /// It is answered.
    #[error("the petition is answered already")]
    Answered,
    /// It has had more time before.
    #[error("the petition has had more time already: three months are the most (GDPR Art. 12(3))")]
    Extended,
    /// More time needs a word to the person within the first month.
    #[error("the month was over at {}: more time had to be announced before (GDPR Art. 12(3))", shown(*.0))]
    TooLate(Timestamp),
    /// It would have come in the future.
    #[error("it came at {}, which is in the future", shown(*.0))]
    Future(Timestamp),
    /// The operator's words cannot be recorded.
    #[error(transparent)]
    Words(#[from] LineError),
    /// The cursor is not one of this list.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

impl PetitionError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Forbidden(_) => Kind::Forbidden,
            Self::Store(error) => error.kind(),
            Self::Unknown(_) => Kind::NotFound,
            Self::Answered | Self::Extended => Kind::Conflict,
            Self::TooLate(_) => Kind::Refused,
            Self::Future(_) | Self::Words(_) | Self::Cursor(_) => Kind::Invalid,
        }
    }
}

/// The service for the register. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Petitions {
    context: Context,
}

impl Petitions {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Records what the person with an address asks for, and when it came.
    ///
    /// # Errors
    /// If the actor may not, it came in the future, or the database fails.
    pub async fn record(
        &self,
        actor: &Actor,
        address: &Address,
        kind: PetitionKind,
        received_at: Timestamp,
    ) -> Result<Petition, PetitionError> {
        actor.may_at_all(Right::Subjects)?;
        let now = self.context.clock.now();
        if received_at > now {
            return Err(PetitionError::Future(received_at));
        }
        let petition = Petition {
            id: self.context.random.id(now),
            email: address.as_str().to_owned(),
            kind,
            received_at,
            due_at: self.due(received_at, false),
            recorded_by: actor.name().to_owned(),
            extension: None,
            answered_at: None,
            answer: None,
            answered_by: None,
            note: None,
        };
        let mut tx = self.context.store.write().await?;
        petitions::insert(&mut tx, address, &petition).await?;
        note(&mut tx, actor, Some(petition.id), now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(petition)
    }

    fn due(&self, received_at: Timestamp, extended: bool) -> Timestamp {
        due_at(received_at, &self.context.config.organisation.default_time_zone.time_zone(), extended)
    }

    /// The petitions that are not answered, those with the next time first. Restricted addresses are masked.
    ///
    /// # Errors
    /// If the actor may not, or the database fails.
    pub async fn open(&self, actor: &Actor) -> Result<Vec<Petition>, PetitionError> {
        actor.may_at_all(Right::Subjects)?;
        let mut conn = self.context.store.read().await?;
        let found = petitions::open(&mut conn, MOST).await?;
        Ok(masked(&mut conn, found).await?)
    }

    /// A page of all petitions, the newest first. Restricted addresses are masked.
    ///
    /// # Errors
    /// If the actor may not, the cursor is not one of this list, or the database fails.
    pub async fn list(&self, actor: &Actor, request: &PageRequest) -> Result<Page<Petition>, PetitionError> {
        actor.may_at_all(Right::Subjects)?;
        let before = request.key::<Uuid>()?;
        let mut conn = self.context.store.read().await?;
        let found = petitions::list(&mut conn, before, request.to_read()).await?;
        let found = masked(&mut conn, found).await?;
        Ok(Page::of(found, request, |petition| petition.id.to_string()))
    }

    /// A petition. Who looks at that of a restricted person is recorded.
    ///
    /// # Errors
    /// If the actor may not, there is none with this id, or the database fails.
    pub async fn find(&self, actor: &Actor, id: Uuid) -> Result<Petition, PetitionError> {
        let petition = self.known(actor, id).await?;
        // A petition of an erased person has no address.
        if let Ok(address) = Address::parse(&petition.email) {
            note_read(&self.context, actor, &address.key(), "petition").await?;
        }
        Ok(petition)
    }

    async fn known(&self, actor: &Actor, id: Uuid) -> Result<Petition, PetitionError> {
        actor.may_at_all(Right::Subjects)?;
        let mut conn = self.context.store.read().await?;
        petitions::find(&mut conn, id).await?.ok_or(PetitionError::Unknown(id))
    }

    /// Gives a petition two more months. The person must have been told why within the first one.
    ///
    /// # Errors
    /// If the month is over, it is answered or has had more time, or the reason is not one line.
    pub async fn extend(&self, actor: &Actor, id: Uuid, why: &str) -> Result<Petition, PetitionError> {
        let found = self.known(actor, id).await?;
        check_line("reason", why, LONGEST)?;
        if found.answered_at.is_some() {
            return Err(PetitionError::Answered);
        }
        if found.due_at <= self.context.clock.now() && found.extension.is_none() {
            return Err(PetitionError::TooLate(found.due_at));
        }
        let mut tx = self.context.store.write().await?;
        if !petitions::extend(&mut tx, id, self.due(found.received_at, true), why).await? {
            return Err(PetitionError::Extended);
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.find(actor, id).await
    }

    /// Records how a petition was answered.
    ///
    /// # Errors
    /// If it is answered already, or the note is not one line.
    pub async fn answer(&self, actor: &Actor, id: Uuid, answer: Answer, note: &str) -> Result<Petition, PetitionError> {
        self.known(actor, id).await?;
        check_line("note", note, LONGEST)?;
        let mut tx = self.context.store.write().await?;
        if !petitions::answer(&mut tx, id, (answer, actor.name(), note), self.context.clock.now()).await? {
            return Err(PetitionError::Answered);
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.find(actor, id).await
    }
}

/// Masks the addresses of restricted persons.
async fn masked(conn: &mut Conn, mut found: Vec<Petition>) -> Result<Vec<Petition>, StoreError> {
    let emails: Vec<&str> = found.iter().map(|it| it.email.as_str()).collect();
    let mask = Mask::of(conn, true, emails).await?;
    for petition in &mut found {
        petition.email = mask.address(&petition.email);
    }
    let words: Vec<&mut String> = found.iter_mut().flat_map(|it| [&mut it.extension, &mut it.note]).flatten().collect();
    mask_words(conn, true, words).await?;
    Ok(found)
}
