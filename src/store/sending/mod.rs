//! The tables of sending: deliveries, their places in the queue, attempts and outcomes, and the nodes that send.

pub mod claims;
pub mod deliveries;
pub mod leases;
pub mod lost;
pub mod messages;
pub mod moulds;
pub mod nodes;
pub mod queue;
pub mod recipients;
mod sendable;
pub mod settle;
pub mod shown;
pub mod states;
pub mod tally;
pub mod uncertain;
pub mod waiting;
