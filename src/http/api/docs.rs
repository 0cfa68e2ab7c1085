//! The description of the API: as an OpenAPI document, and as a page to read. Neither needs a key or anything from elsewhere.

mod page;

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse as _, Response};
use serde_json::{Value, json};
use utoipa::openapi::OpenApi;
use utoipa::{PartialSchema as _, ToSchema as _};

use super::idempotency;
use super::problem::{Document, MEDIA_TYPE, Problem, statuses};
use crate::domain::kind::Kind;

/// The document and the page, written once.
pub struct Described {
    json: String,
    page: Result<String, String>,
}

impl Described {
    /// Writes both.
    pub fn new(document: &Value) -> Self {
        Self { json: format!("{document:#}\n"), page: page::write(document).map_err(|error| error.to_string()) }
    }
}

/// Statuses that any request may be answered with besides its own.
const ANY: [u16; 10] = [400, 401, 403, 404, 409, 413, 422, 429, 500, 503];

/// Further ones of requests with a body.
const WITH_BODY: [u16; 2] = [412, 415];

/// What holds for every request: the key, the problems that may be answered, the header of a request that is done once.
pub fn complete(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    document["info"] = json!({
        "title": "Besked", "version": env!("CARGO_PKG_VERSION"),
        "description": "Service messages to every customer, with a ledger that proves them.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let components = &mut document["components"];
    components["securitySchemes"]["key"] =
        json!({ "type": "http", "scheme": "bearer", "description": "A key: `besked_...`" });
    let mut schemas = vec![(Document::name().into_owned(), Document::schema())];
    Document::schemas(&mut schemas);
    for (name, schema) in schemas {
        components["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    document["security"] = json!([{ "key": [] }]);
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            describe(path, method, operation);
        }
    }
    document
}

fn describe(path: &str, method: &str, operation: &mut Value) {
    let problem = json!({ MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } });
    let has_body = operation.get("requestBody").is_some();
    let further = WITH_BODY.iter().filter(|_| has_body);
    for status in ANY.iter().chain(further) {
        let title = statuses().find(|(it, ..)| it == status).map_or("This did not work", |(_, _, title)| title);
        let responses = &mut operation["responses"][status.to_string()];
        if responses.is_null() {
            *responses = json!({ "description": title, "content": problem });
        }
    }
    if method == "post" {
        let header = json!({
            "name": "Idempotency-Key", "in": "header", "required": idempotency::is_required(path),
            "description": "Names what you want done: with the same key it is done once, and answered as the first time.",
            "schema": { "type": "string", "minLength": 1, "maxLength": crate::domain::request::LONGEST_KEY, "pattern": "^[!-~]+$" },
        });
        match operation.get_mut("parameters").and_then(Value::as_array_mut) {
            Some(parameters) => parameters.push(header),
            None => operation["parameters"] = json!([header]),
        }
    }
}

/// The OpenAPI document.
pub async fn openapi(State(described): State<Arc<Described>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], described.json.clone()).into_response()
}

/// The page.
pub async fn page(State(described): State<Arc<Described>>) -> Response {
    match &described.page {
        Ok(page) => {
            let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
            ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page.clone())).into_response()
        }
        Err(error) => Problem::failed(Kind::Failed, &format!("the page of the API: {error}")).into_response(),
    }
}
