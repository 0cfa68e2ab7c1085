//! Replies of persons go on to `[sender] reply_to`, each once.
//!
//! 1. [`plan`] decides, in the transaction that records what came: machines, loops, and more than three of one delivery in an hour
//!    do not go on.
//! 2. [`send`] claims what waits, for longer than sending takes, and sends it through the relays with a null envelope sender. The
//!    record that it was forwarded deletes its bytes. Between the relay's acceptance and this record a kill may happen: then it is sent
//!    once more, with the same bytes and the same Message-ID, so that support's system can recognise it.
//! 3. [`compose`] makes the mail: from our sender, with the person's text first and their mail attached whole.

mod compose;
mod plan;
mod send;

pub use send::Forwards;
