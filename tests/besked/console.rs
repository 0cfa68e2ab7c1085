//! The console, as browsers use it.

pub mod browser;
mod second_factor;
mod sessions;
mod sign_in;
