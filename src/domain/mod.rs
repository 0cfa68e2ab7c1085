//! Pure rules: what the words mean, what may happen next, and what is valid. No I/O, no clock of its own, no database.
//!
//! Everything from outside is parsed here into a type whose existence is the proof of its validity; the layers above take
//! those types and check nothing again.

pub mod actor;
pub mod address;
pub mod attestation;
pub mod audience;
pub mod category;
pub mod category_set;
pub mod character;
pub mod check;
pub mod checkpoint;
pub mod clock;
pub mod coverage;
pub mod customer;
pub mod customers_file;
pub mod delivery;
pub mod digest;
pub mod domain_name;
pub mod duty;
pub mod entry;
pub mod escalation;
pub mod evidence;
pub mod fields;
pub mod forward;
pub mod front_matter;
pub mod inbound;
pub mod kind;
pub mod link;
pub mod locale;
pub mod mailbox;
pub mod markdown;
pub mod merkle;
pub mod mistakes;
pub mod mould;
pub mod note;
pub mod notice;
pub mod page;
pub mod phrase;
pub mod placeholder;
pub mod preference;
pub mod prints;
pub mod problem;
pub mod random;
pub mod records;
pub mod reply;
pub mod report;
pub mod retention;
pub mod rows_file;
pub mod structured;
pub mod table;
pub mod task;
pub mod tombstone;
pub mod words;
