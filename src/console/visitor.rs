//! Who asks without a session: the address, the browser and its language.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::words::Words;
use crate::app::App;
use crate::domain::locale::Locale;
use crate::mail::locale::Language;
use crate::operators::sign_ins::Visitor;
use crate::public::visitor::{Peer, client};

/// A visitor, with words in the language of the browser.
#[derive(Clone, Debug)]
pub struct Outside {
    /// The address and the browser.
    pub visitor: Visitor,
    /// Words in the browser's language, else in the organisation's.
    pub words: Words,
}

impl FromRequestParts<App> for Outside {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let config = &app.context.config;
        let peer = parts.extensions.get::<Peer>().copied();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let visitor = Visitor { address: client(&config.http, peer, &parts.headers), agent: agent.to_owned() };
        Ok(Self { visitor, words: words(app, &parts.headers) })
    }
}

/// Words in the first language of the browser that there is.
pub fn words(app: &App, headers: &HeaderMap) -> Words {
    let organisation = &app.context.config.organisation;
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let tags = wanted.split(',').filter_map(|it| it.split(';').next()?.trim().parse::<Locale>().ok());
    let mut known = tags.filter(|tag| Language::all().iter().any(|it| it.tag() == tag.language()));
    let locale = known.next().unwrap_or_else(|| organisation.default_locale.clone());
    Words::new(&locale, &organisation.default_time_zone)
}
