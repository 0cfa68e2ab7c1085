//! Trouble with the database: whatever it is, nobody goes untold, nothing is recorded twice, and everything goes on by itself
//! when it is over.

mod commits;
mod proxy;
