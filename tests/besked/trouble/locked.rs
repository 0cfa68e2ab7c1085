//! A database that another process has locked for longer than anybody waits: every command says the same, and what to do.

use std::thread;

use rstest::rstest;
use sqlx::{Connection as _, Executor as _};

use crate::app::maintenance;
use crate::cli::{Shell, ran};
use crate::database::{Database, Engine};

const WHY: &str = "the database is locked by another process: it was not free within 10 s";
const WHAT_TO_DO: &str = "hint: an import, a backup or a database client such as `sqlite3` may hold it";

#[rstest]
#[case(Engine::Sqlite, "BEGIN IMMEDIATE")]
#[case(Engine::Postgres, "BEGIN; LOCK TABLE ledger_head, notices, suppressions, holds IN ACCESS EXCLUSIVE MODE")]
#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_the_same_of_a_locked_database(#[case] engine: Engine, #[case] lock: &'static str) {
    let database = Database::new(engine).await;
    let shell = Shell::new();
    let (shell, url) = match engine {
        Engine::Sqlite => {
            let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
            (shell, url)
        }
        Engine::Postgres => (shell.database(&database.url), database.url.clone()),
    };
    shell.write("customers.csv", "account_id,customer_name,email\nC1,Ett AB,a@x.example\n");
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let mut other = sqlx::AnyConnection::connect(&url).await.unwrap();
    other.execute(lock).await.unwrap();
    let commands: [&[&str]; 4] = [
        &["notice", "create", "notice.md"],
        &["suppressions", "add", "a@x.example", "--reason", "dead"],
        &["hold", "add", "--account", "C1", "--reason", "lawsuit"],
        &["subject", "erase", "a@x.example", "--ground", "Art. 17(1)(d)", "--yes"],
    ];
    thread::scope(|scope| {
        let running = commands.map(|arguments| {
            let mut command = shell.command(arguments);
            (arguments, scope.spawn(move || ran(command.output().unwrap())))
        });
        for (arguments, running) in running {
            println!("{arguments:?}");
            running.join().unwrap().fails(75, &[WHY, WHAT_TO_DO]);
        }
    });
    other.execute("ROLLBACK").await.unwrap();
    shell.run(&["notice", "create", "notice.md"]).ok();
}
