//! Rates: how many messages a second, and which part of that is this node's.

pub mod rate;
pub mod share;
pub mod throttle;
pub mod tokens;
