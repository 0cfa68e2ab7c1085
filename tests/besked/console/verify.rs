//! `/verify`: what a file proves, for everybody and without a trace.

use std::time::Duration;

use besked::domain::operator::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

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

#[tokio::test(flavor = "multi_thread")]
async fn who_uploads_slowly_takes_nobody_s_turn() {
    let (_app, door) = Box::pin(staffed(Engine::Sqlite, &[])).await;
    let half = "POST /verify HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n\
        Content-Length: 100000\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"evidence\"\r\n\r\n{";
    let mut slow = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(door.node.at).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        // Nothing comes: it is being read.
        assert!(timeout(Duration::from_millis(200), stream.read(&mut [0])).await.is_err());
        slow.push(stream);
    }
    let page = door.other().upload("/verify", &[], ("evidence", "x.json", b"{}")).await;
    page.is(422).says("The file proves nothing.");
}
