//! What an actor sees of notices, for statements that end after so many rows: what is left out must not count.

use crate::domain::category_set::CategorySet;

/// Which notices are visible.
#[derive(Clone, Copy, Debug)]
pub struct Visible {
    /// Those of these categories.
    pub categories: CategorySet,
    /// Also one of a breach that is not released.
    pub sealed: bool,
}

impl Visible {
    /// All of them.
    pub const ALL: Self = Self { categories: CategorySet::ALL, sealed: true };

    /// The categories as a statement compares them: each between commas.
    pub(super) fn words(self) -> String {
        self.categories.iter().fold(",".to_owned(), |all, category| all + category.as_str() + ",")
    }
}
