//! What comes back by mail: read, tied to its delivery, recorded with its effects.

mod answered;
mod bounds;
mod breach;
mod copies;
mod corpus;
mod doctor;
mod effects;
mod found;
mod imap;
mod lmtp;
mod loops;
mod mailboxes;
mod maildir;
mod mutated;
mod persons;
mod postfix;
mod refused;
mod replies;
mod spelled;
mod unlisted;
mod unsent;
mod wrong;

use besked::coverage::InformedDelivery;
use besked::domain::inbound::Route;
use besked::domain::page::PageRequest;
use besked::domain::task::TaskKind;
use besked::inbound::work::Worked;
use besked::inbound::{Incoming, Stored, Taken};
use besked::store::tasks;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
pub use answered::{Answered, SUPPORT, parts};

/// A maintenance notice to C1 and C2, accepted by the relay. Returns the notice, and the delivery to C2.
pub async fn notified(app: &TestApp) -> (Uuid, InformedDelivery) {
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    (id, to_c2(app, id).await)
}

/// The delivery of a notice to C2.
pub async fn to_c2(app: &TestApp, notice: Uuid) -> InformedDelivery {
    app.informed("C2", notice).await.notices[0].deliveries[0].clone()
}

/// The return path of a delivery.
pub fn return_path(app: &TestApp, delivery: Uuid) -> String {
    app.app.key().return_path(delivery, "bounces.example.com").to_string()
}

/// A delivery report (RFC 3464).
#[derive(Clone, Debug)]
pub struct Dsn<'a> {
    pub to: &'a str,
    pub id: &'a str,
    pub recipient: &'a str,
    pub original: Option<&'a str>,
    pub action: &'a str,
    pub status: &'a str,
    pub diagnostic: &'a str,
    /// Headers of the message that it returns.
    pub returned: &'a str,
}

impl Default for Dsn<'_> {
    fn default() -> Self {
        Self {
            to: "nobody@bounces.example.com",
            id: "1@mx.two.example",
            recipient: "hello@two.example",
            original: None,
            action: "failed",
            status: "5.1.1",
            diagnostic: "550 5.1.1 <hello@two.example>: Recipient address rejected: User unknown",
            returned: "",
        }
    }
}

impl Dsn<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let original = self.original.map(|it| format!("Original-Recipient: rfc822;{it}\n")).unwrap_or_default();
        format!(
            "Return-Path: <>\nDelivered-To: {to}\nFrom: MAILER-DAEMON@mx.two.example (Mail Delivery System)\nTo: {to}\n\
             Subject: Undelivered Mail Returned to Sender\nMessage-ID: <{id}>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\n\n--B\nContent-Type: text/plain\n\n\
             This is the mail system at host mx.two.example.\n\n--B\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.two.example\n\nFinal-Recipient: rfc822; {recipient}\n{original}Action: {action}\n\
             Status: {status}\nRemote-MTA: dns; mx.two.example\nDiagnostic-Code: smtp; {diagnostic}\n\n--B\n\
             Content-Type: text/rfc822-headers\n\n{returned}\n--B--\n",
            to = self.to,
            id = self.id,
            recipient = self.recipient,
            action = self.action,
            status = self.status,
            diagnostic = self.diagnostic,
            returned = self.returned,
        )
        .into_bytes()
    }
}

/// Takes a message for an envelope recipient.
pub async fn take(app: &TestApp, recipient: Option<&str>, bytes: Vec<u8>) -> Taken {
    let recipient = recipient.map(str::to_owned);
    let message = Incoming { route: Route::Lmtp, recipient, sender: Some(String::new()), bytes };
    app.app.inbound.deliver(message).await.unwrap()
}

/// Takes a message and records what waits.
pub async fn comes_back(app: &TestApp, recipient: &str, bytes: Vec<u8>) -> Worked {
    take(app, Some(recipient), bytes).await;
    app.app.inbound.work_once().await.unwrap()
}

/// A report about a delivery comes back to its return path.
pub async fn reported(app: &TestApp, delivery: Uuid, dsn: &Dsn<'_>) -> Worked {
    let path = return_path(app, delivery);
    comes_back(app, &path, Dsn { to: &path, ..dsn.clone() }.bytes()).await
}

/// The kinds of the open tasks about what came back, the newest first.
pub async fn open_tasks(app: &TestApp) -> Vec<TaskKind> {
    let mut conn = app.app.context.store.read().await.unwrap();
    let kinds =
        tasks::list(&mut conn, true, None, 100, tasks::Visible::ALL).await.unwrap().into_iter().map(|task| task.kind);
    kinds.filter(|kind| !matches!(kind, TaskKind::NotInformed | TaskKind::Overdue)).collect()
}

/// A bounce about nobody whom we know; each number is another message.
pub fn bounce(number: u32) -> String {
    format!(
        "From: MAILER-DAEMON@relay.example\nTo: b@bounces.example.com\nSubject: Undelivered Mail\n\
         Message-ID: <{number}@relay.example>\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nNo such user.\n--x\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n\
         Final-Recipient: rfc822; no-such-user@elsewhere.example\nAction: failed\nStatus: 5.1.1\n--x--\n"
    )
}

/// The newest messages, whatever became of them.
pub async fn listed(app: &TestApp) -> Vec<Stored> {
    app.app.inbound.list(&alice(), false, &PageRequest { after: None, limit: 1000 }).await.unwrap().items
}
