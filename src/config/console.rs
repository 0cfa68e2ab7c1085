//! `[console]`: signing in to the pages for operators.

use serde::{Deserialize, Serialize};

use crate::domain::operator::Role;

/// `[console]`: signing in to the pages for operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Console {
    /// Roles whose operators need a second factor.
    #[serde(with = "super::text::list")]
    pub second_factor_roles: Vec<Role>,
}

impl Default for Console {
    fn default() -> Self {
        Self { second_factor_roles: vec![Role::Security, Role::Legal, Role::Compliance, Role::Admin] }
    }
}
