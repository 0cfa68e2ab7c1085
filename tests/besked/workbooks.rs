//! Workbooks that become far more than they are, and files that are none: refused or read, in bounded memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use besked::people::import::ImportOptions;

use crate::app::TestApp;
use crate::cli::{Shell, ran};
use crate::database::Engine;
use crate::tables::{archive, said};

const NAMES: [&str; 3] = ["account_id", "customer_name", "email"];

/// An OpenDocument workbook with this content between the tags of its first sheet.
pub fn ods(rows: &str) -> Vec<u8> {
    let content = format!(
        "<office:document-content><table:table table:name=\"S\">{rows}</table:table></office:document-content>"
    );
    let mime = "application/vnd.oasis.opendocument.spreadsheet";
    let manifest = "<manifest:manifest/>";
    let files = [("mimetype", mime), ("META-INF/manifest.xml", manifest), ("content.xml", &content)];
    archive(&files.map(|(name, text)| (name, text.as_bytes())))
}

/// A row of texts, and what follows them in it.
pub fn ods_row(texts: [&str; 3], more: &str) -> String {
    let cell =
        |text| format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>");
    format!("<table:table-row>{}{more}</table:table-row>", texts.map(cell).concat())
}

/// The rows of a table with one customer.
fn ods_table(more: &str) -> String {
    ods_row(NAMES, more) + &ods_row(["C1", "A AB", "a@x.example"], "")
}

/// An Excel workbook with these cells of its first sheet, texts, and this many sheets.
fn xlsx(cells: &str, texts: &str, sheets: usize) -> Vec<u8> {
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut listed, mut related) = (String::new(), String::new());
    for n in 1..=sheets {
        listed += &format!("<sheet name=\"S{n}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>");
        related += &format!("<Relationship Id=\"rId{n}\" Type=\"{kind}/worksheet\" Target=\"worksheets/sheet1.xml\"/>");
    }
    let relations = |inside: &str| format!("<Relationships>{inside}</Relationships>");
    let root =
        relations(&format!("<Relationship Id=\"r\" Type=\"{kind}/officeDocument\" Target=\"xl/workbook.xml\"/>"));
    let book = format!("<workbook><sheets>{listed}</sheets></workbook>");
    let sheet = format!("<worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData>{cells}</sheetData></worksheet>");
    archive(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations(&related).as_bytes()),
        ("xl/sharedStrings.xml", texts.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

fn cell(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
}

/// The rows of a table with one customer, and cells that follow its header.
fn xlsx_table(header: &str, last: &str) -> String {
    let row = |n: usize, texts: [&str; 3], more: &str| {
        let cells = ["A", "B", "C"].into_iter().zip(texts).map(|(column, text)| cell(&format!("{column}{n}"), text));
        format!("<row r=\"{n}\">{}{more}</row>", cells.collect::<String>())
    };
    row(1, NAMES, header) + &row(2, ["C1", "A AB", "a@x.example"], "") + last
}

/// The file with the mark that its parts are encrypted.
fn encrypted(mut zip: Vec<u8>) -> Vec<u8> {
    for (begin, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let places: Vec<usize> = zip.windows(4).enumerate().filter(|(_, at)| at == begin).map(|(at, _)| at).collect();
        places.into_iter().for_each(|at| zip[at + flags] |= 1);
    }
    zip
}

/// What each is, the file, and what is said of it.
fn files() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let empty_end = "<table:table-row table:number-rows-repeated=\"1048573\"><table:table-cell \
                     table:number-columns-repeated=\"16384\"/></table:table-row>";
    let full = "<table:table-row table:number-rows-repeated=\"1048576\"><table:table-cell office:value=\"1\" \
                table:number-columns-repeated=\"16384\"/></table:table-row>";
    let below = "<table:table-row table:number-rows-repeated=\"1048570\"><table:table-cell/></table:table-row>";
    let wide = "<table:table-cell table:number-columns-repeated=\"16000\"/><table:table-cell office:value=\"1\"/>";
    let spaces = ods_row(["C2", "B<text:s text:c=\"4000000000\"/>", "b@x.example"], "");
    let long = "long ".repeat(6_000);
    let repeated = format!(
        "<table:table-row table:number-rows-repeated=\"9000\"><table:table-cell office:string-value=\"{long}\"/></table:table-row>"
    );
    let sst = |said: &str| format!("<sst uniqueCount=\"{said}\"><si><t>{long}</t></si></sst>");
    let shared: String = (0..900).map(|_| "<c t=\"s\"><v>0</v></c>").collect();
    let large = "the workbook is larger than Besked reads";
    let damaged =
        "the workbook cannot be read: it is damaged or incomplete: open it in a spreadsheet program and save it again";
    let password = "the workbook cannot be read: it has a password: save it without one";
    let far = "the sheet has a value far from the table, in column 16384 of row 1: delete it";
    let mut manifest = archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", b"<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"),
        ("content.xml", b"\x8f\x01\x22\xff"),
    ]);
    manifest.shrink_to_fit();
    vec![
        ("as LibreOffice ends a sheet", ods(&(ods_table("") + empty_end)), "1 contacts, sheet `S` of the workbook"),
        ("all cells of an .ods", ods(full), large),
        (
            "a value in the last row",
            ods(&(ods_table("") + below + &ods_table(""))),
            "line 1048574: `email`: is in the file already",
        ),
        ("a value far to the right", ods(&ods_table(wide)), "far from the table, in column 16004 of row 1"),
        ("spaces that are counted", ods(&(ods_table("") + &spaces)), large),
        ("a long text in many rows", ods(&(ods_table("") + &repeated)), large),
        ("a password in an .ods", manifest, password),
        ("a password in a zip archive", encrypted(ods(&ods_table(""))), password),
        ("the largest dimension", xlsx(&xlsx_table("", ""), "<sst/>", 1), "1 contacts, sheet `S1` of the workbook"),
        ("a value in the last column", xlsx(&xlsx_table(&cell("XFD1", "x"), ""), "<sst/>", 1), far),
        (
            "a value in the last row of an .xlsx",
            xlsx(&xlsx_table("", &format!("<row>{}</row>", cell("A1048576", "C2"))), "<sst/>", 1),
            "line 1048576: `email`: is empty",
        ),
        ("a row beyond all numbers", xlsx(&xlsx_table("", &cell("A99999999999", "x")), "<sst/>", 1), "workbook"),
        ("a column beyond all numbers", xlsx(&xlsx_table(&cell("ZZZZZZZZZZZ1", "x"), ""), "<sst/>", 1), "wor"),
        ("a list of endless texts", xlsx(&xlsx_table("", ""), &sst("99999999999999"), 1), large),
        (
            "one long text in all cells",
            xlsx(&xlsx_table(&shared, ""), &sst("1"), 1),
            "the row in line 1 is longer than",
        ),
        (
            "a cell without end",
            xlsx(&xlsx_table(&cell("D1", &"x".repeat(1_200_000)), ""), "<sst/>", 1),
            "larger than Besked reads (a cell of more than 1 MB)",
        ),
        (
            "a thousand sheets",
            xlsx(&xlsx_table("", ""), "<sst/>", 1_000),
            "without `S2`, `S3`, `S4`, `S5`, `S6` and 994 more",
        ),
        ("a sheet that ends early", xlsx("<row><c r=\"A1\"", "<sst/>", 1), damaged),
        (
            "a protected .xlsx, or an .xls of that name",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".repeat(64),
            "an old Excel workbook (.xls), or one with a password: save it without a password as .xlsx or CSV",
        ),
        (
            "HTML named .xls",
            b"<html><table><tr><td>account_id".to_vec(),
            "a web page, although its name may say otherwise",
        ),
        ("Numbers", archive(&[("Index/Document.iwa", b"")]), "an Apple Numbers document: export it as CSV or .xlsx"),
        ("CSV named .xlsx", b"account_id,customer_name,email\nC1,A AB,a@x.example\n".to_vec(), "1 contacts, "),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_is_read_or_refused_with_what_to_do() {
    let app = TestApp::new(Engine::Sqlite).await;
    for (what, bytes, told) in files() {
        let began = Instant::now();
        let text = said(&app, &bytes, "").await;
        assert!(text.contains(told), "{what}: {text}");
        // All of them take less than a second, on a machine with nothing else to do.
        assert!(began.elapsed() < Duration::from_secs(60), "{what}: {:?}", began.elapsed());
        // As the rows of a notice.
        if let Err(problems) = besked::domain::rows_file::Rows::parse(&bytes) {
            assert!(!problems.is_empty(), "{what}");
        }
    }
}

/// The process would be ended by its first allocation beyond this.
#[test]
fn no_workbook_takes_more_memory_than_half_a_gigabyte() {
    let shell = Shell::new();
    for (what, bytes, _) in files() {
        std::fs::write(shell.directory.path().join("customers.xlsx"), bytes).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -d 524288 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_besked")]);
        command.args(["customers", "import", "customers.xlsx", "--dry-run"]);
        command.current_dir(shell.directory.path()).stdin(Stdio::null());
        let ran = ran(command.output().unwrap());
        assert!(matches!(ran.code, 0 | 2), "{what}: {} {}", ran.code, ran.err);
    }
}

/// What is wrong in each of many rows, and a row without an end, take the memory of one row.
#[tokio::test(flavor = "multi_thread")]
async fn many_errors_and_one_large_one_take_little_memory() {
    let app = TestApp::new(Engine::Sqlite).await;
    let dry = ImportOptions { dry_run: true, skip_invalid: true, ..ImportOptions::default() };
    let bad = "C1,A AB,no-address\n".repeat(50_000);
    let error =
        app.try_import(format!("account_id,customer_name,email\n{bad}").as_bytes(), dry.clone()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("49,999 more rows") && text.len() < 10_000,
        "{} bytes: {}",
        text.len(),
        &text[..2_000.min(text.len())]
    );
}
