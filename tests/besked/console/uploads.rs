//! Files that wait to be imported: on every node, once, for their sender alone, and as they were shown.

use besked::domain::operator::Role;
use besked::operators::uploads::{Carried, NewUpload};
use besked::people::import::ImportOptions;
use rstest::rstest;

use super::browser::Browser;
use super::desk::{at, staffed};
use super::twice::second;
use crate::app::{TestApp, alice};
use crate::database::Engine;

const CHANGED: &[u8] = b"account_id,customer_name,email\nC2,Two Limited,hello@two.example\nC5,Five,info@five.example\n";

/// Uploads a file, and returns the id of the upload.
async fn looked(browser: &mut Browser, how: &[(&str, &str)], file: &[u8]) -> String {
    let page = browser.upload("/customers/import", how, ("file", "kunder.csv", file)).await.is(200);
    page.says("would change").between("name=\"upload\" value=\"", "\"")
}

async fn import(browser: &mut Browser, upload: &str) -> super::browser::Page {
    browser.post("/customers/import/do", &[("upload", upload)]).await
}

async fn parts(app: &TestApp) -> i64 {
    let mut conn = app.app.context.store.read().await.unwrap();
    sqlx::query_scalar("SELECT COUNT(*) FROM upload_parts").fetch_one(&mut *conn).await.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_on_another_node_and_once(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Admin])).await;
    let mut admin = at(&door, "admin").await;
    let mut other = second(&app).await;
    other.sign_in("admin").await;
    // Of several parts, and with one customer fewer: who is not in it has left.
    let mut large = b"account_id,customer_name,email\n".to_vec();
    for i in 0..40_000 {
        large.extend(format!("N{i},Customer number {i} of many,contact{i}@many.example\n").bytes());
    }
    large.extend(b"C2,Two Limited,hello@two.example\n");
    let upload = looked(&mut admin, &[("how", "replace")], &large).await;
    assert!(parts(&app).await > 1);
    let (one, two) = tokio::join!(import(&mut admin, &upload), import(&mut other, &upload));
    let done = [&one, &two].iter().filter(|page| page.text().contains("The file is imported.")).count();
    assert!(done >= 1, "{}\n{}", one.text(), two.text());
    for page in [one, two] {
        assert!(matches!(page.status(), 200), "{}", page.text());
    }
    import(&mut other, &upload).await.is(200).says("The file is imported.");
    let customers = admin.get("/customers?q=Two").await.is(200).says("Two Limited");
    drop(customers);
    admin.get("/customers/C1").await.is(200).says("Has left");
    admin.get("/customers/N39999").await.is(200).says("Customer number 39999").lacks("Has left");
    assert_eq!(parts(&app).await, 0, "nothing of an imported file is kept");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_would_change_something_else_is_shown_again(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Admin])).await;
    let mut admin = at(&door, "admin").await;
    let upload = looked(&mut admin, &[], CHANGED).await;
    app.import("account_id,customer_name,email\nC5,Fifth,info@five.example\nC6,Six,info@six.example\n").await;
    let page = import(&mut admin, &upload).await.is(200).says("Customers were changed since").lacks("is imported.");
    let again = page.between("name=\"upload\" value=\"", "\"");
    assert_eq!(again, upload);
    admin.get("/customers").await.says("Fifth").lacks("Two Limited");
    import(&mut admin, &again).await.is(200).says("The file is imported.");
    admin.get("/customers").await.says("Five").says("Two Limited");

    // A file that is not the one that was seen is not imported.
    let upload = looked(&mut admin, &[], b"account_id,customer_name,email\nC7,Seven,info@seven.example\n").await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let other = b"account_id,customer_name,email\nC7,Eight,info@eight.example\n".as_slice();
    sqlx::query("UPDATE upload_parts SET bytes = $1 WHERE upload_id = $2")
        .bind(other)
        .bind(&upload)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    import(&mut admin, &upload).await.is(500);
    admin.get("/customers").await.lacks("Eight").lacks("Seven");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_its_senders_and_ends(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Admin, Role::Ops])).await;
    let (admins, uploads) = (&app.app.operators, &app.app.uploads);
    let roles = [Role::Admin].into_iter().collect();
    admins.set(&alice(), "ops", roles, None).await.unwrap();
    let (mut admin, mut ops) = (at(&door, "admin").await, at(&door, "ops").await);
    let upload = looked(&mut admin, &[], CHANGED).await;
    // A colleague's files make no room of another one's.
    for _ in 0..9 {
        looked(&mut ops, &[], CHANGED).await;
    }
    assert_eq!(parts(&app).await, 4, "three of each operator wait at most");
    import(&mut ops, &upload).await.is(422).says("not here any more");
    import(&mut admin, &upload).await.is(200).says("The file is imported.");

    // With its operator.
    let upload = looked(&mut ops, &[], CHANGED).await;
    admins.disable(&alice(), "ops").await.unwrap();
    assert_eq!(parts(&app).await, 0);
    admins.enable(&alice(), "ops").await.unwrap();
    let mut ops = at(&door, "ops").await;
    import(&mut ops, &upload).await.is(422).says("not here any more");

    // With a person who is erased: the file may name them.
    let mut admin = at(&door, "admin").await;
    let upload = looked(&mut admin, &[], CHANGED).await;
    app.erase("hello@two.example").await.unwrap();
    assert_eq!(parts(&app).await, 0);
    import(&mut admin, &upload).await.is(422).says("not here any more");

    // After an hour.
    let upload = looked(&mut admin, &[], b"account_id,customer_name,email\nC8,Eight,x@eight.example\n").await;
    app.advance(std::time::Duration::from_mins(61));
    assert_eq!(uploads.sweep().await.unwrap(), 1);
    assert_eq!(parts(&app).await, 0);
    let mut admin = at(&door, "admin").await;
    import(&mut admin, &upload).await.is(422).says("not here any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_import_fails_waits_on() {
    let (app, _door) = staffed(Engine::Sqlite, &[Role::Admin]).await;
    let operator = uuid::Uuid::from_u128(7);
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, CHANGED).unwrap();
    let new = NewUpload {
        name: "kunder.csv".to_owned(),
        options: ImportOptions { replace: true, allow_shrink: true, ..ImportOptions::default() },
        file,
        size: CHANGED.len() as u64,
    };
    let uploads = &app.app.uploads;
    let looked = uploads.look(&alice(), operator, new).await.unwrap();
    // Nobody knows who was erased: the import fails, and is tried again later.
    let journal = &app.app.context.config.privacy.journal_file;
    std::fs::create_dir_all(journal).unwrap();
    uploads.carry_out(&alice(), operator, looked.id).await.unwrap_err();
    std::fs::remove_dir(journal).unwrap();
    let carried = uploads.carry_out(&alice(), operator, looked.id).await.unwrap();
    assert!(matches!(carried, Carried::Imported(imported) if imported.customers == 2));
    assert!(matches!(uploads.carry_out(&alice(), operator, looked.id).await.unwrap(), Carried::Before));
}
