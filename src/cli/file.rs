//! Files that commands write and only their owner may read: they name persons.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;
use crate::domain::words::cause;

/// A file with mode 0600 that takes its name once it is complete. Dropped before that, it leaves nothing behind.
pub struct Private {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

/// What a private file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object.
    Json,
    /// A PDF.
    Pdf,
}

impl Form {
    /// How such a file begins.
    const fn beginning(self) -> &'static [u8] {
        match self {
            Self::Json => b"{",
            Self::Pdf => b"%PDF-",
        }
    }
}

/// Creates a private file, to be completed with [`Private::finish`]. Replaces a file of the same form, and no other: a path that was
/// mistyped may be that of a key, a database or a configuration.
pub fn create_private(path: &Path, form: Form) -> Result<Private, Failure> {
    if path == Path::new("-") {
        return Err(
            Failure::invalid("cannot write to `-`").hint("name a file: it is made readable for its owner alone")
        );
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Failure::invalid(format!(
            "cannot write `{}`: there is no folder `{}`",
            path.display(),
            folder.display()
        )));
    }
    if !may_replace(path, form) {
        return Err(Failure::invalid(format!(
            "cannot write `{}`: it exists, and is no file that this command writes",
            path.display()
        ))
        .hint("choose another name, or remove it first"));
    }
    Private::beside(path, folder)
}

/// True if there is nothing at a path, an empty file, or one that begins like this form.
fn may_replace(path: &Path, form: Form) -> bool {
    let Ok(found) = path.symlink_metadata() else { return true };
    if !found.is_file() {
        return false;
    }
    let mut begins = vec![0; form.beginning().len()];
    found.len() == 0
        || File::open(path).is_ok_and(|mut file| file.read_exact(&mut begins).is_ok() && begins == form.beginning())
}

impl Private {
    fn beside(path: &Path, folder: &Path) -> Result<Self, Failure> {
        let file = NamedTempFile::new_in(folder).map_err(|error| unusable("write", path, &error))?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Gives the complete file its name, in place of a file that has it.
    pub fn finish(self) -> Result<(), Failure> {
        let finished = self.file.into_inner().map_err(io::IntoInnerError::into_error);
        let named = finished.and_then(|file| Ok(file.persist(&self.path)?));
        named.map(drop).map_err(|error| unusable("write", &self.path, &error))
    }
}

impl Write for Private {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a private file in one go.
pub fn write_private(path: &Path, form: Form, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = create_private(path, form)?;
    file.write_all(bytes).map_err(|error| unusable("write", path, &error))?;
    file.finish()
}

/// Writes a private file in one go, in place of whatever has its name: in a folder of our own.
pub fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = Private::beside(path, path.parent().unwrap_or(Path::new(".")))?;
    file.write_all(bytes).map_err(|error| unusable("write", path, &error))?;
    file.finish()
}

/// A file that cannot be read or written.
pub fn unusable(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::invalid(format!("cannot {what} `{}`: {}", path.display(), cause(error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_that_names_persons_is_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.json");
        std::fs::write(&path, "{\"made by an older version\": 1}").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, Form::Json, b"{}").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
        drop(create_private(&path, Form::Json).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "an unfinished one leaves nothing behind");
    }

    #[test]
    fn a_file_that_is_something_else_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.key");
        for content in ["-----BEGIN PRIVATE KEY-----", "SQLite format 3\0", "[organisation]", "%PDF-1.7"] {
            std::fs::write(&path, content).unwrap();
            assert!(write_private(&path, Form::Json, b"{}").is_err(), "{content}");
            assert_eq!(std::fs::read(&path).unwrap(), content.as_bytes());
        }
        write_private(&path, Form::Pdf, b"%PDF-1.7 new").unwrap();
        std::fs::write(&path, "").unwrap();
        write_private(&path, Form::Json, b"{}").unwrap();
        for odd in [Path::new("-"), &folder.path().join("none/x.json"), folder.path()] {
            assert!(create_private(odd, Form::Json).is_err(), "{}", odd.display());
        }
    }
}
