//! A database file whose disk lost a page, and a PostgreSQL that can and cannot notice that.

use std::os::unix::fs::FileExt as _;

use besked::domain::coverage::Verdict;
use besked::domain::delivery::damaged_message;
use besked::ledger::report::Words;
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, address, alice, maintenance};
use crate::audit::tamper;
use crate::cli::Shell;
use crate::database::Engine;
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

/// Whether a customer was informed rests on the entries: one damaged text hides neither that nor the other texts, and is not shown.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn one_damaged_message_hides_no_answer(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import("account_id,customer_name,email\nC1,Ett,a@ett.example\nC1,Ett,b@ett.example\n").await;
    let notice = maintenance("all = true").replace("category", "subject = \"For {{ customer.name }}\"\ncategory");
    let id = app.release(&notice).await;
    app.run_until_idle().await;
    app.app.ledger.checkpoint().await.unwrap();
    let whole = app.informed("C1", id).await;
    let first = whole.notices[0].deliveries[0].id;
    tamper(&app, &[&format!("UPDATE ledger_openings SET mould_values = fact WHERE delivery_id = '{first}'")]).await;

    let answer = app.informed("C1", id).await;
    assert_eq!((answer.verdict, answer.notices[0].subject.as_str()), (Verdict::Informed, "For Ett"));
    let damaged: Vec<bool> = answer.notices[0].deliveries.iter().map(|it| it.text_damaged).collect();
    assert_eq!(damaged, [true, false]);
    let sentence = damaged_message(first);
    assert!(sentence.contains(&first.to_string()) && sentence.contains("`besked ledger audit`"), "{sentence}");
    let [a, b] = ["a@ett.example", "b@ett.example"].map(address);
    let mut texts = Vec::new();
    for person in [a, b] {
        let exported = app.app.subjects.export(&alice(), &person).await.unwrap();
        let it = &exported.record.deliveries[0];
        let is_damaged = it.message_damaged.as_ref() == Some(&sentence);
        texts.push((it.message.is_some(), is_damaged));
    }
    assert!(texts.contains(&(true, false)) && texts.contains(&(false, true)), "{texts:?}");
    let refused = app.app.deliveries.message(&alice(), first).await.unwrap_err().to_string();
    assert!(refused.contains("inconsistent data"), "{refused}");
    let mut conn = app.app.context.store.read().await.unwrap();
    let words = Words::of(&mut conn, &app.notice(id).await, Some("C1")).await.unwrap();
    let shown: Vec<bool> = words.iter().map(|it| it.text == sentence).collect();
    assert_eq!(shown, [true, false]);
}
