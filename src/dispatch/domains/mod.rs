//! Domains: how many deliveries at a time each recipient domain gets, and its pauses.

pub mod pace;
pub mod pause;
