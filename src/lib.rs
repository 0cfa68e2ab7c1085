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
//! 4. [`dispatch`] claims deliveries under leases, makes each message ([`mail::compose::render`], [`mail::compose::message`]), hands it to a
//!    relay ([`mail::smtp`]), and records the outcome, the exact bytes and the ledger's entry in one transaction
//!    ([`store::settle`]).
//! 5. When nothing of it is left to do, the notice is closed: one entry with the count of each outcome.
//! 6. [`ledger`] gives every entry its place in a tree and signs it, so that [`ledger::evidence`] can prove what was recorded
//!    and [`ledger::audit`] notice what was changed.
//! 7. A customer who must be informed and is not gets contacts with other roles addressed, and then is a task for a person:
//!    [`escalation`].
//! 8. [`coverage`] answers: how does it stand, who is informed, was customer X informed? [`deliveries`] shows one delivery
//!    with its attempts, and records what came back about it.
//! 9. [`webhooks`] call other systems when something of this happens.
//!
//! # Layers
//!
//! ```text
//! domain <- config <- store <- context <- metrics <- mail <- ledger <- people <- operators <- audience <- notices <-
//!     deliveries <- coverage <- evidence <- inbound <- dispatch <- app <- doctor <- public <- console <- http <- cli
//! ```
//!
//! A file imports from its own layer and lower ones only; a test checks that. `domain` does no I/O. A noun keeps its file name
//! in each layer: `domain/notice.rs` decides, `store/notices.rs` keeps, `notices/` does, `cli/notice.rs` speaks. A face
//! (`public`, `console`, `http`, `cli`) parses, calls one service with an [`Actor`](domain::actor::Actor), and shapes the answer; the
//! error of a service has a [`Kind`](domain::kind::Kind), from which the exit code comes. The ledger lies below people and
//! notices, since every change of state appends to it.

pub mod app;
pub mod audience;
pub mod cli;
pub mod config;
pub mod console;
pub mod context;
pub mod coverage;
pub mod deliveries;
pub mod dispatch;
pub mod doctor;
pub mod domain;
pub mod escalation;
pub mod evidence;
pub mod http;
pub mod inbound;
pub mod ledger;
pub mod mail;
pub mod metrics;
pub mod notices;
pub mod operators;
pub mod people;
pub mod public;
pub mod store;
mod telemetry;
pub mod webhooks;
