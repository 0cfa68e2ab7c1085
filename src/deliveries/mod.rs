//! Deliveries: what came back about them, and what operators decide about those whose outcome is unknown.

pub mod reports;
pub mod uncertain;
