//! What commands ask of the database: an answer about one customer reads that customer's rows, a page of a list reads a page.

use std::collections::BTreeSet;

use rstest::rstest;

use super::{asked, place, plan, planner, read_whole};
use crate::app::maintenance;
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Relay};

/// Enough for a planner to think of indexes.
const CUSTOMERS: usize = 300;

/// A database with a notice that was sent, one delivery of it refused and one uncertain; and the relay.
async fn sent(shell: Shell) -> (Shell, Relay) {
    let relay = Relay::start().await;
    let shell = shell.relay(relay.address.port());
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n:04},Kund {n},a{n}@d{}.example\n", n % 50)).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let news = crate::app::NEWS.replace("category = \"news\"", "category = \"news\"\nreference = \"N-1\"");
    shell.write("news.md", &news);
    shell.write("notice.md", &maintenance("all = true"));
    relay.on("RCPT TO:<a7@", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    relay.on(". a8@", 1, Act::TakeAndClose);
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).fails(1, &["1 delivery was refused for good"]);
    shell.run(&["notice", "send", "news.md", "--yes"]).ok();
    let agreement = crate::notices::AGREEMENT.replace("all = true", "customers = [\"C0009\"]");
    shell.write("second.md", &agreement.replacen("\"\n", "\"\nreference = \"S-1\"\n", 1));
    shell.write("third.md", &maintenance("customers = [\"C0010\"]").replace("CHG-1", "T-1"));
    shell.write("draft.md", &maintenance("customers = [\"C0009\"]").replace("CHG-1", "D-1"));
    (shell, relay)
}

/// The commands that a user asks something with, each as it is typed.
fn commands(delivery: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["informed", "--account", "C0009", "--notice", "CHG-1"],
        vec!["informed", "--account", "C0009", "--reference", "CHG-1"],
        vec!["informed", "--account", "C0009", "--category", "maintenance"],
        vec!["notice", "status", "CHG-1"],
        vec!["coverage", "CHG-1"],
        vec!["deliveries", "list", "CHG-1"],
        vec!["deliveries", "list", "CHG-1", "--state", "rejected"],
        vec!["deliveries", "show", delivery],
        vec!["deliveries", "show", delivery, "--message"],
        vec!["deliveries", "uncertain", "list"],
        vec!["deliveries", "uncertain", "list", "--notice", "CHG-1"],
        vec!["notice", "list"],
        vec!["notice", "show", "CHG-1"],
        vec!["customers", "list"],
        vec!["customers", "show", "C0009"],
        vec!["suppressions", "list"],
        vec!["preferences", "show", "a9@d9.example"],
        vec!["hold", "list"],
        vec!["notice", "list", "--all"],
        vec!["hold", "list", "--all"],
        vec!["informed", "--account", "C0009", "--category", "maintenance", "--since", "2020-01-01"],
        vec!["notice", "check", "notice.md"],
        vec!["notice", "preview", "notice.md"],
        vec!["ledger", "status"],
        vec!["evidence", "export", "--notice", "CHG-1", "--account", "C0009", "-o", "evidence.json"],
        vec!["evidence", "export", "--reference", "CHG-1", "--account", "C0009", "-o", "evidence.json"],
        vec!["evidence", "export", "--notice", "CHG-1", "--everyone", "-o", "evidence.json"],
        vec!["relays"],
        vec!["doctor"],
    ]
}

/// The commands that change something about one notice, one customer or one delivery, in an order in which each can.
fn changes<'a>(rejected: &'a str, uncertain: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["hold", "add", "--account", "C0009", "--reason", "lawsuit"],
        vec!["hold", "add", "--notice", "CHG-1", "--reason", "lawsuit"],
        vec!["attest", "CHG-1", "--account", "C0007", "--channel", "phone", "--by", "Bo", "--note", "said"],
        vec!["deliveries", "resend", rejected, "--yes"],
        vec!["deliveries", "uncertain", "resend", uncertain, "--yes"],
        vec!["notice", "pause", "N-1"],
        vec!["notice", "resume", "N-1"],
        vec!["notice", "cancel", "N-1"],
        vec!["notice", "create", "draft.md"],
        vec!["notice", "edit", "D-1", "draft.md"],
        vec!["notice", "submit", "D-1"],
        vec!["notice", "release", "D-1"],
        vec!["notice", "create", "second.md"],
        vec!["notice", "submit", "S-1"],
        vec!["notice", "decline", "S-1", "--as", "bo", "--reason", "unclear"],
        vec!["notice", "edit", "S-1", "second.md"],
        vec!["notice", "submit", "S-1"],
        vec!["notice", "approve", "S-1", "--as", "bo"],
        vec!["notice", "release", "S-1"],
        vec!["notice", "send", "third.md", "--yes"],
        vec!["notice", "test", "third.md", "--to", "me@d1.example", "--account", "C0009"],
        vec!["suppressions", "add", "a10@d10.example", "--reason", "dead"],
        vec!["suppressions", "remove", "a10@d10.example"],
        vec!["preferences", "set", "a10@d10.example", "--opt-out", "news"],
        vec!["subject", "restrict", "a11@d11.example"],
        vec!["subject", "unrestrict", "a11@d11.example"],
        vec!["subject", "rectify", "a12@d12.example", "--to", "b12@d12.example"],
        vec!["subject", "object", "a14@d14.example"],
        vec!["subject", "erase", "a13@d13.example", "--ground", "Art. 17(1)(d)", "--yes"],
    ]
}

#[rstest]
#[case(Engine::Sqlite, false)]
#[case(Engine::Sqlite, true)]
#[case(Engine::Postgres, false)]
#[case(Engine::Postgres, true)]
#[tokio::test(flavor = "multi_thread")]
async fn no_command_reads_a_growing_table_from_end_to_end(#[case] engine: Engine, #[case] statistics: bool) {
    let (_database, shell, url) = place(engine).await;
    let (shell, _relay) = sent(shell).await;
    let first = |state: &str| {
        let list = shell.run(&["--json", "deliveries", "list", "CHG-1", "--limit", "1", "--state", state]).ok().json();
        list["deliveries"][0]["id"].as_str().unwrap_or_else(|| panic!("none is {state}")).to_owned()
    };
    let (delivery, rejected, uncertain) = (first("accepted"), first("rejected"), first("uncertain"));
    let mut conn = planner(engine, &url, statistics).await;
    let (mut wrong, mut by_account) = (Vec::new(), 0);
    for command in commands(&delivery).into_iter().chain(changes(&rejected, &uncertain)) {
        // An uncertain delivery of a mandatory notice is sent again by itself: the command asks, and says so.
        let codes: &[i32] = if command.contains(&uncertain.as_str()) { &[0, 1, 2] } else { &[0, 1] };
        for statement in asked(&shell, &command, codes) {
            let plan = plan(engine, &mut conn, &statement).await;
            let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE") || line.contains("Sort"));
            // A page in the order of a key stops when it is full.
            let a_page = statement.contains("LIMIT") && !sorts;
            let whole = if a_page { BTreeSet::new() } else { read_whole(&plan) };
            if !whole.is_empty() {
                wrong.push(format!("{whole:?} with {command:?} in: {statement}\n{}\n", plan.join("\n")));
            }
            if statement.contains("d.notice_id = $1 AND d.account_id = $2") {
                let goes = plan.iter().any(|line| line.contains("deliveries_by_account"));
                assert!(goes, "a customer's deliveries are found by account:\n{statement}\n{}", plan.join("\n"));
                by_account += 1;
            }
        }
    }
    assert!(by_account >= 3, "`informed` was asked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An export of a person and a look at what retention would delete read what is about persons, and nothing by the way.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_persons_export_reads_what_is_about_the_person(#[case] engine: Engine) {
    let (_database, shell, url) = place(engine).await;
    let (shell, _relay) = sent(shell).await;
    let mut conn = planner(engine, &url, false).await;
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for statement in asked(&shell, &["subject", "export", "a9@d9.example", "-o", "subject.json"], &[0, 1]) {
        let plan = plan(engine, &mut conn, &statement).await;
        let large = ["deliveries", "contacts", "attempts", "ledger_entries", "ledger_openings", "queue"];
        let whole: Vec<_> = read_whole(&plan).into_iter().filter(|table| large.contains(table)).collect();
        if !whole.is_empty() {
            wrong.push(format!("{whole:?} in: {statement}\n{}\n", plan.join("\n")));
        }
        looked_at += 1;
    }
    assert!(looked_at >= 5, "the export asked something");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
