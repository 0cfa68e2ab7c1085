//! `/verify`: what a file proves, for everybody and without a trace.

use besked::domain::operator::Role;

use super::desk::{at, staffed};
use crate::app::maintenance;
use crate::database::Engine;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_verified_or_refused_and_nothing_is_kept() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Compliance])).await;
    let id = Box::pin(app.release(&maintenance("all = true"))).await;
    Box::pin(app.run_until_idle()).await;
    let mut compliance = at(&door, "compliance").await;
    let path = format!("/notices/{id}/evidence/evidence.json?account=C1&messages=1");
    let file = compliance.get(&path).await.is(200).reply.body;
    let mut anybody = door.other();
    let page = anybody.get("/verify").await.is(200).says("Verify evidence");
    assert!(page.reply.header("content-security-policy").unwrap().contains("default-src 'none'"));
    let valid = anybody.upload("/verify", &[], ("evidence", "evidence.json", &file)).await.is(200);
    valid.says("The file is valid.").says(&id.to_string()).says("Recorded at").lacks("The file proves nothing");

    // One letter less.
    let mut changed = file.clone();
    let at = changed.iter().rposition(|byte| *byte == b'A').unwrap();
    changed[at] = b'B';
    anybody
        .upload("/verify", &[], ("evidence", "evidence.json", &changed))
        .await
        .is(422)
        .says("The file proves nothing.");
    let hostile = b"<script>alert(1)</script>";
    let refused = anybody.upload("/verify", &[], ("evidence", "x.json", hostile)).await.is(422);
    assert!(!refused.html().contains("<script>alert(1)"));
    anybody.upload("/verify", &[], ("evidence", "x.json", b"")).await.is(422).says("Choose a file.");
    anybody.upload("/verify", &[("other", "x")], ("file", "x.json", b"{}")).await.is(422).says("Choose a file.");
    let large = vec![b' '; (16 << 20) + 1];
    anybody.upload("/verify", &[], ("evidence", "x.json", &large)).await.is(413).says("too large");
    anybody.headers.push(("Accept-Language".to_owned(), "sv-SE,sv;q=0.9".to_owned()));
    anybody.get("/verify").await.is(200).says("Kontrollera bevis");
}
