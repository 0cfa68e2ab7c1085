//! Sending: a worker takes one delivery after the other to its outcome, over one connection.

pub mod attempt;
pub mod late;
pub mod verdict;
pub mod worker;
