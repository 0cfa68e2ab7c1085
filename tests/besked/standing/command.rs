//! `besked notice add` and `close`: the command line twin.

use rstest::rstest;

use super::INVOICES;
use crate::cli::Shell;
use crate::database::Engine;
use crate::kills::{Deadly, Field, Process};

/// The rows of a file with this many customers, each twice.
fn file(customers: usize) -> String {
    let row = |n: usize, turn: usize| format!("C{n},{turn}-{n},F-{turn}-{n},1.00\n");
    let rows: String = (0..2).flat_map(|turn| (0..customers).map(move |n| row(n, turn))).collect();
    format!("account_id,key,invoice,amount\n{rows}")
}

/// Customers with a billing contact each.
fn customers(count: usize) -> String {
    let rows: String = (0..count).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example,billing\n")).collect();
    format!("account_id,customer_name,email,role\n{rows}")
}

#[test]
fn a_file_is_added_once_and_bad_rows_are_named_with_their_lines() {
    let shell = Shell::new();
    shell.write("customers.csv", &customers(3));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", INVOICES);
    let checked = shell.run(&["notice", "check", "notice.md"]).ok();
    assert!(checked.out.contains("a standing notice: recipients are added"), "{}", checked.out);
    let id = shell.run(&["--json", "notice", "create", "notice.md"]).ok().json()["id"].as_str().unwrap().to_owned();
    shell.write("rows.csv", &file(3));
    let add = ["--json", "notice", "add", "INV-2026", "--rows", "rows.csv"];
    shell.run(&add).fails(2, &["recipients cannot be added to a notice that is a draft", "hint: release it first"]);
    shell.run(&["notice", "submit", &id]).ok();
    shell.run(&["notice", "release", &id]).ok();
    let added = shell.run(&add).ok().json();
    assert_eq!((added["accepted"].as_u64(), added["repeated"].as_u64()), (Some(6), Some(0)), "{added}");
    assert_eq!(added["deliveries"].as_array().unwrap().len(), 6);
    assert_eq!((added["deliveries"][0]["key"].as_str(), added["problems"].as_array().unwrap().len()), (Some("0-0"), 0));
    let again = shell.run(&add).ok().json();
    assert_eq!((again["accepted"].as_u64(), again["repeated"].as_u64()), (Some(6), Some(6)));
    shell.write("rows.csv", "account_id,key,invoice,amount\nC0,x,F-1,1\nC9,y,F-2,1\nC1,,F-3,1\nC2,z\n");
    let bad = shell.run(&add);
    assert_eq!((bad.code, bad.json()["accepted"].as_u64()), (2, Some(1)), "{}", bad.err);
    let problems = ["line 3: `account_id`: there is no customer `C9`", "line 4: `key`", "line 5: the row has 2 fields"];
    bad.fails(2, &problems);
    shell.run(&["notice", "add", &id, "--rows", "none.csv"]).fails(2, &["cannot read `none.csv`"]);
    shell.write("rows.csv", "account_id,invoice\nC0,F-1\n");
    shell.run(&["notice", "add", &id, "--rows", "rows.csv"]).fails(2, &["`key`", "hint: it needs a header row"]);
    shell.run(&["notice", "close", &id, "--reason", "the year is over"]).ok();
    shell.write("rows.csv", &file(1));
    shell
        .run(&["notice", "add", &id, "--rows", "rows.csv"])
        .fails(2, &["a notice that is closed", "hint: create a new"]);
    let shown = shell.run(&["notice", "show", &id]).ok().out;
    assert!(shown.contains("close") && shown.contains("the year is over"), "{shown}");
    shell.run(&["ledger", "audit"]).ok();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_adding_that_is_killed_is_done_again_and_everybody_gets_each_once(#[case] engine: Engine) {
    const CUSTOMERS: usize = 700;
    let deadly = Deadly::build();
    let mut field = Field::new("killed while adding", engine, 2, 1).await;
    field.shell.write("customers.csv", &customers(CUSTOMERS));
    field.shell.run(&["customers", "import", "customers.csv"]).ok();
    let id = field.release(INVOICES).to_string();
    field.shell.write("rows.csv", &file(CUSTOMERS));
    let add = |kind: &str, nth: usize| {
        let mut command = field.shell.command(&["notice", "add", &id, "--rows", "rows.csv"]);
        deadly.at(&mut command, kind, nth);
        Process::start(&mut command)
    };
    let kind = if engine == Engine::Sqlite { "sync" } else { "any" };
    let mut kills = 0;
    // Of two parts each has its commit; a process killed behind one has answered nobody.
    for nth in 1.. {
        let nth = if engine == Engine::Sqlite { nth } else { nth * 40 };
        if !add(kind, nth).was_killed() {
            break;
        }
        kills += 1;
        assert!(kills < 60, "it never comes to its end");
    }
    assert!(kills >= 2, "{kills} kills only");
    let again = field.shell.run(&["--json", "notice", "add", &id, "--rows", "rows.csv"]).ok().json();
    assert_eq!((again["accepted"].as_u64(), again["repeated"].as_u64()), (Some(1400), Some(1400)));
    field.shell.run(&["notice", "close", &id]).ok();
    field.shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(field.relay.count(), 2 * CUSTOMERS);
    let subjects: std::collections::BTreeSet<String> =
        field.relay.received().iter().map(|it| it.header("Subject").unwrap()).collect();
    assert_eq!(subjects.len(), 2 * CUSTOMERS, "each invoice once");
    assert_eq!(field.status(id.parse().unwrap())["state"].as_str(), Some("closed"));
    field.shell.run(&["ledger", "audit"]).ok();
}
