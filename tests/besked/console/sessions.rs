//! Sessions: how long they last, where they are seen, and what ends them.

use std::time::Duration;

use besked::domain::operator::Role;
use besked::operators::sign_ins::{SignInError, Visitor};
use besked::store::operators::sign_ins as stored;
use rstest::rstest;
use sqlx::Row as _;

use super::browser::Browser;
use super::sign_in::{PASSWORD, door, set_password, typed};
use crate::app::TestApp;
use crate::database::Engine;
use crate::operators::{at, roles};

const MINUTE: Duration = Duration::from_mins(1);

const SESSION: &str = "__Host-besked_session";

/// When the last use of a session was noted.
async fn seen_at(app: &TestApp) -> i64 {
    let mut conn = app.app.context.store.read().await.unwrap();
    sqlx::query("SELECT MAX(seen_at) AS it FROM sessions").fetch_one(&mut *conn).await.unwrap().get("it")
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours_in_any_case(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    browser.sign_in("Ola").await;
    for _ in 0..24 {
        app.advance(29 * MINUTE);
        // No page waits long for the writer: its use may be noted by the next one.
        while seen_at(&app).await != app.app.context.clock.now_ms() {
            browser.get("/me").await.is(200);
        }
    }
    app.advance(24 * MINUTE);
    assert_eq!(browser.get("/me").await.leads_to(), "/sign-in?next=%2Fme", "that was twelve hours");
    browser.sign_in("Ola").await;
    browser.get("/me").await.is(200);
    app.advance(30 * MINUTE);
    browser.get("/me").await.is(303);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_at_once_when_its_operator_is_disabled_or_signs_out(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    let mut other = browser.other();
    browser.sign_in("Ola").await;
    other.sign_in("Ola").await;
    let token = browser.jar[SESSION].clone();
    assert_eq!(browser.post("/sign-out", &[]).await.leads_to(), "/sign-in");
    assert!(browser.jar.is_empty());
    browser.jar.insert(SESSION.to_owned(), token);
    browser.get("/me").await.is(303);
    other.get("/me").await.is(200);
    let root = at(&app, "Root").await;
    app.app.operators.disable(&root, "Ola").await.unwrap();
    other.get("/me").await.is(303);
    app.app.operators.enable(&root, "Ola").await.unwrap();
    other.get("/me").await.is(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_are_those_of_now() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    browser.sign_in("Ola").await;
    browser.get("/").await.is(200).says("href=\"/tasks\"").lacks("href=\"/webhooks\"");
    let root = at(&app, "Root").await;
    app.app.operators.set(&root, "Ola", roles(&[Role::Admin]), None).await.unwrap();
    browser.get("/").await.is(200).says("href=\"/webhooks\"").lacks("href=\"/tasks\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_has_a_new_token_whatever_the_browser_had() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    let planted = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE";
    browser.jar.insert(SESSION.to_owned(), planted.to_owned());
    let page = typed(&mut browser, "Ola", PASSWORD).await.is(303);
    let cookie = page.reply.header("set-cookie").unwrap().to_owned();
    for word in ["__Host-besked_session=", "Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
        assert!(cookie.contains(word), "{word}: {cookie}");
    }
    assert!(!cookie.contains("Max-Age") && !cookie.contains("Domain"), "{cookie}");
    assert_ne!(browser.jar[SESSION], planted);
    let mut attacker = browser.other();
    attacker.jar.insert(SESSION.to_owned(), planted.to_owned());
    attacker.get("/me").await.is(303);
    let first = browser.jar[SESSION].clone();
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    assert_ne!(browser.jar[SESSION], first);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_loopback_host_without_tls_the_cookie_has_no_prefix() {
    let (app, _) = door(Engine::Sqlite).await;
    let app = app.configured(|config| config.organisation.public_url = "http://127.0.0.1:8080".parse().unwrap()).await;
    let root = at(&app, "Root").await;
    let link = app.app.sign_ins.invite(&root, "Ola", false).await.unwrap().url;
    let path = link.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    let mut browser = Browser::start(&app.app).await;
    let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", "http://127.0.0.1:8080")];
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("password", PASSWORD), ("password_again", PASSWORD)])
        .finish();
    let page = browser.ask("POST", &path, &form, body.as_bytes()).await.is(303);
    let cookie = page.reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with("besked_session=") && !cookie.contains("Secure"), "{cookie}");
    browser.get("/me").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_and_ends_the_own_sessions() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    let mut roots = browser.other();
    roots.sign_in("Root").await;
    let mut phone = browser.other();
    phone.headers.push(("User-Agent".to_owned(), "Phone <b>".to_owned()));
    typed(&mut phone, "Ola", PASSWORD).await.is(303);
    phone.get("/me").await.is(200);
    app.advance(MINUTE);
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    let page = browser.get("/me").await.is(200).says("Phone <b>").says("This one");
    assert!(page.html().contains("Phone &#60;b&#62;"), "a browser may say anything of itself");
    let ends: Vec<String> = page
        .html()
        .split("action=\"/me/sessions/")
        .skip(1)
        .map(|rest| format!("/me/sessions/{}", rest.split('"').next().unwrap()))
        .filter(|path| !path.contains("others"))
        .collect();
    assert_eq!(ends.len(), 2, "the one of the invitation, and the phone's; the own one has no button");
    // Another operator's session is nobody else's to end.
    let mut stranger = browser.other();
    stranger.sign_in("Root").await;
    for path in &ends {
        stranger.post(path, &[]).await.is(303);
    }
    phone.get("/me").await.is(200);
    for path in &ends {
        browser.submit(path, &[]).await.is(200).says("The session is ended.");
    }
    phone.get("/me").await.is(303);
    typed(&mut phone, "Ola", PASSWORD).await.is(303);
    browser.submit("/me/sessions/others/end", &[]).await.is(200).says("All other sessions are ended.");
    phone.get("/me").await.is(303);
    browser.get("/me").await.is(200).lacks("sessions are ended");
    roots.get("/me").await.is(200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_needs_the_present_one_and_ends_the_other_sessions(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    set_password(&app, &browser, "Ola").await;
    let mut other = browser.other();
    typed(&mut other, "Ola", PASSWORD).await.is(303);
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    const NEW: &str = "sju stolar i en vinterskog";
    let change = async |browser: &mut Browser, present: &str, new: &str| {
        browser.submit("/me/password", &[("present-password", present), ("new-password", new)]).await
    };
    change(&mut browser, "wrong", NEW).await.is(422).says("not your present password").lacks(NEW);
    change(&mut browser, PASSWORD, "qwertyuiop12").await.is(422).says("among the first");
    other.get("/me").await.is(200);
    change(&mut browser, PASSWORD, NEW).await.is(200).says("Your password is changed");
    other.get("/me").await.is(303);
    browser.get("/me").await.is(200);
    typed(&mut other, "Ola", PASSWORD).await.is(401);
    typed(&mut other, "Ola", NEW).await.is(303);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_chooses_the_language_and_the_zone(#[case] engine: Engine) {
    let (_app, mut browser) = door(engine).await;
    browser.sign_in("Ola").await;
    browser.get("/me").await.is(200).says("24 November 2026, 10:00 UTC");
    let fields = [("language", "sv"), ("zone", "Europe/Stokholm")];
    browser.post("/me/words", &fields).await.is(422).says("Europe/Stokholm").says("id=\"zone-fault\"");
    let fields = [("language", "sv"), ("zone", "europe/stockholm")];
    let page = browser.submit("/me/words", &fields).await.is(200);
    page.says("lang=\"sv\"").says("Ditt språk och din tidszon är sparade").says("24 november 2026 kl. 11:00 CET");
    browser.submit("/me/words", &[("language", ""), ("zone", "")]).await.is(200).says("lang=\"en\"").says("10:00 UTC");
    let mut outside = browser.other();
    outside.headers.push(("Accept-Language".to_owned(), "de, sv-SE;q=0.8, en;q=0.7".to_owned()));
    outside.get("/sign-in").await.is(200).says("Logga in");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_not_lost_when_the_session_ends_while_writing() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    browser.sign_in("Ola").await;
    app.advance(31 * MINUTE);
    let long = "Two lines\nof \"text\" & <more>";
    let fields = [("zone", "Europe/Stockholm"), ("body", long), ("present-password", "secret")];
    let page = browser.post("/me/words?draft=1", &fields).await.is(401);
    let page =
        page.says("nothing that you typed is lost").says(long).says("value=\"Europe/Stockholm\"").lacks("secret");
    page.says("action=\"/me/words?draft=1\"");
    browser.sign_in("Ola").await;
    browser.submit("/me/words", &fields).await.is(200).says("are saved");
    app.advance(31 * MINUTE);
    let large = "x".repeat(2 << 20);
    browser.post("/me/words", &[("body", &large)]).await.is(401).says("too large to be kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_an_invitation_sets_meanwhile_stays() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    let present = app.app.sign_ins.present(&browser.jar[SESSION]).await.unwrap().unwrap();
    let (sign_ins, operator) = (app.app.sign_ins.clone(), present.operator.clone());
    let visitor = Visitor { address: "192.0.2.1".parse().unwrap(), agent: String::new() };
    let mut tx = app.app.context.store.write().await.unwrap();
    let mut changing = tokio::spawn(async move {
        let passwords = (PASSWORD, "sju stolar i en vinterskog");
        sign_ins.change_password((&present.operator, present.session), passwords, &visitor).await
    });
    assert!(tokio::time::timeout(Duration::from_secs(3), &mut changing).await.is_err(), "it waits for the writer");
    stored::set_password(&mut tx, operator.id, "of an invitation").await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(changing.await.unwrap(), Err(SignInError::Wrong)));
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(stored::find(&mut conn, operator.id).await.unwrap().password.as_deref(), Some("of an invitation"));
}
