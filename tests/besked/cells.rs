//! What spreadsheets and databases write in place of values, in customers files and audience files; and which sheet is read.

use besked::domain::rows_file::Rows;
use besked::people::import::{ImportError, ImportOptions, Imported};

use crate::app::{TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;
use crate::messages;
use crate::workbooks::{ods, ods_row};

const SHEETS: &[u8] = include_bytes!("tables/sheets.xlsx");

async fn import(app: &TestApp, file: &[u8], sheet: Option<&str>) -> Result<Imported, ImportError> {
    let options = ImportOptions { sheet: sheet.map(str::to_owned), ..ImportOptions::default() };
    let imported = app.try_import(file, options).await;
    if let Err(error) = &imported {
        messages::note_error("customers import FILE", &error.to_string());
    }
    imported
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rule_holds_for_each_cell_of_each_table() {
    let app = TestApp::new(Engine::Sqlite).await;
    for (cell, told) in [
        ("#REF!", "is the error of a formula"),
        ("#VÄRDEFEL!", "is the error of a formula"),
        ("#NV", "is the error of a formula"),
        ("#SPILL!", "is the error of a formula"),
        ("Err:502", "is the error of a formula"),
        ("########", "a column is too narrow"),
        ("1.5E+10", "is a number that a spreadsheet has shortened"),
        ("NULL", "is what a tool writes where there is no value"),
        ("\\N", "is what a tool writes where there is no value"),
        ("=A1&B1", "is a formula without its value"),
        ("'00043", "begins with an apostrophe, by which spreadsheets mark text; write `00043`"),
    ] {
        for (name, row) in [
            ("account_id", format!("{cell},A AB,a@x.example,Anna,sto2")),
            ("customer_name", format!("C1,{cell},a@x.example,Anna,sto2")),
            ("email", format!("C1,A AB,{cell},Anna,sto2")),
            ("contact_name", format!("C1,A AB,a@x.example,{cell},sto2")),
            ("attr.region", format!("C1,A AB,a@x.example,Anna,{cell}")),
        ] {
            let file = format!("account_id,customer_name,email,contact_name,attr.region\n{row}\n");
            let text = import(&app, file.as_bytes(), None).await.unwrap_err().to_string();
            assert!(text.starts_with(&format!("line 2: `{name}` `{cell}`: ")) && text.contains(told), "{text}");
        }
        let text = Rows::parse(format!("account_id,amount\nC1,{cell}\n").as_bytes()).unwrap_err().to_string();
        assert!(text.starts_with(&format!("line 2: `amount` `{cell}`: ")) && text.contains(told), "{text}");
    }
    let excel = "account_id,customer_name,email,attr.n\n=\"00042\",=\"A AB\",a@x.example,=\"007\"\n";
    import(&app, excel.as_bytes(), None).await.unwrap();
    let shown = app.app.customers.show(&alice(), "00042").await.unwrap();
    assert_eq!((shown.name.as_str(), shown.attributes["n"][0].as_str()), ("A AB", "007"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_that_is_not_doubled_tears_a_row_and_no_other() {
    let app = TestApp::new(Engine::Sqlite).await;
    let file = "account_id,customer_name,email\nC1,\"Kund \\\"Norr\\\" AB\",a@x.example\nC2,\"Två \"\"B\"\" AB\" ,b@x.example\n";
    let text = import(&app, file.as_bytes(), None).await.unwrap_err().to_string();
    assert!(text.starts_with("line 2: has text behind a closing quote") && !text.contains("line 3"), "{text}");
    let options = ImportOptions { skip_invalid: true, ..ImportOptions::default() };
    let imported = app.try_import(file.as_bytes(), options).await.unwrap();
    assert_eq!((imported.customers, imported.kept.unattributed), (1, vec![2]));
    assert_eq!(app.app.customers.show(&alice(), "C2").await.unwrap().name, "Två \"B\" AB");
    let text = Rows::parse(b"account_id,a\nC1,\"x\"y\n").unwrap_err().to_string();
    assert!(text.starts_with("line 2: has text behind a closing quote"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_names_of_a_customer_are_shown() {
    let app = TestApp::new(Engine::Sqlite).await;
    let file = "account_id,customer_name,email\nC1,Norr AB,a@x.example\nC1,Norr  AB,b@x.example\nC1,Norr,c@x.example\n";
    let text = import(&app, file.as_bytes(), None).await.unwrap_err().to_string();
    let told = "line 3: `customer_name` `Norr  AB`: is not the name that this account has in line 2, `Norr AB` (likewise line 4)";
    assert_eq!(text, told);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_differ_by_capitals_are_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    let file = "account_id,customer_name,email,attr.Region,attr.region\nC1,A,a@x.example,sto,sto\n";
    let text = import(&app, file.as_bytes(), None).await.unwrap_err().to_string();
    assert_eq!(text, "line 1: `attr.region`: is like `attr.Region` but for capitals: make one column of both");
    assert!(Rows::parse(b"account_id,Amount,amount\nC1,1,2\n").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sheet_is_chosen_and_named() {
    let app = TestApp::new(Engine::Sqlite).await;
    // The first sheet is hidden, and the first that is not has no table.
    let text = import(&app, SHEETS, None).await.unwrap_err().to_string();
    let place = "these are rows of the sheet `Info`; the workbook also has `Listor`, `Kunder`, `Formler`: `--sheet NAME` reads another";
    assert!(text.contains("names none of the columns") && text.ends_with(place), "{text}");
    let rows = Rows::parse(SHEETS).unwrap_err().to_string();
    assert!(rows.contains("sheet `Info`") && rows.contains("reads the first sheet that is not hidden"), "{rows}");
    let imported = import(&app, SHEETS, Some("kunder")).await.unwrap();
    assert_eq!(
        imported.file.to_string(),
        "sheet `Kunder` of the workbook, without `Listor` (hidden), `Info`, `Formler`, with 1 row that is hidden"
    );
    assert_eq!(imported.file.hidden_sheets, ["Listor"]);
    // Numbers are as the sheet shows them.
    assert_eq!(app.app.customers.show(&alice(), "00043").await.unwrap().name, "Syd AB");
    let text = import(&app, SHEETS, Some("Kund")).await.unwrap_err().to_string();
    assert!(text.ends_with("the workbook has no sheet `Kund`: it has `Listor`, `Info`, `Kunder`, `Formler`"), "{text}");
    let text = import(&app, b"account_id,customer_name,email\nC1,A,a@x.example\n", Some("A")).await.unwrap_err();
    assert!(text.to_string().contains("the file is no workbook: it has no sheets"), "{text}");
    let text = import(&app, SHEETS, Some("Formler")).await.unwrap_err().to_string();
    assert!(
        text.contains("line 2: `role` `=LOWER(\"SECURITY\")`: is a formula without its value: open the file in Excel")
            && text.contains("`attr.contract` `1.234567890123456E+15`: is a number that a spreadsheet has shortened"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_document_sheet_is_read_as_it_is_shown() {
    let app = TestApp::new(Engine::Sqlite).await;
    let header = ods_row(["account_id", "customer_name", "email"], "");
    let number =
        "<table:table-cell office:value-type=\"float\" office:value=\"42\"><text:p>00042</text:p></table:table-cell>";
    let text =
        |text| format!("<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>");
    let row = format!(
        "<table:table-row table:visibility=\"filter\">{number}{}{}</table:table-row>",
        text("Norr AB"),
        text("a@norr.example")
    );
    let imported = import(&app, &ods(&(header.clone() + &row)), None).await.unwrap();
    assert_eq!(imported.file.to_string(), "sheet `S` of the workbook, with 1 row that is hidden");
    assert_eq!(app.app.customers.show(&alice(), "00042").await.unwrap().name, "Norr AB");
    let formula = "<table:table-cell table:formula=\"of:=LOWER(&quot;A&quot;)\"/>";
    let row = format!("<table:table-row>{formula}{}{}</table:table-row>", text("Norr AB"), text("a@norr.example"));
    let error = import(&app, &ods(&(header + &row)), None).await.unwrap_err().to_string();
    assert!(error.contains("line 2: `account_id` `=LOWER(\"A\")`: is a formula without its value"), "{error}");
    let error = import(&app, &ods(""), None).await.unwrap_err().to_string();
    assert!(error.contains("the sheet `S` of the workbook is empty"), "{error}");
}

#[test]
fn the_same_mistake_with_other_values_is_shown_with_some_of_them() {
    let shell = Shell::new();
    let rows = ["Service", "teknisk", "technical;billing", "Tekniker", "chef", "x"];
    let rows: String = rows.iter().enumerate().map(|(n, role)| format!("C{n},A,a@x.example,{role}\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email,role\n{rows}"));
    let told = "(likewise lines 4, 5, 6, 7, with `technical;billing`, `Tekniker`, `chef`)";
    shell.run(&["customers", "import", "customers.csv"]).fails(2, &["line 3: `role` `teknisk`", told]);
}
