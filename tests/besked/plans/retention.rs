//! What retention asks of the database, of a record whose time is over in every way.

use std::collections::BTreeSet;
use std::time::Duration;

use besked::domain::attestation::Channel;
use besked::domain::category::Category;
use besked::people::import::ImportOptions;
use rstest::rstest;

use super::{asked, plan, planner, read_beyond_a_page};
use crate::app::{NEWS, TestApp, address, alice, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::notices::AGREEMENT;
use crate::privacy::put_hold;

/// Enough for a planner to think of indexes.
const CUSTOMERS: usize = 300;

/// All that has a period, so long ago that each has ended.
async fn long_ago(engine: Engine) -> TestApp {
    let app = TestApp::starting(engine, "2010-01-04T09:00:00Z", |_| {}).await;
    let rows = |from: usize| {
        let rows = (from..CUSTOMERS).map(|n| format!("C{n:04},Kund {n},a{n}@d{}.example\n", n % 50));
        format!("account_id,customer_name,email\n{}", rows.collect::<String>())
    };
    app.import(&rows(0)).await;
    let subjects = &app.app.subjects;
    for n in 0..6 {
        let person = address(&format!("a{n}@d{n}.example"));
        subjects.object(&alice(), &person, &[Category::News], None).await.unwrap();
        subjects.restrict(&alice(), &person).await.unwrap();
        subjects.export(&alice(), &person).await.unwrap();
    }
    subjects.rectify(&alice(), &address("a7@d7.example"), &address("b7@d7.example")).await.unwrap();
    let file = "account_id,x\nC0001,one\nC0002,two\n";
    let sent = app.try_release(&app.draft(&maintenance("file = \"rows.csv\""), file)).await.unwrap();
    app.app.notices.create(&app.draft(&maintenance("file = \"rows.csv\""), file), &alice()).await.unwrap();
    app.release(NEWS).await;
    app.release(AGREEMENT).await;
    app.run_until_idle().await;
    app.attest(sent, "C0001", Channel::Phone, "by phone").await.unwrap();
    put_hold(&app, None, Some("C0299")).await;
    let options = ImportOptions { replace: true, allow_shrink: true, ..ImportOptions::default() };
    // Some leave, and of one customer the contact changes.
    let fewer = rows(40).replace("a41@d41.example", "new@d41.example");
    app.try_import(fewer.as_bytes(), options).await.unwrap();
    app.advance(Duration::from_secs(60));
    app
}

#[rstest]
#[case(Engine::Sqlite, false)]
#[case(Engine::Sqlite, true)]
#[case(Engine::Postgres, false)]
#[case(Engine::Postgres, true)]
#[tokio::test(flavor = "multi_thread")]
async fn retention_reads_no_growing_table_from_end_to_end(#[case] engine: Engine, #[case] statistics: bool) {
    let app = long_ago(engine).await;
    let url = app.app.context.config.database.url.expose();
    let shell = Shell::new().database(&url);
    let mut conn = planner(engine, &url, statistics).await;
    let (mut wrong, mut all) = (Vec::new(), BTreeSet::new());
    for command in [&["retention", "run", "--dry-run"][..], &["retention", "run"]] {
        for statement in asked(&shell, command, &[0]) {
            let plan = plan(engine, &mut conn, &statement).await;
            let whole = read_beyond_a_page(&statement, &plan);
            let of_those_who_left =
                statement.starts_with("SELECT c.account_id FROM customers c WHERE c.status = 'left'");
            if of_those_who_left && !plan.iter().any(|line| line.contains("customers_left")) {
                // A page of those who left is no page of what is read to find them.
                wrong.push(format!("all customers with {command:?} in: {statement}\n{}\n", plan.join("\n")));
            }
            if !whole.is_empty() {
                wrong.push(format!("{whole:?} with {command:?} in: {statement}\n{}\n", plan.join("\n")));
            }
            all.insert(statement);
        }
    }
    for text in [
        "FROM contacts t",
        "FROM preferences t",
        "FROM suppressions t",
        "FROM reads t",
        "FROM rectifications t",
        "DELETE FROM customers ",
        "DELETE FROM attempts ",
        "DELETE FROM notice_rows ",
        "DELETE FROM notice_steps ",
        "UPDATE attestations ",
        "UPDATE deliveries ",
        "UPDATE ledger_openings ",
        "o.event = 'operated'",
        "GROUP BY o.subject",
    ] {
        assert!(all.iter().any(|statement| statement.contains(text)), "`{text}` is among {all:#?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
