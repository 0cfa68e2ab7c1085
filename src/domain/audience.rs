//! The audience: the rule that selects the customers a notice is for.

use crate::domain::customer::AccountId;
use crate::domain::front_matter::Reader;

/// The rule that selects customers. It is resolved when the notice is released, not before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every active customer.
    All,
    /// The customers that fulfil every condition given.
    Select {
        /// One of these accounts; empty for no such condition.
        customers: Vec<AccountId>,
        /// For each name, one of these values; empty for no such condition.
        attributes: Vec<(String, Vec<String>)>,
    },
    /// Exactly the customers in a file of rows, each with values of its own.
    Rows {
        /// Path of the file, relative to the notice file.
        file: String,
    },
    /// The recipients of the notice that this one follows.
    Followed,
}

impl Audience {
    /// Reads the `[audience]` table. Without one, a follow-up goes to the recipients of what it follows.
    pub fn read(front_matter: &Reader<'_, '_>, follows: bool) -> Option<Self> {
        let Some(table) = front_matter.table("audience") else {
            if follows {
                return Some(Self::Followed);
            }
            front_matter.require("audience");
            return None;
        };
        let all = table.flag("all").unwrap_or(false);
        let customers = table.keys().any(|key| key == "customers").then(|| table.accounts());
        let attributes = table.lists("attributes").unwrap_or_default();
        let file = table.word("file");
        table.finish();
        let selects = customers.is_some() || !attributes.is_empty();
        match (all, selects, file) {
            (true, false, None) => Some(Self::All),
            (false, true, None) => Some(Self::Select { customers: customers.unwrap_or_default(), attributes }),
            (false, false, Some(file)) => Some(Self::Rows { file }),
            (false, false, None) => {
                table.problem("all", "says nobody: set `all = true`, or `customers`, `attributes` or `file`");
                None
            }
            (true, ..) => {
                table.problem("all", "`all = true` excludes `customers`, `attributes` and `file`");
                None
            }
            (false, true, Some(_)) => {
                table.problem("file", "excludes `customers` and `attributes`: the file names the customers");
                None
            }
        }
    }

    /// What it selects, in words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::All => "all customers".to_owned(),
            Self::Rows { file } => format!("the customers in {file}"),
            Self::Followed => "the recipients of the notice it follows".to_owned(),
            Self::Select { customers, attributes } => {
                let mut conditions: Vec<String> =
                    attributes.iter().map(|(name, values)| format!("{name} is {}", values.join(" or "))).collect();
                if !customers.is_empty() {
                    conditions.insert(0, format!("one of {} named accounts", customers.len()));
                }
                format!("customers where {}", conditions.join(" and "))
            }
        }
    }
}

impl Reader<'_, '_> {
    /// The `customers` list of an audience; an empty one, as a form may write it, sets no condition.
    fn accounts(&self) -> Vec<AccountId> {
        let words = self.words("customers").unwrap_or_default();
        let parse = |word: &String| AccountId::parse(word).map_err(|problem| self.problem("customers", problem)).ok();
        words.iter().filter_map(parse).collect()
    }
}
