//! Signing in at an identity provider: OpenID Connect, code flow with PKCE. The provider says who it is, and with `roles_claim` in which
//! roles; Besked keeps which identity is which operator, so that a name that is given to another person there is not the operator here.

mod claims;
mod client;

use thiserror::Error;
use uuid::Uuid;

use super::sign_ins::{Opened, SignInError, SignIns, Visitor};
use super::{NewOperator, OperatorError, Operators, find};
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::kind::Kind;
use crate::domain::operator::{OperatorKind, Roles};
use crate::domain::session::Attempt;
use crate::store::StoreError;
use crate::store::operators::{self, Operator, identities};
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
            Self::Nobody(_) => Kind::Unauthenticated,
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

    /// Ends a sign-in: asks the provider who it is, and begins a session of that operator.
    ///
    /// # Errors
    /// If the answer is not one to the browser's request, the provider's word does not count, it is no operator's identity, there were
    /// too many attempts, or the database fails.
    pub async fn finish(
        &self,
        attempt: &Attempt,
        returned: Returned<'_>,
        visitor: &Visitor,
    ) -> Result<Opened, ProviderError> {
        self.sign_ins.count(visitor)?;
        if !attempt.is_state(returned.state) {
            return Err(ProviderError::Astray);
        }
        let client = client::Client::discover(&self.context).await?;
        let identity = client.exchange(attempt, returned.code, self.context.clock.now()).await?;
        let operator = match self.operator(&identity).await {
            Ok(operator) => operator,
            Err(error) => {
                self.sign_ins.note_refused(visitor).await?;
                return Err(error);
            }
        };
        Ok(self.sign_ins.vouched(operator, visitor).await?)
    }

    /// The operator of an identity, in the roles that the provider gives.
    async fn operator(&self, identity: &Identity) -> Result<Uuid, ProviderError> {
        let (actor, known) = (Actor::system("identity provider"), self.known(identity).await?);
        let operator = match (known, identity.roles) {
            (Some(operator), roles) => {
                if let Some(roles) = roles.filter(|roles| *roles != operator.roles) {
                    self.operators.set(&actor, operator.name.as_str(), some(roles)?, None).await.map_err(refused)?;
                }
                operator
            }
            (None, Some(roles)) => {
                let kind = OperatorKind::Person;
                let new = NewOperator { name: &identity.name, kind, roles: some(roles)?, email: None };
                let name = self.operators.add(&actor, &new).await.map_err(refused)?.name;
                find(&mut *self.context.store.read().await?, name.as_str()).await.map_err(refused)?
            }
            (None, None) => {
                let text = "the provider vouches for a name that is no operator's: an admin adds one with that name";
                return Err(ProviderError::Nobody(text.to_owned()));
            }
        };
        self.tie(&operator, identity).await?;
        Ok(operator.id)
    }

    /// The operator who has signed in with this identity, or with its name and no identity yet.
    async fn known(&self, identity: &Identity) -> Result<Option<Operator>, ProviderError> {
        let mut conn = self.context.store.read().await?;
        let operator = match identities::find(&mut conn, &identity.issuer, &identity.subject).await? {
            Some(id) => operators::find(&mut conn, id).await?,
            None => match find(&mut conn, &identity.name).await {
                Ok(operator) => Some(operator),
                Err(OperatorError::Unknown(_)) => None,
                Err(error) => return Err(refused(error)),
            },
        };
        let Some(operator) = operator else { return Ok(None) };
        let other = identities::of(&mut conn, &identity.issuer, operator.id).await?;
        if other.is_some_and(|subject| subject != identity.subject) {
            return Err(another(&operator));
        }
        may_sign_in(&operator)?;
        Ok(Some(operator))
    }

    async fn tie(&self, operator: &Operator, identity: &Identity) -> Result<(), ProviderError> {
        let mut tx = self.context.store.write().await?;
        let is_tied = identities::tie(&mut tx, &identity.issuer, &identity.subject, operator.id).await?
            || identities::find(&mut tx, &identity.issuer, &identity.subject).await? == Some(operator.id);
        if !is_tied {
            return Err(another(operator));
        }
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
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

fn some(roles: Roles) -> Result<Roles, ProviderError> {
    let none = || ProviderError::Nobody("the provider gives no role of Besked".to_owned());
    if roles.is_empty() { Err(none()) } else { Ok(roles) }
}

fn refused(error: OperatorError) -> ProviderError {
    match error {
        OperatorError::Store(error) => error.into(),
        error => ProviderError::Nobody(error.to_string()),
    }
}
