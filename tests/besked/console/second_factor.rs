//! The second factor: who needs it, how it is set up, and that a code counts once.

use std::time::Duration;

use besked::app::App;
use besked::domain::operator::Role;
use besked::domain::second_factor::Secret;
use rstest::rstest;

use super::browser::Browser;
use super::sign_in::{PASSWORD, door, invitation, set_password, typed};
use crate::app::TestApp;
use crate::database::Engine;
use crate::operators::{at, roles};

const STEP: Duration = Duration::from_secs(30);

/// The secret that a page shows to be typed into an app.
fn secret(shown: &str) -> Secret {
    let text: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
    Secret::stored(data_encoding::BASE32_NOPAD.decode(text.as_bytes()).unwrap().try_into().unwrap())
}

fn code(app: &App, secret: &Secret) -> String {
    secret.code(app.context.clock.now())
}

/// Sets up the second factor of the admin Root; returns the secret and the recovery codes.
async fn set_up(app: &TestApp, browser: &mut Browser) -> (Secret, Vec<String>) {
    let path = invitation(app, "Root").await;
    let page = browser.post(&path, &[("password", PASSWORD), ("password_again", PASSWORD)]).await;
    assert_eq!(page.leads_to(), "/sign-in/second-factor");
    let page = browser.get("/sign-in/second-factor").await.is(200).says("src=\"data:image/svg+xml;base64,");
    let secret = secret(&page.between("<code class=\"secret\">", "</code>"));
    let page = browser.post("/sign-in/second-factor", &[("code", &code(&app.app, &secret))]).await.is(200);
    let list = page.between("<ul class=\"codes\">", "</ul>");
    let codes: Vec<String> = list.split("<li>").skip(1).map(|it| it.split('<').next().unwrap().to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_sets_up_a_second_factor_before_anything_else(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    let path = invitation(&app, "Root").await;
    browser.post(&path, &[("password", PASSWORD), ("password_again", PASSWORD)]).await.is(303);
    let half = browser.jar["__Host-besked_session"].clone();
    assert_eq!(browser.get("/me").await.leads_to(), "/sign-in/second-factor?next=%2Fme");
    browser.post("/me/words", &[]).await.is(401);
    let page = browser.get("/sign-in/second-factor").await.is(200);
    let shown = page.between("<code class=\"secret\">", "</code>");
    let again = browser.get("/sign-in/second-factor").await.between("<code class=\"secret\">", "</code>");
    assert_eq!(shown, again, "the picture stays the same if the page is loaded again");
    browser
        .post("/sign-in/second-factor", &[("code", "000000")])
        .await
        .is(422)
        .says("not the code of this key")
        .says(&shown);
    let right = code(&app.app, &secret(&shown));
    let page = browser.post("/sign-in/second-factor", &[("code", &right), ("next", "/me")]).await.is(200);
    page.says("Keep your recovery codes").says("href=\"/me\"");
    assert_ne!(browser.jar["__Host-besked_session"], half, "another token");
    browser.get("/me").await.is(200).says("10 recovery codes are left");
    let mut attacker = browser.other();
    attacker.jar.insert("__Host-besked_session".to_owned(), half);
    attacker.get("/me").await.is(303);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_needed_at_each_sign_in_and_counts_once(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    let (secret, codes) = set_up(&app, &mut browser).await;
    let mut other = browser.other();
    let fields = [("name", "Root"), ("password", PASSWORD), ("next", "/me")];
    assert_eq!(other.post("/sign-in", &fields).await.leads_to(), "/sign-in/code?next=%2Fme");
    assert_eq!(other.get("/me").await.leads_to(), "/sign-in/code?next=%2Fme");
    assert_eq!(
        other.get("/sign-in/second-factor").await.leads_to(),
        "/sign-in",
        "a password alone sets up no other device"
    );
    let used = code(&app.app, &secret);
    other.post("/sign-in/code", &[("code", &used)]).await.is(401).says("wrong or was used before");
    app.advance(STEP);
    let now = code(&app.app, &secret);
    let half = other.jar["__Host-besked_session"].clone();
    assert_eq!(other.post("/sign-in/code", &[("code", &now), ("next", "/me")]).await.leads_to(), "/me");
    assert_ne!(other.jar["__Host-besked_session"], half);
    other.get("/me").await.is(200);

    let mut third = browser.other();
    typed(&mut third, "Root", PASSWORD).await.is(303);
    third.post("/sign-in/code", &[("code", &now)]).await.is(401);
    let written = codes[3].to_uppercase().replace('-', " ");
    third.post("/sign-in/code", &[("code", &written)]).await.is(303);
    third.get("/me").await.is(200).says("9 recovery codes are left");
    app.advance(Duration::from_mins(1));
    let mut fourth = browser.other();
    typed(&mut fourth, "Root", PASSWORD).await.is(303);
    fourth.post("/sign-in/code", &[("code", &codes[3])]).await.is(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_cannot_be_guessed() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    let (secret, _) = set_up(&app, &mut browser).await;
    app.advance(10 * STEP);
    let mut other = browser.other();
    typed(&mut other, "Root", PASSWORD).await.is(303);
    for _ in 0..5 {
        other.post("/sign-in/code", &[("code", "12345x")]).await.is(401);
    }
    let right = code(&app.app, &secret);
    other.post("/sign-in/code", &[("code", &right)]).await.is(429).says("too many attempts");
    app.advance(Duration::from_mins(1));
    let right = code(&app.app, &secret);
    other.post("/sign-in/code", &[("code", &right)]).await.is(303);
    let mut late = browser.other();
    typed(&mut late, "Root", PASSWORD).await.is(303);
    app.advance(Duration::from_mins(10));
    let right = code(&app.app, &secret);
    assert_eq!(late.post("/sign-in/code", &[("code", &right)]).await.leads_to(), "/sign-in", "ten minutes are enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_a_role_that_needs_it_sets_it_up_before_the_next_page() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    browser.get("/me").await.is(200).says("Not set up");
    let root = at(&app, "Root").await;
    app.app.operators.set(&root, "Ola", roles(&[Role::Ops, Role::Legal]), None).await.unwrap();
    assert_eq!(browser.get("/me").await.leads_to(), "/sign-in/second-factor?next=%2Fme");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_device_needs_a_code_of_the_present_one() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    let (present, codes) = set_up(&app, &mut browser).await;
    app.advance(STEP);
    let page = browser.get("/sign-in/second-factor?next=%2Fme").await.is(200).says("Code of the present device");
    let new = secret(&page.between("<code class=\"secret\">", "</code>"));
    let right = code(&app.app, &new);
    browser.post("/sign-in/second-factor", &[("code", &right)]).await.is(422);
    let former = code(&app.app, &present);
    let page = browser.post("/sign-in/second-factor", &[("code", &right), ("former", &former)]).await.is(200);
    page.lacks(&codes[0]);
    app.advance(STEP);
    let mut other = browser.other();
    typed(&mut other, "Root", PASSWORD).await.is(303);
    other.post("/sign-in/code", &[("code", &code(&app.app, &present))]).await.is(401);
    other.post("/sign-in/code", &[("code", &codes[0])]).await.is(401);
    other.post("/sign-in/code", &[("code", &code(&app.app, &new))]).await.is(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_that_resets_takes_the_second_factor_off() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_up(&app, &mut browser).await;
    let root = at(&app, "Root").await;
    let path = invitation(&app, "Root").await;
    let mut other = browser.other();
    let fields = [("password", "sju stolar i en vinterskog"), ("password_again", "sju stolar i en vinterskog")];
    assert_eq!(other.post(&path, &fields).await.leads_to(), "/sign-in/code", "without it, the device is still needed");
    browser.get("/me").await.is(303);
    let link = app.app.sign_ins.invite(&root, "Root", true).await.unwrap().url;
    let path = link.strip_prefix("https://notices.example.com").unwrap();
    assert_eq!(other.post(path, &fields).await.leads_to(), "/sign-in/second-factor");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_recovery_codes_replace_the_former_ones() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    let (secret, codes) = set_up(&app, &mut browser).await;
    browser.post("/me/codes", &[("code", "123")]).await.is(422).says("wrong or was used");
    app.advance(STEP);
    let page = browser.post("/me/codes", &[("code", &code(&app.app, &secret))]).await.is(200).lacks(&codes[0]);
    assert_eq!(page.text().matches("<li>").count() - page.text().matches("<li><a").count(), 10);
    let mut other = browser.other();
    typed(&mut other, "Root", PASSWORD).await.is(303);
    other.post("/sign-in/code", &[("code", &codes[0])]).await.is(401);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_saw_a_secret_that_was_set_up_elsewhere_has_no_second_factor(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    set_password(&app, &browser, "Root").await;
    // Somebody with the password looks at the secret, and sets nothing up.
    let mut thief = browser.other();
    assert_eq!(typed(&mut thief, "Root", PASSWORD).await.leads_to(), "/sign-in/second-factor");
    let page = thief.get("/sign-in/second-factor").await.is(200);
    let stolen = secret(&page.between("<code class=\"secret\">", "</code>"));
    typed(&mut browser, "Root", PASSWORD).await.is(303);
    let page = browser.get("/sign-in/second-factor").await.is(200);
    let own = secret(&page.between("<code class=\"secret\">", "</code>"));
    assert_ne!(own, stolen);
    browser.post("/sign-in/second-factor", &[("code", &code(&app.app, &stolen))]).await.is(422);
    // A new password ends it, too.
    let path = invitation(&app, "Root").await;
    let fields = [("password", "sju stolar i en vinterskog"), ("password_again", "sju stolar i en vinterskog")];
    browser.post(&path, &fields).await.is(303);
    assert_eq!(thief.get("/sign-in/second-factor").await.leads_to(), "/sign-in");
    let page = browser.get("/sign-in/second-factor").await.is(200);
    let new = secret(&page.between("<code class=\"secret\">", "</code>"));
    assert!(new != own && new != stolen);
    browser.post("/sign-in/second-factor", &[("code", &code(&app.app, &new))]).await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_take_the_writer_and_is_counted() {
    let (app, browser) = door(Engine::Sqlite).await;
    let writing = app.app.context.store.write().await.unwrap();
    let ask = async |token: &str| {
        let mut stranger = browser.other();
        stranger.jar.insert("__Host-besked_session".to_owned(), token.to_owned());
        let code = stranger.post("/sign-in/code", &[("code", "123456")]).await.status();
        let page = stranger.get("/sign-in/second-factor").await.status();
        let set = stranger.post("/sign-in/second-factor", &[("code", "123456")]).await.status();
        (code, page, set, stranger.post("/sign-out", &[]).await.status())
    };
    let answers = async { (ask("").await, ask("x").await, ask(&"A".repeat(43)).await) };
    let answers = tokio::time::timeout(Duration::from_secs(240), answers).await.expect("nobody waits for the writer");
    assert_eq!(answers, ((303, 303, 303, 303), (303, 303, 303, 303), (303, 303, 303, 303)));
    writing.rollback().await.unwrap();
    for _ in 0..9 {
        ask(&"A".repeat(43)).await;
    }
    assert_eq!(ask(&"A".repeat(43)).await, (429, 429, 303, 303), "tokens are guessed no faster than passwords");
    let mut other = browser.other();
    typed(&mut other, "Ola", "x").await.is(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_in_the_audit_log_whatever_it_was_for() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_up(&app, &mut browser).await;
    browser.post("/me/codes", &[("code", "123")]).await.is(422);
    browser.get("/sign-in/second-factor").await.is(200);
    browser.post("/sign-in/second-factor", &[("code", "123"), ("former", "456")]).await.is(422);
    app.app.requests.settle().await;
    let request = besked::domain::page::PageRequest { after: None, limit: 100 };
    let filter = besked::operators::audit::Filter::default();
    let page = app.app.audit.list(&crate::app::alice(), &filter, &request).await.unwrap();
    for action in ["renew recovery codes", "set up second factor"] {
        let row = |it: &besked::operators::audit::Asked| {
            (it.operator.as_str(), it.action.as_str(), it.result.as_str()) == ("Root", action, "unauthenticated")
        };
        assert!(page.items.iter().any(row), "{action}: {:#?}", page.items);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_its_code_is_not_shown_as_signed_in() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_up(&app, &mut browser).await;
    browser.get("/me").await.is(200).lacks("only the password was given");
    typed(&mut browser.other(), "Root", PASSWORD).await.is(303);
    browser.get("/me").await.is(200).says("only the password was given");
}
