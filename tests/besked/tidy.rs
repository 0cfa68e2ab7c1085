//! Tidiness, held by reading the source: the layers, the first line of each file, and what must not be there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A file imports from its own layer and lower ones only.
const LAYERS: &[&[&str]] = &[
    &["domain"],
    &["config"],
    &["store"],
    &["context"],
    &["metrics"],
    &["mail"],
    &["ledger"],
    &["people"],
    &["operators"],
    &["audience"],
    &["notices"],
    &["deliveries"],
    &["coverage"],
    &["evidence"],
    &["inbound", "escalation", "webhooks"],
    &["dispatch"],
    &["app"],
    &["doctor"],
    &["public"],
    &["console"],
    &["http"],
    &["cli", "telemetry"],
];

/// What the top level of the repository holds.
const TOP: &[&str] = &[
    ".cargo",
    ".ci",
    ".git",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "benches",
    "clippy.toml",
    "config",
    "deny.toml",
    "docs",
    "migrations",
    "rustfmt.toml",
    "src",
    "target",
    "templates",
    "tests",
    "var",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below some folders, as path relative to the repository and text.
fn files(folders: &[&str]) -> Vec<(String, String)> {
    texts(folders, &["rs"])
}

/// All files with one of these extensions below some folders, as path relative to the repository and text.
pub fn texts(folders: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|it| extensions.iter().any(|extension| it == *extension)) {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            files.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    files.sort();
    assert!(!files.is_empty(), "the source was not found");
    files
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The top-level modules that a file uses, wherever they stand, each with its line; and the module of the file.
fn used<'a>(path: &'a str, text: &'a str) -> (&'a str, Vec<(usize, &'a str)>) {
    let inside = path.trim_start_matches("src/").trim_end_matches("/mod.rs");
    // `super` leads out of the module from its own file, `super::super` from its files below; deeper nobody goes.
    let root = if inside.contains('/') { "super::super::" } else { "super::" };
    let mut found = Vec::new();
    for (at, prefix) in text.match_indices("crate::").chain(text.match_indices(root)) {
        let line = text[..at].matches('\n').count() + 1;
        found.extend(first_names(&text[at + prefix.len()..]).into_iter().map(|name| (line, name)));
    }
    (inside.split(['/', '.']).next().unwrap(), found)
}

/// Imports and paths that lead upward.
fn upward(path: &str, text: &str) -> Vec<String> {
    let (module, found) = used(path, text);
    if matches!(module, "lib" | "main") {
        return Vec::new();
    }
    let own = layer(module).unwrap_or_else(|| panic!("{path}: `{module}` is in no layer"));
    let upward = found.into_iter().filter(|(_, used)| layer(used).is_some_and(|used| used > own));
    upward.map(|(line, used)| format!("{path}:{line}: {module} uses {used}")).collect()
}

/// The faces: each calls services, and never the store.
const FACES: &[&str] = &["cli", "public", "http", "console"];

/// Where a face calls the store.
fn faces_that_store(path: &str, text: &str) -> Vec<String> {
    let (module, found) = used(path, text);
    if !FACES.contains(&module) {
        return Vec::new();
    }
    let stores = found.into_iter().filter(|(_, used)| *used == "store");
    stores.map(|(line, _)| format!("{path}:{line}: {module} uses store")).collect()
}

/// The part of a top-level module that a file belongs to: a file or folder in it; `None` for the module's own file.
fn part(path: &str) -> Option<(&str, &str)> {
    let (module, inside) = path.strip_prefix("src/")?.split_once('/')?;
    let part = inside.split('/').next()?.trim_end_matches(".rs");
    (part != "mod").then_some((module, part))
}

/// The parts of the same module that a file uses.
fn parts_used<'a>(path: &str, text: &'a str) -> Vec<&'a str> {
    let Some((module, own)) = part(path) else { return Vec::new() };
    let text = without_tests(path, text);
    let depth = path.matches('/').count() - usize::from(path.ends_with("/mod.rs"));
    // What leads out of the part: `super` from its own file, `super::super` from the files in its folder; deeper nobody goes.
    let out = match depth {
        2 => "super::",
        3 => "super::super::",
        _ => "crate::",
    };
    let leads_out = |(at, root): &(usize, &str)| {
        *root != "crate::" && !text[..*at].ends_with("super::") && !text[at + root.len()..].starts_with("super::")
    };
    let within = format!("crate::{module}::");
    let crate_paths = text.match_indices(&within).map(|(at, root)| at + root.len());
    let super_paths = text.match_indices(out).filter(leads_out).map(|(at, root)| at + root.len());
    // A link in a comment is no import.
    let is_code = |end: &usize| !text[..*end].rsplit('\n').next().unwrap_or("").trim_start().starts_with("//");
    let ends: Vec<usize> = crate_paths.chain(super_paths).filter(is_code).collect();
    ends.into_iter().flat_map(|end| first_names(&text[end..])).filter(|name| *name != own).collect()
}

/// Parts of one top-level module that use each other, directly or not.
fn circles(files: &[(String, String)]) -> Vec<String> {
    let mut uses: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in files {
        if let Some(key) = part(path) {
            uses.entry(key).or_default().extend(parts_used(path, text));
        }
    }
    let reaches = |module, from, to| {
        let (mut waiting, mut seen) = (vec![from], BTreeSet::new());
        while let Some(part) = waiting.pop() {
            let unseen = uses.get(&(module, part)).into_iter().flatten().filter(|next| seen.insert(**next));
            waiting.extend(unseen);
        }
        seen.contains(to)
    };
    let mut found = Vec::new();
    for ((module, part), used) in &uses {
        for other in used.iter().filter(|other| reaches(*module, **other, *part)) {
            found.push(format!("{module}: `{part}` uses `{other}`, which uses `{part}`"));
        }
    }
    found
}

/// The longest function, in lines with its first and last.
const LONGEST: usize = 60;

/// Functions that are too long, found by indentation.
fn long(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (first, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words = code.split_whitespace().take_while(|word| *word != "fn");
        let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
        let begins = code.split_whitespace().any(|word| word == "fn")
            && words.into_iter().all(|word| qualifiers.contains(&word));
        if !begins || code.ends_with(';') {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[first..].iter().position(|line| **line == end).map_or(0, |last| last + 1);
        if length > LONGEST {
            found.push(format!("{path}:{}: a function of {length} lines", first + 1));
        }
    }
    found
}

/// The first names of a path or of a braced list of paths.
fn first_names(text: &str) -> Vec<&str> {
    let name = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let Some(list) = text.strip_prefix('{') else { return vec![&text[..name(text)]] };
    let (mut depth, mut begins, mut names) = (0_usize, true, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => begins |= depth == 0,
            _ if begins && !c.is_whitespace() => {
                names.push(&list[at..at + name(&list[at..])]);
                begins = false;
            }
            _ => {}
        }
    }
    names
}

/// What is wrong with a file as a whole.
fn unfit(path: &str, text: &str) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap();
    let mut found = Vec::new();
    if !text.starts_with("//! ") {
        found.push(format!("{path} does not open with `//!`"));
    }
    if text.lines().count() > 500 {
        found.push(format!("{path} is longer than 500 lines"));
    }
    if ["utils", "util", "helpers", "common", "manager"].iter().any(|word| name == format!("{word}.rs")) {
        found.push(format!("{path} is named for nothing in particular"));
    }
    found
}

/// Nowhere; `~` keeps this file from finding itself.
const LEFT_OVER: &[&str] =
    &["TO~DO", "FIX~ME", "XX~X", "to~do!(", "unimple~mented!(", "db~g!(", "[all~ow(", "[ign~ore", "thread::sl~eep"];

/// Not in tests: they wait for what happens, and name no place of one machine.
const NOT_IN_TESTS: &[&str] = &["sl~eep(", "/tm~p/", "/wo~rk/"];

/// Lines that hold what must not be there.
fn forbidden(path: &str, text: &str, words: &[&str]) -> Vec<String> {
    let hit = |line: &str| words.iter().find(|word| line.contains(&word.replace('~', ""))).copied();
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| hit(line).map(|word| format!("{path}:{}: `{word}`", index + 1))).collect()
}

fn left_over(path: &str, text: &str) -> Vec<String> {
    let mut found = forbidden(path, text, LEFT_OVER);
    if path.starts_with("tests") {
        found.extend(forbidden(path, text, NOT_IN_TESTS));
    }
    if path.starts_with("src") {
        found.extend(forbidden(path, without_tests(path, text), &[".unwr~ap()"]));
    }
    found
}

/// The part of a file before its tests.
fn without_tests<'a>(path: &str, text: &'a str) -> &'a str {
    if path.ends_with("/tests.rs") { "" } else { text.split("#[cfg(test)]").next().unwrap_or(text) }
}

/// Store functions that a suite does not call.
fn uncalled(path: &str, text: &str, suite: &str) -> Vec<String> {
    let module = path.trim_end_matches(".rs").trim_end_matches("/mod").rsplit('/').next().unwrap();
    let functions = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
    let calls = functions.map(|line| format!("{module}::{}(", line.split(['(', '<']).next().unwrap()));
    calls.filter(|call| !suite.contains(call)).collect()
}

/// Runs a rule over all files below some folders.
fn hold(folders: &[&str], rule: impl Fn(&str, &str) -> Vec<String>) {
    let found: Vec<String> = files(folders).iter().flat_map(|(path, text)| rule(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn imports_lead_downward() {
    hold(&["src"], upward);
}

/// The line of layers in the crate's documentation is the one that is held here.
#[test]
fn the_crate_describes_its_layers_as_they_are() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let block = text.split("```").find(|block| block.contains("<-")).expect("lib.rs has a line of layers");
    let line: String = block.trim_start_matches("text").replace("//!", "");
    let named: Vec<&str> = line.split("<-").map(str::trim).collect();
    assert_eq!(named, LAYERS.iter().map(|layer| layer[0]).collect::<Vec<_>>());
}

#[test]
fn faces_call_services_and_not_the_store() {
    hold(&["src"], faces_that_store);
}

#[test]
fn the_parts_of_a_module_are_in_no_circle() {
    assert_eq!(circles(&files(&["src"])), [""; 0]);
}

#[test]
fn functions_are_short() {
    hold(&["src"], long);
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    hold(&["src", "tests", "benches"], unfit);
}

#[test]
fn nothing_is_left_over_and_nothing_is_skipped() {
    hold(&["src", "tests", "benches"], left_over);
}

#[test]
fn every_store_function_is_called_by_the_conformance_suite() {
    let mut suite = files(&["tests"]);
    suite.retain(|(path, _)| path.starts_with("tests/besked/store"));
    let suite: String = suite.into_iter().map(|(_, text)| text).collect();
    hold(&["src/store"], |path, text| uncalled(path, text, &suite));
}

#[test]
fn each_rule_can_fail() {
    for (path, text, wanted) in [
        ("src/store/x.rs", "//! X.\nuse crate::mail::smtp;", "src/store/x.rs:2: store uses mail"),
        ("src/domain/x.rs", "let a = crate::store::b();", "src/domain/x.rs:1: domain uses store"),
        ("src/store/x.rs", "use crate::{\n  domain::{a, cli},\n  app,\n};", "src/store/x.rs:1: store uses app"),
        ("src/store/x.rs", "use super::super::mail;", "src/store/x.rs:1: store uses mail"),
        ("src/store/mod.rs", "use super::notices::x;", "src/store/mod.rs:1: store uses notices"),
        ("src/notices.rs", "use super::{domain, app::x};", "src/notices.rs:1: notices uses app"),
    ] {
        assert_eq!(upward(path, text), [wanted], "{text}");
    }
    for (path, text) in [
        ("src/notices/x.rs", "use crate::mail::x; use super::cli; use crate::{domain::{a, cli}, store};"),
        ("src/lib.rs", "pub mod cli; use crate::cli::x;"),
        ("src/main.rs", "use crate::cli;"),
    ] {
        assert_eq!(upward(path, text), [""; 0], "{text}");
    }
    assert_eq!(faces_that_store("src/cli/x.rs", "use crate::store::y;"), ["src/cli/x.rs:1: cli uses store"]);
    assert!(faces_that_store("src/mail/x.rs", "use crate::store::y;").is_empty());
    for (one, other) in [
        (("src/mail/a.rs", "use super::b;"), ("src/mail/b/x.rs", "use super::super::a;")),
        (("src/mail/a/mod.rs", "use super::{c, b::d};"), ("src/mail/b.rs", "use crate::mail::a::E;")),
    ] {
        let files = [one, other].map(|(path, text)| (path.to_owned(), text.to_owned()));
        let found = ["mail: `a` uses `b`, which uses `a`", "mail: `b` uses `a`, which uses `b`"];
        assert_eq!(circles(&files), found, "{one:?}");
        assert_eq!(circles(&files[..1]), [""; 0]);
    }
    for header in ["pub async fn x() {", "fn x(", "    pub(crate) const fn x() -> u8 {"] {
        let end = &header[..header.len() - header.trim_start().len()];
        let function = |lines: usize| format!("//! X.\n{header}\n{}{end}}}\n", "    ;\n".repeat(lines - 2));
        assert_eq!(long("src/x.rs", &function(61)), ["src/x.rs:2: a function of 61 lines"], "{header}");
        assert_eq!(long("src/x.rs", &function(60)), [""; 0], "{header}");
    }
    assert_eq!(unfit("src/utils.rs", &"use x;\n".repeat(501)).len(), 3);
    assert_eq!(unfit("src/x.rs", "//! X.\n"), [""; 0]);
    for word in LEFT_OVER {
        assert_eq!(left_over("src/x.rs", &format!("a\n// {}\n", word.replace('~', ""))).len(), 1, "{word}");
    }
    for word in NOT_IN_TESTS {
        let text = word.replace('~', "");
        assert_eq!((left_over("tests/x.rs", &text).len(), left_over("benches/x.rs", &text).len()), (1, 0), "{word}");
    }
    let unwrap = ["x.unwr", "ap();\n"].concat();
    assert_eq!(left_over("src/x.rs", &unwrap).len(), 1);
    assert!(left_over("src/x.rs", &format!("#[cfg(test)]\nmod tests {{ {unwrap} }}")).is_empty());
    let function = "pub async fn find(conn: &mut Conn)";
    assert_eq!(uncalled("src/store/x.rs", function, "y::find(x)"), ["x::find("]);
    assert!(uncalled("src/store/x.rs", function, "x::find(&mut conn)").is_empty());
    assert_eq!(out_of_place("notes.txt").len(), 1);
}

/// What has no place on the top level of the repository.
fn out_of_place(name: &str) -> Vec<String> {
    if TOP.contains(&name) { Vec::new() } else { vec![format!("`{name}` has no place on the top level")] }
}

#[test]
fn the_top_level_is_as_designed() {
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert_eq!(out_of_place(&name), [""; 0]);
    }
}
