//! The audit: whatever an insider changes in the past, it names.

mod course;

use besked::domain::attestation::Channel;
use besked::domain::checkpoint::Checkpoint;
use besked::ledger::audit::{Report, Verdict};
use rstest::rstest;
use sqlx::AssertSqlSafe;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::ledger::append;

/// What the audit says.
pub async fn audit(app: &TestApp) -> Report {
    app.app.ledger.audit(None, &|_| ()).await.unwrap()
}

/// A ledger of two notices, each with two recipients, and some more entries.
async fn ledger(engine: Engine) -> TestApp {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let id = app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    app.attest(id, "C1", Channel::Phone, "called").await.unwrap();
    append(&app.app, 300).await;
    app.app.ledger.checkpoint().await.unwrap();
    app
}

/// Changes the database as somebody would who may do anything in it.
pub async fn tamper(app: &TestApp, statements: &[&str]) {
    let mut tx = app.app.context.store.write().await.unwrap();
    let guards = [
        ("ledger_entries", "ledger_entries_stay"),
        ("ledger_entries", "ledger_entries_remain"),
        ("ledger_openings", "ledger_openings_stay"),
        ("ledger_openings", "ledger_openings_remain"),
        ("ledger_nodes", "ledger_nodes_stay"),
        ("ledger_checkpoints", "ledger_checkpoints_stay"),
        ("ledger_checkpoints", "ledger_checkpoints_remain"),
    ];
    for (table, trigger) in guards {
        let sql = match app.app.context.store.dialect {
            besked::store::Dialect::Sqlite => format!("DROP TRIGGER IF EXISTS {trigger}"),
            besked::store::Dialect::Postgres => format!("DROP TRIGGER IF EXISTS {trigger} ON {table}"),
        };
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
    }
    for statement in statements {
        let done = sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut *tx).await.unwrap();
        assert!(done.rows_affected() > 0, "nothing was changed: {statement}");
    }
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_untouched_ledger_is_in_order(#[case] engine: Engine) {
    let app = ledger(engine).await;
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem.as_deref()), (Verdict::Ok, None));
    // The import; each notice: created, submitted, manifest, released, two acceptances, closed.
    assert_eq!((report.entries, report.deliveries, report.messages), (317, 4, 4));
    assert!(report.checkpoints >= 3);
    app.release(&maintenance("all = true")).await;
    assert_eq!(audit(&app).await.verdict, Verdict::Ok, "what waits to be sealed is no damage");
}

/// The statements, the first bad entry, and words of the problem.
type Case = (&'static [&'static str], Option<u64>, &'static str);

const CASES: &[Case] = &[
    // Edit.
    (
        &[
            "UPDATE ledger_openings SET fact = fact_salt WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 12)",
        ],
        Some(12),
        "not what its leaf commits to",
    ),
    (
        &[
            "UPDATE ledger_openings SET person = fact WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "not what its leaf commits to",
    ),
    (
        &[
            "UPDATE ledger_openings SET event = 'rejected' WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "its event is another",
    ),
    (
        &[
            "UPDATE ledger_openings SET at = at + 1 WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "its time is another",
    ),
    (
        &["UPDATE ledger_entries SET leaf = (SELECT leaf FROM ledger_entries WHERE idx = 13) WHERE idx = 107"],
        Some(107),
        "not what its leaf commits to",
    ),
    (
        &[
            "UPDATE deliveries SET email = 'other@two.example' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "names another recipient",
    ),
    (
        &["UPDATE deliveries SET state = 'rejected' WHERE ordinal = 0 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(5),
        "stored as rejected",
    ),
    // The first message, and what all of a notice were made from.
    (
        &[
            "UPDATE ledger_openings SET mould_values = fact WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 5)",
        ],
        Some(5),
        "cannot be rebuilt: values",
    ),
    (
        &[
            "UPDATE ledger_openings SET mould_values = (SELECT mould_values FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 5)) WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "not the one that was sent",
    ),
    (
        &["UPDATE moulds SET body = (SELECT leaf FROM ledger_entries WHERE idx = 3)"],
        Some(5),
        "cannot be rebuilt: mould",
    ),
    (
        &[
            "UPDATE moulds SET body = (SELECT body FROM moulds WHERE notice_id = (SELECT MAX(id) FROM notices) ORDER BY role LIMIT 1) WHERE notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(5),
        "not the one that was stored",
    ),
    (&["UPDATE moulds SET zone = 'UTC'"], None, "for other recipients"),
    (&["DELETE FROM moulds"], Some(5), "it was removed"),
    (&["UPDATE attestations SET witness = 'Eve'"], Some(15), "what the attestation for customer C1 says is not"),
    (
        &["UPDATE attestations SET told_at = told_at - 60000"],
        Some(15),
        "says that it was informed for customer C1 is not",
    ),
    (
        &["UPDATE attestations SET withdrawn_at = at, withdrawn_by = 'alice'"],
        Some(10),
        "the withdrawal of an attestation",
    ),
    (
        &["UPDATE notices SET deadline = 1 WHERE category = 'maintenance'"],
        Some(3),
        "deadline or level of being informed",
    ),
    (
        &["UPDATE notices SET informed_at = 'dsn_delivered'"],
        Some(3),
        "is not what was sealed: dsn_delivered, sealed relayed",
    ),
    // Delete.
    (&["DELETE FROM ledger_entries WHERE idx = 14"], Some(14), "it is missing"),
    (
        &["DELETE FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 14)"],
        Some(14),
        "its opening was removed",
    ),
    (
        &["DELETE FROM deliveries WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "its manifest has 2 recipients, 1 is there",
    ),
    (
        &[
            "UPDATE ledger_openings SET person = NULL, person_salt = NULL WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 6)",
        ],
        Some(6),
        "no `erased` or `purged` entry says so",
    ),
    // Insert.
    (
        &[
            "INSERT INTO ledger_openings (entry_id, event, at, fact, fact_salt) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', event, at, fact, fact_salt FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 3)",
        ],
        None,
        "belongs to no entry",
    ),
    (
        &[
            "INSERT INTO ledger_openings (entry_id, event, at, fact, fact_salt, person, person_salt) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', event, at, fact, fact_salt, person, person_salt FROM ledger_openings WHERE entry_id = (SELECT entry_id FROM ledger_entries WHERE idx = 107)",
            "INSERT INTO ledger_entries (idx, entry_id, leaf) SELECT 317, 'ffffffff-ffff-7fff-8fff-ffffffffffff', leaf FROM ledger_entries WHERE idx = 107",
        ],
        Some(317),
        "it is there, but the tree has 317 entries",
    ),
    // Reorder: whole rows change places.
    (
        &[
            "UPDATE ledger_entries SET idx = 1000 WHERE idx = 47",
            "UPDATE ledger_entries SET idx = 47 WHERE idx = 97",
            "UPDATE ledger_entries SET idx = 97 WHERE idx = 1000",
        ],
        Some(47),
        "it is not in its place",
    ),
    // Tail.
    (&["DELETE FROM ledger_entries WHERE idx = 316"], Some(316), "it is missing, with all that follow"),
    // What is shown, though the tree is untouched.
    (
        &[
            "UPDATE deliveries SET id = 'ffffffff-ffff-7fff-8fff-ffffffffffff' WHERE ordinal = 0 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(5),
        "is in the place of another",
    ),
    (
        &[
            "UPDATE deliveries SET level = 'dsn_delivered' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "stored as accepted (dsn_delivered), its entries say accepted (relayed)",
    ),
    (
        &[
            "UPDATE deliveries SET reply = '250 read and understood' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "stored with another reply",
    ),
    (
        &[
            "UPDATE deliveries SET changed_at = changed_at - 86400000 WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "stored with another time",
    ),
    (
        &[
            "UPDATE notice_sources SET source = source || 'We told you so.' WHERE notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(3),
        "has another content",
    ),
    (&["DELETE FROM notice_sources WHERE notice_id = (SELECT MIN(id) FROM notices)"], Some(3), "has another content"),
    (
        &["UPDATE notices SET digest = (SELECT root FROM ledger_head) WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "has another content",
    ),
    (
        &["UPDATE notices SET closed_at = NULL WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is closed only in its row, or only in its entry",
    ),
    (
        &["UPDATE ledger_openings SET mould = NULL, mould_values = NULL WHERE mould IS NOT NULL"],
        Some(5),
        "the message that was sent was removed",
    ),
    (&["UPDATE attestations SET at = at - 60000"], Some(15), "the time of the attestation for customer C1 is not"),
    (&["UPDATE attestations SET operator = 'Eve'"], Some(15), "the operator of the attestation for customer C1 is not"),
    (
        &["UPDATE notices SET recipients = recipients + 1 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the number of recipients of notice",
    ),
    (
        &["UPDATE notices SET category = 'disruption' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not what was sealed: disruption, sealed maintenance",
    ),
    (&["DELETE FROM attestations"], Some(15), "the attestation that it records was removed"),
    (
        &[
            "INSERT INTO notices (id, category, state, subject, digest, author, created_at, released_at, lane, recipients, matter_id) SELECT 'ffffffff-ffff-7fff-8fff-ffffffffffff', category, state, subject, digest, author, created_at, released_at, lane, recipients, 'ffffffff-ffff-7fff-8fff-ffffffffffff' FROM notices WHERE id = (SELECT MIN(id) FROM notices)",
        ],
        None,
        "shown as released, but has no manifest",
    ),
    (
        &["UPDATE notices SET released_at = NULL WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not shown as released",
    ),
    (
        &["UPDATE notices SET subject = 'Forged' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the subject of notice",
    ),
    (
        &["UPDATE notices SET reference = 'CHG-9' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not what was sealed: \"CHG-9\", sealed \"CHG-1\"",
    ),
    (
        &["UPDATE notices SET follows_id = (SELECT MAX(id) FROM notices) WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the predecessor of notice",
    ),
    (
        &["UPDATE notices SET message_domain = 'forged.example' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the Message-ID domain of notice",
    ),
    (
        &["UPDATE notices SET released_at = released_at - 86400000 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the time of release of notice",
    ),
    (
        &["UPDATE notices SET closed_at = closed_at - 86400000 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the time of closing of notice",
    ),
    (
        &["UPDATE notices SET state = 'released' WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "is not what was sealed: released, sealed closed",
    ),
    (
        &["UPDATE notices SET customers = customers - 1 WHERE id = (SELECT MIN(id) FROM notices)"],
        Some(3),
        "the number of customers of notice",
    ),
    (&["DELETE FROM unaddressed"], Some(3), "has other customers with nobody to address"),
    (&["UPDATE unaddressed SET account_id = 'C9'"], Some(3), "has other customers with nobody to address"),
    (
        &["UPDATE deliveries SET role = 'legal' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(6),
        "is stored with another role",
    ),
    (
        &[
            "UPDATE deliveries SET customer_name = 'Forged' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)",
        ],
        Some(6),
        "is stored with another name of the customer",
    ),
    (
        &["UPDATE deliveries SET customer_name = '' WHERE ordinal = 1 AND notice_id = (SELECT MIN(id) FROM notices)"],
        Some(6),
        "is stored with another name of the customer",
    ),
    // The tree itself.
    (
        &["UPDATE ledger_nodes SET hash = (SELECT root FROM ledger_head) WHERE level = 8"],
        None,
        "the stored hash of the subtree",
    ),
    (
        &["UPDATE ledger_head SET root = (SELECT hash FROM ledger_nodes WHERE level = 8)"],
        None,
        "the root of the tree is another",
    ),
    (
        &[
            "UPDATE ledger_checkpoints SET note = (SELECT note FROM ledger_checkpoints WHERE number = 1) WHERE number = 2",
        ],
        None,
        "has another root",
    ),
];

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn whatever_is_changed_is_named(#[case] engine: Engine) {
    let untouched = ledger(engine).await;
    untouched.app.context.store.close().await;
    for (statements, first_bad, words) in CASES {
        let app = untouched.copied().await;
        tamper(&app, statements).await;
        let report = audit(&app).await;
        let problem = report.problem.clone().unwrap_or_default();
        assert_eq!(report.verdict, Verdict::Damaged, "{statements:?}");
        assert!(problem.contains(words), "{statements:?}: {problem}");
        assert!(first_bad.is_none() || report.first_bad == *first_bad, "{statements:?}: {report:?}");
    }
}

#[tokio::test]
async fn a_truncation_that_leaves_no_trace_in_the_database_is_found_by_the_state_and_by_a_kept_checkpoint() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 5).await;
    app.app.ledger.checkpoint().await.unwrap();
    let (app, yesterday) = app.copy().await;
    append(&app.app, 3).await;
    let signed = app.app.ledger.checkpoint().await.unwrap();
    let kept = Checkpoint::open(&signed.note, &app.app.ledger.verifier_key().unwrap()).unwrap();
    let app = app.put_back(yesterday).await;
    let report = audit(&app).await;
    assert_eq!(report.first_bad, Some(5), "{report:?}");
    assert!(report.problem.unwrap().contains("a checkpoint of 8 entries was signed, 5 are there"));

    // With the state gone too, only what somebody else kept tells.
    std::fs::remove_file(&app.app.context.config.ledger.state_file).unwrap();
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
    let report = app.app.ledger.audit(Some(&kept), &|_| ()).await.unwrap();
    assert_eq!(report.first_bad, Some(5), "{report:?}");
}

#[tokio::test]
async fn checkpoints_by_a_key_that_was_exchanged_count_and_foreign_ones_do_not() {
    let app = TestApp::new(Engine::Sqlite).await;
    append(&app.app, 3).await;
    app.app.ledger.checkpoint().await.unwrap();
    crate::app::write_key(&app.app.context.config.ledger.key_file, 8);
    app.app.ledger.resume(&crate::app::bo(), "yearly exchange").await.unwrap();
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.checkpoints), (Verdict::Ok, 2), "{report:?}");
    // The key alone is exchanged, without an entry that says so.
    crate::app::write_key(&app.app.context.config.ledger.key_file, 9);
    let report = audit(&app).await;
    assert!(report.problem.unwrap().contains("not the one that the ledger names last"));
}

#[tokio::test]
async fn entries_that_contradict_earlier_ones_are_named_though_they_are_signed() {
    use besked::domain::entry::{Detail, Entry, Event, Fact, Manifest, Run};
    use besked::store::proof::ledger::Opening;
    let app = ledger(Engine::Sqlite).await;
    let notice = app.app.notices.named(&alice(), "CHG-1").await.unwrap();
    let at = app.app.context.clock.now();
    let about = Some((notice.id, notice.category, notice.digest));
    let forged = [
        (
            Fact {
                notice: about,
                detail: Detail::Manifest(Manifest {
                    count: 0,
                    root: [0; 32],
                    customers: 0,
                    unaddressed: 0,
                    unaddressed_root: [0; 32],
                    shown: [0; 32],
                }),
                ..Fact::new(Event::Manifest, at)
            },
            "had a manifest already",
        ),
        (
            Fact { notice: about, detail: Detail::Closed(Vec::new()), ..Fact::new(Event::Closed, at) },
            "was closed already",
        ),
        (
            Fact {
                detail: Detail::Cleared { ground: "all".to_owned(), entries: vec![Run { first: 0, count: 1 << 40 }] },
                ..Fact::new(Event::Erased, at)
            },
            "names entries that come after it",
        ),
    ];
    for (fact, words) in forged {
        let app = ledger(Engine::Sqlite).await;
        let again = app.app.notices.named(&alice(), "CHG-1").await.unwrap();
        let fact = Fact { notice: fact.notice.map(|_| (again.id, again.category, again.digest)), ..fact };
        let entry = Entry::new(&fact, None, &app.app.context.random);
        let mut tx = app.app.context.store.write().await.unwrap();
        let opening = match fact.notice {
            Some((id, ..)) => Opening::of_notice(&entry, id, at),
            None => Opening::about_nothing(&entry, at),
        };
        besked::store::proof::ledger::append(&mut tx, &[opening]).await.unwrap();
        tx.commit().await.unwrap();
        app.app.ledger.checkpoint().await.unwrap();
        let report = audit(&app).await;
        assert_eq!(report.first_bad, Some(317), "{report:?}");
        assert!(report.problem.clone().unwrap().contains(words), "{words}: {report:?}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn deleted_checkpoints_are_missed(#[case] engine: Engine) {
    for (which, said) in [
        ("number = 1", "1 checkpoint is missing"),
        ("number <= 2", "2 checkpoints are missing"),
        ("number > 0", "no checkpoint is there"),
    ] {
        let app = ledger(engine).await;
        tamper(&app, &[&format!("DELETE FROM ledger_checkpoints WHERE {which}")]).await;
        let report = audit(&app).await;
        let problem = report.problem.unwrap_or_default();
        assert!(report.verdict == Verdict::Damaged && problem.contains(said), "{which}: {problem}");
    }
}
