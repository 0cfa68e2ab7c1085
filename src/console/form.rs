//! Forms: what was typed, and what is wrong with it.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::fault::Fault;
use super::refusal::Refusal;
use super::signed::Signed;
use crate::domain::kind::Kind;

/// The fields of a form, in the order in which they came. The console's own extractor: a value that is missing or wrong is a problem at
/// its field, never a page without a form.
#[derive(Clone, Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// The text of a field without blanks around it; empty if the field is missing.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The text of a field as it came: for passwords and for texts of several lines.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value.as_str())
    }

    /// Every value of a field that may come several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// True if a box is ticked or a button was pressed.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(it, _)| it == name)
    }

    /// Every field.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The fields of a body.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        let decoded = url::form_urlencoded::parse(body);
        // Browsers send CRLF.
        Self(decoded.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n"))).collect())
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let signed = request.extensions().get::<Signed>().cloned();
        let body = axum::body::Bytes::from_request(request, state).await;
        let body = body.map_err(|error| {
            let status = error.status();
            let is_large = status == StatusCode::PAYLOAD_TOO_LARGE;
            if let Some(signed) = signed {
                // Who let the request in draws the page.
                let key = if is_large { "console-form-too-large" } else { "console-form-unreadable" };
                return Refusal::new(Kind::Invalid, signed.words.say(key)).into_response();
            }
            let text = if is_large { "this form is too large\n" } else { "this form cannot be read\n" };
            (status, text).into_response()
        })?;
        Ok(Self::parse(&body))
    }
}

/// The answer to a form that cannot be read: a page if somebody is signed in, else a line.
pub fn unreadable(status: StatusCode, text: String) -> Response {
    let mut response = (status, format!("{text}\n")).into_response();
    response.extensions_mut().insert(Refusal::new(Kind::Invalid, text));
    response
}

/// The problems of a form: a text at each field, all at once. A page shows them at the fields and, on top, as a list of links to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<(String, Fault)>);

impl Faults {
    /// Adds a problem at a field.
    pub fn add(&mut self, field: impl Into<String>, fault: impl Into<Fault>) {
        self.0.push((field.into(), fault.into()));
    }

    /// Adds a problem at a field, if there is one.
    pub fn extend(&mut self, field: &str, fault: Option<impl Into<Fault>>) {
        self.0.extend(fault.map(|fault| (field.to_owned(), fault.into())));
    }

    /// True if nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong with a field.
    #[must_use]
    pub fn find(&self, field: &str) -> Option<&Fault> {
        self.0.iter().find(|(it, _)| it == field).map(|(_, fault)| fault)
    }

    /// What is wrong with a field, without its language; empty if nothing is.
    #[must_use]
    pub fn at(&self, field: &str) -> String {
        self.find(field).map(ToString::to_string).unwrap_or_default()
    }

    /// Puts the problems into the order in which a page has their fields; one of none of them stands first.
    pub fn sort_as_in(&mut self, html: &str) {
        self.0.sort_by_cached_key(|(field, _)| html.find(&format!("id=\"{field}\"")).unwrap_or_default());
    }

    /// Every problem, by its field.
    #[must_use]
    pub fn all(&self) -> &[(String, Fault)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_send_it() {
        let form = Form::parse(b"name=+Eva+&note=a%0D%0Ab&role=ops&role=legal&empty=");
        assert_eq!((form.text("name"), form.raw("name"), form.text("gone")), ("Eva", " Eva ", ""));
        assert_eq!(form.raw("note"), "a\nb");
        assert_eq!(form.all("role").collect::<Vec<_>>(), ["ops", "legal"]);
        assert!(form.has("empty") && !form.has("gone"));
    }
}
