//! Moulds and the messages made from them, and the time that a message is dated at.

use besked::domain::delivery::Outcome;
use besked::domain::digest::sha256;
use besked::domain::entry::Person;
use besked::domain::mould::{Filled, Form, Key, Mould, Piece, Recipe, Values};
use besked::store::people::retention;
use besked::store::sending::moulds::{self, Moulds};
use besked::store::sending::queue::GiveBack;
use besked::store::sending::settle::Settlement;
use besked::store::sending::{claims, deliveries, leases, messages, queue, settle, uncertain};
use besked::store::{Conn, StoreError};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use super::queue::settlement;
use crate::database::Engine;

/// The mould `hi NAME` of a notice.
fn hi(notice_id: Uuid, text: &str) -> (Mould, Vec<u8>) {
    let key = Key { notice_id, locale: String::new(), zone: "UTC".to_owned(), role: "service".to_owned() };
    let recipe = Recipe { form: Form::Text, parts: Vec::new() };
    Mould::new(key, vec![recipe], vec![Piece::Literal(text.as_bytes().to_vec()), Piece::Value(0)])
}

/// Whom the message `hi you` went to.
pub(super) fn addressee() -> Person {
    Person { sha256: Some(sha256(b"hi you")), ..Person::default() }
}

impl Fixture {
    /// What is kept of the message `hi you`, with its mould stored.
    pub(super) async fn filled(&self, conn: &mut Conn, notice: Option<Uuid>) -> Option<Filled> {
        let (mould, bytes) = hi(notice?, "hi ");
        let mould = moulds::keep(conn, &mould, &bytes).await.unwrap();
        let mut values = Values::default();
        values.append(b"you");
        Some(Filled { mould: mould.into(), values })
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_mould_that_was_stored_first_stays_until_its_notice_is_purged(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let ((mut first, bytes), (second, others)) = (hi(notice, "hi "), hi(notice, "hello "));
    assert_eq!(moulds::find(&mut tx, &first.key).await.unwrap(), None);
    let kept = moulds::keep(&mut tx, &first, &bytes).await.unwrap();
    first.number = kept.number;
    assert_eq!(kept, first);
    assert_eq!(moulds::keep(&mut tx, &second, &others).await.unwrap(), kept, "after the configuration changed");
    let (of_another, its) = hi(fixture.id(), "hi ");
    let another = moulds::keep(&mut tx, &of_another, &its).await.unwrap();
    assert_eq!((another.id, another.number > kept.number), (of_another.id, true));
    assert_eq!(moulds::numbered(&mut tx, kept.number).await.unwrap(), kept);
    let none = moulds::numbered(&mut tx, another.number + 1).await;
    assert!(matches!(none, Err(StoreError::Inconsistent { table: "moulds", .. })));
    let page = moulds::page(&mut tx, 0, 9).await.unwrap();
    assert_eq!(page.len(), 2);
    assert!(page.iter().all(|(mould, key)| mould.key == *key));
    assert!(moulds::page(&mut tx, page[1].0.number, 9).await.unwrap().is_empty());
    retention::clear_notice(&mut tx, notice, fixture.now).await.unwrap();
    assert_eq!(moulds::count(&mut tx, notice).await.unwrap(), 0);
    assert_eq!(moulds::count(&mut tx, of_another.key.notice_id).await.unwrap(), 1);
}

/// A row that was forgotten would otherwise show another notice's words.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_number_of_a_purged_mould_is_not_used_again(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let mut last = 0;
    for _ in 0..3 {
        let notice = fixture.released(&mut tx, &["a@x.example"]).await;
        let (mould, bytes) = hi(notice, "hi ");
        let number = moulds::keep(&mut tx, &mould, &bytes).await.unwrap().number;
        assert!(number > last, "{number} after {last}");
        last = number;
        retention::clear_notice(&mut tx, notice, fixture.now).await.unwrap();
        assert!(moulds::page(&mut tx, 0, 9).await.unwrap().is_empty());
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_message_whose_mould_is_gone_or_changed_is_an_error_and_not_another_message(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let claimed = claims::claim(&mut tx, notice, "me", fixture.now, &[], 2).await.unwrap();
    for claimed in &claimed {
        let message = fixture.filled(&mut tx, Some(notice)).await;
        let accepted = Settlement { message, ..settlement(&fixture, notice, claimed, Outcome::Accepted) };
        settle::settle(&mut tx, &[accepted.try_into().unwrap()]).await.unwrap();
    }
    let id = claimed[0].delivery_id;
    assert_eq!(messages::find(&mut tx, id).await.unwrap().unwrap(), b"hi you");
    assert_eq!(messages::see(&mut tx, id).await.unwrap(), messages::Seen::Sent(b"hi you".to_vec()));
    let (_, other) = hi(notice, "hello ");
    let statement = sqlx::query("UPDATE moulds SET body = $1").bind(other);
    statement.execute(&mut *tx).await.unwrap();
    assert_eq!(messages::see(&mut tx, id).await.unwrap(), messages::Seen::Damaged);
    let error = messages::find(&mut tx, id).await.unwrap_err().to_string();
    assert!(error.contains("table `moulds`") && error.contains("not the one that was stored"), "{error}");
    sqlx::query("DELETE FROM moulds").execute(&mut *tx).await.unwrap();
    let kept = messages::page(&mut tx, "", 9).await.unwrap();
    let error = kept[1].bytes(&mut tx, &mut Moulds::default()).await.unwrap_err().to_string();
    assert!(error.contains("it was removed"), "{error}");
}

/// Claims the only delivery of a notice; returns it with the time that its message is dated at.
async fn claim(conn: &mut Conn, notice: Uuid, at: Timestamp) -> claims::Claimed {
    claims::claim(conn, notice, "me", at, &[], 9).await.unwrap().remove(0)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_message_is_dated_at_its_first_attempt_and_not_at_a_claim_that_was_returned(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let minute = |n: i64| fixture.now + SignedDuration::from_mins(n);
    let back = |claimed: &claims::Claimed| GiveBack {
        id: claimed.delivery_id,
        token: claimed.token,
        due_at: None,
        not_before: None,
    };
    let claimed = claim(&mut tx, notice, minute(1)).await;
    assert_eq!(claimed.first_at, minute(1), "hours in the queue do not make a mail old");
    queue::give_back(&mut tx, &[back(&claimed)]).await.unwrap();
    let claimed = claim(&mut tx, notice, minute(2)).await;
    assert_eq!(claimed.first_at, minute(2), "nothing was sent before");
    leases::give_back_unheld(&mut tx, "me", minute(2), &[], true).await.unwrap();
    let claimed = claim(&mut tx, notice, minute(3)).await;
    assert_eq!(claimed.first_at, minute(3));

    let again = Some((minute(4), 1));
    let deferred = Settlement { again, ..settlement(&fixture, notice, &claimed, Outcome::Deferred) };
    settle::settle(&mut tx, &[deferred.try_into().unwrap()]).await.unwrap();
    let claimed = claim(&mut tx, notice, minute(5)).await;
    assert_eq!(claimed.first_at, minute(3), "the same at the retry");
    queue::give_back(&mut tx, &[back(&claimed)]).await.unwrap();
    let claimed = claim(&mut tx, notice, minute(6)).await;
    assert_eq!(claimed.first_at, minute(3), "there was an attempt before");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_may_have_been_sent_keeps_its_date(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let minute = |n: i64| fixture.now + SignedDuration::from_mins(n);
    let lost = claims::claim(&mut tx, notice, "a dead node", minute(1), &[], 9).await.unwrap().remove(0);
    let stale = leases::take_over(&mut tx, ("me", minute(2)), true, &[], 9).await.unwrap().remove(0);
    assert_eq!(stale.first_at, Some(minute(1)));
    let doubt = |token, again| Settlement {
        token,
        again,
        attempt: None,
        attempts: 0,
        first_at: stale.first_at,
        ..settlement(&fixture, notice, &lost, Outcome::Uncertain)
    };
    settle::settle(&mut tx, &[doubt(stale.token, Some((minute(2), 0))).try_into().unwrap()]).await.unwrap();
    let claimed = claim(&mut tx, notice, minute(3)).await;
    assert_eq!(claimed.first_at, minute(1), "sent again at once");
    let back = GiveBack { id: claimed.delivery_id, token: claimed.token, due_at: None, not_before: None };
    queue::give_back(&mut tx, &[back]).await.unwrap();
    let claimed = claim(&mut tx, notice, minute(4)).await;
    assert_eq!(claimed.first_at, minute(1), "a claim that is returned does not change what was sent before");
    // Of an optional notice it leaves the queue until an operator decides.
    settle::settle(&mut tx, &[doubt(claimed.token, None).try_into().unwrap()]).await.unwrap();
    assert!(!queue::holds(&mut tx, notice).await.unwrap());
    assert!(uncertain::requeue(&mut tx, lost.delivery_id, "x.example", minute(5)).await.unwrap());
    let claimed = claim(&mut tx, notice, minute(6)).await;
    assert_eq!(claimed.first_at, minute(1));
    let accepted = settlement(&fixture, notice, &claimed, Outcome::Accepted);
    settle::settle(&mut tx, &[accepted.try_into().unwrap()]).await.unwrap();
    assert!(deliveries::find(&mut tx, lost.delivery_id).await.unwrap().is_some());
}
