//! Signing in at an identity provider, over a provider of the tests' own: it describes itself, asks for PKCE and the secret, and signs what
//! it says (OpenID Connect Core, Discovery; RFC 7636).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use besked::domain::clock::Clock;
use besked::domain::digest::sha256;
use besked::domain::operator::Role;
use besked::operators::keys::NewKey;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use ed25519_dalek::{Signer as _, SigningKey};
use rstest::rstest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::browser::{Browser, Page};
use crate::app::TestApp;
use crate::database::Engine;
use crate::operators::{at, machine, person, with};

const CLIENT: &str = "besked";
const SECRET: &str = "a secret & more";

/// What the provider says, which a test may spoil.
#[derive(Clone, Debug)]
struct Says {
    claims: Value,
    /// The key that signs; not the one that it shows, if it is another.
    key: [u8; 32],
    algorithm: &'static str,
}

struct Inner {
    issuer: String,
    clock: Clock,
    says: Mutex<Says>,
    /// What was asked for with each code.
    codes: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
}

/// A provider that listens.
struct Provider(Arc<Inner>);

const KEY: [u8; 32] = [9; 32];

impl Provider {
    async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let says = Says { claims: json!({ "sub": "u-1", "preferred_username": "Ola" }), key: KEY, algorithm: "EdDSA" };
        let inner = Arc::new(Inner { issuer, clock, says: Mutex::new(says), codes: Mutex::default() });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self(inner)
    }

    fn says(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.0.says.lock().unwrap());
    }

    /// Follows a browser to the provider, which knows who it is; returns the path at Besked that it comes back to.
    async fn follow(&self, address: &str) -> String {
        let host = self.0.issuer.strip_prefix("http://").unwrap();
        let path = address.strip_prefix(&self.0.issuer).unwrap();
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
        let back = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
        back.strip_prefix("https://notices.example.com").unwrap().to_owned()
    }
}

/// A JSON document.
fn answer(document: Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
}

async fn describe(State(it): State<Arc<Inner>>) -> Response {
    let issuer = &it.issuer;
    answer(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

async fn keys() -> Response {
    let public = SigningKey::from_bytes(&KEY).verifying_key();
    let x = BASE64URL_NOPAD.encode(public.as_bytes());
    answer(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "k1", "x": x }] }))
}

async fn authorize(State(it): State<Arc<Inner>>, Query(asked): Query<BTreeMap<String, String>>) -> Response {
    assert_eq!((asked["response_type"].as_str(), asked["client_id"].as_str()), ("code", CLIENT));
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{}", asked["scope"]);
    let back = format!("{}?code=c-{}&state={}", asked["redirect_uri"], asked["nonce"], asked["state"]);
    it.codes.lock().unwrap().insert(format!("c-{}", asked["nonce"]), asked);
    Redirect::to(&back).into_response()
}

async fn token(
    State(it): State<Arc<Inner>>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> Response {
    let refuse = |error: &str| (StatusCode::BAD_REQUEST, answer(json!({ "error": error }))).into_response();
    // RFC 6749 section 2.3.1: both parts are form-encoded before they are put together.
    let secret: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    let wanted = format!("Basic {}", BASE64.encode(format!("{CLIENT}:{secret}").as_bytes()));
    if headers.get(header::AUTHORIZATION).is_none_or(|it| it.to_str().unwrap() != wanted) {
        return refuse("invalid_client");
    }
    // A code counts once.
    let Some(asked) = it.codes.lock().unwrap().remove(&form["code"]) else { return refuse("invalid_grant") };
    let challenge = BASE64URL_NOPAD.encode(&sha256(form["code_verifier"].as_bytes()));
    if challenge != asked["code_challenge"] || form["redirect_uri"] != asked["redirect_uri"] {
        return refuse("invalid_grant");
    }
    let (says, now) = (it.says.lock().unwrap().clone(), it.clock.now().as_second());
    let mut claims = json!({
        "iss": it.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
    });
    claims.as_object_mut().unwrap().extend(says.claims.as_object().unwrap().clone());
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", part(&json!({ "alg": says.algorithm, "kid": "k1" })), part(&claims));
    let signature = match says.algorithm {
        "none" => String::new(),
        _ => BASE64URL_NOPAD.encode(&SigningKey::from_bytes(&says.key).sign(signed.as_bytes()).to_bytes()),
    };
    let id_token = format!("{signed}.{signature}");
    answer(json!({ "access_token": "x", "token_type": "Bearer", "expires_in": 60, "id_token": id_token }))
}

/// An application that knows a provider, and a browser before it.
async fn beside(engine: Engine, roles_claim: &str) -> (TestApp, Provider, Browser) {
    let app = with(engine, &[person("Ola", &[Role::Ops]), machine("robot", &[Role::Finance])]).await;
    let provider = Provider::start(app.app.context.clock.clone()).await;
    let issuer = provider.0.issuer.clone();
    let app = app
        .configured(|config| {
            config.oidc.issuer = Some(issuer.parse().unwrap());
            config.oidc.client_id = CLIENT.to_owned();
            config.oidc.client_secret = Some(SECRET.to_owned().into());
            config.oidc.roles_claim = roles_claim.to_owned();
            config.oidc.name = "Example ID".to_owned();
        })
        .await;
    let browser = Browser::start(&app.app).await;
    (app, provider, browser)
}

/// Goes to the provider and comes back.
async fn come_back(provider: &Provider, browser: &mut Browser) -> Page {
    let address = browser.get("/sign-in/provider?next=%2Fme").await.leads_to();
    let back = provider.follow(&address).await;
    browser.get(&back).await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_at_the_provider(#[case] engine: Engine) {
    let (app, provider, mut browser) = beside(engine, "").await;
    browser.get("/sign-in").await.is(200).says("Sign in with Example ID");
    assert_eq!(come_back(&provider, &mut browser).await.leads_to(), "/me");
    browser.get("/me").await.is(200).says("Ola").says("ops").says("You sign in at a provider");
    // The name was given to another person there.
    provider.says(|it| it.claims["sub"] = "u-2".into());
    come_back(&provider, &mut browser.other()).await.is(401).says("did not work");
    // The person has another name there.
    provider.says(|it| it.claims = json!({ "sub": "u-1", "preferred_username": "Ola Ny" }));
    come_back(&provider, &mut browser.other()).await.is(303);
    provider.says(|it| it.claims = json!({ "sub": "u-3", "preferred_username": "nobody" }));
    come_back(&provider, &mut browser.other()).await.is(401);
    provider.says(|it| it.claims = json!({ "sub": "u-4", "preferred_username": "robot" }));
    come_back(&provider, &mut browser.other()).await.is(401);
    let root = at(&app, "Root").await;
    app.app.operators.disable(&root, "Ola").await.unwrap();
    browser.get("/me").await.is(303);
    provider.says(|it| it.claims = json!({ "sub": "u-1", "preferred_username": "Ola" }));
    come_back(&provider, &mut browser.other()).await.is(401);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_provider_gives_the_roles(#[case] engine: Engine) {
    let (app, provider, mut browser) = beside(engine, "realm_access.roles").await;
    let roles =
        |provider: &Provider, words: Value| provider.says(|it| it.claims["realm_access"] = json!({ "roles": words }));
    roles(&provider, json!(["marketing", "offline_access", "ops"]));
    come_back(&provider, &mut browser).await.is(303);
    browser.get("/me").await.is(200).says("ops, marketing");
    let root = at(&app, "Root").await;
    let key = app.app.keys.add(&root, &NewKey { operator: "Ola", roles: None, expires_at: None }).await.unwrap();
    // An identity that nobody has takes no roles away, whatever its name.
    provider.says(|it| it.claims["sub"] = "u-7".into());
    roles(&provider, json!([]));
    come_back(&provider, &mut browser.other()).await.is(401);
    browser.get("/me").await.is(200).says("ops, marketing");
    // What the provider has taken away is gone at once.
    provider.says(|it| it.claims["sub"] = "u-1".into());
    roles(&provider, json!(["offline_access"]));
    come_back(&provider, &mut browser.other()).await.is(401);
    browser.get("/me").await.is(303);
    assert_eq!(app.app.operators.show(&root, "Ola").await.unwrap().roles.to_string(), "");
    let shown = browser.node.get(key.key.reveal(), "/api/v1/me").await.ok(200);
    assert_eq!((&shown["roles"], &shown["rights"]), (&json!([]), &json!([])));
    roles(&provider, json!(["ops"]));
    come_back(&provider, &mut browser).await.is(303);
    browser.get("/me").await.is(200).says("ops");
    provider.says(|it| {
        it.claims = json!({ "sub": "u-9", "preferred_username": "Nya", "realm_access": { "roles": ["legal"] } })
    });
    let mut other = browser.other();
    come_back(&provider, &mut other).await.is(303);
    other.get("/me").await.is(200).says("Nya").says("legal");
    assert_eq!(app.app.operators.show(&root, "Nya").await.unwrap().roles.to_string(), "legal");
    // A name that looks like another operator's is no way to become them.
    provider.says(|it| {
        it.claims = json!({ "sub": "u-10", "preferred_username": "N\u{443}a", "realm_access": { "roles": ["admin"] } });
    });
    come_back(&provider, &mut browser.other()).await.is(401);
    // The last admin stays one.
    provider.says(|it| {
        it.claims = json!({ "sub": "u-11", "preferred_username": "Root", "realm_access": { "roles": ["ops"] } });
    });
    come_back(&provider, &mut browser.other()).await.is(401);
    assert_eq!(app.app.operators.show(&root, "Root").await.unwrap().roles.to_string(), "admin");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_name_at_the_provider_is_not_an_operator_who_has_a_password(#[case] engine: Engine) {
    let (app, provider, mut browser) = beside(engine, "roles").await;
    super::sign_in::set_password(&app, &browser, "Ola").await;
    provider.says(|it| it.claims["roles"] = json!(["admin"]));
    let page = come_back(&provider, &mut browser).await.is(401);
    page.says("signs in here with a password or a code");
    let root = at(&app, "Root").await;
    assert_eq!(app.app.operators.show(&root, "Ola").await.unwrap().roles.to_string(), "ops");
    // Another operator's session is no proof either.
    let mut roots = browser.other();
    roots.sign_in("Root").await;
    come_back(&provider, &mut roots).await.is(401);
    // Who signs in here connects the two.
    provider.says(|it| it.claims["roles"] = json!(["ops"]));
    super::sign_in::typed(&mut browser, "Ola", super::sign_in::PASSWORD).await.is(303);
    browser.get("/me").await.is(200).says("You can sign in with Example ID, too");
    assert_eq!(come_back(&provider, &mut browser).await.leads_to(), "/me");
    browser.get("/me").await.is(200).lacks("You can sign in with Example ID, too");
    come_back(&provider, &mut browser.other()).await.is(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_count_is_refused() {
    type Spoil = fn(&mut Says, i64);
    let (app, provider, mut browser) = beside(Engine::Sqlite, "").await;
    let good = provider.0.says.lock().unwrap().clone();
    let now = app.app.context.clock.now().as_second();
    let spoiled: [(&str, Spoil); 7] = [
        ("another key", |it, _| it.key = [8; 32]),
        ("no signature", |it, _| it.algorithm = "none"),
        ("another issuer", |it, _| it.claims["iss"] = "https://evil.example".into()),
        ("for another client", |it, _| it.claims["aud"] = "other".into()),
        ("expired", |it, now| it.claims["exp"] = (now - 1).into()),
        ("another nonce", |it, _| it.claims["nonce"] = "x".into()),
        ("no name", |it, _| it.claims = json!({ "sub": "u-1" })),
    ];
    for (what, spoil) in spoiled {
        provider.says(|it| {
            *it = good.clone();
            spoil(it, now);
        });
        let page = come_back(&provider, &mut browser).await;
        assert_eq!(page.status(), 502, "{what}: {}", page.text());
        browser.get("/me").await.is(303);
        app.advance(Duration::from_secs(30));
    }
    provider.says(|it| *it = good);
    come_back(&provider, &mut browser).await.is(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_browser_began_does_not_sign_this_one_in() {
    let (app, provider, mut browser) = beside(Engine::Sqlite, "").await;
    let mut attacker = browser.other();
    let address = attacker.get("/sign-in/provider").await.leads_to();
    let back = provider.follow(&address).await;
    browser.get(&back).await.is(400);
    browser.get("/sign-in/provider").await.is(303);
    browser.get(&back).await.is(400);
    browser.get("/sign-in/provider/return?error=access_denied&state=x").await.is(400);
    browser.get("/sign-in/provider/return").await.is(400);
    assert!(!browser.jar.contains_key("__Host-besked_session"));
    // Once, and not again: neither the code nor the browser's part is there.
    attacker.get(&back).await.is(303);
    attacker.other().get(&back).await.is(400);
    let off = app.configured(|config| config.oidc.issuer = None).await;
    let mut browser = Browser::start(&off.app).await;
    browser.get("/sign-in").await.is(200).lacks("Example ID");
    browser.get("/sign-in/provider").await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_answer_is_said_and_passwords_still_work() {
    let (app, _provider, _) = beside(Engine::Sqlite, "").await;
    let app = app.configured(|config| config.oidc.issuer = Some("http://127.0.0.1:1".parse().unwrap())).await;
    let mut browser = Browser::start(&app.app).await;
    browser.get("/sign-in/provider").await.is(502).says("did not work");
    super::sign_in::set_password(&app, &browser, "Ola").await;
    super::sign_in::typed(&mut browser, "Ola", super::sign_in::PASSWORD).await.is(303);
}
