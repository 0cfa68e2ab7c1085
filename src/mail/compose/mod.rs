//! Composing: one recipient of a notice to the bytes of one message.
//!
//! [`composer::Composer`] is the way in. It renders a notice once for each language, zone and role
//! ([`render::Skeleton`]), with a mark at each place that differs between recipients, and cuts the result at the marks; a
//! message is then little more than a concatenation. Fixed strings live in `templates/locale/`, one file for each language;
//! structure and looks in `templates/mail/`, one folder for each category; what each category's mail says in `views`.

mod body;
pub mod composer;
mod dates;
pub mod markdown;
pub mod message;
mod parts;
mod plain;
pub mod render;
mod slots;
pub mod templates;
mod views;
