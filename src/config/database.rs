//! `[database]`: where data is stored.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[database]`: where data is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://USER@HOST/NAME`.
    pub url: String,
    /// The file with the password of a PostgreSQL user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://var/besked.db".to_owned(), password_file: None }
    }
}

impl Database {
    /// The URL with asterisks for its password.
    #[must_use]
    pub fn shown(&self) -> String {
        without_password(&self.url)
    }

    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| self.url.starts_with(scheme));
        let problem = || "`database.url` must begin with sqlite:// or postgres://".to_owned();
        (!is_known).then(problem).into_iter().collect()
    }
}

/// The file behind a SQLite URL; `None` for a URL of another engine.
#[must_use]
pub fn sqlite_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(path.split('?').next().unwrap_or(path))
}

/// Returns a database URL with asterisks for its password.
#[must_use]
pub fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            // Setting a password does not fail for a URL that has one.
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_is_shown_without_its_password() {
        assert_eq!(without_password("postgres://u:s%40cret@h/d"), "postgres://u:***@h/d");
        assert_eq!(without_password("sqlite://var/besked.db"), "sqlite://var/besked.db");
    }
}
