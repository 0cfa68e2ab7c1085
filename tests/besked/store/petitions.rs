//! What persons ask for, and what somebody works on now.

use besked::domain::category_set::CategorySet;
use besked::domain::notice::State;
use besked::domain::petition::{Answer, PetitionKind};
use besked::store::notices::{self, work};
use besked::store::people::petitions::{self, Petition};
use besked::store::visible::Visible;
use jiff::SignedDuration;
use rstest::rstest;

use super::Fixture;
use crate::app::{address, key};
use crate::database::Engine;

const DAY: SignedDuration = SignedDuration::from_hours(24);

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_petition_is_extended_once_answered_once_and_forgotten(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let petition = |due| Petition {
        id: fixture.id(),
        email: "Anna@x.example".to_owned(),
        kind: PetitionKind::Erasure,
        received_at: fixture.now,
        due_at: fixture.now + DAY * due,
        recorded_by: "eva".to_owned(),
        extension: None,
        answered_at: None,
        answer: None,
        answered_by: None,
        note: None,
    };
    let (later, sooner) = (petition(31), petition(30));
    for it in [&later, &sooner] {
        petitions::insert(&mut tx, &address(&it.email), it).await.unwrap();
    }
    assert_eq!(petitions::find(&mut tx, later.id).await.unwrap(), Some(later.clone()));
    assert_eq!(petitions::find(&mut tx, fixture.id()).await.unwrap(), None);
    assert_eq!(petitions::open(&mut tx, 9).await.unwrap(), [sooner.clone(), later.clone()]);
    assert_eq!(petitions::open(&mut tx, 1).await.unwrap(), std::slice::from_ref(&sooner));
    let newest = [later.id, sooner.id].into_iter().max().unwrap();
    assert_eq!(petitions::list(&mut tx, None, 1).await.unwrap()[0].id, newest);
    assert_eq!(petitions::list(&mut tx, Some(newest), 9).await.unwrap().len(), 1);
    assert!(petitions::extend(&mut tx, sooner.id, fixture.now + DAY * 90, "many").await.unwrap());
    assert!(!petitions::extend(&mut tx, sooner.id, fixture.now + DAY * 99, "more").await.unwrap(), "once");
    let answer = (Answer::Done, "eva", "sent to anna@x.example");
    assert!(petitions::answer(&mut tx, sooner.id, answer, fixture.now).await.unwrap());
    assert!(!petitions::answer(&mut tx, sooner.id, (Answer::Refused, "bo", "no"), fixture.now).await.unwrap(), "once");
    assert!(!petitions::extend(&mut tx, sooner.id, fixture.now, "late").await.unwrap());
    assert_eq!(petitions::open(&mut tx, 9).await.unwrap(), [later]);
    assert_eq!(petitions::of_address(&mut tx, &key("anna@x.example")).await.unwrap().len(), 2);
    petitions::forget(&mut tx, &key("anna@x.example")).await.unwrap();
    assert!(petitions::of_address(&mut tx, &key("anna@x.example")).await.unwrap().is_empty());
    let forgotten = petitions::find(&mut tx, sooner.id).await.unwrap().unwrap();
    assert_eq!(
        (forgotten.email.as_str(), forgotten.note.as_deref(), forgotten.extension.as_deref()),
        ("", Some(""), Some(""))
    );
    assert_eq!(
        (forgotten.answer, forgotten.due_at),
        (Some(Answer::Done), fixture.now + DAY * 90),
        "that it was answered stays"
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn notices_are_found_by_what_is_to_be_done_and_by_customer(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let sent = fixture.released(&mut tx, &["a@x.example"]).await;
    let waiting = fixture.draft(&mut tx, "CHG-2").await;
    let ids = |found: Vec<notices::Kept>| found.into_iter().map(|it| it.id).collect::<Vec<_>>();
    assert!(work::submitted(&mut tx, None, 9, Visible::ALL).await.unwrap().is_empty());
    assert!(notices::set_state(&mut tx, waiting, State::Draft, State::Submitted).await.unwrap());
    assert_eq!(ids(work::submitted(&mut tx, None, 9, Visible::ALL).await.unwrap()), [waiting]);
    assert!(work::submitted(&mut tx, Some(waiting), 9, Visible::ALL).await.unwrap().is_empty());
    // What is left out does not count.
    let nothing = Visible { categories: CategorySet::NONE, ..Visible::ALL };
    assert!(work::submitted(&mut tx, None, 9, nothing).await.unwrap().is_empty());
    assert_eq!(ids(work::sending(&mut tx, 9, Visible { sealed: false, ..Visible::ALL }).await.unwrap()), [sent]);
    assert!(work::sending(&mut tx, 9, nothing).await.unwrap().is_empty());
    let standing = fixture.released(&mut tx, &[]).await;
    assert_eq!(notices::find(&mut tx, standing).await.unwrap().unwrap().state, State::Released);
    assert_eq!(
        ids(work::sending(&mut tx, 9, Visible::ALL).await.unwrap()),
        [sent],
        "nothing of the other is to be sent"
    );
    assert!(notices::set_state(&mut tx, waiting, State::Submitted, State::Approved).await.unwrap());
    assert!(work::scheduled(&mut tx, 9, Visible::ALL).await.unwrap().is_empty(), "it has no time");
    let later = fixture.draft(&mut tx, "CHG-3").await;
    for (id, at) in [(later, fixture.now + DAY * 2), (waiting, fixture.now + DAY)] {
        notices::set_state(&mut tx, id, State::Draft, State::Approved).await.unwrap();
        notices::set_send_at(&mut tx, id, State::Approved, Some(at)).await.unwrap();
    }
    assert!(notices::set_state(&mut tx, later, State::Approved, State::Scheduled).await.unwrap());
    assert_eq!(ids(work::scheduled(&mut tx, 9, Visible::ALL).await.unwrap()), [waiting, later]);
    assert_eq!(ids(work::scheduled(&mut tx, 1, Visible::ALL).await.unwrap()), [waiting]);
    assert!(work::scheduled(&mut tx, 9, nothing).await.unwrap().is_empty());
    let to = work::to_customer(&mut tx, "C1", None, 9).await.unwrap();
    assert_eq!(to.iter().map(|it| it.id).collect::<Vec<_>>(), [sent]);
    let last = (fixture.now, sent);
    assert!(work::to_customer(&mut tx, "C1", Some(last), 9).await.unwrap().is_empty());
    assert!(work::to_customer(&mut tx, "C2", None, 9).await.unwrap().is_empty());
}
