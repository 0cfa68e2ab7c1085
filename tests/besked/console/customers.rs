//! Customers in the console: searched, shown, and imported after a look at what changes.

use besked::domain::operator::Role;
use rstest::rstest;

use super::desk::{at, staffed};
use crate::database::Engine;

const CHANGED: &[u8] = b"account_id,customer_name,email\nC2,Two Limited,hello@two.example\nC5,Five,info@five.example\n";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_once_its_changes_were_seen(#[case] engine: Engine) {
    let (_app, door) = Box::pin(staffed(engine, &[Role::Admin, Role::Support])).await;
    let mut admin = at(&door, "admin").await;
    admin.get("/customers").await.is(200).says("Two Ltd").says("Import customers");
    let seen = admin.upload("/customers/import", &[], ("file", "kunder.csv", CHANGED)).await.is(200);
    let seen = seen.says("This is what kunder.csv would change.").says("C5").says("another name");
    let seen = seen.lacks("info@five.example").lacks("hello@two.example");
    let upload = seen.between("name=\"upload\" value=\"", "\"");
    admin.get("/customers").await.lacks("Five");
    let mut support = at(&door, "support").await;
    support.post("/customers/import/do", &[("upload", &upload)]).await.is(403);
    admin.post("/customers/import/do", &[("upload", &upload)]).await.is(200).says("The file is imported.");
    admin.get("/customers").await.says("Five").says("Two Limited");
    admin.post("/customers/import/do", &[("upload", &upload)]).await.is(200).says("The file is imported.");

    let wrong = b"account_id,customer_name,email\nC6,Six,nobody\nC7,,x@seven.example\n";
    let refused = admin.upload("/customers/import", &[], ("file", "fel.csv", wrong)).await.is(422);
    refused.says("fel.csv cannot be imported as it is.").says("line 2").says("line 3");
    let skipped = admin.upload("/customers/import", &[("how", "skip_invalid")], ("file", "fel.csv", wrong)).await;
    skipped.is(422);
    let few = admin.upload("/customers/import", &[("how", "replace")], ("file", "few.csv", CHANGED)).await.is(200);
    few.says("Gone");
    admin.upload("/customers/import", &[], ("file", "tom.csv", b"")).await.is(422).says("not empty");
    admin.upload("/customers/import", &[], ("file", "a.zip", b"PK\x03\x04 no archive")).await.is(422);
    let utf16: Vec<u8> = "\u{feff}account_id,customer_name,email\nC8,Eight,x@eight.example\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    admin.upload("/customers/import", &[], ("file", "utf16.csv", &utf16)).await.is(200).says("C8");
    support.get("/customers/import").await.is(403);
    support.upload("/customers/import", &[], ("file", "kunder.csv", CHANGED)).await.is(403);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_shown_as_far_as_the_roles_reach(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Support, Role::Marketing, Role::Admin, Role::Finance])).await;
    app.wish("hello@two.example", besked::domain::category::Category::News, true).await;
    Box::pin(app.release(&crate::app::maintenance("all = true"))).await;
    Box::pin(app.run_until_idle()).await;
    let mut support = at(&door, "support").await;
    support.get("/customers?q=two").await.is(200).says("Two Ltd").lacks("Ett AB");
    let page = support.get("/customers/C2").await.is(200).says("hello@two.example").says("Carol").says("lon1, sto2");
    page.says("Opted out").says("News").says("Informed");
    let mut finance = at(&door, "finance").await;
    finance.get("/customers/C1").await.is(200).says("faktura@ett.example").lacks("teknik@ett.example");
    let mut marketing = at(&door, "marketing").await;
    marketing.get("/customers/C2").await.is(200).lacks("hello@two.example").lacks("Carol");
    support.get("/customers/C9").await.is(404);

    support.get("/customers/C2/calendar").await.is(200).lacks("/c/");
    let given = support.post("/customers/C2/calendar", &[]).await.is(200).says(".ics");
    assert!(given.text().contains("https://notices.example.com/c/"));
    support.submit("/customers/C2/calendar/revoke", &[]).await.is(200).says("does not work any more");
    marketing.get("/customers/C2/calendar").await.is(403);

    support.post("/customers/C2/leave", &[]).await.is(403);
    let mut admin = at(&door, "admin").await;
    admin.submit("/customers/C2/leave", &[]).await.is(200).says("marked as left").says("Has left");
    admin.get("/customers").await.lacks("Two Ltd");
}
