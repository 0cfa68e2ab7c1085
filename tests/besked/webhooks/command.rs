//! `besked webhooks`: who may use it, what it prints, and what it leaves in the ledger and the audit log.

use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use besked::domain::webhook::HookEvent;
use besked::webhooks::{Change, NewWebhook, WebhookError};
use rstest::rstest;
use serde_json::json;

use super::receiver::{Act, Receiver};
use crate::cli::Shell;
use crate::database::Engine;
use crate::operators::{at, person, with};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn only_an_admin_may(#[case] engine: Engine) {
    let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| *role != Role::Admin).collect();
    let app = with(engine, &[person("Everything else", &roles)]).await;
    let (root, other, webhooks) = (at(&app, "Root").await, at(&app, "Everything else").await, &app.app.webhooks);
    let new = NewWebhook { url: "https://8.8.8.8/", events: [HookEvent::Ping].into() };
    let id = webhooks.add(&root, &new).await.unwrap().shown.id;
    let page = PageRequest { after: None, limit: 9 };
    let refused = [
        webhooks.add(&other, &new).await.map(drop),
        webhooks.list(&other, &page).await.map(drop),
        webhooks.show(&other, id).await.map(drop),
        webhooks.set(&other, id, &Change::default()).await.map(drop),
        webhooks.test(&other, id).await.map(drop),
        webhooks.rotate(&other, id).await.map(drop),
        webhooks.disable(&other, id).await.map(drop),
        webhooks.enable(&other, id).await.map(drop),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(WebhookError::Forbidden(_))), "{refused:?}");
    }
    let none = NewWebhook { events: [].into(), ..new };
    assert!(matches!(webhooks.add(&root, &none).await, Err(WebhookError::NoEvent)));
    let unknown = webhooks.disable(&root, app.app.context.random.id(app.app.context.clock.now())).await;
    assert!(matches!(unknown, Err(WebhookError::Unknown(_))));
    assert_eq!(webhooks.list(&root, &page).await.unwrap().items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_do_what_they_say() {
    let receiver = Receiver::start().await;
    let shell = Shell::new().env("BESKED__WEBHOOKS__ALLOW", "[\"127.0.0.0/8\"]");
    let run = |arguments: &str| shell.run(&arguments.split(' ').collect::<Vec<_>>());
    let url = format!("{}?token=s3cret", receiver.url());
    run(&format!("webhooks add {url}")).fails(2, &["--event"]);
    run(&format!("webhooks add {url} --event notice.sent"))
        .fails(2, &["is not an event of webhooks", "`notice.closed`"]);
    run("webhooks add https://169.254.169.254/ --event ping").fails(2, &["neither public nor", "hint: ", "allow"]);
    run("webhooks add http://8.8.8.8/ --event ping").fails(2, &["as http:// needs"]);
    run("webhooks add https://u:p@hooks.example.com/ --event ping").fails(2, &["user name or a password"]);
    run("webhooks show 01a225f3-bf53-7000-bee5-87d80c3421b8").fails(2, &["no webhook", "besked webhooks list"]);

    let added = run(&format!("--json webhooks add {url} --event notice.closed --event ledger.stopped")).ok();
    assert!(added.err.contains("only time"), "{}", added.err);
    let added = added.json();
    let (id, secret) = (added["id"].as_str().unwrap(), added["secret"].as_str().unwrap());
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert!(run("webhooks add https://8.8.8.8/ --event ping").ok().out.starts_with("whsec_"));
    let listed = run("--json webhooks list").ok().json();
    assert_eq!((listed["webhooks"].as_array().unwrap().len(), &listed["next"]), (2, &json!(null)));
    let first = &listed["webhooks"][0];
    assert_eq!((&first["id"], &first["url"], &first["state"]), (&json!(id), &json!(url), &json!("active")));
    assert_eq!(first["events"], json!(["notice.closed", "ledger.stopped"]));

    let tested = run(&format!("--json webhooks test {id}")).ok().json();
    assert_eq!((&tested["ok"], &tested["status"], &tested["event"]), (&json!(true), &json!(204), &json!("ping")));
    receiver.then([Act::Status(500)]);
    let tested = run(&format!("webhooks test {id}"));
    assert_eq!((tested.code, tested.out.trim()), (1, "not accepted: it answered 500 Internal Server Error"));
    let shown = run(&format!("webhooks show {id}")).ok().out;
    assert!(shown.contains("notice.closed, ledger.stopped") && shown.contains("it answered 500"), "{shown}");
    let set = run(&format!("--json webhooks set {id} --event ping")).ok().json();
    assert_eq!((&set["events"], &set["url"]), (&json!(["ping"]), &json!(url)));
    run(&format!("webhooks set {id}")).fails(2, &["--url"]);
    let rotated = run(&format!("--json webhooks rotate {id}")).ok().json();
    assert!(rotated["secret"].as_str().unwrap().starts_with("whsec_") && rotated["secret"] != added["secret"]);
    assert!(rotated["former_secret_until"].is_string());
    assert!(run(&format!("webhooks disable {id}")).ok().out.contains("disabled"));
    assert!(run(&format!("webhooks disable {id}")).ok().out.contains("already"));
    assert_eq!(run(&format!("--json webhooks show {id}")).ok().json()["disabled_by"], "operator");
    assert_eq!(run(&format!("--json webhooks enable {id}")).ok().json()["enabled"], true);

    let doctor = run("doctor").out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(doctor.contains("webhooks ok 2 answer"), "{doctor}");

    // The secret and the path are shown by no other command, nor logged.
    let shell = shell.env("BESKED_LOG", "trace,sqlx=warn");
    let run = |arguments: &str| shell.run(&arguments.split(' ').collect::<Vec<_>>());
    for command in ["webhooks list", "--json webhooks list", "--json ledger status", "--json audit list"] {
        let ran = run(command).ok();
        assert!(!ran.out.contains("whsec_") && !ran.err.contains("whsec_"), "{command}");
    }
    let ran = run(&format!("webhooks test {id}"));
    assert!(
        ran.err.contains("connecting to") && !ran.err.contains("whsec_") && !ran.err.contains("s3cret"),
        "{}",
        ran.err
    );
    let rows = run(&format!("--json audit list --object {id}")).ok().json();
    let actions: Vec<&str> =
        rows["events"].as_array().unwrap().iter().map(|row| row["action"].as_str().unwrap()).rev().collect();
    let wanted = ["add", "test", "test", "show", "set", "rotate", "disable", "disable", "show", "enable", "test"];
    assert_eq!(actions, wanted.map(|word| format!("webhooks {word}")));
    assert!(!rows.to_string().contains("s3cret"));
    run("ledger audit").ok();
}

#[tokio::test]
async fn every_change_is_an_entry_of_the_ledger() {
    let app = super::app(Engine::Sqlite).await;
    let receiver = Receiver::start().await;
    let (webhooks, alice) = (&app.app.webhooks, crate::app::alice());
    let id = app.hook(&format!("{}?token=s3cret", receiver.url()), &[HookEvent::Ping]).await.shown.id;
    webhooks.test(&alice, id).await.unwrap();
    let change = Change { url: None, events: Some([HookEvent::TaskDone].into()) };
    webhooks.set(&alice, id, &change).await.unwrap();
    webhooks.set(&alice, id, &change).await.unwrap();
    webhooks.rotate(&alice, id).await.unwrap();
    webhooks.disable(&alice, id).await.unwrap();
    webhooks.enable(&alice, id).await.unwrap();
    let mut conn = app.app.context.store.read().await.unwrap();
    let sql = "SELECT person FROM ledger_openings WHERE event = 'operated' ORDER BY entry_id";
    let persons: Vec<Vec<u8>> = sqlx::query_scalar(sql).fetch_all(&mut *conn).await.unwrap();
    let facts: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT fact FROM ledger_openings WHERE event = 'operated' ORDER BY entry_id")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let wanted = ["add_webhook", "test_webhook", "set_webhook", "rotate_webhook", "disable_webhook", "enable_webhook"];
    assert_eq!(facts.len(), wanted.len(), "what changes nothing is no entry");
    for ((fact, person), action) in facts.iter().zip(&persons).zip(wanted) {
        assert!(text(fact).contains(action), "{action}: {}", text(fact));
        assert!(text(person).contains("alice") && text(person).contains(&receiver.address.to_string()));
        assert!(!text(person).contains("s3cret"), "the path may hold a secret");
    }
}
