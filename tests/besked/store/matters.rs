//! The notices of a matter, as they are kept.

use besked::domain::fields::Phase;
use besked::domain::matter::{Progress, Said};
use besked::domain::notice::State;
use besked::store::notices::{self, matters, releases};
use rstest::rstest;

use super::{Fixture, released, written};
use crate::app::releasing;
use crate::database::Engine;

fn said(phase: Phase) -> Said {
    Said { progress: Some(Progress::Phase(phase)), ..Said::default() }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_notices_of_a_matter_are_counted_as_they_are_released(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let root = fixture.released(&mut tx, &["a@x.example"]).await;
    let (matter, member) = matters::member_of(&mut tx, root).await.unwrap().unwrap();
    assert_eq!((matter, member.sequence, member.said), (root, Some(1), Said::default()));
    assert_eq!(matters::member_of(&mut tx, fixture.id()).await.unwrap(), None);
    assert_eq!(matters::last(&mut tx, root).await.unwrap(), None, "it does not say how far it is");

    let (next, after) = (fixture.id(), fixture.id());
    for (id, follows, phase) in [(next, root, Phase::Started), (after, next, Phase::Completed)] {
        let written = notices::Written {
            follows_id: Some(follows),
            matter_id: Some(root),
            said: said(phase),
            ..written("CHG-1")
        };
        notices::insert(&mut tx, id, fixture.now, &written).await.unwrap();
    }
    let ids = |followers: Vec<matters::Follower>| followers.into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert_eq!(ids(matters::followers(&mut tx, root, root).await.unwrap()), [next, after]);
    assert_eq!(ids(matters::followers(&mut tx, root, next).await.unwrap()), [after]);
    assert!(notices::set_state(&mut tx, next, State::Draft, State::Approved).await.unwrap());
    assert!(releases::begin_release(&mut tx, next, &releasing("me", fixture.now)).await.unwrap());
    assert!(releases::set_released(&mut tx, next, fixture.now, &released(0)).await.unwrap());
    let last = matters::last(&mut tx, root).await.unwrap().unwrap();
    assert_eq!((last.id, last.sequence, last.said), (next, Some(2), said(Phase::Started)));
    let all: Vec<_> = matters::released(&mut tx, root).await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(all, [root, next]);
    assert_eq!(matters::last_of(&mut tx, &[root, after, next]).await.unwrap(), Some(next));

    let speaking: Vec<_> = matters::speaking(&mut tx, root).await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(speaking, [next], "the first one has no phase");
    assert_eq!(matters::most_customers(&mut tx, root).await.unwrap().map(|(id, _)| id), Some(next));
    assert_eq!(matters::most_customers(&mut tx, after).await.unwrap(), None);

    assert!(matters::page(&mut tx, (None, 9), true, true).await.unwrap().is_empty());
    for _ in 0..2 {
        matters::set_open(&mut tx, root, true).await.unwrap();
    }
    assert_eq!(matters::page(&mut tx, (None, 9), true, true).await.unwrap(), [root]);
    assert!(matters::page(&mut tx, (Some(root), 9), true, true).await.unwrap().is_empty());
    matters::set_open(&mut tx, root, false).await.unwrap();
    assert!(matters::page(&mut tx, (None, 9), true, true).await.unwrap().is_empty());
    assert_eq!(matters::page(&mut tx, (None, 9), false, false).await.unwrap(), [root]);
    assert!(matters::page(&mut tx, (Some(root), 9), false, true).await.unwrap().is_empty());
    let parts = matters::parts(&mut tx, &[root], true).await.unwrap();
    assert_eq!(parts.iter().map(|part| part.member.id).collect::<Vec<_>>(), [root, next, after]);
    assert!(matters::told(&mut tx, next, &["C1"]).await.unwrap().is_empty(), "it is queued");
    sqlx::query("UPDATE deliveries SET state = 'accepted'").execute(&mut *tx).await.unwrap();
    assert_eq!(matters::told(&mut tx, next, &["C1", "C2"]).await.unwrap(), ["C1".to_owned()].into());
    assert_eq!(matters::customers(&mut tx, &[root], &["C1", "C2"]).await.unwrap(), ["C1".to_owned()].into());
    assert!(matters::customers(&mut tx, &[next], &["C1"]).await.unwrap().is_empty());
    assert!(!matters::silence(&mut tx, next).await.unwrap(), "it is not cancelled");
    assert!(notices::set_state(&mut tx, next, State::Released, State::Cancelled).await.unwrap());
    assert!(matters::silence(&mut tx, next).await.unwrap(), "nobody got it");
    assert!(!matters::silence(&mut tx, next).await.unwrap());
    assert_eq!(matters::last(&mut tx, root).await.unwrap(), None);
    assert!(!matters::heed(&mut tx, next).await.unwrap(), "nobody got it");
    let counted = "INSERT INTO delivery_counts (notice_id, state, n) VALUES ($1, 'accepted', 1)";
    sqlx::query(counted).bind(next.to_string()).execute(&mut *tx).await.unwrap();
    assert!(matters::heed(&mut tx, next).await.unwrap(), "somebody got it after all");
    assert!(!matters::heed(&mut tx, next).await.unwrap());
    assert!(!matters::heed(&mut tx, root).await.unwrap(), "it has no phase");
    notices::lock_matter(&mut tx, root).await.unwrap();

    matters::set_matter(&mut tx, after, after).await.unwrap();
    matters::set_matter(&mut tx, next, next).await.unwrap();
    assert_eq!(matters::member_of(&mut tx, after).await.unwrap().unwrap().0, after);
    assert_eq!(matters::member_of(&mut tx, next).await.unwrap().unwrap().0, root, "it is released");
    assert_eq!(matters::last_of(&mut tx, &[root, after]).await.unwrap(), None, "of two matters");
}
