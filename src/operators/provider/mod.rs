//! Signing in at an identity provider: OpenID Connect, code flow with PKCE. The provider says who it is, and with `roles_claim` in which
//! roles; Besked keeps which identity is which operator, so that a name that is given to another person there is not the operator here.
//! A name alone ties an identity only to an operator who has nothing else to sign in with.

mod claims;
mod client;

use thiserror::Error;
use uuid::Uuid;

use super::sign_ins::{Opened, SignInError, SignIns, Visitor};
use super::{NewOperator, OperatorError, Operators, find};
use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::kind::Kind;
use crate::domain::operator::{OperatorKind, OperatorName, Roles};
use crate::domain::session::{Attempt, Stage};
use crate::store::operators::{self, Operator, identities, sessions, sign_ins};
use crate::store::{Conn, StoreError};
use claims::Identity;

/// Why a sign-in at the provider did not work.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// The database failed, or there were too many attempts.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// No provider is configured.
    #[error("no `[oidc] issuer` is configured")]
    Off,
    /// What came back is not the answer to what this browser asked, or the provider refused.
    #[error("the answer is not one to this browser's request")]
    Astray,
    /// The provider cannot be asked, or its answer does not count.
    #[error("{0}")]
    Provider(String),
    /// The provider knows who it is, and Besked does not.
    #[error("{0}")]
    Nobody(String),
    /// The name is that of an operator who signs in here.
    #[error(
        "the operator `{0}` has a password or a second factor: a name at the provider is no proof of being them. They sign in \
         here, and connect the provider under `My account`"
    )]
    Own(OperatorName),
}

impl ProviderError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::SignIn(error) => error.kind(),
            Self::Off => Kind::NotFound,
            Self::Astray => Kind::Invalid,
            Self::Provider(_) => Kind::Failed,
            Self::Nobody(_) | Self::Own(_) => Kind::Unauthenticated,
        }
    }
}

impl From<StoreError> for ProviderError {
    fn from(error: StoreError) -> Self {
        Self::SignIn(error.into())
    }
}

/// What a browser brings back from the provider.
#[derive(Clone, Copy, Debug)]
pub struct Returned<'a> {
    /// The code that is exchanged for who it is.
    pub code: &'a str,
    /// What the provider was to bring back unchanged.
    pub state: &'a str,
}

/// The service for signing in at a provider. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Provider {
    context: Context,
    operators: Operators,
    sign_ins: SignIns,
}

impl Provider {
    /// The service over a database.
    #[must_use]
    pub fn new(context: Context, sign_ins: SignIns) -> Self {
        Self { operators: Operators::new(context.clone()), context, sign_ins }
    }

    /// What the button calls the provider, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let oidc = &self.context.config.oidc;
        oidc.issuer.as_ref().map(|_| oidc.name.as_str())
    }

    /// Begins a sign-in: what the browser keeps, and the address at the provider that it goes to.
    ///
    /// # Errors
    /// If no provider is configured, it cannot be asked, or there were too many attempts.
    pub async fn begin(&self, visitor: &Visitor) -> Result<(Attempt, String), ProviderError> {
        self.sign_ins.count(visitor)?;
        let attempt = Attempt::new(&self.context.random);
        let client = client::Client::discover(&self.context).await?;
        let address = client.address(&attempt);
        Ok((attempt, address))
    }

    /// Ends a sign-in: asks the provider who it is, and begins a session of that operator. `session` is the token of the session that the
    /// browser has already: its operator may be tied to the identity.
    ///
    /// # Errors
    /// If the answer is not one to the browser's request, the provider's word does not count, it is no operator's identity, there were
    /// too many attempts, or the database fails.
    pub async fn finish(
        &self,
        attempt: &Attempt,
        returned: Returned<'_>,
        session: Option<&str>,
        visitor: &Visitor,
    ) -> Result<Opened, ProviderError> {
        self.sign_ins.count(visitor)?;
        if !attempt.is_state(returned.state) {
            return Err(ProviderError::Astray);
        }
        let client = client::Client::discover(&self.context).await?;
        let identity = client.exchange(attempt, returned.code, self.context.clock.now()).await?;
        let present = match session {
            Some(token) => self.sign_ins.look(token).await?,
            None => None,
        };
        let signed = present.filter(|it| it.stage == Stage::In).map(|it| it.operator.id);
        let operator = match self.operator(&identity, signed).await {
            Ok(operator) => operator,
            Err(error) => {
                self.sign_ins.note_refused(visitor).await?;
                return Err(error);
            }
        };
        Ok(self.sign_ins.vouched(operator, visitor).await?)
    }

    /// The operator of an identity, in the roles that the provider gives: whoever it is, and in which roles, is decided in one transaction.
    /// `signed` is the operator who is signed in with this browser.
    async fn operator(&self, identity: &Identity, signed: Option<Uuid>) -> Result<Uuid, ProviderError> {
        let mut tx = self.context.store.write().await?;
        operators::lock(&mut tx).await?;
        let actor = Actor::system("identity provider");
        let operator = match (self.known(&mut tx, identity, signed).await?, identity.roles) {
            (Some(Known { operator, is_tied }), Some(roles)) if roles.is_empty() => {
                if is_tied {
                    self.give(&mut tx, &actor, operator.clone(), roles).await?;
                    // Who has no role any more goes on nowhere.
                    sessions::end_all(&mut tx, operator.id, None).await?;
                    tx.commit().await.map_err(StoreError::from)?;
                }
                return Err(no_role());
            }
            (Some(Known { operator, .. }), Some(roles)) => self.give(&mut tx, &actor, operator, roles).await?,
            (Some(Known { operator, .. }), None) => operator,
            (None, Some(roles)) if roles.is_empty() => return Err(no_role()),
            (None, Some(roles)) => {
                let new = NewOperator { name: &identity.name, kind: OperatorKind::Person, roles, email: None };
                self.operators.add_in(&mut tx, &actor, &new).await.map_err(refused)?
            }
            (None, None) => {
                let text = "the provider vouches for a name that is no operator's: an admin adds one with that name";
                return Err(ProviderError::Nobody(text.to_owned()));
            }
        };
        tie(&mut tx, &operator, identity).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(operator.id)
    }

    /// Gives an operator the roles that they have at the provider.
    async fn give(
        &self,
        tx: &mut Conn,
        actor: &Actor,
        operator: Operator,
        roles: Roles,
    ) -> Result<Operator, ProviderError> {
        let change = |operator: &mut Operator, _| {
            operator.roles = roles;
            Ok(())
        };
        let changed = self.operators.change_in(tx, actor, operator, (Action::SetOperator, change)).await;
        changed.map_err(refused)
    }

    /// The operator who has signed in with this identity; or with its name, if a name is enough to become them.
    async fn known(
        &self,
        tx: &mut Conn,
        identity: &Identity,
        signed: Option<Uuid>,
    ) -> Result<Option<Known>, ProviderError> {
        let tied = identities::find(tx, &identity.issuer, &identity.subject).await?;
        let operator = match tied {
            Some(id) => operators::find(tx, id).await?,
            None => match find(tx, &identity.name).await {
                Ok(operator) => Some(operator),
                Err(OperatorError::Unknown(_)) => None,
                Err(error) => return Err(refused(error)),
            },
        };
        let Some(operator) = operator else { return Ok(None) };
        let other = identities::of(tx, &identity.issuer, operator.id).await?;
        if other.is_some_and(|subject| subject != identity.subject) {
            return Err(another(&operator));
        }
        may_sign_in(&operator)?;
        if tied.is_none() && signed != Some(operator.id) {
            let kept = sign_ins::find(tx, operator.id).await?;
            if kept.password.is_some() || kept.secret.is_some() {
                return Err(ProviderError::Own(operator.name));
            }
        }
        Ok(Some(Known { operator, is_tied: tied.is_some() }))
    }
}

/// The operator of an identity.
struct Known {
    operator: Operator,
    /// True if they have signed in with it before; else it has their name.
    is_tied: bool,
}

async fn tie(tx: &mut Conn, operator: &Operator, identity: &Identity) -> Result<(), ProviderError> {
    let is_tied = identities::tie(tx, &identity.issuer, &identity.subject, operator.id).await?
        || identities::find(tx, &identity.issuer, &identity.subject).await? == Some(operator.id);
    if is_tied { Ok(()) } else { Err(another(operator)) }
}

fn another(operator: &Operator) -> ProviderError {
    let text = format!("the operator `{}` has signed in with another identity of the provider", operator.name);
    ProviderError::Nobody(text)
}

fn may_sign_in(operator: &Operator) -> Result<(), ProviderError> {
    if operator.kind == OperatorKind::Machine || operator.disabled_at.is_some() {
        return Err(ProviderError::Nobody(format!("the operator `{}` may not sign in", operator.name)));
    }
    Ok(())
}

fn no_role() -> ProviderError {
    ProviderError::Nobody("the provider gives no role of Besked".to_owned())
}

fn refused(error: OperatorError) -> ProviderError {
    match error {
        OperatorError::Store(error) => error.into(),
        error => ProviderError::Nobody(error.to_string()),
    }
}
