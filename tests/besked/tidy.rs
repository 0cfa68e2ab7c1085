//! Tidiness, held by reading the source: the layers, the first line of each file, and what must not be there.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A file imports from its own layer and lower ones only.
const LAYERS: &[&[&str]] = &[
    &["domain"],
    &["config"],
    &["store"],
    &["mail", "customers", "audience", "notices", "dispatch", "coverage", "preferences", "sample"],
    &["app"],
    &["public", "cli", "telemetry"],
];

/// What the top level of the repository holds.
const TOP: &[&str] = &[
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
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut files = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
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

/// Imports that lead upward.
fn upward(path: &str, text: &str) -> Vec<String> {
    let module = path.trim_start_matches("src/").split(['/', '.']).next().unwrap();
    if matches!(module, "lib" | "main") {
        return Vec::new();
    }
    let own = layer(module).unwrap_or_else(|| panic!("{path}: `{module}` is in no layer"));
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for part in line.split("crate::").skip(1) {
            let used: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if layer(&used).is_some_and(|used| used > own) {
                found.push(format!("{path}:{}: {module} uses {used}", index + 1));
            }
        }
    }
    found
}

/// Lines that hold what must not be there; `split` words keep this file from finding itself.
fn forbidden(path: &str, text: &str, words: &[&str]) -> Vec<String> {
    let hit = |line: &str| words.iter().find(|word| line.contains(&word.replace('~', ""))).copied();
    let lines = text.lines().enumerate();
    lines.filter_map(|(index, line)| hit(line).map(|word| format!("{path}:{}: `{word}`", index + 1))).collect()
}

/// The part of a file before its tests.
fn without_tests<'a>(path: &str, text: &'a str) -> &'a str {
    if path.ends_with("/tests.rs") { "" } else { text.split("#[cfg(test)]").next().unwrap_or(text) }
}

#[test]
fn imports_lead_downward() {
    let found: Vec<String> = files(&["src"]).iter().flat_map(|(path, text)| upward(path, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(upward("src/store/x.rs", "use crate::mail::smtp;").len(), 1, "the rule can fail");
    assert_eq!(upward("src/domain/x.rs", "let a = crate::store::b();").len(), 1);
    assert!(upward("src/mail/x.rs", "use crate::notices::x;").is_empty(), "neighbours may");
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    for (path, text) in files(&["src", "tests", "benches"]) {
        assert!(text.starts_with("//! "), "{path} does not open with `//!`");
        assert!(text.lines().count() <= 500, "{path} is longer than 500 lines");
        let name = path.rsplit('/').next().unwrap();
        assert!(!["utils.rs", "util.rs", "helpers.rs", "common.rs", "manager.rs"].contains(&name), "{path}");
    }
}

#[test]
fn nothing_is_left_over_and_nothing_is_skipped() {
    let everywhere = [
        "TO~DO",
        "FIX~ME",
        "XX~X",
        "to~do!(",
        "unimple~mented!(",
        "db~g!(",
        "#[all~ow(",
        "#[ign~ore",
        "thread::sl~eep",
    ];
    let in_tests = ["time::sl~eep(", "/tm~p/", "/wo~rk/"];
    let mut found = Vec::new();
    for (path, text) in files(&["src", "tests", "benches"]) {
        found.extend(forbidden(&path, &text, &everywhere));
        if path.starts_with("tests") {
            found.extend(forbidden(&path, &text, &in_tests));
        }
        if path.starts_with("src") {
            found.extend(forbidden(&path, without_tests(&path, &text), &[".unwr~ap()"]));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert_eq!(forbidden("x", &format!("a\n// TO{}\n", "DO"), &everywhere).len(), 1, "the rule can fail");
}

#[test]
fn the_top_level_is_as_designed() {
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TOP.contains(&name.as_str()), "`{name}` has no place on the top level");
    }
}

#[test]
fn every_store_function_is_called_by_the_conformance_suite() {
    let suite: String =
        files(&["tests"]).into_iter().filter(|(path, _)| path.contains("store")).map(|(_, text)| text).collect();
    let mut missing = Vec::new();
    for (path, text) in files(&["src"]).into_iter().filter(|(path, _)| path.starts_with("src/store/")) {
        let module = path.trim_start_matches("src/store/").trim_end_matches(".rs").to_owned();
        for line in text.lines().filter(|line| line.starts_with("pub async fn ")) {
            let name = line.trim_start_matches("pub async fn ").split(['(', '<']).next().unwrap();
            if !suite.contains(&format!("{module}::{name}(")) {
                missing.push(format!("{module}::{name}"));
            }
        }
    }
    missing.dedup();
    assert!(missing.is_empty(), "not called on both engines: {}", missing.join(", "));
}
