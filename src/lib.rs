//! Besked.

pub mod app;
pub mod audience;
pub mod cli;
pub mod config;
pub mod coverage;
pub mod customers;
pub mod dispatch;
pub mod domain;
pub mod mail;
pub mod notices;
pub mod preferences;
pub mod sample;
pub mod store;
mod telemetry;
