//! Closed word lists, with one spelling for files, database, JSON and text; and numbers with their nouns.

use std::io::{self, ErrorKind};

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

/// Implements parsing and formatting of a word list from one list of spellings.
macro_rules! words {
    ($type:ident, $what:literal, { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it is written, stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|value| format!("`{}`", value.as_str())).collect();
                    format!("`{}` is not {} ({})", text.escape_debug(), $what, words.join(", "))
                })
            }
        }

        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::domain::words::schema(Self::ALL.iter().map(|value| value.as_str()))
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                $crate::domain::words::schema_name(module_path!(), stringify!($type)).into()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

/// The schema of a word list.
#[must_use]
pub fn schema(words: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(words));
    object.build().into()
}

/// The name of the schema of a type: several modules have a type of the same name.
#[must_use]
pub fn schema_name(module: &str, name: &str) -> String {
    let module = module.trim_start_matches("besked::").trim_start_matches("domain::");
    format!("{}.{name}", module.replace("::", "."))
}

/// Why the operating system refused something, without its numbers.
#[must_use]
pub fn cause(error: &io::Error) -> String {
    let known = match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder",
        ErrorKind::PermissionDenied => "this user may not do that: check owner and mode",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::NotADirectory => "a part of its path is no folder",
        ErrorKind::AlreadyExists => "it is there already",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "the disk is full",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::InvalidFilename => "its name is too long",
        ErrorKind::ConnectionRefused => "the connection is refused",
        ErrorKind::AddrInUse => "another process has the port",
        ErrorKind::AddrNotAvailable => "this host does not have that address",
        _ => {
            let text = error.to_string();
            return text.split(" (os error").next().unwrap_or(&text).to_owned();
        }
    };
    known.to_owned()
}

/// A count with its noun.
#[must_use]
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// The text with a capital first letter: Swedish weekdays, and the reasons in this program, are written in lower case.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A size in kilobytes, rounded up.
#[must_use]
pub fn kilobytes(bytes: u64) -> String {
    format!("{} kB", grouped(bytes.div_ceil(1000)))
}
