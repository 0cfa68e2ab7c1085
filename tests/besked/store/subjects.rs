//! What the store knows and forgets of a person: contacts, deliveries, entries, holds, reads.

use besked::domain::address::AddressKey;
use besked::domain::category::Category;
use besked::domain::entry::{Entry, Event, Fact, Person, commitment};
use besked::domain::merkle::Node;
use besked::domain::notice::State;
use besked::domain::preference::Reason;
use besked::domain::tombstone::{Mark, Tombstone};
use besked::store::notices::attestations;
use besked::store::notices::steps;
use besked::store::people::holds::Hold;
use besked::store::people::imports::ContactRow;
use besked::store::people::scrubs::Due;
use besked::store::people::subjects::{Cleared, Read};
use besked::store::people::{
    holds, imports, mentions, preferences, rectifications, retention, scrubs, subjects, suppressions, tombstones,
};
use besked::store::proof::ledger::Opening;
use besked::store::proof::{audit, commitments, ledger, tree};
use besked::store::sending::{messages, moulds, queue};
use besked::store::{Conn, notices};
use jiff::SignedDuration;
use rstest::rstest;
use uuid::Uuid;

use super::moulds::addressee;
use super::{File, Fixture};
use crate::app::{address, key};
use crate::database::Engine;

impl Fixture {
    /// An entry about a person, in the tree.
    async fn sealed_entry(
        &self,
        conn: &mut Conn,
        notice: Option<Uuid>,
        delivery: Option<Uuid>,
        subject: Option<&str>,
    ) -> Entry {
        let person = Person { address: subject.unwrap_or("a@x.example").to_owned(), ..addressee() };
        let entry = Entry::new(&Fact::new(Event::Attested, self.now), Some(&person), &self.random);
        let filled = self.filled(conn, notice).await;
        let opening = Opening {
            entry: &entry,
            notice_id: notice,
            delivery_id: delivery,
            subject: subject.map(key),
            at: self.now,
            message: delivery.and(filled.as_ref()),
        };
        ledger::append(conn, &[opening]).await.unwrap();
        let head = tree::lock_head(conn).await.unwrap();
        let mut frontier = head.frontier;
        let first = frontier.size();
        let leaves = tree::number_pending(conn, first, 10).await.unwrap();
        leaves.iter().for_each(|leaf| frontier.push(besked::domain::merkle::leaf_hash(leaf)));
        assert!(tree::advance(conn, first, &frontier).await.unwrap());
        entry
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_person_is_found_and_cleared_everywhere(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (mail, other) = ("a@x.example", "b@x.example");
    let (its, others) = (&key(mail), &key(other));
    for email in [mail, other].map(address) {
        let contact = ContactRow {
            account_id: "C1",
            email: email.clone(),
            role: "service",
            name: "Åsa",
            locale: None,
            time_zone: None,
            position: 1,
        };
        File { contacts: &[contact], ..File::default() }.import(&mut tx, "i", fixture.now, false).await;
        preferences::opt_out(&mut tx, &email, Category::News, fixture.now, "test").await.unwrap();
        suppressions::add(&mut tx, &email, Reason::Restricted, fixture.now).await.unwrap();
        let read = Read { operator: "bo".to_owned(), what: "export".to_owned(), at: fixture.now };
        subjects::insert_read(&mut tx, fixture.id(), &email.key(), &read).await.unwrap();
    }
    let notice = fixture.released(&mut tx, &[mail, other]).await;
    let row = |account: &str, value: &str| (account.to_owned(), format!("{{\"mail\":\"{value}\"}}"));
    // By what is named, not by how it is spelled.
    let rows = [row("C1", "a@X.example"), row("C2", "ba@x.example")];
    notices::rows::insert(&mut tx, notice, &rows).await.unwrap();
    let found = subjects::deliveries(&mut tx, its).await.unwrap();
    assert_eq!((found.len(), found[0].account_id.as_str()), (1, "C1"));
    assert_eq!(subjects::lock_queue(&mut tx, &[found[0].id]).await.unwrap(), [(found[0].id, false)]);
    assert!(subjects::deliveries(&mut tx, &AddressKey::stored(String::new())).await.unwrap().is_empty());
    let delivery = found[0].id;
    let about_delivery = fixture.sealed_entry(&mut tx, Some(notice), Some(delivery), None).await;
    let about_address = fixture.sealed_entry(&mut tx, None, None, Some(mail)).await;
    let about_notice = fixture.sealed_entry(&mut tx, Some(notice), None, None).await;

    assert_eq!(subjects::contacts(&mut tx, its).await.unwrap()[0].name, "Åsa");
    assert_eq!(suppressions::reasons(&mut tx, its).await.unwrap()[0].reason, Reason::Restricted);
    assert_eq!(
        subjects::restricted(&mut tx, &[key(other).as_str(), key(mail).as_str(), "c@d.example"]).await.unwrap(),
        [key(mail), key(other)]
    );
    assert_eq!(subjects::restricted_after(&mut tx, "", 1).await.unwrap(), [key(mail)]);
    assert_eq!(subjects::restricted_after(&mut tx, key(mail).as_str(), 9).await.unwrap(), [key(other)]);
    assert_eq!(subjects::reads(&mut tx, its).await.unwrap()[0].operator, "bo");
    assert_eq!(subjects::addresses(&mut tx, "", 9).await.unwrap(), [key(mail), key(other)]);
    assert_eq!(subjects::addresses(&mut tx, mail, 9).await.unwrap(), [key(other)]);
    assert_eq!(ledger::about_notice(&mut tx, notice).await.unwrap()[0].entry_id, about_notice.id);
    assert_eq!(ledger::find(&mut tx, &[about_delivery.id]).await.unwrap()[0].delivery_id, Some(delivery));
    assert_eq!(ledger::of_address(&mut tx, its).await.unwrap()[0].entry_id, about_address.id);
    let mut sealed = Vec::new();
    let take = |index, id| {
        sealed.push((index, id));
        Ok(())
    };
    ledger::sealed(&mut tx, notice, take).await.unwrap().unwrap();
    assert_eq!(sealed, [(0, about_delivery.id), (2, about_notice.id)]);
    let full = || std::io::Error::other("no space");
    assert!(ledger::sealed(&mut tx, notice, |_, _| Err(full())).await.unwrap().is_err());
    assert_eq!(ledger::sealed_of_customer(&mut tx, notice, "C1", None).await.unwrap(), sealed);
    let of_others = ledger::sealed_of_customer(&mut tx, notice, "C1", Some(others)).await.unwrap();
    assert_eq!(of_others, [(2, about_notice.id)]);
    let of_delivery = ledger::of_deliveries(&mut tx, &[delivery]).await.unwrap();
    assert_eq!(of_delivery[0].entry_id, about_delivery.id);
    let opening = &ledger::find(&mut tx, &[about_delivery.id]).await.unwrap()[0];
    assert!(opening.has_message);
    assert_eq!(messages::find(&mut tx, delivery).await.unwrap().as_deref(), Some(&b"hi you"[..]));
    assert_eq!((opening.index, opening.leaf.as_ref()), (Some(0), Some(&about_delivery.leaf)));

    let salt = found[0].salt.unwrap();
    let cleared = Cleared { id: delivery, commitment: commitment(&salt, "C1", mail) };
    assert!(subjects::clear_deliveries(&mut tx, &[]).await.unwrap().is_empty());
    let openings = subjects::clear_deliveries(&mut tx, std::slice::from_ref(&cleared)).await.unwrap();
    assert_eq!(openings, [about_delivery.id]);
    assert_eq!(subjects::clear_address(&mut tx, its).await.unwrap(), [about_address.id]);
    subjects::clear_openings(&mut tx, &[about_notice.id]).await.unwrap();
    let found = mentions::file_rows(&mut tx, "X.example", ("", ""), 9).await.unwrap();
    assert_eq!(found.iter().map(|row| row.account_id.as_str()).collect::<Vec<_>>(), ["C1", "C2"]);
    assert_eq!((found[0].notice_id, found[0].state), (notice, State::Released));
    assert_eq!(found[0].values["mail"], "a@X.example");
    let after = (notice.to_string(), "C1");
    assert_eq!(mentions::file_rows(&mut tx, "x.example", (&after.0, after.1), 9).await.unwrap().len(), 1);
    mentions::delete_file_row(&mut tx, &found[0]).await.unwrap();
    assert!(subjects::deliveries(&mut tx, its).await.unwrap().is_empty());
    assert!(subjects::contacts(&mut tx, its).await.unwrap().is_empty());
    assert!(preferences::of_address(&mut tx, its).await.unwrap().is_empty());
    assert!(subjects::reads(&mut tx, its).await.unwrap().is_empty());
    assert!(messages::find(&mut tx, delivery).await.unwrap().is_none());
    assert_eq!(moulds::count(&mut tx, notice).await.unwrap(), 1, "those of others are made from it, too");
    assert_eq!(notices::rows::page(&mut tx, notice, "", 9).await.unwrap().into_keys().collect::<Vec<_>>(), ["C2"]);
    assert!(ledger::find(&mut tx, &[about_delivery.id]).await.unwrap()[0].person.is_none());
    assert!(ledger::about_notice(&mut tx, notice).await.unwrap()[0].person.is_none());
    assert_eq!(subjects::addresses(&mut tx, "", 9).await.unwrap(), [key(other)]);
    let committed = commitments::committed(&mut tx, notice, 0, 9).await.unwrap();
    assert_eq!((committed[0].email.as_str(), committed[0].salt), ("", None));
    assert_eq!(committed[0].commitment(), Some(cleared.commitment), "the way to the root stays");
    assert!(committed[1].salt.is_some());
    assert!(committed[0].leaf(0).is_ok() && committed[0].leaf(1).is_err());
    let node = |index| Node { level: 8, index };
    commitments::insert_nodes(&mut tx, notice, 0, &[]).await.unwrap();
    commitments::insert_nodes(&mut tx, notice, 0, &[(node(0), [1; 32]), (node(1), [2; 32])]).await.unwrap();
    commitments::insert_nodes(&mut tx, notice, 7, &[(node(0), [3; 32])]).await.unwrap();
    assert_eq!(commitments::nodes(&mut tx, (notice, 0), 8, 1, 9).await.unwrap(), [[2; 32]]);
    assert_eq!(commitments::nodes(&mut tx, (notice, 7), 8, 0, 9).await.unwrap(), [[3; 32]]);
    assert_eq!(audit::booked(&mut tx, notice, 1, 9).await.unwrap().len(), 1);
    assert!(!queue::unclaimed(&mut tx, notice, 9).await.unwrap().contains(&delivery));
    let rest = committed_id(&mut tx, others).await;
    subjects::discard(&mut tx, &[rest]).await.unwrap();
    assert!(subjects::deliveries(&mut tx, others).await.unwrap().is_empty());
}

async fn committed_id(conn: &mut Conn, key: &AddressKey) -> Uuid {
    subjects::deliveries(conn, key).await.unwrap()[0].id
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn attestations_are_found_by_their_words(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    notices::lock(&mut tx, notice).await.unwrap();
    let id = fixture.id();
    let attestation = attestations::Attestation {
        id,
        account_id: "C1".to_owned(),
        channel: besked::domain::attestation::Channel::Phone,
        witness: "Bo".to_owned(),
        note: "told Anna, A@X.example".to_owned(),
        operator: "alice".to_owned(),
        told_at: fixture.now,
        at: fixture.now,
        withdrawn: None,
    };
    attestations::insert(&mut tx, notice, &attestation).await.unwrap();
    let found = mentions::attestations(&mut tx, "", 9).await.unwrap();
    assert_eq!((found.len(), found[0].id, found[0].notice_id, found[0].account_id.as_str()), (1, id, notice, "C1"));
    assert_eq!((found[0].witness.as_str(), found[0].channel.as_str(), found[0].at), ("Bo", "phone", fixture.now));
    assert!(found[0].note.contains("A@X.example"));
    attestations::clear(&mut tx, id).await.unwrap();
    assert!(mentions::attestations(&mut tx, "", 9).await.unwrap().is_empty());
    assert_eq!(attestations::of_notice(&mut tx, notice, None).await.unwrap()[0].account_id, "C1");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_address_is_replaced_and_a_restriction_lifted(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let contact = |email: &'static str, role: &'static str| ContactRow {
        account_id: "C1",
        email: address(email),
        role,
        name: "Åsa",
        locale: None,
        time_zone: None,
        position: 1,
    };
    let rows = [contact("a@x.example", "service"), contact("a@x.example", "legal"), contact("n@x.example", "legal")];
    File { contacts: &rows, ..File::default() }.import(&mut tx, "i", fixture.now, false).await;
    suppressions::add(&mut tx, &address("a@x.example"), Reason::Dead, fixture.now).await.unwrap();
    suppressions::add(&mut tx, &address("a@x.example"), Reason::Restricted, fixture.now).await.unwrap();
    let revision = imports::revision(&mut tx).await.unwrap();
    assert_eq!(subjects::replace_address(&mut tx, &key("a@x.example"), &address("n@x.example")).await.unwrap(), 1);
    assert_eq!(imports::revision(&mut tx).await.unwrap(), revision + 1, "an import that has compared notices it");
    assert_eq!(
        subjects::contacts(&mut tx, &key("n@x.example")).await.unwrap().len(),
        2,
        "one for each role, none twice"
    );
    assert!(subjects::contacts(&mut tx, &key("a@x.example")).await.unwrap().is_empty());
    let reasons: Vec<_> =
        suppressions::reasons(&mut tx, &key("n@x.example")).await.unwrap().into_iter().map(|it| it.reason).collect();
    assert_eq!(reasons, [Reason::Restricted], "that the old one is dead says nothing of the new one");
    assert!(subjects::lift_restriction(&mut tx, &key("n@x.example")).await.unwrap());
    assert!(!subjects::lift_restriction(&mut tx, &key("n@x.example")).await.unwrap());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn holds_keep_what_would_expire(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let later = fixture.now.checked_add(SignedDuration::from_hours(24)).unwrap();
    let expirable = retention::expirable(&mut tx, Category::Maintenance, later, fixture.now).await.unwrap();
    assert!(expirable.is_empty(), "what is not closed does not expire");
    for delivery in subjects::unpurged(&mut tx, notice, 0, 9).await.unwrap() {
        besked::store::sending::settle::cancel(
            &mut tx,
            notice,
            fixture.now,
            &[(delivery.id, fixture.entry(Event::Cancelled))],
        )
        .await
        .unwrap();
    }
    assert!(notices::set_closed(&mut tx, notice, fixture.now).await.unwrap());
    let expirable = retention::expirable(&mut tx, Category::Maintenance, later, fixture.now).await.unwrap();
    assert_eq!((expirable[0].id, expirable[0].persons), (notice, 2));
    assert!(retention::expirable(&mut tx, Category::Maintenance, fixture.now, fixture.now).await.unwrap().is_empty());
    assert!(retention::expirable(&mut tx, Category::News, later, fixture.now).await.unwrap().is_empty());

    let hold = |notice_id, account_id: Option<&str>| Hold {
        id: fixture.id(),
        notice_id,
        account_id: account_id.map(str::to_owned),
        reason: "lawsuit".to_owned(),
        operator: "bo".to_owned(),
        since: fixture.now,
    };
    let (of_notice, of_account) = (hold(Some(notice), None), hold(None, Some("C1")));
    holds::insert(&mut tx, &of_notice).await.unwrap();
    assert!(retention::expirable(&mut tx, Category::Maintenance, later, fixture.now).await.unwrap().is_empty());
    holds::insert(&mut tx, &of_account).await.unwrap();
    assert!(subjects::unpurged(&mut tx, notice, 0, 9).await.unwrap().is_empty());
    assert_eq!(holds::list(&mut tx, None, 9).await.unwrap(), [of_notice.clone(), of_account.clone()]);
    assert_eq!(holds::list(&mut tx, Some(of_notice.id), 9).await.unwrap(), std::slice::from_ref(&of_account));
    let account = ["C1".to_owned()];
    assert_eq!(holds::on(&mut tx, &account, &[]).await.unwrap(), std::slice::from_ref(&of_account));
    assert_eq!(holds::on(&mut tx, &account, &[notice]).await.unwrap().len(), 2);
    assert!(holds::on(&mut tx, &[], &[fixture.id()]).await.unwrap().is_empty());
    assert!(retention::is_held(&mut tx, notice).await.unwrap());
    assert!(holds::is_recorded(&mut tx, "C1").await.unwrap() && !holds::is_recorded(&mut tx, "C99").await.unwrap());
    assert_eq!(holds::remove(&mut tx, of_account.id).await.unwrap(), Some(of_account.clone()));
    assert_eq!(holds::remove(&mut tx, of_account.id).await.unwrap(), None);
    assert!(subjects::unpurged(&mut tx, notice, 1, 9).await.unwrap().is_empty(), "the notice is held still");
    assert!(holds::remove(&mut tx, of_notice.id).await.unwrap().is_some());
    assert_eq!(subjects::unpurged(&mut tx, notice, 1, 9).await.unwrap().len(), 1);
    assert!(!retention::is_held(&mut tx, notice).await.unwrap());
    assert!(retention::clear_steps(&mut tx, notice).await.unwrap().is_empty());
    assert!(retention::clear_notice(&mut tx, notice, fixture.now).await.unwrap().is_empty());
    assert!(
        retention::expirable(&mut tx, Category::Maintenance, later, fixture.now).await.unwrap().is_empty(),
        "purged once"
    );
    tx.commit().await.unwrap();
    assert!(fixture.store.scrub().await.unwrap());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_audit_reads_entries_messages_and_strays(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let delivery = subjects::deliveries(&mut tx, &key("a@x.example")).await.unwrap()[0].id;
    let entry = fixture.sealed_entry(&mut tx, Some(notice), Some(delivery), None).await;
    let waits = fixture.entry(Event::Closed);
    ledger::append(&mut tx, &[Opening::of_notice(&waits, notice, fixture.now)]).await.unwrap();
    let page = audit::page(&mut tx, 0, 9).await.unwrap();
    let audited = &page.entries;
    assert_eq!((audited.len(), audited[0].index, audited[0].entry_id), (1, 0, entry.id));
    assert_eq!(page.bytes(&audited[0].leaf), entry.leaf);
    let opening = audited[0].opening.as_ref().unwrap();
    assert_eq!((opening.event, page.bytes(&opening.fact)), (Event::Attested, entry.fact.as_slice()));
    assert_eq!((opening.notice_id, opening.delivery_id), (Some(notice), Some(delivery)));
    assert_eq!(page.bytes(opening.person.as_ref().unwrap()), entry.person);
    assert_eq!(page.bytes(opening.person_salt.as_ref().unwrap()), entry.person_salt);
    assert!(audit::page(&mut tx, 1, 9).await.unwrap().entries.is_empty());
    let waiting = ledger::waiting(&mut tx, 0, 9).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].1.entry_id), (1, waits.id));
    assert!(ledger::waiting(&mut tx, waiting[0].0, 9).await.unwrap().is_empty());
    assert_eq!(audit::ids_before(&mut tx, 0, 1, 9).await.unwrap(), [(0, entry.id)]);
    assert!(audit::ids_before(&mut tx, 1, 9, 9).await.unwrap().is_empty());
    assert!(audited[0].opening.as_ref().unwrap().has_message, "its values are stored with it");
    assert_eq!(ledger::unsealed(&mut tx, notice, Some("C9")).await.unwrap(), 1, "it is about the notice as a whole");
    assert_eq!(ledger::unsealed(&mut tx, fixture.id(), None).await.unwrap(), 0);
    assert_eq!(ledger::stray(&mut tx).await.unwrap(), None);
    let all = audit::notices(&mut tx, "", 9).await.unwrap();
    assert_eq!(
        (all.len(), all[0].id, all[0].released_at.is_some(), all[0].closed_at, all[0].recipients),
        (1, notice, true, None, 1)
    );
    assert!(audit::notices(&mut tx, &notice.to_string(), 9).await.unwrap().is_empty());
    assert_eq!(audit::baseless(&mut tx).await.unwrap(), None);
    let booked = &audit::booked(&mut tx, notice, 0, 9).await.unwrap()[0];
    assert_eq!((booked.level, booked.reply.as_deref(), booked.changed_at), (None, None, fixture.now.as_millisecond()));
    sqlx::query("DELETE FROM ledger_pending").execute(&mut *tx).await.unwrap();
    assert_eq!(ledger::stray(&mut tx).await.unwrap(), Some(waits.id));

    let page = messages::page(&mut tx, "", 9).await.unwrap();
    assert_eq!((page.len(), page[0].entry_id, page[0].index, page[0].delivery_id), (1, entry.id, Some(0), delivery));
    assert_eq!(page[0].person, entry.person);
    let mut read = moulds::Moulds::default();
    for _ in 0..2 {
        assert_eq!(page[0].bytes(&mut tx, &mut read).await.unwrap(), b"hi you");
    }
    assert!(messages::page(&mut tx, &entry.id.to_string(), 9).await.unwrap().is_empty());
    assert_eq!(messages::of_entry(&mut tx, entry.id).await.unwrap().as_ref(), Some(&page[0]));
    assert!(messages::of_entry(&mut tx, waits.id).await.unwrap().is_none());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_tombstone_is_stored_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let tombstone = |mark| Tombstone { id: fixture.id(), mark, hash: [7; 32], at: fixture.now };
    let (erased, revived) = (tombstone(Mark::Erased), tombstone(Mark::Revived));
    tombstones::insert(&mut tx, &[]).await.unwrap();
    tombstones::insert(&mut tx, &[erased]).await.unwrap();
    tombstones::insert(&mut tx, &[erased, revived]).await.unwrap();
    assert_eq!(tombstones::count(&mut tx).await.unwrap(), 2);
    assert_eq!(tombstones::page(&mut tx, "", 9).await.unwrap(), [erased, revived]);
    assert_eq!(tombstones::page(&mut tx, &erased.id.to_string(), 9).await.unwrap(), [revived]);
    assert_eq!(tombstones::page(&mut tx, "", 1).await.unwrap(), [erased]);
    assert_eq!(tombstones::last(&mut tx, &[7; 32]).await.unwrap(), Some(revived));
    assert_eq!(tombstones::last(&mut tx, &[8; 32]).await.unwrap(), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_scrub_is_due_until_all_that_was_deleted_is_scrubbed(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    assert_eq!(scrubs::due(&mut tx).await.unwrap(), None);
    scrubs::mark(&mut tx, fixture.now).await.unwrap();
    let later = fixture.now.checked_add(SignedDuration::from_hours(1)).unwrap();
    scrubs::mark(&mut tx, later).await.unwrap();
    let due = scrubs::due(&mut tx).await.unwrap().unwrap();
    assert_eq!(due, Due { count: 2, since: fixture.now });
    scrubs::mark(&mut tx, later).await.unwrap();
    scrubs::done(&mut tx, due).await.unwrap();
    assert_eq!(scrubs::due(&mut tx).await.unwrap().map(|due| due.count), Some(1), "deleted meanwhile");
    scrubs::done(&mut tx, due).await.unwrap();
    assert_eq!(scrubs::due(&mut tx).await.unwrap().map(|due| due.count), Some(1), "another node has done it");
    scrubs::done(&mut tx, Due { count: 1, ..due }).await.unwrap();
    assert_eq!(scrubs::due(&mut tx).await.unwrap(), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn words_are_found_and_emptied(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let step = |reason: Option<&str>| steps::Done {
        step: besked::domain::notice::Step::Pause,
        operator: "alice".to_owned(),
        reason: reason.map(str::to_owned),
        at: fixture.now,
    };
    for reason in [None, Some("no address"), Some("asked by z@x.example")] {
        steps::insert(&mut tx, fixture.id(), notice, &step(reason)).await.unwrap();
    }
    let steps = mentions::steps(&mut tx, "", 9).await.unwrap();
    assert_eq!((steps.len(), steps[0].notice_id, steps[0].at), (1, notice, fixture.now));
    assert_eq!(steps[0].reason, "asked by z@x.example");
    mentions::clear_step(&mut tx, steps[0].id).await.unwrap();
    assert!(mentions::steps(&mut tx, "", 9).await.unwrap().is_empty());

    let hold = |reason: &str| Hold {
        id: fixture.id(),
        notice_id: Some(notice),
        account_id: None,
        reason: reason.to_owned(),
        operator: "bo".to_owned(),
        since: fixture.now,
    };
    let (named, unnamed) = (hold("z@x.example sued"), hold("lawsuit"));
    holds::insert(&mut tx, &named).await.unwrap();
    holds::insert(&mut tx, &unnamed).await.unwrap();
    assert_eq!(mentions::holds(&mut tx, "", 9).await.unwrap(), std::slice::from_ref(&named));
    mentions::clear_hold(&mut tx, named.id).await.unwrap();
    assert!(mentions::holds(&mut tx, "", 9).await.unwrap().is_empty());
    assert_eq!(holds::list(&mut tx, None, 9).await.unwrap(), [Hold { reason: String::new(), ..named }, unnamed]);

    let entry = fixture.sealed_entry(&mut tx, Some(notice), None, None).await;
    assert_eq!(ledger::with_words(&mut tx, "", 9).await.unwrap()[0].entry_id, entry.id);
    assert!(ledger::with_words(&mut tx, &entry.id.to_string(), 9).await.unwrap().is_empty());
    subjects::clear_openings(&mut tx, &[entry.id]).await.unwrap();
    assert!(ledger::with_words(&mut tx, "", 9).await.unwrap().is_empty());
    let delivery = committed_id(&mut tx, &key("a@x.example")).await;
    mentions::clear_reply(&mut tx, delivery).await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn corrections_lead_to_the_last_address_and_can_be_taken_back(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let [a, b, c] = ["A@x.example", "b@x.example", "c@x.example"].map(address);
    let found = async |conn: &mut Conn| {
        let page = rectifications::page(conn, "", 9).await.unwrap();
        page.into_iter().map(|it| (it.old, it.new.as_str().to_owned())).collect::<Vec<_>>()
    };
    let to = |old: &str, new: &str| (old.to_owned(), new.to_owned());
    rectifications::insert(&mut tx, &a, &b, fixture.now).await.unwrap();
    assert_eq!(found(&mut tx).await, [to("A@x.example", "b@x.example")]);
    rectifications::insert(&mut tx, &b, &c, fixture.now).await.unwrap();
    assert_eq!(found(&mut tx).await, [to("A@x.example", "c@x.example"), to("b@x.example", "c@x.example")]);
    for address in [&a, &b, &c] {
        assert_eq!(rectifications::of_address(&mut tx, &address.key()).await.unwrap().len(), 2);
    }
    rectifications::insert(&mut tx, &c, &a, fixture.now).await.unwrap();
    assert_eq!(found(&mut tx).await, [to("b@x.example", "A@x.example"), to("c@x.example", "A@x.example")]);
    assert_eq!(rectifications::page(&mut tx, "b@x.example", 9).await.unwrap().len(), 1);
    rectifications::delete(&mut tx, &a.key()).await.unwrap();
    assert!(found(&mut tx).await.is_empty());
}
