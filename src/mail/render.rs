//! Interim rendering.
use crate::config::Organisation;
use crate::domain::category::Role;
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::notice::Notice;
use crate::domain::placeholder::Placeholder;
use std::collections::BTreeMap;
use thiserror::Error;
/// x
#[derive(Debug, Error)]
#[error("cannot render: {0}")]
pub struct RenderError(pub String);
/// x
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct View {
    pub locale: Locale,
    pub zone: ZoneName,
    pub role: Role,
}
/// x
pub struct Skeleton {
    body: crate::domain::placeholder::Text,
    subject: String,
}
/// x
pub struct Values<'a> {
    pub contact_name: &'a str,
    pub email: &'a str,
    pub customer_name: &'a str,
    pub account_id: &'a str,
    pub unsubscribe_url: &'a str,
    pub merged: &'a BTreeMap<String, String>,
}
/// x
pub struct Content {
    pub subject: String,
    pub text: String,
    pub html: String,
}
impl Skeleton {
    pub fn new(organisation: &Organisation, notice: &Notice, view: &View) -> Result<Self, RenderError> {
        let e = notice.edition(&view.locale, &organisation.default_locale);
        Ok(Self { body: e.body.clone(), subject: e.subject.as_ref().map_or("Notice", |s| s.as_str()).to_owned() })
    }
    pub fn fill(&self, v: &Values<'_>) -> Content {
        let text = self.body.fill(|p| match p {
            Placeholder::ContactName => v.contact_name.to_owned(),
            other => v.merged.get(&other.to_string()).cloned().unwrap_or_default(),
        });
        let text = format!("{}{}", text, "Lorem ipsum dolor sit amet.\n".repeat(150));
        Content { subject: self.subject.clone(), html: text.repeat(2), text }
    }
    pub fn language(&self) -> &str {
        "en"
    }
}
pub fn subject(organisation: &Organisation, notice: &Notice) -> Result<String, RenderError> {
    let view = View { locale: organisation.default_locale.clone(), zone: ZoneName::utc(), role: Role::Service };
    Ok(Skeleton::new(organisation, notice, &view)?.subject)
}
