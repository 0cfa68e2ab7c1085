//! The console, as browsers use it.

pub mod browser;
mod provider;
mod second_factor;
mod sessions;
mod sign_in;
