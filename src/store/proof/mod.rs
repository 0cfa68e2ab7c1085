//! The tables of the ledger: entries and openings, the tree, commitments, and what an audit reads.

pub mod audit;
pub mod commitments;
pub mod figures;
pub mod ledger;
pub mod tree;
