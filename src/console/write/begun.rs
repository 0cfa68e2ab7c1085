//! Forms that the operator has begun and not sent. Each is kept under a name of its own: two tabs with a form of the same category do not
//! overwrite each other.

use jiff::Timestamp;
use uuid::Uuid;

use super::filled::Filled;
use crate::app::App;
use crate::console::once;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::category::Category;
use crate::operators::forms::Form;

/// The field with the name under which a form was kept that is continued.
pub const KEPT: &str = "kept";

/// The field of a new notice with what it was filled in from.
pub const FROM: &str = "from";

/// A form that was begun, for a page that offers it.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The name under which it is kept.
    pub name: String,
    /// What it says of itself: its reference or subject; empty if neither is written.
    pub title: String,
    /// When it was kept last.
    pub kept_at: Timestamp,
    /// The address at which it is continued.
    pub href: String,
}

impl Begun {
    fn of((name, form): (String, Form)) -> Self {
        let said = |field: &str| form.fields.get(field).map(String::as_str).filter(|text| !text.trim().is_empty());
        let title = ["reference", "subject", "f.title", "follows"].into_iter().find_map(said).unwrap_or_default();
        let href = match edited(&name) {
            Some(id) => format!("/notices/{id}/edit?{}", query(&[("begun", &name)])),
            None => {
                let category = said("category").unwrap_or_default();
                format!("/notices/new?{}", query(&[("category", category), ("begun", &name)]))
            }
        };
        Self { title: title.to_owned(), kept_at: form.kept_at, href, name }
    }
}

/// Names and values as what follows `?` in an address.
pub fn query(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// The beginning of the names of forms for new notices of a category; `from` is what they were filled in from.
pub fn of_new(category: Category, from: Option<&str>) -> String {
    from.map_or_else(|| format!("new:{category}:"), |from| format!("new:{category}:{from}:"))
}

/// The beginning of the names of forms in which a notice is edited.
pub fn of_edit(id: Uuid) -> String {
    format!("edit:{id}:")
}

/// The notice that is edited in the form with a name.
fn edited(name: &str) -> Option<Uuid> {
    name.strip_prefix("edit:")?.split(':').next()?.parse().ok()
}

/// The forms that were begun and whose names begin so, the newest first.
pub async fn all(app: &App, signed: &Signed, prefix: &str) -> Result<Vec<Begun>, Refusal> {
    Ok(app.forms.all(signed.operator.id, prefix).await?.into_iter().map(Begun::of).collect())
}

/// A form that was begun, as it was filled in; `None` if it is not kept any more.
pub async fn one(app: &App, signed: &Signed, name: &str) -> Result<Option<Filled>, Refusal> {
    let begun = app.forms.begun(signed.operator.id, name).await?;
    Ok(begun.map(|form| {
        let mut filled: Filled = form.fields.into_iter().collect();
        filled.set(KEPT, name);
        filled
    }))
}

/// The form of a notice that cannot be edited any more, as that of a new notice.
pub fn as_new(app: &App, mut filled: Filled) -> Filled {
    for name in ["notice", "digest", "theirs"] {
        filled.set(name, "");
    }
    filled.set(once::FORM, once::id(app));
    filled
}
