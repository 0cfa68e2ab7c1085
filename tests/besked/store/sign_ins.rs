//! How operators sign in: passwords, second factors, recovery codes, invitations and sessions.

use std::time::Duration;

use besked::domain::operator::{OperatorKind, OperatorName, Role};
use besked::domain::second_factor::Secret;
use besked::domain::session::Proof;
use besked::store::operators::invitations::Invitation;
use besked::store::operators::sessions::Session;
use besked::store::operators::sign_ins::SignIn;
use besked::store::operators::{self, Operator, identities, invitations, sessions, sign_ins};
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::database::Engine;

fn session(fixture: &Fixture, operator_id: Uuid, hash: u8) -> Session {
    Session {
        id: fixture.id(),
        operator_id,
        hash: [hash; 32],
        proof: Proof::SecondFactor,
        address: "192.0.2.1".to_owned(),
        agent: "Åäö".to_owned(),
        created_at: fixture.now,
        seen_at: fixture.now,
        ends_at: fixture.now + Duration::from_secs(60 * u64::from(hash)),
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn sessions_are_found_by_hash_touched_and_ended(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (eva, ola) = (fixture.id(), fixture.id());
    let all: Vec<Session> = (1..=4).map(|hash| session(&fixture, if hash == 4 { ola } else { eva }, hash)).collect();
    for session in &all {
        sessions::insert(&mut tx, session).await.unwrap();
    }
    assert!(
        sessions::insert(&mut tx, &session(&fixture, ola, 1)).await.is_err(),
        "two sessions have no token in common"
    );
    drop(tx);
    let mut tx = fixture.store.write().await.unwrap();
    for session in &all {
        sessions::insert(&mut tx, session).await.unwrap();
    }
    assert_eq!(sessions::with_hash(&mut tx, &[2; 32]).await.unwrap().as_ref(), Some(&all[1]));
    assert_eq!(sessions::with_hash(&mut tx, &[9; 32]).await.unwrap(), None);
    assert_eq!(sessions::find(&mut tx, all[1].id).await.unwrap().as_ref(), Some(&all[1]));
    assert_eq!(sessions::find(&mut tx, fixture.id()).await.unwrap(), None);
    let listed = sessions::list(&mut tx, eva, 2).await.unwrap();
    assert_eq!(listed, [all[2].clone(), all[1].clone()], "the newest first");

    let (later, latest) = (fixture.now + Duration::from_secs(60), fixture.now + Duration::from_secs(90));
    sessions::touch(&mut tx, all[0].id, fixture.now, later).await.unwrap();
    sessions::touch(&mut tx, all[0].id, fixture.now, latest).await.unwrap();
    assert_eq!(sessions::with_hash(&mut tx, &[1; 32]).await.unwrap().unwrap().seen_at, later, "it was noted lately");

    assert!(!sessions::end(&mut tx, ola, all[0].id).await.unwrap(), "it is another operator's");
    assert!(sessions::end(&mut tx, eva, all[0].id).await.unwrap());
    assert!(!sessions::end(&mut tx, eva, all[0].id).await.unwrap());
    assert_eq!(sessions::end_all(&mut tx, eva, Some(all[2].id)).await.unwrap(), 1);
    assert_eq!(sessions::list(&mut tx, eva, 9).await.unwrap(), [all[2].clone()]);
    let end = all[3].ends_at;
    assert_eq!(sessions::delete_before(&mut tx, end, 9).await.unwrap(), 1, "one that ends at that time stays");
    assert_eq!(sessions::list(&mut tx, ola, 9).await.unwrap().len(), 1);
    assert_eq!(sessions::delete_before(&mut tx, end + Duration::from_secs(1), 0).await.unwrap(), 0);
    assert_eq!(sessions::end_all(&mut tx, ola, None).await.unwrap(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_secret_that_is_set_up_belongs_to_one_session(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (eva, ola) = (fixture.id(), fixture.id());
    let all: Vec<Session> = (1..=3).map(|hash| session(&fixture, if hash == 3 { ola } else { eva }, hash)).collect();
    for session in &all {
        sessions::insert(&mut tx, session).await.unwrap();
    }
    let (one, other) = (Secret::new(&fixture.random), Secret::new(&fixture.random));
    sessions::set_pending(&mut tx, all[0].id, &one).await.unwrap();
    sessions::set_pending(&mut tx, all[0].id, &other).await.unwrap();
    sessions::set_pending(&mut tx, all[2].id, &other).await.unwrap();
    assert_eq!(sessions::pending(&mut tx, all[0].id).await.unwrap(), Some(one), "the first one stays");
    assert_eq!(sessions::pending(&mut tx, all[1].id).await.unwrap(), None);
    assert_eq!(sessions::pending(&mut tx, fixture.id()).await.unwrap(), None);
    sessions::drop_pending(&mut tx, eva).await.unwrap();
    assert_eq!(sessions::pending(&mut tx, all[0].id).await.unwrap(), None);
    assert_eq!(sessions::pending(&mut tx, all[2].id).await.unwrap(), Some(other));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_invitation_counts_once_and_the_last_one_only(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (operator_id, now) = (fixture.id(), fixture.now);
    let new = |hash: u8, resets| {
        let expires_at = now + Duration::from_secs(60);
        Invitation { operator_id, hash: [hash; 32], resets, created_at: now, expires_at, used_at: None }
    };
    invitations::put(&mut tx, &new(1, false)).await.unwrap();
    assert!(invitations::consume(&mut tx, &[1; 32], now).await.unwrap());
    assert!(!invitations::consume(&mut tx, &[1; 32], now).await.unwrap());
    let used = Invitation { used_at: Some(now), ..new(1, false) };
    assert_eq!(invitations::with_hash(&mut tx, &[1; 32]).await.unwrap(), Some(used));
    invitations::put(&mut tx, &new(2, true)).await.unwrap();
    assert_eq!(invitations::with_hash(&mut tx, &[1; 32]).await.unwrap(), None);
    assert_eq!(invitations::with_hash(&mut tx, &[2; 32]).await.unwrap(), Some(new(2, true)), "it is not used yet");
    invitations::withdraw(&mut tx, operator_id).await.unwrap();
    assert_eq!(invitations::with_hash(&mut tx, &[2; 32]).await.unwrap(), None);
    assert!(!invitations::consume(&mut tx, &[2; 32], now).await.unwrap());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_code_of_a_step_or_of_recovery_counts_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (id, now) = (fixture.id(), fixture.now);
    assert_eq!(sign_ins::find(&mut tx, id).await.unwrap(), SignIn::default());
    let (one, other) = (Secret::new(&fixture.random), Secret::new(&fixture.random));
    assert!(!sign_ins::replace_password(&mut tx, id, "", "a").await.unwrap(), "there is none");
    sign_ins::set_secret(&mut tx, id, &other, 5, now).await.unwrap();
    sign_ins::set_password(&mut tx, id, "0").await.unwrap();
    sign_ins::set_password(&mut tx, id, "a").await.unwrap();
    assert!(!sign_ins::replace_password(&mut tx, id, "0", "c").await.unwrap(), "that is not the present one");
    assert!(sign_ins::replace_password(&mut tx, id, "a", "b").await.unwrap());
    assert!(sign_ins::hold_password(&mut tx, id, "b").await.unwrap());
    assert!(!sign_ins::hold_password(&mut tx, id, "a").await.unwrap());
    sign_ins::set_secret(&mut tx, id, &one, 7, now).await.unwrap();
    let kept = SignIn { password: Some("b".to_owned()), secret: Some(one), secret_at: Some(now), last_step: Some(7) };
    assert_eq!(sign_ins::find(&mut tx, id).await.unwrap(), kept);
    assert!(!sign_ins::take_step(&mut tx, id, 7).await.unwrap() && sign_ins::take_step(&mut tx, id, 8).await.unwrap());

    sign_ins::set_codes(&mut tx, id, &[[1; 32], [2; 32]]).await.unwrap();
    sign_ins::set_codes(&mut tx, id, &[[2; 32], [3; 32]]).await.unwrap();
    assert!(!sign_ins::take_code(&mut tx, id, &[1; 32], now).await.unwrap(), "new codes replace the former ones");
    assert!(!sign_ins::take_code(&mut tx, fixture.id(), &[2; 32], now).await.unwrap());
    assert!(sign_ins::take_code(&mut tx, id, &[2; 32], now).await.unwrap());
    assert!(!sign_ins::take_code(&mut tx, id, &[2; 32], now).await.unwrap());
    assert_eq!(sign_ins::codes_left(&mut tx, id).await.unwrap(), 1);
    sign_ins::reset(&mut tx, id).await.unwrap();
    let left = SignIn { password: Some("b".to_owned()), ..SignIn::default() };
    assert_eq!(
        (sign_ins::find(&mut tx, id).await.unwrap(), sign_ins::codes_left(&mut tx, id).await.unwrap()),
        (left, 0)
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_operator_has_a_language_and_a_zone(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let eva = Operator {
        id: fixture.id(),
        name: OperatorName::parse("Eva").unwrap(),
        kind: OperatorKind::Person,
        roles: [Role::Ops].into_iter().collect(),
        email: None,
        locale: Some("sv".parse().unwrap()),
        time_zone: None,
        created_at: fixture.now,
        disabled_at: None,
    };
    operators::insert(&mut tx, &eva).await.unwrap();
    assert_eq!(operators::find(&mut tx, eva.id).await.unwrap().as_ref(), Some(&eva));
    assert_eq!(operators::find(&mut tx, fixture.id()).await.unwrap(), None);
    let zone = "Europe/Stockholm".parse().unwrap();
    operators::set_words(&mut tx, eva.id, None, Some(&zone)).await.unwrap();
    let eva = Operator { locale: None, time_zone: Some(zone), ..eva };
    assert_eq!(operators::find(&mut tx, eva.id).await.unwrap(), Some(eva));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_identity_is_one_operators_and_an_operator_has_one_at_a_provider(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (eva, ola, issuer) = (fixture.id(), fixture.id(), "https://id.example.com");
    assert_eq!(identities::find(&mut tx, issuer, "1").await.unwrap(), None);
    assert_eq!(identities::of(&mut tx, issuer, eva).await.unwrap(), None);
    assert!(identities::tie(&mut tx, issuer, "1", eva).await.unwrap());
    for (subject, operator) in [("1", eva), ("1", ola), ("2", eva)] {
        assert!(!identities::tie(&mut tx, issuer, subject, operator).await.unwrap(), "{subject}");
    }
    assert!(identities::tie(&mut tx, "https://other.example.com", "1", eva).await.unwrap());
    assert!(identities::tie(&mut tx, issuer, "2", ola).await.unwrap());
    assert_eq!(identities::find(&mut tx, issuer, "1").await.unwrap(), Some(eva));
    assert_eq!(identities::of(&mut tx, issuer, eva).await.unwrap().as_deref(), Some("1"));
    assert_eq!(identities::of(&mut tx, issuer, fixture.id()).await.unwrap(), None);
}
