//! Reads the configuration file and layers the environment over it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::{Table, Value};

use super::bounded::{self, LARGEST_TEXT};
use super::lines::Readable;
use super::{Config, Log, dkim, lines, paths, secret, sender, words};
use crate::domain::kind::Kind;
use crate::domain::words::cause;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("no configuration at `{0}`")]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read `{path}`: {}", cause(.source))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error.
        source: std::io::Error,
    },
    /// The file, or a value from the environment, is not valid.
    #[error("{}", .0.iter().map(Found::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Found>),
}

/// A problem of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file or environment variable.
    pub place: String,
    /// The line in the file; 0 if there is none.
    pub line: usize,
    /// The problem, with its key.
    pub problem: String,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.place, self.problem),
            line => write!(f, "{}: line {line}: {}", self.place, self.problem),
        }
    }
}

impl ConfigError {
    /// The kind of this error: in each case the operator has to change something.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Missing(_) => Kind::NotFound,
            Self::Read { .. } | Self::Invalid(_) => Kind::Invalid,
        }
    }
}

/// A configuration and its file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The file.
    pub path: PathBuf,
    /// The folder that relative paths in it count from.
    pub folder: PathBuf,
}

/// Loads the file `named`, else `./config/besked.toml`, and layers the environment over it.
///
/// # Errors
/// If the file is missing, or anything in it or in the environment is not valid.
pub fn load(named: Option<&Path>, env: &[(String, String)]) -> Result<Loaded, ConfigError> {
    let path = named.map_or_else(|| PathBuf::from("config/besked.toml"), Path::to_path_buf);
    let bytes = bounded::read(&path, LARGEST_TEXT).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigError::Missing(path.clone()),
        _ => ConfigError::Read { path: path.clone(), source },
    })?;
    let text = utf8(bytes).map_err(|(line, problem)| {
        ConfigError::Invalid(vec![Found { place: path.display().to_string(), line, problem }])
    })?;
    let folder = folder(&path);
    let config = within(&folder, &text, &path.display().to_string(), env)?;
    Ok(Loaded { config, path, folder })
}

/// The text of a file, without the mark of the byte order; else the line that is not UTF-8, and what to do.
fn utf8(bytes: Vec<u8>) -> Result<String, (usize, String)> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err((0, "the file is UTF-16, as PowerShell writes it with `>`: save it as UTF-8".to_owned()));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned()),
        Err(error) => {
            let read = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = read.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err((line, "is not UTF-8: save the file as UTF-8".to_owned()))
        }
    }
}

/// The folder that relative paths of a configuration file count from: its own, or the one around it if that is called `config`, as
/// `besked init` makes it. Empty for the current folder.
#[must_use]
pub fn folder(path: &Path) -> PathBuf {
    let own = path.parent().unwrap_or(Path::new(""));
    if own.file_name() != Some(OsStr::new("config")) {
        return own.to_owned();
    }
    own.parent().unwrap_or(Path::new("")).to_owned()
}

/// Parses a configuration text and layers the environment over it. Its relative paths count from the current folder.
///
/// # Errors
/// If anything in it or in the environment is not valid.
pub fn parse(text: &str, place: &str, env: &[(String, String)]) -> Result<Config, ConfigError> {
    within(Path::new(""), text, place, env)
}

fn within(folder: &Path, text: &str, place: &str, env: &[(String, String)]) -> Result<Config, ConfigError> {
    let in_file = |(line, problem): (usize, String)| Found { place: place.to_owned(), line, problem };
    // First without the environment, for errors that name the line ...
    let Readable { text: readable, problems: wrong, made_up } = lines::readable::<Config>(text);
    let mut found: Vec<Found> = wrong.into_iter().map(in_file).collect();
    let (Ok(mut table), Ok(_)) = (readable.parse::<Table>(), toml::from_str::<Config>(&readable)) else {
        return Err(ConfigError::Invalid(found));
    };
    if let Some(line) = secret_in_file(&table, text) {
        found.push(in_file((
            line,
            "a `password` belongs in a `password_file` or the environment, not in this file".to_owned(),
        )));
    }
    // ... then with the environment over it.
    let variables = env.iter().filter_map(|(name, value)| Some((name, key_of(name)?, value)));
    let mut named = BTreeMap::new();
    for (name, path, value) in variables {
        let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        match overlaid(&table, &path, value) {
            Ok(with) => table = with,
            Err(problem) => found.push(Found { place: name.clone(), line: 0, problem }),
        }
        named.insert(path.join("."), name.clone());
    }
    let mut config: Config = Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Invalid(vec![in_file((0, words::own(error.message())))]))?;
    // What cannot be a path is not read either.
    let mut problems = config.paths_of_shells();
    config.count_paths_from(folder);
    problems.extend(config.read_passwords());
    problems.extend(config.problems());
    problems.extend(dkim::read(&mut config.dkim));
    paths::leave_out_consequences(&mut problems);
    problems.retain(|problem| !made_up.contains(&lines::key(problem).join(".")));
    config.smtp.greet_as(super::host_name(), sender::domain_of(&config.sender.from));
    found.extend(problems.into_iter().map(|problem| match named.get(&lines::key(&problem).join(".")) {
        Some(name) => Found { place: name.clone(), line: 0, problem },
        None => in_file((lines::of_key(text, &lines::key(&problem)), problem)),
    }));
    found.sort_by_key(|found| found.line);
    if found.is_empty() { Ok(config) } else { Err(ConfigError::Invalid(found)) }
}

/// The key that a variable of the environment sets, such as `DATABASE__URL`.
fn key_of(variable: &str) -> Option<&str> {
    match variable {
        "BESKED_LOG" => Some("LOG__LEVEL"),
        "BESKED_LOG_FORMAT" => Some("LOG__FORMAT"),
        _ => variable.strip_prefix("BESKED__"),
    }
}

/// `[log]` as the environment has it, for commands that work without a configuration.
#[must_use]
pub fn log_of(env: &[(String, String)]) -> Log {
    let of_log = |it: &&(String, String)| key_of(&it.0).is_some_and(|key| key.starts_with("LOG__"));
    let env: Vec<_> = env.iter().filter(of_log).cloned().collect();
    parse("", "", &env).map(|config| config.log).unwrap_or_default()
}

/// The line of a password in the file.
fn secret_in_file(table: &Table, text: &str) -> Option<usize> {
    let imap = table.get("inbound").and_then(|it| it.get("imap")).and_then(|it| it.get("password"));
    if imap.is_some() {
        return Some(lines::of_key(text, &["inbound", "imap", "password"].map(str::to_owned)));
    }
    let relays = table.get("relay").and_then(Value::as_array)?;
    let index = relays.iter().position(|relay| relay.get("password").is_some())?;
    Some(lines::of_key(text, &["relay".to_owned(), index.to_string(), "password".to_owned()]))
}

/// The table with a value from the environment in it. Text is text, even if it looks like a number; what looks like a list, a table
/// or a quoted text is read as TOML first.
fn overlaid(table: &Table, path: &[String], text: &str) -> Result<Table, String> {
    let plain = Value::String(secret::bare(text).to_owned());
    if path.last().is_some_and(|key| key == "password") {
        return with(table, path, plain);
    }
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let is_marked = text.trim_start().starts_with(['[', '{', '"', '\'']);
    match parsed {
        // Quotes that a tool has kept: what is in them counts.
        Some(Value::String(inner)) if is_marked => {
            let kept = with(table, path, Value::String(inner.clone()));
            kept.or_else(|problem| if inner == text { Err(problem) } else { overlaid(table, path, &inner) })
        }
        Some(parsed) if is_marked => with(table, path, parsed).or_else(|_| with(table, path, plain)),
        // If neither can be read, the reason that names the type is the better one.
        Some(parsed) => with(table, path, plain).or_else(|_| with(table, path, parsed)),
        None => with(table, path, plain),
    }
}

/// The table with a value at a path of keys and indexes, if it is then still a configuration.
fn with(table: &Table, path: &[String], value: Value) -> Result<Table, String> {
    let mut table = table.clone();
    set(&mut table, path, value)?;
    match Value::Table(table.clone()).try_into::<Config>() {
        Ok(_) => Ok(table),
        Err(error) => {
            let said = words::own(error.message()).replace(words::NOT_IN_QUOTES, "").replace(words::NOT_TEXT, "");
            Err(if said == "must be a table" {
                "names a table: add the key, as in `BESKED__LOG__LEVEL` for `[log] level`".to_owned()
            } else {
                said
            })
        }
    }
}

fn set(table: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    let (last, parents) = path.split_last().ok_or("names no key")?;
    let mut place = table;
    let mut parents = parents.iter().peekable();
    while let Some(parent) = parents.next() {
        let is_list = parents.peek().is_some_and(|next| next.parse::<usize>().is_ok());
        let empty = if is_list { Value::Array(Vec::new()) } else { Value::Table(Table::new()) };
        let inner = place.entry(parent.clone()).or_insert(empty);
        place = match inner {
            Value::Table(table) => table,
            Value::Array(items) => {
                let index: usize = parents
                    .next()
                    .and_then(|next| next.parse().ok())
                    .ok_or_else(|| format!("`{parent}` is a list: name an entry by its number"))?;
                match items.get_mut(index) {
                    Some(Value::Table(table)) => table,
                    _ => {
                        return Err(format!("`{parent}` has no entry {index}: the file needs a `[[{parent}]]` for it"));
                    }
                }
            }
            _ => return Err(format!("`{parent}` is not a table")),
        };
    }
    place.insert(last.clone(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::EXAMPLE;
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_example_holds_every_default() {
        let example = parse(EXAMPLE, "example", &[]).unwrap();
        let mut defaults = toml::Table::try_from(Config::default()).unwrap();
        let mut example = toml::Table::try_from(example).unwrap();
        // This host's name is no default.
        defaults.get_mut("smtp").and_then(toml::Value::as_table_mut).map(|smtp| smtp.remove("hello_name"));
        example.get_mut("smtp").and_then(toml::Value::as_table_mut).map(|smtp| smtp.remove("hello_name"));
        defaults.remove("relay");
        let relays = example.remove("relay").unwrap();
        defaults.remove("category");
        example.remove("category");
        assert_eq!(example, defaults);
        assert_eq!(relays.as_array().unwrap().len(), 1);
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let variables = env(&[
            ("BESKED__DATABASE__URL", "sqlite://elsewhere/x.db"),
            ("BESKED__RELAY__0__URL", "smtp://besked@smtp.example.com:587"),
            ("BESKED__RELAY__0__CONNECTIONS", "3"),
            ("BESKED__RELAY__0__PASSWORD", "12345"),
            ("BESKED__LIMITS__DOMAIN_CONNECTIONS", "2"),
            ("PATH", "/bin"),
        ]);
        let config = parse(EXAMPLE, "example", &variables).unwrap();
        assert_eq!(config.database.url.to_string(), "sqlite://elsewhere/x.db");
        assert_eq!(config.relays[0].connections, 3);
        assert_eq!(config.limits.domain_connections, 2);
        assert!(!format!("{config:?}").contains("12345"), "a password is never printed");
        assert!(!toml::to_string(&config).unwrap().contains("12345"));
    }

    #[test]
    fn a_text_from_the_environment_is_text() {
        let variables = env(&[
            ("BESKED__DISPATCH__NODE", "402913847265"),
            ("BESKED__ORGANISATION__NAME", "3"),
            ("BESKED__ORGANISATION__SEAT", "true"),
            ("BESKED__ORGANISATION__SUPERVISORY_AUTHORITY", "{ en = \"Authority\" }"),
            ("BESKED__ORGANISATION__ADDRESS", "\"Storgatan 1\""),
            ("BESKED__RELAY__0__NAME", "1"),
            ("BESKED__RELAY__0__URL", "smtp://u@localhost?tls=none"),
            ("BESKED__RELAY__0__PASSWORD", "\u{feff}\"12\"\r\n"),
            ("BESKED__RETRY__SCHEDULE", "[\"1m\"]"),
            ("BESKED__LOG__LEVEL", "info"),
            ("BESKED__HTTP__LISTEN", "localhost:8080"),
            ("BESKED__LIMITS__DOMAIN_CONNECTIONS", " 2"),
        ]);
        let config = parse(EXAMPLE, "example", &variables).unwrap();
        assert_eq!(config.dispatch.node, "402913847265");
        assert_eq!(config.organisation.name, "3");
        assert_eq!(config.organisation.seat.as_deref(), Some("true"));
        assert!(matches!(config.organisation.supervisory_authority, super::super::Authority::ByLanguage(_)));
        assert_eq!(config.organisation.address, "Storgatan 1");
        assert_eq!(config.relays[0].name, "1");
        let password = config.relays[0].password.as_ref().map(secrecy::ExposeSecret::expose_secret);
        assert_eq!(password, Some("\"12\""));
        assert_eq!(config.http.listen.port(), 8080);
        assert_eq!(config.limits.domain_connections, 2);
    }

    #[test]
    fn relative_paths_count_from_the_place_of_the_file() {
        for (file, at) in [
            ("config/besked.toml", ""),
            ("besked.toml", ""),
            ("/etc/besked/besked.toml", "/etc/besked"),
            ("/srv/besked/config/besked.toml", "/srv/besked"),
            ("../config/other.toml", ".."),
        ] {
            assert_eq!(folder(Path::new(file)), Path::new(at), "{file}");
        }
        let text = "[[relay]]\nname = \"a\"\nurl = \"smtp://h.example\"\n[ledger]\nkey_file = \"/keys/ledger\"\n";
        let config = within(Path::new("/srv"), text, "x", &[]).unwrap();
        assert_eq!(config.database.url.to_string(), "sqlite:///srv/var/besked.db");
        assert_eq!(config.ledger.key_file, Path::new("/keys/ledger"));
        assert_eq!(config.ledger.state_file, Path::new("/srv/var/ledger.state"));
        assert_eq!(config.privacy.journal_file, Path::new("/srv/var/erased.journal"));
    }

    #[test]
    fn a_value_that_cannot_be_read_is_one_problem() {
        let text = "[[relay]]\nname = \"a\"\nurl = \"http://h.example\"\n[[relay]]\nname = \"b\"\n";
        let error = parse(text, "b.toml", &[]).unwrap_err().to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
        assert!(error.contains("line 3: `relay.0.url`: ") && error.contains("line 4: lacks `url`"), "{error}");
    }

    #[test]
    fn a_typo_is_an_error_that_names_its_line() {
        let error = parse("[organisation]\nnmae = \"X\"\n", "besked.toml", &[]).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("nmae") && error.contains("`name`"), "{error}");
        let error = parse("", "besked.toml", &env(&[("BESKED__DATABSE__URL", "x")])).unwrap_err().to_string();
        assert!(error.starts_with("BESKED__DATABSE__URL: ") && error.contains("`database`"), "{error}");
    }

    #[test]
    fn an_error_never_prints_the_line_it_is_in() {
        for text in [
            "[[relay]]\nname = \"a\"\npassword = hunter2 \n",
            "[[relay]]\nname = \"a\"\npassword = \"hunter2\n",
            "[[relay]]\nname = \"a\"\npassword hunter2\n",
            "[[relay]]\nname = \"a\"\nconnections = \"hunter2\"\n",
            "[[relay]]\nname = \"a\"\npassword_file = [\"hunter2\"]\n",
        ] {
            let error = parse(text, "besked.toml", &[]).unwrap_err().to_string();
            assert!(error.contains("besked.toml: line 3: ") && !error.contains("hunter2"), "{error}");
        }
        let error = parse(EXAMPLE, "x", &env(&[("BESKED__RELAY__0__CONNECTIONS", "hunter2")])).unwrap_err().to_string();
        assert!(
            error.contains("CONNECTIONS") && error.contains("must be a whole number") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn all_problems_are_reported_at_once_with_their_lines() {
        let text = "[organisation]\nnmae = \"X\"\npublic_url = \"http://example.com\"\n[sender]\nfrom = \"Example Cloud\"\n\
                    [retry]\ngive_up_after = \"soon\"\n[category.news]\nroles = []\n[databse]\nurl = \"x\"\n[[relay]]\n\
                    name = \"a\"\nurl = \"smtp://h.example\"\nconnections = 0\n";
        let variables = env(&[("BESKED__LOG__LEVEL", "a=b=c"), ("BESKED__DISPATCH__DRAIN", "x")]);
        let error = parse(text, "b.toml", &variables).unwrap_err().to_string();
        let places: Vec<&str> =
            error.lines().map(|line| line.rsplit_once(": ").map_or(line, |(place, _)| place)).collect();
        for line in [2, 3, 5, 7, 9, 10, 15] {
            let place = format!("b.toml: line {line}");
            assert_eq!(places.iter().filter(|it| it.starts_with(&place)).count(), 1, "line {line}: {error}");
        }
        assert!(
            error.contains("BESKED__LOG__LEVEL: `log.level` must be") && error.contains("BESKED__DISPATCH__DRAIN: "),
            "{error}"
        );
        assert!(error.contains("line 5: `sender.from`: `Example Cloud` "), "{error}");
        assert!(error.contains("is not a duration such as `90s`") && !error.contains("friendly"), "{error}");
        let error = parse("a = \nb =\nc = 1\n", "b.toml", &[]).unwrap_err().to_string();
        assert!(error.contains("line 1: ") && error.contains("line 2: "), "{error}");
    }

    #[test]
    fn a_password_in_the_file_is_refused_without_printing_it() {
        for text in [
            "[[relay]]\nname = \"a\"\nurl = \"smtp://u@h.example\"\npassword = \"hunter2\"\n",
            "[inbound]\n[inbound.imap]\nurl = \"imaps://u@h.example\"\npassword = \"hunter2\"\n",
        ] {
            let error = parse(text, "besked.toml", &[]).unwrap_err().to_string();
            assert!(error.contains("line 4: ") && error.contains("password_file"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
