//! `[oidc]`: signing in at the organisation's identity provider (OpenID Connect).

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::loopback::is_this_host;
use super::relay::certificates;
use crate::domain::problem::is_line;

/// `[oidc]`: signing in at an identity provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// The provider, as its tokens name it; `None` for none.
    #[serde(with = "super::text::optional")]
    pub issuer: Option<IssuerUrl>,
    /// What the provider knows Besked by.
    pub client_id: String,
    /// The file with the secret that Besked proves itself with; trailing line breaks are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// The secret, from the environment or `client_secret_file`; never from the configuration file.
    #[serde(skip_serializing)]
    pub client_secret: Option<SecretString>,
    /// The file with certificates (PEM) of authorities that are trusted in addition to the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// What the button calls the provider.
    pub name: String,
    /// The claim with the name of the operator.
    pub name_claim: String,
    /// The claim with the roles, with dots into objects; empty if roles are given in Besked.
    pub roles_claim: String,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: String::new(),
            client_secret_file: None,
            client_secret: None,
            ca_file: None,
            name: "SSO".to_owned(),
            name_claim: "preferred_username".to_owned(),
            roles_claim: String::new(),
            scopes: vec!["profile".to_owned()],
        }
    }
}

impl Oidc {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.issuer.is_some() && self.client_id.trim().is_empty() {
            problems
                .push("`oidc.client_id` is missing: the provider gives it when Besked is registered there".to_owned());
        }
        for (key, text) in [("name", &self.name), ("name_claim", &self.name_claim)] {
            if !is_line(text) {
                problems.push(format!("`oidc.{key}` must be one line of text"));
            }
        }
        if self.scopes.iter().any(|scope| scope.is_empty() || scope.contains(char::is_whitespace)) {
            problems.push("`oidc.scopes` must be words".to_owned());
        }
        if let Some(problem) = self.ca_file.as_deref().and_then(|path| certificates(path).err()) {
            problems.push(format!("`oidc.ca_file`: {problem}"));
        }
        problems
    }
}

/// The address of a provider: https, or http on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerUrl(String);

impl IssuerUrl {
    /// Its text, exactly as it is written: the provider's tokens name it so.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if requests go over HTTPS alone.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl FromStr for IssuerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let url = Url::parse(text).map_err(|error| format!("is not an address: {error}"))?;
        let is_local = url.scheme() == "http" && url.host_str().is_some_and(is_this_host);
        if (url.scheme() != "https" && !is_local) || url.host().is_none() {
            return Err("must begin with `https://`: who is signed in comes over nothing else".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err("must be without user, password, query and fragment".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for IssuerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_over_https_or_on_this_host() {
        let parse = |text: &str| text.parse::<IssuerUrl>();
        for good in ["https://id.example.com", "https://id.example.com/realms/a/", "http://127.0.0.1:9000"] {
            assert_eq!(parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "http://id.example.com",
            "https://u:hunter2@id.example.com",
            "https://id.example.com/?a=b",
            "id.example.com",
        ] {
            assert!(parse(bad).is_err_and(|error| !error.contains("hunter2")), "{bad}");
        }
        let wrong =
            Oidc { issuer: parse("https://id.example.com").ok(), scopes: vec![String::new()], ..Oidc::default() };
        assert_eq!(wrong.problems().len(), 2);
    }
}
