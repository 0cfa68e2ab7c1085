//! The console, as browsers use it.

mod approve;
pub mod browser;
pub mod desk;
mod notice;
mod notices;
mod second_factor;
mod sessions;
mod sign_in;
mod write;
