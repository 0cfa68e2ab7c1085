//! The command line used wrongly: values that look like options, errors as JSON, and a table that somebody dropped.

use sqlx::{AnyConnection, Connection, Executor};

use crate::cli::Shell;

#[test]
fn a_value_that_looks_like_an_option_is_named_whole_with_what_to_write() {
    let shell = Shell::new();
    for line in [
        "customers show -R1",
        "coverage -R1",
        "notice show -R1",
        "subject export -R1@x.example",
        "hold add --account C1 --reason -R1",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let value = arguments.iter().find(|it| it.starts_with("-R1")).unwrap();
        let tip = format!("after `--`: `-- {value}`");
        shell.run(&arguments).fails(2, &[&format!("unexpected argument '{value}'"), &tip, &format!("--note={value}")]);
    }
    // What the tip says.
    shell.run(&["--json", "customers", "show", "--", "-R1"]).fails(2, &["-R1"]);
    shell.run(&["notice", "show", "--", "-R1"]).fails(2, &["-R1"]);
    shell.run(&["deliveries", "uncertain", "list", "--notice", "-R1"]).fails(2, &["`-R1`"]);
    shell.run(&["customers", "show", "--bogus"]).fails(2, &["--bogus"]);
    let deliver = ["inbound", "deliver", "--recipient", "-r@example.com", "--sender", "-s@x.example"];
    let ran = shell.run(&deliver);
    assert!(!ran.err.contains("unexpected argument"), "{}", ran.err);
}

#[test]
fn an_error_is_one_json_document_too() {
    let shell = Shell::new();
    let unknown = shell.run(&["--json", "notice", "show", "NONE"]).fails(2, &["NONE", "hint: "]);
    let document = unknown.json();
    assert!(document["error"].as_str().unwrap().contains("NONE"), "{document}");
    assert!(document["hint"].is_string() && document["exit_code"] == 2, "{document}");
    let usage = shell.run(&["--json", "notice", "shw"]).fails(2, &["shw"]).json();
    assert!(usage["error"].as_str().unwrap().contains("shw"), "{usage}");
    assert_eq!(shell.run(&["notice", "show", "NONE"]).fails(2, &["NONE"]).out, "", "only if it is asked for");
    // An answer is the document, whatever the exit code.
    shell.write("bad.md", "no notice");
    shell.run(&["--json", "notice", "check", "bad.md"]).fails(2, &[]).json();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_names_a_table_that_was_dropped() {
    let shell = Shell::new();
    sqlx::any::install_default_drivers();
    let path = shell.directory.path().join("var/besked.db");
    let mut conn = AnyConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    conn.execute("DROP TABLE holds").await.unwrap();
    let said = shell.run(&["doctor"]).fails(1, &[]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("tables are missing: `holds`: restore the database from a backup"), "{said}");
}
