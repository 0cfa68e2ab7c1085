//! What a service refuses, as a page: what was asked, why not, and what to do.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::fault::Fault;
use super::frame::{Frame, Place, page_with};
use super::said::Said;
use super::signed::Signed;
use super::words::Words;
use crate::app::StoreError;
use crate::audience::AudienceError;
use crate::coverage::CoverageError;
use crate::deliveries::DeliveryError;
use crate::domain::kind::Kind;
use crate::domain::right::Forbidden;
use crate::escalation::TaskError;
use crate::evidence::ProofError;
use crate::inbound::InboundError;
use crate::ledger::LedgerError;
use crate::ledger::evidence::EvidenceError;
use crate::notices::NoticeError;
use crate::operators::OperatorError;
use crate::operators::uploads::UploadError;
use crate::people::customers::CustomerError;
use crate::people::holds::HoldError;
use crate::people::import::ImportError;
use crate::people::preferences::PreferenceError;
use crate::people::subjects::SubjectError;
use crate::people::suppressions::SuppressionError;
use crate::webhooks::WebhookError;

/// A refusal on its way to a page. A handler returns `Result<Response, Refusal>` and uses `?`; [`enter`](super::enter) draws the page,
/// since it knows the operator.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What the error means.
    pub kind: Kind,
    /// Why, for the operator; empty if something failed inside, which is in the log.
    pub text: Fault,
    /// The same by a key of the strings, with values in it.
    pub said: Option<Said>,
    /// Somebody else was faster: what was looked at has changed meanwhile. Other conflicts are with how things stand.
    pub is_race: bool,
}

#[derive(Template)]
#[template(path = "console/refusal.html")]
struct Page {
    frame: Frame,
    heading: String,
    text: Fault,
    remedy: String,
}

impl Refusal {
    /// A refusal of a kind with its reason in the words of the page.
    #[must_use]
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: Fault::from(text.into()), said: None, is_race: false }
    }

    /// A refusal of a kind with its reason in English.
    #[must_use]
    pub fn english(kind: Kind, text: impl Into<String>) -> Self {
        Self { text: Fault::english(text), ..Self::new(kind, "") }
    }

    /// The reason, in the words of the page if there are some.
    #[must_use]
    pub fn fault(&self, words: &Words) -> Fault {
        self.said.as_ref().map_or_else(|| self.text.clone(), |said| said.text(words).into())
    }

    /// There is no such thing.
    #[must_use]
    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, text)
    }

    /// The reason for the operator, which is a problem of a form; `None` if this is a page of its own.
    #[must_use]
    pub fn of_form(&self, words: &Words) -> Option<Fault> {
        matches!(self.kind, Kind::Invalid | Kind::Conflict | Kind::Refused).then(|| self.fault(words))
    }

    /// An error whose text is for the operator, unless something failed.
    fn told(kind: Kind, text: String) -> Self {
        if kind == Kind::Failed { Self::failed(kind, &text) } else { Self::english(kind, text) }
    }

    /// A failure of Besked or of what it depends on: the log says why, the operator does not learn it.
    fn failed(kind: Kind, for_logs: &str) -> Self {
        tracing::error!(error = for_logs, "a page of the console could not be answered");
        Self::new(kind, "")
    }

    const fn status(&self) -> StatusCode {
        match self.kind {
            Kind::Invalid | Kind::Refused => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::Later => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Invalid => "invalid",
            Kind::Refused => "refused",
            Kind::NotFound => "not-found",
            Kind::Conflict if self.is_race => "conflict",
            Kind::Conflict => "state",
            Kind::Unauthenticated => "unauthenticated",
            Kind::Forbidden => "forbidden",
            Kind::Later => "later",
            Kind::Failed => "failed",
        }
    }

    /// The page of a refusal.
    pub fn page(&self, signed: &Signed, here: Place) -> Response {
        self.draw(&signed.words, |title| signed.frame(here, title))
    }

    /// The page of a refusal without a session.
    pub fn outside(&self, organisation: &str, words: &Words) -> Response {
        self.draw(words, |title| Frame::outside(words.clone(), organisation, title))
    }

    fn draw(&self, words: &Words, frame: impl FnOnce(String) -> Frame) -> Response {
        let say = |what: &str| words.say(&format!("console-refusal-{}-{what}", self.name()));
        let is_silent = self.text.is_empty() && self.kind == Kind::Later;
        let text = if is_silent { say("text").into() } else { self.fault(words) };
        let page = Page { frame: frame(say("title")), heading: say("title"), text, remedy: say("remedy") };
        let mut response = page_with(self.status(), &page);
        if self.kind == Kind::Later {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
        }
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::failed(error.kind(), &error.for_logs())
    }
}

impl From<Forbidden> for Refusal {
    fn from(error: Forbidden) -> Self {
        Self { said: Said::of_forbidden(&error), ..Self::english(Kind::Forbidden, error.to_string()) }
    }
}

impl From<AudienceError> for Refusal {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Store(error) => error.into(),
            error if error.kind() == Kind::Failed => Self::failed(Kind::Failed, &error.for_logs()),
            error => Self { said: Said::of_audience(&error), ..Self::english(error.kind(), error.to_string()) },
        }
    }
}

/// Errors that hold those of lower layers in these variants.
macro_rules! refuses {
    ($($error:ident: $($inner:ident)*),+ $(,)?) => { $(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                match error {
                    $($error::$inner(error) => error.into(),)*
                    error => Self::told(error.kind(), error.to_string()),
                }
            }
        }
    )+ };
}

refuses! {
    OperatorError: Store Forbidden,
    CustomerError: Store Forbidden,
    CoverageError: Store Forbidden Notice,
    DeliveryError: Store Forbidden Notice Ledger,
    HoldError: Store Forbidden,
    SuppressionError: Store Forbidden,
    PreferenceError: Store Forbidden,
    SubjectError: Store Forbidden Ledger Evidence,
    LedgerError: Store Forbidden,
    EvidenceError: Ledger,
    ProofError: Forbidden Notice Evidence,
    InboundError: Store Forbidden,
    TaskError: Store Forbidden,
    UploadError: Store Forbidden Import,
    WebhookError: Store Forbidden,
}

impl From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Store(error) => error.into(),
            ImportError::Forbidden(error) => error.into(),
            error => Self { said: Said::of_import(&error), ..Self::told(error.kind(), error.to_string()) },
        }
    }
}

impl From<NoticeError> for Refusal {
    fn from(error: NoticeError) -> Self {
        match error {
            NoticeError::Store(error) => error.into(),
            NoticeError::Forbidden(error) => error.into(),
            NoticeError::Audience(error) => error.into(),
            error => {
                let is_race = matches!(error, NoticeError::Conflict | NoticeError::Changed);
                Self { is_race, said: Said::of(&error), ..Self::told(error.kind(), error.to_string()) }
            }
        }
    }
}
