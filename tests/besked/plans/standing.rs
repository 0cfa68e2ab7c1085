//! What adding recipients to a standing notice asks of the database: the same however many it has.

use rstest::rstest;

use super::{asked, place, plan, planner};
use crate::database::Engine;
use crate::standing::INVOICES;

/// Tables with a row for each recipient of a notice.
const EACH: [&str; 4] = ["notice_rows", "deliveries", "queue", "recipient_nodes"];

#[rstest]
#[case(Engine::Sqlite, false)]
#[case(Engine::Sqlite, true)]
#[case(Engine::Postgres, true)]
#[tokio::test(flavor = "multi_thread")]
async fn recipients_are_added_without_reading_those_before_them(#[case] engine: Engine, #[case] statistics: bool) {
    let (_database, shell, url) = place(engine).await;
    let customers: String = (0..300).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example,billing\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email,role\n{customers}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", INVOICES);
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let rows: String = (0..300).map(|n| format!("C{n},{n},F-{n},1.00\n")).collect();
    shell.write("rows.csv", &format!("account_id,key,invoice,amount\n{rows}"));
    // The second time each row is found again by its key.
    let add = ["notice", "add", "INV-2026", "--rows", "rows.csv"];
    let statements = [asked(&shell, &add, &[0]), asked(&shell, &add, &[0])];
    let mut conn = planner(engine, &url, statistics).await;
    let (mut wrong, mut is_asked) = (Vec::new(), false);
    for statement in statements.into_iter().flatten() {
        is_asked |= statement.contains("notice_rows");
        let plan = plan(engine, &mut conn, &statement).await;
        let by_notice_alone = |line: &String| {
            let is_alone = line.contains("(notice_id=?)") || line.contains("Index Cond: (notice_id = $");
            let is_whole = line.starts_with("SCAN ") || line.contains("Seq Scan on ");
            is_alone || is_whole && EACH.iter().any(|table| line.contains(table))
        };
        if EACH.iter().any(|table| statement.contains(table)) && plan.iter().any(by_notice_alone) {
            wrong.push(format!("{statement}\n{}\n", plan.join("\n")));
        }
    }
    assert!(is_asked, "rows are looked for");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
