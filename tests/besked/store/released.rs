//! Notices through their states, their rows and steps, attestations.

use crate::app::alice;
use besked::domain::category::Category;
use besked::domain::notice::reference::{Meant, Purpose};
use besked::domain::notice::{State, Step};
use besked::store::notices;
use besked::store::notices::attestations::{Attestation, Withdrawn};
use besked::store::notices::releases::{Packed, Releasing};
use besked::store::notices::reviews::Review;
use besked::store::notices::steps::Done;
use besked::store::notices::{approvals, attestations, references, releases, reviews};
use besked::store::sending::deliveries;
use rstest::rstest;

use super::{Fixture, released, written};
use crate::app::releasing;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_notice_is_kept_rewritten_and_found(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.draft(&mut tx, "R-1").await;
    let other = fixture.draft(&mut tx, "R-1").await;
    let kept = notices::find(&mut tx, id).await.unwrap().unwrap();
    assert_eq!((kept.source.as_str(), kept.subject.as_str(), kept.digest), ("källa", "Ämne", [7; 32]));
    let with: Vec<_> = references::bearers(&mut tx, "R-1").await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(with, [other, id], "newest first");
    let of_matters: Vec<_> = references::of_matters(&mut tx, "R-1").await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(of_matters, [other, id]);
    let several = references::named(&mut tx, &alice(), "R-1", Purpose::Read, None).await.unwrap();
    assert_eq!(several, Meant::Several(vec![other, id]));
    for name in ["R-1", &id.to_string()] {
        let one = references::named(&mut tx, &alice(), name, Purpose::Read, Some(other)).await.unwrap();
        assert_eq!(one, Meant::One { id, others: 0 }, "{name}");
    }
    assert_eq!(notices::list(&mut tx, &notices::Filter::default(), (Some(other), 10), true).await.unwrap().len(), 1);
    assert!(notices::find(&mut tx, fixture.id()).await.unwrap().is_none());
    assert!(references::bearers(&mut tx, "nothing").await.unwrap().is_empty());
    let like = (Category::Maintenance, &[7; 32], Some("R-1"));
    assert_eq!(references::released_before(&mut tx, like, fixture.now).await.unwrap(), None, "neither is released");

    notices::set_approval(&mut tx, id, "bo", &[7; 32]).await.unwrap();
    let changed = notices::Written { digest: [8; 32], ..written("R-2") };
    assert!(!notices::rewrite(&mut tx, id, State::Approved, &changed).await.unwrap(), "it is not approved");
    assert!(notices::rewrite(&mut tx, id, State::Draft, &changed).await.unwrap());
    let kept = notices::find(&mut tx, id).await.unwrap().unwrap();
    assert_eq!((kept.digest, kept.approved_by, kept.approved_digest), ([8; 32], None, None));

    let rows: Vec<_> = (0..4500).map(|n| (format!("C{n:05}"), format!("{{\"n\":\"{n}\"}}"))).collect();
    notices::rows::insert(&mut tx, id, &rows).await.unwrap();
    let page = notices::rows::page(&mut tx, id, "C04497", 10).await.unwrap();
    assert_eq!(page.keys().collect::<Vec<_>>(), ["C04498", "C04499"]);
    notices::rows::delete(&mut tx, id).await.unwrap();
    assert!(notices::rows::page(&mut tx, id, "", 10).await.unwrap().is_empty());

    for (step, reason) in [(Step::Create, None), (Step::Submit, Some("klar".to_owned()))] {
        let done = Done { step, operator: "alice".to_owned(), reason, at: fixture.now };
        notices::steps::insert(&mut tx, fixture.id(), id, &done).await.unwrap();
    }
    let steps = notices::steps::list(&mut tx, id).await.unwrap();
    assert_eq!((steps[0].step, steps[1].reason.as_deref()), (Step::Create, Some("klar")));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn one_process_releases_a_notice(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.draft(&mut tx, "R").await;
    let now = fixture.now;
    assert!(!releases::begin_release(&mut tx, id, &releasing("a", now)).await.unwrap(), "a draft cannot be released");
    assert!(!notices::set_state(&mut tx, id, State::Submitted, State::Approved).await.unwrap());
    assert!(notices::set_state(&mut tx, id, State::Draft, State::Approved).await.unwrap());
    let edited = Releasing { digest: &[8; 32], ..releasing("a", now) };
    assert!(!releases::begin_release(&mut tx, id, &edited).await.unwrap(), "another content was read than is stored");
    assert_eq!(approvals::audience(&mut tx, id).await.unwrap(), None);
    let audience = approvals::ApprovedAudience { recipients: 2, prints: vec![1, 2, 3], revision: 7 };
    approvals::set_audience(&mut tx, id, &audience).await.unwrap();
    assert_eq!(approvals::audience(&mut tx, id).await.unwrap(), Some(audience));
    let review = |operator: &str, step, seconds| Review {
        operator: operator.to_owned(),
        step,
        source: format!("as {operator} read it"),
        digest: [9; 32],
        at: now + jiff::SignedDuration::from_secs(seconds),
    };
    for it in [review("", Step::Submit, 0), review("bo", Step::Decline, 1), review("eva", Step::Decline, 2)] {
        reviews::keep(&mut tx, id, &it).await.unwrap();
    }
    reviews::keep(&mut tx, id, &review("bo", Step::Approve, 3)).await.unwrap();
    let read = reviews::of_notice(&mut tx, id).await.unwrap();
    let last = [review("bo", Step::Approve, 3), review("eva", Step::Decline, 2), review("", Step::Submit, 0)];
    assert_eq!(read, last, "the last first, one of each person");
    let other = fixture.draft(&mut tx, "S").await;
    reviews::keep(&mut tx, other, &review("bo", Step::Decline, 0)).await.unwrap();
    reviews::delete(&mut tx, other).await.unwrap();
    assert!(reviews::of_notice(&mut tx, other).await.unwrap().is_empty());
    assert!(releases::begin_release(&mut tx, id, &releasing("a", now)).await.unwrap());
    assert!(!releases::begin_release(&mut tx, id, &releasing("b", now)).await.unwrap(), "another process is at it");
    assert!(releases::hold_release(&mut tx, id, "a", now).await.unwrap());
    assert!(!releases::hold_release(&mut tx, id, "b", now).await.unwrap());
    let later = now + jiff::SignedDuration::from_secs(31);
    assert!(
        releases::begin_release(&mut tx, id, &releasing("b", later)).await.unwrap(),
        "a release that was let lie is taken up"
    );
    assert!(
        !releases::end_release(&mut tx, id, "a", State::Approved).await.unwrap(),
        "whoever let it lie has no say in it any more"
    );
    assert!(releases::end_release(&mut tx, id, "b", State::Approved).await.unwrap());
    assert!(!releases::end_release(&mut tx, id, "b", State::Approved).await.unwrap(), "once");
    assert_eq!(notices::find(&mut tx, id).await.unwrap().unwrap().state, State::Approved);
    assert!(releases::begin_release(&mut tx, id, &releasing("b", later)).await.unwrap());
    assert_eq!(notices::open::list(&mut tx).await.unwrap()[0].state, State::Releasing);
    assert!(!notices::set_closed(&mut tx, id, later).await.unwrap(), "it is not released");
    assert!(releases::set_released(&mut tx, id, later, &released(0)).await.unwrap());
    assert_eq!(approvals::audience(&mut tx, id).await.unwrap(), None, "it is compared no more");
    assert!(reviews::of_notice(&mut tx, id).await.unwrap().is_empty(), "nobody decides about it any more");
    assert!(!releases::set_released(&mut tx, id, later, &released(0)).await.unwrap());
    notices::set_paused(&mut tx, id, Some(later)).await.unwrap();
    assert!(notices::open::list(&mut tx).await.unwrap()[0].paused);
    notices::set_paused(&mut tx, id, None).await.unwrap();
    assert!(notices::set_closed(&mut tx, id, later).await.unwrap());
    assert!(!notices::set_closed(&mut tx, id, later).await.unwrap(), "once");
    assert_eq!(notices::find(&mut tx, id).await.unwrap().unwrap().state, State::Closed);
    assert!(notices::open::list(&mut tx).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_notices_of_a_category_that_address_a_customer_are_found(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    releases::insert_unaddressed(&mut tx, id, &[("C2".to_owned(), "Två".to_owned())]).await.unwrap();
    let (now, category) = (fixture.now, Category::Maintenance);
    for account in ["C1", "C2"] {
        let found =
            notices::addressing(&mut tx, account, notices::Among::Category(category), Some(now), None).await.unwrap();
        assert_eq!(found.len(), 1, "{account}");
    }
    assert!(
        notices::addressing(&mut tx, "C1", notices::Among::Category(category), None, Some(now))
            .await
            .unwrap()
            .is_empty(),
        "until is not included"
    );
    assert!(
        notices::addressing(&mut tx, "C1", notices::Among::Category(Category::News), None, None)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        notices::addressing(&mut tx, "C3", notices::Among::Category(category), None, None).await.unwrap().is_empty()
    );
    assert!(!notices::set_closed(&mut tx, id, now).await.unwrap(), "something is queued");

    let attestation = Attestation {
        id: fixture.id(),
        account_id: "C2".to_owned(),
        channel: besked::domain::attestation::Channel::Phone,
        witness: "Bo".to_owned(),
        note: "ringde 10:00".to_owned(),
        operator: "alice".to_owned(),
        told_at: now,
        at: now,
        withdrawn: None,
    };
    attestations::insert(&mut tx, id, &attestation).await.unwrap();
    assert_eq!(attestations::of_notice(&mut tx, id, Some("C2")).await.unwrap()[0].note, "ringde 10:00");
    assert!(attestations::of_notice(&mut tx, id, Some("C1")).await.unwrap().is_empty());
    assert_eq!(attestations::of_notice(&mut tx, id, None).await.unwrap().len(), 1);
    let withdrawn = Withdrawn { operator: "alice".to_owned(), reason: "the wrong customer".to_owned(), at: now };
    assert!(attestations::withdraw(&mut tx, attestation.id, &withdrawn).await.unwrap());
    assert!(!attestations::withdraw(&mut tx, attestation.id, &withdrawn).await.unwrap(), "once");
    assert_eq!(attestations::of_notice(&mut tx, id, None).await.unwrap()[0].withdrawn, Some(withdrawn));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_queue_is_compared_with_the_contacts_of_today(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    assert!(!notices::open::list(&mut tx).await.unwrap()[0].stale);
    let kept = notices::find(&mut tx, id).await.unwrap().unwrap();
    let like = (kept.category, &kept.digest, None);
    let before = references::released_before(&mut tx, like, jiff::Timestamp::UNIX_EPOCH).await.unwrap().unwrap();
    assert_eq!((before.id, before.recipients, before.is_same), (id, 2, true));
    besked::store::people::imports::revise(&mut tx).await.unwrap();
    assert!(notices::open::list(&mut tx).await.unwrap()[0].stale, "contacts may have changed");
    assert!(releases::gone(&mut tx, id, true, 9).await.unwrap().is_empty(), "of customers who are not known");
    let customer = "INSERT INTO customers (account_id, name, status, import_id, updated_at) VALUES ('C1', 'Ett', 'active', 'i', 0)";
    sqlx::query(customer).execute(&mut *tx).await.unwrap();
    let contact = "INSERT INTO contacts (account_id, email, email_key, role, name, position, import_id) \
                   VALUES ('C1', 'a@x.example', 'a@x.example', 'service', '', 0, 'i')";
    sqlx::query(contact).execute(&mut *tx).await.unwrap();
    let gone = releases::gone(&mut tx, id, false, 9).await.unwrap();
    assert_eq!(gone.len(), 1, "one has no contact any more");
    assert_eq!(releases::gone_of(&mut tx, &[gone[0].0.to_string()], false).await.unwrap(), [gone[0].0]);
    sqlx::query("UPDATE customers SET status = 'left'").execute(&mut *tx).await.unwrap();
    let gone = async |conn: &mut besked::store::Conn, left| releases::gone(conn, id, left, 9).await.unwrap().len();
    assert_eq!((gone(&mut tx, false).await, gone(&mut tx, true).await), (0, 1));
    releases::add_recipients(&mut tx, id, 3).await.unwrap();
    assert_eq!(notices::find(&mut tx, id).await.unwrap().unwrap().recipients, 5);
    notices::set_contacts_revision(&mut tx, id, 1).await.unwrap();
    assert!(!notices::open::list(&mut tx).await.unwrap()[0].stale);
    notices::rows::insert(&mut tx, id, &[("C1".to_owned(), "{}".to_owned()), ("C2".to_owned(), "{}".to_owned())])
        .await
        .unwrap();
    assert_eq!(
        notices::rows::of(&mut tx, id, &["C2", "C3"]).await.unwrap(),
        [("C2".to_owned(), "{}".to_owned())].into()
    );
}

/// Its replaced delivery has an ordinal after those of all others.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_customer_that_was_addressed_again_is_followed_once_and_hides_no_other(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let mut other = fixture.recipient(2, "c@x.example");
    other.account_id = "C2".to_owned();
    let rows = [other, fixture.recipient(3, "d@x.example")];
    releases::insert(&mut tx, id, 1, fixture.now, &Packed::of(&rows)).await.unwrap();
    for limit in 1..=5 {
        let (mut customers, mut from) = (Vec::new(), 0);
        while let Some((page, next)) = deliveries::customers(&mut tx, id, from, limit).await.unwrap() {
            customers.extend(page.into_iter().map(|(account, _)| account));
            from = next;
        }
        assert_eq!(customers, ["C1", "C2"], "{limit}");
    }
}
