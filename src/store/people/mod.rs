//! The tables about people: customers and contacts, what they want, what may not be sent to them, and their rights.

pub mod attributes;
pub mod contacts;
pub mod customer_words;
pub mod customers;
pub mod directories;
pub mod expired;
pub mod feeds;
pub mod holds;
pub mod import_changes;
pub mod imports;
pub mod mentions;
pub mod objections;
pub mod operations;
pub mod petitions;
pub mod preferences;
pub mod rectifications;
pub mod retention;
pub mod scrubs;
pub mod sole_traders;
pub mod subjects;
pub mod suppressions;
pub mod tombstones;
