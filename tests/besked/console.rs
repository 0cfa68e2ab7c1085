//! The console, as browsers use it.

mod admin;
mod approve;
mod ask;
pub mod browser;
mod carried;
mod chromium;
mod customers;
pub mod desk;
mod four;
mod keyboard;
mod look;
mod notice;
mod notices;
mod now;
mod people;
mod provider;
mod rows;
mod second_factor;
mod sessions;
mod sign_in;
pub mod twice;
mod uploads;
mod verify;
mod walk;
mod when;
mod write;
