//! Reports that write the address that was mailed in another form than the customers file.

use besked::domain::delivery::State;
use besked::domain::preference::Reason;
use besked::store::people::suppressions;

use super::return_path;
use crate::app::{TestApp, key, maintenance};
use crate::database::Engine;

/// The state of the delivery to an address, and why the address is suppressed, after a report about `recipient`.
async fn after(email: &str, recipient: &str, kind: &str) -> (State, Vec<Reason>) {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(&format!("account_id,customer_name,email,role\nC1,Ett AB,{email},service\n")).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let delivery = app.informed("C1", id).await.notices[0].deliveries[0].clone();
    assert_eq!(delivery.state, State::Accepted, "{email}");
    let path = return_path(&app, delivery.id);
    let report = format!(
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: {path}\nSubject: Undelivered Mail Returned to Sender\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type={kind}; boundary=B\n\n--B\n\nNo such user.\n--B\n\
         Content-Type: message/{kind}\nContent-Transfer-Encoding: 8bit\n\nReporting-MTA: dns; mx.example\n\n{recipient}\n\
         Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n\n--B--\n"
    );
    super::comes_back(&app, &path, report.into_bytes()).await;
    let state = app.informed("C1", id).await.notices[0].deliveries[0].state;
    let mut conn = app.app.context.store.read().await.unwrap();
    let found = suppressions::reasons(&mut conn, &key(email)).await.unwrap();
    (state, found.into_iter().map(|it| it.reason).collect())
}

#[tokio::test]
async fn an_address_is_the_same_in_each_of_its_forms() {
    let dead = (State::Bounced, vec![Reason::Dead]);
    let not_marked = (State::Bounced, vec![]);
    for (email, recipient, kind, expected) in [
        ("hej@skärgården.example", "Final-Recipient: rfc822; hej@xn--skrgrden-1zam.example", "delivery-status", &dead),
        ("hej@skärgården.example", "Final-Recipient: utf-8; hej@skärgården.example", "global-delivery-status", &dead),
        (
            "hej@skärgården.example",
            "Final-Recipient: utf-8; hej@sk\\x{E4}rg\\x{E5}rden.example",
            "delivery-status",
            &dead,
        ),
        ("anna@two.example", "Final-Recipient: rfc822; \"Anna\"@TWO.example", "delivery-status", &dead),
        ("anna+a@two.example", "Final-Recipient: rfc822;anna+a@two.example", "delivery-status", &dead),
        (
            "anna+a@two.example",
            "Original-Recipient: rfc822;anna+2Ba@two.example\nFinal-Recipient: rfc822;\"anna berg\"@two.example",
            "delivery-status",
            &not_marked,
        ),
    ] {
        assert_eq!(after(email, recipient, kind).await, *expected, "{recipient}");
    }
}
