//! The console, as browsers use it.

mod approve;
pub mod browser;
pub mod desk;
mod notice;
mod notices;
mod provider;
mod second_factor;
mod sessions;
mod sign_in;
mod write;
