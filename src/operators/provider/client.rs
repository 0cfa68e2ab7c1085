//! Asks the provider: what it offers, and who a code stands for.

use std::time::Duration;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
    TokenResponse as _,
};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret as _;
use thiserror::Error;

use super::ProviderError;
use super::claims::{Claims, Identity};
use crate::config::Oidc;
use crate::context::Context;
use crate::domain::session::Attempt;
use crate::mail::tls;
use crate::people::directory::in_words;

/// How long an answer of the provider may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer of the provider, in bytes.
const LARGEST: usize = 1 << 20;

type Fields = IdTokenFields<
    Claims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type Inner = openidconnect::Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why a request to the provider has no answer.
#[derive(Debug, Error)]
enum FetchError {
    #[error("the provider cannot be asked: {0}")]
    Request(String),
    #[error("the answer of the provider is larger than {LARGEST} bytes")]
    Large,
    #[error("the answer of the provider cannot be read")]
    Http(#[from] openidconnect::http::Error),
}

/// A provider, as it describes itself now.
pub struct Client {
    inner: Inner,
    http: reqwest::Client,
    oidc: Oidc,
    issuer: String,
}

impl Client {
    /// Asks the provider what it offers and with which keys it signs.
    pub async fn discover(context: &Context) -> Result<Self, ProviderError> {
        let oidc = context.config.oidc.clone();
        let issuer = oidc.issuer.clone().ok_or(ProviderError::Off)?;
        let http = http(&oidc, issuer.is_https())?;
        let url = IssuerUrl::new(issuer.as_str().to_owned()).map_err(of("the issuer"))?;
        let fetch = |request: HttpRequest| fetch(http.clone(), request);
        let metadata = CoreProviderMetadata::discover_async(url, &fetch).await;
        let metadata = metadata.map_err(of("the provider's description"))?;
        let secret = oidc.client_secret.as_ref().map(|it| ClientSecret::new(it.expose_secret().to_owned()));
        let base = context.config.organisation.public_url.as_str();
        let back = RedirectUrl::new(format!("{base}/sign-in/provider/return")).map_err(of("`public_url`"))?;
        let inner = Inner::from_provider_metadata(metadata, ClientId::new(oidc.client_id.clone()), secret);
        let inner = inner.set_redirect_uri(back);
        Ok(Self { inner, http, oidc, issuer: issuer.as_str().to_owned() })
    }

    /// The address at the provider that a browser goes to.
    pub fn address(&self, attempt: &Attempt) -> String {
        let (state, nonce) = (attempt.state(), attempt.nonce());
        let verifier = PkceCodeVerifier::new(attempt.verifier());
        let scopes = self.oidc.scopes.iter().map(|scope| Scope::new(scope.clone()));
        let request = self.inner.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state),
            || Nonce::new(nonce),
        );
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        request.add_scopes(scopes).set_pkce_challenge(challenge).url().0.to_string()
    }

    /// Exchanges a code for who it is. The token must be signed by the provider, for Besked, for this attempt and for now.
    pub async fn exchange(&self, attempt: &Attempt, code: &str, now: Timestamp) -> Result<Identity, ProviderError> {
        let fetch = |request: HttpRequest| fetch(self.http.clone(), request);
        let request = self.inner.exchange_code(AuthorizationCode::new(code.to_owned())).map_err(of("the provider"))?;
        let verifier = PkceCodeVerifier::new(attempt.verifier());
        let answer = request.set_pkce_verifier(verifier).request_async(&fetch).await;
        let answer = answer.map_err(of("the exchange of the code"))?;
        let token =
            answer.id_token().ok_or_else(|| ProviderError::Provider("the provider sent no ID token".to_owned()))?;
        let now = DateTime::<Utc>::from_timestamp_millis(now.as_millisecond()).unwrap_or_default();
        let verifier = self.inner.id_token_verifier().set_time_fn(move || now);
        let claims = token.claims(&verifier, &Nonce::new(attempt.nonce())).map_err(of("the ID token"))?;
        if let Some(wanted) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(of("the ID token"))?;
            let key = token.signing_key(&verifier).map_err(of("the ID token"))?;
            let hash =
                AccessTokenHash::from_token(answer.access_token(), algorithm, key).map_err(of("the ID token"))?;
            if hash != *wanted {
                return Err(ProviderError::Provider("the access token is not that of the ID token".to_owned()));
            }
        }
        let more = claims.additional_claims();
        let name = match self.oidc.name_claim.as_str() {
            "sub" => Some(claims.subject().as_str().to_owned()),
            "preferred_username" => claims.preferred_username().map(|name| name.as_str().to_owned()),
            "email" if claims.email_verified() == Some(true) => claims.email().map(|email| email.as_str().to_owned()),
            "name" => claims.name().and_then(|name| name.get(None)).map(|name| name.as_str().to_owned()),
            "email" => None,
            other => more.text(other),
        };
        let missing = || ProviderError::Provider(format!("the ID token has no claim `{}`", self.oidc.name_claim));
        Ok(Identity {
            issuer: self.issuer.clone(),
            subject: claims.subject().as_str().to_owned(),
            name: name.ok_or_else(missing)?,
            roles: more.roles(&self.oidc),
        })
    }
}

/// An error about something, with its last cause.
fn of<E: std::error::Error>(what: &'static str) -> impl FnOnce(E) -> ProviderError {
    move |error| {
        let last = std::iter::successors(error.source(), |cause| cause.source()).last();
        let text = last.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        ProviderError::Provider(format!("{what} does not count: {text}"))
    }
}

fn http(oidc: &Oidc, https_only: bool) -> Result<reqwest::Client, ProviderError> {
    let tls = tls::verifying(oidc.ca_file.as_deref()).map_err(ProviderError::Provider)?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(https_only)
        // What the provider's answers lead to is not asked.
        .redirect(Policy::none())
        .timeout(PATIENCE)
        .user_agent(concat!("besked/", env!("CARGO_PKG_VERSION")));
    client.build().map_err(of("the client"))
}

fn unasked(error: reqwest::Error) -> FetchError {
    FetchError::Request(in_words(&error))
}

async fn fetch(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, FetchError> {
    let (head, body) = request.into_parts();
    let asked = client.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
    let mut response = asked.send().await.map_err(unasked)?;
    let mut built = openidconnect::http::Response::builder().status(response.status());
    if let Some(headers) = built.headers_mut() {
        *headers = response.headers().clone();
    }
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(unasked)? {
        if body.len() + part.len() > LARGEST {
            return Err(FetchError::Large);
        }
        body.extend_from_slice(&part);
    }
    Ok(built.body(body)?)
}
