//! Customers, contacts, preferences, suppressions, secrets.

use besked::domain::category::{Category, Role};
use besked::domain::customer::AccountId;
use besked::domain::entry::Event;
use besked::domain::preference::Reason;
use besked::store::notices::Continued;
use besked::store::people::customers::Selection;
use besked::store::people::imports::{AttributeRow, ContactRow, CustomerRow, KeptRow, Lacking, Removal};
use besked::store::people::{
    contacts, customer_words, customers, feeds, import_changes, imports, objections, preferences, suppressions,
};
use besked::store::proof::ledger::{self, Opening};
use besked::store::secrets;
use besked::store::sending::deliveries;
use rstest::rstest;

use super::{File, Fixture};
use crate::app::{address, key};
use crate::database::Engine;

fn contact<'a>(account_id: &'a str, email: &'a str, position: usize) -> ContactRow<'a> {
    ContactRow {
        account_id,
        email: address(email),
        role: "service",
        name: "Åsa",
        locale: Some("sv"),
        time_zone: None,
        position,
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_customer_leaves_with_the_contacts_that_it_has(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let rows = ["C1", "C2"].map(|account_id| CustomerRow { account_id, name: "Ett" });
    let people = [contact("C1", "a@x.example", 1), contact("C2", "b@x.example", 1)];
    File { customers: &rows, contacts: &people, ..File::default() }.import(&mut tx, "i1", fixture.now, false).await;
    imports::lock_customers(&mut tx).await.unwrap();
    customers::leave(&mut tx, "C2", "i2", fixture.now).await.unwrap();
    assert_eq!(customers::find(&mut tx, "C2").await.unwrap().unwrap().status, "left");
    assert_eq!(customers::count_active(&mut tx).await.unwrap(), 1);
    let active = contacts::of_customers(&mut tx, &["C1", "C2"]).await.unwrap();
    assert_eq!(active.into_keys().collect::<Vec<_>>(), ["C1"]);
    assert_eq!(contacts::of_left(&mut tx, &["C1", "C2"]).await.unwrap().into_keys().collect::<Vec<_>>(), ["C2"]);
}

/// What the search for customers reads.
async fn found_by_beginnings(conn: &mut besked::store::Conn) {
    let words = async |conn: &mut besked::store::Conn, beginning: &str, from, limit| {
        let found = customer_words::beginning(conn, beginning, from, limit).await.unwrap();
        found
            .iter()
            .map(|it| format!("{} {}", it.word, it.accounts().collect::<Vec<_>>().join(",")))
            .collect::<Vec<_>>()
    };
    assert_eq!(words(conn, "", ("", ""), 9).await, ["akeri C1", "neill C2", "o C2", "x C2"]);
    assert_eq!(words(conn, "", ("neill", "C2"), 2).await, ["neill C2", "o C2"]);
    assert_eq!(words(conn, "n", ("", ""), 9).await, ["neill C2"]);
    assert_eq!(customer_words::count(conn, "", 3).await.unwrap(), 3, "up to the limit");
    assert_eq!(customer_words::count(conn, "ne", 3).await.unwrap(), 1);
    assert_eq!(customer_words::count(conn, "nobody", 3).await.unwrap(), 0);
    assert_eq!(customers::beginning(conn, "C", "", 9).await.unwrap(), ["C1", "C2"]);
    assert_eq!(customers::beginning(conn, "C", "C1", 9).await.unwrap(), ["C2"]);
    assert!(customers::beginning(conn, "c", "", 9).await.unwrap().is_empty());
    let listed = customers::listed(conn, &["C1", "C9"]).await.unwrap();
    assert_eq!((listed.len(), listed["C1"].contacts), (1, 2));
    let addresses = contacts::beginning(conn, "b", ["", "", ""], 9).await.unwrap();
    let found: Vec<_> = addresses.iter().map(|it| (it.email_key.as_str(), it.account_id.as_str(), it.first)).collect();
    assert_eq!(found, [("b@x.example", "C1", 1)]);
    let found = contacts::beginning(conn, "", ["a@x.example", "C1", "service"], 9).await.unwrap();
    assert_eq!((found.len(), found[0].first), (1, 0), "another of the customer comes before it");
    assert_eq!(contacts::first_beginning(conn, "C1", "b@").await.unwrap().as_deref(), Some("b@x.example"));
    assert_eq!(contacts::first_beginning(conn, "C2", "b@").await.unwrap(), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_words_of_a_customer_follow_its_name_and_go_with_it(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let all = async |conn: &mut besked::store::Conn| {
        let words = customer_words::beginning(conn, "", ("", ""), 99).await.unwrap();
        let pairs = words.iter().flat_map(|it| it.accounts().map(move |account| format!("{} {account}", it.word)));
        pairs.collect::<Vec<_>>()
    };
    let people = [contact("Kund-1", "a@x.example", 2), contact("C2", "b@x.example", 3)];
    for (id, first, wanted) in [
        ("i1", "Anna Ek", vec!["1 Kund-1", "anna Kund-1", "ek Kund-1", "kund Kund-1", "two C2"]),
        ("i2", "Anna Berg", vec!["1 Kund-1", "anna Kund-1", "berg Kund-1", "kund Kund-1", "two C2"]),
    ] {
        let rows = [CustomerRow { account_id: "Kund-1", name: first }, CustomerRow { account_id: "C2", name: "Two" }];
        let file = File { customers: &rows, attributes: &[], contacts: &people };
        file.import(&mut tx, id, fixture.now, false).await;
        assert_eq!(all(&mut tx).await, wanted);
    }
    let both = ["Kund-1".to_owned(), "C2".to_owned()];
    customer_words::remove(&mut tx, &both, true).await.unwrap();
    assert_eq!(all(&mut tx).await.len(), 5, "each has a contact");
    let conn: &mut besked::store::Conn = &mut tx;
    sqlx::query("DELETE FROM contacts WHERE account_id = 'Kund-1'").execute(&mut *conn).await.unwrap();
    besked::store::people::sole_traders::clear(conn, &both).await.unwrap();
    assert_eq!(all(conn).await, ["1 Kund-1", "kund Kund-1", "two C2"], "of a cleared name nothing is left");
    besked::store::people::retention::delete_customers(conn, &both).await.unwrap();
    assert!(all(conn).await.is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn customers_are_imported_selected_and_left(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let rows =
        [CustomerRow { account_id: "C1", name: "Åkeri" }, CustomerRow { account_id: "C2", name: "O'Neill \"X\"" }];
    let value = |account_id, name, value, position| AttributeRow { account_id, name, value, position };
    let values = [value("C1", "region", "sto2", 1), value("C1", "region", "fra1", 0), value("C2", "plan", "öppen", 0)];
    let people = [contact("C1", "b@x.example", 3), contact("C1", "a@x.example", 2)];
    let file = File { customers: &rows, attributes: &values, contacts: &people };
    file.import(&mut tx, "i1", fixture.now, false).await;
    assert_eq!(customers::count_active(&mut tx).await.unwrap(), 2);
    let listed = customers::list(&mut tx, None, 1).await.unwrap();
    assert_eq!((listed[0].account_id.as_str(), listed[0].contacts), ("C1", 2));
    assert_eq!(customers::list(&mut tx, Some("C1"), 9).await.unwrap()[0].name, "O'Neill \"X\"");
    found_by_beginnings(&mut tx).await;
    let at = |text: &str| besked::domain::address::Address::parse(text).unwrap();
    let found = customers::with_address(&mut tx, &at("B@x.example"), None, 9).await.unwrap();
    assert_eq!(found.iter().map(|it| it.account_id.as_str()).collect::<Vec<_>>(), ["C1"]);
    assert!(customers::with_address(&mut tx, &at("b@x.example"), Some("C1"), 9).await.unwrap().is_empty());
    let attributes = customers::attributes(&mut tx, &["C1", "C9"]).await.unwrap();
    assert_eq!(attributes["C1"]["region"], ["fra1", "sto2"], "in the order of the file");
    let found = contacts::of_customers(&mut tx, &["C1", "C2"]).await.unwrap();
    let emails: Vec<String> = found["C1"].iter().map(|it| it.email.to_string()).collect();
    assert_eq!(emails, ["a@x.example", "b@x.example"], "in the order of the file");
    assert_eq!((found["C1"][0].role, found.contains_key("C2")), (Role::Service, false));

    let condition = |name: &str, values: &[&str]| (name.to_owned(), values.iter().map(|it| (*it).to_owned()).collect());
    let account = |id: &str| AccountId::parse(id).unwrap();
    for (selection, wanted) in [
        (Selection::new(&[], &[]), vec!["C1", "C2"]),
        (Selection::new(&[account("C2"), account("C9")], &[]), vec!["C2"]),
        (Selection::new(&[], &[condition("region", &["sto2", "fra1"])]), vec!["C1"]),
        (Selection::new(&[], &[condition("region", &["sto2"]), condition("plan", &["öppen"])]), vec![]),
        (Selection::new(&[account("C1")], &[condition("plan", &["öppen"])]), vec![]),
    ] {
        let selected = customers::select(&mut tx, &selection, "", 9).await.unwrap();
        assert_eq!(selected.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), wanted, "{selection:?}");
    }
    assert_eq!(customers::select(&mut tx, &Selection::new(&[], &[]), "C1", 9).await.unwrap().len(), 1);

    let file = File { customers: &rows[..1], contacts: &[contact("C1", "b@x.example", 1)], ..File::default() };
    file.import(&mut tx, "i2", fixture.now, true).await;
    let found = customers::find(&mut tx, "C2").await.unwrap().unwrap();
    assert_eq!((found.status.as_str(), customers::count_active(&mut tx).await.unwrap()), ("left", 1));
    assert_eq!(contacts::of_customers(&mut tx, &["C1"]).await.unwrap()["C1"].len(), 1);
    assert!(customers::attributes(&mut tx, &["C1"]).await.unwrap().is_empty());
    assert!(customers::find(&mut tx, "C9").await.unwrap().is_none());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn nothing_is_removed_from_a_customer_with_a_skipped_row(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let rows = [CustomerRow { account_id: "C1", name: "Åkeri" }, CustomerRow { account_id: "C2", name: "Två" }];
    let people = [contact("C1", "a@x.example", 1), contact("C2", "b@x.example", 2)];
    let values = [AttributeRow { account_id: "C1", name: "region", value: "sto2", position: 0 }];
    let file = File { customers: &rows, attributes: &values, contacts: &people };
    file.import(&mut tx, "i1", fixture.now, false).await;
    for (kept, removal) in [(&["C1", "C2"][..], Removal::Everywhere), (&[], Removal::Nothing)] {
        imports::begin(&mut tx).await.unwrap();
        let other = [CustomerRow { account_id: "C1", name: "Åkeri" }];
        imports::add_customers(&mut tx, &other).await.unwrap();
        let kept: Vec<_> = kept.iter().map(|account_id| KeptRow { account_id }).collect();
        imports::add_kept(&mut tx, &kept).await.unwrap();
        imports::compare(&mut tx, removal, Lacking::default()).await.unwrap();
        assert!(!imports::differs(&mut tx).await.unwrap(), "nothing of it is new");
        imports::write_customers(&mut tx, "i2", fixture.now).await.unwrap();
        imports::write_contacts(&mut tx, "i2", fixture.now).await.unwrap();
        assert_eq!(customers::count_active(&mut tx).await.unwrap(), 2);
        assert_eq!(contacts::of_customers(&mut tx, &["C1", "C2"]).await.unwrap().len(), 2);
        assert_eq!(customers::attributes(&mut tx, &["C1"]).await.unwrap().len(), 1);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_value_that_is_no_longer_known_is_none_and_counted(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let file = File { contacts: &[contact("C1", "a@x.example", 1)], ..File::default() };
    file.import(&mut tx, "i1", fixture.now, false).await;
    sqlx::query("UPDATE contacts SET time_zone = 'Mars/Olympus'").execute(&mut *tx).await.unwrap();
    let found = contacts::of_customers(&mut tx, &["C1"]).await.unwrap();
    assert_eq!((found["C1"].len(), found["C1"][0].time_zone.as_ref()), (1, None));
    let none = contacts::Unreadable::default();
    let unreadable = contacts::unreadable(&mut tx).await.unwrap();
    assert_eq!(unreadable, contacts::Unreadable { zones: 1, ..none });
    sqlx::query("UPDATE contacts SET time_zone = NULL, locale = '!'").execute(&mut *tx).await.unwrap();
    assert_eq!(contacts::unreadable(&mut tx).await.unwrap(), contacts::Unreadable { locales: 1, ..none });
    sqlx::query("UPDATE contacts SET locale = NULL, email = 'nobody'").execute(&mut *tx).await.unwrap();
    assert_eq!(contacts::unreadable(&mut tx).await.unwrap(), contacts::Unreadable { left_out: 1, ..none });
    assert!(contacts::of_customers(&mut tx, &["C1"]).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn opt_outs_and_suppressions_are_kept_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (email, now) = (&address("a@x.example"), fixture.now);
    assert!(preferences::opt_out(&mut tx, email, Category::News, now, "test").await.unwrap());
    assert!(!preferences::opt_out(&mut tx, email, Category::News, now, "again").await.unwrap());
    let opt_outs = preferences::of_address(&mut tx, &email.key()).await.unwrap();
    assert_eq!((opt_outs.len(), opt_outs[0].source.as_str()), (1, "test"));
    assert!(preferences::opt_in(&mut tx, &email.key(), Category::News).await.unwrap());
    assert!(!preferences::opt_in(&mut tx, &email.key(), Category::News).await.unwrap());
    for reason in [Reason::Manual, Reason::Dead, Reason::Restricted] {
        assert!(suppressions::add(&mut tx, email, reason, now).await.unwrap());
    }
    assert!(!suppressions::add(&mut tx, email, Reason::Dead, now).await.unwrap());
    assert_eq!(suppressions::list(&mut tx, None, 10).await.unwrap().len(), 3);
    let (key, other) = (email.key(), address("b@x.example").key());
    let dead = suppressions::dead(&mut tx, &[other.as_str(), key.as_str()]).await.unwrap();
    assert_eq!(dead.into_iter().collect::<Vec<_>>(), [key]);
    assert!(suppressions::list(&mut tx, Some(&(email.key(), Reason::Restricted)), 10).await.unwrap().is_empty());
    assert_eq!(suppressions::remove(&mut tx, &email.key()).await.unwrap(), 2);
    assert_eq!(suppressions::list(&mut tx, None, 10).await.unwrap()[0].reason, Reason::Restricted);
    let mandatory = preferences::opt_out(&mut tx, email, Category::Billing, now, "test").await;
    assert!(mandatory.is_err(), "the database itself refuses an opt-out of a mandatory category");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_secret_is_made_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    assert_eq!(secrets::find(&mut tx, "links").await.unwrap(), None);
    assert_eq!(secrets::get_or_insert(&mut tx, "links", &[1; 32]).await.unwrap(), [1; 32]);
    assert_eq!(secrets::get_or_insert(&mut tx, "links", &[2; 32]).await.unwrap(), [1; 32]);
    secrets::touch(&mut tx).await.unwrap();
    assert_eq!(secrets::find(&mut tx, "links").await.unwrap(), Some([1; 32]));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn changes_of_preferences_are_counted_by_address_and_time(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    for email in ["a@x.example", "b@x.example"] {
        let entry = fixture.entry(Event::PreferenceChanged);
        ledger::append(&mut tx, &[Opening::of_address(&entry, key(email), fixture.now)]).await.unwrap();
    }
    let other = fixture.entry(Event::Restricted);
    ledger::append(&mut tx, &[Opening::of_address(&other, key("a@x.example"), fixture.now)]).await.unwrap();
    let hour = jiff::SignedDuration::from_hours(1);
    let before = fixture.now.checked_sub(hour).unwrap();
    assert_eq!(ledger::preference_changes(&mut tx, &key("A@x.example"), before).await.unwrap(), 1);
    assert_eq!(ledger::preference_changes(&mut tx, &key("a@x.example"), fixture.now).await.unwrap(), 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_an_import_would_change_is_read_by_customer(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let rows = [("C1", "Ett"), ("C2", "Två"), ("C3", "Tre")].map(|(account_id, name)| CustomerRow { account_id, name });
    let people = [("C1", "a@x.example"), ("C1", "b@x.example"), ("C2", "c@x.example"), ("C3", "d@x.example")];
    let people: Vec<_> = people.iter().enumerate().map(|(at, (account, email))| contact(account, email, at)).collect();
    File { customers: &rows, contacts: &people, ..File::default() }.import(&mut tx, "i1", fixture.now, false).await;
    let file = File { customers: &rows[..2], contacts: &people[..3], ..File::default() };
    file.import(&mut tx, "i2", fixture.now, true).await;
    imports::begin(&mut tx).await.unwrap();
    let rows =
        [("C1", "Ett AB"), ("C3", "Tre"), ("C4", "Fyra")].map(|(account_id, name)| CustomerRow { account_id, name });
    imports::add_customers(&mut tx, &rows).await.unwrap();
    let people = [("C1", "a@x.example"), ("C1", "e@x.example"), ("C3", "d@x.example"), ("C4", "f@x.example")];
    let people: Vec<_> = people.iter().enumerate().map(|(at, (account, email))| contact(account, email, at)).collect();
    imports::add_contacts(&mut tx, &people).await.unwrap();
    let values = [AttributeRow { account_id: "C4", name: "region", value: "sto2", position: 0 }];
    imports::add_attributes(&mut tx, &values).await.unwrap();
    imports::compare(&mut tx, Removal::Everywhere, Lacking::default()).await.unwrap();
    assert!(imports::differs(&mut tx).await.unwrap());
    let counts = import_changes::counts(&mut tx).await.unwrap();
    assert_eq!(counts, ["changed", "gone", "new", "reactivated"].map(|change| (change.to_owned(), 1)));
    let found = import_changes::first(&mut tx, 9).await.unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|it| {
            let of = &it.totals;
            let contacts = [of.new_contacts, of.changed_contacts, of.gone_contacts, of.reactivated_contacts];
            (it.account_id.as_str(), it.change.as_str(), it.renamed, contacts, of.attributes + of.gone_attributes)
        })
        .collect();
    let wanted = [
        ("C1", "changed", true, [1, 0, 1, 0], 0),
        ("C2", "gone", false, [0, 0, 1, 0], 0),
        ("C3", "reactivated", false, [0, 0, 0, 1], 0),
        ("C4", "new", false, [1, 0, 0, 0], 1),
    ];
    assert_eq!(told, wanted);
    assert_eq!(import_changes::first(&mut tx, 2).await.unwrap().len(), 2);
    let totals = import_changes::totals(&mut tx).await.unwrap();
    let contacts = [totals.new_contacts, totals.changed_contacts, totals.gone_contacts, totals.reactivated_contacts];
    assert_eq!((contacts, totals.attributes, totals.gone_attributes), ([2, 0, 2, 1], 1, 0));
    let named = import_changes::contacts(&mut tx, "C2", 9).await.unwrap();
    let named: Vec<_> =
        named.iter().map(|it| (it.account_id.as_str(), it.email.as_str(), it.change.as_str())).collect();
    let wanted = [("C1", "b@x.example", "gone"), ("C1", "e@x.example", "new"), ("C2", "c@x.example", "gone")];
    assert_eq!(named, wanted);
    imports::add_kept(&mut tx, &[KeptRow { account_id: "C2" }, KeptRow { account_id: "C8" }]).await.unwrap();
    assert_eq!(import_changes::unknown_kept(&mut tx, 9).await.unwrap(), ["C8"]);
    let lacking = Lacking { contact_name: true, ..Lacking::default() };
    imports::compare(&mut tx, Removal::InFile, lacking).await.unwrap();
    assert_eq!(import_changes::kept(&mut tx, lacking, &[]).await.unwrap(), [("contact_name".to_owned(), 2)]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_feed_has_one_id_until_it_is_removed_and_the_last_notice_of_each_matter(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let rows = [CustomerRow { account_id: "C1", name: "Ett" }];
    File { customers: &rows, ..File::default() }.import(&mut tx, "i1", fixture.now, false).await;
    let (first, second) = (fixture.id(), fixture.id());
    assert_eq!(feeds::make(&mut tx, "C1", first, fixture.now).await.unwrap(), (first, true));
    assert_eq!(feeds::make(&mut tx, "C1", second, fixture.now).await.unwrap(), (first, false));
    assert_eq!(feeds::customer(&mut tx, first).await.unwrap().as_deref(), Some("C1"));
    assert_eq!(feeds::of_customer(&mut tx, "C1").await.unwrap(), Some(first));
    assert_eq!(feeds::of_customer(&mut tx, "C2").await.unwrap(), None);
    assert_eq!(feeds::remove(&mut tx, "C1").await.unwrap(), Some(first));
    assert_eq!(feeds::remove(&mut tx, "C1").await.unwrap(), None);
    assert_eq!(feeds::customer(&mut tx, first).await.unwrap(), None);
    let notice = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let (now, later) = (fixture.now, fixture.now + jiff::SignedDuration::from_hours(1));
    let set = "UPDATE notices SET window_start = $1, window_end = $1";
    sqlx::query(set).bind(now.as_millisecond()).execute(&mut *tx).await.unwrap();
    let found = feeds::maintenance(&mut tx, "C1", now, 9).await.unwrap();
    let last = &found[0];
    assert_eq!((last.notice_id, last.sequence, last.locale.as_ref().unwrap().as_str()), (notice, 1, "sv"));
    assert_eq!((found.len(), last.matter_id, last.merged["row.a"].as_str()), (1, notice, "b"));
    assert!(feeds::maintenance(&mut tx, "C1", later, 9).await.unwrap().is_empty(), "it is over");
    assert!(feeds::maintenance(&mut tx, "C1", now, 0).await.unwrap().is_empty());
    assert!(feeds::maintenance(&mut tx, "C2", now, 9).await.unwrap().is_empty());
    // The deliveries of the notice itself are no part of its threads, and what did not arrive is none of any.
    let continued = Continued { matter_id: notice, notice_id: notice, before: None };
    assert!(deliveries::threads(&mut tx, &continued, &["C1"]).await.unwrap().is_empty());
    let continued = Continued { notice_id: fixture.id(), ..continued };
    assert!(deliveries::threads(&mut tx, &continued, &["C1"]).await.unwrap().is_empty());
    sqlx::query("UPDATE deliveries SET state = 'accepted', thread = '1@x 2@x 3@x 4@x 5@x 6@x 7@x 8@x 9@x 10@x'")
        .execute(&mut *tx)
        .await
        .unwrap();
    let threads = deliveries::threads(&mut tx, &continued, &["C1", "C2"]).await.unwrap();
    let thread: Vec<&str> = threads[&("C1".to_owned(), key("b@x.example"))].split(' ').collect();
    assert_eq!((threads.len(), thread.len(), &thread[..3]), (2, 10, &["1@x", "3@x", "4@x"][..]));
    let ended = Continued { before: Some(1), ..continued };
    assert!(deliveries::threads(&mut tx, &ended, &["C1"]).await.unwrap().is_empty(), "released later");
    // The first recipient was erased: the next one is still known.
    let erase = "UPDATE deliveries SET email = '', locale = NULL, merged = NULL WHERE ordinal = 0";
    sqlx::query(erase).execute(&mut *tx).await.unwrap();
    let found = feeds::maintenance(&mut tx, "C1", now, 9).await.unwrap();
    assert_eq!(found[0].locale.as_ref().unwrap().as_str(), "sv");
}

/// Many customers share rows, and each is taken out of its row when its name changes or goes.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn customers_share_the_rows_of_a_word(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let ids: Vec<String> = (0..450).map(|n| format!("C{n:03}")).collect();
    let rows = async |conn: &mut besked::store::Conn, word: &str| {
        let found = customer_words::beginning(conn, word, ("", ""), 99).await.unwrap();
        found.iter().map(|it| (it.account_id.clone(), it.accounts().count())).collect::<Vec<_>>()
    };
    let renamed = |n: usize| if matches!(n, 0 | 7 | 399) { "Alfa Ny" } else { "Alfa AB" };
    for (id, name) in [("i1", (|_| "Alfa AB") as fn(usize) -> &'static str), ("i2", renamed)] {
        let customers: Vec<_> =
            ids.iter().enumerate().map(|(n, id)| CustomerRow { account_id: id, name: name(n) }).collect();
        let people: Vec<_> = ids.iter().enumerate().map(|(n, id)| contact(id, "a@x.example", n)).collect();
        let file = File { customers: &customers, attributes: &[], contacts: &people };
        file.import(&mut tx, id, fixture.now, false).await;
        let at = |n: &str, count| (n.to_owned(), count);
        assert_eq!(rows(&mut tx, "alfa").await, [at("C000", 200), at("C200", 200), at("C400", 50)]);
        if id == "i2" {
            assert_eq!(rows(&mut tx, "ab").await, [at("C001", 198), at("C200", 199), at("C400", 50)]);
            assert_eq!(rows(&mut tx, "ny").await, [at("C000", 3)]);
        }
    }
    assert_eq!(customer_words::count(&mut tx, "a", 99).await.unwrap(), 450 + 447);
    customer_words::remove(&mut tx, &ids[1..450], false).await.unwrap();
    assert_eq!(rows(&mut tx, "").await, [("C000".to_owned(), 1), ("C000".to_owned(), 1)], "alfa and ny of one");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn objections_are_paged_until_their_entries_are_cleared(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = |n: u128| uuid::Uuid::from_u128(n);
    for n in 1..=3 {
        objections::insert(&mut tx, id(10 + n), id(n)).await.unwrap();
    }
    objections::set_decided(&mut tx, id(12)).await.unwrap();
    assert_eq!(objections::find(&mut tx, id(12)).await.unwrap(), Some(id(2)));
    assert_eq!(objections::find(&mut tx, id(2)).await.unwrap(), None);
    let all = [(id(3), false), (id(2), true), (id(1), false)];
    assert_eq!(objections::page(&mut tx, false, None, 9).await.unwrap(), all);
    assert_eq!(objections::page(&mut tx, false, Some(id(3)), 1).await.unwrap(), all[1..2]);
    assert_eq!(objections::page(&mut tx, true, None, 9).await.unwrap(), [(id(1), false), (id(3), false)]);
    assert_eq!(objections::page(&mut tx, true, Some(id(1)), 9).await.unwrap(), [(id(3), false)]);
    objections::delete(&mut tx, &[id(1), id(2)]).await.unwrap();
    assert_eq!(objections::page(&mut tx, false, None, 9).await.unwrap(), [(id(3), false)]);
}
