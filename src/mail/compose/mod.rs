//! Composing: one recipient of a notice to the bytes of one message.
//!
//! [`composer::Composer`] is the entry point. It renders a notice once for each language, zone and role
//! ([`render::Skeleton`]), with a mark at each place that differs between recipients, and makes a mould of it ([`cast`]): the
//! finished message, cut at these places. A recipient's message is the mould with their values; no more is done for each of them. Fixed strings are in `templates/locale/`, one file for each language;
//! structure and appearance in `templates/mail/`, one folder for each category; the content of each category's mail in `views`.

mod bind;
pub mod calendar;
pub mod cast;
pub mod composer;
pub mod course;
pub mod dates;
mod footer;
pub mod markdown;
pub mod message;
mod parts;
mod plain;
mod quoted;
pub mod render;
mod slots;
pub mod templates;
mod views;
