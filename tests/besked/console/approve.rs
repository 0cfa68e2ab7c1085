//! Notices from the first word to the last delivery, by forms alone: nothing here runs a script.

use besked::domain::operator::Role;
use rstest::rstest;

use super::desk::{BREACH, MAINTENANCE, at, changed, filled, staffed, stored, take};
use crate::app::TestApp;
use crate::database::Engine;

/// The page of the next notice of a matter, filled in and sent with changes.
async fn follow(browser: &mut super::browser::Browser, notice: &str, word: &str, changes: &[(&str, &str)]) -> String {
    let id = notice.trim_start_matches("/notices/");
    let page = browser.get(&format!("/notices/new?follow={id}&word={word}")).await.is(200);
    let form = filled(&page);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    stored(browser, &changed(&form, changes)).await
}

async fn sent(app: &TestApp) -> usize {
    Box::pin(app.run_until_idle()).await;
    app.relay.count()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn ops_announce_reschedule_and_complete_a_maintenance(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    ops.get("/notices/new").await.is(200).says("Maintenance").says("Disruption").lacks("Breach of personal data");
    ops.get("/notices/new?category=maintenance").await.is(200).says("Begin of the window").says("Send a test to");
    let announced = stored(&mut ops, &changed(&MAINTENANCE, &[("do", "submit")])).await;
    let notice = announced.strip_suffix("/submit").expect("it goes on to submit").to_owned();
    ops.get(&notice).await.is(200).says("The draft is saved.").says("not submitted yet");
    take(&mut ops, &notice, "submit", "").await.is(200).says("The notice is submitted.").says("nobody has released it");
    take(&mut ops, &notice, "release", "as planned").await.is(200).says("The notice is released.");
    assert_eq!(sent(&app).await, 2);
    let page = ops.get(&notice).await.is(200).says("informed: 2 of 3 customers").says("Nobody to address");
    page.says("as planned").says("Released by</strong> ops");

    let moved = [("f.window_start", "2036-12-08T22:00"), ("f.window_end", "2036-12-09T02:00"), ("do", "save")];
    let second = follow(&mut ops, &notice, "rescheduled", &moved).await;
    ops.get(&second).await.says("The customers of the notice that it continues");
    take(&mut ops, &second, "submit", "").await.is(200);
    take(&mut ops, &second, "release", "").await.is(200);
    assert_eq!(sent(&app).await, 4);
    let rescheduled = app.relay.to("hello@two.example").last().unwrap().text();
    assert!(rescheduled.contains("8 December 2036") && rescheduled.contains("1 December 2036"), "{rescheduled}");

    app.advance(std::time::Duration::from_secs(60));
    let third = follow(&mut ops, &second, "completed", &[("do", "save")]).await;
    take(&mut ops, &third, "submit", "").await.is(200);
    take(&mut ops, &third, "release", "").await.is(200);
    assert_eq!(sent(&app).await, 6);
    ops.get("/notices").await.is(200).says("CHG-7").says("Closed");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_sealed_until_a_second_person_has_read_and_approved_it(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Security, Role::Legal, Role::Ops, Role::Support]).await;
    let (mut security, mut legal) = (at(&door, "security").await, at(&door, "legal").await);
    let mut ops = at(&door, "ops").await;
    let notice = stored(&mut security, &BREACH).await;
    take(&mut security, &notice, "submit", "").await.is(200).says("you wrote it");
    security.get(&format!("{notice}/approve")).await.is(403);
    // Who is not in the know does not learn that there is one.
    ops.get(&notice).await.is(404);
    ops.get("/notices").await.is(200).lacks("SEC-1");
    ops.get(&format!("{notice}/preview")).await.is(404);

    let read = legal.get(&format!("{notice}/approve")).await.is(200);
    let read = read.says("You approve exactly what you see here").between("name=\"digest\" value=\"", "\"");
    // It is changed while it is read.
    let form = filled(&security.get(&format!("{notice}/edit")).await.is(200));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let form = changed(&form, &[("f.nature", "Two backups were copied."), ("do", "save")]);
    security.post(&format!("{notice}/edit"), &form).await.is(303);
    take(&mut security, &notice, "submit", "").await.is(200);
    let late = legal.post(&format!("{notice}/approve"), &[("digest", &read)]).await;
    late.is(422).says("The notice was changed since it was read").lacks("The notice is approved");
    legal.get(&format!("{notice}/preview?locale=en")).await.is(200).says("Two backups were copied.");
    take(&mut legal, &notice, "approve", "read with the DPO").await.is(200).says("The notice is approved.");
    legal.get(&format!("{notice}/release")).await.is(403);
    take(&mut security, &notice, "release", "").await.is(200).says("The notice is released.");
    Box::pin(app.run_until_idle()).await;
    let page = ops.get(&notice).await.is(200).says("Deadline:").says("informed: 2 of 3 customers");
    page.says("Nobody to address").lacks("hello@two.example");

    // A call closes what mail cannot.
    let mut support = at(&door, "support").await;
    let open = support.get(&format!("{notice}/customers?only=open")).await.is(200);
    open.says("Three Inc").lacks("Two Ltd");
    let attest = format!("{notice}/attest");
    support.post(&attest, &[]).await.is(422).says("Choose how the customer was informed.").says("This is missing.");
    let word = [("account", "C3"), ("channel", "phone"), ("by", "Sara"), ("note", "spoke with Dave")];
    support.post(&attest, &changed(&word, &[("account", "C9")])).await.is(422).says("not in the audience");
    support.submit(&attest, &word).await.is(200).says("It is recorded").says("informed: 3 of 3 customers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_says_what_it_does_and_refuses_what_is_not_possible() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Security, Role::Compliance]).await;
    let (mut security, mut compliance) = (at(&door, "security").await, at(&door, "compliance").await);
    let notice = stored(&mut security, &BREACH).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    let decline = format!("{notice}/decline");
    compliance.post(&decline, &[]).await.is(422).says("write what its author should change");
    compliance.post(&decline, &[("reason", "two\nlines")]).await.is(422);
    take(&mut compliance, &notice, "decline", "name the <b>data</b>").await.is(200).says("The notice is declined.");
    let page = security.get(&notice).await.is(200);
    assert!(!page.html().contains("<b>data</b>"), "a reason is text");
    page.says("Declined by</strong> compliance").says("name the <b>data</b>");
    security.get(&format!("{notice}/release")).await.is(200).says("This is not possible any more");
    security.post(&format!("{notice}/release"), &[]).await.is(422).says("The notice was changed since it was read");
    // Twice is once.
    let form = filled(&security.get(&format!("{notice}/edit")).await.is(200));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    security.post(&format!("{notice}/edit"), &changed(&form, &[("do", "save")])).await.is(303);
    take(&mut security, &notice, "submit", "").await.is(200);
    take(&mut compliance, &notice, "approve", "").await.is(200);
    let read = digest(&mut security, &format!("{notice}/release")).await;
    take(&mut security, &notice, "release", "").await.is(200);
    security.post(&format!("{notice}/release"), &[("digest", &read)]).await.is(303);
    take(&mut security, &notice, "pause", "wait").await.is(200).says("Its sending is paused");
    Box::pin(app.run_until_idle()).await;
    assert_eq!(app.relay.count(), 0);
    security.get(&format!("{notice}/cancel")).await.is(200).says("deliveries that were not sent are never sent");
    take(&mut security, &notice, "resume", "").await.is(200).says("It is being sent.");
    Box::pin(app.run_until_idle()).await;
    assert!(app.relay.count() > 0);
}

/// The digest of what a page shows of a notice.
async fn digest(browser: &mut super::browser::Browser, path: &str) -> String {
    browser.get(path).await.is(200).between("name=\"digest\" value=\"", "\"")
}

/// Changes a notice by its form.
async fn edit(browser: &mut super::browser::Browser, notice: &str, changes: &[(&str, &str)]) {
    let form = filled(&browser.get(&format!("{notice}/edit")).await.is(200));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(&format!("{notice}/edit"), &changed(&changed(&form, changes), &[("do", "save")])).await.is(303);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_read_is_neither_submitted_nor_released(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Ops]).await;
    let (mut one, mut other) = (at(&door, "ops").await, at(&door, "ops").await);
    let notice = stored(&mut one, &MAINTENANCE).await;
    let read = digest(&mut one, &format!("{notice}/submit")).await;
    edit(&mut other, &notice, &[("f.impact", "A day without network.")]).await;
    let late = one.post(&format!("{notice}/submit"), &[("digest", &read)]).await;
    late.is(422).says("The notice was changed since it was read");
    one.get(&notice).await.is(200).says("not submitted yet");
    take(&mut one, &notice, "submit", "").await.is(200).says("nobody has released it");

    let read = digest(&mut one, &format!("{notice}/release")).await;
    edit(&mut other, &notice, &[("f.impact", "A week without network.")]).await;
    take(&mut other, &notice, "submit", "").await.is(200);
    let late = one.post(&format!("{notice}/release"), &[("digest", &read)]).await;
    late.is(422).says("The notice was changed since it was read");
    one.get(&notice).await.is(200).says("nobody has released it");
    Box::pin(app.run_until_idle()).await;
    assert_eq!(app.relay.count(), 0);
    take(&mut one, &notice, "release", "").await.is(200).says("The notice is released.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_waits_for_its_time_is_said_to_be_scheduled() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let later = [("when", "at"), ("send_at", "2036-11-20T09:00")];
    let notice = stored(&mut ops, &changed(&MAINTENANCE, &later)).await;
    take(&mut ops, &notice, "submit", "").await.is(200);
    let page = take(&mut ops, &notice, "release", "").await.is(200).says("The notice is scheduled");
    page.lacks("The notice is released.").says("It will be released at its time by itself.");
    let read = digest(&mut ops, &format!("{notice}/release")).await;
    let now = ops.submit(&format!("{notice}/release"), &[("digest", &read), ("now", "1")]).await;
    now.is(200).says("The notice is released.");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_decides_again_sees_what_has_changed_since(#[case] engine: Engine) {
    let (_app, door) = staffed(engine, &[Role::Security, Role::Legal, Role::Compliance]).await;
    let (mut security, mut legal) = (at(&door, "security").await, at(&door, "legal").await);
    let mut compliance = at(&door, "compliance").await;
    let notice = stored(&mut security, &BREACH).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    let approve = format!("{notice}/approve");
    legal.get(&approve).await.is(200).lacks("What has changed since");
    // Replaced before anybody has decided.
    edit(&mut security, &notice, &[("f.nature", "Two backups were copied.")]).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    let page = legal.get(&approve).await.is(200).says("What has changed since it was submitted before");
    assert!(
        page.html().contains("<del>nature = &#34;A backup was copied by a stranger.&#34;</del>"),
        "{}",
        page.html()
    );
    assert!(page.html().contains("<ins>nature = &#34;Two backups were copied.&#34;</ins>"));

    take(&mut compliance, &notice, "decline", "name the day").await.is(200);
    edit(&mut security, &notice, &[("f.nature", "Two backups were copied on Monday.")]).await;
    security.get(&format!("{notice}/submit")).await.is(200).says("What has changed since compliance declined it");
    take(&mut security, &notice, "submit", "").await.is(200);
    let page = compliance.get(&approve).await.is(200).says("What has changed since you declined it");
    assert!(page.html().contains("<del>nature = &#34;Two backups were copied.&#34;</del>"));
    legal.get(&approve).await.is(200).says("What has changed since compliance declined it");
    take(&mut legal, &notice, "decline", "name the hour").await.is(200);
    edit(&mut security, &notice, &[]).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    legal.get(&approve).await.is(200).says("since you declined it").says("Nothing has changed since then.");
    // Each sees it from what they read themselves.
    let page = compliance.get(&approve).await.is(200).says("What has changed since you declined it");
    assert!(page.html().contains("<ins>nature = &#34;Two backups were copied on Monday.&#34;</ins>"));
    take(&mut compliance, &notice, "approve", "").await.is(200).says("The notice is approved.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_audience_is_compared_with_that_of_the_approval_when_somebody_asks() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Security, Role::Legal]).await;
    let row = |n: usize| format!("K{n:04},Kund {n},k{n}@d{}.example\n", n % 50);
    let file = |count| "account_id,customer_name,email\n".to_owned() + &(0..count).map(row).collect::<String>();
    app.import(&file(2100)).await;
    let (mut security, mut legal) = (at(&door, "security").await, at(&door, "legal").await);
    let notice = stored(&mut security, &BREACH).await;
    take(&mut security, &notice, "submit", "").await.is(200);
    take(&mut legal, &notice, "approve", "").await.is(200).lacks("have changed since the approval");
    app.import(&file(2101)).await;
    let page = legal.get(&notice).await.is(200).says("Customers or contacts have changed since the approval");
    page.lacks("its recipients have changed");
    let compared = legal.get(&format!("{notice}?compare=1")).await.is(200);
    compared.says("Since the approval its recipients have changed: 2,102 then, 2,103 now.");
    // Who decides sees it unasked.
    security.get(&format!("{notice}/release")).await.is(200).says("Since the approval its recipients have changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_submits_and_releases_reads_what_a_check_warns_of_and_why_nobody_is_reached() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    app.release(&crate::app::maintenance("customers = [\"C1\"]")).await;
    let soon = [("f.window_start", "2026-11-26T22:00"), ("f.window_end", "2026-11-27T02:00")];
    let notice = stored(&mut ops, &changed(&MAINTENANCE, &soon)).await;
    for step in ["submit", "release"] {
        let page = ops.get(&format!("{notice}/{step}")).await.is(200).says("2 addresses at 3 customers");
        page.says(
            "Begin of the window: line 11: <span lang=\"en\">is 2 days after the release, and the lead time is 5 days",
        )
        .says("less than an hour before");
        if step == "submit" {
            take(&mut ops, &notice, step, "").await.is(200);
        }
    }
    let some = [("audience", "some"), ("customers", "C1"), ("reference", "CHG-8")];
    let one = stored(&mut ops, &changed(&MAINTENANCE, &some)).await;
    ops.get(&format!("{one}/submit")).await.is(200).says("1 address at 1 customer").lacks("addresses at");
    let lacks =
        [("audience", "some"), ("customers", "C1"), ("body", "Rack {{ customer.attr.rack }}"), ("reference", "")];
    let lacking = stored(&mut ops, &changed(&MAINTENANCE, &lacks)).await;
    ops.get(&format!("{lacking}/submit")).await.is(200).says("It reaches nobody at present").says("C1");
    let nobody = [("audience", "some"), ("customers", ""), ("attributes", "region: none1"), ("reference", "")];
    let nobody = stored(&mut ops, &changed(&MAINTENANCE, &nobody)).await;
    ops.get(&format!("{nobody}/submit"))
        .await
        .is(200)
        .says("It reaches nobody at present")
        .says("it reaches nobody yet: it is to customers whose region is none1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_that_is_no_race_names_nobody_as_faster() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let draft = stored(&mut ops, &changed(&MAINTENANCE, &[("reference", "")])).await;
    for page in ["customers", "open.csv"] {
        let page = ops.get(&format!("{draft}/{page}")).await.is(409).says("It does not fit how things stand");
        page.lacks("Somebody was faster").lacks("in the meantime");
    }
    let first = app.release(&crate::app::maintenance("all = true")).await;
    sent(&app).await;
    let end = crate::app::maintenance("all = true")
        .replace("[audience]\nall = true\n", &format!("follows = \"{first}\"\n"))
        .replace("announced", "cancelled");
    let end = app.release(&end).await;
    sent(&app).await;
    ops.get(&format!("/notices/new?follow={end}")).await.is(409).lacks("Somebody was faster");
}
