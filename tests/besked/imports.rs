//! Imports: sending and releasing wait for the differences, not for the file, and a typing error ends nobody's notices.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use besked::app::App;
use besked::domain::delivery::State;
use besked::domain::entry::Person;
use besked::notices::Release;
use besked::people::import::{Erased, ImportError, ImportOptions, Imported, Kept, REPORTED};
use besked::store::Store;
use besked::store::proof::ledger::with_words;
use rstest::rstest;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};
use tokio::task::JoinHandle;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::cli::{Shell, ran};
use crate::database::Engine;

/// More rows than are loaded at once.
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

/// Work that pauses halfway until it may go on.
struct Midst {
    reached: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Midst {
    /// The pause, the end that receives when it is reached, and the end that lets the work go on.
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let ((reached, at), (go, go_on)) = (channel(), channel());
        (Self { reached, go_on: Mutex::new(go_on) }, at, go)
    }

    fn stand(&self) {
        if self.reached.send(()).is_ok() {
            // If the other end is gone, the work goes on. Another thread takes over what this one would do.
            let _ = tokio::task::block_in_place(|| self.go_on.lock().unwrap().recv());
        }
    }
}

fn importing(
    app: &App,
    file: tempfile::NamedTempFile,
    progress: impl Fn(f64) + Send + Sync + 'static,
) -> JoinHandle<Result<Imported, ImportError>> {
    let (customers, bytes) = (app.customers.clone(), std::fs::read(file.path()).unwrap());
    let options = ImportOptions { size: Some(bytes.len() as u64), ..ImportOptions::default() };
    tokio::spawn(async move { customers.import(&alice(), bytes.as_slice(), &options, &progress).await })
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_import_delays_nobody_while_it_reads_its_file(#[case] engine: Engine) {
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
    let actor = alice();
    let release = notices.release(id, &actor, Release::default(), &progress);
    let customers = app.app.customers.clone();
    let import = tokio::task::spawn_blocking(move || {
        at.recv().unwrap();
        let new = &b"account_id,customer_name,email\nNEW,Ny AB,n@ny.example\n"[..];
        let (alice, options) = (alice(), ImportOptions::default());
        let importing = customers.import(&alice, new, &options, &|_| {});
        let imported = tokio::runtime::Handle::current().block_on(importing);
        drop(go_on);
        imported
    });
    let (released, imported) = tokio::join!(release, import);
    assert_eq!(imported.unwrap().unwrap().customers, 1);
    assert_eq!(released.unwrap().recipients, MANY as u64, "it goes to the customers that it found when it began");
}

/// The import that wrote each row last.
async fn written_by(store: &Store, table: &str) -> Vec<(String, String)> {
    let sql = format!("SELECT account_id, import_id FROM {table} ORDER BY account_id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *store.read().await.unwrap()).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_difference_are_not_written_again(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let store = &app.app.context.store;
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

/// Each import is whole, although what the second one compared has changed when it writes.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_imports_at_once_are_written_one_after_the_other(#[case] engine: Engine) {
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
        let row = sqlx::query(sql).fetch_one(&mut *app.app.context.store.read().await.unwrap()).await.unwrap();
        assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (1, 300), "round {round}");
    }
}

/// Two customers: one with two security contacts, one with a single service contact.
const TWO: &str = "account_id,customer_name,email,role,time_zone,attr.region\n\
    C1,Ett AB,anna@ett.example,security,Europe/Stockholm,sto2\n\
    C1,Ett AB,bo@ett.example,security,Europe/Stockholm,fra1\n\
    C2,Two Ltd,carol@two.example,service,Europe/London,lon1\n";

/// What is stored of a customer, contacts and attributes included.
async fn stored(app: &TestApp, account: &str) -> serde_json::Value {
    let mut shown = serde_json::to_value(app.app.customers.show(&alice(), account).await.unwrap()).unwrap();
    shown["updated_at"].take();
    shown
}

fn skipping(replace: bool) -> ImportOptions {
    ImportOptions { skip_invalid: true, allow_shrink: replace, replace, ..ImportOptions::default() }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_typing_error_in_a_row_that_is_skipped_ends_nobody_s_notices(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(TWO).await;
    let before = [stored(&app, "C1").await, stored(&app, "C2").await];
    for replace in [false, true] {
        // The zone of one contact, the address of another, and the only row of a customer.
        for (wrong, right) in [
            ("bo@ett.example,security,Europe/Stockhlom", "bo@ett.example,security,Europe/Stockholm"),
            ("bo(at)ett.example", "bo@ett.example"),
            ("carol@two.example,sevrice", "carol@two.example,service"),
        ] {
            let imported = app.try_import(TWO.replace(right, wrong).as_bytes(), skipping(replace)).await.unwrap();
            let account = if wrong.starts_with("carol") { "C2" } else { "C1" };
            let kept = Kept { customers: vec![account.to_owned()], ..Kept::default() };
            assert_eq!((imported.invalid.len(), imported.kept), (1, kept), "{wrong}");
            assert_eq!([stored(&app, "C1").await, stored(&app, "C2").await], before, "{wrong}, replace {replace}");
        }
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_other_rows_of_a_customer_with_a_skipped_row_are_imported(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(TWO).await;
    let file = "account_id,customer_name,email,role,time_zone,attr.region\n\
        C1,Ett i Umeå AB,anna@ett.example,security,Europe/Paris,sto2\nC1,Ett i Umeå AB,bo@ett.example,boss,,\n\
        C1,Ett i Umeå AB,eva@ett.example,security,,\n";
    app.try_import(file.as_bytes(), skipping(false)).await.unwrap();
    let shown = stored(&app, "C1").await;
    assert_eq!(shown["name"], "Ett i Umeå AB");
    let contacts: Vec<_> =
        shown["contacts"].as_array().unwrap().iter().map(|it| it["email"].as_str().unwrap()).collect();
    assert_eq!(contacts.len(), 3, "{contacts:?}");
    assert_eq!(shown["attributes"]["region"].as_array().unwrap().len(), 2);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_row_without_a_readable_account_keeps_everybody(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(TWO).await;
    let before = [stored(&app, "C1").await, stored(&app, "C2").await];
    for row in ["C 2,Two Ltd,carol@two.example,service,,", "C2,Two Ltd"] {
        let file = format!("{}{row}\n", &TWO[..TWO.find("C1,Ett AB,bo").unwrap()]);
        let imported = app.try_import(file.as_bytes(), skipping(true)).await.unwrap();
        assert_eq!(imported.kept, Kept { unattributed: vec![3], ..Kept::default() });
        assert_eq!([stored(&app, "C1").await, stored(&app, "C2").await], before, "{row}");
    }
}

/// Of C3, one row is of an erased person and another one was skipped: whose the name is cannot be told, so it stays.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_customer_with_a_skipped_row_keeps_its_name(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let file = format!("{CUSTOMERS}C3,Three Inc,eva@three.example,Eva,billing,en,,lon1\n");
    app.import(&file).await;
    app.erase("ap@three.example").await.unwrap();
    let mistyped = file.replace("eva@three.example", "eva@three");
    app.try_import(mistyped.as_bytes(), skipping(false)).await.unwrap();
    assert_eq!(stored(&app, "C3").await["name"], "Three Inc");
    let nobodys = file.replace("C3,Three Inc,eva@", ",Three Inc,eva@");
    app.try_import(nobodys.as_bytes(), skipping(true)).await.unwrap();
    assert_eq!(stored(&app, "C3").await["name"], "Three Inc");
    let left = file.replace("C3,Three Inc,eva@three.example,Eva,billing,en,,lon1\n", "");
    app.import(&left).await;
    assert_eq!(stored(&app, "C3").await["name"], "", "of whom only erased persons are in the file");
}

#[tokio::test]
async fn the_ledger_says_what_an_import_removed() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let last = async || {
        let entries = with_words(&mut app.app.context.store.read().await.unwrap(), "", 99).await.unwrap();
        let mut words = entries.iter().map(|it| Person::from_cbor(it.person.as_deref().unwrap()).unwrap().reply);
        words.rfind(|reply| reply.starts_with("sha256 ")).unwrap()
    };
    let without = CUSTOMERS.replace("C3,Three Inc,ap@three.example,Dave,billing,en,America/New_York,lon1\n", "");
    let nobodys = format!("{without},Three Inc,ap@three.example,Dave,billing,en,America/New_York,lon1\n");
    app.try_import(nobodys.as_bytes(), skipping(true)).await.unwrap();
    assert_eq!(stored(&app, "C3").await["status"], "active");
    assert!(last().await.ends_with("1 rows skipped, nothing was removed"), "{}", last().await);
    app.try_import(without.as_bytes(), skipping(true)).await.unwrap();
    assert_eq!(stored(&app, "C3").await["status"], "left");
    assert!(last().await.ends_with("customers that are not in the file left"), "{}", last().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_says_who_imported_which_file() {
    let app = TestApp::new(Engine::Sqlite).await;
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    app.try_import(TWO.as_bytes(), dry).await.unwrap();
    assert_eq!(app.app.ledger.standing().await.unwrap().pending, 0, "a dry run is none");
    let imported = app.import(TWO).await;
    assert_eq!(imported.sha256, data_encoding::HEXLOWER.encode(&besked::domain::digest::sha256(TWO.as_bytes())));
    let waiting =
        besked::store::proof::ledger::waiting(&mut app.app.context.store.read().await.unwrap(), 0, 9).await.unwrap();
    let person = Person::from_cbor(waiting[0].1.person.as_deref().unwrap()).unwrap();
    assert_eq!(person.role, "alice (command line, user root)");
    assert_eq!(person.reply, format!("sha256 {}; 2 customers, 3 contacts", imported.sha256));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_many_bad_rows_are_reported_and_the_others_counted() {
    let app = TestApp::new(Engine::Sqlite).await;
    let mut file = TWO.to_owned();
    (0..REPORTED + 10).for_each(|n| file += &format!("K{n},Kund,no-address,service,,\n"));
    let Err(ImportError::Invalid(rows)) = app.try_import(file.as_bytes(), ImportOptions::default()).await else {
        panic!("a bad file was imported")
    };
    assert_eq!((rows.problems.len(), rows.more), (REPORTED, 10));
    assert_eq!(
        rows.to_string(),
        format!(
            "line 5: `email` `no-address`: has no `@`: an address is `local@domain` \
             (likewise {} more rows, the first in lines 6, 7, 8, 9)",
            REPORTED + 9
        )
    );
    let imported = app.try_import(file.as_bytes(), skipping(false)).await.unwrap();
    assert_eq!((imported.customers, imported.invalid_more, imported.kept.more), (2, 10, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_line_breaks_is_refused_before_it_fills_the_memory() {
    let app = TestApp::new(Engine::Sqlite).await;
    let endless = std::io::Read::chain(TWO.as_bytes(), std::io::repeat(b'x'));
    let error = app.app.customers.import(&alice(), endless, &ImportOptions::default(), &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("the row in line 5 is longer than"), "{error}");
}

#[test]
fn an_import_leaves_out_erased_persons_by_default() {
    assert_eq!(ImportOptions::default().erased, Erased::LeaveOut);
}

#[test]
fn the_report_says_what_skipped_rows_left_as_it_was() {
    let shell = Shell::new();
    shell.write("customers.csv", TWO);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("customers.csv", &format!("{}C9,Nio AB\n", TWO.replace("two.example,service", "two.example,boss")));
    let run = shell.run(&["customers", "import", "customers.csv", "--skip-invalid"]).ok();
    assert!(run.out.contains("kept as it was: C2") && run.out.contains("line 5 cannot be attributed"), "{}", run.out);
    let json = shell.run(&["--json", "customers", "import", "customers.csv", "--skip-invalid"]).ok().json();
    assert_eq!((&json["kept"]["customers"][0], &json["kept"]["unattributed"][0]), (&"C2".into(), &5.into()), "{json}");
    let list = shell.run(&["--json", "customers", "list", "--limit", "2"]).ok().json();
    assert_eq!(
        (&list["customers"][0]["account_id"], &list["next"]),
        (&"C1".into(), &serde_json::Value::Null),
        "{list}"
    );
    shell.run(&["customers", "show", "C7"]).fails(2, &["there is no customer `C7`", "hint:"]);
}

#[tokio::test]
async fn a_missing_directory_for_temporary_files_is_named() {
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

/// A file that comes only once another task has had its turn.
struct Awaited(Receiver<()>, std::io::Cursor<Vec<u8>>);

impl std::io::Read for Awaited {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.1.position() == 0 {
            let waited = self.0.recv_timeout(std::time::Duration::from_secs(240));
            waited.map_err(|_| std::io::Error::other("no other task had its turn"))?;
        }
        self.1.read(buffer)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn other_tasks_go_on_while_a_file_is_checked() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (turn, awaited) = channel();
    let customers = app.app.customers.clone();
    let importing = tokio::spawn(async move {
        // It becomes the next task of this thread.
        tokio::spawn(async move { turn.send(()) });
        let file = Awaited(awaited, std::io::Cursor::new(CUSTOMERS.as_bytes().to_vec()));
        customers.import(&alice(), file, &ImportOptions::default(), &|_| {}).await
    });
    assert_eq!(importing.await.unwrap().unwrap().customers, 3);
}
