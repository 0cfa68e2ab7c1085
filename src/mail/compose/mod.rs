//! Composing: one recipient of a notice to the bytes of one message.
//!
//! [`composer::Composer`] is the entry point. It renders a notice once for each language, zone and role
//! ([`render::Skeleton`]), with a mark at each place that differs between recipients, and cuts the result at the marks; a
//! message is then little more than a concatenation. Fixed strings are in `templates/locale/`, one file for each language;
//! structure and appearance in `templates/mail/`, one folder for each category; the content of each category's mail in `views`.

mod body;
pub mod composer;
mod dates;
mod footer;
pub mod markdown;
pub mod message;
mod parts;
mod plain;
pub mod render;
mod slots;
pub mod templates;
mod views;
