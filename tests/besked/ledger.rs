//! The ledger: sealing on both engines, and everything that must stop it.

use std::sync::Arc;

use besked::app::App;
use besked::context::Context;
use besked::deliveries::{DeliveryError, Waiting};
use besked::dispatch::Finished;
use besked::domain::checkpoint::Checkpoint;
use besked::domain::delivery::State;
use besked::domain::entry::{Entry, Event, Fact};
use besked::domain::merkle::{Tree, leaf_hash, verify_consistency, verify_inclusion};
use besked::ledger::subtrees::Subtrees;
use besked::ledger::{Ledger, LedgerError, Sealed, sequence};
use besked::store::proof::ledger::Opening;
use besked::store::proof::{ledger as entries, tree};
use besked::store::sending::nodes::{self, Node};
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, bo, maintenance, write_key};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;

/// Appends entries, as whatever happens does.
pub async fn append(app: &App, count: usize) {
    let mut tx = app.context.store.write().await.unwrap();
    let at = app.context.clock.now();
    let made: Vec<Entry> =
        (0..count).map(|_| Entry::new(&Fact::new(Event::Attested, at), None, &app.context.random)).collect();
    for made in made.chunks(2000) {
        let openings: Vec<_> = made.iter().map(|entry| Opening::about_nothing(entry, at)).collect();
        entries::append(&mut tx, &openings).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// The checkpoint that is signed for everything there is.
async fn checkpoint(app: &TestApp) -> Checkpoint {
    let signed = app.app.ledger.checkpoint().await.unwrap();
    Checkpoint::open(&signed.note, &app.app.ledger.verifier_key().unwrap()).unwrap()
}

pub async fn stopped(app: &TestApp) -> String {
    let Sealed::Stopped(reason) = app.app.ledger.seal().await.unwrap() else { panic!("it was sealed") };
    let standing = app.app.ledger.standing().await.unwrap();
    assert_eq!(standing.stopped.as_deref(), Some(reason.as_str()));
    reason
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_is_sent_is_sealed_and_signed(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let standing = app.app.ledger.standing().await.unwrap();
    // The import; created, submitted, manifest, released, two acceptances, closed.
    assert_eq!((standing.size, standing.pending, standing.signed, standing.stopped), (8, 0, Some(8), None));
    assert_eq!(checkpoint(&app).await.size(), 8);
    let app = app.restart().await;
    assert_eq!(checkpoint(&app).await.size(), 8, "nothing new is signed twice");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn proofs_from_the_stored_tree_hold_at_every_size(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let mut roots = vec![(0, besked::domain::merkle::empty_root())];
    for count in [1, 2, 250, 4, 300, 1500, 3] {
        append(&app.app, count).await;
        let signed = checkpoint(&app).await;
        roots.push((signed.size(), signed.root()));
    }
    let mut conn = app.app.context.store.snapshot().await.unwrap();
    let leaves = tree::leaves(&mut conn, 0, 10_000).await.unwrap();
    assert_eq!(leaves.len(), 2060);
    let whole = Tree::from_leaves(leaves.iter().map(|leaf| leaf_hash(leaf)));
    let (size, root) = *roots.last().unwrap();
    assert_eq!((size, root), (2060, whole.root()));
    let mut subtrees = Subtrees::default();
    for (old, old_root) in roots {
        assert_eq!(subtrees.root_at(&mut conn, old).await.unwrap(), old_root);
        let proof = subtrees.consistency(&mut conn, old, size).await.unwrap();
        verify_consistency(old, &old_root, size, &root, &proof).unwrap();
    }
    for index in (0..size).step_by(37).chain([255, 256, 511, 512, 2047, 2048, 2059]) {
        let path = subtrees.inclusion(&mut conn, index, size).await.unwrap();
        verify_inclusion(&leaf_hash(&leaves[usize::try_from(index).unwrap()]), index, size, &path, &root).unwrap();
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn many_sequencers_give_each_entry_one_index(#[case] engine: Engine) {
    let app = Arc::new(TestApp::new(engine).await);
    let writers = (0..4).map(|_| {
        let app = app.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                append(&app.app, 7).await;
                let mut tx = app.app.context.store.write().await.unwrap();
                sequence::step(&mut tx).await.unwrap();
                tx.commit().await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(checkpoint(&app).await.size(), 280);
    let mut conn = app.app.context.store.read().await.unwrap();
    let indexes: Vec<i64> =
        sqlx::query_scalar("SELECT idx FROM ledger_entries ORDER BY idx").fetch_all(&mut *conn).await.unwrap();
    assert!(indexes.into_iter().eq(0..280), "contiguous");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_step_that_is_broken_off_is_done_again_and_once(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    append(&app.app, 300).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    assert_eq!(sequence::step(&mut tx).await.unwrap(), 300);
    drop(tx);
    assert_eq!(app.app.ledger.standing().await.unwrap().pending, 300, "nothing of it happened");
    assert_eq!(checkpoint(&app).await.size(), 300);
}

/// A ledger whose database was put back to when it had five entries, though eight were signed; and what is lost with them.
async fn restored() -> (TestApp, Checkpoint) {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 5).await;
    checkpoint(&app).await;
    let (app, yesterday) = app.copy().await;
    append(&app.app, 3).await;
    let lost = checkpoint(&app).await;
    (app.put_back(yesterday).await, lost)
}

#[tokio::test]
async fn a_database_restored_from_yesterday_stops_sealing_until_a_person_says_why() {
    let (app, lost) = restored().await;

    assert!(stopped(&app).await.contains("has 5 entries, but 8 were signed"));
    // Also once it has as many entries as were signed: they are not the same ones.
    append(&app.app, 6).await;
    assert!(stopped(&app).await.contains("8 were signed"), "the reason stays the first");
    assert_eq!(app.app.ledger.standing().await.unwrap().pending, 6, "nothing is sequenced meanwhile");
    assert!(matches!(app.app.ledger.checkpoint().await, Err(LedgerError::Stopped(_))));
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(&finished, besked::dispatch::Finished::Left(left) if left.unsealed.is_some()), "{finished:?}");
    assert_eq!(app.counts(id).await.values().sum::<u64>(), 2, "sending goes on");

    assert!(matches!(app.app.ledger.resume(&crate::app::bo(), " ").await, Err(LedgerError::Reason)));
    app.app.ledger.resume(&crate::app::bo(), "disk failure, backup of last night").await.unwrap();
    // 5, 6 more, the import, created, submitted, manifest, released, two acceptances, closed, continued, and who did it.
    assert_eq!(checkpoint(&app).await.size(), 21);
    let operated = last_fact(&app, Event::Operated).await.detail;
    let action = besked::domain::actor::Action::Continue;
    assert_eq!(operated, besked::domain::entry::Detail::Operated { action, object: None });
    let said = last_fact(&app, Event::Continued).await;
    let besked::domain::entry::Detail::Continued { reason, size, root } = said.detail else { panic!("{said:?}") };
    assert_eq!((reason.as_str(), size, root), ("disk failure, backup of last night", 8, lost.root()));
    assert!(matches!(app.app.ledger.resume(&crate::app::bo(), "again").await, Err(LedgerError::NotStopped)));
}

/// The last fact of an event, as it is stored.
pub async fn last_fact(app: &TestApp, event: Event) -> Fact {
    let mut conn = app.app.context.store.read().await.unwrap();
    let fact: Vec<u8> =
        sqlx::query_scalar("SELECT fact FROM ledger_openings WHERE event = $1 ORDER BY entry_id DESC LIMIT 1")
            .bind(event.as_str())
            .fetch_one(&mut *conn)
            .await
            .unwrap();
    Fact::from_cbor(&fact).unwrap()
}

#[tokio::test]
async fn a_restored_database_that_grew_as_large_again_is_noticed_too() {
    let (app, _) = restored().await;
    // A node without the key sequences, and knows nothing of what was signed.
    append(&app.app, 9).await;
    let mut config = (*app.app.context.config).clone();
    config.ledger.key_file = app.home.path().join("no such key");
    let keyless = Ledger::new(Context { config: config.into(), ..app.app.context.clone() });
    assert_eq!(keyless.seal().await.unwrap(), Sealed::Upto(14));
    assert!(stopped(&app).await.contains("the first 8 entries are not those that were signed"));
}

#[tokio::test]
async fn a_key_or_a_state_that_does_not_fit_stops_sealing() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 2).await;
    let before = app.app.ledger.verifier_key().unwrap().to_string();
    checkpoint(&app).await;
    let state = &app.app.context.config.ledger.state_file;
    let kept = std::fs::read(state).unwrap();
    std::fs::remove_file(state).unwrap();
    assert!(stopped(&app).await.contains("` is missing"));
    app.app.ledger.resume(&crate::app::bo(), "the state file was lost with its disk").await.unwrap();
    std::fs::write(state, &kept[..20]).unwrap();
    assert!(stopped(&app).await.contains("is damaged"));
    std::fs::write(state, kept).unwrap();
    app.app.ledger.resume(&crate::app::bo(), "the state file was put back").await.unwrap();
    assert_eq!(checkpoint(&app).await.size(), 6, "an older state is no fault: the tree begins with it");

    write_key(&app.app.context.config.ledger.key_file, 8);
    assert!(stopped(&app).await.contains(&format!("is not the one that signed last, which was {before}")));
    app.app.ledger.resume(&crate::app::bo(), "yearly exchange").await.unwrap();
    assert_eq!(checkpoint(&app).await.size(), 9);
    let said = last_fact(&app, Event::KeyRotated).await.detail;
    let after = app.app.ledger.verifier_key().unwrap().to_string();
    assert_eq!(said, besked::domain::entry::Detail::Keys { old: before, new: after });

    std::fs::write(&app.app.context.config.ledger.key_file, "no key").unwrap();
    assert!(app.app.ledger.seal().await.unwrap_err().to_string().contains("PKCS#8"));
}

#[tokio::test]
async fn a_kill_between_state_file_and_database_is_made_good() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 4).await;
    checkpoint(&app).await;
    // What is left of a signing that never came to the database.
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("DROP TRIGGER ledger_checkpoints_remain").execute(&mut *tx).await.unwrap();
    sqlx::query("DELETE FROM ledger_checkpoints").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(checkpoint(&app).await.size(), 4, "the same note is shown again");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_checkpoint_is_mailed_once_a_day(#[case] engine: Engine) {
    let app =
        TestApp::with(engine, |config| config.ledger.checkpoint_to = vec!["auditor@audit.example".to_owned()]).await;
    assert_eq!(app.app.ledger.mail_checkpoint().await.unwrap(), 0, "there is none yet");
    append(&app.app, 3).await;
    checkpoint(&app).await;
    app.relay.on("RCPT", 1, crate::relay::Act::Reply("450 4.2.0 later\r\n"));
    assert!(matches!(app.app.ledger.mail_checkpoint().await, Err(LedgerError::NotMailed { .. })));
    assert_eq!(app.app.ledger.mail_checkpoint().await.unwrap(), 1, "tried again");
    assert_eq!(app.app.ledger.mail_checkpoint().await.unwrap(), 0, "not twice a day");
    app.advance(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(app.app.ledger.mail_checkpoint().await.unwrap(), 1);
    let mails = app.relay.to("auditor@audit.example");
    assert_eq!(mails.len(), 2);
    let mail = mail_parser::MessageParser::default().parse(&mails[0].data).unwrap();
    assert_eq!(mail.subject(), Some("Checkpoint of example.com/besked: 3 entries"));
    let text = mail.body_text(0).unwrap().replace("\r\n", "\n");
    let note = &text[text.find("example.com/besked\n3\n").unwrap()..];
    let signed = Checkpoint::open(note, &app.app.ledger.verifier_key().unwrap()).unwrap();
    assert_eq!(signed.size(), 3, "what the auditor keeps is a checkpoint");
}

#[tokio::test]
async fn a_new_key_does_not_hide_a_restored_database() {
    let (app, _) = restored().await;
    write_key(&app.app.context.config.ledger.key_file, 8);
    let reason = stopped(&app).await;
    assert!(reason.contains("8 were signed") && reason.contains("and the key is not the one"), "{reason}");
    app.app.ledger.resume(&crate::app::bo(), "disk failure, and a new key with it").await.unwrap();
    assert!(matches!(last_fact(&app, Event::KeyRotated).await.detail, besked::domain::entry::Detail::Keys { .. }));
}

#[tokio::test]
async fn a_node_that_joins_without_the_state_leaves_the_signing_to_the_others() {
    let app = TestApp::new(Engine::Postgres).await;
    append(&app.app, 2).await;
    checkpoint(&app).await;
    std::fs::remove_file(&app.app.context.config.ledger.state_file).unwrap();
    let node = |id: &str| Node {
        id: id.to_owned(),
        name: id.to_owned(),
        version: "1".to_owned(),
        started_at: None,
        seen_at: None,
    };
    let mut conn = app.app.context.store.write().await.unwrap();
    nodes::beat(&mut conn, &node("signs"), app.app.context.clock.now()).await.unwrap();
    nodes::beat(&mut conn, &node("joins"), app.app.context.clock.now()).await.unwrap();
    conn.commit().await.unwrap();
    append(&app.app, 1).await;
    let joined = app.app.ledger.clone().of_node("joins");
    assert_eq!(joined.seal().await.unwrap(), Sealed::Upto(3));
    assert!(joined.checkpoint().await.unwrap().size < 3, "it has signed nothing");

    let standing = app.app.ledger.standing().await.unwrap();
    let file = app.app.context.config.ledger.state_file.clone();
    assert_eq!((&standing.stopped, standing.signs, standing.others_sign.as_ref()), (&None, false, Some(&file)));
    let (config, any) = (&app.app.context.config, std::path::Path::new("besked.toml"));
    let checks = besked::doctor::examine((config, any), None, &|_| {}).await;
    let check = checks.iter().find(|check| check.what == "ledger").unwrap();
    assert_eq!(check.verdict, besked::doctor::Verdict::Warning, "{check:?}");
    assert!(
        check.detail.contains("other nodes sign") && check.detail.contains(&file.display().to_string()),
        "{check:?}"
    );

    let mut conn = app.app.context.store.write().await.unwrap();
    nodes::leave(&mut conn, "signs").await.unwrap();
    conn.commit().await.unwrap();
    assert!(joined.standing().await.unwrap().stopped.unwrap().contains("` is missing"));
    let Sealed::Stopped(reason) = joined.seal().await.unwrap() else { panic!("nobody else examines the database") };
    assert!(reason.contains("` is missing"), "{reason}");
    let standing = app.app.ledger.standing().await.unwrap();
    assert!(standing.stopped.is_some() && standing.others_sign.is_none(), "{standing:?}");
}

#[tokio::test]
async fn the_command_says_on_such_a_node_that_others_sign() {
    let shell = Shell::new();
    shell.run(&["ledger", "checkpoint"]).ok();
    std::fs::remove_file(shell.directory.path().join("var/ledger.state")).unwrap();
    let status = || shell.run(&["ledger", "status"]);
    status().fails(1, &[]);
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    let store = besked::store::Store::open(&url.parse().unwrap(), true).await.unwrap();
    let mut tx = store.write().await.unwrap();
    let node = Node { id: "x".into(), name: "x".into(), version: "1".into(), started_at: None, seen_at: None };
    // For as long as the command may take.
    let until = besked::domain::clock::Clock::System.now() + std::time::Duration::from_secs(3600);
    nodes::beat(&mut tx, &node, until).await.unwrap();
    tx.commit().await.unwrap();
    let said = status().ok().out;
    assert!(said.contains("other nodes sign: `") && said.contains("ledger.state` is missing here"), "{said}");
    assert!(!said.contains("stopped"), "{said}");
}

#[tokio::test]
async fn a_host_that_was_lost_with_key_and_state_is_made_good_from_the_database() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 5).await;
    let before = checkpoint(&app).await;
    let old = app.app.ledger.verifier_key().unwrap().to_string();
    std::fs::remove_file(&app.app.context.config.ledger.state_file).unwrap();
    write_key(&app.app.context.config.ledger.key_file, 8);
    assert!(stopped(&app).await.contains("` is missing"));
    app.app.ledger.resume(&crate::app::bo(), "the host burned down").await.unwrap();
    let said = last_fact(&app, Event::Continued).await.detail;
    let besked::domain::entry::Detail::Continued { size, root, .. } = said else { panic!("{said:?}") };
    assert_eq!((size, root), (5, before.root()), "as the database shows it");
    let new = app.app.ledger.verifier_key().unwrap().to_string();
    let said = last_fact(&app, Event::KeyRotated).await.detail;
    assert_eq!(said, besked::domain::entry::Detail::Keys { old, new });
    let report = crate::audit::audit(&app).await;
    assert_eq!(report.problem, None, "checkpoints by the lost key count");
    assert_eq!(app.app.ledger.verifier_keys().await.unwrap().len(), 3);
}

#[test]
fn files_with_persons_or_keys_are_private_and_the_doctor_looks() {
    use std::os::unix::fs::PermissionsExt as _;
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.run(&["ledger", "checkpoint"]).ok();
    let file = |name: &str| shell.directory.path().join("var").join(name);
    let mode = |name: &str| std::fs::metadata(file(name)).unwrap().permissions().mode() & 0o777;
    for name in ["besked.db", "ledger.key", "ledger.state"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let doctor = || {
        let checks = shell.run(&["--json", "doctor"]).json();
        let files = checks.as_array().unwrap().iter().find(|it| it["what"] == "files").unwrap().clone();
        (files["verdict"].as_str().unwrap().to_owned(), files["detail"].as_str().unwrap().to_owned())
    };
    assert_eq!(doctor().0, "ok");
    for name in ["besked.db", "ledger.state"] {
        std::fs::set_permissions(file(name), std::fs::Permissions::from_mode(0o644)).unwrap();
        let (verdict, detail) = doctor();
        assert!(verdict == "warning" && detail.contains(&format!("{name}` can be read by others")), "{detail}");
    }
}

#[tokio::test]
async fn files_beside_the_database_are_as_private_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 3).await;
    let file = app.database_file().display().to_string();
    for name in [file.clone(), format!("{file}-wal"), format!("{file}-shm")] {
        let mode = std::fs::metadata(&name).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
}

#[test]
fn the_audit_takes_the_mail_that_brought_a_checkpoint() {
    let shell = Shell::new();
    let note = shell.run(&["ledger", "checkpoint"]).ok().out;
    let mail = |encoding: &str, body: &str| {
        format!(
            "From: besked@example.com\r\nSubject: Checkpoint\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        )
    };
    let text = format!("Keep this.\r\n\r\n{}\r\n--\r\nThe ledger\r\n", note.replace('\n', "\r\n"));
    shell.write("note", &note);
    shell.write("plain.eml", &mail("8bit", &text));
    shell.write("quoted.eml", &mail("quoted-printable", &quoted_printable::encode_to_str(&text)));
    shell.write("base64.eml", &mail("base64", &data_encoding::BASE64_MIME.encode(text.as_bytes())));
    for file in ["note", "plain.eml", "quoted.eml", "base64.eml"] {
        shell.run(&["ledger", "audit", "--checkpoint", file]).ok();
    }
    shell.write("other.eml", &mail("8bit", "Nothing here."));
    shell
        .run(&["ledger", "audit", "--checkpoint", "other.eml"])
        .fails(2, &["has no checkpoint of the ledger", "hint: "]);
}

/// A restored copy from before anything of a newsletter and of a mandatory notice was sent.
async fn restored_before_sending() -> (TestApp, [Uuid; 2]) {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let ids = [app.release(NEWS).await, app.release(&maintenance("all = true")).await];
    let (app, yesterday) = app.copy().await;
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 4);
    (app.put_back(yesterday).await, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_sends_no_newsletter_twice_until_an_operator_decides() {
    let (app, [news, work]) = restored_before_sending().await;
    let finished = app.run_until_idle().await;
    assert!(matches!(&finished, Finished::Left(left) if left.unsealed.is_some()), "{finished:?}");
    assert_eq!(app.counts(work).await, [(State::Accepted, 2)].into(), "mandatory mail does not wait");
    assert_eq!(app.counts(news).await, [(State::Queued, 2)].into());
    assert_eq!(app.relay.count(), 6);

    assert_eq!(app.app.deliveries.perhaps_sent().await.unwrap(), 2);
    assert_eq!(app.app.deliveries.leave_uncertain(&alice()).await.unwrap(), 2);
    app.app.ledger.resume(&bo(), "restored after a disk failure").await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Uncertain, 2)].into());
    assert_eq!((app.relay.count(), app.app.deliveries.perhaps_sent().await.unwrap()), (6, 0));
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_have_the_newsletters_of_a_restored_copy_sent() {
    let (app, [news, _]) = restored_before_sending().await;
    app.run_until_idle().await;
    app.app.ledger.resume(&bo(), "the copy is from before the send").await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Accepted, 2)].into());
}

#[tokio::test]
async fn nothing_is_decided_about_a_ledger_that_has_not_stopped_or_cannot_be_resumed() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let news = app.release(NEWS).await;
    app.app.ledger.checkpoint().await.unwrap();
    let key = app.app.context.config.ledger.key_file.clone();
    for waiting in [Some(Waiting::LeaveUncertain), Some(Waiting::Send), None] {
        let resumed = app.app.deliveries.resume(&alice(), "a test", waiting).await;
        assert!(matches!(resumed, Err(DeliveryError::Ledger(LedgerError::NotStopped))), "{resumed:?}");
    }
    std::fs::rename(&key, key.with_extension("away")).unwrap();
    let resumed = app.app.deliveries.resume(&alice(), "a test", Some(Waiting::LeaveUncertain)).await;
    assert!(matches!(resumed, Err(DeliveryError::Ledger(LedgerError::NoKey(_)))), "{resumed:?}");
    assert_eq!(app.counts(news).await, [(State::Queued, 2)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn resuming_asks_about_news_and_decides_as_it_is_answered() {
    let (app, [news, _]) = restored_before_sending().await;
    app.run_until_idle().await;
    let resume = async |waiting| app.app.deliveries.resume(&bo(), "disk failure", waiting).await;
    assert!(matches!(resume(None).await, Err(DeliveryError::Undecided(2))));
    assert_eq!(app.counts(news).await, [(State::Queued, 2)].into());
    assert_eq!(resume(Some(Waiting::LeaveUncertain)).await.unwrap().left, 2);
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Uncertain, 2)].into());
    assert_eq!(audit(&app).await.problem, None);
}
