//! The rows of a structured notice's audience.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization as _;

use super::escaped;
use super::json::Node;
use crate::domain::customer::AccountId;
use crate::domain::problem::{Problems, has_control};
use crate::domain::rows_file::Rows;

/// Reads `audience.rows`.
pub(super) fn read(node: &Node, problems: &mut Problems) -> Rows {
    const PLACE: &str = "/audience/rows";
    let mut rows = Rows::default();
    let Node::List(items) = node else {
        problems.add_at(PLACE, "must be a list of objects, each with `account_id` and its values");
        return rows;
    };
    if items.is_empty() {
        problems.add_at(PLACE, "must not be empty");
    }
    for (n, item) in items.iter().enumerate() {
        let place = format!("{PLACE}/{n}");
        let Node::Map(members) = item else {
            problems.add_at(place, "must be an object with `account_id` and values");
            continue;
        };
        if let Some((account, values)) = row(members, &place, problems) {
            for name in values.keys().filter(|name| !rows.columns.contains(name)).cloned().collect::<Vec<_>>() {
                rows.columns.push(name);
            }
            match rows.rows.entry(account) {
                Entry::Occupied(row) => {
                    let problem = format!("`{}` has a row already", row.key());
                    problems.add_at(format!("{place}/account_id"), problem);
                }
                Entry::Vacant(row) => drop(row.insert(values)),
            }
        }
    }
    rows
}

fn row(
    members: &[(String, Node)],
    place: &str,
    problems: &mut Problems,
) -> Option<(AccountId, BTreeMap<String, String>)> {
    let (mut account, mut values, before) = (None, BTreeMap::new(), problems.0.len());
    for (name, node) in members {
        let place = format!("{place}/{}", escaped(name));
        let Node::Text(text) = node else {
            problems.add_at(place, "must be text in quotes, as it is to be shown");
            continue;
        };
        if has_control(name) || has_control(text) || text.contains('\u{fffd}') {
            problems.add_at(place, "contains a control character, a line break or a lost character");
        } else if name == "account_id" {
            account = AccountId::parse(text).map_err(|problem| problems.add_at(place, problem.to_string())).ok();
        } else {
            values.insert(name.clone(), text.nfc().collect::<String>());
        }
    }
    if !members.iter().any(|(name, _)| name == "account_id") {
        problems.add_at(format!("{place}/account_id"), "is required");
    }
    account.filter(|_| problems.0.len() == before).map(|account| (account, values))
}

/// The rows as a document has them.
pub(super) fn written(rows: &Rows) -> Value {
    let row = |(account, values): (&AccountId, &BTreeMap<String, String>)| {
        let mut row = Map::new();
        row.insert("account_id".to_owned(), Value::String(account.as_str().to_owned()));
        row.extend(values.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))));
        Value::Object(row)
    };
    rows.rows.iter().map(row).collect()
}
