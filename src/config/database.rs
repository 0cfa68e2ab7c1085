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
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_known = ["sqlite:", "postgres:", "postgresql:"].iter().any(|scheme| self.url.starts_with(scheme));
        let problem = || "`database.url` must begin with sqlite:// or postgres://".to_owned();
        (!is_known).then(problem).into_iter().collect()
    }
}
