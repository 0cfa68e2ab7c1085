//! The schedule of a notice in its form: nothing of it is lost, and a time stays the time that it was.

use besked::domain::operator::Role;

use super::browser::{Browser, Page};
use super::desk::{MAINTENANCE, at, changed, filled, staffed, stored, take};
use crate::app::TestApp;
use crate::database::Engine;

async fn source(app: &TestApp, notice: &str) -> String {
    app.notice(notice.rsplit('/').next().unwrap().parse().unwrap()).await.source
}

async fn save(browser: &mut Browser, edit: &str, page: &Page, changes: &[(&str, &str)]) -> Page {
    let form = filled(page);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(edit, &changed(&changed(&form, &[("do", "save")]), changes)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_stays_one_when_a_draft_of_it_is_edited() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let text = crate::app::maintenance("all = true").replace(
        "[fields]",
        "[schedule]\nevery = \"monthly, first Tuesday 22:00\"\nuntil = 2037-06-30\nspread = \"2 h\"\n[fields]",
    );
    let id = app.app.notices.create(&app.draft(&text, ""), &crate::app::alice()).await.unwrap();
    let edit = format!("/notices/{id}/edit");
    let page = ops.get(&edit).await.is(200).says("monthly, first Tuesday 22:00").says("2037-06-30");
    save(&mut ops, &edit, &page, &[("body", "A word was wrong.")]).await.is(303);
    let schedule = app.notice(id).await.parsed().unwrap().schedule;
    let series = schedule.series.expect("the series is kept");
    assert_eq!(series.until.unwrap().to_string(), "2037-06-30");
    assert_eq!(schedule.spread.as_secs(), 7200);
    // What is wrong with it is said at its field.
    let page = ops.get(&edit).await.is(200);
    let wrong = save(&mut ops, &edit, &page, &[("every", "now and then")]).await.is(422);
    assert!(wrong.html().contains("id=\"every-fault\""), "{}", wrong.html());
    let page = save(&mut ops, &edit, &page, &[("every", "")]).await.is(422);
    assert!(page.html().contains("id=\"until-fault\""), "{}", page.html());
    // A series can be begun and ended in the form.
    let new = changed(&MAINTENANCE, &[("every", "weekly, Sunday 01:00"), ("reference", "CHG-9")]);
    let notice = stored(&mut ops, &new).await;
    assert!(source(&app, &notice).await.contains("every = \"weekly, Sunday 01:00\""));
    let mut swedish = at(&door, "ops").await;
    swedish.headers.push(("Accept-Language".to_owned(), "sv".to_owned()));
    let edit = format!("{notice}/edit");
    let page = swedish.get(&edit).await.is(200);
    save(&mut swedish, &edit, &page, &[("every", "")]).await.is(303);
    assert!(!source(&app, &notice).await.contains("every"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_comes_twice_stays_the_one_that_it_was() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    ops.post("/me/words", &[("language", "en"), ("zone", "Europe/Stockholm")]).await.is(303);
    // In Stockholm the clock is set back at 03:00 on 26 October 2036.
    let form = changed(
        &MAINTENANCE,
        &[
            ("f.window_start", "2036-10-26T02:15"),
            ("f.window_end", "2036-10-26T02:45"),
            ("f.window_end.offset", "+01:00"),
        ],
    );
    let checked = ops.post("/notices/new", &changed(&form, &[("do", "check")])).await.is(200);
    let checked = checked.says("comes twice").says("UTC+02:00").says("UTC+01:00");
    let seen = filled(&checked);
    let value = |name: &str| seen.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    assert_eq!((value("f.window_start.offset"), value("f.window_end.offset")), (Some("+02:00"), Some("+01:00")));
    let notice = stored(&mut ops, &form).await;
    let window = |source: &str| {
        let line = |key: &str| source.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
        (line("window_start"), line("window_end"))
    };
    let before = window(&source(&app, &notice).await);
    assert!(before.0.ends_with("02:15:00+02:00") && before.1.ends_with("02:45:00+01:00"), "{before:?}");
    // Nothing but a letter of the text is changed.
    let edit = format!("{notice}/edit");
    for body in ["A letter.", "Another letter."] {
        let page = ops.get(&edit).await.is(200);
        save(&mut ops, &edit, &page, &[("body", body)]).await.is(303);
        assert_eq!(window(&source(&app, &notice).await), before);
    }
    // The other one can be chosen.
    let page = ops.get(&edit).await.is(200);
    save(&mut ops, &edit, &page, &[("f.window_start.offset", "+01:00")]).await.is(303);
    assert!(window(&source(&app, &notice).await).0.ends_with("02:15:00+01:00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_follow_is_what_may_follow_the_last_notice_of_the_matter() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let announced = stored(&mut ops, &MAINTENANCE).await;
    take(&mut ops, &announced, "submit", "").await;
    take(&mut ops, &announced, "release", "").await;
    app.run_until_idle().await;
    let id = announced.rsplit('/').next().unwrap().to_owned();
    let page = ops.get(&format!("/notices/new?follow={id}&word=cancelled")).await.is(200);
    let form = filled(&page);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let cancelled = stored(&mut ops, &changed(&form, &[("do", "save"), ("body", "It is not done.")])).await;
    take(&mut ops, &cancelled, "submit", "").await;
    take(&mut ops, &cancelled, "release", "").await;
    // From the page of the announcement: nothing is offered that the service would refuse.
    let page = ops.get(&format!("/notices/new?follow={id}")).await;
    let text = page.text();
    assert!(!text.contains("&word=started") && !text.contains("&word=completed"), "{text}");
}
