//! Notices as they are: a list, one with its text and steps, how the sending goes, and what a recipient will see.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tag;
use crate::coverage::Status;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::locale::Locale;
use crate::domain::notice::State as NoticeState;
use crate::http::api::Api;
use crate::http::api::body::{Asked, Json, page};
use crate::http::api::key::Caller;
use crate::http::api::problem::Problem;
use crate::notices::sample::Wanted;
use crate::notices::shown::{Brief, Shown};
use crate::notices::{Done, Escalated, Filter};

/// The routes.
pub fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(status))
        .routes(routes!(steps))
        .routes(routes!(preview))
}

/// Which notices are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Listing {
    /// The most items.
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
    /// Only those of this category.
    #[param(value_type = Option<Category>)]
    category: Option<String>,
    /// Only those in this state.
    #[param(value_type = Option<NoticeState>)]
    state: Option<String>,
    /// Only those with this reference.
    reference: Option<String>,
}

/// A page of notices.
#[derive(Serialize, ToSchema)]
#[schema(as = notice::Page)]
struct Page {
    notices: Vec<Brief>,
    /// The cursor of the next page.
    next: Option<String>,
}

fn word<T: std::str::FromStr<Err = String>>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(str::parse).transpose().map_err(|error: String| Problem::of(Kind::Invalid, error))
}

/// The notices, newest first.
#[utoipa::path(get, path = "/notices", tag = "notices", params(Listing), responses((status = 200, body = Page)))]
async fn list(State(api): State<Api>, caller: Caller, Asked(asked): Asked<Listing>) -> Result<Json<Page>, Problem> {
    let filter = Filter {
        category: word(asked.category.as_deref())?,
        state: word(asked.state.as_deref())?,
        reference: asked.reference.as_deref(),
    };
    let request = page(asked.limit, asked.after.clone())?;
    let found = api.app.notices.list(&caller.actor, &filter, &request).await?;
    let now = api.app.context.clock.now();
    let notices = found.items.iter().map(|notice| Brief::of(notice, now)).collect();
    Ok(Json(Page { notices, next: found.next }))
}

/// One notice, with its text and the steps that were taken on it.
#[utoipa::path(get, path = "/notices/{id}", tag = "notices", params(("id" = String, Path)),
    responses((status = 200, body = Shown, headers(("etag" = String)))))]
async fn show(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Response, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let (notice, shown) = api.app.notices.shown(&caller.actor, &id.to_string()).await?;
    let mut response = Json(shown).into_response();
    tag(response.headers_mut(), &notice);
    Ok(response)
}

/// How many of its deliveries are in each state.
#[utoipa::path(get, path = "/notices/{id}/status", tag = "notices", params(("id" = String, Path)), responses((status = 200, body = Status)))]
async fn status(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Status>, Problem> {
    let id = Problem::id_of("notice", &id)?;
    Ok(Json(api.app.coverage.status(&caller.actor, &id.to_string()).await?))
}

/// The steps that were taken on a notice.
#[derive(Serialize, ToSchema)]
#[schema(as = notice::Steps)]
struct Steps {
    steps: Vec<Done>,
}

/// Who did what to a notice, the first step first.
#[utoipa::path(get, path = "/notices/{id}/steps", tag = "notices", params(("id" = String, Path)), responses((status = 200, body = Steps)))]
async fn steps(State(api): State<Api>, caller: Caller, Path(id): Path<String>) -> Result<Json<Steps>, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let (_, steps) = api.app.notices.show(&caller.actor, &id.to_string()).await?;
    Ok(Json(Steps { steps }))
}

/// Which sample is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Previewing {
    /// As this customer sees it, instead of the first one in the audience.
    account: Option<String>,
    /// In this language.
    locale: Option<String>,
    /// Which part.
    #[serde(default)]
    format: Format,
}

/// A form of a message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = notice::Format)]
enum Format {
    /// The plain text.
    #[default]
    Text,
    /// The HTML.
    Html,
    /// The whole message.
    Eml,
}

/// What a recipient will see.
#[derive(Serialize, ToSchema)]
#[schema(as = notice::Preview)]
struct Preview {
    format: Format,
    subject: String,
    content: String,
    /// Recipients who lack a value, if some do: the notice cannot be released before they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<String>,
    escalation: Option<Escalated>,
}

/// What a recipient of a stored notice will see.
#[utoipa::path(get, path = "/notices/{id}/preview", tag = "notices", params(("id" = String, Path), Previewing), responses((status = 200, body = Preview)))]
async fn preview(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
    Asked(asked): Asked<Previewing>,
) -> Result<Json<Preview>, Problem> {
    let id = Problem::id_of("notice", &id)?;
    let locale = match asked.locale.as_deref().map(str::parse::<Locale>).transpose() {
        Ok(locale) => locale,
        Err(error) => return Err(Problem::of(Kind::Invalid, format!("`locale`: {error}"))),
    };
    let wanted = Wanted { account: asked.account, locale, to: None, of: Some(id) };
    let draft = api.app.notices.draft(&caller.actor, id).await?;
    let sample = api.app.sample(&caller.actor, &draft, &wanted, "notice preview").await?;
    let content = sample.content()?;
    let text = match asked.format {
        Format::Text => content.text,
        Format::Html => content.html,
        Format::Eml => match sample.compose() {
            Ok(composed) => String::from_utf8_lossy(&composed.bytes).into_owned(),
            Err(error) => return Err(Problem::failed(Kind::Failed, &error.to_string())),
        },
    };
    Ok(Json(Preview {
        format: asked.format,
        subject: content.subject,
        content: text,
        missing: sample.missing().map(str::to_owned),
        escalation: Escalated::of(&api.app.context.config, draft.notice.category),
    }))
}
