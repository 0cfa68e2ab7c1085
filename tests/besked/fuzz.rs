//! What people bring, changed at random: tables, notices, configurations and addresses. Nothing panics, every error says where it is,
//! and what is accepted can be written and is read back as the same. `PROPTEST_CASES` says how often, else a few seconds long.

use besked::config::{EXAMPLE, parse};
use besked::domain::address::Address;
use besked::domain::customers_file::{COLUMNS, Row, RowParser, header};
use besked::domain::mailbox::Mailbox;
use besked::domain::notice::Notice;
use besked::domain::problem::Problem;
use besked::domain::rows_file::Rows;
use besked::domain::table::{self, TableError, Wanted, records::Records};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::app::{CUSTOMERS, NEWS, maintenance};
use crate::tables::archive;
use crate::texts::content;

fn cases(some: u32) -> ProptestConfig {
    let named = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig { cases: named.unwrap_or(some), failure_persistence: None, ..ProptestConfig::default() }
}

/// A change of a file.
#[derive(Clone, Debug)]
enum Change {
    /// A bit is another one.
    Flip(Index, u8),
    /// Some bytes are gone.
    Cut(Index, usize),
    /// Some bytes are there once more.
    Double(Index, usize),
    /// Something odd stands in between.
    Insert(Index, Vec<u8>),
}

/// What tools, editors and slips of the hand leave behind, and what means something to one of the readers.
const ODD: [&str; 48] = [
    "\u{feff}",
    "\0",
    "\r",
    "\n",
    "\r\n",
    "\t",
    "\"",
    "\"\"",
    "'",
    "`",
    "```\n",
    ";",
    ",",
    ":",
    "=",
    "==",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "{{",
    "}}",
    "{{ contact.name }}",
    "+++",
    "\n+++\n",
    "#",
    "\\",
    "\\u",
    "$",
    "~/",
    "<",
    "<b>",
    "&",
    "@",
    "@@",
    "-",
    "1e309",
    "99999999999999999999",
    "\u{e5}",
    "e\u{301}",
    "\u{200b}",
    "\u{202e}",
    "\u{2028}",
    "\u{fffd}",
    "\u{e000}",
    "\u{10ffff}",
    "\u{1f468}\u{200d}\u{1f469}",
];

fn change() -> impl Strategy<Value = Change> {
    let odd = prop_oneof![
        4 => select(&ODD[..]).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => (select(&ODD[..]), 1_usize..3_000).prop_map(|(text, times)| text.repeat(times).into_bytes()),
    ];
    prop_oneof![
        (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Change::Cut(at, length)),
        (any::<Index>(), 1_usize..400).prop_map(|(at, length)| Change::Double(at, length)),
        (any::<Index>(), odd).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
    ]
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 0..6)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let of = |at: &Index| at.index(bytes.len() + 1);
        match change {
            Change::Flip(at, bit) => {
                let at = of(at);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            Change::Cut(at, length) => {
                let at = of(at);
                let end = bytes.len().min(at + length);
                bytes.drain(at..end);
            }
            Change::Double(at, length) => {
                let at = of(at);
                let again = bytes[at..bytes.len().min(at + length)].to_vec();
                bytes.splice(at..at, again);
            }
            Change::Insert(at, odd) => {
                let at = of(at);
                bytes.splice(at..at, odd.iter().copied());
            }
        }
    }
    bytes
}

fn changed_text(text: &str, changes: &[Change]) -> String {
    String::from_utf8_lossy(&changed(text.as_bytes().to_vec(), changes)).into_owned()
}

/// Words of a library where ours should be.
fn is_ours(error: &str) -> bool {
    !error.is_empty()
        && ["Error", "Error {", "Some(", "expected `", "os error", "Utf8"].iter().all(|it| !error.contains(it))
}

fn has_place(problem: &Problem) -> bool {
    problem.line > 0 || !problem.field.is_empty()
}

/// The rows of a customers file, good and bad.
fn rows(file: &[u8]) -> Result<(Vec<Row>, Vec<Problem>), TableError> {
    let source = table::open(file, Wanted { names: &COLUMNS, ..Wanted::default() })?;
    let mut records = Records::new(source.reader, source.layout);
    let fields = records.record()?.ok_or(TableError::Empty)?;
    let header = match header(fields.line, &fields.cells()) {
        Ok(header) => header,
        Err(problems) => return Ok((Vec::new(), problems)),
    };
    let (mut parser, mut good, mut bad) = (RowParser::new(header), Vec::new(), Vec::new());
    while let Some(record) = records.record()? {
        match parser.parse(record.line, &record.cells()) {
            Ok(row) => good.push(row),
            Err(row) => bad.extend(row.problems),
        }
    }
    Ok((good, bad))
}

/// A file of one row.
fn written(row: &Row) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let names = row.attributes.iter().map(|(name, _)| format!("attr.{name}"));
    csv.write_record(COLUMNS.iter().map(|name| (*name).to_owned()).chain(names)).unwrap();
    let contact = &row.contact;
    let locale = contact.locale.as_ref().map_or("", |it| it.as_str());
    let zone = contact.time_zone.as_ref().map_or("", |it| it.as_str());
    let of_row = [
        row.account_id.as_str(),
        &row.customer_name,
        contact.email.as_str(),
        &contact.name,
        contact.role.as_str(),
        locale,
        zone,
    ];
    let values = row.attributes.iter().map(|(_, values)| values.join(";"));
    csv.write_record(of_row.into_iter().map(str::to_owned).chain(values)).unwrap();
    csv.into_inner().unwrap()
}

fn table_is_survived(file: &[u8]) -> Result<(), TestCaseError> {
    match rows(file) {
        Err(error) => prop_assert!(is_ours(&error.to_string()), "{}", error),
        Ok((good, bad)) => {
            for problem in &bad {
                prop_assert!(has_place(problem) && is_ours(&problem.problem), "{}", problem);
            }
            for row in &good {
                let again = rows(&written(row)).map(|(rows, _)| rows);
                prop_assert!(matches!(&again, Ok(rows) if rows == std::slice::from_ref(row)), "{:?}: {:?}", row, again);
            }
        }
    }
    if let Err(problems) = Rows::parse(file) {
        prop_assert!(!problems.is_empty() && problems.0.iter().all(|it| is_ours(&it.problem)), "{}", problems);
    }
    Ok(())
}

/// The parts of a workbook.
fn parts(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file)).unwrap();
    let count = zip.len();
    let part = |index| {
        let mut file = zip.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
        (file.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(part).collect()
}

const NOTICES: [&str; 8] = [
    include_str!("../../config/demo/notices/1-security-breach.md"),
    include_str!("../../config/demo/notices/2-disruption.md"),
    include_str!("../../config/demo/notices/3-maintenance.md"),
    include_str!("../../config/demo/notices/4-agreement-change.md"),
    include_str!("../../config/demo/notices/5-security-measures-change.md"),
    include_str!("../../config/demo/notices/6-billing.md"),
    include_str!("../../config/demo/notices/7-news.md"),
    include_str!("../../config/demo/notices/8-survey.md"),
];

/// The example with the lines that are comments in it.
fn full_configuration() -> String {
    let key = |line: &str| {
        let key =
            line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")).is_some_and(|(key, _)| !key.contains(' '));
        let is_file = line.contains("_file");
        if key && !is_file { line.trim_start_matches("# ").to_owned() } else { line.to_owned() }
    };
    EXAMPLE.lines().map(key).collect::<Vec<_>>().join("\n") + "\n"
}

proptest! {
    #![proptest_config(cases(1_500))]

    #[test]
    fn a_changed_csv_file_is_survived(changes in changes(), which in 0_usize..4) {
        let full = format!("{}C4,\"Fyra, \"\"4\"\" AB\",d@fyra.example,Åsa Öberg,legal,sv_SE,W. Europe Standard Time,sto2;lon1\n", CUSTOMERS);
        let file = match which {
            0 => full,
            1 => full.replace(',', ";"),
            2 => full.replace(',', "\t").replace('\n', "\r\n"),
            _ => format!("sep=,\n{full}"),
        };
        table_is_survived(&changed(file.into_bytes(), &changes))?;
    }

    #[test]
    fn a_changed_notice_is_survived(changes in changes(), which in 0_usize..10) {
        let source = match which {
            8 => maintenance("customers = [\"C1\"]\nattributes = { region = [\"sto2\"] }"),
            9 => format!("{NEWS}\n| a | b |\n|---|--:|\n| {{{{ contact.name }}}} | `x` |\n\n- [x] done[^1]\n\n[^1]: Note\n\n+++ sv\nsubject = \"S\"\n+++\nHej\n"),
            which => NOTICES[which].to_owned(),
        };
        let source = changed_text(&source, &changes);
        match Notice::parse(&source) {
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                for problem in &problems.0 {
                    prop_assert!(has_place(problem) && is_ours(&problem.problem), "{}", problem);
                }
            }
            Ok(notice) => {
                prop_assert_eq!(&Notice::parse(&source).unwrap(), &notice);
                let content = content(&source).map_err(TestCaseError::fail)?;
                prop_assert!(!content.subject.contains(['\r', '\n']), "{}", content.subject);
                for bad in ["<script", "<img", "href=\"javascript", "zqslot"] {
                    prop_assert!(!content.html.contains(bad) && !content.text.contains("zqslot"), "{}", content.html);
                }
            }
        }
    }

    #[test]
    fn a_changed_address_is_survived(changes in changes(), which in 0_usize..6) {
        let address = ["anna@example.com", "Åsa.Öberg+x@räksmörgås.example", "o'brien@mail.example.com", "\"Berg, A\" <a@x.example>",
            "ผู้ใช้@x.example", "a_b-c/d=e@xn--rksmrgs-5wao1o.example"][which];
        let text = changed_text(address, &changes);
        match Address::parse(&text) {
            Err(error) => prop_assert!(is_ours(&error.to_string()), "{}", error),
            Ok(address) => {
                prop_assert_eq!(&Address::parse(address.as_str()).unwrap(), &address);
                prop_assert!(address.as_str().len() <= 254 && address.domain().is_ascii());
            }
        }
        if let Some(meant) = besked::domain::address::suggestion(&text) {
            prop_assert!(Address::parse(meant.as_str()).is_ok(), "{}", meant);
        }
        if let Err(error) = Mailbox::parse(&text) {
            prop_assert!(is_ours(&error.to_string()), "{}", error);
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_changed_configuration_is_survived(changes in changes(), is_full in any::<bool>()) {
        let text = if is_full { full_configuration() } else { EXAMPLE.to_owned() };
        match parse(&changed_text(&text, &changes), "besked.toml", &[]) {
            Err(error) => {
                for line in error.to_string().lines() {
                    prop_assert!(line.starts_with("besked.toml: line ") || line.contains('`'), "{}", line);
                    prop_assert!(is_ours(line), "{}", line);
                }
            }
            Ok(config) => {
                let shown = toml::to_string(&config).unwrap();
                let again = parse(&shown, "shown", &[]).map_err(|error| TestCaseError::fail(format!("{error}\n{shown}")))?;
                prop_assert_eq!(toml::to_string(&again).unwrap(), shown);
            }
        }
    }

    #[test]
    fn a_changed_workbook_is_survived(changes in changes(), which in 0_usize..3, part in any::<Index>(), is_packed in any::<bool>()) {
        let file = [&include_bytes!("tables/openpyxl.xlsx")[..], include_bytes!("tables/xlsxwriter.xlsx"), include_bytes!("tables/odfpy.ods")][which];
        let file = if is_packed {
            changed(file.to_vec(), &changes)
        } else {
            let mut parts = parts(file);
            let at = part.index(parts.len());
            let (_, bytes) = &mut parts[at];
            *bytes = changed(std::mem::take(bytes), &changes);
            archive(&parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>())
        };
        table_is_survived(&file)?;
    }
}

/// A transfer that was broken off, or an end that names something else: the library would look for it for ever.
#[test]
fn a_sheet_without_an_end_is_damaged() {
    for damage in [
        |content: &str| content[..content.find("</table:table>").unwrap()].to_owned(),
        |content: &str| content.replace("</table:table>", "</table:tablo>"),
    ] {
        let mut parts = parts(include_bytes!("tables/odfpy.ods"));
        let (_, content) = parts.iter_mut().find(|(name, _)| name == "content.xml").unwrap();
        *content = damage(std::str::from_utf8(content).unwrap()).into_bytes();
        let file = archive(&parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect::<Vec<_>>());
        assert!(rows(&file).unwrap_err().to_string().contains("damaged"));
    }
}
