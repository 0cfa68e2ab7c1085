//! The door: invitations, passwords, limits, and where it leads.

use std::time::Duration;

use besked::domain::operator::Role;
use besked::operators::OperatorError;
use rstest::rstest;

use super::browser::{Browser, Page};
use crate::app::{TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;
use crate::operators::{at, machine, person, with};

/// A password that nobody guesses.
pub const PASSWORD: &str = "kanot under järnbron vid sju";

/// An application with Ola of ops, and a browser before it.
pub async fn door(engine: Engine) -> (TestApp, Browser) {
    let app = with(engine, &[person("Ola", &[Role::Ops]), machine("billing-run", &[Role::Finance])]).await;
    let browser = Browser::start(&app.app).await;
    (app, browser)
}

/// The path of an invitation of an operator.
pub async fn invitation(app: &TestApp, name: &str) -> String {
    let root = at(app, "Root").await;
    let invited = app.app.sign_ins.invite(&root, name, false).await.unwrap();
    invited.url.strip_prefix("https://notices.example.com").unwrap().to_owned()
}

/// Sets the password of an operator.
pub async fn set_password(app: &TestApp, browser: &Browser, name: &str) {
    let path = invitation(app, name).await;
    browser.other().post(&path, &[("password", PASSWORD), ("password_again", PASSWORD)]).await.is(303);
}

/// Types a name and a password.
pub async fn typed(browser: &mut Browser, name: &str, password: &str) -> Page {
    browser.post("/sign-in", &[("name", name), ("password", password)]).await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_sets_a_password_once_and_within_a_day(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    let path = invitation(&app, "Ola").await;
    browser.get(&path).await.is(200).says("Welcome, Ola");
    browser.get(&path).await.is(200);
    let set = async |browser: &mut Browser, one: &str, again: &str| {
        browser.post(&path, &[("password", one), ("password_again", again)]).await
    };
    set(&mut browser, "kort", "kort").await.is(422).says("fewer than 12 characters");
    set(&mut browser, "password1234", "password1234").await.is(422).says("among the first that an attacker tries");
    set(&mut browser, PASSWORD, "another one, really").await.is(422).says("not the same password").lacks(PASSWORD);
    assert_eq!(set(&mut browser, PASSWORD, PASSWORD).await.leads_to(), "/", "ops need no second factor");
    browser.get("/").await.is(200).says("Ola");
    set(&mut browser, PASSWORD, PASSWORD).await.is(404).says("not valid any more");
    browser.other().get(&path).await.is(404);

    let mut other = browser.other();
    assert_eq!(typed(&mut other, "ola", PASSWORD).await.leads_to(), "/");
    let path = invitation(&app, "Ola").await;
    app.advance(Duration::from_hours(24));
    other.get(&path).await.is(404);
    let (one, last) = (invitation(&app, "Ola").await, invitation(&app, "Ola").await);
    other.get(&one).await.is(404);
    other.get(&last).await.is(200);
    for wrong in ["/invite/x", "/invite/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        other.get(wrong).await.is(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_invites_and_only_persons_who_may_act() {
    let (app, browser) = door(Engine::Sqlite).await;
    let (root, ola) = (at(&app, "Root").await, at(&app, "Ola").await);
    let invite = async |actor, name| app.app.sign_ins.invite(actor, name, false).await.map(drop);
    assert!(matches!(invite(&ola, "Ola").await, Err(OperatorError::Forbidden(_))));
    assert!(matches!(invite(&root, "billing-run").await, Err(OperatorError::NoSignIn(_))));
    assert!(matches!(invite(&root, "Nobody").await, Err(OperatorError::Unknown(_))));
    let path = invitation(&app, "Ola").await;
    app.app.operators.disable(&root, "Ola").await.unwrap();
    browser.other().get(&path).await.is(404);
    assert!(matches!(invite(&root, "Ola").await, Err(OperatorError::NotActive(_))));
    app.app.operators.enable(&root, "Ola").await.unwrap();
    browser.other().get(&path).await.is(404);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_name_and_a_wrong_password_look_alike(#[case] engine: Engine) {
    let (app, mut browser) = door(engine).await;
    set_password(&app, &browser, "Ola").await;
    let page = async |browser: &mut Browser, name: &str, password: &str| {
        let page = typed(browser, name, password).await.is(401).says("The name or the password is wrong");
        page.text().replace(name, "NAME")
    };
    let wrong = page(&mut browser, "Ola", "not the password").await;
    for (name, password) in
        [("Nobody", PASSWORD), ("billing-run", PASSWORD), ("Root", ""), ("a\nb", "x"), ("Root", "nobody has this")]
    {
        let other = browser.post("/sign-in", &[("name", name), ("password", password)]).await.is(401);
        assert_eq!(other.text().replace(name, "NAME"), wrong, "{name}");
    }
    assert!(browser.jar.is_empty(), "nobody has a session");
    let root = at(&app, "Root").await;
    app.app.operators.disable(&root, "Ola").await.unwrap();
    page(&mut browser, "Ola", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_for_a_name_and_from_an_address() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    for _ in 0..10 {
        typed(&mut browser, "Ola", "not the password").await.is(401);
    }
    let refused = typed(&mut browser, "OLA", PASSWORD).await.is(429).says("too many attempts");
    assert_eq!(refused.reply.header("retry-after"), Some("30"));
    app.advance(Duration::from_secs(30));
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    for at in 0..40 {
        typed(&mut browser.other(), &format!("guess {at}"), "x").await;
    }
    typed(&mut browser.other(), "somebody", "x").await.is(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_from_elsewhere_does_not_lock_the_operator_out() {
    let (app, browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    let app = app.configured(|config| config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let door = Browser::start(&app.app).await;
    let from = |address: &str| {
        let mut browser = door.other();
        browser.headers.push(("X-Forwarded-For".to_owned(), address.to_owned()));
        browser
    };
    for _ in 0..10 {
        typed(&mut from("192.0.2.66"), "Ola", "not the password").await.is(401);
    }
    typed(&mut from("192.0.2.66"), "Ola", PASSWORD).await.is(429);
    typed(&mut from("192.0.2.1"), "Ola", PASSWORD).await.is(303);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_leads_to_the_page_that_was_asked_for_and_to_no_other_host() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    assert_eq!(browser.get("/me?a=b").await.leads_to(), "/sign-in?next=%2Fme%3Fa%3Db");
    browser.get("/sign-in?next=%2Fme%3Fa%3Db").await.is(200).says("value=\"/me?a=b\"");
    for (next, to) in
        [("/me?a=b", "/me?a=b"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/")]
    {
        let fields = [("name", "Ola"), ("password", PASSWORD), ("next", next)];
        assert_eq!(browser.other().post("/sign-in", &fields).await.leads_to(), to);
    }
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    assert_eq!(browser.get("/sign-in?next=//evil.example").await.leads_to(), "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_the_headers_that_keep_others_out() {
    let (_app, mut browser) = door(Engine::Sqlite).await;
    browser.sign_in("Ola").await;
    for path in ["/", "/me", "/sign-in/code", "/invite/x"] {
        let page = browser.get(path).await;
        let policy = page.reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert_eq!(
            (page.reply.header("cache-control"), page.reply.header("x-frame-options")),
            (Some("no-store"), Some("DENY"))
        );
        let html = page.html();
        assert!(!html.contains("<script>") && !html.contains("style=") && !html.contains("onclick"), "{html}");
    }
    let path = browser.get("/").await.between("<link rel=\"stylesheet\" href=\"", "\"");
    let css = browser.get(&path).await.is(200);
    assert_eq!(css.reply.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(css.reply.header("cache-control").unwrap().contains("immutable"));
    let unversioned = browser.get("/assets/console.css").await.is(200);
    assert_eq!(unversioned.reply.header("cache-control"), Some("no-cache"));
    browser.get("/assets/..%2Fconsole.css").await.is(404);
    let nothing = browser.other().get("/nothing/here").await.is(404).says("There is no such page");
    assert!(nothing.reply.header("content-security-policy").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_another_site_does_nothing() {
    let (_app, mut browser) = door(Engine::Sqlite).await;
    browser.sign_in("Ola").await;
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    for headers in [
        [form, ("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")],
        [form, ("Origin", "https://other.example.com"), ("Sec-Fetch-Site", "same-site")],
        [form, ("Origin", "null"), ("X-Old", "browser")],
    ] {
        for path in ["/sign-out", "/me/words", "/sign-in"] {
            browser.ask("POST", path, &headers, b"language=sv").await.is(403).says("came from another site");
        }
    }
    browser.get("/me").await.is(200).says("lang=\"en\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_says_who_came_in_and_who_did_not() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    typed(&mut browser, "Ola", "not the password").await.is(401);
    typed(&mut browser, PASSWORD, "Ola").await.is(401);
    typed(&mut browser, "Ola", PASSWORD).await.is(303);
    browser.get("/me").await.is(200);
    browser.post("/sign-out", &[]).await.is(303);
    app.app.requests.settle().await;
    let request = besked::domain::page::PageRequest { after: None, limit: 100 };
    let page = app.app.audit.list(&alice(), &besked::operators::audit::Filter::default(), &request).await.unwrap();
    let rows: Vec<String> =
        page.items.iter().map(|it| format!("{} | {} | {} | {}", it.operator, it.action, it.result, it.via)).collect();
    for wanted in [
        "Ola | sign in | unauthenticated | console, from 127.0.0.1",
        "unknown | sign in | unauthenticated | console, from 127.0.0.1",
        "Ola | sign in | ok | console, from 127.0.0.1",
        "Ola | accept invitation | ok | console, from 127.0.0.1",
        "Ola | sign out | ok | console, from 127.0.0.1",
    ] {
        assert!(rows.iter().any(|row| row == wanted), "{wanted} is not in {rows:#?}");
    }
    assert!(rows.iter().any(|row| row.starts_with("Ola | console GET /me | ok | console, session ")), "{rows:#?}");
    assert!(!rows.iter().any(|row| row.contains(PASSWORD)));
}

#[test]
fn the_command_line_prints_the_link_of_an_invitation() {
    let shell = Shell::new();
    shell.run(&["operators", "add", "Anna", "--role", "admin"]).ok();
    shell.run(&["--as", "Anna", "operators", "add", "billing-run", "--role", "finance", "--machine"]).ok();
    let ran = shell.run(&["--as", "Anna", "operators", "invite", "Anna"]).ok();
    let link = ran.out.lines().next().unwrap();
    assert!(link.contains("/invite/") && ran.out.contains("It works once, until"), "{}", ran.out);
    let json =
        shell.run(&["--json", "--as", "Anna", "operators", "invite", "Anna", "--reset-second-factor"]).ok().json();
    assert_eq!((&json["operator"], &json["resets_second_factor"]), (&"Anna".into(), &true.into()));
    let told = ["is a machine", "besked keys add"];
    shell.run(&["--as", "Anna", "operators", "invite", "billing-run"]).fails(2, &told);
}
