//! The own account: language and zone, password, second factor, and where one is signed in.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use uuid::Uuid;

use super::codes::RecoveryCodes;
use super::enter::done;
use super::form::{Faults, Form};
use super::frame::{Frame, Place, page, page_with};
use super::refusal::Refusal;
use super::sign_in::why;
use super::signed::Signed;
use super::visitor::Outside;
use crate::app::App;
use crate::domain::kind::Kind;
use crate::domain::locale::{Locale, ZoneName};
use crate::mail::locale::Language;
use crate::operators::sign_ins::{Account, SignInError};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/me", get(show))
        .route("/me/words", post(set_words))
        .route("/me/password", post(change_password))
        .route("/me/codes", post(renew_codes))
        .route("/me/sessions/others/end", post(end_others))
        .route("/me/sessions/{id}/end", post(end))
}

#[derive(Template)]
#[template(path = "console/me.html")]
struct Me {
    frame: Frame,
    faults: Faults,
    signed: Signed,
    account: Account,
    /// Tag, name and whether it is chosen.
    languages: Vec<(String, String, bool)>,
    zone: String,
    default_zone: String,
    /// What the provider is called to which the operator is not connected yet.
    provider: Option<String>,
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Store(error) => error.into(),
            SignInError::Ended => Self::new(Kind::NotFound, ""),
            error => Self::english(error.kind(), error.to_string()),
        }
    }
}

/// The page, with what is wrong with a form on it, if anything is.
async fn me(app: &App, signed: &Signed, faults: Faults, zone: Option<&str>) -> Result<Me, Refusal> {
    let account = app.sign_ins.account(&signed.operator).await?;
    let chosen = signed.operator.locale.as_ref().map(Locale::language);
    let languages = Language::all().iter().map(|language| {
        let (tag, name) = (language.tag().to_owned(), language.text("console-language"));
        let is_chosen = chosen == Some(tag.as_str());
        (tag, name, is_chosen)
    });
    let zone =
        zone.map_or_else(|| signed.operator.time_zone.as_ref().map(ToString::to_string), |it| Some(it.to_owned()));
    let provider = app.provider.name().filter(|_| !account.is_tied).map(str::to_owned);
    Ok(Me {
        frame: signed.frame(Place::Me, signed.words.say("console-me-title")),
        faults,
        signed: signed.clone(),
        account,
        languages: languages.collect(),
        zone: zone.unwrap_or_default(),
        provider,
        default_zone: app.context.config.organisation.default_time_zone.to_string(),
    })
}

async fn show(State(app): State<App>, signed: Signed) -> Result<Response, Refusal> {
    Ok(page(&me(&app, &signed, Faults::default(), None).await?))
}

async fn set_words(State(app): State<App>, signed: Signed, form: Form) -> Result<Response, Refusal> {
    let (language, zone) = (form.text("language"), form.text("zone"));
    let mut faults = Faults::default();
    let locale = (!language.is_empty()).then(|| language.parse::<Locale>()).transpose();
    let locale = locale.unwrap_or_else(|problem| {
        faults.add("language", problem);
        None
    });
    let time_zone = (!zone.is_empty()).then(|| zone.parse::<ZoneName>()).transpose();
    let time_zone = time_zone.unwrap_or_else(|problem| {
        faults.add("zone", problem);
        None
    });
    if !faults.is_empty() {
        return Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &me(&app, &signed, faults, Some(zone)).await?));
    }
    app.sign_ins.set_words(&signed.operator, locale.as_ref(), time_zone.as_ref()).await?;
    Ok(done(&app, "/me", "console-me-saved"))
}

async fn change_password(
    State(app): State<App>,
    signed: Signed,
    outside: Outside,
    form: Form,
) -> Result<Response, Refusal> {
    let (words, mut faults) = (&signed.words, Faults::default());
    let passwords = (form.raw("present-password"), form.raw("new-password"));
    let by = (&signed.operator, signed.session);
    match app.sign_ins.change_password(by, passwords, &outside.visitor).await {
        Ok(()) => return Ok(done(&app, "/me", "console-me-password-saved")),
        Err(SignInError::Wrong) => faults.add("present-password", words.say("console-me-password-wrong")),
        Err(SignInError::Password(error)) => faults.add("new-password", why(words, error)),
        Err(SignInError::Often(seconds)) => {
            let text = words.say_with("console-sign-in-often", &[("seconds", seconds.to_string())]);
            faults.add("present-password", text);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &me(&app, &signed, faults, None).await?))
}

async fn renew_codes(
    State(app): State<App>,
    signed: Signed,
    outside: Outside,
    form: Form,
) -> Result<Response, Refusal> {
    let mut faults = Faults::default();
    match app.sign_ins.renew_codes(&signed.operator, form.text("code"), &outside.visitor).await {
        Ok(codes) => {
            let codes = codes.iter().map(|code| code.reveal().to_owned()).collect();
            let frame = signed.frame(Place::Me, signed.words.say("console-recovery-title"));
            return Ok(page(&RecoveryCodes { frame, codes, next: Place::Me.path() }));
        }
        Err(SignInError::Code) => faults.add("code", signed.words.say("console-code-wrong")),
        Err(SignInError::Often(seconds)) => {
            let text = signed.words.say_with("console-sign-in-often", &[("seconds", seconds.to_string())]);
            faults.add("code", text);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &me(&app, &signed, faults, None).await?))
}

async fn end(
    State(app): State<App>,
    signed: Signed,
    outside: Outside,
    Path(id): Path<Uuid>,
) -> Result<Response, Refusal> {
    match app.sign_ins.end(&signed.operator, id, &outside.visitor).await {
        // It has ended already: that is what was wanted.
        Ok(()) | Err(SignInError::Ended) => Ok(done(&app, "/me", "console-me-session-ended")),
        Err(error) => Err(error.into()),
    }
}

async fn end_others(State(app): State<App>, signed: Signed, outside: Outside) -> Result<Response, Refusal> {
    app.sign_ins.end_others(&signed.operator, signed.session, &outside.visitor).await?;
    Ok(done(&app, "/me", "console-me-sessions-ended"))
}
