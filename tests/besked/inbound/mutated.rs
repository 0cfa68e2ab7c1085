//! Mail that was damaged on the way: whatever happens to a message, reading it ends, panics never, and keeps its bounds.

use std::path::PathBuf;
use std::{env, fs};

use besked::inbound::reader::bounds::Bounds;
use besked::inbound::reader::evidence::{Ours, decide};
use besked::inbound::reader::read::read;
use proptest::collection::vec;
use proptest::prelude::*;

/// What may happen to a message.
#[derive(Clone, Debug)]
enum Damage {
    /// Cut off at this part of its length.
    Cut(f64),
    /// Its beginning is lost.
    Behead(f64),
    /// Other ends of lines.
    Ends(&'static str),
    /// A byte is another.
    Flip(f64, u8),
    /// Bytes are put in.
    Insert(f64, Vec<u8>),
    /// A piece comes twice, or in another place.
    Copy(f64, f64, f64),
    /// Another message follows, or begins within.
    Splice(f64, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let odd = prop_oneof![
        vec(any::<u8>(), 1..20),
        prop::sample::select(vec![
            "\n--",
            "\0",
            "\u{feff}",
            "=?utf-8?q?",
            "\x1b$B",
            "<",
            "@",
            "\r\n\r\n",
            "Content-Type: multipart/mixed; boundary=\"",
            "%",
            "\\x{"
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop_oneof![
        (0.0..1.0).prop_map(Damage::Cut),
        (0.0..1.0).prop_map(Damage::Behead),
        prop::sample::select(vec!["\n", "\r\n", "\r", "\n\r", "\r\r\n", ""]).prop_map(Damage::Ends),
        (0.0..1.0, any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        (0.0..1.0, odd).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (0.0..1.0, 0.0..1.0, 0.0..1.0).prop_map(|(from, to, at)| Damage::Copy(from, to, at)),
        (0.0..1.0, any::<usize>()).prop_map(|(at, other)| Damage::Splice(at, other)),
    ]
}

fn place(at: f64, length: usize) -> usize {
    ((at * length as f64) as usize).min(length)
}

fn damaged(mut bytes: Vec<u8>, damage: &[Damage], corpus: &[Vec<u8>]) -> Vec<u8> {
    for damage in damage {
        let length = bytes.len();
        match damage {
            Damage::Cut(at) => bytes.truncate(place(*at, length)),
            Damage::Behead(at) => bytes = bytes.split_off(place(*at, length)),
            Damage::Ends(ends) => {
                let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end()).collect();
                bytes = lines.join(ends.as_bytes());
            }
            Damage::Flip(at, byte) => {
                if let Some(found) = bytes.get_mut(place(*at, length)) {
                    *found = *byte;
                }
            }
            Damage::Insert(at, more) => {
                let at = place(*at, length);
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Copy(from, to, at) => {
                let (from, to) = (place(*from, length), place(*to, length));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                let at = place(*at, length);
                bytes.splice(at..at, piece);
            }
            Damage::Splice(at, other) => {
                let other = corpus[other % corpus.len()].clone();
                let at = place(*at, length);
                bytes.splice(at..at, other);
            }
        }
        bytes.truncate(300_000);
    }
    bytes
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = env::var_os("BESKED_INBOUND_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/inbound"), PathBuf::from);
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect();
    files.sort();
    files.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn no_damage_makes_the_reader_panic() {
    let corpus = corpus();
    let bounds = Bounds { recipients: 50, ..Bounds::default() };
    let ours =
        Ours { bounce_domain: "bounces.example.com", message_domain: "example.com", fixed: &[], verify: &|_| None };
    proptest!(|(file in 0..corpus.len(), damages in vec(damage(), 1..6))| {
        let bytes = damaged(corpus[file].clone(), &damages, &corpus);
        let message = read(&bytes, Some("b+x@bounces.example.com"), &ours, &bounds);
        prop_assert!(message.reports.len() <= bounds.recipients);
        let found = decide(message.kind, &message.evidence, &ours, None);
        prop_assert!(found.delivery.is_none() || !message.evidence.deliveries().is_empty() || !message.evidence.message_ids.is_empty());
    });
}
