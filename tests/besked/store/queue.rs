//! Deliveries, the queue, settling, messages, the ledger's tables.

use besked::domain::category::Category;
use besked::domain::category_set::CategorySet;
use besked::domain::delivery::{Event as DeliveryEvent, Level, Outcome, State};
use besked::domain::entry::Event;
use besked::domain::merkle::Node;
use besked::domain::preference::Reason;
use besked::domain::reply::Stage;
use besked::store::notices::releases;
use besked::store::people::{preferences, suppressions};
use besked::store::proof::{ledger, tree};
use besked::store::sending::claims::{self, Claimed};
use besked::store::sending::leases::{self, Held};
use besked::store::sending::queue::GiveBack;
use besked::store::sending::settle::{Attempt, Settlement, Written};
use besked::store::sending::{deliveries, lost, messages, queue, settle, uncertain, waiting};
use besked::store::{Conn, StoreError};
use jiff::SignedDuration;
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::app::address;
use crate::database::Engine;

pub(super) fn settlement(fixture: &Fixture, notice_id: Uuid, claimed: &Claimed, outcome: Outcome) -> Settlement {
    Settlement {
        delivery_id: claimed.delivery_id,
        notice_id,
        token: claimed.token,
        outcome,
        level: (outcome == Outcome::Accepted).then_some(Level::Relayed),
        reply: Some("250 ö".to_owned()),
        reason: None,
        at: fixture.now,
        again: None,
        attempt: Some(Attempt {
            number: claimed.attempts + 1,
            relay: "r".to_owned(),
            host: "h".to_owned(),
            tls: "TLSv1.3".to_owned(),
            stage: Stage::Dot,
            code: Some(250),
            dsn: true,
        }),
        attempts: claimed.attempts + 1,
        message: None,
        first_at: None,
        entry: Some(fixture.entry(Event::from(outcome))),
        dead: None,
    }
}

pub(super) fn held(claimed: &Claimed) -> Held {
    Held { id: claimed.delivery_id, token: claimed.token }
}

async fn claim(conn: &mut Conn, fixture: &Fixture, notice: Uuid, limit: usize) -> Vec<Claimed> {
    claims::claim(conn, notice, "me", fixture.now, &[], limit).await.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn claim_settle_and_append_commit_together(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@y.example", "c@y.example"]).await;
    let skipping = claims::claim(&mut tx, id, "me", fixture.now, &["x.example".to_owned()], 9).await.unwrap();
    assert_eq!(skipping.iter().map(|it| it.domain.as_str()).collect::<Vec<_>>(), ["y.example", "y.example"]);
    let back = |claimed: &Claimed, due_at| GiveBack {
        id: claimed.delivery_id,
        token: claimed.token,
        due_at,
        not_before: None,
    };
    let later = fixture.now + SignedDuration::from_secs(60);
    queue::give_back(&mut tx, &[back(&skipping[0], None)]).await.unwrap();
    let again = claims::claim(&mut tx, id, "me", fixture.now, &["x.example".to_owned()], 1).await.unwrap();
    assert_eq!(again[0].delivery_id, skipping[0].delivery_id, "what is given back keeps its place");
    queue::give_back(&mut tx, &[back(&again[0], Some(later.as_millisecond()))]).await.unwrap();
    queue::give_back(&mut tx, &[GiveBack { token: 99, ..back(&skipping[1], Some(0)) }]).await.unwrap();
    let depth = waiting::depth(&mut tx, Some(id), fixture.now).await.unwrap();
    assert_eq!((depth.leased, depth.due, depth.later, depth.next_due), (1, 1, 1, Some(later)));
    assert_eq!(waiting::next_due(&mut tx, id, fixture.now).await.unwrap(), Some(later));
    assert_eq!(waiting::next_due(&mut tx, id, later).await.unwrap(), None);
    assert_eq!(waiting::due(&mut tx, id, fixture.now, 10).await.unwrap(), 1);
    assert!(waiting::is_busy(&mut tx, None, (CategorySet::NONE, &[]), fixture.now).await.unwrap());
    assert!(!waiting::is_busy(&mut tx, Some(Uuid::from_u128(9)), (CategorySet::NONE, &[]), fixture.now).await.unwrap());
    let by_category = waiting::depth_by_category(&mut tx, Some(id), fixture.now).await.unwrap();
    assert_eq!(by_category, [(Category::Maintenance, depth)]);
    assert_eq!(waiting::depth_by_category(&mut tx, None, fixture.now).await.unwrap(), by_category);
    assert!(waiting::is_busy(&mut tx, None, (CategorySet::ALL, &[]), fixture.now).await.unwrap(), "one is leased");
    assert!(waiting::is_busy(&mut tx, None, (CategorySet::NONE, &[id]), fixture.now).await.unwrap(), "one is leased");
    assert_eq!(queue::unclaimed(&mut tx, id, 10).await.unwrap().len(), 2);
    assert!(leases::still_ours(&mut tx, skipping[1].delivery_id, skipping[1].token).await.unwrap());
    assert!(!leases::still_ours(&mut tx, skipping[1].delivery_id, 99).await.unwrap());

    let mut accepted = settlement(&fixture, id, &skipping[1], Outcome::Accepted);
    accepted.message = fixture.filled(&mut tx, Some(id)).await;
    let forged = Settlement { outcome: Outcome::Bounced, ..accepted.clone() };
    assert!(matches!(Written::try_from(forged), Err(StoreError::Impossible { from: State::Sending, .. })));
    assert!(settle::settle(&mut tx, &[accepted.clone().try_into().unwrap()]).await.unwrap().is_empty());
    let again = settle::settle(&mut tx, &[accepted.try_into().unwrap()]).await.unwrap();
    assert_eq!(again[0].delivery_id, skipping[1].delivery_id, "settled once");
    assert_eq!(messages::find(&mut tx, skipping[1].delivery_id).await.unwrap().unwrap(), b"hi you");
    assert_eq!(messages::find(&mut tx, skipping[0].delivery_id).await.unwrap(), None);
    assert_eq!(messages::find(&mut tx, fixture.id()).await.unwrap(), None);
    let attempts = settle::attempts(&mut tx, skipping[1].delivery_id).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].stage.as_str(), attempts[0].tls.as_str()), (1, "dot", "TLSv1.3"));
    assert_eq!(ledger::sizes(&mut tx).await.unwrap(), (0, 1));
    let openings = ledger::of_notice(&mut tx, id).await.unwrap();
    assert_eq!((openings.len(), &openings[0].person), (1, &Some(super::moulds::addressee().to_cbor())));
    let counts = deliveries::counts(&mut tx, id).await.unwrap();
    assert_eq!(counts, [(State::Queued, 2), (State::Accepted, 1)].into());
    tx.rollback().await.unwrap();
    assert_eq!(ledger::sizes(&mut fixture.store.read().await.unwrap()).await.unwrap(), (0, 0), "all or nothing");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_deferral_stays_queued_and_a_fenced_settlement_changes_nothing(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let first = claim(&mut tx, &fixture, id, 1).await.remove(0);
    let later = fixture.now + SignedDuration::from_secs(60);
    let deferred = Settlement { again: Some((later, 60_000)), ..settlement(&fixture, id, &first, Outcome::Deferred) };
    assert!(settle::settle(&mut tx, &[deferred.clone().try_into().unwrap()]).await.unwrap().is_empty());
    let again = settle::settle(&mut tx, &[deferred.try_into().unwrap()]).await.unwrap();
    assert_eq!((again[0].delivery_id, again[0].recorded), (first.delivery_id, false), "once, whatever was answered");
    assert_eq!(ledger::of_notice(&mut tx, id).await.unwrap().len(), 1);
    assert!(!leases::still_ours(&mut tx, first.delivery_id, first.token).await.unwrap());
    assert!(claim(&mut tx, &fixture, id, 1).await.is_empty(), "it is not due yet");
    let second = claims::claim(&mut tx, id, "me", later, &[], 1).await.unwrap().remove(0);
    assert_eq!((second.token, second.attempts, second.waited), (2, 1, 60_000));
    let late = settlement(&fixture, id, &first, Outcome::Rejected);
    assert_eq!(settle::settle(&mut tx, &[late.try_into().unwrap()]).await.unwrap().len(), 1);
    assert!(queue::holds(&mut tx, id).await.unwrap());
    let found = deliveries::find(&mut tx, first.delivery_id).await.unwrap().unwrap();
    assert_eq!((found.state, found.attempts), (State::Sending, 1));
    let rejected =
        Settlement { dead: Some(address("a@x.example")), ..settlement(&fixture, id, &second, Outcome::Rejected) };
    settle::settle(&mut tx, &[rejected.try_into().unwrap()]).await.unwrap();
    assert!(!queue::holds(&mut tx, id).await.unwrap());
    assert_eq!(suppressions::list(&mut tx, None, 9).await.unwrap()[0].reason, Reason::Dead);
    assert!(deliveries::find(&mut tx, fixture.id()).await.unwrap().is_none());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_late_acceptance_settles_a_doubt(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let lost = claims::claim(&mut tx, id, "a frozen node", fixture.now, &[], 1).await.unwrap().remove(0);
    assert!(
        leases::take_over(&mut tx, ("me", fixture.now), false, &[], 9).await.unwrap().is_empty(),
        "its lease still runs"
    );
    assert_eq!(leases::renew(&mut tx, "a frozen node", fixture.now, &[held(&lost)]).await.unwrap(), [held(&lost)]);
    let stale = leases::take_over(&mut tx, ("me", fixture.now), true, &[], 9).await.unwrap();
    assert_eq!((stale[0].delivery_id, stale[0].token), (lost.delivery_id, 2));
    let mine = Claimed { token: stale[0].token, ..lost.clone() };
    let doubt = Settlement { attempt: None, attempts: 0, ..settlement(&fixture, id, &mine, Outcome::Uncertain) };
    settle::settle(&mut tx, &[doubt.try_into().unwrap()]).await.unwrap();
    assert_eq!(deliveries::counts(&mut tx, id).await.unwrap(), [(State::Uncertain, 1)].into());
    let late = settlement(&fixture, id, &lost, Outcome::Accepted);
    assert_eq!(settle::settle(&mut tx, &[late.try_into().unwrap()]).await.unwrap().len(), 1, "it was fenced off");
    assert_eq!(
        deliveries::counts(&mut tx, id).await.unwrap(),
        [(State::Accepted, 1)].into(),
        "and counts all the same"
    );
}

/// A node froze behind the dot, another took over and has claimed again: then the first one's 250 arrives, and only then the end of
/// the other's attempt.
#[rstest]
#[tokio::test]
async fn a_late_acceptance_outlasts_an_attempt_that_ends_after_it(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Outcome::Rejected, Outcome::Deferred, Outcome::Uncertain, Outcome::Accepted)] outcome: Outcome,
    #[values(State::Uncertain, State::Deferred)] state: State,
) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let late = claims::claim(&mut tx, id, "a frozen node", fixture.now, &[], 1).await.unwrap().remove(0);
    let stale = leases::take_over(&mut tx, ("me", fixture.now), true, &[], 9).await.unwrap().remove(0);
    let mine = Claimed { token: stale.token, ..late.clone() };
    let again = Some((fixture.now, 0));
    let mut first = Settlement { again, ..settlement(&fixture, id, &mine, Outcome::Uncertain) };
    if state == State::Deferred {
        first = Settlement { again, ..settlement(&fixture, id, &mine, Outcome::Deferred) };
    } else {
        (first.attempt, first.attempts) = (None, 0);
    }
    settle::settle(&mut tx, &[first.try_into().unwrap()]).await.unwrap();
    assert_eq!(deliveries::counts(&mut tx, id).await.unwrap(), [(state, 1)].into());
    let second = claim(&mut tx, &fixture, id, 1).await.remove(0);
    let accepted = settlement(&fixture, id, &late, Outcome::Accepted);
    let fenced = settle::settle(&mut tx, &[accepted.try_into().unwrap()]).await.unwrap();
    assert!(fenced[0].recorded, "it is not thrown away");
    assert!(queue::holds(&mut tx, id).await.unwrap(), "the other claim is at work");
    let before = ledger::of_notice(&mut tx, id).await.unwrap().len();
    let end = Settlement {
        again: (outcome == Outcome::Deferred).then_some((fixture.now, 60_000)),
        dead: (outcome == Outcome::Rejected).then(|| address("a@x.example")),
        ..settlement(&fixture, id, &second, outcome)
    };
    assert!(settle::settle(&mut tx, &[end.try_into().unwrap()]).await.unwrap().is_empty(), "its token holds");
    let found = deliveries::find(&mut tx, late.delivery_id).await.unwrap().unwrap();
    assert_eq!((found.state, found.level), (State::Accepted, Some(Level::Relayed)));
    assert!(!queue::holds(&mut tx, id).await.unwrap(), "it is not sent again");
    let attempts = settle::attempts(&mut tx, late.delivery_id).await.unwrap();
    let last = attempts.len();
    assert_eq!(attempts[last - 2].outcome, "accepted");
    assert_eq!((attempts[last - 1].attempt, attempts[last - 1].outcome.as_str()), (last as u64, outcome.as_str()));
    assert_eq!(found.attempts, last as u64);
    assert_eq!(ledger::of_notice(&mut tx, id).await.unwrap().len(), before + 1, "and has its entry");
    assert!(suppressions::list(&mut tx, None, 9).await.unwrap().is_empty(), "a server took mail for this address");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_claim_whose_delivery_was_refused_is_no_doubt(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@y.example"]).await;
    let gone = claims::claim(&mut tx, id, "gone", fixture.now, &[], 2).await.unwrap();
    let of_another_claim = Held { token: 9, ..held(&gone[1]) };
    leases::note_refused(&mut tx, &[held(&gone[0]), of_another_claim]).await.unwrap();
    assert_eq!(leases::give_back_refused(&mut tx, "me", fixture.now, false).await.unwrap(), 0, "its lease still runs");
    sqlx::query("UPDATE queue SET lease_until = 1").execute(&mut *tx).await.unwrap();
    assert_eq!(leases::give_back_refused(&mut tx, "gone", fixture.now, true).await.unwrap(), 0, "it is its own");
    assert_eq!(leases::give_back_refused(&mut tx, "me", fixture.now, false).await.unwrap(), 1);
    let stale = leases::take_over(&mut tx, ("me", fixture.now), false, &[], 9).await.unwrap();
    assert_eq!(stale.iter().map(|it| it.delivery_id).collect::<Vec<_>>(), [gone[1].delivery_id]);
    let again = claim(&mut tx, &fixture, id, 9).await;
    assert_eq!((again.len(), again[0].attempts, again[0].first_at), (1, 0, fixture.now), "it was not tried");
    assert_eq!(
        leases::give_back_refused(&mut tx, "you", fixture.now, true).await.unwrap(),
        0,
        "a new claim was not refused"
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    claims::claim(&mut tx, id, "gone", fixture.now, &[], 1).await.unwrap();
    sqlx::query("UPDATE queue SET lease_until = 1").execute(&mut *tx).await.unwrap();
    sqlx::query("UPDATE queue SET waited = 7").execute(&mut *tx).await.unwrap();
    let stale = leases::take_over(&mut tx, ("me", fixture.now), false, &[], 9).await.unwrap();
    assert_eq!(stale.iter().map(|it| it.waited).collect::<Vec<_>>(), [7], "the clock to give up goes on");
    assert!(
        leases::take_over(&mut tx, ("me", fixture.now), true, &[], 9).await.unwrap().is_empty(),
        "ours are not taken over"
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn deliveries_are_shown_paged_and_made_ready(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    assert_eq!(deliveries::of_notice(&mut tx, id, 1, 9).await.unwrap()[0].email, "b@x.example");
    let of_customer = deliveries::of_customer(&mut tx, id, "C1").await.unwrap();
    assert_eq!((of_customer.len(), of_customer[0].customer_name.as_str()), (2, "Åkeri AB"));
    assert!(deliveries::of_customer(&mut tx, id, "C9").await.unwrap().is_empty());
    let unaddressed = [("C2".to_owned(), "Två".to_owned())];
    releases::insert_unaddressed(&mut tx, id, &unaddressed).await.unwrap();
    assert!(deliveries::unaddressed_name(&mut tx, id, "C2").await.unwrap().is_some());
    assert_eq!(deliveries::unaddressed_name(&mut tx, id, "C1").await.unwrap(), None);
    // Both deliveries are to one customer, which is found once however small the pages are.
    for limit in [1, 2, 9] {
        let (mut customers, mut from) = (Vec::new(), 0);
        while let Some((page, next)) = deliveries::customers(&mut tx, id, from, limit).await.unwrap() {
            customers.extend(page.into_iter().map(|(account, _)| account));
            from = next;
        }
        assert_eq!((customers, from), (vec!["C1".to_owned()], 2), "{limit}");
    }
    assert_eq!(deliveries::unaddressed_after(&mut tx, id, "", 9).await.unwrap(), unaddressed);
    assert!(deliveries::unaddressed_after(&mut tx, id, "C2", 9).await.unwrap().is_empty());

    let category = besked::domain::category::Category::News;
    sqlx::query("UPDATE notices SET category = 'news'").execute(&mut *tx).await.unwrap();
    preferences::opt_out(&mut tx, &address("a@x.example"), category, fixture.now, "test").await.unwrap();
    for reason in [Reason::Complaint, Reason::Dead] {
        suppressions::add(&mut tx, &address("a@x.example"), reason, fixture.now).await.unwrap();
    }
    let ids: Vec<String> = of_customer.iter().map(|it| it.id.to_string()).collect();
    let mut ready = deliveries::to_send(&mut tx, &ids).await.unwrap();
    ready.sort_by_key(|it| it.ordinal);
    assert!(ready[0].opted_out && ready[0].suppression == Some(Reason::Dead));
    assert!(!ready[1].opted_out && ready[1].suppression.is_none());
    assert_eq!((ready[0].merged["row.a"].as_str(), ready[0].time_zone.is_none()), ("b", true));

    settle::cancel(&mut tx, id, fixture.now, &[(ready[1].id, fixture.entry(Event::Cancelled))]).await.unwrap();
    assert_eq!(deliveries::counts(&mut tx, id).await.unwrap(), [(State::Queued, 1), (State::Cancelled, 1)].into());
    let reported = settle::Reported {
        delivery_id: ready[0].id,
        notice_id: id,
        from: State::Queued,
        event: DeliveryEvent::Outcome(Outcome::Bounced),
        level: None,
        reply: Some("5.1.1 no"),
        at: fixture.now,
    };
    // What was never sent cannot come back, whatever its caller believes.
    for from in [State::Queued, State::Accepted] {
        let forged = settle::Reported { from, ..reported };
        let refused = settle::report(&mut tx, &forged, &fixture.entry(Event::Bounced)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Impossible { .. }), "{refused}");
    }
    assert_eq!(deliveries::find(&mut tx, ready[0].id).await.unwrap().unwrap().state, State::Queued);
    let left = [(ready[0].id, fixture.entry(Event::Uncertain)), (ready[1].id, fixture.entry(Event::Uncertain))];
    settle::leave_uncertain(&mut tx, id, fixture.now, "restored", &left).await.unwrap();
    settle::cancel(&mut tx, id, fixture.now, &[(ready[0].id, fixture.entry(Event::Cancelled))]).await.unwrap();
    assert_eq!(deliveries::counts(&mut tx, id).await.unwrap(), [(State::Uncertain, 1), (State::Cancelled, 1)].into());
    let reported = settle::Reported { from: State::Uncertain, ..reported };
    settle::report(&mut tx, &reported, &fixture.entry(Event::Bounced)).await.unwrap();
    let shown = deliveries::find(&mut tx, ready[0].id).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.reply.as_deref()), (State::Bounced, Some("5.1.1 no")));
    assert!(!queue::holds(&mut tx, id).await.unwrap(), "it is not sent again");
    assert_eq!(releases::discard(&mut tx, id, 1).await.unwrap(), 1);
    assert_eq!(releases::discard(&mut tx, id, 9).await.unwrap(), 1);
    assert_eq!(releases::discard(&mut tx, id, 9).await.unwrap(), 0);
    assert!(deliveries::unaddressed_after(&mut tx, id, "", 9).await.unwrap().is_empty());
    assert!(!queue::holds(&mut tx, id).await.unwrap());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn nobody_changes_the_ledger(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let entry = fixture.entry(Event::Attested);
    let mut tx = fixture.store.write().await.unwrap();
    let opening = ledger::Opening::about_nothing(&entry, fixture.now);
    ledger::append(&mut tx, &[opening]).await.unwrap();
    sqlx::query("INSERT INTO ledger_entries (idx, entry_id, leaf) SELECT 0, entry_id, leaf FROM ledger_pending")
        .execute(&mut *tx)
        .await
        .unwrap();
    tree::insert_nodes(&mut tx, &[(Node { level: 8, index: 0 }, [0; 32])]).await.unwrap();
    let signed = tree::Signed { size: 1, note: String::new(), vkey: String::new(), at: fixture.now };
    tree::insert_checkpoint(&mut tx, &signed).await.unwrap();
    tx.commit().await.unwrap();
    for sql in [
        "UPDATE ledger_entries SET leaf = leaf",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_nodes SET idx = 1",
        "DELETE FROM ledger_nodes",
        "UPDATE ledger_checkpoints SET size = 2",
        "DELETE FROM ledger_checkpoints",
        "UPDATE ledger_openings SET person = NULL, person_salt = NULL, subject = 'a'",
        "UPDATE ledger_openings SET fact = fact_salt",
        "UPDATE ledger_openings SET person = fact",
        "DELETE FROM ledger_openings",
    ] {
        let mut tx = fixture.store.write().await.unwrap();
        assert!(sqlx::query(sql).execute(&mut *tx).await.is_err(), "{sql}");
    }
    let mut tx = fixture.store.write().await.unwrap();
    let cleared = sqlx::query("UPDATE ledger_openings SET person = NULL, person_salt = NULL").execute(&mut *tx).await;
    assert_eq!(cleared.unwrap().rows_affected(), 1, "an erasure may clear the person");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_probe_claims_from_either_end_and_what_waited_for_a_relay_is_first_again(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@y.example", "c@z.example"]).await;
    let now = fixture.now;
    for (but, busy) in [(Category::News, true), (Category::Maintenance, false)] {
        let but = [but].into_iter().collect();
        assert_eq!(waiting::is_busy(&mut tx, Some(id), (but, &[]), now).await.unwrap(), busy);
    }
    let first = claims::claim_end(&mut tx, id, "me", now, &[], false).await.unwrap().unwrap();
    let last = claims::claim_end(&mut tx, id, "me", now, &[], true).await.unwrap().unwrap();
    assert!(first.delivery_id < last.delivery_id);
    let skip = ["x", "y", "z"].map(|name| format!("{name}.example"));
    assert_eq!(claims::claim_end(&mut tx, id, "me", now, &skip, true).await.unwrap(), None);
    let later = now.as_millisecond() + 60_000;
    let back = GiveBack { id: first.delivery_id, token: first.token, due_at: Some(later), not_before: None };
    queue::give_back(&mut tx, &[back]).await.unwrap();
    let with_due = waiting::with_due(&mut tx, now).await.unwrap();
    assert_eq!(with_due, [(id, waiting::Waiting { front: true, aside: false })]);
    queue::hasten(&mut tx, &[first.delivery_id, last.delivery_id], now).await.unwrap();
    let again = claims::claim_end(&mut tx, id, "me", now, &[], false).await.unwrap().unwrap();
    assert_eq!(again.delivery_id, first.delivery_id);
    queue::give_back(
        &mut tx,
        &[GiveBack { id: again.delivery_id, token: again.token, due_at: Some(later), not_before: None }],
    )
    .await
    .unwrap();
    assert!(queue::due_after(&mut tx, later).await.unwrap().is_empty());
    assert_eq!(queue::due_after(&mut tx, later - 1).await.unwrap(), [id]);
    assert_eq!(queue::bring_forward(&mut tx, id, now, (later, None), 9).await.unwrap(), 0);
    assert_eq!(queue::bring_forward(&mut tx, id, now, (later - 1, None), 9).await.unwrap(), 1);
    assert_eq!(claims::claim(&mut tx, id, "me", now, &[], 9).await.unwrap().len(), 2);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn optional_mail_waits_while_sealing_has_stopped_and_may_be_left_uncertain(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@y.example"]).await;
    assert_eq!(uncertain::optional_waiting(&mut tx).await.unwrap(), [], "it is mandatory");
    sqlx::query("UPDATE notices SET lane = 2").execute(&mut *tx).await.unwrap();
    assert_eq!(uncertain::optional_waiting(&mut tx).await.unwrap(), [(id, 2)]);
    assert!(waiting::is_busy(&mut tx, None, (CategorySet::NONE, &[]), fixture.now).await.unwrap());
    tree::set_stopped(&mut tx, Some("restored")).await.unwrap();
    assert!(!waiting::is_busy(&mut tx, None, (CategorySet::NONE, &[]), fixture.now).await.unwrap());
    assert_eq!(waiting::with_due(&mut tx, fixture.now).await.unwrap(), []);
    assert_eq!(claim(&mut tx, &fixture, id, 9).await, []);
    let ids = queue::unclaimed(&mut tx, id, 9).await.unwrap();
    let left = [(ids[0], fixture.entry(Event::Uncertain))];
    settle::leave_uncertain(&mut tx, id, fixture.now, "restored", &left).await.unwrap();
    let shown = deliveries::find(&mut tx, ids[0]).await.unwrap().unwrap();
    assert_eq!((shown.state, queue::unclaimed(&mut tx, id, 9).await.unwrap().len()), (State::Uncertain, 1));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_delivery_that_lost_its_place_is_found_and_queued_again(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@y.example"]).await;
    assert_eq!((lost::count(&mut tx, id).await.unwrap(), lost::notices(&mut tx).await.unwrap()), ((0, None), vec![]));
    sqlx::query("DELETE FROM queue WHERE domain = 'y.example'").execute(&mut *tx).await.unwrap();
    let (count, first) = lost::count(&mut tx, id).await.unwrap();
    assert_eq!((count, first.is_some(), lost::notices(&mut tx).await.unwrap()), (1, true, vec![id]));
    assert_eq!(lost::requeue(&mut tx, id, fixture.now).await.unwrap(), 1);
    assert_eq!(
        (lost::count(&mut tx, id).await.unwrap(), lost::requeue(&mut tx, id, fixture.now).await.unwrap()),
        ((0, None), 0)
    );
    assert_eq!(claims::claim(&mut tx, id, "me", fixture.now, &[], 9).await.unwrap().len(), 2);
}
