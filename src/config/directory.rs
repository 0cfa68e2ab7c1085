//! `[directory]`: where the customers file is fetched from.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::relay::certificates;

/// The least time between two looks at the directory.
const LEAST_EVERY: Duration = Duration::from_secs(60);

/// `[directory]`: the customers file of another system, which is fetched and imported.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Directory {
    /// Where the file is; `None` for nowhere.
    #[serde(with = "super::text::optional")]
    pub url: Option<DirectoryUrl>,
    /// How often to look whether it has changed.
    #[serde(with = "super::duration")]
    pub every: Duration,
    /// The file with the token that it is fetched with; trailing line breaks are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The token, from the environment or `token_file`; never from the configuration file.
    #[serde(skip_serializing)]
    pub token: Option<SecretString>,
    /// The file with certificates (PEM) of authorities that are trusted in addition to the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Customers that are not in the file have left.
    pub replace: bool,
    /// The largest file that is taken, as it comes and unpacked, in bytes.
    #[serde(with = "super::size")]
    pub size: u64,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            url: None,
            every: Duration::from_secs(3600),
            token_file: None,
            token: None,
            ca_file: None,
            replace: false,
            size: 1_000_000_000,
        }
    }
}

impl Directory {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.every < LEAST_EVERY {
            problems.push("`directory.every` must be at least `1m`".to_owned());
        }
        if self.size == 0 {
            problems.push("`directory.size` must be more than nothing".to_owned());
        }
        if let Some(problem) = self.ca_file.as_deref().and_then(|path| certificates(path).err()) {
            problems.push(format!("`directory.ca_file`: {problem}"));
        }
        problems
    }
}

/// An address that a file is fetched from over HTTPS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUrl(Url);

impl DirectoryUrl {
    /// The address.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for DirectoryUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text.trim()).map_err(|error| format!("is not an address: {error}"))?;
        if url.scheme() != "https" || url.host().is_none() {
            return Err("must begin with `https://`: customers and a token go over nothing else".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must be without user and password: the secret belongs in `token_file`".to_owned());
        }
        Ok(Self(url))
    }
}

impl fmt::Display for DirectoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customers_come_over_https_only() {
        let parse = |text: &str| text.parse::<DirectoryUrl>().map(|url| url.to_string());
        assert_eq!(parse("https://crm.example.com/customers.csv").unwrap(), "https://crm.example.com/customers.csv");
        for (bad, problem) in [
            ("http://crm.example.com/c.csv", "must begin with `https://`"),
            ("file:///etc/passwd", "must begin with `https://`"),
            ("https://u:hunter2@crm.example.com/", "token_file"),
            ("crm.example.com", "is not an address"),
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains(problem) && !error.contains("hunter2"), "{bad}: {error}");
        }
    }
}
