//! The search for customers reads a part of an index, however many customers there are.

use std::collections::BTreeSet;

use rstest::rstest;

use super::{asked, place, plan, planner};
use crate::database::Engine;

/// Enough for a planner to think of indexes.
const CUSTOMERS: usize = 3_000;

#[rstest]
#[case(Engine::Sqlite, false)]
#[case(Engine::Sqlite, true)]
#[case(Engine::Postgres, false)]
#[case(Engine::Postgres, true)]
#[tokio::test(flavor = "multi_thread")]
async fn the_search_for_customers_reads_no_table_from_end_to_end(#[case] engine: Engine, #[case] statistics: bool) {
    let (_database, shell, url) = place(engine).await;
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n:04},Kund Nr{n} AB,a{n}@d.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let mut statements = BTreeSet::new();
    for text in ["nr7", "c00", "kund nr12 ab", "a17@d", "a17@d.example", "nobody"] {
        let list = ["--json", "customers", "list", "--search", text, "--limit", "2"];
        statements.extend(asked(&shell, &list, &[0]));
        let next = shell.run(&list).ok().json()["next"].as_str().map(str::to_owned);
        if let Some(next) = next {
            statements.extend(asked(&shell, &[&list[..], &["--after", &next]].concat(), &[0]));
        }
    }
    let mut conn = planner(engine, &url, statistics).await;
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    let tables = ["customers", "customer_words", "contacts"];
    for statement in statements.iter().filter(|it| tables.iter().any(|table| it.contains(table))) {
        let plan = plan(engine, &mut conn, statement).await;
        // What was read before: a page, and the list of its accounts.
        let small = |line: &str| {
            ["page", "json", "first", "VIRTUAL", "CONSTANT", "(subquery"].iter().any(|it| line.contains(it))
        };
        let scans = |line: &&String| line.starts_with("SCAN ") || line.contains("Seq Scan on");
        if plan.iter().filter(scans).any(|line| !small(line)) {
            wrong.push(format!("{statement}\n{}\n", plan.join("\n")));
        }
        // The page is in the order of the index: nothing but the few rows of it is sorted.
        let sorts = plan.iter().filter(|line| line.contains("TEMP B-TREE FOR ORDER BY")).count();
        if sorts > 0 && statement.contains("customer_words") {
            wrong.push(format!("sorts: {statement}\n{}\n", plan.join("\n")));
        }
        looked_at += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(looked_at >= 7, "{looked_at} of {statements:#?}");
}
