//! What the address of a page asks for.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use jiff::Timestamp;
use uuid::Uuid;

use super::fault::Fault;
use super::refusal::Refusal;
use super::words::Words;
use crate::domain::kind::Kind;
use crate::domain::page::PageRequest;

/// Rows of a page.
const ROWS: u32 = 50;

/// The words after `?`. One that a page does not know is nothing to it.
#[derive(Clone, Debug, Default)]
pub struct Asked(Vec<(String, String)>);

impl Asked {
    /// The text of a name without blanks around it; empty if it is missing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value.trim())
    }

    /// The text of a name, unless it is empty.
    #[must_use]
    pub fn maybe(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// True if a name is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(it, _)| it == name)
    }

    /// The page of a list: the first one, or the one after a cursor.
    #[must_use]
    pub fn page(&self) -> PageRequest {
        PageRequest { after: self.maybe("after").map(str::to_owned), limit: ROWS }
    }
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()))
    }
}

/// The id in a path.
///
/// # Errors
/// If it is none: then there is nothing with it.
pub fn id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::new(Kind::NotFound, ""))
}

/// What is wrong with a form. A refusal of another kind is a page of its own: the form may not be there any more.
///
/// # Errors
/// The refusal, if it is of another kind.
pub fn wrong(words: &Words, refusal: Refusal) -> Result<Fault, Refusal> {
    if matches!(refusal.kind, Kind::Invalid | Kind::Refused) { Ok(refusal.fault(words)) } else { Err(refusal) }
}

/// The end of a day as [`day`] reads it: the beginning of the next one.
///
/// # Errors
/// If it is no day.
pub fn end_of_day(text: &str, zone: &crate::domain::locale::ZoneName) -> Result<Timestamp, String> {
    let date: jiff::civil::Date = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let next = date.tomorrow().map_err(|error| error.to_string())?;
    Ok(next.to_zoned_datetime(zone.time_zone()).map_err(|error| error.to_string())?.timestamp())
}

/// A day as a browser's field for days writes it, from its beginning in a zone.
///
/// # Errors
/// If it is no day.
pub fn day(text: &str, zone: &crate::domain::locale::ZoneName) -> Result<Timestamp, String> {
    let date: jiff::civil::Date = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Ok(date.to_zoned_datetime(zone.time_zone()).map_err(|error| error.to_string())?.timestamp())
}
