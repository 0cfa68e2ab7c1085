//! Many open matters: what waits for its time costs a dispatcher no statement, and what is due is found by its index.

use rstest::rstest;
use sqlx::Executor as _;

use super::{place, plan, planner, read_whole, statements_in};
use crate::app::maintenance;
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::Relay;

/// Matters that are added.
const MANY: usize = 500;

/// What is ahead of many matters, years from now.
const AHEAD: [&str; 4] = [
    "INSERT INTO reminders (matter_id, window_start, before_ms, notice_id, state, look_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), 4102444800000, 86400000,
       '00000000-0000-7000-8000-000000000000', 'planned', 4102358400000 + i FROM n",
    "INSERT INTO promises (matter_id, kind, due_at, notice_id, state, look_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), 'completion', 4102444800000,
       '00000000-0000-7000-8000-000000000000', 'open', 4102358400000 + i FROM n",
    "INSERT INTO series (id, notice_id, next_start, look_at)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), '00000000-0000-7000-8000-000000000000',
       4102444800000, 4102358400000 + i FROM n",
    "INSERT INTO series_notices (notice_id, series_id, window_start)
     WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT),
       '00000000-0000-7000-8000-' || CAST(100000000000 + i AS TEXT), 4102444800000 FROM n",
];

/// The log of a dispatcher that finds nothing to do.
fn idle(shell: &Shell) -> String {
    let mut dispatch = shell.command(&["dispatch", "--until-idle"]);
    dispatch.env("BESKED_LOG", "sqlx::query=debug").env("BESKED_LOG_FORMAT", "json");
    let ran = dispatch.output().unwrap();
    assert!(ran.status.success());
    String::from_utf8(ran.stderr).unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_open_matters_cost_a_dispatcher_nothing(#[case] engine: Engine) {
    let (_database, shell, url) = place(engine).await;
    let relay = Relay::start().await;
    let shell = shell.relay(relay.address.port());
    shell.write("customers.csv", crate::app::CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let schedule = "[schedule]\nreminders = [\"-24h\"]\nevery = \"monthly, first Monday 22:00\"\n[fields]";
    shell.write("notice.md", &maintenance("all = true").replace("[fields]", schedule));
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).ok();
    let before = idle(&shell).lines().count();
    let mut conn = planner(engine, &url, false).await;
    for statement in AHEAD {
        assert_eq!(conn.execute(statement).await.unwrap().rows_affected(), MANY as u64);
    }
    conn.execute("ANALYZE").await.unwrap();
    let log = idle(&shell);
    let after = log.lines().count();
    assert!(after < before + MANY / 5, "{before} lines before, {after} after");
    let statements = statements_in(&log);
    for table in ["FROM reminders", "FROM promises", "FROM series"] {
        assert!(statements.iter().any(|statement| statement.contains(table)), "{table} was asked");
    }
    for statement in &statements {
        let plan = plan(engine, &mut conn, statement).await;
        let whole: Vec<_> = read_whole(statement, &plan)
            .into_iter()
            .filter(|table| ["reminders", "promises", "series", "series_notices"].contains(table))
            .collect();
        assert!(whole.is_empty(), "{whole:?} in: {statement}\n{}", plan.join("\n"));
    }
}
