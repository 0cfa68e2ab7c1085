//! Attributes and values that a rule asks for and no customer has: which they are, and what was probably meant.

use super::Plan;
use crate::domain::problem::nearest;
use crate::store::people::customers::Selection;
use crate::store::people::{attributes, customers};
use crate::store::{Conn, StoreError};

/// A value that a rule asks for and no customer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The attribute.
    pub name: String,
    /// What is to be said of it.
    pub words: String,
}

/// Names and values among which the one that was meant is looked for.
const KNOWN: u32 = 1000;

/// Names that are listed.
const NAMED: usize = 10;

/// The values that a rule asks for and no customer has.
pub(super) async fn unmet(conn: &mut Conn, selection: &Selection) -> Result<Vec<Unmet>, StoreError> {
    let found = customers::unmet(conn, selection).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let names = attributes::names(conn, KNOWN).await?;
    let mut unmet: Vec<Unmet> = Vec::new();
    for (name, value) in found {
        let words = if names.contains(&name) {
            let values = attributes::values(conn, &name, KNOWN).await?;
            let hint = nearest(&value.to_lowercase(), values.iter().map(String::as_str)).map_or_else(
                || "is it spelled as in the customers file?".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            format!("no customer has the value `{value}`: {hint}")
        } else {
            nobody_has(&name, &names)
        };
        if unmet.last().is_none_or(|last| (&last.name, &last.words) != (&name, &words)) {
            unmet.push(Unmet { name, words });
        }
    }
    Ok(unmet)
}

/// What is to be said of an empty audience beside its rule: the attributes that no customer has.
pub(super) async fn unknown_names(conn: &mut Conn, plan: &Plan) -> Result<String, StoreError> {
    let asked: Vec<String> = plan.selection().iter().flat_map(|it| it.attributes()).map(str::to_owned).collect();
    if asked.is_empty() {
        return Ok(String::new());
    }
    let names = attributes::names(conn, KNOWN).await?;
    let unknown =
        asked.iter().filter(|name| !names.contains(name)).map(|name| format!("; {}", nobody_has(name, &names)));
    Ok(unknown.collect())
}

fn nobody_has(name: &str, names: &[String]) -> String {
    let bare = name.strip_prefix("attr.").unwrap_or(name);
    let near = nearest(&bare.to_lowercase(), names.iter().map(String::as_str));
    let hint = match (near, names.len()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, 0) => "a column `attr.NAME` of the customers file makes one".to_owned(),
        (None, _) => {
            let known: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            format!("customers have {}", known.join(", "))
        }
    };
    format!("no customer has an attribute `{name}`: {hint}")
}
