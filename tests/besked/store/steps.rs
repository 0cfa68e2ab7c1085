//! What operators did to a notice until its release, by whichever clock.

use besked::domain::actor::Action;
use besked::domain::entry::{Detail, Entry, Event, Fact};
use besked::store::Conn;
use besked::store::proof::ledger::{self, Opening};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::database::Engine;

impl Fixture {
    /// An entry about something that was done at a time.
    async fn done(&self, conn: &mut Conn, about: (Option<Uuid>, Option<Uuid>), at: Timestamp) -> Uuid {
        let detail = Detail::Operated { action: Action::Submit, object: None };
        let entry = Entry::new(&Fact { detail, ..Fact::new(Event::Operated, at) }, None, &self.random);
        let (notice_id, delivery_id) = about;
        let opening = Opening { entry: &entry, notice_id, delivery_id, subject: None, at, message: None };
        ledger::append(conn, &[opening]).await.unwrap();
        entry.id
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn steps_are_those_on_the_whole_notice_until_an_hour_after_its_release(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let draft = fixture.draft(&mut tx, "R-2").await;
    let delivery = besked::store::sending::deliveries::of_customer(&mut tx, id, "C1").await.unwrap()[0].id;
    let hour = fixture.now + SignedDuration::from_hours(1);
    let (before, later) = (fixture.now - SignedDuration::from_secs(1), hour + SignedDuration::from_millis(1));
    let mut wanted = Vec::new();
    for at in [before, fixture.now, hour] {
        wanted.push(fixture.done(&mut tx, (Some(id), None), at).await);
        fixture.done(&mut tx, (Some(draft), None), at).await;
        fixture.done(&mut tx, (Some(id), Some(delivery)), at).await;
        fixture.done(&mut tx, (None, None), at).await;
    }
    fixture.done(&mut tx, (Some(id), None), later).await;
    let entry = fixture.entry(Event::Manifest);
    ledger::append(&mut tx, &[Opening::of_notice(&entry, id, fixture.now)]).await.unwrap();

    let steps: Vec<Uuid> = ledger::steps(&mut tx, id).await.unwrap().iter().map(|it| it.entry_id).collect();
    assert_eq!(steps, wanted);
    assert!(ledger::steps(&mut tx, draft).await.unwrap().is_empty(), "it was never released");
}
