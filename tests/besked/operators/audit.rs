//! The audit log: a row for each command, by whom and how it ended, without an address.

use std::time::Duration;

use besked::domain::audit::Ended;
use besked::domain::entry::{Detail, Fact, Person};
use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use besked::domain::records::Records;
use besked::operators::audit::{Asked, Filter, NewRow};
use rstest::rstest;

use super::{at, person, with};
use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::cli::Shell;
use crate::database::Engine;

async fn listed(app: &TestApp, filter: &Filter<'_>) -> Vec<Asked> {
    let request = PageRequest { after: None, limit: 100 };
    app.app.audit.list(&alice(), filter, &request).await.unwrap().items
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn rows_are_found_by_who_what_and_when_and_go_after_their_days(#[case] engine: Engine) {
    let app = TestApp::with(engine, |config| config.audit.keep_days = 10).await;
    app.app.operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let note = async |operator: &str, object: Option<&str>, result| {
        let row = NewRow { operator, via: "command line, user root", action: "notice show", object, result };
        app.app.audit.record(&row).await.unwrap();
    };
    note("Root", Some("N1"), Ended::Ok).await;
    note("eve", Some("eve@example.com"), Ended::Unauthenticated).await;
    let began = app.app.context.clock.now();
    app.advance(Duration::from_secs(3600));
    note("Root", Some("N2"), Ended::Forbidden).await;
    let all = listed(&app, &Filter::default()).await;
    assert_eq!(
        all.iter().map(|it| it.result).collect::<Vec<_>>(),
        [Ended::Forbidden, Ended::Unauthenticated, Ended::Ok]
    );
    assert_eq!(all[1].object, None, "an address is no object");
    let by = Filter { operator: Some("ROOT"), ..Filter::default() };
    assert_eq!(listed(&app, &by).await.len(), 2, "by any spelling");
    assert_eq!(listed(&app, &Filter { object: Some("N1"), ..Filter::default() }).await, all[2..]);
    let later = began.checked_add(Duration::from_secs(1)).unwrap();
    assert_eq!(listed(&app, &Filter { since: Some(later), ..Filter::default() }).await, all[..1]);
    assert_eq!(listed(&app, &Filter { until: Some(later), ..Filter::default() }).await, all[1..]);

    app.advance(Duration::from_secs(10 * 86_400 - 1800));
    assert_eq!(app.purge(true).await.records[&Records::AuditRows], 2);
    assert_eq!(app.purge(false).await.records[&Records::AuditRows], 2);
    assert_eq!(listed(&app, &Filter::default()).await, all[..1]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_auditor_sees_no_row_about_a_sealed_notice(#[case] engine: Engine) {
    let others =
        [person("aud", &[Role::Auditor]), person("com", &[Role::Compliance]), person("sec", &[Role::Security])];
    let app = with(engine, &others).await;
    let breach = super::rights::BREACH;
    let id = app.app.notices.create(&app.draft(breach, ""), &at(&app, "sec").await).await.unwrap().to_string();
    let row = NewRow { operator: "sec", via: "x", action: "notice create", object: Some(&id), result: Ended::Ok };
    app.app.audit.record(&row).await.unwrap();
    for (name, rows) in [("aud", 0), ("com", 1)] {
        let request = PageRequest { after: None, limit: 100 };
        let found = app.app.audit.list(&at(&app, name).await, &Filter::default(), &request).await.unwrap();
        assert_eq!(found.items.len(), rows, "{name}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn changes_of_operators_and_keys_are_in_the_ledger_under_the_right_name(#[case] engine: Engine) {
    let app = with(engine, &[person("Bo", &[Role::Ops])]).await;
    let root = at(&app, "root").await;
    let key = super::keys::key_of(&app, "Bo").await;
    app.app.keys.revoke(&root, key.shown.id).await.unwrap();
    app.app.operators.disable(&root, "bo").await.unwrap();
    app.app.operators.disable(&root, "bo").await.unwrap();
    app.app.ledger.seal().await.unwrap();
    let rows = sqlx::query_as::<_, (Vec<u8>, Vec<u8>)>(
        "SELECT fact, person FROM ledger_openings WHERE event = 'operated' ORDER BY at, entry_id",
    )
    .fetch_all(&mut *app.app.context.store.read().await.unwrap())
    .await
    .unwrap();
    let told = rows.iter().map(|(fact, by)| {
        let (fact, person) = (Fact::from_cbor(fact).unwrap(), Person::from_cbor(by).unwrap());
        let Detail::Operated { action, object } = fact.detail else { panic!("{:?}", fact.detail) };
        assert!(object.is_some());
        format!("{} {action}: {}", person.role, person.reply)
    });
    let told: Vec<String> = told.collect();
    let by = "Root (command line, user root)";
    assert_eq!(
        told,
        [
            "alice (command line, user root) add_operator: Root (person): admin".to_owned(),
            format!("{by} add_operator: Bo (person): ops"),
            format!("{by} add_key: Bo: ops; no end; SHA-256 {}", data_encoding::HEXLOWER.encode(&key.key.hash())),
            format!("{by} revoke_key: Bo: ops"),
            format!("{by} disable_operator: Bo (person): ops"),
        ],
        "what changed nothing is not recorded"
    );
    let audited = app.app.ledger.audit(None, &|_| {}).await.unwrap();
    assert!(audited.problem.is_none(), "{:?}", audited.problem);
}

#[test]
fn each_command_leaves_a_row() {
    let shell = Shell::new();
    let run = |arguments: &str| shell.run(&arguments.split(' ').collect::<Vec<_>>());
    shell.write("c.csv", CUSTOMERS);
    shell.write("m.md", &maintenance("all = true"));
    run("customers import c.csv").ok();
    run("operators add Alice --role admin --role ops").ok();
    run("operators add com --role compliance").ok();
    run("keys add --operator com --role compliance").ok();
    let id = run("notice create m.md").ok().out.trim().to_owned();
    run("notice show CHG-1").ok();
    run("--as com notice release CHG-1").fails(2, &["may not release"]);
    run("--as eve customers show C1").fails(2, &["not an operator"]);
    run("--as com subject export service@ett.example -o out.json").ok();
    run("--as com customers show C9").fails(2, &["no customer"]);
    run("config check").ok();
    let events = run("--json --as com audit list").ok().json();
    let row = |it: &serde_json::Value| {
        let text = |name: &str| it[name].as_str().unwrap_or("-").to_owned();
        format!("{} {}: {} {}", text("operator"), text("action"), text("object"), text("result"))
    };
    let rows: Vec<String> = events["events"].as_array().unwrap().iter().map(row).collect();
    assert_eq!(
        rows,
        [
            "com customers show: C9 not_found".to_owned(),
            "com subject export: - ok".to_owned(),
            "eve customers show: C1 unauthenticated".to_owned(),
            format!("com notice release: {id} forbidden"),
            format!("Alice notice show: {id} ok"),
            format!("Alice notice create: {id} ok"),
            "Alice keys add: com ok".to_owned(),
            "Alice operators add: com ok".to_owned(),
            "alice operators add: Alice ok".to_owned(),
            "alice customers import: - ok".to_owned(),
        ]
    );
    let via = events["events"][0]["via"].as_str().unwrap();
    assert!(via.starts_with("command line, user "), "{via}");
    assert!(events["events"][0]["at"].as_str().unwrap().ends_with('Z') && events["next"].is_null());
    let about = run(&format!("--json --as com audit list --object {id} --operator ALICE")).ok().json();
    assert_eq!(about["events"].as_array().unwrap().len(), 2);
    run("audit list").fails(2, &["`Alice` may not read the audit log", "compliance, auditor"]);
    let stored = run("--as com audit list --all").ok().out;
    assert!(!stored.contains('@'), "{stored}");
}
