//! Thousands of rows at once, with the characters and the absences that real ones have.

use std::collections::BTreeMap;

use besked::domain::customer::AccountId;
use besked::domain::delivery::{Outcome, State};
use besked::domain::entry::Event;
use besked::store::notices::releases;
use besked::store::people::customers::Selection;
use besked::store::people::imports::{AttributeRow, ContactRow, CustomerRow};
use besked::store::people::{contacts, customers};
use besked::store::proof::ledger;
use besked::store::sending::{claims, deliveries, queue, settle, waiting};
use jiff::SignedDuration;
use rstest::rstest;

use super::queue::settlement;
use super::{File, Fixture};
use crate::app::address;
use crate::database::Engine;

const MANY: usize = 2500;

/// A name with what breaks careless SQL and JSON.
const NAME: &str = "O'Neil \"Ö\" \\ {{x}} 株式会社 👩‍🚀 %_; DROP";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn thousands_are_imported_and_paged(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let ids: Vec<String> = (0..MANY).map(|n| format!("K{n:05}")).collect();
    let rows: Vec<_> = ids.iter().map(|account_id| CustomerRow { account_id, name: NAME }).collect();
    let values: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(n, account_id)| AttributeRow { account_id, name: "zon", value: ["a", "å"][n % 2], position: n })
        .collect();
    let emails: Vec<String> = (0..MANY).map(|n| format!("k{n}@x.example")).collect();
    let people: Vec<_> = ids
        .iter()
        .zip(&emails)
        .enumerate()
        .map(|(position, (account_id, email))| ContactRow {
            account_id,
            email: address(email),
            role: "technical",
            name: NAME,
            locale: None,
            time_zone: (position % 2 == 0).then_some("Europe/Stockholm"),
            position,
        })
        .collect();
    let file = File { customers: &rows, attributes: &values, contacts: &people };
    file.import(&mut tx, "i1", fixture.now, false).await;
    assert_eq!(customers::count_active(&mut tx).await.unwrap(), MANY as u64);

    let selection = Selection::new(&[], &[("zon".to_owned(), vec!["å".to_owned()])]);
    let (mut after, mut selected) = (String::new(), Vec::new());
    loop {
        let page = customers::select(&mut tx, &selection, &after, 999).await.unwrap();
        let Some((last, name)) = page.last() else { break };
        assert_eq!(name, NAME);
        after.clone_from(last);
        selected.extend(page.into_iter().map(|(account_id, _)| account_id));
    }
    assert_eq!(selected.len(), MANY / 2);
    assert!(selected.is_sorted());
    // Two of them have a second attribute: one only has the first one's value too.
    let rare: Vec<_> = [1, 2]
        .map(|n| AttributeRow { account_id: &ids[n], name: "plan", value: "sällsynt", position: 0 })
        .into_iter()
        .collect();
    File { attributes: &rare, ..File::default() }.import(&mut tx, "i1", fixture.now, false).await;
    let either = ("zon".to_owned(), vec!["å".to_owned(), "a".to_owned()]);
    let odd = ("zon".to_owned(), vec!["å".to_owned()]);
    let plan = ("plan".to_owned(), vec!["sällsynt".to_owned(), "saknas".to_owned()]);
    let named: Vec<_> = ids.iter().rev().map(|id| AccountId::parse(id).unwrap()).collect();
    for (selection, count) in [
        (Selection::new(&[], std::slice::from_ref(&either)), MANY),
        (Selection::new(&[], &[odd.clone(), plan.clone()]), 1),
        (Selection::new(&[], &[plan.clone(), either.clone()]), 2),
        (Selection::new(&named, std::slice::from_ref(&odd)), MANY / 2),
        (Selection::new(&named, &[plan, either]), 2),
        (Selection::new(&named, &[]), MANY),
    ] {
        let (mut after, mut selected) = (String::new(), Vec::new());
        loop {
            let page = customers::select(&mut tx, &selection, &after, 100).await.unwrap();
            assert!(page.len() <= 100);
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            selected.extend(page.into_iter().map(|(account_id, _)| account_id));
        }
        assert_eq!(selected.len(), count, "{selection:?}");
        assert!(selected.is_sorted_by(|a, b| a < b), "each once, in order");
    }
    let accounts: Vec<&str> = ids.iter().map(String::as_str).collect();
    let found = contacts::of_customers(&mut tx, &accounts).await.unwrap();
    let contact = &found["K00003"][0];
    assert_eq!((found.len(), contact.name.as_str()), (MANY, NAME));
    assert!(contact.locale.is_none() && contact.time_zone.is_none());
    assert_eq!(found["K00004"][0].time_zone.as_ref().unwrap().to_string(), "Europe/Stockholm");
    assert!(contacts::of_customers(&mut tx, &[]).await.unwrap().is_empty());

    // A second import with nobody in it leaves everybody; with `replace`, nobody.
    File::default().import(&mut tx, "i2", fixture.now, false).await;
    assert_eq!(customers::count_active(&mut tx).await.unwrap(), MANY as u64);
    File::default().import(&mut tx, "i3", fixture.now, true).await;
    assert_eq!(customers::count_active(&mut tx).await.unwrap(), 0);
    assert!(contacts::of_customers(&mut tx, &accounts).await.unwrap().is_empty(), "contacts go with their customer");
    assert_eq!(contacts::of_left(&mut tx, &accounts).await.unwrap()["K00003"].len(), 1, "as they were when it left");
    let file = File { customers: &rows[..1], contacts: &people[..1], ..File::default() };
    file.import(&mut tx, "i4", fixture.now, true).await;
    assert_eq!(customers::find(&mut tx, "K00000").await.unwrap().unwrap().status, "active", "it came back");
    assert_eq!(customers::list(&mut tx, None, 9).await.unwrap()[0].contacts, 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn thousands_are_released_claimed_and_settled(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &[]).await;
    let rows: Vec<_> = (0..MANY)
        .map(|n| {
            let mut row = fixture.recipient(n as u64, &format!("k{n}@d{}.example", n % 7));
            (row.account_id, row.customer_name) = (format!("K{n:05}"), NAME.to_owned());
            (row.locale, row.merged) = (None, None);
            row
        })
        .collect();
    releases::insert(&mut tx, id, 1, fixture.now, &releases::Packed::default()).await.unwrap();
    releases::insert(&mut tx, id, 1, fixture.now, &releases::Packed::of(&rows)).await.unwrap();
    let nobody: Vec<_> = (0..MANY).map(|n| (format!("N{n:05}"), NAME.to_owned())).collect();
    releases::insert_unaddressed(&mut tx, id, &nobody).await.unwrap();
    assert_eq!(deliveries::unaddressed_after(&mut tx, id, "", 9_999).await.unwrap(), nobody);
    assert_eq!(releases::written(&mut tx, id).await.unwrap(), (MANY as u64, MANY as u64));
    let page = deliveries::customers(&mut tx, id, 2498, 1).await.unwrap();
    assert_eq!(page, Some((vec![("K02498".to_owned(), NAME.to_owned())], 2499)));
    let (page, next) = deliveries::customers(&mut tx, id, 2498, 3).await.unwrap().unwrap();
    assert_eq!((page.len(), next), (2, MANY as u64));
    assert_eq!(deliveries::customers(&mut tx, id, next, 3).await.unwrap(), None);
    let page = deliveries::unaddressed_after(&mut tx, id, "N00001", 1).await.unwrap();
    assert_eq!(page, [("N00002".to_owned(), NAME.to_owned())]);

    let claimed = claims::claim(&mut tx, id, "me", fixture.now, &[], MANY).await.unwrap();
    assert_eq!(claimed.len(), MANY);
    let domains: BTreeMap<_, _> = claimed.iter().map(|claimed| (claimed.domain.as_str(), ())).collect();
    assert_eq!((domains.len(), domains.contains_key("d6.example")), (7, true));
    let ids: Vec<String> = claimed.iter().map(|claimed| claimed.delivery_id.to_string()).collect();
    let ready = deliveries::to_send(&mut tx, &ids).await.unwrap();
    assert!(ready.len() == MANY && ready.iter().all(|it| it.merged.is_empty() && it.locale.is_none()));

    // Every third is put off, every third refused; one of each was fenced off.
    let later = fixture.now + SignedDuration::from_secs(60);
    let settlements: Vec<_> = claimed
        .iter()
        .enumerate()
        .map(|(n, claimed)| {
            let outcome = [Outcome::Accepted, Outcome::Deferred, Outcome::Rejected][n % 3];
            let mut settlement = settlement(&fixture, id, claimed, outcome);
            settlement.again = (outcome == Outcome::Deferred).then_some((later, 60_000));
            settlement.token -= i64::from(n < 3);
            settlement.try_into().unwrap()
        })
        .collect();
    let fenced = settle::settle(&mut tx, &settlements).await.unwrap();
    let fenced: Vec<_> = fenced.iter().map(|it| (it.delivery_id, it.recorded)).collect();
    assert_eq!(fenced, claimed[..3].iter().map(|claimed| (claimed.delivery_id, false)).collect::<Vec<_>>());
    let counts = deliveries::counts(&mut tx, id).await.unwrap();
    let wanted = [(State::Sending, 3), (State::Deferred, 832), (State::Accepted, 833), (State::Rejected, 832)];
    assert_eq!(counts, wanted.into());
    assert_eq!(ledger::sizes(&mut tx).await.unwrap(), (0, MANY as u64 - 3));
    assert_eq!(ledger::of_notice(&mut tx, id).await.unwrap().len(), MANY - 3);
    assert_eq!(waiting::due(&mut tx, id, later, 100).await.unwrap(), 100, "counted no further than asked");

    let waiting = queue::unclaimed(&mut tx, id, 9999).await.unwrap();
    let cancelled: Vec<_> = waiting.iter().map(|id| (*id, fixture.entry(Event::Cancelled))).collect();
    settle::cancel(&mut tx, id, fixture.now, &cancelled).await.unwrap();
    settle::cancel(&mut tx, id, fixture.now, &[]).await.unwrap();
    let counts = deliveries::counts(&mut tx, id).await.unwrap();
    assert_eq!((counts[&State::Cancelled], counts[&State::Sending]), (832, 3), "what is being sent is not cancelled");
    let mut discarded = releases::discard(&mut tx, id, 999).await.unwrap();
    assert_eq!(releases::written(&mut tx, id).await.unwrap(), (MANY as u64 - 999, 0), "those found by nobody go first");
    loop {
        match releases::discard(&mut tx, id, 999).await.unwrap() {
            0 => break,
            count => discarded += count,
        }
    }
    assert_eq!((discarded, queue::holds(&mut tx, id).await.unwrap()), (MANY as u64, false));
    assert!(deliveries::counts(&mut tx, id).await.unwrap().is_empty());
}
