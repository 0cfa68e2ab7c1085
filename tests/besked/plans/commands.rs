//! What commands ask of the database: an answer about one customer reads that customer's rows, a page of a list reads a page.

use std::collections::BTreeSet;

use besked::store::people::imports;
use rstest::rstest;
use sqlx::Executor as _;

use super::{asked, place, plan, planner, read_beyond_a_page};
use crate::app::maintenance;
use crate::cli::Shell;
use crate::database::Engine;
use crate::inbound::Dsn;
use crate::relay::{Act, Relay};

/// Enough for a planner to think of indexes.
const CUSTOMERS: usize = 300;

/// Read everything, because that is what they are for: the audit counts all entries, and an import in place of all customers looks
/// for those that its file does not have.
const WHOLE: [&str; 2] =
    ["SELECT (SELECT COUNT(*) FROM ledger_openings) AS openings", "FROM file_customers c CROSS JOIN contacts k"];

/// A database with a notice that was sent, one delivery of it refused and two uncertain; and the relay.
async fn sent(shell: Shell) -> (Shell, Relay) {
    let relay = Relay::start().await;
    let shell = shell.relay(relay.address.port());
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n:04},Kund {n},a{n}@d{}.example\n", n % 50)).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let fewer: String = rows.lines().skip(20).map(|row| format!("{row}\n")).collect();
    shell.write("fewer.csv", &format!("account_id,customer_name,email\n{fewer}"));
    let news = crate::app::NEWS.replace("category = \"news\"", "category = \"news\"\nreference = \"N-1\"");
    shell.write("news.md", &news);
    shell.write("notice.md", &maintenance("all = true"));
    relay.on("RCPT TO:<a7@", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    relay.on(". a8@", 1, Act::TakeAndClose);
    relay.on(". a18@", 1, Act::TakeAndClose);
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).fails(1, &["1 delivery was refused for good"]);
    let sent = relay.received().into_iter().find(|it| it.to == "a9@d9.example").unwrap();
    let about = Dsn { to: &sent.from, recipient: &sent.to, ..Dsn::default() };
    shell.write("bounce.eml", &String::from_utf8(about.bytes()).unwrap());
    shell.write(
        "stranger.eml",
        &String::from_utf8(Dsn { id: "2@mx", recipient: "a17@d17.example", ..about }.bytes()).unwrap(),
    );
    shell.run(&["notice", "send", "news.md", "--yes"]).ok();
    let agreement = crate::notices::AGREEMENT.replace("all = true", "customers = [\"C0009\"]");
    shell.write("second.md", &agreement.replacen("\"\n", "\"\nreference = \"S-1\"\n", 1));
    shell.write("third.md", &maintenance("customers = [\"C0010\"]").replace("CHG-1", "T-1"));
    shell.write("draft.md", &maintenance("customers = [\"C0009\"]").replace("CHG-1", "D-1"));
    shell.write("rows.csv", "account_id,x\nC0011,one\nC0013,a13@d13.example\n");
    shell.write("rows.md", &maintenance("file = \"rows.csv\"").replace("CHG-1", "R-1"));
    let following = maintenance("").replace("[audience]\n", "").replace("reference = ", "follows = ");
    shell.write("following.md", &following);
    (shell, relay)
}

/// The commands that a user asks something with, each as it is typed.
fn commands(delivery: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["informed", "--account", "C0009", "--notice", "CHG-1"],
        vec!["informed", "--account", "C0009", "--reference", "CHG-1"],
        vec!["informed", "--account", "C0009", "--category", "maintenance"],
        vec!["notice", "status", "CHG-1"],
        vec!["tasks", "list"],
        vec!["tasks", "list", "--open"],
        vec!["coverage", "CHG-1"],
        vec!["deliveries", "list", "CHG-1"],
        vec!["deliveries", "list", "--account", "C0009"],
        vec!["deliveries", "list", "CHG-1", "--account", "C0009", "--state", "accepted"],
        vec!["deliveries", "list", "--email", "a9@d9.example"],
        vec!["inbound", "list"],
        vec!["inbound", "list", "--unmatched"],
        vec!["inbound", "read", "bounce.eml"],
        vec!["inbound", "read", "stranger.eml"],
        vec!["deliveries", "list", "CHG-1", "--state", "rejected"],
        vec!["deliveries", "show", delivery],
        vec!["deliveries", "show", delivery, "--message"],
        vec!["deliveries", "uncertain", "list"],
        vec!["deliveries", "uncertain", "list", "--notice", "CHG-1"],
        vec!["notice", "list"],
        vec!["matters"],
        vec!["matters", "--open"],
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
        vec!["customers", "import", "customers.csv", "--dry-run"],
        vec!["ledger", "checkpoint"],
        vec!["ledger", "audit"],
        vec!["ledger", "export", "log"],
        vec!["ledger", "export", "log"],
        vec!["relays"],
        vec!["doctor"],
    ]
}

/// The commands that change something about one notice, one customer or one delivery, in an order in which each can.
fn changes<'a>(rejected: &'a str, [uncertain, doubt]: [&'a str; 2], hold: &'a str) -> Vec<Vec<&'a str>> {
    vec![
        vec!["hold", "add", "--account", "C0009", "--reason", "lawsuit"],
        vec!["hold", "add", "--account", "C9999", "--reason", "lawsuit"],
        vec!["attest", "CHG-1", "--account", "C0007", "--channel", "phone", "--by", "Bo", "--note", "a13@d13.example"],
        vec!["deliveries", "resend", rejected, "--yes"],
        vec!["deliveries", "resend", "--notice", "CHG-1", "--state", "rejected", "--yes"],
        vec!["deliveries", "uncertain", "resend", uncertain, "--yes"],
        vec!["deliveries", "uncertain", "settle", doubt, "--accepted", "--text", "in the log", "--by", "Bo"],
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
        vec!["hold", "add", "--notice", "S-1", "--reason", "lawsuit"],
        vec!["notice", "send", "third.md", "--yes"],
        vec!["notice", "test", "third.md", "--to", "me@d1.example", "--account", "C0009"],
        vec!["suppressions", "add", "a10@d10.example", "--reason", "dead"],
        vec!["suppressions", "remove", "a10@d10.example"],
        vec!["notice", "send", "rows.md", "--yes"],
        vec!["notice", "send", "following.md", "--yes"],
        vec!["preferences", "set", "a10@d10.example", "--opt-out", "news"],
        vec!["preferences", "set", "a10@d10.example", "--opt-in", "news"],
        vec!["subject", "restrict", "a11@d11.example"],
        vec!["subject", "export", "a11@d11.example", "-o", "restricted.json"],
        vec!["subject", "unrestrict", "a11@d11.example"],
        vec!["subject", "rectify", "a12@d12.example", "--to", "b12@d12.example"],
        vec!["subject", "object", "a14@d14.example"],
        vec!["subject", "export", "a14@d14.example", "-o", "subject.json"],
        vec!["hold", "remove", hold, "--reason", "settled"],
        vec!["subject", "erase", "a13@d13.example", "--ground", "Art. 17(1)(d)", "--yes"],
        vec!["subject", "replay"],
        vec!["customers", "import", "customers.csv"],
        vec!["customers", "import", "fewer.csv", "--replace", "--allow-shrink"],
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
    let in_state = |state: &str, nth: usize| {
        let list = shell.run(&["--json", "deliveries", "list", "CHG-1", "--limit", "2", "--state", state]).ok().json();
        list["deliveries"][nth]["id"].as_str().unwrap_or_else(|| panic!("none is {state}")).to_owned()
    };
    let (delivery, rejected) = (in_state("accepted", 0), in_state("rejected", 0));
    let uncertain = [in_state("uncertain", 0), in_state("uncertain", 1)];
    let hold = shell.run(&["--json", "hold", "add", "--notice", "CHG-1", "--reason", "audit"]).ok().json();
    let hold = hold["id"].as_str().unwrap();
    let mut conn = planner(engine, &url, statistics).await;
    // An import compares its file in temporary tables.
    imports::begin(&mut conn).await.unwrap();
    let changes = changes(&rejected, uncertain.each_ref().map(String::as_str), hold);
    let (mut wrong, mut by_account, mut all) = (Vec::new(), 0, BTreeSet::new());
    for command in commands(&delivery).into_iter().chain(changes) {
        if command == ["subject", "replay"] {
            // As in an older copy: the journal of this node has what it lacks.
            conn.execute("DELETE FROM tombstones").await.unwrap();
        }
        // A hold on nobody is refused, and what is sent again by itself is asked about.
        let codes: &[i32] = match command[..] {
            ["hold", ..] | ["deliveries", _, "resend", ..] | ["deliveries", "resend", ..] => &[0, 1, 2],
            ["subject" | "customers" | "ledger" | "evidence", ..] | ["deliveries", _, "settle", ..] => &[0],
            _ => &[0, 1],
        };
        for statement in asked(&shell, &command, codes) {
            let plan = plan(engine, &mut conn, &statement).await;
            let whole = read_beyond_a_page(&statement, &plan);
            if !whole.is_empty() && !WHOLE.iter().any(|text| statement.contains(text)) {
                wrong.push(format!("{whole:?} with {command:?} in: {statement}\n{}\n", plan.join("\n")));
            }
            if statement.contains("CROSS JOIN contacts k") {
                let goes = plan
                    .iter()
                    .any(|line| line.contains("SEARCH k USING") || line.contains("contacts_pkey on contacts k"));
                assert!(goes, "the file's contacts are found by account:\n{}", plan.join("\n"));
            }
            if statement.contains("d.notice_id = $1 AND d.account_id = $2") {
                let goes = plan.iter().any(|line| line.contains("deliveries_by_account"));
                assert!(goes, "a customer's deliveries are found by account:\n{statement}\n{}", plan.join("\n"));
                by_account += 1;
            }
            all.insert(statement);
        }
    }
    for text in ["INTO changed_contacts", "UPDATE attestations", "FROM rectifications", "UNION SELECT subject"] {
        assert!(all.iter().any(|statement| statement.contains(text)), "`{text}` is among {all:#?}");
    }
    assert!(by_account >= 3, "`informed` was asked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
