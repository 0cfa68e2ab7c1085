//! Scrubbing: what is deleted is gone from the file as well, but a file that cannot be rewritten now is no failure, and a rewriting
//! does not get into the way of critical mail.

use std::time::Duration;

use besked::people::import::{Erased, ImportOptions};
use besked::store::people::scrubs;
use besked::store::people::scrubs::Due;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::cli::{Shell, ran};
use crate::database::Engine;
use crate::privacy::{everything, found_in_files};

const HOUR: Duration = Duration::from_secs(3600);

async fn due(app: &TestApp) -> Option<Due> {
    scrubs::due(&mut app.app.context.store.read().await.unwrap()).await.unwrap()
}

/// While it is held, SQLite cannot rewrite the file: somebody reads it.
async fn reader(app: &TestApp) -> besked::store::Lent {
    let mut conn = app.app.context.store.read().await.unwrap();
    sqlx::query("BEGIN").execute(&mut *conn).await.unwrap();
    sqlx::query("SELECT COUNT(*) FROM customers").execute(&mut *conn).await.unwrap();
    conn
}

#[tokio::test]
async fn an_erasure_whose_scrub_is_not_done_is_done_and_scrubbed_later() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    let mut conn = reader(&app).await;
    let erased = app.erase("hello@two.example").await.unwrap();
    assert_eq!((erased.contacts, erased.log_emptied), (1, false));
    assert!(everything(&app, "hello@two.example").await.is_none());
    assert!(due(&app).await.is_some() && !found_in_files(&app, "hello@two.example").is_empty());
    sqlx::query("ROLLBACK").execute(&mut *conn).await.unwrap();
    drop(conn);
    let report = app.purge(false).await;
    assert!(report.is_empty() && report.unscrubbed.is_none());
    assert_eq!(due(&app).await, None);
    assert_eq!(found_in_files(&app, "hello@two.example"), [""; 0]);
}

#[test]
fn an_erasure_on_a_full_disk_is_a_warning_and_scrubbed_later() {
    let shell = Shell::new();
    let rows: String = (0..6000).map(|n| format!("K{n},Kund {n},person-{n}@d{n}.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    // No file may grow beyond 600 kB: there is room for the erasure, and none for a copy of the database.
    let erase =
        shell.command(&["--json", "subject", "erase", "person-7@d7.example", "--ground", "Art. 17(1)(b)", "--yes"]);
    let mut limited = std::process::Command::new("bash");
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""])
        .arg(erase.get_program())
        .args(erase.get_args());
    limited.current_dir(erase.get_current_dir().unwrap());
    limited.envs(erase.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let erased = ran(limited.output().unwrap()).ok();
    assert!(
        erased.err.contains("warning: the person is erased, but the file could not be rewritten"),
        "{}",
        erased.err
    );
    assert!(erased.json()["unscrubbed"].is_string() && erased.json()["contacts"] == 1, "{}", erased.out);
    shell.run(&["subject", "export", "person-7@d7.example"]).fails(2, &["nothing is stored about"]);
    assert!(shell.run(&["--json", "retention", "run"]).ok().err.is_empty());
    let files = ["besked.db", "besked.db-wal"].map(|name| shell.directory.path().join("var").join(name));
    for bytes in files.iter().filter_map(|file| std::fs::read(file).ok()) {
        assert!(!bytes.windows(20).any(|window| window.starts_with(b"person-7@d7.example")));
    }
}

#[tokio::test]
async fn a_revival_that_the_journal_does_not_have_yet_is_a_warning() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    // A journal that can be read and not written.
    let journal = app.app.context.config.privacy.journal_file.clone();
    let text = std::fs::read(&journal).unwrap();
    let full = tempfile::tempdir().unwrap();
    let options = ImportOptions { erased: Erased::Revive, ..ImportOptions::default() };
    std::fs::rename(&journal, full.path().join("kept")).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem-is-not-here/journal", &journal).unwrap();
    let imported = app.try_import(CUSTOMERS.as_bytes(), options).await.unwrap();
    assert_eq!(imported.erased.len(), 1);
    assert!(imported.unwritten.is_some(), "the journal does not say so");
    assert_eq!(everything(&app, "hello@two.example").await.unwrap().contacts.len(), 1);
    std::fs::remove_file(&journal).unwrap();
    std::fs::write(&journal, text).unwrap();
    let exchanged = app.app.subjects.exchange(&alice()).await.unwrap();
    assert!(exchanged.erased == 0 && exchanged.unwritten.is_none());
    assert_eq!(app.app.subjects.tombstones().await.unwrap().journaled, Some(2));
}

#[tokio::test]
async fn the_dispatcher_rewrites_the_file_at_night_and_not_while_critical_mail_waits() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.organisation.default_time_zone = "UTC".parse().unwrap();
    })
    .await;
    let retention = &app.app.retention;
    app.import(CUSTOMERS).await;
    app.release(NEWS).await;
    app.run_until_idle().await;
    app.advance(HOUR * 24 * 400);
    assert!(!retention.scrub_when_calm().await.unwrap(), "nothing was deleted");
    let purge = async || retention.purge(&alice(), false).await.unwrap();
    assert!(!purge().await.is_empty());
    assert!(due(&app).await.is_some() && !retention.scrub_when_calm().await.unwrap(), "by day, at ten");
    app.advance(HOUR * 16);
    let breach = app.release(include_str!("../../config/demo/notices/1-security-breach.md")).await;
    assert!(!retention.scrub_when_calm().await.unwrap(), "at two, but the breach waits");
    app.run_until_idle().await;
    assert!(app.coverage(breach).await.informed > 0);
    assert!(retention.scrub_when_calm().await.unwrap() || due(&app).await.is_none());
    assert!(!retention.scrub_when_calm().await.unwrap(), "once");

    // What the night itself deletes waits for the next one; without a night it is done by day.
    app.erase_later().await;
    app.advance(HOUR);
    assert!(!retention.scrub_when_calm().await.unwrap(), "at three");
    app.advance(HOUR * 34);
    assert!(!retention.scrub_when_calm().await.unwrap(), "35 hours later, at one in the afternoon");
    app.advance(HOUR);
    assert!(retention.scrub_when_calm().await.unwrap());
    assert_eq!(due(&app).await, None);
}

impl TestApp {
    /// Marks a deletion that is not scrubbed yet.
    async fn erase_later(&self) {
        let mut tx = self.app.context.store.write().await.unwrap();
        scrubs::mark(&mut tx, self.app.context.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }
}
