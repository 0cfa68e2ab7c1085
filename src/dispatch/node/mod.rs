//! The node: its lock, its heartbeat, its sign of life, its clock, and what it reports of the relays.

pub mod beat;
pub mod clocks;
pub mod lock;
pub mod pulse;
pub mod relays;
