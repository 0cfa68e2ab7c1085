//! The integration tests: one binary, speaking the product's language.

mod app;
mod audience;
mod database;
mod dispatch;
mod merkle;
mod notices;
mod relay;
mod store;
