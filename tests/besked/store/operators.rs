//! Operators and keys.

use besked::domain::audit::Ended;
use besked::domain::operator::{OperatorKind, OperatorName, Role};
use besked::store::operators::{self, Operator, audit, keys};
use jiff::SignedDuration;
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::database::Engine;

fn operator(fixture: &Fixture, name: &str, kind: OperatorKind, roles: &[Role]) -> Operator {
    Operator {
        id: fixture.random.id(fixture.now),
        name: OperatorName::parse(name).unwrap(),
        kind,
        roles: roles.iter().copied().collect(),
        email: None,
        created_at: fixture.now,
        disabled_at: None,
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn operators_are_found_by_any_spelling_and_no_two_are_alike(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    operators::lock(&mut tx).await.unwrap();
    assert!(!operators::any(&mut tx).await.unwrap());
    let alice = operator(&fixture, "Alice", OperatorKind::Person, &[Role::Admin, Role::Ops]);
    let robot = operator(&fixture, "billing-run", OperatorKind::Machine, &[Role::Finance]);
    operators::insert(&mut tx, &alice).await.unwrap();
    operators::insert(&mut tx, &robot).await.unwrap();
    assert!(operators::any(&mut tx).await.unwrap());
    for spelling in ["ALICE", "\u{430}lice", "AIice", "alice"] {
        let likeness = OperatorName::parse(spelling).unwrap().likeness();
        assert_eq!(operators::named(&mut tx, &likeness).await.unwrap().as_ref(), Some(&alice), "{spelling}");
    }
    let nobody = OperatorName::parse("bob").unwrap().likeness();
    assert_eq!(operators::named(&mut tx, &nobody).await.unwrap(), None);
    assert_eq!(operators::list(&mut tx, None, 9).await.unwrap(), [alice.clone(), robot.clone()]);
    assert_eq!(operators::list(&mut tx, Some(alice.id), 9).await.unwrap(), std::slice::from_ref(&robot));
    let roles = [Role::Auditor].into_iter().collect();
    let gone = Operator { roles, disabled_at: Some(fixture.now), email: Some("r@x.example".to_owned()), ..robot };
    operators::update(&mut tx, &gone).await.unwrap();
    assert_eq!(operators::list(&mut tx, Some(alice.id), 9).await.unwrap(), [gone]);
    tx.commit().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    let again = operator(&fixture, "\u{410}LICE", OperatorKind::Person, &[Role::Admin]);
    assert!(operators::insert(&mut tx, &again).await.is_err(), "the database refuses a name that looks like another");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn keys_are_found_by_hash_with_their_operator(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let robot = operator(&fixture, "billing-run", OperatorKind::Machine, &[Role::Finance, Role::Ops]);
    operators::insert(&mut tx, &robot).await.unwrap();
    let (hash, other, now) = ([7; 32], [8; 32], fixture.now);
    let roles = [Role::Finance].into_iter().collect();
    let ids: [Uuid; 2] = std::array::from_fn(|_| fixture.random.id(now));
    for (id, hash) in ids.into_iter().zip([&hash, &other]) {
        let new = keys::New { id, operator_id: robot.id, hash, roles, created_at: now, expires_at: Some(now) };
        keys::insert(&mut tx, &new).await.unwrap();
    }
    let found = keys::with_hash(&mut tx, &hash).await.unwrap().unwrap();
    assert_eq!((found.id, found.operator.as_str(), found.kind), (ids[0], "billing-run", OperatorKind::Machine));
    assert_eq!((found.held, found.roles, found.expires_at), (robot.roles, roles, Some(now)));
    assert_eq!(keys::with_hash(&mut tx, &[9; 32]).await.unwrap(), None);
    assert_eq!(keys::find(&mut tx, ids[0]).await.unwrap(), Some(found));
    let list = async |tx: &mut besked::store::Conn, operator, after| {
        keys::list(tx, operator, after, 9).await.unwrap().into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    assert_eq!(list(&mut tx, None, None).await, ids);
    assert_eq!(list(&mut tx, Some(robot.id), Some(ids[0])).await, [ids[1]]);
    assert!(list(&mut tx, Some(ids[0]), None).await.is_empty());

    let later = now.saturating_add(SignedDuration::from_secs(59)).unwrap();
    keys::touch(&mut tx, ids[0], now, now).await.unwrap();
    keys::touch(&mut tx, ids[0], now.saturating_sub(SignedDuration::from_secs(1)).unwrap(), later).await.unwrap();
    assert_eq!(keys::find(&mut tx, ids[0]).await.unwrap().unwrap().last_used_at, Some(now), "within a minute");
    assert!(keys::revoke(&mut tx, ids[0], now).await.unwrap());
    assert!(!keys::revoke(&mut tx, ids[0], later).await.unwrap());
    keys::revoke_all(&mut tx, robot.id, later).await.unwrap();
    let revoked = keys::list(&mut tx, None, None, 9).await.unwrap().into_iter().map(|key| key.revoked_at);
    assert_eq!(revoked.collect::<Vec<_>>(), [Some(now), Some(later)]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_audit_log_is_filtered_paged_and_emptied(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let row = |operator: &str, object: Option<&str>| audit::Asked {
        id: fixture.random.id(fixture.now),
        at: fixture.now,
        operator: operator.to_owned(),
        via: "key 7".to_owned(),
        action: "notice show".to_owned(),
        object: object.map(str::to_owned),
        result: Ended::NotFound,
    };
    let rows = [row("a", Some("N1")), row("b", None), row("a", Some("N2"))];
    for row in &rows {
        audit::insert(&mut tx, row).await.unwrap();
    }
    let all = audit::Filter::default();
    let newest = |rows: &[audit::Asked]| rows.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(audit::list(&mut tx, &all, None, 9).await.unwrap(), newest(&rows));
    assert_eq!(audit::list(&mut tx, &all, Some(rows[2].id), 1).await.unwrap(), rows[1..2]);
    let of_a = audit::Filter { operator: Some("a"), ..all };
    assert_eq!(audit::list(&mut tx, &of_a, None, 9).await.unwrap().len(), 2);
    let about = audit::Filter { object: Some("N2"), since: Some(fixture.now), ..all };
    assert_eq!(audit::list(&mut tx, &about, None, 9).await.unwrap(), rows[2..]);
    let until = audit::Filter { until: Some(fixture.now), ..all };
    assert!(audit::list(&mut tx, &until, None, 9).await.unwrap().is_empty());
    let later = fixture.now.saturating_add(SignedDuration::from_secs(1)).unwrap();
    assert_eq!(audit::count_before(&mut tx, fixture.now).await.unwrap(), 0);
    assert_eq!(audit::count_before(&mut tx, later).await.unwrap(), 3);
    assert_eq!(audit::delete_before(&mut tx, later, 2).await.unwrap(), 2);
    assert_eq!(audit::count_before(&mut tx, later).await.unwrap(), 1);
}
