//! Imports beside everything else: whoever sends or releases waits for what changes, not for the file.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use besked::app::App;
use besked::domain::delivery::State;
use besked::notices::Release;
use besked::people::import::{ImportError, ImportOptions, Imported, import};
use besked::store::Store;
use rstest::rstest;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};
use tokio::task::JoinHandle;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::cli::{Shell, ran};
use crate::database::Engine;

/// More than are handed over at once.
const MANY: usize = 5_000;

fn file(rows: impl Iterator<Item = String>) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"account_id,customer_name,email\n").unwrap();
    rows.for_each(|row| file.write_all(row.as_bytes()).unwrap());
    file
}

fn many() -> tempfile::NamedTempFile {
    file((0..MANY).map(|n| format!("K{n:05},Kund {n},k{n}@d{n}.example\n")))
}

/// Work that stands still in its midst until it is let go on.
struct Midst {
    reached: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Midst {
    /// The midst, what tells that it is reached, and what lets the work go on.
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let ((reached, at), (go, go_on)) = (channel(), channel());
        (Self { reached, go_on: Mutex::new(go_on) }, at, go)
    }

    fn stand(&self) {
        if self.reached.send(()).is_ok() {
            // Whoever has gone lets it go on. What else this thread has to do is done by another one.
            let _ = tokio::task::block_in_place(|| self.go_on.lock().unwrap().recv());
        }
    }
}

fn importing(
    app: &App,
    file: tempfile::NamedTempFile,
    progress: impl Fn(f64) + Send + Sync + 'static,
) -> JoinHandle<Result<Imported, ImportError>> {
    let (store, now, id) = (app.store.clone(), app.clock.now(), app.random.id(app.clock.now()).to_string());
    tokio::spawn(async move { import(&store, now, &id, file.path(), ImportOptions::default(), &progress).await })
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_keeps_nobody_waiting_while_it_reads_its_file(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (midst, at, go_on) = Midst::new();
    let import = importing(&app.app, many(), move |share| {
        if share > 0.5 && share < 1.0 {
            midst.stand();
        }
    });
    tokio::task::spawn_blocking(move || at.recv().unwrap()).await.unwrap();
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    app.app.ledger.seal().await.unwrap();
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into(), "it is sent, and nobody of the file is in it");
    drop(go_on);
    assert_eq!(import.await.unwrap().unwrap().customers, MANY as u64);
    assert_eq!(
        app.try_import(&std::fs::read(many().path()).unwrap(), ImportOptions::default()).await.unwrap().contacts,
        MANY as u64
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_ends_while_a_release_is_under_way(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let whole = std::fs::read_to_string(many().path()).unwrap();
    app.import(&whole).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    let (midst, at, go_on) = Midst::new();
    let mut once = Some(midst);
    let once = Mutex::new(&mut once);
    let progress = |_| {
        if let Some(midst) = once.lock().unwrap().take() {
            midst.stand();
        }
    };
    let alice = alice();
    let release = notices.release(id, &alice, Release::default(), &progress);
    let store = app.app.store.clone();
    let (now, import_id) = (app.app.clock.now(), app.app.random.id(app.app.clock.now()).to_string());
    let import = tokio::task::spawn_blocking(move || {
        at.recv().unwrap();
        let new = file(std::iter::once("NEW,Ny AB,n@ny.example\n".to_owned()));
        let options = ImportOptions::default();
        let imported =
            tokio::runtime::Handle::current().block_on(import(&store, now, &import_id, new.path(), options, &|_| {}));
        drop(go_on);
        imported
    });
    let (released, imported) = tokio::join!(release, import);
    assert_eq!(imported.unwrap().unwrap().customers, 1);
    assert_eq!(released.unwrap().recipients, MANY as u64, "it tells whom it found when it began");
}

/// What became of rows: by whom they were written last.
async fn written_by(store: &Store, table: &str) -> Vec<(String, String)> {
    let sql = format!("SELECT account_id, import_id FROM {table} ORDER BY account_id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *store.read().await.unwrap()).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_it_was_is_not_written_again(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let store = &app.app.store;
    let tables = ["customers", "customer_attributes", "contacts"];
    let mut before = Vec::new();
    for table in tables {
        before.push(written_by(store, table).await);
    }
    // A row before all others moves them all by a line.
    let (header, rows) = CUSTOMERS.split_once('\n').unwrap();
    app.import(&format!("{header}\nC0,Noll AB,noll@noll.example,,service,,,sto1\n{rows}")).await;
    for (table, before) in tables.into_iter().zip(before) {
        let after = written_by(store, table).await;
        assert_eq!(after[1..], before, "{table}");
        assert_eq!(after[0].0, "C0");
    }
}

/// Each of them is whole: what one of them compared is not what it finds when it writes.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_imports_at_once_one_comes_after_the_other(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    for round in 0..4 {
        let rows = |domain: &str, name: &str| {
            file(
                (0..300)
                    .map(|n| format!("K{n},{name} {round},k{n}-{round}@{domain}.example\n"))
                    .collect::<Vec<_>>()
                    .into_iter(),
            )
        };
        let imports = [rows("one", "Ett"), rows("two", "Two")].map(|file| importing(&app.app, file, |_| {}));
        for import in imports {
            import.await.unwrap().unwrap();
        }
        let sql = "SELECT COUNT(DISTINCT substr(k.email, length(k.email) - 10) || substr(c.name, 1, 3)) AS files,
             COUNT(*) AS contacts FROM contacts k JOIN customers c ON c.account_id = k.account_id WHERE k.deactivated_at IS NULL";
        let row = sqlx::query(sql).fetch_one(&mut *app.app.store.read().await.unwrap()).await.unwrap();
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (1, 300), "round {round}");
    }
}

#[tokio::test]
async fn a_directory_for_temporary_files_that_is_not_there_is_told() {
    let shell = Shell::new();
    let rows: String = (0..80_000).map(|n| format!("K{n:05},K,k@d.example\n")).collect();
    shell.write("many.csv", &format!("account_id,customer_name,email\n{rows}"));
    let nowhere = |arguments: &[&str]| ran(shell.command(arguments).env("TMPDIR", "/nowhere").output().unwrap());
    nowhere(&["customers", "import", "many.csv", "--dry-run"]).fails(1, &["temporary files", "hint: `TMPDIR`"]);
    let some: String = rows.lines().take(MANY).map(|line| format!("{line}\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{some}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let told = ["temporary file", "hint: do not send it again", "`TMPDIR` names another"];
    nowhere(&["notice", "send", "notice.md", "--yes"]).fails(1, &told);
    let list = shell.run(&["--json", "notice", "list"]).ok().json();
    assert_eq!(list["notices"][0]["state"].as_str(), Some("releasing"), "it is taken up again: {list}");
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    sqlx::any::install_default_drivers();
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    conn.execute("UPDATE notices SET release_until = 0").await.unwrap();
    let id = list["notices"][0]["id"].as_str().unwrap();
    shell.run(&["notice", "release", id]).ok();
}
