//! Customers files as people's tools make them: what each is taken for, and what is shown where it cannot be read.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use besked::domain::rows_file::Rows;
use besked::domain::table::encoding;
use besked::people::import::ImportOptions;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::app::{TestApp, alice};
use crate::cli::{Shell, ran};
use crate::database::Engine;
use crate::messages;

const HEADER: &str = "account_id,customer_name,email,contact_name,role,locale,time_zone\n";

/// A customer with two contacts.
const TWO: &str = "account_id,customer_name,email,contact_name\n\
    C1,Räksmörgås AB,anna@ett.example,Åsa\nC1,Räksmörgås AB,bo@ett.example,\"Bo, \"\"B\"\" Ek\"\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

/// The archive of one file.
fn zipped(name: &str, bytes: &[u8]) -> Vec<u8> {
    archive(&[(name, bytes)])
}

/// The archive of some files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let method = if bytes.len() < 4096 { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        zip.start_file(*name, zip::write::SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What a dry run of an import says.
pub async fn said(app: &TestApp, bytes: &[u8], named: &str) -> String {
    let encoding = (!named.is_empty()).then(|| encoding(named).unwrap());
    match app.try_import(bytes, ImportOptions { dry_run: true, encoding, ..ImportOptions::default() }).await {
        Ok(imported) => {
            let changes = imported.changes.unwrap();
            assert_eq!((changes.new, changes.customers.len()), (imported.customers, 1));
            format!("{} contacts, {}", imported.contacts, imported.file)
        }
        Err(error) => {
            let error = error.to_string();
            messages::note_error("customers import FILE", &error);
            error
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_common_tools_are_read() {
    let app = TestApp::new(Engine::Sqlite).await;
    let semicolons = TWO.replace(',', ";").replace("Bo;", "Bo,");
    let tabs = TWO.replace(',', "\t").replace("Bo\t", "Bo,");
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let latin1: Vec<u8> = TWO.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for (what, bytes, named, told) in [
        ("as documented", TWO.into(), "", "2 contacts, "),
        ("Excel on Swedish Windows", marked(&crlf(&semicolons)), "", "separated by semicolons"),
        ("with a separator line", crlf(&format!("sep=;\n{semicolons}")).into(), "", "separated by semicolons"),
        ("with a quoted one", format!("\"sep=;\"\n{semicolons}").into(), "", "separated by semicolons"),
        ("saved again", format!("SEP=,,,,\n{TWO}").into(), "", "2 contacts, "),
        ("with a byte order mark and one", marked(&format!("sep=,\n{TWO}")), "", "2 contacts, "),
        ("copied from a sheet", tabs.clone().into(), "", "separated by tabs"),
        (
            "Excel's Unicode text",
            [&b"\xff\xfe"[..], &utf16(&crlf(&tabs), u16::to_le_bytes)].concat(),
            "",
            "read as UTF-16LE",
        ),
        ("Java's UTF-16", [&b"\xfe\xff"[..], &utf16(TWO, u16::to_be_bytes)].concat(), "", "read as UTF-16BE"),
        ("UTF-16 that is named", utf16(TWO, u16::to_le_bytes), "utf-16le", "read as UTF-16LE"),
        ("Windows", latin1.clone(), "windows-1252", "read as windows-1252"),
        ("Latin-1", latin1, "latin1", "read as windows-1252"),
        ("old Mac", TWO.replace('\n', "\r").into(), "", "2 contacts, "),
        ("gzip", gzip(TWO.as_bytes()), "", "2 contacts, unpacked"),
        ("two gzip members", [gzip(&TWO.as_bytes()[..70]), gzip(&TWO.as_bytes()[70..])].concat(), "", "unpacked"),
        ("gzip of semicolons", gzip(&marked(&semicolons)), "", "separated by semicolons, unpacked"),
        (
            "empty rows and columns",
            format!("\n\n{}\n,,,,\n , ,\t,,,\n", TWO.replace('\n', ",,\n")).into(),
            "",
            "2 contacts, ",
        ),
        ("capitals and blanks in the header", TWO.replace("email", " Email ").into(), "", "2 contacts, "),
        ("no line break at the end", TWO.trim_end().into(), "", "2 contacts, "),
        (
            "openpyxl",
            include_bytes!("tables/openpyxl.xlsx").to_vec(),
            "",
            "sheet `Kunder` of the workbook, without `Notes`",
        ),
        ("xlsxwriter", include_bytes!("tables/xlsxwriter.xlsx").to_vec(), "", "sheet `Kunder` of the workbook"),
        ("odfpy", include_bytes!("tables/odfpy.ods").to_vec(), "", "sheet `Kunder` of the workbook"),
        ("gzip of a workbook", gzip(include_bytes!("tables/xlsxwriter.xlsx")), "", "unpacked, sheet `Kunder`"),
    ] {
        let text = if told.contains("sheet") {
            let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
            let imported = app.try_import(&bytes, dry).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!((imported.customers, imported.contacts), (2, 2), "{what}");
            imported.file.to_string()
        } else {
            said(&app, &bytes, named).await
        };
        assert!(text.contains(told), "{what}: {text}");
    }
    assert_eq!(app.app.ledger.standing().await.unwrap().pending, 0, "a dry run stores nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_dates_of_a_workbook_are_text() {
    for (what, bytes) in [
        ("openpyxl", &include_bytes!("tables/openpyxl.xlsx")[..]),
        ("xlsxwriter", include_bytes!("tables/xlsxwriter.xlsx")),
        ("odfpy", include_bytes!("tables/odfpy.ods")),
    ] {
        let app = TestApp::new(Engine::Sqlite).await;
        app.try_import(bytes, ImportOptions::default()).await.unwrap();
        let shown = |account| {
            let customers = app.app.customers.clone();
            async move { serde_json::to_value(customers.show(&alice(), account).await.unwrap()).unwrap() }
        };
        let (one, two) = (shown("1001").await, shown("C2").await);
        let values = |of: &serde_json::Value| ["since", "seats", "paid"].map(|name| of["attributes"][name][0].clone());
        assert_eq!(values(&one), ["2026-12-01", "12.5", "TRUE"], "{what}");
        assert_eq!(values(&two), ["2026-12-01 08:30:00", "3", "FALSE"], "{what}");
        assert_eq!((&one["name"], &two["name"]), (&"Räksmörgås AB".into(), &"Two, Ltd".into()), "{what}");
        let bad = Rows::parse(bytes).unwrap();
        assert_eq!(bad.rows.len(), 2, "the rows of a notice are read by the same reader: {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_table_is_called_what_it_is() {
    let app = TestApp::new(Engine::Sqlite).await;
    let pipes = TWO.replace(',', "|");
    let zeros = [TWO.as_bytes(), &[0; 40]].concat();
    let cut = gzip(TWO.repeat(200).as_bytes());
    for (what, bytes, told) in [
        ("nothing", Vec::new(), "the file is empty"),
        ("blank lines", b"\n\n ,\n".to_vec(), "the file is empty"),
        ("pipes", pipes.into(), "the file is separated by `|`: save it with commas, semicolons or tabs"),
        ("pipes that are told", format!("sep=|\n{TWO}").into(), "the file is separated by `|`"),
        ("colons", TWO.replace(',', ":").into(), "the file is separated by `:`"),
        (
            "an open quote",
            format!("{HEADER}C1,\"A AB,a@x.example\nC2,B,b@x.example\n").into(),
            "the quote opened in line 2 is not closed",
        ),
        (
            "an open quote at the end",
            format!("{TWO}C2,B,\"b@x.example").into(),
            "the quote opened in line 4 is not closed",
        ),
        (
            "an open quote behind a cell of two lines",
            format!("{TWO}C2,\"B\nC\",b@x.example,\nC3,\"D").into(),
            "opened in line 6",
        ),
        ("an open quote behind a separator line", format!("sep=,\n{TWO}C2,\"B").into(), "opened in line 5"),
        (
            "old Excel",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....".to_vec(),
            "an old Excel workbook (.xls), or one with a password",
        ),
        (
            "zip",
            zipped("export/customers.csv", TWO.as_bytes()),
            "a zip archive with `export/customers.csv`: unpack it first",
        ),
        ("binary Excel", zipped("xl/workbook.bin", b""), "a binary Excel workbook (.xlsb)"),
        ("Word", zipped("word/document.xml", b""), "a text document (.docx)"),
        ("Numbers", zipped("Index/Document.iwa", b""), "an Apple Numbers document"),
        (
            "OpenDocument text",
            zipped("mimetype", b"application/vnd.oasis.opendocument.text"),
            "an OpenDocument file without sheets",
        ),
        (
            "half a zip",
            zipped("xl/workbook.xml", TWO.as_bytes())[..80].to_vec(),
            "the workbook cannot be read: it is damaged",
        ),
        ("a workbook without parts", zipped("xl/workbook.xml", b"<workbook/>"), "the workbook cannot be read"),
        ("gzip that is cut", cut[..cut.len() / 2].to_vec(), "gzip data that is damaged or ends early"),
        ("gzip with another checksum", [&cut[..cut.len() - 8], &[0; 8]].concat(), "gzip data that is damaged"),
        ("gzip in gzip", gzip(&gzip(TWO.as_bytes())), "gzip data within gzip data: unpack it once"),
        ("bzip2", b"BZh91AY&SY".to_vec(), "bzip2 data: unpack it first"),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec(), "xz data"),
        ("zstd", b"\x28\xb5\x2f\xfd\x04".to_vec(), "zstd data"),
        ("7-Zip", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "a 7-Zip archive"),
        ("Parquet", b"PAR1\x15\0".to_vec(), "a Parquet file: export the table as CSV"),
        ("SQLite", b"SQLite format 3\0".to_vec(), "an SQLite database"),
        ("PDF", b"%PDF-1.7".to_vec(), "a PDF"),
        ("JSON", b"[\n  {\"account_id\": 1}]".to_vec(), "is missing from the header"),
        ("JSON in a line", b" [{\"account_id\":1}]".to_vec(), "the file is JSON: export the table as CSV"),
        ("a sign-in page", b"\n<!DOCTYPE html><html>".to_vec(), "a web page, although its name may say otherwise"),
        ("an .xls that is HTML", b"<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\">".to_vec(), "a web page"),
        ("XML", b"<?xml version=\"1.0\"?><Workbook>".to_vec(), "XML, perhaps an Excel 2003 spreadsheet"),
        ("vCards", b"BEGIN:VCARD\r\n".to_vec(), "an address book of vCards"),
        ("UTF-32", b"\xff\xfe\0\0a\0\0\0".to_vec(), "UTF-32 text: save it as UTF-8"),
        ("UTF-16 without a mark", utf16(HEADER, u16::to_le_bytes), "name it: `--encoding utf-16le`"),
        ("the other UTF-16", utf16(HEADER, u16::to_be_bytes), "name it: `--encoding utf-16be`"),
        ("zeros within", zeros, "no text: it has bytes of zero"),
        (
            "no header",
            b"C1,Ett AB,a@x.example\nC2,B,b@x.example\n".to_vec(),
            "line 1: this row names none of the columns `account_id`",
        ),
        ("only a header", HEADER.into(), "the file has a header and no rows under it"),
    ] {
        let text = said(&app, &bytes, "").await;
        if what == "JSON" {
            // JSON over several lines begins as no table does, but not as any other text either.
            assert!(text.contains("names none of the columns"), "{what}: {text}");
        } else {
            assert!(text.contains(told), "{what}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_is_shown_with_its_value_and_what_to_write() {
    let app = TestApp::new(Engine::Sqlite).await;
    for (row, told) in [
        (
            "C1,A,Anna Berg <anna@x.example>,,,,",
            "line 2: `email` `Anna Berg <anna@x.example>`: has more than an address: write the address alone; write `anna@x.example`",
        ),
        ("C1,A,a@x.example;b@x.example,,,,", "has more than one address: write one row for each contact"),
        ("C1,A,mailto:a@x.example,,,,", "; write `a@x.example`"),
        (
            "C1,A,NULL,,,,",
            "`email` `NULL`: is what a tool writes where there is no value: write the value, or leave out the row",
        ),
        ("C1,A,N/A,,,,", "`email` `N/A`: is no address: leave out the row of a contact that has none"),
        ("C1,A,#N/A,,,,", "is the error of a formula in a spreadsheet: correct the formula, or leave out the row"),
        ("C1,A,,,,,", "line 2: `email`: is empty"),
        ("C1,A,'a@x.example,,,,", "begins with an apostrophe, by which spreadsheets mark text; write `a@x.example`"),
        (
            "C1,A,\u{200b}a@x.example,,,,",
            "`email` `\\u{200b}a@x.example`: has U+200B ZERO WIDTH SPACE, which cannot be seen; write `a@x.example`",
        ),
        ("C1,#REF!,a@x.example,,,,", "`customer_name` `#REF!`: is the error of a formula in a spreadsheet"),
        ("C1,R\u{fffd}ksm,a@x.example,,,,", "a character was lost when the text was converted"),
        ("4.02914E+11,A,a@x.example,,,,", "`account_id` `4.02914E+11`: is a number that a spreadsheet has shortened"),
        ("C\u{ad}1,A,a@x.example,,,,", "`account_id` `C\\u{ad}1`: has U+00AD SOFT HYPHEN, which cannot be seen"),
        ("C1,A,a@x.example,gnp\u{202e}exe,,,", "`contact_name` `gnp\\u{202e}exe`: has U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("C1,A,a@x.example,,boss,,", "`role` `boss`: is not"),
        ("C1,A,a@x.example,,,Swedish,", "`locale` `Swedish`: is not a language tag: write `sv`"),
        ("C1,A,a@x.example,,,,localtime", "`time_zone` `localtime`: depends on the machine"),
        ("C1,A,a@x.example,,,,Stockholm", "`time_zone` `Stockholm`: is not a time zone: write `Europe/Stockholm`"),
        ("C1,A", "line 2: the row has 2 fields, the header 7"),
        ("C1;A;a@x.example;;;;", "the row has 1 field, the header 7; it is separated by `;`, unlike the header"),
        ("C1,A,a@x.example,,,,,rest", "the row has 8 fields, the header 7"),
        ("C1,\"A\nB,a@x.example\nC2\",b@x.example", "perhaps because a quote is not closed"),
    ] {
        let text = said(&app, format!("{HEADER}{row}\n").as_bytes(), "").await;
        assert!(text.contains(told), "{row}: {text}");
    }
    let latin1 = [HEADER.as_bytes(), b"C1,R\xe4ksm\xf6rg\xe5s,a@x.example,,,,\n"].concat();
    let text = said(&app, &latin1, "").await;
    assert!(text.contains("`customer_name` `Räksmörgås`: is not UTF-8: save the file as UTF-8; if the value is right as it stands here, name its encoding"), "{text}");
    let unnamed = format!("{},\nC1,A,a@x.example,,,,,stray\n", HEADER.trim_end());
    let text = said(&app, unnamed.as_bytes(), "").await;
    assert!(text.contains("line 2: `column 8` `stray`: has a value, but no name in the header"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_those_of_the_file() {
    let app = TestApp::new(Engine::Sqlite).await;
    let bad = "C9,B,no-address,,,,";
    for (before, line) in [
        (String::new(), 2),
        ("\n\n".to_owned(), 4),
        (",,,\n,,,,,,\n".to_owned(), 4),
        ("C1,\"A\nB\nC\",a@x.example,,,,\n".to_owned(), 0),
        ("C1,A,a@x.example,,,,\r\n\r\n".to_owned(), 4),
        ("C1,A,a@x.example,,,,\"\"\n".repeat(9), 0),
    ] {
        let file = format!("{HEADER}{before}{bad}");
        let wanted = if line == 0 { file.matches('\n').count() + 1 } else { line };
        let text = said(&app, file.as_bytes(), "").await;
        assert!(text.contains(&format!("line {wanted}: `email` `no-address`")), "{before:?}: {text}");
        let told = said(&app, format!("sep=,\n{file}\n").as_bytes(), "").await;
        assert!(told.contains(&format!("line {}: `email` `no-address`", wanted + 1)), "{before:?}: {told}");
    }
    let rows = said(&app, format!("{HEADER}\n{bad}\n").replace('\n', "\r").as_bytes(), "").await;
    assert!(rows.contains("`email` `no-address`"), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_end_is_refused_at_its_beginning() {
    let app = TestApp::new(Engine::Sqlite).await;
    let endless: [(Box<dyn std::io::Read + Send>, &str); 3] = [
        (Box::new(std::io::repeat(0)), "no text: it has bytes of zero"),
        (Box::new(HEADER.as_bytes().chain(std::io::repeat(b'x'))), "is longer than 1048576 bytes"),
        (
            Box::new(format!("{HEADER}C1,\"").leak().as_bytes().chain(std::io::repeat(b'x'))),
            "the quote opened in line 2",
        ),
    ];
    for (reader, told) in endless {
        let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
        let error = app.app.customers.import(&alice(), reader, &dry, &|_| {}).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let rows = Rows::parse(&[0; 9]).unwrap_err().to_string();
    assert!(rows.contains("bytes of zero"), "{rows}");
}

#[test]
fn a_dry_run_of_what_comes_through_a_pipe_says_what_would_change() {
    let shell = Shell::new();
    let three = "account_id,customer_name,email\nC1,Ett,a@x.example\nC2,Two,b@x.example\nC3,Tre,c@x.example\n";
    shell.write("customers.csv", three);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let new = "account_id;customer_name;email\nC1;Ett AB;a@x.example\nC2;Two;d@x.example\nC4;Fyra;e@x.example\n";
    let piped = |arguments: &[&str]| {
        let mut child = shell
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&gzip(new.as_bytes())).unwrap();
        ran(child.wait_with_output().unwrap()).ok()
    };
    let arguments = ["customers", "import", "-", "--dry-run", "--replace"];
    let out = piped(&arguments).out;
    for told in [
        "separated by semicolons, unpacked",
        "1 new, 2 changed, 1 gone, 0 reactivated",
        "another name",
        "b@x.example (service) gone, d@x.example (service) new",
    ] {
        assert!(out.contains(told), "{told}: {out}");
    }
    let json = piped(&[&["--json"][..], &arguments].concat()).json();
    assert_eq!((&json["changes"]["gone"], &json["file"]["separator"]), (&1.into(), &";".into()), "{json}");
    assert_eq!(json["changes"]["customers"][2]["change"], "gone", "{json}");
    assert_eq!(shell.run(&["--json", "customers", "list"]).ok().json()["customers"].as_array().unwrap().len(), 3);
    shell.run(&["customers", "import", "/nowhere.csv"]).fails(2, &["cannot read `/nowhere.csv`"]);
}
