//! What recipients see: notices rendered as mail, in their language and their zone.
//!
//! [`render::Skeleton`] is the way in. It renders a notice once for each language, zone and role, with a mark wherever
//! recipients differ, and cuts the result at the marks; filling one in for a recipient is then only concatenation.
//! Fixed strings live in `templates/locale/`, one file per language; structure and looks in `templates/mail/`, one
//! folder per category; what each category's mail says in `views`.

mod dates;
pub mod locale;
pub mod markdown;
mod parts;
mod plain;
pub mod render;
mod slots;
pub mod templates;
mod views;
