//! People: customers and their contacts, what a person wants and does not want, and a person's rights over what is stored
//! (GDPR Art. 15 to 21).

mod addresses;
pub mod customers;
pub mod directory;
pub mod feeds;
pub mod holds;
pub mod import;
pub mod journal;
pub mod link;
pub mod mask;
pub mod one;
pub mod petitions;
pub mod preferences;
pub mod reads;
pub mod retention;
mod scrub;
mod search;
pub mod subjects;
pub mod suppressions;
