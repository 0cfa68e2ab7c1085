//! Files that commands write and only their owner may read: they name persons.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::failure::Failure;
use crate::domain::words::cause;

/// A file with mode 0600 that takes its name once it is complete. Dropped before that, it leaves nothing behind.
pub struct Private {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

/// Creates a private file, to be completed with [`Private::finish`].
pub fn create_private(path: &Path) -> Result<Private, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file =
        NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(|error| unusable("write", path, &error))?;
    Ok(Private { path: path.to_owned(), file: BufWriter::new(file) })
}

impl Private {
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
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = create_private(path)?;
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
        std::fs::write(&path, "made by an older version").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"{}").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
        drop(create_private(&path).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "an unfinished one leaves nothing behind");
    }
}
