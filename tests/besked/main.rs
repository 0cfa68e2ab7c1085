//! The integration tests: one binary, speaking the product's language.

mod app;
mod audience;
mod audit;
mod cli;
mod compliance;
mod database;
mod dispatch;
mod evidence;
mod faults;
mod history;
mod kills;
mod ledger;
mod merkle;
mod notices;
mod postfix;
mod privacy;
mod public;
mod relay;
mod report;
mod reports;
mod retention;
mod session;
mod store;
mod tidy;
mod tiles;
mod tls;
