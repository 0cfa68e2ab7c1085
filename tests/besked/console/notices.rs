//! The list of notices: filters, pages, and what is not in it for whom.

use besked::domain::operator::Role;
use rstest::rstest;

use super::desk::{BREACH, MAINTENANCE, at, changed, staffed, stored};
use crate::app::NEWS;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_filtered_and_paged(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Ops, Role::Security, Role::Admin]).await;
    let mut ops = at(&door, "ops").await;
    ops.get("/notices").await.is(200).says("No notice was written yet.");
    let references: Vec<String> = (0..60).map(|n| format!("CHG-{n:02}")).collect();
    for reference in &references {
        stored(&mut ops, &changed(&MAINTENANCE, &[("reference", reference)])).await;
    }
    app.release(NEWS).await;
    let first = ops.get("/notices").await.is(200).says("New region").says("CHG-59").lacks("CHG-10");
    let next = first.between("<a rel=\"next\" href=\"", "\"");
    ops.get(&next).await.is(200).says("CHG-10").says("CHG-00").lacks("New region").lacks("rel=\"next\"");
    ops.get("/notices?state=released").await.is(200).says("New region").lacks("CHG-59");
    ops.get("/notices?category=news&state=draft").await.is(200).says("No notice fits this.");
    ops.get("/notices?reference=CHG-31").await.is(200).says("CHG-31").lacks("CHG-32");
    // A word that is none and a cursor that is none are refused.
    let page = ops.get("/notices?state=%22%3E%3Cscript%3E").await.is(422).says("is not a state");
    assert!(!page.html().contains("\"><script>"));
    ops.get("/notices?after=x").await.is(422);

    let mut security = at(&door, "security").await;
    stored(&mut security, &BREACH).await;
    security.get("/notices").await.says("SEC-1");
    ops.get("/notices").await.lacks("SEC-1");
    at(&door, "admin").await.get("/notices").await.is(403);
}
