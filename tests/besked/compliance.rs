//! A compliance officer's day: send, export, verify elsewhere, notice a changed byte, erase somebody, restore yesterday's copy.

use std::process::Command;

use crate::app::maintenance;
use crate::cli::Shell;
use crate::postfix::sample_customers;
use crate::relay::{Act, Relay};

/// Runs the real `sqlite3`.
fn sqlite3(shell: &Shell, sql: &str) -> String {
    let database = shell.directory.path().join("var/besked.db");
    let ran = Command::new("sqlite3").arg(database).arg(sql).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compliance_officer_proves_audits_erases_and_restores() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.run(&["customers", "import", &sample_customers().display().to_string()]).ok();
    let everybody = maintenance("all = true");
    shell.write("one.md", &everybody);
    shell.write("two.md", &everybody.replace("CHG-1", "CHG-2"));
    relay.on("RCPT", 1, Act::Reply("550 5.1.1 no such mailbox\r\n"));
    shell.run(&["notice", "send", "one.md", "--wait", "--yes"]).fails(1, &["1 delivery was refused for good"]);
    shell.run(&["notice", "send", "two.md", "--wait", "--yes"]).ok();
    let status = shell.run(&["--json", "ledger", "status"]).ok().json();
    // The import, and for each notice: created, submitted, released, its manifest, an entry for each of a thousand recipients, its end.
    assert_eq!((status["size"].as_u64(), status["pending"].as_u64()), (Some(2011), Some(0)), "{status}");

    let account = ["--notice", "CHG-1", "--account", "C100007"];
    let files = ["-o", "evidence.json", "--pdf", "evidence.pdf", "--with-message"];
    shell.run(&[&["evidence", "export"], account.as_slice(), files.as_slice()].concat()).ok();
    let pdf = std::fs::read(shell.directory.path().join("evidence.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
    let vkey = shell.run(&["ledger", "vkey"]).ok().out;

    // Elsewhere: no configuration, no database.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(shell.directory.path().join("evidence.json"), elsewhere.path().join("evidence.json")).unwrap();
    let verify = |file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        command.args(["--json", "verify", file, "--key", vkey.trim()]).current_dir(elsewhere.path());
        let ran = command.output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
        (ran.status.code().unwrap(), said)
    };
    let (code, said) = verify("evidence.json");
    assert_eq!((code, said["verdict"].as_str()), (0, Some("valid")), "{said}");
    let events: Vec<_> = said["entries"].as_array().unwrap().iter().map(|it| it["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["operated", "operated", "manifest", "operated", "accepted", "closed"]);
    let entry = |n: usize, what: &str| said["entries"][n][what].as_str().unwrap();
    assert!(entry(4, "proves").contains("customer C100007") && entry(4, "does_not_prove").contains("read"));
    assert!(entry(0, "proves").contains(" wrote notice ") && entry(3, "proves").contains(" released notice "));
    let text = std::fs::read_to_string(elsewhere.path().join("evidence.json")).unwrap();
    std::fs::write(elsewhere.path().join("changed.json"), text.replacen("\"ordinal\":", "\"ordinal\":1", 1)).unwrap();
    assert_eq!(verify("changed.json").0, 1);

    shell.run(&["ledger", "audit"]).ok();
    std::fs::copy(shell.directory.path().join("var/besked.db"), shell.directory.path().join("yesterday.db")).unwrap();

    // One byte of what a server is said to have answered.
    sqlite3(&shell, "DROP TRIGGER ledger_openings_stay");
    let at = "(SELECT entry_id FROM ledger_entries WHERE idx = 500)";
    let last = sqlite3(&shell, &format!("SELECT hex(person) FROM ledger_openings WHERE entry_id = {at}"));
    let changed = format!("{}{}", &last[..last.len() - 2], if last.ends_with("41") { "42" } else { "41" });
    sqlite3(&shell, &format!("UPDATE ledger_openings SET person = X'{changed}' WHERE entry_id = {at}"));
    let audit = shell.run(&["--json", "ledger", "audit"]);
    assert_eq!((audit.code, audit.json()["first_bad"].as_u64()), (1, Some(500)), "{}", audit.out);
    sqlite3(&shell, &format!("UPDATE ledger_openings SET person = X'{last}' WHERE entry_id = {at}"));
    shell.run(&["ledger", "audit"]).ok();

    let shown = shell.run(&["--json", "customers", "show", "C100008"]).ok().json();
    let email = shown["contacts"][0]["email"].as_str().unwrap().to_owned();
    shell.run(&["subject", "export", &email, "-o", "subject.json"]).ok();
    shell.run(&["subject", "erase", &email, "--ground", "Art. 17(1)(b)", "--yes"]).ok();
    shell.run(&["subject", "export", &email]).fails(2, &["nothing is stored about"]);
    shell.run(&["ledger", "audit"]).ok();
    assert_eq!(verify("evidence.json").0, 0, "everybody else's evidence still verifies");
    shell.run(&["evidence", "export", "--notice", "CHG-2", "--account", "C100009", "-o", "other.json"]).ok();
    shell.run(&["verify", "other.json", "--key", vkey.trim()]).ok();

    // Yesterday's copy is put back.
    for name in ["besked.db", "besked.db-wal", "besked.db-shm"] {
        let path = shell.directory.path().join("var").join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::copy(shell.directory.path().join("yesterday.db"), shell.directory.path().join("var/besked.db")).unwrap();
    let status = shell.run(&["--json", "ledger", "status"]);
    assert_eq!(status.code, 1, "{}", status.out);
    assert!(status.json()["stopped"].as_str().unwrap().contains("restored from an older copy"), "{}", status.out);
    shell.run(&["dispatch", "--until-idle"]).fails(1, &["could not be sealed", "ledger continue"]);
    shell.run(&["ledger", "checkpoint"]).fails(1, &["sealing has stopped", "hint: "]);
    shell.run(&["ledger", "continue", "--reason", "disk failure; backup of yesterday"]).ok();
    shell.run(&["dispatch", "--until-idle"]).ok();
    shell.run(&["subject", "export", &email]).fails(2, &["nothing is stored about"]);
    shell.run(&["ledger", "status"]).ok();
    shell.run(&["ledger", "continue", "--reason", "again"]).fails(2, &["nothing to continue"]);
}

#[test]
fn holds_and_retention_are_printed_as_a_table() {
    let shell = Shell::new();
    shell.write("customers.csv", crate::app::CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let id = shell.run(&["--json", "hold", "add", "--account", "C1", "--reason", "lawsuit"]).ok().json();
    let id = id["id"].as_str().unwrap();
    let list = shell.run(&["hold", "list"]).ok().out;
    assert!(list.contains("customer C1") && list.contains("lawsuit") && list.contains("alice"), "{list}");
    shell
        .run(&["subject", "erase", "service@ett.example", "--ground", "Art. 17", "--yes"])
        .fails(1, &["must be kept", &format!("hold:{id}"), "hint: "]);
    shell.run(&["hold", "remove", id]).ok();
    shell.run(&["hold", "remove", id]).fails(2, &["there is no hold"]);
    let run = shell.run(&["--json", "retention", "run", "--dry-run"]).ok().json();
    assert_eq!((run["persons"].as_u64(), run["dry_run"].as_bool()), (Some(0), Some(true)));
    shell.run(&["subject", "restrict", "service@ett.example"]).ok();
    let shown = shell.run(&["customers", "show", "C1"]).ok().out;
    assert!(shown.contains("s…@ett.example") && !shown.contains("service@ett.example"), "{shown}");
    shell.run(&["subject", "export", "service@ett.example"]).ok();
    let record = shell.run(&["subject", "export", "service@ett.example"]).ok().out;
    assert!(record.contains("looked at by an operator with `subject export`"), "{record}");
    shell.run(&["subject", "erase", "service@ett.example", "--ground", "Art. 17(1)(b)", "--yes"]).ok();
    let imported = shell.run(&["--json", "customers", "import", "customers.csv"]).ok();
    assert!(
        imported.err.contains("line 2: this person was erased") && imported.err.contains("is left out"),
        "{}",
        imported.err
    );
    assert_eq!(imported.json()["erased"][0]["line"].as_u64(), Some(2));
    shell.run(&["customers", "import", "customers.csv", "--revive-erased"]).ok();
    let shown = shell.run(&["customers", "show", "C1"]).ok().out;
    assert!(shown.contains("service@ett.example"), "{shown}");
}
