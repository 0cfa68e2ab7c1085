//! Operators, their rights and keys: who may act, and as whom.

mod altered;
mod audit;
mod keys;
mod rights;

use besked::domain::actor::{Actor, Via};
use besked::domain::operator::{OperatorKind, Role, Roles};
use besked::operators::{NewOperator, OperatorError};
use rstest::rstest;

use crate::app::{TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;

/// These roles.
pub fn roles(roles: &[Role]) -> Roles {
    roles.iter().copied().collect()
}

/// A person to be added.
pub fn person<'a>(name: &'a str, of: &[Role]) -> NewOperator<'a> {
    NewOperator { name, kind: OperatorKind::Person, roles: roles(of), email: None }
}

/// A machine to be added.
pub fn machine<'a>(name: &'a str, of: &[Role]) -> NewOperator<'a> {
    NewOperator { kind: OperatorKind::Machine, ..person(name, of) }
}

/// The operator with this name at the command line.
pub async fn at(app: &TestApp, name: &str) -> Actor {
    app.app.operators.at_command_line(Some(name), "root").await.unwrap()
}

/// An application with the admin Root and these operators.
pub async fn with(engine: Engine, others: &[NewOperator<'_>]) -> TestApp {
    let app = TestApp::new(engine).await;
    app.app.operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let root = at(&app, "Root").await;
    for other in others {
        app.app.operators.add(&root, other).await.unwrap();
    }
    app
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn from_the_first_operator_on_only_operators_act(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let operators = &app.app.operators;
    assert!(at(&app, "anybody").await.roles().is_none(), "while there is no operator every name may do everything");
    for first in [person("Ola", &[Role::Ops]), machine("robot", &[Role::Admin])] {
        let refused = operators.add(&alice(), &first).await;
        assert!(matches!(refused, Err(OperatorError::FirstAdmin)), "{refused:?}");
    }
    operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    // Whoever began before that may not add a second one.
    let late = operators.add(&alice(), &person("Eve", &[Role::Admin])).await;
    assert!(matches!(late, Err(OperatorError::NobodyKnown(_))), "{late:?}");
    let nobody = operators.at_command_line(None, "nobody").await;
    assert!(matches!(nobody, Err(OperatorError::NobodyKnown(_))), "{nobody:?}");
    let root = operators.at_command_line(None, "root").await.unwrap();
    assert_eq!((root.name(), root.roles()), ("Root", Some(roles(&[Role::Admin]))), "the name is the operator's own");
    assert_eq!(root.via(), &Via::Cli { os_user: "root".to_owned() });

    operators.add(&root, &person("Ola", &[Role::Ops])).await.unwrap();
    let ola = at(&app, "OLA").await;
    for refused in [
        operators.add(&ola, &person("Eve", &[Role::Admin])).await,
        operators.set(&ola, "Ola", roles(&[Role::Admin]), None).await,
        operators.disable(&ola, "Root").await,
    ] {
        assert!(matches!(refused, Err(OperatorError::Forbidden(_))), "{refused:?}");
    }
    assert_eq!(operators.show(&ola, "ola").await.unwrap().name.as_str(), "Ola");
    assert!(operators.show(&ola, "Root").await.is_err());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn no_name_looks_like_another_and_none_is_used_again(#[case] engine: Engine) {
    let app = with(engine, &[person("Alice", &[Role::Ops])]).await;
    let root = at(&app, "Root").await;
    let operators = &app.app.operators;
    for alike in ["alice", "AIice", "\u{430}lice", "a\u{200B}lice", " Alice "] {
        let taken = operators.add(&root, &person(alike, &[Role::Legal])).await;
        assert!(matches!(taken, Err(OperatorError::Taken { .. })), "{alike:?}: {taken:?}");
    }
    operators.disable(&root, "ALICE").await.unwrap();
    let gone = operators.at_command_line(Some("Alice"), "root").await;
    assert!(matches!(gone, Err(OperatorError::Disabled(_))), "{gone:?}");
    let taken = operators.add(&root, &person("alice", &[Role::Legal])).await;
    assert!(matches!(taken, Err(OperatorError::Taken { .. })), "the record names the former one: {taken:?}");
    assert_eq!(operators.disable(&root, "alice").await.unwrap().state, "disabled", "a step may be repeated");
    assert_eq!(operators.enable(&root, "alice").await.unwrap().state, "active");
    assert_eq!(at(&app, "alice").await.roles(), Some(roles(&[Role::Ops])));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_last_admin_stays(#[case] engine: Engine) {
    let app = with(engine, &[machine("robot", &[Role::Admin])]).await;
    let root = at(&app, "Root").await;
    let operators = &app.app.operators;
    for refused in
        [operators.disable(&root, "Root").await, operators.set(&root, "Root", roles(&[Role::Ops]), None).await]
    {
        assert!(matches!(refused, Err(OperatorError::LastAdmin(_))), "a machine is no second admin: {refused:?}");
    }
    operators.add(&root, &person("Eva", &[Role::Admin, Role::Legal])).await.unwrap();
    operators.disable(&root, "Root").await.unwrap();
    let eva = at(&app, "Eva").await;
    let last = operators.set(&eva, "Eva", roles(&[Role::Legal]), None).await;
    assert!(matches!(last, Err(OperatorError::LastAdmin(_))), "{last:?}");
}

#[test]
fn the_commands_say_what_to_do() {
    let shell = Shell::new();
    let run = |arguments: &str| shell.run(&arguments.split(' ').collect::<Vec<_>>());
    run("operators add bo --role legal").fails(2, &["first operator", "operators add NAME --role admin"]);
    run("operators add bo --role root").fails(2, &["is not a role", "compliance"]);
    let first = run("operators add Alice --role admin --role ops --email alice@example.com").ok();
    assert!(first.err.contains("--as \"Alice\""), "{}", first.err);
    run("--as eve customers list").fails(2, &["`eve` is not an operator", "--as NAME"]);
    run("operators add aIice --role ops").fails(2, &["looks like that of the operator `Alice`"]);
    run("operators add robot --role finance --machine").ok();
    run("operators disable alice")
        .fails(2, &["last person with the role `admin`", "give another person the role first"]);
    let listed = run("--json operators list").ok().json();
    let wanted = serde_json::json!(["Alice", "person", ["ops", "admin"], "active", "alice@example.com"]);
    let first = &listed["operators"][0];
    assert_eq!(
        serde_json::json!([first["name"], first["kind"], first["roles"], first["state"], first["email"]]),
        wanted
    );
    assert_eq!((listed["operators"][1]["kind"].as_str(), listed["next"].is_null()), (Some("machine"), true));
    run("operators set robot --role finance --role ops").ok();
    assert!(run("operators show robot").ok().out.contains("finance"));
    run("--as robot operators list").fails(2, &["`robot` may not list operators and keys", "compliance, admin"]);
    run("operators disable robot").ok();
    run("--as ROBOT customers list").fails(2, &["`robot` is disabled", "operators enable"]);
    // These need nobody.
    for free in ["config check", "migrate", "init"] {
        assert_eq!(run(&format!("--as eve {free}")).code, 0, "{free}");
    }
}
