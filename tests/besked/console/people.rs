//! People's rights in the console: looked up, carried out, and answered in time.

use std::time::Duration;

use besked::domain::category::Category;
use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use rstest::rstest;

use super::desk::{at, staffed};
use crate::app::{address, alice, maintenance};
use crate::database::Engine;
use crate::privacy::{everything, put_hold};

const WHO: &str = "hello@two.example";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_looked_up_exported_restricted_and_erased(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Compliance, Role::Support])).await;
    Box::pin(app.release(&maintenance("all = true"))).await;
    Box::pin(app.run_until_idle()).await;
    let mut compliance = at(&door, "compliance").await;
    compliance.get("/people").await.is(200).says("No request waits for an answer.");
    compliance.get("/people?email=nobody").await.is(422);
    compliance.get("/people?email=x%40nowhere.example").await.is(200).says("Nothing is known of this address.");
    let page = "/people?email=hello%40two.example";
    compliance.get(page).await.is(200).says("Two Ltd").says("Accepted by the mail server").says("Restriction");
    let export = compliance.post("/people/export", &[("email", WHO)]).await.is(200).says("\"evidence\"");
    assert!(export.reply.header("content-disposition").unwrap().contains("export.json"));
    compliance.submit("/people/restrict", &[("email", WHO)]).await.is(200).says("this view is logged");
    compliance.submit("/people/unrestrict", &[("email", WHO)]).await.is(200).says("The restriction is lifted.");
    compliance.post("/people/unrestrict", &[("email", WHO)]).await.is(422).says("is not restricted");
    let objection = [("email", WHO), ("categories", "maintenance"), ("grounds", "")];
    compliance.post("/people/object", &objection).await.is(422).says("grounds");
    let objection = [("email", WHO), ("categories", "maintenance"), ("grounds", "I left the trade.")];
    compliance.submit("/people/object", &objection).await.is(200).says("The objection is recorded.");
    let waiting = compliance.get("/people").await.is(200).says("I left the trade.");
    let decide = waiting.between("action=\"/people/objections/", "\"");
    let decision = [("decision", "upheld"), ("reason", "He has left.")];
    compliance
        .submit(&format!("/people/objections/{decide}"), &decision)
        .await
        .is(200)
        .says("Nobody waits for a decision");
    compliance.get("/people/objections").await.is(200).says("Upheld").says("He has left.");
    let other = [("decision", "declined"), ("reason", "He has not.")];
    let again = compliance.post(&format!("/people/objections/{decide}"), &other).await.is(409).says("upheld");
    again.says("It does not fit how things stand").lacks("Somebody was faster");
    let corrected = [("email", WHO), ("to", "carol@two.example")];
    compliance.submit("/people/rectify", &corrected).await.is(200).says("The address is corrected");
    at(&door, "support").await.get("/people").await.is(403);
    put_hold(&app, None, Some("C2")).await;

    let ask = compliance.get("/people/erase?email=carol%40two.example").await.is(200).says("hello@two.example");
    let ask = ask.says("Duties to keep the record");
    let duty = ask.between("name=\"waive\" value=\"", "\"");
    let ground = ("ground", "Art. 17(1)(b): consent withdrawn");
    let email = ("email", "carol@two.example");
    compliance.post("/people/erase", &[email, ground]).await.is(422).says("a duty stands against it");
    let done = compliance.post("/people/erase", &[email, ground, ("waive", &duty)]).await.is(200);
    done.says("The person is erased.").lacks("carol@two.example");
    compliance.get(page).await.is(200).says("Nothing is known of this address.");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_within_a_month_or_three_and_names_nobody_after_an_erasure(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Compliance])).await;
    let mut compliance = at(&door, "compliance").await;
    let asked = |kind| [("email", WHO), ("kind", kind), ("received", "2026-11-20")];
    compliance.submit("/people/petitions", &asked("access")).await.is(200).says("It is in the register.");
    compliance.submit("/people/petitions", &asked("erasure")).await.is(200);
    let future = [("email", WHO), ("kind", "access"), ("received", "2036-01-01")];
    compliance.post("/people/petitions", &future).await.is(422).says("in the future");
    let list = compliance.get("/people").await.is(200).says("Access (Art. 15)").says("20 December 2026");
    let one = format!("/people/petitions/{}", list.between("href=\"/people/petitions/", "\""));
    compliance.submit(&format!("{one}/extend"), &[("reason", "Many records.")]).await.is(200).says("20 February 2027");
    compliance.post(&format!("{one}/extend"), &[("reason", "More.")]).await.is(409);
    let answer = [("answer", "done"), ("note", "Sent by mail.")];
    compliance.submit(&one, &answer).await.is(200).says("The answer is recorded.");
    compliance.post(&one, &answer).await.is(409);
    app.advance(Duration::from_secs(40 * 24 * 3600));
    let mut compliance = at(&door, "compliance").await;
    compliance.get("/people").await.is(200).says("Overdue").lacks("Access (Art. 15)");
    compliance.get("/people/petitions").await.is(200).says("Access (Art. 15)").says(WHO);
    Box::pin(app.erase(WHO)).await.unwrap();
    compliance.get("/people/petitions").await.is(200).says("(erased)").lacks(WHO).lacks("Sent by mail.");
    let list = compliance.get("/people").await.is(200).says("(erased)");
    assert!(!list.html().contains("/people?email="), "nothing is known of who is erased");
    compliance.get(&one).await.is(200).says("(erased)").lacks("/people?email=");
    let other = format!("/people/petitions/{}", list.between("href=\"/people/petitions/", "\""));
    compliance.post(&format!("{other}/extend"), &[("reason", "late")]).await.is(422).says("the month was over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_the_petition_of_a_restricted_person_is_logged() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Compliance])).await;
    let mut compliance = at(&door, "compliance").await;
    let asked = [("email", WHO), ("kind", "access"), ("received", "2026-11-20")];
    compliance.submit("/people/petitions", &asked).await.is(200);
    compliance.submit("/people/restrict", &[("email", WHO)]).await.is(200);
    let list = compliance.get("/people").await.is(200).lacks(WHO);
    let one = format!("/people/petitions/{}", list.between("href=\"/people/petitions/", "\""));
    let before = everything(&app, WHO).await.unwrap().reads.len();
    compliance.get(&one).await.is(200).says(WHO);
    let reads = everything(&app, WHO).await.unwrap().reads;
    assert_eq!(reads.iter().filter(|it| it.what == "petition").count(), 1, "{before}: {reads:?}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_stands_against_an_erasure_is_shown_while_somebody_writes(#[case] engine: Engine) {
    let (app, _door) = Box::pin(staffed(engine, &[Role::Compliance])).await;
    Box::pin(app.release(&maintenance("all = true"))).await;
    let mut writer = app.app.context.store.write().await.unwrap();
    besked::store::proof::tree::lock_head(&mut writer).await.unwrap();
    let (actor, address) = (alice(), address(WHO));
    let asked = app.app.subjects.in_the_way(&actor, &address);
    let duties = tokio::time::timeout(Duration::from_secs(240), asked).await.expect("it waits for nobody").unwrap();
    assert!(duties.iter().all(|(_, why)| why.contains("must be stored")), "{duties:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_without_a_reason_is_asked_for_again_about_the_same_objection() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Compliance])).await;
    for who in ["teknik@ett.example", WHO] {
        let why = Some("I left the trade.");
        app.app.subjects.object(&alice(), &address(who), &[Category::Maintenance], why).await.unwrap();
    }
    let page = PageRequest { after: None, limit: 9 };
    let waiting = app.app.subjects.objections(&alice(), true, &page).await.unwrap().items;
    let [first, second] = [&waiting[0], &waiting[1]].map(|it| format!("/people/objections/{}", it.id));
    let mut compliance = at(&door, "compliance").await;
    let again = compliance.post(&second, &[("decision", "upheld"), ("reason", "")]).await.is(422);
    again.says(&format!("action=\"{second}\"")).lacks(&first);
    compliance.get("/people").await.is(200).says(&format!("action=\"{first}\""));
}
