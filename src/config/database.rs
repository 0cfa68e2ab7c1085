//! `[database]`: where data is stored.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::words::cause;

/// `[database]`: where data is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://USER@HOST/NAME`.
    #[serde(with = "super::text")]
    pub url: DatabaseUrl,
    /// The file with the password of a PostgreSQL user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        let url = "sqlite://var/besked.db".parse().expect("the default names a file");
        Self { url, password_file: None }
    }
}

impl Database {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let needless = self.password_file.is_some() && self.url.file().is_some();
        let needless =
            needless.then(|| "`database.password_file` is for PostgreSQL: a SQLite file has no password".to_owned());
        needless.into_iter().chain(self.url.unreadable_files()).collect()
    }
}

/// The address of a database. It may hold a password, so it is shown with asterisks in its place, and an error quotes nothing of
/// it.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Engine);

#[derive(Clone, PartialEq, Eq)]
enum Engine {
    /// A SQLite file, with the options behind the question mark.
    File { path: PathBuf, options: String },
    /// A PostgreSQL server.
    Server(Url),
}

/// What is percent-encoded in the path of a SQLite URL: all that another reader could take for something else.
const NOT_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The options of a PostgreSQL URL.
const OPTIONS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

impl DatabaseUrl {
    /// The SQLite file; `None` for a server.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Engine::File { path, .. } => Some(path),
            Engine::Server(_) => None,
        }
    }

    /// The whole URL, with its password, for the engine's driver alone.
    #[must_use]
    pub fn expose(&self) -> String {
        match &self.0 {
            Engine::File { path, options } => {
                let path = path.to_string_lossy();
                format!("sqlite://{}{}", utf8_percent_encode(&path, NOT_IN_PATHS), marked(options))
            }
            Engine::Server(url) => url.to_string(),
        }
    }

    /// The password in the URL, as it is encoded there.
    #[must_use]
    pub fn password(&self) -> Option<String> {
        let Engine::Server(url) = &self.0 else { return None };
        let in_query = || url.query_pairs().find(|(key, _)| key == "password").map(|(_, value)| value.into_owned());
        url.password().map(str::to_owned).or_else(in_query)
    }

    /// The files of certificates and keys that it names and that cannot be read.
    fn unreadable_files(&self) -> Vec<String> {
        const FILES: [&str; 7] = ["sslrootcert", "ssl-root-cert", "ssl-ca", "sslcert", "ssl-cert", "sslkey", "ssl-key"];
        let Engine::Server(url) = &self.0 else { return Vec::new() };
        // The text of a certificate may stand there itself.
        let named =
            url.query_pairs().filter(|(key, value)| FILES.contains(&&**key) && !value.starts_with("-----BEGIN"));
        let unreadable = |key: &str, value: &str| {
            let error = std::fs::File::open(value).err()?;
            Some(format!("`database.url`: the file of `{key}`, `{value}`, cannot be read: {}", cause(&error)))
        };
        named.filter_map(|(key, value)| unreadable(&key, &value)).collect()
    }

    /// The same database with the relative path of its file counted from `folder`.
    pub(super) fn within(self, folder: &Path) -> Self {
        match self.0 {
            Engine::File { path, options } => Self(Engine::File { path: folder.join(path), options }),
            server @ Engine::Server(_) => Self(server),
        }
    }

    /// The same with a password.
    pub(super) fn with_password(self, password: &str) -> Self {
        match self.0 {
            Engine::Server(mut url) => {
                // A URL without a host has no place for a password before it.
                // What is percent-encoded already would not be encoded by the setter.
                let encoded = utf8_percent_encode(password, NON_ALPHANUMERIC).to_string();
                if url.set_password(Some(&encoded)).is_err() {
                    url.query_pairs_mut().append_pair("password", password);
                }
                Self(Engine::Server(url))
            }
            file @ Engine::File { .. } => Self(file),
        }
    }
}

fn marked(options: &str) -> String {
    if options.is_empty() { String::new() } else { format!("?{options}") }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Engine::File { path, options } => {
                let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3F");
                write!(f, "sqlite://{path}{}", marked(options))
            }
            Engine::Server(url) => f.write_str(&masked(url.clone())),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn masked(mut url: Url) -> String {
    if url.password().is_some() {
        // Setting a password does not fail for a URL that has one.
        let _ = url.set_password(Some("***"));
    }
    if url.query_pairs().any(|(key, _)| key == "password") {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let shown = pairs.iter().map(|(key, value)| (key, if key == "password" { "***" } else { value.as_str() }));
        url.query_pairs_mut().clear().extend_pairs(shown);
    }
    url.to_string()
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("sqlite:") {
            return file(path.strip_prefix("//").unwrap_or(path));
        }
        match text.split_once("://") {
            Some(("postgres" | "postgresql", rest)) => server(rest),
            _ => Err("must begin with `sqlite://` or `postgres://`".to_owned()),
        }
    }
}

fn file(text: &str) -> Result<DatabaseUrl, String> {
    let (path, options) = text.split_once('?').unwrap_or((text, ""));
    let path = percent_decode_str(path).decode_utf8().map_err(|_| "has a path that is not UTF-8".to_owned())?;
    if path == ":memory:" || options.split('&').any(|option| option == "mode=memory") {
        return Err("names a database in memory, which is lost when the process ends: name a file".to_owned());
    }
    if path.is_empty() {
        return Err("names no file: it is for example `sqlite://var/besked.db`".to_owned());
    }
    if options.split('&').any(|option| matches!(option, "mode=ro" | "immutable=1" | "immutable=true")) {
        return Err(
            "opens the file only to read it: nothing could be recorded; leave out `mode=ro` and `immutable`".to_owned()
        );
    }
    let known = |option: &str| {
        let value = option.split_once('=').unwrap_or((option, ""));
        matches!(value, ("mode", "rw" | "rwc") | ("cache", "private" | "shared") | ("vfs", _))
            || matches!(value, ("immutable", "false" | "0"))
    };
    if !options.is_empty() && !options.split('&').all(known) {
        return Err("has an unknown option behind `?`: those of SQLite are `mode=rw` or `rwc`, `cache` and `vfs`; \
                    a `?` in the name of the file is written `%3F`"
            .to_owned());
    }
    Ok(DatabaseUrl(Engine::File { path: PathBuf::from(path.as_ref()), options: options.to_owned() }))
}

/// What may be wrong where a URL cannot be read, or reads as something that nobody means.
const NOT_ENCODED: &str = "cannot be read as `postgres://USER@HOST:PORT/NAME`: in a password, `#` is written `%23`, `/` \
                           `%2F`, `?` `%3F`, `@` `%40` and `%` `%25`; or put the password as it is into `password_file`";

fn server(rest: &str) -> Result<DatabaseUrl, String> {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // libpq's form for a socket has a user and no host, which is no URL.
    let (user, authority) = match authority.strip_suffix('@') {
        Some(user) => (Some(user), ""),
        None => (None, authority),
    };
    let mut url = Url::parse(&format!("postgres://{authority}{path}")).map_err(|_| NOT_ENCODED.to_owned())?;
    if let Some(user) = user {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = user.split_once(':').map_or((user, None), |(user, password)| (user, Some(password)));
        url.query_pairs_mut().append_pair("user", &decoded(user));
        if let Some(password) = password {
            url.query_pairs_mut().append_pair("password", &decoded(password));
        }
    }
    if url.fragment().is_some() || url.path().contains('@') || url.path().matches('/').count() > 1 {
        return Err(NOT_ENCODED.to_owned());
    }
    for (key, value) in url.query_pairs() {
        option(&key, &value)?;
    }
    Ok(DatabaseUrl(Engine::Server(url)))
}

fn option(key: &str, value: &str) -> Result<(), String> {
    let must = |what: &str| Err(format!("must have {what}"));
    match key {
        "sslmode" | "ssl-mode"
            if !["disable", "allow", "prefer", "require", "verify-ca", "verify-full"].contains(&value) =>
        {
            must("`sslmode` `disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`")
        }
        "port" if value.parse::<u16>().is_err() => must("a port of 1 to 65535"),
        "hostaddr" if value.parse::<std::net::IpAddr>().is_err() => must("an IP address as `hostaddr`"),
        "statement-cache-capacity" if value.parse::<usize>().is_err() => {
            must("a whole number as `statement-cache-capacity`")
        }
        // The key is not quoted: it may be the rest of a password.
        _ if !OPTIONS.contains(&key) && !key.starts_with("options[") => Err(format!(
            "has an unknown option behind `?`, or a `?` in its password, which is written `%3F`: the options are {}",
            OPTIONS.map(|option| format!("`{option}`")).join(", ")
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap_or_else(|problem| panic!("{text}: {problem}"))
    }

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            ("postgres://u:s%40cret@h/d", "postgres://u:***@h/d"),
            ("postgres://h:1/b?user=u&password=s%23cret", "postgres://h:1/b?user=u&password=***"),
            (
                "postgres://u:secret@/b?host=/run/postgresql",
                "postgres:///b?host=%2Frun%2Fpostgresql&user=u&password=***",
            ),
            ("postgresql://u:se@cret@h/d", "postgres://u:***@h/d"),
            ("sqlite://var/besked.db", "sqlite://var/besked.db"),
        ] {
            let url = url(text);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("cret"), "{url:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_a_word_of_it() {
        for character in ['#', '/', '?', '[', '\\', ' ', '"', '<', '^', '`', '{', '|'] {
            for rest in ["cret", "123"] {
                let text = format!("postgres://drift:{rest}{character}S3cret@127.0.0.1:1/b");
                match text.parse::<DatabaseUrl>() {
                    Ok(url) => assert!(!url.to_string().contains("cret"), "{text}: {url}"),
                    Err(problem) => {
                        assert!(!problem.contains("cret") && problem.contains("written `%"), "{text}: {problem}")
                    }
                }
            }
        }
        for text in
            ["mysql://u:S3cret@h/b", "u:S3cret@h/b", "postgres://h/b?passwrd=S3cret", "postgres://h/b?S3cret=1", ""]
        {
            let problem = text.parse::<DatabaseUrl>().unwrap_err();
            assert!(!problem.contains("S3cret"), "{problem}");
        }
    }

    #[test]
    fn options_that_the_engine_would_refuse_or_ignore() {
        for text in [
            "postgres://h/b?sslmode=on",
            "postgres://h/b?port=a",
            "postgres://h/b?hostaddr=h",
            "postgres://h/b?connect_timeout=3",
            "sqlite://x.db?mode=write",
            "sqlite://x.db?mode=ro",
            "sqlite://x.db?immutable=1",
            "sqlite://x.db?journal=off",
            "sqlite::memory:",
            "sqlite://x?mode=memory",
            "sqlite://",
        ] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_that_of_the_file_that_is_opened() {
        for (text, path) in [
            ("sqlite://var/besked.db", "var/besked.db"),
            ("sqlite:var/besked.db", "var/besked.db"),
            ("sqlite:///srv/my%20data/x.db", "/srv/my data/x.db"),
            ("sqlite:///srv/my data/å#1+2.db", "/srv/my data/å#1+2.db"),
            ("sqlite://100%25%3F.db?mode=rw", "100%?.db"),
            ("sqlite://C:x.db", "C:x.db"),
        ] {
            assert_eq!(url(text).file(), Some(Path::new(path)), "{text}");
            assert_eq!(url(&url(text).to_string()), url(text), "{text}");
            assert_eq!(url(&url(text).expose()), url(text), "{text}");
        }
        let within = |text: &str| url(text).within(Path::new("/etc/besked")).to_string();
        assert_eq!(within("sqlite://var/x.db"), "sqlite:///etc/besked/var/x.db");
        assert_eq!(within("sqlite:///var/x.db"), "sqlite:///var/x.db");
    }

    #[test]
    fn a_password_from_a_file_is_sent_as_it_is() {
        for password in ["a#b/c?d@e", "å%20", "x y&z=1"] {
            for text in ["postgres://u@h/d", "postgres://u@/d?host=/run/postgresql"] {
                let url = Url::parse(&url(text).with_password(password).expose()).unwrap();
                let before = url.password().map(|it| percent_decode_str(it).decode_utf8_lossy().into_owned());
                let behind = url.query_pairs().find(|(key, _)| key == "password").map(|(_, value)| value.into_owned());
                assert_eq!(before.or(behind).as_deref(), Some(password), "{text}");
            }
        }
    }
}
