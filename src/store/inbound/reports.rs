//! What messages that came back say of deliveries: bounces and other reports, complaints, receipts, answers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::delivery::Outcome;
use crate::domain::report::{Action, Dkim, MatchKind, MessageKind, Status, Verdict};
use crate::store::engine::dialect::{among, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What a message says of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = delivery::Report)]
pub struct Report {
    /// The message.
    pub inbound_id: Uuid,
    /// When it came, by our clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What the message is.
    pub kind: MessageKind,
    /// What ties it to the delivery.
    #[serde(rename = "match")]
    pub tie: MatchKind,
    /// What happened.
    pub action: Action,
    /// The most exact code.
    pub status: Option<Status>,
    /// What it means.
    pub verdict: Verdict,
    /// What is known of its DKIM signature.
    pub dkim: Dkim,
    /// What it made of the delivery; `None` if it is only recorded.
    pub outcome: Option<Outcome>,
    /// The address that it names. Words from outside.
    pub recipient: Option<String>,
    /// The words of the server. Words from outside.
    pub diagnostic: Option<String>,
    /// The server that is named. Words from outside.
    pub remote: Option<String>,
}

impl Report {
    /// The words from outside.
    pub fn words(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.recipient, &mut self.diagnostic, &mut self.remote].into_iter().flatten()
    }
}

/// Records a report. `fingerprint` is the same in each copy of it. Returns false if it is recorded already.
pub async fn insert(conn: &mut Conn, delivery_id: Uuid, fingerprint: [u8; 32], report: &Report) -> Result<bool> {
    let sql = "INSERT INTO reports (delivery_id, fingerprint, inbound_id, at, kind, tie, action, status, verdict, dkim, outcome,
           recipient, diagnostic, remote)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
         ON CONFLICT (delivery_id, fingerprint) DO NOTHING";
    query!(
        sql,
        delivery_id,
        fingerprint.as_slice(),
        report.inbound_id,
        report.at,
        report.kind.as_str(),
        report.tie.as_str(),
        report.action.as_str(),
        report.status.map(|status| status.to_string()),
        report.verdict.as_str(),
        report.dkim.as_str(),
        report.outcome.map(Outcome::as_str),
        &report.recipient,
        &report.diagnostic,
        &report.remote
    )
    .changed_one(conn)
    .await
}

/// Returns true if a report that came with a token said that the message went on to the members of a list or an alias.
pub async fn was_expanded(conn: &mut Conn, delivery: Uuid) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM reports WHERE delivery_id = $1 AND action = 'expanded'
                 AND tie IN ('token', 'token-in-returned-part') LIMIT 1";
    query!(sql, delivery).exists(conn).await
}

/// How many reports about a delivery are recorded; no more than `most` are counted.
pub async fn count(conn: &mut Conn, delivery: Uuid, most: u32) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM reports WHERE delivery_id = $1 LIMIT $2) AS found";
    query!(sql, delivery, most).count(conn, "reports").await
}

/// The reports about a delivery, in the order of their arrival.
pub async fn of_delivery(conn: &mut Conn, delivery: Uuid) -> Result<Vec<Report>> {
    Ok(of_deliveries(conn, &[delivery]).await?.remove(&delivery).unwrap_or_default())
}

/// The reports about deliveries, each delivery's in the order of their arrival.
pub async fn of_deliveries(conn: &mut Conn, deliveries: &[Uuid]) -> Result<BTreeMap<Uuid, Vec<Report>>> {
    let sql = among!(
        conn,
        "SELECT delivery_id, inbound_id, at, kind, tie, action, status, verdict, dkim, outcome, recipient, diagnostic, remote
         FROM reports WHERE delivery_id", in "$1",
        " ORDER BY at, inbound_id"
    );
    let rows = query!(sql, json_ids(deliveries)).rows(conn).await?;
    let mut reports: BTreeMap<Uuid, Vec<Report>> = BTreeMap::new();
    for row in &rows {
        let row = Row::of("reports", row);
        let report = Report {
            inbound_id: row.id("inbound_id")?,
            at: row.time("at")?,
            kind: row.parse("kind")?,
            tie: row.parse("tie")?,
            action: row.parse("action")?,
            status: row.maybe("status")?,
            verdict: row.parse("verdict")?,
            dkim: row.parse("dkim")?,
            outcome: row.maybe("outcome")?,
            recipient: row.get("recipient")?,
            diagnostic: row.get("diagnostic")?,
            remote: row.get("remote")?,
        };
        reports.entry(row.id("delivery_id")?).or_default().push(report);
    }
    Ok(reports)
}
