//! What an escalation asks of the database: it reads the customers that something happened to, and their notices by key.

use std::fs::{self, File};
use std::process::Stdio;

use rstest::rstest;

use super::{place, plan, planner, read_beyond_a_page, statements_in};
use crate::app::maintenance;
use crate::database::Engine;
use crate::postfix::eventually;
use crate::relay::{Relay, Step, on};

/// Customers of the notice: enough for a planner to think of indexes.
const CUSTOMERS: usize = 400;

/// The last statement of a whole round of work: a look past the deadline, after which nothing happens.
const LAST: &str = "UPDATE watched_notices SET seen = $2";

/// One statement of each kind that an escalation consists of.
const ASKED: [&str; 14] = [
    "SELECT notice_id, seq FROM escalation_events",
    "DELETE FROM escalation_events WHERE notice_id = $1",
    "SELECT notice_id, account_id FROM escalations WHERE due_at",
    "SELECT notice_id, seen, overdue FROM watched_notices WHERE due_at",
    "SELECT notice_id, seen, overdue FROM watched_notices WHERE notice_id",
    "SELECT account_id, state, since, due_at, turns FROM escalations",
    "INSERT INTO escalations",
    "INSERT INTO tasks",
    "UPDATE tasks SET state = 'done', done_at = $4",
    "UPDATE escalation_hold",
    "SELECT state, CAST(SUM(n) AS BIGINT) AS n FROM delivery_counts",
    "SELECT recipients, (SELECT COUNT(*) FROM attestations",
    "SELECT id, account_id, channel, witness",
    LAST,
];

#[rstest]
#[case(Engine::Sqlite, true)]
#[case(Engine::Sqlite, false)]
#[case(Engine::Postgres, true)]
#[case(Engine::Postgres, false)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_escalation_asks_reads_a_growing_table_from_end_to_end(
    #[case] engine: Engine,
    #[case] statistics: bool,
) {
    let (_database, shell, url) = place(engine).await;
    let relay = Relay::start().await;
    let shell = shell.relay(relay.address.port());
    let config = shell.directory.path().join("config/besked.toml");
    let text = fs::read_to_string(&config).unwrap();
    let rules = "[category.maintenance]\ndeadline = \"20s\"\nescalate_after = \"1s\"\nescalate_to = [\"legal\"]\n";
    assert!(text.contains("[category.maintenance]\n"), "{text}");
    fs::write(&config, text.replace("[category.maintenance]\n", rules)).unwrap();
    let role = |n: usize| if n.is_multiple_of(50) { "billing" } else { "technical" };
    let rows = |n: usize| {
        let other =
            if n.is_multiple_of(7) { format!("C{n:04},Kund {n},legal{n}@d{n}.example,legal\n") } else { String::new() };
        format!("C{n:04},Kund {n},a{n}@d{n}.example,{}\n{other}", role(n))
    };
    let rows: String = (0..CUSTOMERS).map(rows).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email,role\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    relay.add(on(Step::Rcpt).when("1@").reply("550 5.1.1 no such user\r\n"));
    relay.add(on(Step::Rcpt).when("3@").reply("451 4.3.0 try later\r\n"));
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let log = shell.directory.path().join("log");
    let mut dispatch = shell.command(&["dispatch"]);
    dispatch.env("BESKED_LOG", "sqlx::query=debug").env("BESKED_LOG_FORMAT", "json");
    let mut running = dispatch.stderr(Stdio::from(File::create(&log).unwrap())).spawn().unwrap();
    let read = log.clone();
    tokio::task::spawn_blocking(move || {
        // The second of these looks is the one past the deadline.
        eventually("the deadline is looked at", || fs::read_to_string(&read).unwrap().matches(LAST).count() > 1);
        running.kill().unwrap();
        running.wait().unwrap();
    })
    .await
    .unwrap();
    let statements = statements_in(&fs::read_to_string(&log).unwrap());
    for text in ASKED {
        assert!(
            statements.iter().any(|statement| statement.starts_with(text)),
            "{text} was not asked: {statements:#?}"
        );
    }
    let mut conn = planner(engine, &url, statistics).await;
    for statement in &statements {
        if !ASKED.iter().any(|text| statement.starts_with(text)) {
            continue;
        }
        let plan = plan(engine, &mut conn, statement).await;
        let whole = read_beyond_a_page(statement, &plan);
        assert!(whole.is_empty(), "{statement}\nreads {whole:?} from end to end:\n{}", plan.join("\n"));
    }
}
