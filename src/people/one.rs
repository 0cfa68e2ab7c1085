//! One customer at a time, as a program keeps it: it is checked and stored like a customers file with this customer alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::customers::{CustomerError, Customers};
use super::import::{BadRows, ImportError, ImportOptions, Imported};
use crate::domain::actor::{Action, Actor};
use crate::domain::customer::AccountId;
use crate::domain::problem::{Problem, Problems};
use crate::domain::right::Right;
use crate::ledger::operated::{Operation, record};
use crate::store::StoreError;
use crate::store::people::{customers, imports};
use crate::store::proof::tree;

/// A customer as a program puts it: it has exactly these contacts and attributes then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = customer::Put)]
#[serde(deny_unknown_fields)]
pub struct Put {
    /// Its name.
    pub name: String,
    /// Its attributes, each with its values.
    #[serde(default)]
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Its contacts; at least one.
    pub contacts: Vec<PutContact>,
}

/// A contact of such a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = customer::PutContact)]
#[serde(deny_unknown_fields)]
pub struct PutContact {
    /// The address.
    pub email: String,
    /// The person's name.
    #[serde(default)]
    pub name: String,
    /// The role; `service` without it.
    #[serde(default)]
    pub role: String,
    /// The person's language.
    #[serde(default)]
    pub locale: Option<String>,
    /// The person's time zone.
    #[serde(default)]
    pub time_zone: Option<String>,
}

/// The columns, each with the member that it is of.
const COLUMNS: [(&str, &str); 7] = [
    ("account_id", "account_id"),
    ("customer_name", "name"),
    ("email", "email"),
    ("contact_name", "name"),
    ("role", "role"),
    ("locale", "locale"),
    ("time_zone", "time_zone"),
];

impl Customers {
    /// Stores one customer: it is made, or has exactly these contacts and attributes from now on. What a person's rights say of an
    /// import holds here, too: the erased stay erased, and corrected addresses stay corrected.
    ///
    /// # Errors
    /// With every problem and its JSON pointer if the customer cannot be stored as it is; see [`ImportError`].
    pub async fn put_one(&self, actor: &Actor, account_id: &str, put: &Put) -> Result<Imported, ImportError> {
        actor.may_at_all(Right::Import)?;
        let mut problems = Problems::default();
        check(put, &mut problems);
        if !problems.is_empty() {
            return Err(ImportError::Invalid(BadRows { problems: problems.sorted().0, ..BadRows::default() }));
        }
        let known = customers::attributes(&mut *self.context().store.read().await?, &[account_id]).await?;
        let known = known.into_values().flat_map(BTreeMap::into_keys);
        // A column that a file lacks would change nothing: an attribute that is not named is to go.
        let names: std::collections::BTreeSet<String> = put.attributes.keys().cloned().chain(known).collect();
        let file = file(account_id, put, &names);
        let options = ImportOptions { size: Some(file.len() as u64), ..ImportOptions::default() };
        self.import(actor, &file[..], &options, &|_| {}).await.map_err(placed)
    }

    /// Marks a customer as left, as an import does that replaces all and lacks it. Returns false if it had left before.
    ///
    /// # Errors
    /// If there is no such customer, or the database fails.
    pub async fn leave(&self, actor: &Actor, account_id: &str) -> Result<bool, CustomerError> {
        actor.may_at_all(Right::Import)?;
        let unknown = || CustomerError::Unknown(account_id.to_owned());
        let account = AccountId::parse(account_id).map_err(|_| unknown())?;
        let context = self.context();
        let now = context.clock.now();
        let id = context.random.id(now);
        let mut tx = context.store.write().await?;
        // The order of locks of an import: customers first, then the head.
        imports::lock_customers(&mut tx).await?;
        tree::lock_head(&mut tx).await?;
        let found = customers::find(&mut tx, account.as_str()).await?.ok_or_else(unknown)?;
        if found.status == "left" {
            return Ok(false);
        }
        customers::leave(&mut tx, account.as_str(), &id.to_string(), now).await?;
        imports::revise(&mut tx).await?;
        let operation = Operation::new(Action::Import).object(id).account(account.as_str()).reason("marked as left");
        record(&mut tx, actor, &operation, now, &context.random).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(true)
    }
}

/// What a file could not say.
fn check(put: &Put, problems: &mut Problems) {
    if put.contacts.is_empty() {
        problems.add_at("/contacts", "must have at least one contact: to end its notices, mark the customer as left");
    }
    for (name, values) in &put.attributes {
        for (n, value) in values.iter().enumerate() {
            if value.contains(';') {
                problems
                    .add_at(format!("/attributes/{}/{n}", escaped(name)), "has a semicolon, which separates values");
            }
        }
    }
}

/// The customers file with this customer alone.
fn file(account_id: &str, put: &Put, attributes: &std::collections::BTreeSet<String>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = COLUMNS.iter().map(|(column, _)| (*column).to_owned());
    let header: Vec<String> = columns.chain(attributes.iter().map(|name| format!("attr.{name}"))).collect();
    let mut write = |record: &[String]| writer.write_record(record).expect("memory takes every record");
    write(&header);
    for contact in &put.contacts {
        let PutContact { email, name, role, locale, time_zone } = contact.clone();
        let (locale, time_zone) = (locale.unwrap_or_default(), time_zone.unwrap_or_default());
        let mut record = vec![account_id.to_owned(), put.name.clone(), email, name, role, locale, time_zone];
        let values = |name: &String| put.attributes.get(name).map(|values| values.join(";")).unwrap_or_default();
        record.extend(attributes.iter().map(values));
        write(&record);
    }
    writer.into_inner().expect("memory takes every record")
}

/// The problems of the rows at their places in the document.
fn placed(error: ImportError) -> ImportError {
    let ImportError::Invalid(bad) = error else { return error };
    let problems = bad.problems.into_iter().map(|problem| {
        let pointer = pointer(&problem);
        Problem { line: 0, field: String::new(), pointer: Some(pointer.into()), ..problem }
    });
    let problems = Problems(problems.collect()).sorted().0;
    ImportError::Invalid(BadRows { problems, groups: Vec::new(), ..bad })
}

/// Where a problem of the file is in the document. The header is line 1, and each contact has a line.
fn pointer(problem: &Problem) -> String {
    let field = problem.field.as_str();
    if let Some(name) = field.strip_prefix("attr.") {
        return format!("/attributes/{}", escaped(name));
    }
    let member = COLUMNS.iter().find(|(column, _)| *column == field).map(|(_, member)| *member);
    match (field, member, problem.line.checked_sub(2)) {
        ("account_id" | "customer_name", Some(member), _) => format!("/{member}"),
        (_, Some(member), Some(contact)) => format!("/contacts/{contact}/{member}"),
        (_, None, Some(contact)) => format!("/contacts/{contact}"),
        _ => String::new(),
    }
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
