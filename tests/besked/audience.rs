//! Audiences and customers: who is imported, who is selected, and what is reported about a bad file.

use std::path::Path;

use besked::people::import::{ImportError, ImportOptions};
use besked::store::people::{contacts, customers};
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp};
use crate::database::Engine;

async fn addresses(app: &TestApp, account: &str) -> Vec<String> {
    let mut conn = app.app.context.store.read().await.unwrap();
    let found = contacts::of_customers(&mut conn, &[account]).await.unwrap().remove(account).unwrap_or_default();
    found.iter().map(|contact| contact.email.to_string()).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_in_the_file_has_exactly_the_contacts_in_the_file(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let imported = app.import(CUSTOMERS).await;
    assert_eq!((imported.customers, imported.contacts), (3, 5));
    app.import("account_id,customer_name,email,role,attr.region\nC1,Ett Nya AB,ny@ett.example,technical,\n").await;
    assert_eq!(addresses(&app, "C1").await, ["ny@ett.example"]);
    assert_eq!(addresses(&app, "C2").await, ["hello@two.example"], "customers not in the file stay");
    let mut conn = app.app.context.store.read().await.unwrap();
    let customer = customers::find(&mut conn, "C1").await.unwrap().unwrap();
    assert_eq!((customer.name.as_str(), customer.attributes.len()), ("Ett Nya AB", 0));
    drop(conn);
    app.import(CUSTOMERS).await;
    assert_eq!(addresses(&app, "C1").await.len(), 3, "a contact that comes back is active again");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_sample_file_is_imported_whole(#[case] engine: Engine) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/customers-1000.csv");
    let csv = std::fs::read(&file).expect("the sample data lies beside the repository");
    let app = TestApp::new(engine).await;
    let imported = app.try_import(&csv, ImportOptions::default()).await.unwrap();
    assert_eq!((imported.customers, imported.contacts), (1000, 2452));
    let notice = "+++\ncategory = \"billing\"\n[audience]\nall = true\n[fields]\ninvoice_number = \"1\"\nperiod = \"1\"\n\
        amount = \"1\"\ncurrency = \"SEK\"\ndue_date = 2026-12-24\n+++\n";
    let id = app.release(notice).await;
    let coverage = app.coverage(id).await;
    assert_eq!((coverage.customers, coverage.cannot_be), (1000, 413), "nobody drops out of the coverage");
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_removes_the_others_but_guards_against_a_wrong_file() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let one = b"account_id,customer_name,email\nC1,Ett AB,service@ett.example\n";
    let replace = ImportOptions { replace: true, ..ImportOptions::default() };
    let refused = app.try_import(one, replace.clone()).await;
    assert!(matches!(refused, Err(ImportError::Shrinks { file: 1, active: 3 })), "{refused:?}");
    app.try_import(one, ImportOptions { allow_shrink: true, ..replace }).await.unwrap();
    assert_eq!(customers::count_active(&mut app.app.context.store.read().await.unwrap()).await.unwrap(), 1);
    assert!(addresses(&app, "C2").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_row_is_reported_and_nothing_is_stored() {
    let app = TestApp::new(Engine::Sqlite).await;
    let long = "a".repeat(300);
    let csv = format!(
        "\u{feff}account_id,customer_name,email\nC1,Ett AB,a@ett.example\nC2,Two,not-an-address\nC2,\"Two\r\nLtd\",b@two.example\n\
         C3,Three\nC4,Four,{long}@four.example\nC1,Another name,c@ett.example\nC1,Ett AB,a@ett.example\nC5,Fi\u{1}ve,d@five.example\n"
    );
    let Err(ImportError::Invalid(problems)) = app.try_import(csv.as_bytes(), ImportOptions::default()).await else {
        panic!("a bad file was imported")
    };
    let told: Vec<(usize, &str)> =
        problems.problems.iter().map(|problem| (problem.line, problem.field.as_str())).collect();
    assert_eq!(
        told,
        [
            (3, "email"),
            (4, "customer_name"),
            (6, ""),
            (7, "email"),
            (8, "customer_name"),
            (9, "email"),
            (10, "customer_name")
        ]
    );
    assert_eq!(customers::count_active(&mut app.app.context.store.read().await.unwrap()).await.unwrap(), 0);

    let skip = ImportOptions { skip_invalid: true, ..ImportOptions::default() };
    let imported = app.try_import(csv.as_bytes(), skip).await.unwrap();
    assert_eq!((imported.customers, imported.contacts, imported.invalid.len()), (1, 1, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_customers_files_are_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    for (bytes, told) in [
        (&b""[..], "the file is empty"),
        (b"account_id,customer_name,email\n", "no rows"),
        (b"account_id,customer_name,email,email\nC1,a,b@c.example,d\n", "twice"),
        (b"account_id,customer_name,email\nC1,\xc5keri,a@b.example\n", "UTF-8"),
        (b"\xff\xfea\0c\0", "names none of the columns"),
        (b"%PDF-1.7 \x00\x01\x02", "is a PDF"),
    ] {
        let error = app.try_import(bytes, ImportOptions::default()).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_stores_nothing() {
    let app = TestApp::new(Engine::Sqlite).await;
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let imported = app.try_import(CUSTOMERS.as_bytes(), dry).await.unwrap();
    assert_eq!(imported.customers, 3);
    assert_eq!(customers::count_active(&mut app.app.context.store.read().await.unwrap()).await.unwrap(), 0);
}
