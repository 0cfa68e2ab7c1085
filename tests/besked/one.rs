//! One customer at a time, as a program keeps it; and the search for customers.

use besked::domain::delivery::State;
use besked::domain::page::PageRequest;
use besked::people::customers::CustomerError;
use besked::people::import::{ImportError, Imported};
use besked::people::one::{Put, PutContact};
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;

fn contact(email: &str, role: &str) -> PutContact {
    PutContact {
        email: email.to_owned(),
        name: "Åsa".to_owned(),
        role: role.to_owned(),
        locale: Some("sv".to_owned()),
        time_zone: None,
    }
}

fn put(name: &str, contacts: Vec<PutContact>) -> Put {
    Put { name: name.to_owned(), contacts, ..Put::default() }
}

impl TestApp {
    async fn put(&self, account: &str, put: &Put) -> Result<Imported, ImportError> {
        self.app.customers.put_one(&alice(), account, put).await
    }

    async fn contacts(&self, account: &str) -> Vec<String> {
        let shown = self.app.customers.show(&alice(), account).await.unwrap();
        shown.contacts.into_iter().map(|it| format!("{} {}", it.email, it.role)).collect()
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_exactly_what_was_put(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let mut new = put("Ny, \"AB\"", vec![contact("a@ny.example", "technical"), contact("b@ny.example", "")]);
    new.attributes.insert("region".to_owned(), vec!["sto2".to_owned(), "lon1".to_owned()]);
    let stored = app.put("C9", &new).await.unwrap();
    assert_eq!((stored.customers, stored.contacts), (1, 2));
    assert_eq!(app.contacts("C9").await, ["a@ny.example technical", "b@ny.example service"]);
    let shown = app.app.customers.show(&alice(), "C9").await.unwrap();
    assert_eq!((shown.name.as_str(), shown.attributes["region"].len()), ("Ny, \"AB\"", 2));
    app.put("C9", &new).await.unwrap();
    // Contacts and attributes that are not there any more go; other customers stay as they are.
    app.put("C9", &put("Ny AB", vec![contact("b@ny.example", "service")])).await.unwrap();
    assert_eq!(app.contacts("C9").await, ["b@ny.example service"]);
    assert!(app.app.customers.show(&alice(), "C9").await.unwrap().attributes.is_empty());
    assert_eq!(app.contacts("C1").await.len(), 3);
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_rules_are_those_of_an_import_and_each_problem_has_its_place(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let mut bad = put("", vec![contact("no address", "chef"), contact("ok@ny.example", "service")]);
    bad.contacts[1].time_zone = Some("Nowhere".to_owned());
    let Err(ImportError::Invalid(rows)) = app.put("C 9", &bad).await else { panic!("it was stored") };
    let mut places: Vec<_> = rows.problems.iter().map(|it| it.pointer.clone().unwrap().to_string()).collect();
    places.sort();
    places.dedup();
    assert_eq!(places, ["/account_id", "/contacts/0/email", "/contacts/0/role", "/contacts/1/time_zone", "/name"]);
    let mut bad = put("Ny", Vec::new());
    bad.attributes.insert("a/b".to_owned(), vec!["x;y".to_owned()]);
    let Err(ImportError::Invalid(rows)) = app.put("C9", &bad).await else { panic!("it was stored") };
    let places: Vec<_> = rows.problems.iter().map(|it| it.pointer.clone().unwrap().to_string()).collect();
    assert_eq!(places.len(), 2);
    assert!(
        places.contains(&"/contacts".to_owned()) && places.contains(&"/attributes/a~1b/0".to_owned()),
        "{places:?}"
    );
    // An erased person stays erased.
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    let again = put("Two Ltd", vec![contact("hello@two.example", ""), contact("new@two.example", "")]);
    let stored = app.put("C2", &again).await.unwrap();
    assert_eq!((stored.contacts, stored.erased.len()), (1, 1));
    assert_eq!(app.contacts("C2").await, ["new@two.example service"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_left_is_not_addressed_and_comes_back_by_being_put(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    assert!(app.app.customers.leave(&alice(), "C2").await.unwrap());
    assert!(!app.app.customers.leave(&alice(), "C2").await.unwrap(), "it had left");
    assert!(matches!(app.app.customers.leave(&alice(), "C99").await, Err(CustomerError::Unknown(_))));
    assert!(matches!(app.app.customers.leave(&alice(), "C 9").await, Err(CustomerError::Unknown(_))));
    let shown = app.app.customers.show(&alice(), "C2").await.unwrap();
    assert_eq!((shown.status.as_str(), shown.contacts.len(), shown.contacts[0].former), ("left", 1, true));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
    assert!(app.relay.to("hello@two.example").is_empty());
    app.put("C2", &put("Two Ltd", vec![contact("hello@two.example", "service")])).await.unwrap();
    assert_eq!(app.app.customers.show(&alice(), "C2").await.unwrap().status, "active");
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_id_name_and_address_page_by_page(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&format!("{CUSTOMERS}K7,Åkeri 100%_AB,info@akeri.example,,service,sv,,\n")).await;
    let found = async |text: &str, after: Option<&str>, limit| {
        let page = PageRequest { after: after.map(str::to_owned), limit };
        let page = app.app.customers.search(&alice(), text, &page).await.unwrap();
        (page.items.into_iter().map(|it| it.account_id).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(found("k7", None, 9).await.0, ["K7"]);
    assert_eq!(found("åkeri", None, 9).await.0, ["K7"]);
    assert_eq!(found("akeri ab", None, 9).await.0, ["K7"], "each word begins one, whatever its accents");
    assert_eq!(found("AB 100", None, 9).await.0, ["K7"]);
    assert!(found("keri", None, 9).await.0.is_empty(), "words are found by how they begin");
    assert!(found("akeri ett", None, 9).await.0.is_empty(), "all words must be there");
    assert!(found("%", None, 9).await.0.is_empty() && found("_7", None, 9).await.0.is_empty(), "nothing is a wildcard");
    assert_eq!(found("TEKNIK@ett", None, 9).await.0, ["C1"]);
    assert!(found("nobody", None, 9).await.0.is_empty());
    let (first, next) = found("c", None, 2).await;
    assert_eq!(first, ["C1", "C2"]);
    assert_eq!(found("c", next.as_deref(), 2).await, (vec!["C3".to_owned()], None));
    for cursor in ["9 C1", "C1", "0 c C1 C1", "2 zz C1 C1", "x C1"] {
        let page = PageRequest { after: Some(cursor.to_owned()), limit: 2 };
        let refused = app.app.customers.search(&alice(), "c", &page).await;
        assert!(matches!(refused, Err(CustomerError::Cursor(_))), "{cursor}");
    }
}

/// A customer that is found by several of its words, by its account and by its addresses is listed once, however long the pages are.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn each_customer_is_listed_once_over_all_pages(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let names = ["Anders Andersson", "Andreas Ander AB", "Anderson", "Bo Andersson", "Bo Ek", "Cilla Anders-Ek"];
    let mut file = "account_id,customer_name,email\n".to_owned();
    for n in 0..60 {
        let (account, name) = (["Ander", "C", "ANDER-"][n % 3], names[n % names.len()]);
        file += &format!("{account}{n},{name},ander{n}@x.example\n{account}{n},{name},anders.two{n}@x.example\n");
    }
    app.import(&file).await;
    for (text, wanted) in [("ander", 60), ("ander ek", 10), ("bo", 20), ("and an", 50), ("anders.two", 60), ("c", 30)] {
        let whole = PageRequest { after: None, limit: 100 };
        let whole = app.app.customers.search(&alice(), text, &whole).await.unwrap();
        assert_eq!((whole.items.len(), whole.next.as_deref()), (wanted, None), "{text}");
        for limit in [1, 2, 7] {
            let (mut after, mut all) = (None, Vec::new());
            loop {
                let page = PageRequest { after, limit };
                let page = app.app.customers.search(&alice(), text, &page).await.unwrap();
                all.extend(page.items);
                let Some(next) = page.next else { break };
                after = Some(next);
            }
            assert_eq!(all, whole.items, "{text}, {limit} a page");
        }
    }
}

#[test]
fn the_list_searches() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let found = shell.run(&["--json", "customers", "list", "--search", "AP@three"]).ok().json();
    assert_eq!(
        (found["customers"].as_array().unwrap().len(), found["customers"][0]["account_id"].as_str()),
        (1, Some("C3"))
    );
    assert!(found["next"].is_null());
}
