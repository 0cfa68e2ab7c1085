//! What an author is warned of or refused before a notice is sent: half a translation, marks that are shown as they are, an audience
//! that nobody meant, and the same notice again.

use std::process::Command;

use crate::app::{CUSTOMERS, NEWS, maintenance};
use crate::cli::{Ran, Shell, ran};
use crate::first_hour::asked;
use crate::relay::Relay;

fn check(shell: &Shell, notice: &str) -> Ran {
    shell.write("notice.md", notice);
    shell.run(&["notice", "check", "notice.md"])
}

fn shell() -> Shell {
    let shell = Shell::new();
    shell.write(
        "customers.csv",
        "account_id,customer_name,email,attr.region\nC1,Ett,a@ett.example,sto\nC2,Två,b@tva.example,got\n",
    );
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell
}

#[test]
fn a_section_without_the_text_is_refused_and_half_a_translation_warned_of() {
    let shell = shell();
    let notice = maintenance("all = true");
    let line = notice.lines().count() + 1;
    let empty = format!("{notice}+++ sv\n[fields]\nimpact = \"Kort avbrott.\"\n+++\n\n");
    check(&shell, &empty)
        .fails(2, &[&format!("line {line}: the section `sv` has no text"), "or leave the section out"]);
    let half = check(&shell, &format!("{notice}+++ sv\n+++\nVi byter.\n")).ok();
    let told = format!("line {line}: the section `sv` does not translate `fields.impact`: its readers get this text");
    assert!(half.err.contains(&told), "{}", half.err);
    let whole = check(&shell, &format!("{notice}+++ sv\n[fields]\nimpact = \"Kort.\"\n+++\nVi byter.\n")).ok();
    assert!(!whole.err.contains("translate"), "{}", whole.err);
}

#[test]
fn marks_that_are_shown_as_they_are_are_said_and_lost_cells_refused() {
    let shell = shell();
    let body = |text: &str| check(&shell, &(maintenance("all = true") + text));
    for (text, told) in [
        ("See [the page](https://x.example/a b).\n", "since this is no link: an address has no spaces"),
        ("[call](tel:+46 12)\n", "since this is no link"),
        ("See https://x.example/a for more.\n", "`https://x.example/a` is text and no link in the HTML part"),
        ("| a | b |\n| 1 | 2 |\n", "a table needs a line such as `|---|---|`"),
        ("Dear ${name},\n", "`${name}` is shown as it is: placeholders are written `{{ contact.name }}`"),
        ("Dear %FIRST_NAME%,\n", "`%FIRST_NAME%` is shown as it is"),
    ] {
        let ran = body(text).ok();
        assert!(ran.err.contains(told), "{text}: {}", ran.err);
    }
    let quiet = body(
        "| a | b |\n|---|---|\n| 1 \\| 2 | `x` |\n\n[words](https://x.example/a), <https://x.example/b>, `${x}`\n",
    )
    .ok();
    assert!(!quiet.err.contains("shown as it is") && !quiet.err.contains("no link"), "{}", quiet.err);
    body("| a | b |\n|---|---|\n| `a|b` | x |\n").fails(2, &["this row has 3 cells, and the header of its table 2"]);
    body("Safe\u{202e}gpj.exe\n").fails(2, &["has U+202E RIGHT-TO-LEFT OVERRIDE, which cannot be seen"]);
    body("{{ row.Invoice No }}\n").fails(2, &["name the column `Invoice_No` in the file"]);
    body("+++sv\n+++\nHej\n").fails(2, &["write `+++ sv`, with a space after the plus signs"]);
    body("+++ Swedish\n+++\nHej\n").fails(2, &["`Swedish` is not a language tag: write `sv`"]);
}

#[test]
fn an_audience_that_nobody_is_in_says_what_was_probably_meant() {
    let shell = shell();
    let of = |attributes: &str| check(&shell, &maintenance(&format!("attributes = {{ {attributes} }}"))).ok();
    let name = of("regoin = [\"sto\"]");
    assert!(name.out.contains("no customer has an attribute `regoin`: did you mean `region`?"), "{}", name.out);
    let prefix = of("\"attr.region\" = [\"sto\"]");
    assert!(prefix.out.contains("`attr.region`: did you mean `region`?"), "{}", prefix.out);
    let other = of("colour = [\"red\"]");
    assert!(other.out.contains("customers have `region`"), "{}", other.out);
    let value = of("region = [\"sto\", \"Got\"]");
    assert!(value.err.contains("no customer has the value `Got`: did you mean `got`?"), "{}", value.err);
    // An empty list is no condition beside another one, and alone it does not mean everybody.
    assert!(of("region = [\"sto\"], plan = []").out.contains("reaches 1 customer"));
    check(&shell, &maintenance("attributes = { plan = [] }")).fails(2, &["selects nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_notice_or_reference_again_within_a_day_is_said_and_asked() {
    let relay = Relay::start().await;
    let shell = shell().relay(relay.address.port());
    let numbered = maintenance("all = true");
    assert!(!check(&shell, &numbered).ok().err.contains("was released"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let same = check(&shell, &numbered).ok().err;
    assert!(same.contains("this very notice was released at ") && same.contains("they would get it twice"), "{same}");
    let other = check(&shell, &(numbered.clone() + "More.\n")).ok().err;
    assert!(other.contains("a notice with the reference `CHG-1` was released at "), "{other}");
    let follows = numbered.replacen("reference", "follows = \"CHG-1\"\nreference", 1) + "More.\n";
    assert!(!check(&shell, &follows).ok().err.contains("was released"));
    shell.write("notice.md", &numbered);
    shell
        .run(&["notice", "send", "notice.md"])
        .fails(2, &["this maintenance notice, which was released already, to 2"]);
}

#[test]
fn a_sheet_of_a_workbook_is_an_audience() {
    let shell = shell();
    std::fs::write(shell.directory.path().join("rows.xlsx"), include_bytes!("tables/sheets.xlsx")).unwrap();
    let check = |audience: &str| {
        shell.write("notice.md", &maintenance(audience));
        shell.run(&["notice", "check", "notice.md"])
    };
    let first = "`sheet = \"NAME\"` in `[audience]` reads another";
    check("file = \"rows.xlsx\"").fails(2, &["these are rows of the sheet `Info`", first]);
    // These customers are not imported: the sheet was read.
    check("file = \"rows.xlsx\"\nsheet = \"Kunder\"").fails(2, &["00043"]);
    check("file = \"rows.xlsx\"\nsheet = \"Kund\"").fails(2, &["the workbook has no sheet `Kund`"]);
    check("all = true\nsheet = \"Kunder\"").fails(2, &["`audience.sheet`: names a sheet of a workbook"]);
}

#[test]
fn who_is_addressed_when_a_customer_is_not_informed_is_said_wherever_a_notice_is_looked_at() {
    let shell = shell();
    let notice = include_str!("../../config/demo/notices/1-security-breach.md");
    shell.write("notice.md", notice);
    let said = "a customer who is not informed: contacts for service, then technical, each 1h after the one before, then a task";
    let preview = shell.run(&["notice", "preview", "notice.md"]).ok();
    assert!(preview.err.contains(said) && !preview.out.contains(said), "{}", preview.err);
    let json = shell.run(&["--json", "notice", "preview", "notice.md"]).ok().json();
    assert_eq!(json["escalation"], serde_json::json!({ "after": "1h", "roles": ["service", "technical"] }));
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "create", "notice.md"]).ok();
    let shown = shell.run(&["notice", "show", "CHG-1"]).ok().out;
    assert!(
        shown.contains("a customer who is not informed is a task for a person: nobody else is addressed\n"),
        "{shown}"
    );
    let json = shell.run(&["--json", "notice", "show", "CHG-1"]).ok().json();
    assert_eq!(json["escalation"]["roles"], serde_json::json!([]));
    shell.write("news.md", NEWS);
    assert!(!shell.run(&["notice", "preview", "news.md"]).ok().err.contains("not informed"));
}

#[test]
fn a_preview_says_who_lacks_a_value_and_an_endless_audience_file_is_refused() {
    let shell = shell();
    shell.write("notice.md", &(maintenance("all = true") + "Hello {{ contact.name }}\n"));
    let shown = shell.run(&["notice", "preview", "notice.md"]).ok();
    assert!(shown.err.contains("recipients without a value: C1 (service): contact.name in line"), "{}", shown.err);
    shell.write("notice.md", &maintenance("file = \"/dev/zero\""));
    shell.run(&["notice", "check", "notice.md"]).fails(2, &["the file is larger than 64 MB"]);
    shell.run(&["notice", "check", "/dev/zero"]).fails(2, &["the file is larger than 1 MB"]);
    let mut command = shell.command(&["notice", "check", "-"]);
    let notice = shell.write("piped.md", &maintenance("all = true"));
    command.stdin(std::fs::File::open(shell.directory.path().join(notice)).unwrap());
    assert!(ran(command.output().unwrap()).ok().out.contains("reaches 2 customers"));
    shell.write("rows.csv", "Account ID,x\nC1,1\n");
    shell.write("notice.md", &maintenance("file = \"rows.csv\""));
    shell
        .run(&["notice", "check", "notice.md"])
        .fails(2, &["`account_id`: is missing from the header: is `Account ID` meant?"]);
    shell.write("customers.csv", CUSTOMERS);
    shell.write("bad.csv", "account_id,customer_name,email\nC1,A,anna berg@x.example\n");
    let run = shell.run(&["customers", "import", "bad.csv", "--skip-invalid"]);
    let run = run.fails(2, &["`anna berg@x.example`: has more than an address", "it has no row that can be imported"]);
    assert!(!run.err.contains("write `berg@x.example`"), "{}", run.err);
}

/// README's walk: `init`, the three columns that a customers file must have, and the notice that `init` made.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_notice_reaches_customers_of_whom_nothing_but_the_address_is_known() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("smtp://localhost:{}?tls=none", relay.address.port());
    asked(
        folder.path(),
        &["Moln Norr AB", "Storgatan 1, Umeå", "", "Moln <a@moln.example>", "", &url, "me@moln.example"],
    )
    .ok();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        ran(command.args(arguments).env_remove("BESKED_CONFIG").current_dir(folder.path()).output().unwrap())
    };
    std::fs::write(folder.path().join("c.csv"), "account_id,customer_name,email\n100,Norr AB,a@norr.example\n")
        .unwrap();
    run(&["customers", "import", "c.csv"]).ok();
    let first = "config/first-notice.md";
    let check = run(&["notice", "check", first]).ok();
    assert!(check.out.contains("reaches 1 customer at 1 address"), "{}", check.out);
    assert!(!run(&["notice", "preview", first]).ok().err.contains("without a value"));
    run(&["notice", "send", first, "--wait", "--yes"]).ok();
    assert_eq!(relay.wait_for(1).await.len(), 1);
}
