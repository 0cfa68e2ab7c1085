//! Files that hold a secret.

use std::path::Path;

use super::bounded::{self, LARGEST_KEY};
use crate::domain::words::cause;

/// Reads a password from a file: a mark of the byte order before it and line breaks behind it belong to the file.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let bytes = bounded::read(path, LARGEST_KEY).map_err(|error| format!("cannot be read: {}", cause(&error)))?;
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let secret = bare(&text);
    if secret.is_empty() {
        return Err("is empty".to_owned());
    }
    if secret.contains(['\r', '\n', '\0']) {
        return Err("must hold the password alone, in one line".to_owned());
    }
    Ok(secret.to_owned())
}

/// The secret of a text: what editors, shells and orchestrators put around it is left off.
pub(super) fn bare(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n'])
}

/// True for a secret in quotes: probably those of a file whose reader did not know them.
pub(super) fn is_in_quotes(secret: &str) -> bool {
    ['"', '\''].iter().any(|quote| secret.len() > 2 && secret.starts_with(*quote) && secret.ends_with(*quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_without_what_tools_put_around_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            read(file.path())
        };
        for bytes in [&b"pass word "[..], b"pass word \n", b"pass word \r\n", b"\xef\xbb\xbfpass word \n\n"] {
            assert_eq!(read(bytes).as_deref(), Ok("pass word "), "{bytes:?}");
        }
        for bytes in [&b""[..], b"\n", b"a\nb", b"\xff\xfe1\0"] {
            assert!(
                read(bytes)
                    .is_err_and(|problem| !problem.contains('a') || bytes != b"a\nb" || problem.contains("alone"))
            );
        }
    }
}
