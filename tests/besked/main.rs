//! The integration tests: one binary, speaking the product's language.

mod database;
mod store;
