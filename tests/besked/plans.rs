//! Query plans: what a dispatcher asks of the database while it sends costs the same however long the queue and the history.
//!
//! The statements are not repeated here: a real dispatcher tells them in its log, and the engine is asked how it carries
//! them out.

mod commands;
mod escalation;
mod matters;
mod retention;
mod search;
mod standing;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::Arc;

use rstest::rstest;
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};

use crate::app::maintenance;
use crate::cli::Shell;
use crate::database::{Database, Engine};
use crate::postfix::eventually;
use crate::relay::Relay;

/// Enough for a planner to think of indexes.
const CUSTOMERS: usize = 2_000;

/// So many of them have their address at one domain, and stand before the others: at its limit there is a way past it.
const AT_ONE: usize = 600;

/// Messages after which the statements are known.
const ENOUGH: usize = 60;

/// Tables that grow with the queue or with history.
const GROWING: [&str; 19] = [
    "queue",
    "deliveries",
    "doubts",
    "notices",
    "attempts",
    "ledger_entries",
    "ledger_openings",
    "ledger_nodes",
    "contacts",
    "customer_words",
    "inbound",
    "reports",
    "escalations",
    "watched_notices",
    "unaddressed",
    "reminders",
    "promises",
    "series",
    "series_notices",
];

/// Indexes of what is not done yet, which do not grow with history.
const OPEN: [&str; 2] = ["notices_open", "notices_resent"];

/// Looks for what is due to other domains than those at their limit.
const PAST_A_DOMAIN: &str = "WITH RECURSIVE d (domain, n)";

/// Looks for the first few that wait.
const FIRST_OF_THE_QUEUE: &str = "SELECT delivery_id FROM queue";

/// Look once an hour for what retention has ended for, and may take their time.
const HOURLY: [&str; 4] = [
    "SELECT n.id, n.category, n.reference, n.released_at",
    "SELECT n.id FROM notices n WHERE",
    "SELECT c.account_id FROM customers c WHERE c.status = 'left'",
    "SELECT d.notice_id, COUNT(*) AS n FROM deliveries d",
];

/// All statements of a dispatcher that sends for a while over a database, which `shell` is to have.
async fn statements(shell: Shell) -> (Shell, BTreeSet<String>) {
    let relay = Arc::new(Relay::start().await);
    let shell = shell.relay(relay.address.port());
    let domain = |n| if n < AT_ONE { "first.example".to_owned() } else { format!("d{}.example", n % 500) };
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n:04},Kund {n},a{n}@{}\n", domain(n))).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let log = shell.directory.path().join("log");
    let mut statements = BTreeSet::new();
    // One that is to end when nothing waits asks in each round whether something does.
    for arguments in [&["dispatch"][..], &["dispatch", "--until-idle"]] {
        let mut dispatch = shell.command(arguments);
        dispatch.env("BESKED_LOG", "sqlx::query=debug").env("BESKED_LOG_FORMAT", "json");
        dispatch.env("BESKED__LIMITS__DOMAIN_CONNECTIONS", "1");
        let mut running = dispatch.stderr(Stdio::from(std::fs::File::create(&log).unwrap())).spawn().unwrap();
        let (relay, enough) = (relay.clone(), relay.received().len() + ENOUGH);
        tokio::task::spawn_blocking(move || {
            eventually("some messages are sent", || relay.received().len() >= enough);
            running.kill().unwrap();
            running.wait().unwrap();
        })
        .await
        .unwrap();
        statements.extend(statements_in(&std::fs::read_to_string(&log).unwrap()));
    }
    (shell, statements)
}

/// A working directory whose database is empty, and the address of the database, which lives as long as the first value.
async fn place(engine: Engine) -> (Database, Shell, String) {
    let database = Database::new(engine).await;
    let shell = Shell::new();
    match engine {
        Engine::Sqlite => {
            let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
            (database, shell, url)
        }
        Engine::Postgres => {
            let url = database.url.clone();
            let shell = shell.database(&url);
            (database, shell, url)
        }
    }
}

/// A connection that plans for any values, as for a statement that runs often, with statistics or without.
async fn planner(engine: Engine, url: &str, statistics: bool) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let mut conn = AnyConnection::connect(url).await.unwrap();
    if engine == Engine::Postgres {
        conn.execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
        // Some rows are read whole for good reasons: what counts is whether there is a way that stays short.
        conn.execute("SET enable_seqscan = off").await.unwrap();
    }
    if statistics {
        conn.execute("ANALYZE").await.unwrap();
    }
    conn
}

/// The statements of a command, which exits with one of these codes.
fn asked(shell: &Shell, command: &[&str], codes: &[i32]) -> BTreeSet<String> {
    let mut command_line = shell.command(command);
    let ran = command_line.env("BESKED_LOG", "sqlx::query=debug").env("BESKED_LOG_FORMAT", "json").output().unwrap();
    let log = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.code().is_some_and(|code| codes.contains(&code)), "{command:?}: {log}");
    statements_in(&log)
}

/// The statements that a log contains.
fn statements_in(log: &str) -> BTreeSet<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| {
            let fields = &line["fields"];
            let whole = fields["db.statement"].as_str().filter(|text| !text.is_empty());
            Some(whole.or(fields["summary"].as_str())?.trim().to_owned())
        })
        .flat_map(|text| text.split("; ").map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// How the engine carries a statement out, a line for each step; nothing for what has no plan.
async fn plan(engine: Engine, conn: &mut AnyConnection, statement: &str) -> Vec<String> {
    let verb = statement.split_whitespace().next().unwrap_or_default();
    if !["SELECT", "UPDATE", "DELETE", "INSERT", "WITH"].contains(&verb) {
        return Vec::new();
    }
    match engine {
        Engine::Sqlite => {
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let rows = sqlx::query(AssertSqlSafe(explain)).fetch_all(conn).await;
            rows.unwrap_or_else(|error| panic!("{statement}: {error}")).iter().map(|row| row.get(3)).collect()
        }
        Engine::Postgres => {
            let parameters = (1..20).take_while(|n| statement.contains(&format!("${n}"))).count();
            let nulls = vec!["NULL"; parameters].join(", ");
            let arguments = if parameters == 0 { String::new() } else { format!("({nulls})") };
            prepare(conn, statement, parameters).await;
            let explain = format!("EXPLAIN EXECUTE asked{arguments}");
            let rows = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_all(&mut *conn).await.unwrap();
            conn.execute("DEALLOCATE asked").await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }
}

/// Prepares a statement as `asked`. The driver names the type of each parameter; here a type is named only if the server cannot
/// infer it, first text and then a number.
async fn prepare(conn: &mut AnyConnection, statement: &str, parameters: usize) {
    let mut types = vec!["unknown"; parameters];
    for _ in 0..=2 * parameters {
        let list = if parameters == 0 { String::new() } else { format!("({})", types.join(", ")) };
        let done = conn.execute(AssertSqlSafe(format!("PREPARE asked{list} AS {statement}"))).await;
        let Err(error) = done else { return };
        let error = error.to_string();
        let unknown = (0..parameters).find(|n| error.contains(&format!("parameter ${}", n + 1)));
        let text = types.iter().position(|it| *it == "text").filter(|_| error.contains("operator does not exist"));
        // What is added is a number.
        let added = (0..parameters).find(|n| types[*n] == "unknown" && statement.contains(&format!("${} + $", n + 1)));
        match (unknown, text, added.filter(|_| error.contains("operator is not unique"))) {
            (_, _, Some(n)) => types[n] = "bigint",
            (Some(n), ..) => types[n] = "text",
            (None, Some(n), _) => types[n] = "bigint",
            _ => panic!("{statement}: {error}"),
        }
    }
    panic!("{statement}: no types of its parameters fit");
}

/// The names that a statement gives a table, and the table's own.
fn names<'a>(statement: &'a str, table: &'a str) -> BTreeSet<&'a str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let behind = statement.match_indices(table).filter_map(|(at, _)| {
        let (before, rest) = (&statement[..at], &statement[at + table.len()..]);
        let alias = rest.strip_prefix(' ').unwrap_or_default().trim_start_matches("AS ");
        let name = &alias[..alias.find(|c| !is_word(c)).unwrap_or(alias.len())];
        let is_alias = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase());
        (is_alias && before.ends_with(' ')).then_some(name)
    });
    behind.chain([table]).collect()
}

/// The growing tables that a statement reads from end to end.
fn read_whole(statement: &str, plan: &[String]) -> BTreeSet<&'static str> {
    let scans = |line: &String, table: &str| {
        let words: Vec<&str> = line.split([' ', '(']).collect();
        if words.iter().any(|word| OPEN.contains(word)) {
            return false;
        }
        let names = names(statement, table);
        words.windows(2).any(|two| two[0] == "SCAN" && names.contains(two[1]))
            || words.windows(4).any(|four| four[..3] == ["Seq", "Scan", "on"] && four[3] == table)
    };
    GROWING.into_iter().filter(|table| plan.iter().any(|line| scans(line, table))).collect()
}

/// The growing tables that a statement reads from end to end. A page in the order of a key stops when it is full.
fn read_beyond_a_page(statement: &str, plan: &[String]) -> BTreeSet<&'static str> {
    let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE") || line.contains("Sort"));
    if statement.contains("LIMIT") && !sorts { BTreeSet::new() } else { read_whole(statement, plan) }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_dispatcher_asks_while_it_sends_reads_a_growing_table_from_end_to_end(#[case] engine: Engine) {
    let (_database, shell, url) = place(engine).await;
    let (_shell, statements) = statements(shell).await;
    let mut conn = planner(engine, &url, engine == Engine::Postgres).await;
    let was_asked = |text: &str| statements.iter().any(|statement| statement.contains(text));
    for text in [
        "UPDATE deliveries SET state",
        "DELETE FROM queue",
        if engine == Engine::Sqlite { "INSERT INTO ledger_entries" } else { "WITH taken AS (" },
        "INSERT INTO ledger_openings",
        PAST_A_DOMAIN,
        FIRST_OF_THE_QUEUE,
    ] {
        assert!(was_asked(text), "`{text}` is among what was asked: {statements:#?}");
    }
    let mut wrong = Vec::new();
    for statement in &statements {
        let plan = plan(engine, &mut conn, statement).await;
        let whole = read_whole(statement, &plan);
        if statement.starts_with(PAST_A_DOMAIN) {
            let goes = plan.iter().filter(|line| line.contains("queue")).all(|line| line.contains("queue_by_domain"));
            assert!(goes, "it goes from domain to domain by their index:\n{}", plan.join("\n"));
        }
        if statement.starts_with(FIRST_OF_THE_QUEUE) {
            let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE") || line.contains("Sort"));
            assert!(!sorts, "all that waits is put in order to find the first:\n{statement}\n{}", plan.join("\n"));
        }
        if !whole.is_empty() && !HOURLY.iter().any(|hourly| statement.starts_with(hourly)) {
            wrong.push(format!("{whole:?} in: {statement}\n{}\n", plan.join("\n")));
        }
    }
    println!("{} statements of a dispatcher looked at on {engine:?}", statements.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A notice to a few of many customers reads the few.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_audience_is_found_without_reading_those_who_are_not_in_it(#[case] engine: Engine) {
    let (_database, shell, url) = place(engine).await;
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n:04},Kund {n},a{n}@d.example,z{}\n", n % 500)).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email,attr.zone\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let some: Vec<String> = (0..40).map(|n| format!("\"z{n}\"")).collect();
    let following = maintenance("").replace("[audience]\n", "").replace("reference = ", "follows = ");
    let to = |audience: &str| maintenance(audience).replace("CHG-1", "CHG-2");
    let mut statements = BTreeSet::new();
    for text in [
        to("attributes = { zone = [\"z7\", \"z9\"] }"),
        to(&format!("attributes = {{ zone = [{}] }}", some.join(", "))),
        to("customers = [\"C0007\", \"C0009\"]"),
        following,
    ] {
        shell.write("notice.md", &text);
        statements.extend(asked(&shell, &["notice", "check", "notice.md"], &[0]));
    }
    let mut conn = planner(engine, &url, engine == Engine::Postgres).await;
    // Lists that were handed in, and what comes of them.
    let small =
        |line: &str| ["json", "found", "VIRTUAL", "CONSTANT", "(subquery", "v "].iter().any(|it| line.contains(it));
    let audience = |statement: &str| {
        ["customer_attributes", "contacts", "FROM deliveries"].iter().any(|it| statement.contains(it))
    };
    let mut looked_at = 0;
    for statement in statements.iter().filter(|it| audience(it)) {
        let plan = plan(engine, &mut conn, statement).await;
        let scans = plan.iter().filter(|line| line.starts_with("SCAN ") || line.contains("Seq Scan on"));
        assert_eq!(scans.filter(|line| !small(line)).count(), 0, "{statement}\n{}", plan.join("\n"));
        looked_at += 1;
    }
    assert!(looked_at >= 6, "{statements:#?}");
}

/// Statements about one address or one page of a list.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn commands_about_an_address_or_a_page_read_no_table_from_end_to_end(#[case] engine: Engine) {
    let (_database, shell, url) = place(engine).await;
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n:04},Kund {n},a{n}@d.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let mut statements = BTreeSet::new();
    for arguments in [
        &["preferences", "set", "A7@d.example", "--opt-out", "news"][..],
        &["preferences", "show", "a7@d.example"],
        &["suppressions", "add", "a7@d.example", "--reason", "dead"],
        &["suppressions", "list"],
        &["suppressions", "remove", "a7@d.example"],
        &["customers", "list"],
        &["customers", "show", "C0007"],
        &["subject", "restrict", "a7@d.example"],
    ] {
        statements.extend(asked(&shell, arguments, &[0]));
    }
    let mut conn = planner(engine, &url, engine == Engine::Postgres).await;
    let tables = ["contacts", "preferences", "suppressions", "ledger_openings", "deliveries", "reads"];
    let mut looked_at = 0;
    for statement in statements.iter().filter(|it| it.contains("email_key") || it.contains("subject")) {
        let plan = plan(engine, &mut conn, statement).await;
        let scans = |line: &&String| {
            tables.iter().any(|table| {
                line.starts_with(&format!("SCAN {table}")) && !line.contains("INDEX")
                    || line.contains(&format!("Seq Scan on {table}"))
            })
        };
        assert_eq!(plan.iter().filter(scans).count(), 0, "{statement}\n{}", plan.join("\n"));
        looked_at += 1;
    }
    assert!(looked_at >= 8, "{looked_at} of {statements:#?}");
}
