//! Webhooks: what they want, facts, calls, attempts and the hold.

use std::collections::BTreeSet;

use besked::domain::webhook::reach::Networks;
use besked::domain::webhook::{Disabled, HookEvent, Secret, Target};
use besked::store::webhooks::attempts::{self, Attempt};
use besked::store::webhooks::calls::{self, Call};
use besked::store::webhooks::{self, Webhook, facts, relays};
use jiff::SignedDuration;
use rstest::rstest;

use super::Fixture;
use crate::database::Engine;

fn webhook(fixture: &Fixture, events: &[HookEvent]) -> Webhook {
    Webhook {
        id: fixture.id(),
        target: Target::parse("https://hooks.example.com/x?y=z", Networks(&[])).unwrap(),
        secret: Secret::new(&fixture.random),
        former: None,
        events: events.iter().copied().collect(),
        created_at: fixture.now,
        disabled: None,
        failures: 0,
        failing_since: None,
        retry_at: None,
        succeeded_at: None,
    }
}

fn call(fixture: &Fixture, webhook: &Webhook) -> Call {
    Call {
        id: fixture.id(),
        webhook_id: webhook.id,
        event: HookEvent::TaskDone,
        body: "{\"a\": \"\u{e5}\"}".to_owned(),
        created_at: fixture.now,
        attempts: 0,
        first_at: None,
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn webhooks_are_stored_changed_disabled_and_enabled(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (now, later) = (fixture.now, fixture.now.saturating_add(SignedDuration::from_hours(1)).unwrap());
    let mut tx = fixture.store.write().await.unwrap();
    let (one, other) = (webhook(&fixture, HookEvent::ALL), webhook(&fixture, &[HookEvent::Ping]));
    assert!(!webhooks::any(&mut tx).await.unwrap());
    for it in [&one, &other] {
        webhooks::insert(&mut tx, it).await.unwrap();
    }
    assert!(webhooks::any(&mut tx).await.unwrap());
    assert_eq!(webhooks::find(&mut tx, one.id).await.unwrap().as_ref(), Some(&one));
    assert_eq!(webhooks::find(&mut tx, fixture.id()).await.unwrap(), None);
    assert_eq!(webhooks::list(&mut tx, None, 9).await.unwrap(), [one.clone(), other.clone()]);
    assert_eq!(webhooks::list(&mut tx, Some(one.id), 9).await.unwrap(), std::slice::from_ref(&other));
    assert_eq!(webhooks::wants(&mut tx).await.unwrap().len(), HookEvent::ALL.len() + 1);

    let target = Target::parse("https://other.example/", Networks(&[])).unwrap();
    let changed = Webhook { target, events: [HookEvent::TaskDone, HookEvent::RelayUp].into(), ..other };
    webhooks::set(&mut tx, &changed).await.unwrap();
    assert_eq!(webhooks::find(&mut tx, changed.id).await.unwrap().as_ref(), Some(&changed));
    let secret = Secret::new(&fixture.random);
    webhooks::rotate(&mut tx, changed.id, &secret, later).await.unwrap();
    let rotated = webhooks::find(&mut tx, changed.id).await.unwrap().unwrap();
    assert_eq!((rotated.secret, rotated.former), (secret, Some((changed.secret.clone(), later))));

    assert_eq!(webhooks::failed(&mut tx, changed.id, (1, now), later).await.unwrap(), now);
    assert_eq!(webhooks::failed(&mut tx, changed.id, (2, later), later).await.unwrap(), now);
    let failing = webhooks::find(&mut tx, changed.id).await.unwrap().unwrap();
    assert_eq!((failing.failures, failing.failing_since, failing.retry_at), (2, Some(now), Some(later)));
    webhooks::forget_failures(&mut tx, changed.id).await.unwrap();
    let forgotten = webhooks::find(&mut tx, changed.id).await.unwrap().unwrap();
    assert_eq!((forgotten.failures, forgotten.failing_since, forgotten.succeeded_at), (0, None, None));
    assert_eq!(webhooks::failed(&mut tx, changed.id, (1, later), later).await.unwrap(), later);
    webhooks::succeeded(&mut tx, changed.id, later).await.unwrap();
    let well = webhooks::find(&mut tx, changed.id).await.unwrap().unwrap();
    assert_eq!((well.failures, well.failing_since, well.retry_at, well.succeeded_at), (0, None, None, Some(later)));

    assert!(webhooks::disable(&mut tx, one.id, Disabled::Gone, now).await.unwrap());
    assert!(!webhooks::disable(&mut tx, one.id, Disabled::Failed, later).await.unwrap());
    assert_eq!(webhooks::find(&mut tx, one.id).await.unwrap().unwrap().disabled, Some((now, Disabled::Gone)));
    assert_eq!(webhooks::count_failed(&mut tx).await.unwrap(), 1);
    let wants: BTreeSet<_> = webhooks::wants(&mut tx).await.unwrap().into_iter().map(|(_, id)| id).collect();
    assert_eq!(wants, [changed.id].into(), "a disabled one wants nothing");
    let gone = webhooks::find(&mut tx, one.id).await.unwrap().unwrap();
    webhooks::set(&mut tx, &gone).await.unwrap();
    assert_eq!(webhooks::wants(&mut tx).await.unwrap().len(), 2);
    assert!(webhooks::leave_disabled(&mut tx, one.id).await.unwrap());
    assert!(!webhooks::leave_disabled(&mut tx, one.id).await.unwrap());
    assert_eq!(webhooks::count_failed(&mut tx).await.unwrap(), 0);
    assert!(webhooks::enable(&mut tx, &one).await.unwrap());
    assert!(!webhooks::enable(&mut tx, &one).await.unwrap());
    assert_eq!(webhooks::wants(&mut tx).await.unwrap().len(), HookEvent::ALL.len() + 2);

    assert!(webhooks::hold(&mut tx, "a", now).await.unwrap() && webhooks::hold(&mut tx, "a", now).await.unwrap());
    assert!(!webhooks::hold(&mut tx, "b", now).await.unwrap());
    webhooks::let_go(&mut tx, "b").await.unwrap();
    assert!(!webhooks::hold(&mut tx, "b", now).await.unwrap(), "only its own");
    webhooks::let_go(&mut tx, "a").await.unwrap();
    assert!(webhooks::hold(&mut tx, "b", now).await.unwrap());
    assert!(webhooks::hold(&mut tx, "a", later).await.unwrap(), "it has run out");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn facts_are_noted_if_somebody_wants_them_and_taken_in_their_order(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (now, notice) = (fixture.now, fixture.id());
    let mut tx = fixture.store.write().await.unwrap();
    facts::note_notice(&mut tx, HookEvent::NoticeClosed, notice, now).await.unwrap();
    assert!(!facts::any(&mut tx).await.unwrap(), "nobody wants it");
    webhooks::insert(&mut tx, &webhook(&fixture, &[HookEvent::NoticeClosed, HookEvent::RelayDown])).await.unwrap();
    facts::note(&mut tx, HookEvent::RelayDown, ("primary", None), now).await.unwrap();
    facts::note(&mut tx, HookEvent::RelayUp, ("primary", None), now).await.unwrap();
    facts::note_notice(&mut tx, HookEvent::NoticeClosed, notice, now).await.unwrap();
    assert!(facts::any(&mut tx).await.unwrap());
    let first = facts::take(&mut tx, 1).await.unwrap();
    assert_eq!((first[0].event, first[0].object.as_str(), first[0].at), (HookEvent::RelayDown, "primary", now));
    let rest = facts::take(&mut tx, 9).await.unwrap();
    assert_eq!((rest.len(), rest[0].event, rest[0].notice_id), (1, HookEvent::NoticeClosed, Some(notice)));
    assert!(facts::take(&mut tx, 9).await.unwrap().is_empty());

    assert!(relays::are_wanted(&mut tx).await.unwrap());
    assert!(relays::set_down(&mut tx, "primary", true).await.unwrap());
    assert!(!relays::set_down(&mut tx, "primary", true).await.unwrap());
    assert_eq!(relays::down(&mut tx).await.unwrap(), ["primary".to_owned()].into());
    assert!(!relays::set_down(&mut tx, "second", false).await.unwrap());
    let id = webhooks::list(&mut tx, None, 1).await.unwrap()[0].id;
    webhooks::disable(&mut tx, id, Disabled::Operator, now).await.unwrap();
    assert!(!relays::are_wanted(&mut tx).await.unwrap());
    assert!(relays::down(&mut tx).await.unwrap().is_empty(), "it would be out of date");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn calls_are_due_wait_and_leave(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let after = |minutes| fixture.now.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    let (one, other) = (webhook(&fixture, &[HookEvent::TaskDone]), webhook(&fixture, &[HookEvent::TaskDone]));
    let now = fixture.now;
    for it in [&one, &other] {
        webhooks::insert(&mut tx, it).await.unwrap();
    }
    let made = [call(&fixture, &one), call(&fixture, &one), call(&fixture, &other)];
    calls::insert(&mut tx, &made).await.unwrap();
    assert_eq!(calls::count(&mut tx, one.id).await.unwrap(), 2);
    assert_eq!(calls::due(&mut tx, now).await.unwrap(), [one.id, other.id]);
    assert_eq!(calls::next(&mut tx, one.id, now, 9).await.unwrap(), made[..2]);
    assert_eq!(calls::next(&mut tx, one.id, now, 1).await.unwrap(), made[..1]);
    calls::failed(&mut tx, made[0].id, now, after(5)).await.unwrap();
    calls::failed(&mut tx, made[0].id, after(1), after(5)).await.unwrap();
    assert_eq!(calls::next(&mut tx, one.id, now, 9).await.unwrap(), made[1..2]);
    let again = calls::next(&mut tx, one.id, after(5), 9).await.unwrap();
    assert_eq!((again.len(), again[1].attempts, again[1].first_at), (2, 2, Some(now)), "those that wait longest first");
    assert!(calls::delete(&mut tx, made[1].id).await.unwrap() && !calls::delete(&mut tx, made[1].id).await.unwrap());
    webhooks::failed(&mut tx, other.id, (1, now), after(9)).await.unwrap();
    assert!(calls::due(&mut tx, now).await.unwrap().is_empty(), "one waits itself, the other as a whole");
    calls::begin_again(&mut tx, one.id, now).await.unwrap();
    assert_eq!(calls::next(&mut tx, one.id, now, 9).await.unwrap()[0].first_at, None);
    webhooks::disable(&mut tx, one.id, Disabled::Operator, now).await.unwrap();
    assert_eq!(calls::due(&mut tx, after(9)).await.unwrap(), [other.id]);
    assert_eq!(
        (calls::count_left(&mut tx, now).await.unwrap(), calls::delete_left(&mut tx, now).await.unwrap()),
        (0, 0)
    );
    assert_eq!(calls::count_left(&mut tx, after(1)).await.unwrap(), 1);
    assert_eq!(calls::delete_left(&mut tx, after(1)).await.unwrap(), 1);
    assert_eq!(calls::count(&mut tx, other.id).await.unwrap(), 1, "it is not disabled");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_last_attempts_stay(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (one, other) = (fixture.id(), fixture.id());
    let attempt = |number: u32, status: Option<u16>| Attempt {
        id: fixture.id(),
        call_id: one,
        event: HookEvent::Ping,
        at: fixture.now,
        attempt: number,
        status,
        took_ms: 7,
        problem: status.is_none().then(|| "no answer".to_owned()),
    };
    let kept = attempt(1, None);
    attempts::insert(&mut tx, other, &kept).await.unwrap();
    for number in 1..=attempts::KEPT + 5 {
        attempts::insert(&mut tx, one, &attempt(number, Some(204))).await.unwrap();
    }
    let listed: Vec<u32> = attempts::list(&mut tx, one).await.unwrap().iter().map(|it| it.attempt).collect();
    assert_eq!(listed, (6..=attempts::KEPT + 5).rev().collect::<Vec<_>>());
    assert_eq!(attempts::list(&mut tx, other).await.unwrap(), [kept], "each webhook has its own");
}
