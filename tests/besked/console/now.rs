//! The start page: what runs, what waits, what is due, and whether everything works.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use besked::domain::operator::Role;
use http_body_util::BodyExt as _;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use rstest::rstest;

use super::browser::Browser;
use super::desk::{BREACH, MAINTENANCE, at, changed, staffed, stored, take};
use crate::app::{TestApp, alice};
use crate::database::Engine;
use crate::relay::Act;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_runs_is_shown_with_its_progress_until_it_has_ended(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Ops, Role::Admin, Role::Auditor])).await;
    let mut ops = at(&door, "ops").await;
    ops.get("/").await.is(200).says("Nothing is being sent.").says("Nothing waits for you.");
    let notice = stored(&mut ops, &changed(&MAINTENANCE, &[("when", "now")])).await;
    take(&mut ops, &notice, "submit", "").await.is(200);
    take(&mut ops, &notice, "release", "").await.is(200);
    ops.get("/").await.is(200).says(&notice).says("0 of 2").says("CHG-7").says("No dispatcher is running");
    // Who has no notices sees none here, but whether all works.
    at(&door, "admin").await.get("/").await.is(200).lacks(&notice).lacks("Being sent").says("Can be written");
    at(&door, "auditor").await.get("/").await.is(200).says(&notice);
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("451 4.3.0 later\r\n"));
    Box::pin(app.run_until_idle()).await;
    app.advance(Duration::from_secs(30));
    let page = ops.get("/").await.is(200).says("1 of 2").says("2 a minute");
    assert!(page.says("50%").text().contains("1 minute"), "how long it takes at this rate");
    app.advance(Duration::from_secs(3600));
    Box::pin(app.run_until_idle()).await;
    let mut ops = at(&door, "ops").await;
    ops.get("/").await.is(200).says("Nothing is being sent.");
    // The end of the window was promised.
    ops.get("/").await.says("End of the maintenance is promised");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_waits_for_who_may_give_it(#[case] engine: Engine) {
    let (_app, door) = Box::pin(staffed(engine, &[Role::Security, Role::Legal, Role::Ops])).await;
    let mut security = at(&door, "security").await;
    let notice = stored(&mut security, &BREACH).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    at(&door, "legal").await.get("/").await.is(200).says(&notice).says("SEC-1");
    security.get("/").await.is(200).says("Nothing waits for you.");
    // Sealed until its release.
    at(&door, "ops").await.get("/").await.is(200).lacks(&notice).lacks("SEC-1");
}

/// The stream of the page.
async fn events(app: &TestApp, browser: &Browser) -> Body {
    let cookie = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let request = Request::get("/now/events").header("Cookie", cookie).body(Body::empty()).unwrap();
    let routes = TowerToHyperService::new(besked::http::all(&app.app));
    let answer = routes.call(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.into_body()
}

/// What comes next; `None` at the end.
async fn next(stream: &mut Body) -> Option<String> {
    let data = stream.frame().await?.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_only_stays_open_keeps_no_session_and_is_for_nobody_else() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Ops])).await;
    let mut ops = at(&door, "ops").await;
    ops.get("/").await.is(200);
    for _ in 0..3 {
        app.advance(Duration::from_mins(9));
        next(&mut events(&app, &ops).await).await.unwrap();
    }
    app.advance(Duration::from_mins(4));
    ops.get("/now/events").await.is(303);
    ops.get("/").await.is(303);
    ops.sign_in("ops").await;
    let mut stream = events(&app, &ops).await;
    assert!(next(&mut stream).await.unwrap().starts_with("event: parts\n"));
    let root = crate::operators::at(&app, "Root").await;
    app.app.operators.disable(&root, "ops").await.unwrap();
    let last = next(&mut stream).await.unwrap();
    assert!(last.starts_with("event: ended\n"), "{last}");
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_sent_again_while_it_is_looked_at() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Ops])).await;
    let mut ops = at(&door, "ops").await;
    let page = ops.get("/").await.is(200);
    let script = page.between("src=\"/assets/live.js", "\"");
    ops.get(&format!("/assets/live.js{script}")).await.is(200).says("EventSource");
    assert_eq!(page.between("data-source=\"", "\""), "/now/events");
    let mut stream = events(&app, &ops).await;
    let first = next(&mut stream).await.unwrap();
    assert!(first.starts_with("event: parts\n") && first.contains("data: <h2>Waits for you</h2>"), "{first}");
    // Without a session there is no stream.
    door.other().get("/now/events").await.is(303);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_others_wait_for_hides_nothing_and_what_is_cut_is_said(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Security, Role::Legal, Role::Compliance])).await;
    // More than are shown, older, and not for legal.
    let disruption = "+++\ncategory = \"maintenance\"\n[schedule]\nsend_at = 2036-11-01T09:00:00Z\n[audience]\nall = true\n[fields]\n\
         window_start = 2036-12-01T22:00:00+01:00\nwindow_end = 2036-12-02T02:00:00+01:00\nservices = [\"Compute\"]\n\
         impact = \"Two minutes.\"\nphase = \"announced\"\n+++\nHello.\n";
    for _ in 0..51 {
        let draft = app.draft(disruption, "");
        let id = app.app.notices.create(&draft, &alice()).await.unwrap();
        app.app.notices.submit(id, &alice()).await.unwrap();
    }
    let mut security = at(&door, "security").await;
    let notice = stored(&mut security, &BREACH).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    at(&door, "legal").await.get("/").await.is(200).says(&notice).says("There are more than these");
    let due = at(&door, "compliance").await.get("/").await.is(200).says("Is released");
    assert_eq!(due.html().matches("Is released").count(), 20, "the first of what is due");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_of_a_series_is_a_task_with_words_on_every_page(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Ops])).await;
    let series = crate::app::maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-12-01T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-12-02T02:00:00+01:00")
        .replace("[fields]", "[schedule]\nevery = \"weekly, Tuesday 22:00\"\n[fields]");
    Box::pin(app.release(&series)).await;
    Box::pin(app.run_until_idle()).await;
    let mut ops = at(&door, "ops").await;
    ops.get("/").await.is(200).says("A draft of a series waits");
    let tasks = ops.get("/tasks").await.is(200).says("A draft of a series waits");
    let task = ops.get(&format!("/tasks/{}", tasks.between("href=\"/tasks/", "\""))).await.is(200);
    let notice = task.says("A draft of a series waits").between("href=\"/notices/", "\"");
    ops.get(&format!("/notices/{notice}")).await.is(200).says("not submitted yet");
}
