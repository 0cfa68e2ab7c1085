//! What a database engine or its driver reports, in our words where it is known what it means.

use std::path::Path;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

use crate::domain::words::cause;

/// What an error means.
pub(super) fn in_words(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => refused(error.as_ref()),
        sqlx::Error::Io(error) => unreachable(error),
        sqlx::Error::Tls(error) => tls(&error.to_string()),
        sqlx::Error::Protocol(_) => {
            "it does not answer as PostgreSQL does: check host and port, and whether another program has that port"
                .to_owned()
        }
        sqlx::Error::PoolTimedOut => "no connection to it was free in time".to_owned(),
        sqlx::Error::PoolClosed => "this process is ending".to_owned(),
        sqlx::Error::WorkerCrashed => "the thread that reads the file has ended: start this process again".to_owned(),
        sqlx::Error::Configuration(_) => "its URL cannot be used".to_owned(),
        sqlx::Error::ColumnNotFound(column) => format!("a result has no column `{column}`"),
        sqlx::Error::ColumnDecode { index, .. } => format!("the value of column {index} cannot be read"),
        other => other.to_string(),
    }
}

/// Why a database cannot be opened. SQLite does not say what is wrong with its file.
pub(super) fn unopened(error: &sqlx::Error, file: Option<&Path>) -> String {
    match (error, file) {
        (sqlx::Error::Database(refusal), Some(file)) if sqlite_code(refusal.as_ref()) == Some(14) => {
            unopened_file(file)
        }
        _ => in_words(error),
    }
}

fn unopened_file(file: &Path) -> String {
    match std::fs::metadata(file) {
        Ok(found) if found.is_dir() => "it is a folder: name a file".to_owned(),
        Ok(_) => match std::fs::OpenOptions::new().read(true).write(true).open(file) {
            Err(error) => cause(&error),
            Ok(_) => "SQLite cannot write beside it: the folder must be writable for this user".to_owned(),
        },
        Err(error) => cause(&error),
    }
}

/// The code of SQLite without its extension; `None` for PostgreSQL, whose codes have five characters.
fn sqlite_code(error: &dyn DatabaseError) -> Option<i32> {
    let code = error.code().filter(|code| code.len() < 5)?;
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

/// What an engine refuses or fails at.
fn refused(error: &dyn DatabaseError) -> String {
    let said = error.message();
    if let Some(code) = sqlite_code(error) {
        return match code {
            3 | 8 | 23 => "SQLite may not write the file: check owner and mode of the file and its folder".to_owned(),
            10 => "the disk failed to read or write the file".to_owned(),
            11 => "pages of the file are damaged".to_owned(),
            13 => "the disk is full".to_owned(),
            14 => "SQLite cannot open a file of it: check owner and mode of the folder, and the limit of open files"
                .to_owned(),
            26 => "the file is no SQLite database".to_owned(),
            _ => format!("SQLite answers: {said}"),
        };
    }
    let known = match error.code().as_deref().unwrap_or_default() {
        "28000" | "28P01" => "the server refuses the user or the password",
        "3D000" => "the server has no database of that name",
        "42501" => "the user lacks a right in it",
        "53100" => "the server's disk is full",
        "53300" => "the server has no connection left",
        "57P01" | "57P02" | "57P03" => "the server is starting or stopping",
        "25006" => "the server takes no writes: it is read-only",
        "XX001" | "XX002" => "the server finds its pages or indexes damaged",
        _ => "the server answers",
    };
    format!("{known}: {said}")
}

fn unreachable(error: &std::io::Error) -> String {
    let text = error.to_string();
    match error.kind() {
        _ if text.contains("lookup address") => "the name of its host is not known: is it spelled right?".to_owned(),
        std::io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => {
            "the connection was closed: does the server listen for PostgreSQL there?".to_owned()
        }
        std::io::ErrorKind::InvalidData => tls(&text),
        _ => cause(error),
    }
}

/// Why TLS with a server failed, by the names that rustls has for it.
fn tls(said: &str) -> String {
    let is = |word: &str| said.contains(word);
    let why = if is("UnknownIssuer") {
        "its certificate is of no authority that is trusted here: name that authority's certificate as `sslrootcert`"
    } else if is("NotValidForName") || is("not valid for name") {
        "its certificate is for another name than the host in the URL"
    } else if is("Expired") || is("expired") {
        "its certificate has expired"
    } else if is("CaUsedAsEndEntity") {
        "its certificate is that of an authority (CA:TRUE), which no server may use"
    } else if is("not support") || is("SSLRequest") {
        "the server offers no TLS: `sslmode=disable` does without"
    } else {
        "check `sslmode`, `sslrootcert`, `sslcert` and `sslkey` in the URL"
    };
    format!("TLS with the server failed: {why}")
}

/// Why tables could not be made.
pub(super) fn not_migrated(error: &MigrateError) -> String {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => in_words(error),
        MigrateError::VersionMismatch(version) => {
            format!(
                "its tables of version {version} were made by another build of Besked: use that one, or a new database"
            )
        }
        MigrateError::Dirty(version) => {
            format!("a migration to version {version} was interrupted: restore the database from a backup")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn each_failure_has_our_words() {
        for (error, part) in [
            (sqlx::Error::Io(Error::from(ErrorKind::ConnectionRefused)), "the connection is refused"),
            (sqlx::Error::Io(Error::other("failed to lookup address information: x")), "host is not known"),
            (sqlx::Error::Io(ErrorKind::TimedOut.into()), "no answer in time"),
            (
                sqlx::Error::Protocol("unexpected response from SSLRequest: 0x32 (sqlx_postgres::x:95)".to_owned()),
                "as PostgreSQL does",
            ),
            (sqlx::Error::Tls("invalid peer certificate: UnknownIssuer".into()), "`sslrootcert`"),
            (sqlx::Error::PoolTimedOut, "free in time"),
        ] {
            let said = in_words(&error);
            assert!(said.contains(part) && !said.contains("sqlx") && !said.contains("os error"), "{said}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert!(unopened_file(folder.path()).contains("it is a folder"));
        assert!(unopened_file(&folder.path().join("none")).contains("there is no such file"));
    }
}
