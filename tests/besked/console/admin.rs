//! What keeps the house: operators, keys, webhooks, suppressions, preferences, tasks, relays, ledger, audit.

use besked::domain::operator::Role;
use rstest::rstest;

use super::desk::{at, staffed};
use crate::app::maintenance;
use crate::database::Engine;
use crate::relay::Act;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn operators_keys_and_webhooks_are_kept(#[case] engine: Engine) {
    let (_app, door) = Box::pin(staffed(engine, &[Role::Admin, Role::Compliance])).await;
    let mut admin = at(&door, "admin").await;
    let new = [("name", "Eva"), ("kind", "person"), ("roles", "ops"), ("email", "eva@provider.example")];
    admin.submit("/operators", &new).await.is(200).says("The operator is added.").says("eva@provider.example");
    admin.post("/operators", &new).await.is(422).says("the name `Eva` is taken");
    admin.post("/operators", &[("name", "Bo"), ("kind", "person")]).await.is(422).says("no role is named");
    let both = [("roles", "ops"), ("roles", "security"), ("email", "")];
    let was = [("was_roles", "ops"), ("was_email", "eva@provider.example")];
    admin.get("/operators/Eva").await.is(200).says("eva@provider.example");
    let set = admin.submit("/operators/Eva", &[&both[..], &was[..]].concat()).await.is(200).says("ops, security");
    assert!(!set.html().contains("eva@provider.example"), "an address that is emptied is gone");
    // Somebody who opened the page before gives nothing back that was taken away, nor does a form that does not say what it showed.
    let stale = [&[("roles", "ops"), ("email", "eva@provider.example")][..], &was[..]].concat();
    admin.post("/operators/Eva", &stale).await.is(422).says("was changed meanwhile").says("ops, security");
    admin.post("/operators/Eva", &both).await.is(422);
    let invited = admin.post("/operators/Eva/invite", &[]).await.is(200).says("It is shown only now");
    assert!(invited.text().contains("/invite/"));
    admin.submit("/operators/Eva/state", &[("state", "disabled")]).await.is(200).says("Disabled");
    admin.submit("/operators/Eva/state", &[("state", "active")]).await.is(200).says("Active");
    admin.get("/operators/Nobody").await.is(404);
    admin.get("/operators/Eva").await.is(200).lacks("/audit?operator=");
    for name in ["..", ".", "a/b"] {
        let form = [("name", name), ("kind", "person"), ("roles", "ops"), ("email", "")];
        admin.post("/operators", &form).await.is(422).says("not `.` or `..`");
    }
    let large = "x".repeat(4 << 20);
    let large = admin.post("/operators", &[("name", &large)]).await.is(422).says("This form is too large");
    large.says("Operators").lacks("this form is too large");

    let made = admin.post("/keys", &[("operator", "Eva"), ("roles", "ops")]).await.is(200);
    let made = made.says("Copy this key now").says("besked_");
    let revoke = format!("/keys/{}/revoke", made.between("action=\"/keys/", "/revoke"));
    admin.get("/keys").await.is(200).says("Eva").lacks("besked_");
    admin.submit(&revoke, &[]).await.is(200).says("Revoked");
    admin.post("/keys", &[("operator", "Nobody")]).await.is(422).says("there is no operator");
    admin.post("/keys", &[("operator", "Eva"), ("ends", "2020-01-01")]).await.is(422);

    admin.post("/webhooks", &[("url", "http://127.0.0.1/"), ("events", "task.opened")]).await.is(422);
    admin.post("/webhooks", &[("url", "https://hooks.example/x")]).await.is(422).says("no event is named");
    let added = admin.post("/webhooks", &[("url", "https://hooks.example/x"), ("events", "task.opened")]).await.is(200);
    let added = added.says("whsec_").says("task.opened");
    let path = format!("/webhooks/{}", added.between("action=\"/webhooks/", "\""));
    admin.get(&path).await.is(200).lacks("whsec_");
    admin.post(&format!("{path}/rotate"), &[]).await.is(200).says("whsec_");
    admin.submit(&format!("{path}/state"), &[("state", "disabled")]).await.is(200).says("Disabled");

    let mut compliance = at(&door, "compliance").await;
    compliance.get("/operators/Eva").await.is(200).says("/audit?operator=Eva");
    compliance.get("/operators").await.is(200).says("Eva").lacks("Add an operator");
    compliance.post("/operators", &new).await.is(403);
    compliance.get("/webhooks").await.is(403);
    compliance.get("/audit?operator=admin").await.is(200).says("console POST /operators").says("Wrong input");
    compliance.get("/audit?since=never").await.is(422);
    admin.get("/audit").await.is(403);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn suppressions_and_preferences_are_set_and_lifted(#[case] engine: Engine) {
    let (_app, door) = Box::pin(staffed(engine, &[Role::Admin, Role::Support, Role::Compliance])).await;
    let mut admin = at(&door, "admin").await;
    let who = ("email", "hello@two.example");
    admin.post("/suppressions", &[("email", "nobody"), ("reason", "manual")]).await.is(422);
    admin.post("/suppressions", &[who, ("reason", "restricted")]).await.is(422);
    let listed = admin.submit("/suppressions", &[who, ("reason", "manual")]).await.is(200);
    listed.says("The address is suppressed.").says("h…@two.example").lacks("hello@two.example");
    at(&door, "compliance")
        .await
        .get("/suppressions")
        .await
        .is(200)
        .says("hello@two.example")
        .lacks("Lift a suppression");
    admin.submit("/suppressions/lift", &[who]).await.is(200).says("The suppression is lifted.");
    admin.post("/suppressions/lift", &[who]).await.is(422).says("is not suppressed");
    admin.get("/preferences").await.is(403);

    let mut support = at(&door, "support").await;
    support.get("/preferences?email=hello%40two.example").await.is(200).says("opted out of nothing");
    let set = support.submit("/preferences", &[who, ("wanted", "news")]).await.is(200).says("Saved.");
    set.says("Survey").says("support");
    support.post("/preferences", &[("email", "nobody")]).await.is(422);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_done_with_a_note_or_by_a_word_on_a_call(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Support, Role::Marketing])).await;
    Box::pin(app.release(&maintenance("all = true"))).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 unknown\r\n"));
    Box::pin(app.run_until_idle()).await;
    let mut support = at(&door, "support").await;
    let tasks = support.get("/tasks").await.is(200).says("Customer not informed").says("CHG-1 · ").says("Two Ltd");
    support.get("/").await.is(200).says("Customer not informed").says("CHG-1 · ").says("Two Ltd");
    let path = format!("/tasks/{}", tasks.between("href=\"/tasks/", "\""));
    support.get(&path).await.is(200).says("Record that a customer was informed in another way");
    support.post(&path, &[("note", "")]).await.is(422);
    let said = [("channel", "phone"), ("by", "Sven"), ("said", "Told Carol."), ("told_at", "")];
    support.post(&format!("{path}/attest"), &[("channel", "phone"), ("by", ""), ("said", "x")]).await.is(422);
    let unclear = [("channel", "phone"), ("by", "Sven"), ("said", "x"), ("told_at", "now")];
    support.post(&format!("{path}/attest"), &unclear).await.is(422).says("Sven");
    let nothing = [("channel", "pigeon"), ("by", ""), ("said", ""), ("told_at", "now")];
    let page = support.post(&format!("{path}/attest"), &nothing).await.is(422);
    assert_eq!(page.html().matches("aria-invalid=\"true\"").count(), 3, "and the channel: {}", page.text());
    page.says("`pigeon` is not a channel");
    let early = [("channel", "phone"), ("by", "Sven"), ("said", "x"), ("told_at", "2020-01-01T10:00")];
    support.post(&format!("{path}/attest"), &early).await.is(422).says("the notice was written only at");
    support.submit(&format!("{path}/attest"), &said).await.is(200).says("the customer was informed");
    support.get("/tasks?all=1").await.is(200).says("Done");
    support.get("/tasks/uncertain").await.is(200).says("Every outcome is known.");
    at(&door, "marketing").await.get(&path).await.is(404);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_continues_with_a_reason(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Admin, Role::Compliance, Role::Ops])).await;
    Box::pin(app.release(&maintenance("all = true"))).await;
    Box::pin(app.run_until_idle()).await;
    app.app.ledger.seal().await.unwrap();
    let mut admin = at(&door, "admin").await;
    admin.get("/ledger").await.is(200).says("The ledger is in order.").says("example.com/besked").lacks("Let sealing");
    admin.post("/ledger", &[("reason", "why not")]).await.is(409).says("has not stopped");
    std::fs::write(&app.app.context.config.ledger.state_file, "").unwrap();
    std::fs::remove_file(&app.app.context.config.ledger.state_file).unwrap();
    admin.get("/ledger").await.is(200).says("Sealing has stopped").says("Let sealing continue");
    at(&door, "compliance").await.get("/ledger").await.is(200).lacks("Let sealing continue");
    admin.post("/ledger", &[("reason", "")]).await.is(422);
    admin.submit("/ledger", &[("reason", "The file was lost.")]).await.is(200).says("Sealing goes on.");
    admin.get("/").await.is(200).lacks("not sealed any more");
    admin.get("/relays").await.is(200).says("primary").says("No node reports on it.");
    at(&door, "ops").await.get("/relays").await.is(200);
}
