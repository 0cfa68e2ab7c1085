//! A database file whose disk lost a page, and a PostgreSQL that can and cannot notice that.

use std::os::unix::fs::FileExt as _;

use crate::app::{CUSTOMERS, maintenance};
use crate::cli::Shell;
use crate::relay::Relay;
use crate::trouble::cluster::Cluster;

const PAGE: u64 = 4096;

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_page_of_the_file_is_named_by_doctor_and_by_the_audit() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    let rows: String = (0..400).map(|n| format!("K{n},Kund {n},a{n}@d{n}.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let whole = shell.run(&["doctor"]).ok();
    assert!(whole.out.contains("quick_check"), "{}", whole.out);
    shell.run(&["ledger", "audit"]).ok();

    let path = shell.directory.path().join("var/besked.db");
    let kept = std::fs::read(&path).unwrap();
    let pages = kept.len() as u64 / PAGE;
    assert!(pages > 100, "{pages}");
    for nth in 1..12 {
        let page = nth * pages / 12;
        std::fs::write(&path, &kept).unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&[0; PAGE as usize], page * PAGE).unwrap();
        drop(file);
        let doctor = shell.run(&["doctor"]);
        let audit = shell.run(&["ledger", "audit"]);
        assert_eq!((doctor.code, audit.code), (1, 1), "page {page} of {pages}: {}{}", doctor.out, audit.err);
        for said in [&doctor.out, &(audit.out + &audit.err)] {
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(said.contains("is damaged: ") && said.contains("restore it from a backup"), "page {page}: {said}");
        }
    }
}

#[test]
fn a_file_that_is_no_database_is_to_be_restored() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.write("var/besked.db", &"x".repeat(8192));
    for command in [["ledger", "audit"].as_slice(), &["customers", "list"], &["notice", "list"]] {
        shell.run(command).fails(1, &["restore it from a backup"]);
    }
    assert!(shell.run(&["doctor"]).out.contains("restore it"), "doctor too");
}

#[test]
fn doctor_says_whether_a_server_would_notice_damage() {
    let cluster = Cluster::start();
    let shell = Shell::new().database(&cluster.url());
    shell.run(&["init"]).ok();
    let said = shell.run(&["doctor"]).out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("data checksums are off") && said.contains("pg_checksums --enable"), "{said}");
    assert!(said.contains("amcheck"), "{said}");
}
