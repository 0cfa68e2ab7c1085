//! Columns that a customers file does not have, and what an import says it changed.

use std::time::Duration;

use besked::people::import::{ImportOptions, KeptColumn};
use rstest::rstest;

use crate::app::{TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;

const FULL: &str = "account_id,customer_name,email,contact_name,role,locale,time_zone,attr.region,attr.plan\n\
    C1,Ett AB,a@ett.example,Anna,technical,sv,Europe/Stockholm,sto2,pro\n\
    C1,Ett AB,a@ett.example,Anna,billing,sv,Europe/Stockholm,sto2,pro\n\
    C1,Ett AB,b@ett.example,Bo,legal,en,,sto2,pro\n";

const SHORT: &str = "account_id,customer_name,email\nC1,Ett AB,a@ett.example\nC1,Ett AB,b@ett.example\n";

/// The contacts of a customer as text, its attributes, and when it was changed.
async fn of(app: &TestApp, account: &str) -> (Vec<String>, usize, jiff::Timestamp) {
    let shown = app.app.customers.show(&alice(), account).await.unwrap();
    let contacts = shown.contacts.iter().map(|it| {
        let (locale, zone) = (it.locale.clone().unwrap_or_default(), it.time_zone.clone().unwrap_or_default());
        format!("{} {} {} {locale} {zone}", it.email, it.name, it.role)
    });
    (contacts.collect(), shown.attributes.len(), shown.updated_at)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_missing_leaves_what_is_stored(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let first = app.import(FULL).await.changes.unwrap();
    assert_eq!((first.new, first.contacts.new, first.attributes, first.kept.len()), (1, 3, 2, 0));
    let before = of(&app, "C1").await;
    app.advance(Duration::from_secs(60));
    let again = app.import(SHORT).await.changes.unwrap();
    assert_eq!(of(&app, "C1").await, before);
    assert_eq!((again.changed, again.contacts.gone, again.contacts.changed), (0, 0, 0), "{again:?}");
    let kept: Vec<(&str, u64)> =
        again.kept.iter().map(|KeptColumn { column, keep }| (column.as_str(), *keep)).collect();
    assert_eq!(
        kept,
        [("contact_name", 3), ("role", 3), ("locale", 3), ("time_zone", 2), ("attr.plan", 1), ("attr.region", 1)]
    );
    // An address that is not in the file is gone with all its roles, and a new one gets the defaults.
    let other = SHORT.replace("a@ett.example", "c@ett.example");
    let changes = app.import(&other).await.changes.unwrap();
    assert_eq!((changes.changed, changes.contacts.gone, changes.contacts.new), (1, 2, 1), "{changes:?}");
    let (contacts, attributes, _) = of(&app, "C1").await;
    assert_eq!(
        (contacts, attributes),
        (vec!["c@ett.example  service  ".to_owned(), "b@ett.example Bo legal en ".to_owned()], 2)
    );
    // A column that is there and empty empties it.
    let empty = "account_id,customer_name,email,contact_name,attr.region\nC1,Ett AB,b@ett.example,,\n";
    let changes = app.import(empty).await.changes.unwrap();
    assert_eq!((changes.gone_attributes, changes.contacts.changed), (1, 1), "{changes:?}");
    let (contacts, attributes, _) = of(&app, "C1").await;
    assert_eq!((contacts, attributes), (vec!["b@ett.example  legal en ".to_owned()], 1));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_changed_when_its_contacts_or_attributes_are(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(FULL).await;
    let mut last = of(&app, "C1").await.2;
    for (file, moves) in [
        (FULL.to_owned(), false),
        (FULL.replace("sto2", "got"), true),
        (FULL.replace(",sto2", ","), true),
        (FULL.replace("Bo,", "Bosse,").replace(",sto2", ","), true),
        (FULL.replace("b@ett", "d@ett").replace(",sto2", ","), true),
    ] {
        app.advance(Duration::from_secs(60));
        app.import(&file).await;
        let now = of(&app, "C1").await.2;
        assert_eq!(now > last, moves, "{file}");
        last = now;
    }
    // A customer that left did so when it left.
    app.advance(Duration::from_secs(60));
    let others = "account_id,customer_name,email\nC2,Två,b@x.example\n";
    app.try_import(others.as_bytes(), ImportOptions { replace: true, ..ImportOptions::default() }).await.unwrap();
    let left = of(&app, "C1").await.2;
    assert!(left > last);
}

#[test]
fn an_import_says_what_it_changed_and_a_dry_run_which_contacts() {
    let shell = Shell::new();
    shell.write("customers.csv", FULL);
    let out = shell.run(&["customers", "import", "customers.csv"]).ok().out;
    for told in ["customers: 1 new, 0 changed, 0 gone", "contacts: 3 new, 0 changed", "attribute values: 2 set, 0 gone"]
    {
        assert!(out.contains(told), "{told}: {out}");
    }
    shell.write("next.csv", &FULL.replace("Bo,legal", "Bo,security").replace(",pro\n", "\n").replace(",attr.plan", ""));
    let arguments = ["customers", "import", "next.csv", "--dry-run"];
    let out = shell.run(&arguments).ok().out;
    for told in [
        "b@ett.example (legal) gone, b@ett.example (security) new",
        "the file has no column `attr.plan`: 1 customer keeps the value that is stored",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
    let json = shell.run(&[&["--json"][..], &arguments].concat()).ok().json();
    let change = &json["changes"]["customers"][0]["addresses"][0];
    assert_eq!((&change["email"], &change["change"]), (&"b@ett.example".into(), &"gone".into()), "{json}");
    assert_eq!(json["changes"]["kept"][0]["column"], "attr.plan", "{json}");
    shell.write("bad.csv", &format!("{FULL}C9,Nio AB,no-address,,,,,,\n"));
    let out = shell.run(&["customers", "import", "bad.csv", "--skip-invalid"]).ok().out;
    assert!(out.contains("not imported: C9: no row") && !out.contains("kept as it was: C9"), "{out}");
}
