//! Mail: what a notice looks like, the message it becomes, and the session it is sent in.
//!
//! [`render::Skeleton`] is the way in. It renders a notice once for each language, zone and role, with a mark wherever
//! recipients differ, and cuts the result at the marks; filling one in for a recipient is then little more than concatenation.
//! Fixed strings live in `templates/locale/`, one file per language; structure and looks in `templates/mail/`, one
//! folder per category; what each category's mail says in `views`.

mod body;
mod dates;
pub mod direct;
pub mod dkim;
pub mod locale;
pub mod markdown;
pub mod message;
mod parts;
mod plain;
pub mod render;
mod slots;
pub mod smtp;
pub mod templates;
pub mod token;
mod views;
