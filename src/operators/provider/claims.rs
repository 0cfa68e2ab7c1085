//! What the provider says of a person.

use std::collections::BTreeMap;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Oidc;
use crate::domain::operator::{Role, Roles};

/// Who it is, and in which roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// What the provider knows the person by, for good.
    pub subject: String,
    /// The name, which may be given to another person there.
    pub name: String,
    /// The roles, if the provider gives them.
    pub roles: Option<Roles>,
}

/// Every claim of a token beside the standard ones.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

impl AdditionalClaims for Claims {}

impl Claims {
    /// The claim of this name, with dots into objects: `realm_access.roles`. A name with dots of its own, such as an address, is one, too.
    fn get(&self, name: &str) -> Option<&Value> {
        if let Some(value) = self.all.get(name) {
            return Some(value);
        }
        let mut parts = name.split('.');
        let first = self.all.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// The text of a claim.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.as_str().map(str::to_owned)
    }

    /// The roles that the configured claim names: a list of words, or words in one text. What is no role of Besked is nothing.
    pub fn roles(&self, oidc: &Oidc) -> Option<Roles> {
        if oidc.roles_claim.is_empty() {
            return None;
        }
        let role = |word: &str| word.parse::<Role>().ok();
        let roles = match self.get(&oidc.roles_claim) {
            Some(Value::Array(words)) => words.iter().filter_map(|word| role(word.as_str()?)).collect(),
            Some(Value::String(words)) => words.split([',', ' ']).filter_map(role).collect(),
            _ => Roles::NONE,
        };
        Some(roles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_however_the_provider_writes_them() {
        let roles = |claim: &str, json: &str| {
            let claims: Claims = serde_json::from_str(json).unwrap();
            let oidc = Oidc { roles_claim: claim.to_owned(), ..Oidc::default() };
            claims.roles(&oidc).map(|roles| roles.to_string())
        };
        assert_eq!(roles("", r#"{"roles":["ops"]}"#), None);
        assert_eq!(roles("roles", r#"{"roles":["ops","root","admin"]}"#).as_deref(), Some("ops, admin"));
        assert_eq!(roles("a.roles", r#"{"a":{"roles":"legal, ops"}}"#).as_deref(), Some("ops, legal"));
        assert_eq!(roles("https://x.example/r", r#"{"https://x.example/r":["ops"]}"#).as_deref(), Some("ops"));
        for none in [r#"{}"#, r#"{"roles":7}"#, r#"{"roles":[{"ops":1}]}"#] {
            assert_eq!(roles("roles", none).as_deref(), Some(""), "{none}");
        }
    }
}
