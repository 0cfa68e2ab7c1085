//! What an address opted out of, and why it is not mailed: who changed it is in the ledger.

use besked::domain::actor::Actor;
use besked::domain::category::Category;
use besked::domain::entry::{Detail, Event, Fact, Person};
use besked::domain::page::PageRequest;
use besked::domain::preference::{Reason, Wish};
use besked::people::preferences::PreferenceError;
use besked::people::suppressions::SuppressionError;
use besked::store::Conn;
use besked::store::proof::ledger;
use rstest::rstest;

use crate::app::{TestApp, address, key};
use crate::cli::Shell;
use crate::database::Engine;

fn bo() -> Actor {
    Actor::cli("bo", "root").unwrap()
}

/// What was done about an address, by whom, and with which words.
pub async fn operated(conn: &mut Conn, email: &str) -> Vec<(String, String, String)> {
    let entries = ledger::of_address(conn, &key(email)).await.unwrap();
    let operated = entries.into_iter().filter(|opening| opening.event == Event::Operated);
    let told = operated.map(|opening| {
        let fact = Fact::from_cbor(&opening.fact).unwrap();
        let person = Person::from_cbor(opening.person.as_deref().unwrap()).unwrap();
        let Detail::Operated { action, .. } = fact.detail else { panic!("{fact:?}") };
        (action.as_str().to_owned(), person.role, person.reply)
    });
    told.collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_set_an_opt_out_and_who_withdrew_it_is_recorded(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (person, preferences) = (address("anna@ett.example"), &app.app.preferences);
    let wish = |category, opted_out| Wish::new(category, opted_out).unwrap();
    preferences.set(&bo(), &person, &[wish(Category::News, true), wish(Category::Survey, true)]).await.unwrap();
    preferences.set(&bo(), &person, &[wish(Category::News, true)]).await.unwrap();
    preferences.set(&bo(), &person, &[wish(Category::News, false)]).await.unwrap();
    let shown = preferences.show(&bo(), &person).await.unwrap();
    assert_eq!(shown.by, [(Category::Survey, "bo (command line, user root)".to_owned())].into());
    assert_eq!(shown.opt_outs.iter().map(|it| it.category).collect::<Vec<_>>(), [Category::Survey]);
    assert_eq!(shown.opt_outs[0].source, "operator");
    let told: Vec<_> = operated(&mut app.app.context.store.read().await.unwrap(), "Anna@ett.example").await;
    let by = "bo (command line, user root)";
    let entry = |action: &str, words: &str| (action.to_owned(), by.to_owned(), words.to_owned());
    assert_eq!(told, [entry("opt_out", "news, survey: operator"), entry("opt_in", "news: operator")]);
    let both = [wish(Category::News, true), wish(Category::News, false)];
    assert!(matches!(
        preferences.set(&bo(), &person, &both).await,
        Err(PreferenceError::Contradiction(Category::News))
    ));
    assert!(Wish::new(Category::Billing, true).is_err(), "nobody opts out of a mandatory category");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_suppressed_an_address_and_who_lifted_it_is_recorded(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (person, suppressions) = (address("anna@ett.example"), &app.app.suppressions);
    assert!(suppressions.add(&bo(), &person, Reason::Manual).await.unwrap());
    assert!(!suppressions.add(&bo(), &person, Reason::Manual).await.unwrap(), "it is so already");
    let refused = suppressions.add(&bo(), &person, Reason::Restricted).await;
    assert!(matches!(refused, Err(SuppressionError::Reason(Reason::Restricted))), "that is a person's right");
    assert_eq!(suppressions.remove(&bo(), &address("ANNA@ett.example")).await.unwrap(), [Reason::Manual]);
    assert!(matches!(suppressions.remove(&bo(), &person).await, Err(SuppressionError::NotSuppressed(_))));
    let told = operated(&mut app.app.context.store.read().await.unwrap(), "anna@ett.example").await;
    let by = "bo (command line, user root)";
    let entry = |action: &str| (action.to_owned(), by.to_owned(), "manual".to_owned());
    assert_eq!(told, [entry("suppress"), entry("unsuppress")]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_list_of_suppressions_pages_past_a_restricted_address_without_naming_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let suppressions = &app.app.suppressions;
    for email in ["a@x.example", "c@x.example"] {
        suppressions.add(&bo(), &address(email), Reason::Manual).await.unwrap();
    }
    let mut tx = app.app.context.store.write().await.unwrap();
    let now = app.app.context.clock.now();
    for reason in [Reason::Restricted, Reason::Dead] {
        besked::store::people::suppressions::add(&mut tx, &address("bengt@x.example"), reason, now).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut request = PageRequest { after: None, limit: 1 };
    let mut seen = Vec::new();
    loop {
        let page = suppressions.list(&bo(), &request).await.unwrap();
        seen.extend(page.items.into_iter().map(|it| (it.email, it.reason)));
        let Some(next) = page.next else { break };
        assert!(!next.contains("bengt"), "{next}");
        request.after = Some(next);
    }
    let masked = seen[1].0.clone();
    assert!(!masked.contains("bengt"), "{masked}");
    assert_eq!(
        seen,
        [
            ("a@x.example".to_owned(), Reason::Manual),
            (masked.clone(), Reason::Dead),
            (masked, Reason::Restricted),
            ("c@x.example".to_owned(), Reason::Manual)
        ]
    );
    let made_up = PageRequest { after: Some("bengt@x.example".to_owned()), limit: 1 };
    assert!(matches!(suppressions.list(&bo(), &made_up).await, Err(SuppressionError::Cursor(_))));
}

#[tokio::test]
async fn the_commands_print_json_and_refuse_what_cannot_be() {
    let shell = Shell::new();
    shell.run(&["suppressions", "add", "a@x.example", "--reason", "manual"]).ok();
    shell.run(&["suppressions", "add", "b@x.example", "--reason", "restricted"]).fails(2, &["can be added"]);
    let list = shell.run(&["--json", "suppressions", "list", "--all"]).ok().json();
    assert_eq!((&list["suppressions"][0]["email"], &list["next"]), (&"a@x.example".into(), &serde_json::Value::Null));
    shell.run(&["suppressions", "list", "--after", "x"]).fails(2, &["not a cursor"]);
    shell.run(&["suppressions", "remove", "b@x.example"]).fails(2, &["is not suppressed"]);
    shell.run(&["preferences", "set", "a@x.example", "--opt-out", "billing"]).fails(2, &["is mandatory"]);
    shell.run(&["preferences", "set", "a@x.example"]).fails(2, &[]);
    let set = shell.run(&["--json", "preferences", "set", "A@x.example", "--opt-out", "news"]).ok().json();
    assert_eq!(set["opt_outs"][0]["category"], "news");
    let shown = shell.run(&["preferences", "show", "a@x.example"]).ok().out;
    assert!(shown.contains("operator, ") && shown.contains(" (command line, user "), "{shown}");
    let shown = shell.run(&["--json", "preferences", "show", "a@x.example"]).ok().json();
    assert_eq!(shown["opt_outs"][0]["source"], "operator");
}
