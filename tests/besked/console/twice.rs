//! Forms that come twice, and forms that were begun: nothing is made two times, and nothing that was typed is lost.

use std::sync::Arc;

use besked::app::App;
use besked::domain::operator::Role;
use besked::domain::random::Random;
use rstest::rstest;

use super::browser::{Browser, Page};
use super::desk::{MAINTENANCE, at, changed, filled, staffed, stored, take};
use crate::app::TestApp;
use crate::database::Engine;
use crate::http::Node;

/// Another node on the same database.
pub async fn second(app: &TestApp) -> Browser {
    let context = &app.app.context;
    let other = App::open((*context.config).clone(), context.clock.clone(), Random::from_system()).await.unwrap();
    let node = Arc::new(Node::start(other.clone()).await);
    Browser::at(node, &other)
}

fn form_of(page: &Page) -> String {
    page.between("name=\"form\" value=\"", "\"")
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_twice_stores_one_draft(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Ops])).await;
    let mut ops = at(&door, "ops").await;
    let form = form_of(&ops.get("/notices/new?category=maintenance").await.is(200));
    let sent = changed(&MAINTENANCE, &[("form", &form)]);
    let (mut one, mut two) = (at(&door, "ops").await, second(&app).await);
    two.sign_in("ops").await;
    let (first, same) = tokio::join!(one.post("/notices/new", &sent), two.post("/notices/new", &sent));
    let notice = first.leads_to();
    assert_eq!(same.leads_to(), notice);
    // Also later, on a node that has started since.
    let mut late = second(&app).await;
    late.sign_in("ops").await;
    assert_eq!(late.post("/notices/new", &sent).await.leads_to(), notice);
    // Who typed on after an answer that got lost sees it as the next version.
    let page = ops.post("/notices/new", &changed(&sent, &[("body", "typed since")])).await.is(200);
    let page = page.says("saved before").says("typed since");
    let again = filled(&page);
    let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let edit = format!("{notice}/edit");
    assert!(page.html().contains(&format!("action=\"{edit}\"")));
    let again = changed(&again, &[("do", "save")]);
    assert_eq!(ops.post(&edit, &again).await.leads_to(), notice);
    // An edit that comes twice is no edit by somebody else.
    assert_eq!(ops.post(&edit, &again).await.leads_to(), notice);
    ops.get(&notice).await.is(200).says("typed since");
    let list = ops.get("/notices").await.is(200).text();
    assert_eq!(list.matches("href=\"/notices/0").count(), 1, "{list}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_petition_and_a_key_are_made_once_by_a_form(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Admin, Role::Compliance])).await;
    let mut compliance = at(&door, "compliance").await;
    let page = compliance.get("/people?email=hello@two.example").await.is(200);
    let (form, day) = (form_of(&page), page.between("name=\"received\"", ">").split('"').nth(1).unwrap().to_owned());
    let fields = [("email", "hello@two.example"), ("kind", "access"), ("received", day.as_str()), ("form", &form)];
    let mut other = second(&app).await;
    other.sign_in("compliance").await;
    let (one, two) =
        tokio::join!(compliance.post("/people/petitions", &fields), other.post("/people/petitions", &fields));
    assert_eq!((one.status(), two.status()), (303, 303), "{}\n{}", one.text(), two.text());
    let all = compliance.get("/people/petitions").await.is(200);
    assert_eq!(all.text().matches("/people/petitions/").count(), 1, "{}", all.text());

    let mut admin = at(&door, "admin").await;
    let form = form_of(&admin.get("/keys").await.is(200));
    let fields = [("operator", "admin"), ("form", form.as_str())];
    admin.post("/keys", &fields).await.is(200).says("besked_");
    let again = admin.post("/keys", &fields).await.is(200).lacks("besked_").says("has made its key already");
    let id = again.between("<pre", "</pre>");
    assert_eq!(again.text().matches("/revoke").count(), 1, "{}", again.text());
    assert!(again.text().matches(id.rsplit('>').next().unwrap()).count() >= 2, "the list has the key: {id}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_day_of_a_key_counts() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Admin]).await;
    let mut admin = at(&door, "admin").await;
    let today = app.app.context.clock.now().to_string();
    let today = today.split('T').next().unwrap();
    admin.post("/keys", &[("operator", "admin"), ("ends", today)]).await.is(200).says("besked_");
    let before = app.app.context.clock.now() - jiff::SignedDuration::from_hours(24);
    let before = before.to_string();
    let before = before.split('T').next().unwrap();
    admin.post("/keys", &[("operator", "admin"), ("ends", before)]).await.is(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_of_one_category_do_not_overwrite_each_other() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let path = "/notices/new?category=disruption";
    let (one, two) = (form_of(&ops.get(path).await), form_of(&ops.get(path).await));
    assert_ne!(one, two);
    let keep = |form, reference, body| {
        vec![("category", "disruption"), ("form", form), ("reference", reference), ("body", body), ("do", "keep")]
    };
    ops.post("/notices/new", &keep(&one, "INC-1", "of the first")).await.is(204);
    ops.post("/notices/new", &keep(&two, "INC-2", "of the second")).await.is(204);
    let page = ops.get(path).await.is(200).says("INC-1").says("INC-2");
    ops.get("/notices/new").await.is(200).says("INC-1").says("INC-2");
    let text = page.text();
    let links: Vec<&str> = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut bodies = Vec::new();
    for link in links.iter().filter(|link| link.contains("begun=")) {
        let page = ops.get(&link.replace("&amp;", "&")).await.is(200);
        let body = filled(&page).into_iter().find(|(name, _)| name == "body").unwrap().1;
        bodies.push(body);
    }
    bodies.sort();
    assert_eq!(bodies, ["of the first", "of the second"]);
    // A follow-up is kept beside new ones, and its page says so.
    let notice = stored(&mut ops, &MAINTENANCE).await;
    take(&mut ops, &notice, "submit", "").await;
    take(&mut ops, &notice, "release", "").await;
    let id = notice.rsplit('/').next().unwrap();
    let follow = format!("/notices/new?follow={id}");
    let page = ops.get(&follow).await.is(200).lacks("did not send it");
    let form = filled(&page);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ops.post("/notices/new", &changed(&form, &[("body", "half a follow-up"), ("do", "keep")])).await.is(204);
    ops.get(&follow).await.is(200).says("did not send it");
    // Stored, it is not offered any more; and what a slow browser keeps afterwards is not kept.
    ops.post("/notices/new", &changed(&form, &[("do", "save")])).await.is(303);
    ops.get(&follow).await.is(200).lacks("did not send it");
    ops.post("/notices/new", &changed(&form, &[("body", "too late"), ("do", "keep")])).await.is(204);
    ops.get(&follow).await.is(200).lacks("did not send it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_into_a_notice_that_was_released_meanwhile_is_not_lost() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let notice = stored(&mut ops, &MAINTENANCE).await;
    let edit = format!("{notice}/edit");
    let form = filled(&ops.get(&edit).await.is(200));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    take(&mut ops, &notice, "submit", "").await;
    take(&mut ops, &notice, "release", "").await;
    // Sent too late.
    let page = ops.submit(&edit, &changed(&form, &[("body", "typed meanwhile"), ("do", "save")])).await.is(200);
    let page = page.says("cannot be edited any more").says("typed meanwhile");
    let new = filled(&page);
    let new: Vec<(&str, &str)> = new.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let new = changed(&new, &[("reference", "CHG-8"), ("do", "save")]);
    let other = stored(&mut ops, &new).await;
    assert_ne!(other, notice);
    ops.get(&other).await.is(200).says("typed meanwhile");
    ops.get(&edit).await.is(409);
}
