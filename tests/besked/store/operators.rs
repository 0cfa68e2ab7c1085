//! Operators and keys.

use besked::domain::audit::Ended;
use besked::domain::operator::{OperatorKind, OperatorName, Role};
use besked::domain::request::Request;
use besked::store::operators::forms::Begun;
use besked::store::operators::uploads::{State, Upload};
use besked::store::operators::{self, Operator, audit, forms, keys, requests, uploads};
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
        locale: None,
        time_zone: None,
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
    audit::insert(&mut tx, &rows.iter().collect::<Vec<_>>()).await.unwrap();
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

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_request_is_noted_once_answered_once_and_gone_after_a_day(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (first, second, third) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let of = |token, body: &[u8]| Request::new("robot", "POST", "/x", "k", body, token);
    let (one, other) = (of(first, b"a"), of(second, b"a"));
    let mut tx = fixture.store.write().await.unwrap();
    assert_eq!(requests::find(&mut tx, &one.scope).await.unwrap(), None);
    let object = Some(Uuid::from_u128(9));
    assert!(requests::note(&mut tx, &[(&one, object)], fixture.now).await.unwrap());
    assert!(requests::note(&mut tx, &[(&one, None)], fixture.now).await.unwrap(), "a try may act several times");
    assert!(!requests::note(&mut tx, &[(&other, None)], fixture.now).await.unwrap(), "another one may not");
    let twice = Request::new("robot", "POST", "/z", "k", b"", first);
    assert!(!requests::note(&mut tx, &[(&twice, None), (&twice, None)], fixture.now).await.unwrap());
    assert_eq!(requests::find(&mut tx, &twice.scope).await.unwrap(), None, "nor two at once");
    let mut kept = requests::find(&mut tx, &one.scope).await.unwrap().unwrap();
    assert_eq!((kept.digest, kept.token, kept.object, kept.answer.take()), (one.digest, first, object, None));

    assert!(!requests::take_over(&mut tx, &of(third, b"b"), first, fixture.now).await.unwrap(), "another body");
    assert!(requests::take_over(&mut tx, &other, first, fixture.now).await.unwrap());
    assert!(!requests::take_over(&mut tx, &of(third, b"a"), first, fixture.now).await.unwrap(), "too late");
    let answer = requests::Answer { status: 201, headers: "etag: \"x\"\n".to_owned(), body: b"{}".to_vec() };
    requests::answer(&mut tx, &[(&one, &answer)], fixture.now).await.unwrap();
    assert_eq!(requests::find(&mut tx, &one.scope).await.unwrap().unwrap().answer, None, "of a try that lost");
    requests::answer(&mut tx, &[(&one, &answer), (&other, &answer)], fixture.now).await.unwrap();
    assert_eq!(requests::find(&mut tx, &one.scope).await.unwrap().unwrap().answer, Some(answer.clone()));
    assert!(!requests::take_over(&mut tx, &of(third, b"a"), second, fixture.now).await.unwrap(), "it is answered");
    assert_eq!(requests::erasures(&mut tx).await.unwrap(), 0);
    requests::forget_answers(&mut tx).await.unwrap();
    assert_eq!(requests::erasures(&mut tx).await.unwrap(), 1);
    assert_eq!(requests::find(&mut tx, &one.scope).await.unwrap().unwrap().answer, None);

    let unnoted = Request::new("robot", "POST", "/y", "k", b"", first);
    requests::answer(&mut tx, &[(&unnoted, &answer)], fixture.now).await.unwrap();
    assert_eq!(requests::find(&mut tx, &unnoted.scope).await.unwrap(), None, "it began before the erasure");
    let unnoted = Request { erasures: 1, ..unnoted };
    requests::answer(&mut tx, &[(&unnoted, &answer)], fixture.now).await.unwrap();
    assert_eq!(requests::find(&mut tx, &unnoted.scope).await.unwrap().unwrap().answer, Some(answer));
    requests::delete(&mut tx, &unnoted.scope, second).await.unwrap();
    assert!(requests::find(&mut tx, &unnoted.scope).await.unwrap().is_some(), "another process began it anew");
    requests::delete(&mut tx, &unnoted.scope, first).await.unwrap();
    assert_eq!(requests::find(&mut tx, &unnoted.scope).await.unwrap(), None);
    assert_eq!(requests::delete_before(&mut tx, fixture.now, 9).await.unwrap(), 0);
    let later = fixture.now.checked_add(SignedDuration::from_secs(1)).unwrap();
    assert_eq!(requests::delete_before(&mut tx, later, 9).await.unwrap(), 1);
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_form_that_was_begun_is_its_operators_and_ends(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (eva, ola) = (fixture.id(), fixture.id());
    let begun = |text: &str, minutes: i64| Begun {
        fields: text.to_owned(),
        kept_at: fixture.now + SignedDuration::from_mins(minutes),
    };
    let mut tx = fixture.store.write().await.unwrap();
    forms::keep(&mut tx, eva, "new:news", &begun("one", 0)).await.unwrap();
    forms::keep(&mut tx, eva, "new:news", &begun("two", 1)).await.unwrap();
    forms::keep(&mut tx, ola, "new:news", &begun("hers", 0)).await.unwrap();
    assert_eq!(forms::find(&mut tx, eva, "new:news").await.unwrap(), Some(begun("two", 1)));
    assert_eq!(forms::find(&mut tx, eva, "new:survey").await.unwrap(), None);
    let found = forms::with_mentions(&mut tx, "TWO", ("", ""), 9).await.unwrap();
    assert_eq!(found.iter().map(|it| (it.operator_id, it.form.as_str())).collect::<Vec<_>>(), [(eva, "new:news")]);
    assert_eq!(found[0].begun, begun("two", 1));
    let (all, first) =
        (forms::with_mentions(&mut tx, "", ("", ""), 9).await.unwrap(), [eva, ola].into_iter().min().unwrap());
    assert_eq!((all.len(), all[0].operator_id), (2, first));
    let after = (first.to_string(), "new:news");
    assert_eq!(forms::with_mentions(&mut tx, "", (&after.0, after.1), 9).await.unwrap(), all[1..]);
    assert_eq!(forms::sweep(&mut tx, fixture.now + SignedDuration::from_secs(1)).await.unwrap(), 1);
    assert_eq!(forms::find(&mut tx, ola, "new:news").await.unwrap(), None);
    forms::delete(&mut tx, ola, "new:news").await.unwrap();
    forms::delete(&mut tx, eva, "new:news").await.unwrap();
    assert_eq!(forms::find(&mut tx, eva, "new:news").await.unwrap(), None);
    forms::keep(&mut tx, eva, "new:news", &begun("three", 0)).await.unwrap();
    forms::delete_of(&mut tx, ola).await.unwrap();
    assert!(forms::find(&mut tx, eva, "new:news").await.unwrap().is_some());
    forms::delete_of(&mut tx, eva).await.unwrap();
    assert_eq!(forms::find(&mut tx, eva, "new:news").await.unwrap(), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_upload_is_taken_once_and_deleted_with_its_parts(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (eva, ola) = (fixture.id(), fixture.id());
    let upload = |operator_id, minutes: i64| Upload {
        id: fixture.id(),
        operator_id,
        name: "kunder.csv".to_owned(),
        options: "replace".to_owned(),
        state: State::Arriving,
        size: 5,
        sha256: "ab".to_owned(),
        revision: 3,
        created_at: fixture.now + SignedDuration::from_mins(minutes),
    };
    let (first, second, others) = (upload(eva, 0), upload(eva, 1), upload(ola, 2));
    let mut tx = fixture.store.write().await.unwrap();
    for it in [&first, &second, &others] {
        uploads::insert(&mut tx, it).await.unwrap();
        assert!(uploads::add_part(&mut tx, it.id, 0, b"abc").await.unwrap());
        assert!(uploads::add_part(&mut tx, it.id, 1, b"de").await.unwrap());
    }
    assert_eq!(uploads::of_operator(&mut tx, eva).await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(uploads::part(&mut tx, first.id, 1).await.unwrap().as_deref(), Some(b"de".as_slice()));
    assert_eq!(uploads::part(&mut tx, first.id, 2).await.unwrap(), None);
    assert!(uploads::change(&mut tx, first.id, State::Arriving, State::Waiting).await.unwrap());
    assert!(uploads::change(&mut tx, first.id, State::Waiting, State::Taken).await.unwrap());
    assert!(!uploads::change(&mut tx, first.id, State::Waiting, State::Taken).await.unwrap());
    assert!(!uploads::add_part(&mut tx, first.id, 2, b"f").await.unwrap());
    uploads::compared(&mut tx, first.id, 4).await.unwrap();
    let all = uploads::of_operator(&mut tx, eva).await.unwrap();
    assert_eq!((all[1].state, all[1].revision), (State::Taken, 4));
    uploads::delete_parts(&mut tx, first.id).await.unwrap();
    assert_eq!(uploads::part(&mut tx, first.id, 0).await.unwrap(), None);
    assert_eq!(uploads::older(&mut tx, others.created_at).await.unwrap(), [first.id, second.id]);
    uploads::delete(&mut tx, second.id).await.unwrap();
    assert_eq!(uploads::part(&mut tx, second.id, 0).await.unwrap(), None);
    assert!(!uploads::add_part(&mut tx, second.id, 2, b"f").await.unwrap(), "it was deleted");
    uploads::delete_all(&mut tx).await.unwrap();
    assert_eq!(uploads::of_operator(&mut tx, ola).await.unwrap(), []);
    assert_eq!(uploads::part(&mut tx, others.id, 0).await.unwrap(), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn forms_are_found_by_how_their_names_begin(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (eva, ola) = (fixture.id(), fixture.id());
    let begun = |text: &str, minutes: i64| Begun {
        fields: text.to_owned(),
        kept_at: fixture.now + SignedDuration::from_mins(minutes),
    };
    let mut tx = fixture.store.write().await.unwrap();
    for (operator, form, minutes) in
        [(eva, "new:a_c:1", 0), (eva, "new:a_c:2", 1), (eva, "new:abc:3", 2), (ola, "edit", 3)]
    {
        forms::keep(&mut tx, operator, form, &begun(form, minutes)).await.unwrap();
    }
    let names = |all: Vec<(String, Begun)>| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(forms::with_prefix(&mut tx, eva, "new:a_c:", 9).await.unwrap()), ["new:a_c:2", "new:a_c:1"]);
    assert_eq!(names(forms::with_prefix(&mut tx, eva, "", 2).await.unwrap()), ["new:abc:3", "new:a_c:2"]);
}
