//! Besked.

pub mod config;
pub mod domain;
