//! Besked tells every customer what they must be told, and proves it.
//!
//! It is a queue-backed dispatcher for a cloud provider's service messages: breach notices, agreement changes, security
//! measures, maintenance, disruptions, invoices, news and surveys. It renders typed notices, sends them over SMTP under rate
//! limits, keeps mandatory notices apart from opt-out marketing, and keeps a ledger of who was told what.
//!
//! # The life of one notice
//!
//! 1. `besked notice send FILE` reads and checks the file: [`notices::Draft`], parsed by [`domain::notice`].
//! 2. It is created, submitted and, where its category asks for a second person, approved: [`notices::Notices`].
//! 3. Release freezes the audience: [`audience::freeze`] turns the rule into one delivery for each recipient and commits to
//!    them all in a manifest.
//! 4. [`dispatch`] claims deliveries under leases, makes each message ([`mail::render`], [`mail::message`]), hands it to a
//!    relay ([`mail::smtp`]), and records the outcome, the exact bytes and the ledger's entry in one transaction
//!    ([`store::settle`]).
//! 5. When nothing of it is left to do, the notice is closed: one entry with the count of each outcome.
//! 6. [`ledger`] gives every entry its place in a tree and signs it, so that [`ledger::evidence`] can prove what was recorded
//!    and [`ledger::audit`] notice what was changed.
//! 7. [`coverage`] answers: how does it stand, who is informed, was customer X?
//!
//! # Layers
//!
//! ```text
//! domain <- config <- store <- metrics <- mail | customers | audience | notices | dispatch | coverage | ledger |
//!     privacy | retention | preferences | reports | uncertain | sample <- app <- public | observe | cli
//! ```
//!
//! A file imports from its own layer and lower ones only; a test holds that. `domain` does no I/O. A noun keeps its file name
//! in each layer: `domain/notice.rs` decides, `store/notices.rs` keeps, `notices.rs` does, `cli/notice.rs` speaks.

pub mod app;
pub mod audience;
pub mod cli;
pub mod config;
pub mod coverage;
pub mod customers;
pub mod dispatch;
pub mod domain;
pub mod ledger;
pub mod mail;
pub mod metrics;
pub mod notices;
pub mod observe;
pub mod preferences;
pub mod privacy;
pub mod public;
pub mod reports;
pub mod retention;
pub mod sample;
pub mod store;
mod telemetry;
pub mod uncertain;
