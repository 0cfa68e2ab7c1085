//! Keys of programs.

use std::time::Duration;

use besked::domain::actor::Via;
use besked::domain::operator::{OperatorKind, Role};
use besked::operators::OperatorError;
use besked::operators::keys::{KeyError, Made, NewKey};
use rstest::rstest;

use super::{at, machine, person, roles, with};
use crate::app::{TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;

/// A key for all roles of an operator, made by Root.
pub async fn key_of(app: &TestApp, operator: &str) -> Made {
    let new = NewKey { operator, roles: None, expires_at: None };
    app.app.keys.add(&at(app, "Root").await, &new).await.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_key_acts_for_its_operator_in_the_roles_of_both(#[case] engine: Engine) {
    let app = with(engine, &[machine("robot", &[Role::Finance, Role::Ops])]).await;
    let (root, keys) = (at(&app, "Root").await, &app.app.keys);
    let some = NewKey { operator: "ROBOT", roles: Some(roles(&[Role::Finance])), expires_at: None };
    let made = keys.add(&root, &some).await.unwrap();
    let actor = keys.authenticate(made.key.reveal()).await.unwrap();
    assert_eq!((actor.name(), actor.kind()), ("robot", OperatorKind::Machine));
    assert_eq!((actor.roles(), actor.via()), (Some(roles(&[Role::Finance])), &Via::Key { id: made.shown.id }));
    assert_eq!(actor.to_string(), format!("robot (key {})", made.shown.id));

    let more = NewKey { operator: "robot", roles: Some(roles(&[Role::Finance, Role::Admin])), expires_at: None };
    let refused = keys.add(&root, &more).await;
    assert!(matches!(refused, Err(OperatorError::NotHeld { roles: lacking, .. }) if lacking == roles(&[Role::Admin])));
    // What the operator loses, the key loses at once; and what they are given later it does not get.
    app.app.operators.set(&root, "robot", roles(&[Role::Ops, Role::Legal]), None).await.unwrap();
    assert_eq!(keys.authenticate(made.key.reveal()).await.unwrap().roles(), Some(roles(&[])));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_key_ends_at_its_time_by_revocation_and_with_its_operator(#[case] engine: Engine) {
    let app = with(engine, &[machine("robot", &[Role::Finance]), person("Bo", &[Role::Ops])]).await;
    let (root, keys) = (at(&app, "Root").await, &app.app.keys);
    let expires_at = Some(app.app.context.clock.now().checked_add(Duration::from_secs(60)).unwrap());
    let brief = keys.add(&root, &NewKey { operator: "robot", roles: None, expires_at }).await.unwrap();
    let (revoked, other) = (key_of(&app, "robot").await, key_of(&app, "robot").await);
    let bos = key_of(&app, "Bo").await;
    let who = async |made: &Made| keys.authenticate(made.key.reveal()).await;
    for made in [&brief, &revoked, &other, &bos] {
        who(made).await.unwrap();
    }
    app.advance(Duration::from_secs(60));
    assert!(matches!(who(&brief).await, Err(KeyError::Expired(_))));
    let ended = keys.add(&root, &NewKey { operator: "robot", roles: None, expires_at }).await;
    assert!(matches!(ended, Err(OperatorError::Ended(_))));

    assert!(keys.revoke(&root, revoked.shown.id).await.unwrap().revoked);
    assert!(!keys.revoke(&root, revoked.shown.id).await.unwrap().revoked, "a step may be repeated");
    assert!(matches!(who(&revoked).await, Err(KeyError::Revoked(_))));
    assert!(who(&other).await.is_ok());

    app.app.operators.disable(&root, "robot").await.unwrap();
    assert!(matches!(who(&other).await, Err(KeyError::Revoked(_))));
    let refused = keys.add(&root, &NewKey { operator: "robot", roles: None, expires_at: None }).await;
    assert!(matches!(refused, Err(OperatorError::Disabled(_))));
    app.app.operators.enable(&root, "robot").await.unwrap();
    assert!(matches!(who(&other).await, Err(KeyError::Revoked(_))), "enabling revives no key");

    let text = bos.key.reveal();
    let changed = if text.ends_with('0') { "1" } else { "0" };
    for wrong in ["", "besked_", &text[1..], &format!("{}{changed}", &text[..text.len() - 1])] {
        assert!(matches!(keys.authenticate(wrong).await, Err(KeyError::Malformed(_))), "{wrong:?}");
    }
    let unknown = besked::domain::key::Key::new(&app.app.context.random);
    assert!(matches!(keys.authenticate(unknown.reveal()).await, Err(KeyError::Unknown)));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_key_makes_no_key_with_more_roles_than_its_own(#[case] engine: Engine) {
    let app = with(engine, &[machine("provisioner", &[Role::Admin, Role::Ops]), machine("robot", &[Role::Ops])]).await;
    let (root, keys) = (at(&app, "Root").await, &app.app.keys);
    let admin_only = NewKey { operator: "provisioner", roles: Some(roles(&[Role::Admin])), expires_at: None };
    let made = keys.add(&root, &admin_only).await.unwrap();
    let actor = keys.authenticate(made.key.reveal()).await.unwrap();
    for new in [
        NewKey { operator: "robot", roles: None, expires_at: None },
        NewKey { operator: "provisioner", roles: None, expires_at: None },
    ] {
        let refused = keys.add(&actor, &new).await;
        assert!(matches!(refused, Err(OperatorError::MoreThanOwn(beyond)) if beyond == roles(&[Role::Ops])), "{new:?}");
    }
    keys.add(&actor, &admin_only).await.unwrap();
    // Giving its operator more roles does not help it either.
    app.app.operators.set(&actor, "provisioner", roles(&[Role::Admin, Role::Compliance]), None).await.unwrap();
    let actor = keys.authenticate(made.key.reveal()).await.unwrap();
    assert_eq!(actor.roles(), Some(roles(&[Role::Admin])));
    let all = NewKey { operator: "provisioner", roles: None, expires_at: None };
    assert!(matches!(keys.add(&actor, &all).await, Err(OperatorError::MoreThanOwn(_))));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_last_use_is_noted_once_a_minute(#[case] engine: Engine) {
    let app = with(engine, &[machine("robot", &[Role::Ops])]).await;
    let made = key_of(&app, "robot").await;
    let root = at(&app, "Root").await;
    let used = async || {
        let request = besked::domain::page::PageRequest { after: None, limit: 9 };
        app.app.keys.list(&root, Some("robot"), &request).await.unwrap().items[0].last_used_at
    };
    let began = app.app.context.clock.now();
    for (seconds, wanted) in [(0, 0), (59, 0), (1, 60), (30, 60), (40, 130)] {
        app.advance(Duration::from_secs(seconds));
        app.app.keys.authenticate(made.key.reveal()).await.unwrap();
        let wanted = began.checked_add(Duration::from_secs(wanted)).unwrap();
        assert_eq!(used().await, Some(wanted), "after {seconds} more seconds");
    }
}

#[test]
fn a_key_is_printed_once_and_stored_nowhere() {
    let shell = Shell::new();
    let run = |arguments: &str| shell.run(&arguments.split(' ').collect::<Vec<_>>());
    run("keys add --operator robot").fails(2, &["no operator `robot`"]);
    run("operators add alice --role admin").ok();
    run("operators add robot --role finance --role ops --machine").ok();
    run("keys add --operator robot --role legal").fails(2, &["`robot` does not have these roles: legal"]);
    run("keys add --operator robot --expires soon").fails(2, &["no period such as 90d"]);
    run("keys add --operator robot --expires 2020-01-01").fails(2, &["would have ended"]);
    let made = run("--json keys add --operator robot --role finance --expires 90d").ok().json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("besked_") && key.len() == 56, "{key}");
    assert!(run("keys add --operator robot").ok().out.starts_with("besked_"));
    for shown in ["keys list", "--json keys list", "--json operators list", "--json ledger status"] {
        let ran = run(shown).ok();
        assert!(!ran.out.contains("besked_") && !ran.err.contains("besked_"), "{shown}");
    }
    let stored = std::fs::read(shell.directory.path().join("var/besked.db")).unwrap();
    assert!(stored.windows(key.len()).all(|text| text != key.as_bytes()));
    let listed = run("--json keys list --operator robot").ok().json();
    assert_eq!((listed["keys"][0]["id"].as_str(), listed["keys"][0]["state"].as_str()), (Some(id), Some("active")));
    assert_eq!(listed["keys"][0]["roles"], serde_json::json!(["finance"]));
    assert!(run(&format!("keys revoke {id}")).ok().out.contains("revoked"));
    assert_eq!(run("--json keys list").ok().json()["keys"][0]["state"].as_str(), Some("revoked"));
}

/// The entries about it are lost with the rest, so nothing else says it.
#[tokio::test]
async fn the_doctor_says_that_a_restored_copy_may_bring_back_keys() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.app.operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let check = async || {
        let (config, any) = (&app.app.context.config, std::path::Path::new("besked.toml"));
        let checks = besked::doctor::examine((config, any), None, &|_| {}).await;
        checks.into_iter().find(|check| check.what == "operators").unwrap()
    };
    assert_eq!(check().await.verdict, besked::doctor::Verdict::Ok);
    let mut tx = app.app.context.store.write().await.unwrap();
    besked::store::proof::tree::set_stopped(&mut tx, Some("the database has 1 entry, but 2 were signed"))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let check = check().await;
    assert_eq!(check.verdict, besked::doctor::Verdict::Warning);
    assert!(check.detail.contains("besked keys list") && check.detail.contains("revoked"), "{}", check.detail);
}
