//! A person's rights where they meet other things: what is found of a person, who did it, a journal that is gone, two nodes.

use besked::dispatch::Finished;
use besked::domain::actor::{Action, Actor};
use besked::domain::attestation::Channel;
use besked::domain::category::Category;
use besked::domain::duty::Duty;
use besked::domain::entry::{Detail, Event, Person};
use besked::ledger::audit::Verdict;
use besked::people::import::{Erased, ImportOptions};
use besked::people::subjects::SubjectError;
use besked::store::people::{contacts, customers};
use besked::store::sending::deliveries;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, address, alice, key, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::ledger::last_fact;
use crate::privacy::{everything, found_in_files, put_hold};

async fn attest(app: &TestApp, notice: Uuid, account: &str, note: &str) {
    app.attest(notice, account, Channel::Phone, note).await.unwrap();
}

async fn exchanged(app: &TestApp) -> usize {
    app.app.subjects.exchange(&alice()).await.unwrap().erased
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_person_who_is_only_mentioned_is_exported_and_erased(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notice = maintenance("file = \"rows.csv\"");
    let draft = app.draft(&notice, "account_id,boss\nC1,Eva@ett.example\n");
    let id = app.try_release(&draft).await.unwrap();
    app.run_until_idle().await;
    attest(&app, id, "C1", "told Eva (eva@ett.example) and johanna-eva@ett.example").await;
    let record = everything(&app, "eva@ett.example").await.unwrap();
    assert_eq!((record.attestations.len(), record.audience_rows.len(), record.deliveries.len()), (1, 1, 0));
    assert_eq!(record.audience_rows[0].values["boss"], "Eva@ett.example");
    let erased = app.erase("eva@ett.example").await.unwrap();
    assert!(erased.entries > 0, "the opening of the attestation");
    assert!(everything(&app, "eva@ett.example").await.is_none());
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
    if engine == Engine::Sqlite {
        assert_eq!(found_in_files(&app, "ett.example) and"), [""; 0]);
    }
}

#[tokio::test]
async fn a_row_of_an_unreleased_notice_is_reported_and_left() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let draft = app.draft(&maintenance("file = \"rows.csv\""), "account_id,boss\nC1,eva@ett.example\n");
    let id = app.app.notices.create(&draft, &alice()).await.unwrap();
    let erased = app.erase("eva@ett.example").await.unwrap();
    assert_eq!((erased.unreleased_rows, erased.contacts), (1, 0));
    let rows =
        besked::store::notices::rows::page(&mut app.app.context.store.read().await.unwrap(), id, "", 9).await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn evidence_of_one_person_has_no_attestation_that_names_a_colleague() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    attest(&app, id, "C1", "told Eva, who answers for Bo").await;
    let record = everything(&app, "teknik@ett.example").await.unwrap();
    let text = serde_json::to_string(&record).unwrap();
    assert!(!record.evidence.is_empty());
    // The note stands in the person part, in base64: it is looked for where it would be decoded.
    for file in &record.evidence {
        let opened = besked::domain::evidence::verify(file.get().as_bytes(), &crate::evidence::key(&app)).unwrap();
        assert!(opened.entries.iter().all(|entry| entry.fact.event != Event::Attested), "{text}");
    }
}

#[tokio::test]
async fn a_sole_trader_s_name_goes_and_a_company_s_stays() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(&CUSTOMERS.replace("Two Ltd", "Carol Ek Consulting")).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    app.erase("hello@two.example").await.unwrap();
    app.erase("teknik@ett.example").await.unwrap();
    let mut conn = app.app.context.store.read().await.unwrap();
    let shown = deliveries::of_customer(&mut conn, id, "C2").await.unwrap();
    assert_eq!(shown[0].customer_name, "");
    assert_eq!(customers::find(&mut conn, "C2").await.unwrap().unwrap().name, "");
    assert_eq!(deliveries::of_customer(&mut conn, id, "C1").await.unwrap()[0].customer_name, "Ett AB");
    drop(conn);
    assert_eq!(found_in_files(&app, "Carol Ek"), [""; 0]);
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
}

#[tokio::test]
async fn nothing_is_sent_while_the_journal_cannot_be_read() {
    let app = TestApp::restored_after_erasing("hello@two.example").await;
    let journal = app.app.context.config.privacy.journal_file.clone();
    let text = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, "not a journal\n").unwrap();
    let Finished::NotErased(reason) = app.run_until_idle().await else { panic!("it went ahead") };
    assert!(reason.contains("damaged in line 1"), "{reason}");
    assert!(app.relay.to("hello@two.example").is_empty() && app.relay.to("teknik@ett.example").is_empty());
    std::fs::write(&journal, text).unwrap();
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty(), "erased before anything was sent");
    assert_eq!(app.relay.to("teknik@ett.example").len(), 1);
}

#[tokio::test]
async fn each_node_keeps_a_journal_of_its_own_without_an_alarm() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    let first = app.app.context.config.privacy.journal_file.clone();
    // Another node: its journal is filled from the database, and its own erasures reach the first one.
    let other = app.home.path().join("other");
    let app = app.with_journal(other.join("journal")).await;
    assert_eq!(exchanged(&app).await, 0);
    assert_eq!(app.app.subjects.tombstones().await.unwrap().journaled, Some(1));
    app.erase("ap@three.example").await.unwrap();
    let app = app.with_journal(first).await;
    assert_eq!(app.app.subjects.tombstones().await.unwrap().journaled, Some(1));
    assert_eq!(exchanged(&app).await, 0);
    let standing = app.app.subjects.tombstones().await.unwrap();
    assert_eq!((standing.journaled, standing.stored, standing.missing), (Some(2), 2, 0));
    // A journal that is lost is written again.
    std::fs::remove_file(&app.app.context.config.privacy.journal_file).unwrap();
    std::fs::remove_file(&app.app.context.config.privacy.journal_key_file).unwrap();
    assert_eq!(exchanged(&app).await, 0);
    assert_eq!(app.app.subjects.tombstones().await.unwrap().journaled, Some(2));
}

#[tokio::test]
async fn a_node_without_a_journal_erases_and_knows_who_was_erased() {
    let app = TestApp::with(Engine::Sqlite, |config| config.privacy.journal_file = "".into()).await;
    app.import(CUSTOMERS).await;
    let erased = app.erase("hello@two.example").await.unwrap();
    assert_eq!(erased.unwritten, None);
    assert_eq!(app.import(CUSTOMERS).await.erased.len(), 1);
    let standing = app.app.subjects.tombstones().await.unwrap();
    assert_eq!((standing.journaled, standing.stored), (None, 1));
    app.release(&maintenance("all = true")).await;
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
}

#[tokio::test]
async fn an_erasure_that_was_not_committed_is_not_made_up_for_later() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("ap@three.example").await.unwrap();
    let mut tx = app.app.context.store.write().await.unwrap();
    let fails = "CREATE TRIGGER full BEFORE INSERT ON tombstones BEGIN SELECT RAISE(ABORT, 'disk full'); END";
    sqlx::query(fails).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(app.erase("hello@two.example").await, Err(SubjectError::Store(_))));
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("DROP TRIGGER full").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    // A hold that comes meanwhile counts: nothing erases the person behind its back.
    put_hold(&app, None, Some("C2")).await;
    assert_eq!(exchanged(&app).await, 0);
    assert_eq!(everything(&app, "hello@two.example").await.unwrap().contacts.len(), 1);
    assert!(matches!(app.erase("hello@two.example").await, Err(SubjectError::Duties { .. })));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_corrected_address_and_the_old_one_are_one_person(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let rectify = async |old, new| app.app.subjects.rectify(&alice(), &address(old), &address(new)).await.unwrap();
    rectify("hello@two.example", "hi@two.example").await;
    rectify("hi@two.example", "carol@two.example").await;
    let record = everything(&app, "carol@two.example").await.unwrap();
    assert_eq!((record.rectifications.len(), record.deliveries.len(), record.contacts.len()), (2, 1, 1));
    let erased = app.erase("carol@two.example").await.unwrap();
    assert_eq!((erased.contacts, erased.deliveries), (1, 1));
    let tombstones = app.app.subjects.tombstones().await.unwrap();
    for email in ["hello@two.example", "hi@two.example", "carol@two.example"] {
        assert!(everything(&app, email).await.is_none(), "{email}");
        assert!(tombstones.erased_at(&key(email)).is_some(), "{email}");
    }
    assert_eq!(audit(&app).await.verdict, Verdict::Ok);
    if engine == Engine::Sqlite {
        assert_eq!(found_in_files(&app, "two.example"), [""; 0]);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_import_does_not_undo_a_correction(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (old, new) = (address("Hello@two.example"), address("hi@two.example"));
    app.app.subjects.rectify(&alice(), &old, &new).await.unwrap();
    let imported = app.import(CUSTOMERS).await;
    assert_eq!(imported.rectified, [5]);
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!((app.relay.to("hi@two.example").len(), app.relay.to("hello@two.example").len()), (1, 0));
    // A file may have both.
    let both = format!("{CUSTOMERS}C2,Two Ltd,hi@two.example,Carol,service,en,Europe/London,lon1;sto2\n");
    assert_eq!(app.import(&both).await.rectified, [5]);
    assert_eq!(everything(&app, "hi@two.example").await.unwrap().contacts.len(), 1);
    // The source of the file is corrected.
    assert!(app.import(&CUSTOMERS.replace("hello@two.example", "hi@two.example")).await.rectified.is_empty());
    app.app.subjects.rectify(&alice(), &new, &old).await.unwrap();
    assert!(app.import(CUSTOMERS).await.rectified.is_empty(), "the correction was taken back");
}

#[tokio::test]
async fn an_import_does_not_bring_back_the_name_of_an_erased_sole_trader() {
    let app = TestApp::new(Engine::Sqlite).await;
    let file = CUSTOMERS.replace("Two Ltd", "Carol Ek Consulting");
    app.import(&file).await;
    app.erase("hello@two.example").await.unwrap();
    app.erase("service@ett.example").await.unwrap();
    app.import(&file).await;
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(customers::find(&mut conn, "C2").await.unwrap().unwrap().name, "");
    assert_eq!(customers::find(&mut conn, "C1").await.unwrap().unwrap().name, "Ett AB");
}

#[tokio::test]
async fn an_objection_to_mandatory_notices_is_recorded_with_its_grounds() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let person = address("hello@two.example");
    let categories = [Category::News, Category::Maintenance];
    let object = async |note| app.app.subjects.object(&alice(), &person, &categories, note).await;
    assert!(matches!(object(None).await, Err(SubjectError::Grounds(_))));
    let objection = object(Some("on leave until spring")).await.unwrap();
    assert_eq!(objection.opted_out, [Category::News]);
    assert_eq!(objection.recorded, [Category::Maintenance]);
    let record = everything(&app, "hello@two.example").await.unwrap();
    let found = record.operations.iter().find(|it| it.action == Action::Object).unwrap();
    assert_eq!(found.reason, "news, maintenance: on leave until spring");
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.coverage(id).await.informed, 2, "it is still sent");
}

#[tokio::test]
async fn everything_that_is_done_to_a_person_names_who_did_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let person = address("hello@two.example");
    let bo = Actor::cli("bo", "root").unwrap();
    let subjects = &app.app.subjects;
    subjects.restrict(&bo, &person).await.unwrap();
    subjects.unrestrict(&bo, &person).await.unwrap();
    assert!(matches!(subjects.unrestrict(&bo, &person).await, Err(SubjectError::NotRestricted(_))));
    subjects.object(&bo, &person, &[Category::News], None).await.unwrap();
    subjects.export(&bo, &person).await.unwrap();
    let record = everything(&app, "hello@two.example").await.unwrap();
    let done: Vec<Action> = record.operations.iter().map(|it| it.action).collect();
    for action in [Action::Restrict, Action::Unrestrict, Action::Object, Action::Export] {
        assert!(done.contains(&action), "{action}: {done:?}");
    }
    assert!(
        record.operations.iter().all(|it| it.by == "an operator"),
        "which employee it was is not the person's to know"
    );
    let mut conn = app.app.context.store.read().await.unwrap();
    let openings = besked::store::proof::ledger::of_address(&mut conn, &key("hello@two.example")).await.unwrap();
    drop(conn);
    let actors = openings.iter().filter(|it| it.event == Event::Operated).filter_map(|it| it.person.as_deref());
    let actors: Vec<String> = actors.map(|it| Person::from_cbor(it).unwrap().role).collect();
    assert!(actors.iter().all(|it| it == "bo (command line, user root)" || it.starts_with("alice ")), "{actors:?}");
    // The evidence in the export proves what was done, and opens no operator's name.
    for file in &record.evidence {
        let opened = besked::domain::evidence::verify(file.get().as_bytes(), &crate::evidence::key(&app)).unwrap();
        let json: serde_json::Value = serde_json::from_str(file.get()).unwrap();
        for (entry, written) in opened.entries.iter().zip(json["entries"].as_array().unwrap()) {
            assert!(entry.fact.event != Event::Operated || written["person"].is_null(), "{written}");
        }
    }
    let hold = put_hold(&app, None, Some("C3")).await;
    let placed = last_fact(&app, Event::Operated).await.detail;
    assert_eq!(placed, Detail::Operated { action: Action::Hold, object: Some(hold) });
    app.erase("hello@two.example").await.unwrap();
    let Detail::Operated { action, .. } = last_fact(&app, Event::Operated).await.detail else { panic!() };
    assert_eq!(action, Action::Erase);
    assert_eq!(
        found_in_files(&app, "hello@two.example"),
        [""; 0],
        "the record of the erasure does not name the person"
    );
}

#[tokio::test]
async fn an_import_that_was_checked_before_an_erasure_does_not_undo_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    let imported =
        app.try_import(CUSTOMERS.as_bytes(), ImportOptions { replace: true, ..ImportOptions::default() }).await;
    assert_eq!(imported.unwrap().erased.len(), 1);
    assert!(everything(&app, "hello@two.example").await.is_none());
}

#[test]
fn an_erasure_without_a_terminal_needs_a_yes() {
    let shell = Shell::new();
    let customers = shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", &customers]).ok();
    let erase = ["subject", "erase", "hello@two.example", "--ground", "Art. 17(1)(b)"];
    shell.run(&erase).fails(2, &["there is no terminal", "--yes"]);
    shell.run(&["subject", "rectify", "hello@two.example", "--to", "hi@two.example"]).ok();
    let export = shell.run(&["subject", "export", "hello@two.example"]).ok().out;
    assert!(export.contains("address hello@two.example corrected to hi@two.example"), "{export}");
    let hold = shell.run(&["--json", "hold", "add", "--account", "C2", "--reason", "lawsuit"]).ok().json();
    let waiver = format!("hold:{}", hold["id"].as_str().unwrap());
    shell.run(&[&erase[..], &["--yes"]].concat()).fails(1, &["--waive", &waiver]);
    shell.run(&[&erase[..], &["--yes", "--waive", "hold"]].concat()).fails(2, &["neither `retention:CATEGORY`"]);
    shell.run(&[&erase[..], &["--yes", "--waive", &waiver]].concat()).ok();
    shell.run(&["subject", "export", "hello@two.example"]).fails(2, &["nothing is stored about"]);
}

#[tokio::test]
async fn a_restored_copy_also_forgets_a_person_who_is_only_mentioned() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let draft = app.draft(&maintenance("file = \"rows.csv\""), "account_id,boss\nC1,Eva@ett.example\n");
    let id = app.try_release(&draft).await.unwrap();
    app.run_until_idle().await;
    attest(&app, id, "C1", "told Eva (eva@ett.example) and Per <per@ett.example>").await;
    let (app, yesterday) = app.copy().await;
    app.erase("eva@ett.example").await.unwrap();
    let app = app.put_back(yesterday).await;
    assert_eq!(exchanged(&app).await, 1);
    assert!(everything(&app, "eva@ett.example").await.is_none());
    assert_eq!(found_in_files(&app, "Eva@ett.example"), [""; 0]);
    assert_eq!(exchanged(&app).await, 0, "once");
}

#[tokio::test]
async fn the_words_of_an_attestation_have_the_duty_of_their_notice() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let breach = app.release(include_str!("../../config/demo/notices/1-security-breach.md")).await;
    app.run_until_idle().await;
    attest(&app, breach, "C1", "told Eva (eva@ett.example)").await;
    let Err(SubjectError::Duties { duties, .. }) = app.erase("eva@ett.example").await else { panic!("no duty") };
    let duty = Duty::Retention(Category::SecurityBreach);
    assert_eq!(duties.iter().map(|(duty, _)| *duty).collect::<Vec<_>>(), [duty]);
    app.erase_waiving("eva@ett.example", &[duty]).await.unwrap();
    assert!(everything(&app, "eva@ett.example").await.is_none());
}

#[tokio::test]
async fn a_duty_that_counts_from_the_end_of_the_contract_ends_with_its_time() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        let rules = config.category.entry(Category::Maintenance).or_default();
        (rules.retention, rules.retention_duty) = (Some("contract_end+3y".parse().unwrap()), Some(true));
    })
    .await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let why = async || match app.erase("hello@two.example").await {
        Err(SubjectError::Duties { duties, .. }) => duties[0].1.clone(),
        other => panic!("{other:?}"),
    };
    assert!(why().await.contains("while the contract runs"), "{}", why().await);
    let without = CUSTOMERS.lines().filter(|line| !line.starts_with("C2")).collect::<Vec<_>>().join("\n");
    let options = ImportOptions { replace: true, ..ImportOptions::default() };
    app.try_import(without.as_bytes(), options).await.unwrap();
    assert!(why().await.contains("must be stored until 20"), "{}", why().await);
    app.advance(std::time::Duration::from_secs(4 * 366 * 24 * 3600));
    app.erase("hello@two.example").await.unwrap();
}

/// The contacts and the mark that they were revived are written together: one without the other would be erased again.
#[tokio::test]
async fn a_revival_that_cannot_be_recorded_stores_nothing() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("hello@two.example").await.unwrap();
    let sql = async |text: &'static str| {
        let mut tx = app.app.context.store.write().await.unwrap();
        sqlx::query(text).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    sql("CREATE TRIGGER lost BEFORE INSERT ON tombstones BEGIN SELECT RAISE(ABORT, 'lost'); END").await;
    let options = ImportOptions { erased: Erased::Revive, ..ImportOptions::default() };
    app.try_import(CUSTOMERS.as_bytes(), options.clone()).await.unwrap_err();
    assert!(everything(&app, "hello@two.example").await.is_none());
    sql("DROP TRIGGER lost").await;
    app.try_import(CUSTOMERS.as_bytes(), options).await.unwrap();
    assert_eq!(everything(&app, "hello@two.example").await.unwrap().contacts.len(), 1);
    assert!(app.app.subjects.tombstones().await.unwrap().erased_at(&key("hello@two.example")).is_none());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_correction_of_the_spelling_alone_is_not_undone_by_an_import(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (plain, spelled) = (address("hello@two.example"), address("Hello@two.example"));
    let stored = async || {
        let found = contacts::of_customers(&mut app.app.context.store.read().await.unwrap(), &["C2"]).await.unwrap();
        found["C2"][0].email.as_str().to_owned()
    };
    app.app.subjects.rectify(&alice(), &plain, &spelled).await.unwrap();
    assert_eq!(app.import(CUSTOMERS).await.rectified, [5]);
    assert_eq!(stored().await, "Hello@two.example");
    let corrected = CUSTOMERS.replace("hello@two.example", "Hello@two.example");
    assert!(app.import(&corrected).await.rectified.is_empty(), "nothing to correct");
    // The spelling of a correction to the same address is the latest.
    let other = address("teknik@ett.example");
    app.app.subjects.rectify_as_one(&alice(), &spelled, &other).await.unwrap();
    app.app.subjects.rectify(&alice(), &other, &spelled).await.unwrap();
    app.import(CUSTOMERS).await;
    app.app.subjects.rectify(&alice(), &spelled, &plain).await.unwrap();
    assert!(app.import(CUSTOMERS).await.rectified.iter().all(|line| *line != 5), "it was taken back");
    assert_eq!(stored().await, "hello@two.example");
}

#[tokio::test]
async fn two_nodes_on_a_restored_copy_erase_a_person_again_once() {
    let app = TestApp::restored_after_erasing("hello@two.example").await;
    let (one, other) = tokio::join!(exchanged(&app), exchanged(&app));
    assert_eq!(one + other, 1);
    let mut conn = app.app.context.store.read().await.unwrap();
    let count = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM ledger_openings WHERE event = 'erased'");
    assert_eq!(count.fetch_one(&mut *conn).await.unwrap(), 1);
    drop(conn);
    assert_eq!(audit(&app).await.problem, None);
}

/// The account of a sole trader was given to somebody else before the person asks to be forgotten.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_a_former_sole_trader_goes_from_an_account_that_somebody_else_has_now(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let of = |name: &str, email: &str| {
        format!(
            "account_id,customer_name,email\nC7,{name},{email}\nC8,Nordvind AB,anna@nord.example\nC8,Nordvind AB,bo@nord.example\n"
        )
    };
    app.import(&of("Sole Trader Ida Alm", "ida@alm.example")).await;
    let id = app.release(&crate::app::maintenance("all = true")).await;
    app.run_until_idle().await;
    app.import(&of("Completely Other Ltd", "zed@other.example").replace("Nordvind", "Sydvind")).await;
    app.erase("ida@alm.example").await.unwrap();
    app.erase("anna@nord.example").await.unwrap();
    let names: Vec<String> = app.covered(id).await.1.into_iter().map(|row| row.customer_name).collect();
    assert_eq!(names, ["", "Nordvind AB"], "somebody else of the company is named still");
    assert_eq!(crate::audit::audit(&app).await.problem, None);
}
