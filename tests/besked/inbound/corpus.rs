//! The reader over the corpus: every line of `expected.csv` in kind, recipients, action, status, verdict and match.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::{env, fs};

use besked::domain::report::{MessageKind, Report, Verdict};
use besked::inbound::reader::bounds::Bounds;
use besked::inbound::reader::evidence::{Known, Ours, decide};
use besked::inbound::reader::read::{Message, read};
use data_encoding::BASE32_NOPAD;
use ring::hmac;
use uuid::Uuid;

/// Where reader and expectation differ, and why that stays so.
const KNOWN_DIFFERENCES: &[(&str, &str)] = &[];

fn corpus() -> PathBuf {
    env::var_os("BESKED_INBOUND_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/inbound"), PathBuf::from)
}

/// The delivery of a local part `b+TOKEN`, under the key of the corpus.
fn verify(local: &str) -> Option<Uuid> {
    let (_, token) = local.split_once('+')?;
    let token = BASE32_NOPAD.decode(token.to_uppercase().as_bytes()).ok()?;
    let (id, mac) = token.split_at_checked(16)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let wanted = hmac::sign(&key, &[b"return path ", id].concat());
    (mac == &wanted.as_ref()[..8]).then(|| Uuid::from_slice(id).unwrap())
}

fn ours() -> Ours<'static> {
    Ours { bounce_domain: "bounces.example.com", message_domain: "example.com", fixed: &[], verify: &verify }
}

/// Lines of `expected.csv`: recipient, original recipient, action, status, verdict.
type Row = [String; 5];

struct Expected {
    kind: String,
    matched: String,
    rows: Vec<Row>,
}

fn expected() -> BTreeMap<String, Expected> {
    let mut files = BTreeMap::new();
    let mut lines = csv::Reader::from_path(corpus().join("expected.csv")).unwrap();
    for line in lines.records() {
        let line = line.unwrap();
        let file = files.entry(line[0].to_owned()).or_insert_with(|| Expected {
            kind: line[1].to_owned(),
            matched: line[7].to_owned(),
            rows: Vec::new(),
        });
        file.rows.push([2, 3, 4, 5, 6].map(|column| line[column].to_lowercase()));
    }
    files
}

/// What a look-up would find for a file: README.md of the corpus says to whom the delivery went.
fn known(name: &str, expected: &Expected) -> Vec<Known> {
    let first = &expected.rows[0];
    let mailed = match name {
        "own-exim-headers-copy.eml" => "ops@halden.example",
        "own-mismatch-other-address.eml" => "anna.lindqvist@nordvind.example",
        _ if expected.kind != "dsn" => "anna.lindqvist@nordvind.example",
        _ if first[1].is_empty() => &first[0],
        _ => &first[1],
    };
    let delivery = |last: u128| {
        let delivery = Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0000 + last);
        Known { delivery, address: mailed.to_owned(), message_id: format!("{delivery}@example.com") }
    };
    let ours = !name.starts_with("soe-") && !name.starts_with("mbd-") && !name.starts_with("mailauth-");
    if ours { vec![delivery(1), delivery(2)] } else { Vec::new() }
}

fn row(report: &Report) -> Row {
    [
        report.recipient.clone().unwrap_or_default().to_lowercase(),
        report.original_recipient.clone().unwrap_or_default().to_lowercase(),
        report.action.to_string(),
        report.status.map(|status| status.to_string()).unwrap_or_default(),
        report.verdict.to_string(),
    ]
}

fn rows(message: &Message) -> Vec<Row> {
    let mut rows: Vec<Row> = message.reports.iter().map(row).collect();
    if rows.is_empty() {
        rows.push(["", "", "none", "", "none"].map(str::to_owned));
    }
    rows.sort();
    rows
}

/// The differences of a file, each with its column.
fn differences(name: &str, expected: &Expected) -> Vec<String> {
    let bytes = fs::read(corpus().join(name)).unwrap();
    let message = read(&bytes, None, &ours(), &Bounds::default());
    let found = decide(message.kind, &message.evidence, &ours(), Some(&known(name, expected)));
    let mut differences = Vec::new();
    if message.kind.as_str() != expected.kind {
        differences.push(format!("kind {} instead of {}", message.kind, expected.kind));
    }
    if found.kind.as_str() != expected.matched {
        differences.push(format!("match {} instead of {}", found.kind, expected.matched));
    }
    let mut wanted = expected.rows.clone();
    wanted.sort();
    let rows = rows(&message);
    for row in rows.iter().filter(|row| !wanted.contains(row)) {
        differences.push(format!("found {row:?}"));
    }
    for row in wanted.iter().filter(|row| !rows.contains(row)) {
        differences.push(format!("wants {row:?}"));
    }
    differences
}

#[test]
fn the_corpus_is_read_as_expected() {
    let known: BTreeSet<&str> = KNOWN_DIFFERENCES.iter().map(|(name, _)| *name).collect();
    let only = env::var("READER_ONLY").ok().map(|path| fs::read_to_string(path).unwrap());
    let mut wrong = Vec::new();
    let mut count = 0;
    for (name, expected) in expected() {
        if only.as_ref().is_some_and(|only| !only.lines().any(|line| line == name)) {
            continue;
        }
        count += 1;
        let differences = differences(&name, &expected);
        if differences.is_empty() == known.contains(name.as_str()) {
            wrong.push(format!("{name}\n    {}", differences.join("\n    ")));
        }
    }
    println!("{} of {count} as expected", count - wrong.len());
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(known.len() * 100 <= count, "more than one in a hundred is known to be wrong");
}

#[test]
fn the_ends_of_lines_change_nothing() {
    for (name, _) in expected() {
        let bytes = fs::read(corpus().join(&name)).unwrap();
        if bytes.contains(&b'\r') || bytes.contains(&0) {
            continue;
        }
        let with = |ends: &str| {
            let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            let message = read(&lines.join(ends.as_bytes()), None, &ours(), &Bounds::default());
            (message.kind, message.evidence.clone(), rows(&message))
        };
        let wanted = with("\n");
        assert_eq!(with("\r\n"), wanted, "{name} with CRLF");
        assert_eq!(with("\r"), wanted, "{name} with CR");
    }
}

#[test]
fn no_living_address_is_ever_dead() {
    for (name, expected) in expected() {
        let message = read(&fs::read(corpus().join(&name)).unwrap(), None, &ours(), &Bounds::default());
        for report in message.reports.iter().filter(|report| report.verdict == Verdict::AddressDead) {
            let dead = expected.rows.iter().any(|row| row[4] == "address-dead" && row[0] == row_address(report));
            assert!(dead && message.kind == MessageKind::Dsn, "{name}: {report:?}");
        }
    }
}

fn row_address(report: &Report) -> String {
    report.recipient.clone().unwrap_or_default().to_lowercase()
}
