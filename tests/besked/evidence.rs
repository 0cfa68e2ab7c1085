//! Evidence: what is exported proves itself without us, and nothing else does.

use std::path::PathBuf;
use std::process::Command;

use besked::domain::actor::{Action, Actor};
use besked::domain::entry::{Detail, Event};
use besked::domain::evidence::{Evidence, Proven, Subject, verify};
use besked::domain::note::VerifierKey;
use besked::evidence::{Choice, Request, Scope};
use besked::ledger::evidence::{EvidenceError, Wanted, export};
use besked::notices::Release;
use rstest::rstest;
use sha2::Digest as _;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, alice, bo, maintenance};
use crate::cli::Shell;
use crate::database::Engine;

/// Exports evidence, as the command does.
pub async fn exported(app: &TestApp, notice_id: Uuid, account_id: Option<&str>) -> Result<Vec<u8>, EvidenceError> {
    let checkpoint = app.app.ledger.checkpoint().await?;
    let mut conn = app.app.context.store.snapshot().await.unwrap();
    let mut file = Vec::new();
    let wanted = Wanted { notice_id, account_id, address: None, with_messages: true };
    export(&mut conn, &checkpoint, &wanted, &mut file, &|_| ()).await?;
    Ok(file)
}

pub fn key(app: &TestApp) -> VerifierKey {
    app.app.ledger.verifier_key().unwrap()
}

pub fn events(evidence: &Evidence) -> Vec<Event> {
    evidence.entries.iter().map(|entry| entry.fact.event).collect()
}

/// What the other implementation says of a file.
pub fn python(file: &[u8], key: &VerifierKey) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("evidence.json");
    std::fs::write(&path, file).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/besked/verify_evidence.py");
    let ran = Command::new("python3").arg(script).arg(path).arg(key.to_string()).output().unwrap();
    let error = String::from_utf8(ran.stderr).unwrap();
    assert!(error.is_empty() || error.starts_with("invalid:"), "is python3-cryptography installed? {error}");
    (ran.status.success(), String::from_utf8(ran.stdout).unwrap())
}

#[rstest::rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn evidence_for_one_customer_opens_that_customer_only(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let file = exported(&app, id, Some("C1")).await.unwrap();
    let text = String::from_utf8(file.clone()).unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    let steps = [Event::Operated; 2];
    let sent = [Event::Manifest, Event::Operated, Event::Accepted, Event::Closed];
    assert_eq!(
        events(&evidence),
        [&steps[..], &sent].concat(),
        "written, submitted; fixed, released, accepted, closed"
    );
    assert_eq!((evidence.recipients_in_manifest, evidence.recipients.len()), (Some(2), 1));
    assert_eq!(evidence.recipients[0].address, "teknik@ett.example");
    let Subject::Person(person) = &evidence.entries[4].subject else { panic!("not opened") };
    assert_eq!((person.account_id.as_str(), person.address.as_str()), ("C1", "teknik@ett.example"));
    let mail = app.relay.to("teknik@ett.example").remove(0);
    let sha256: [u8; 32] = sha2::Sha256::digest(&mail.data).into();
    assert_eq!((evidence.messages[0].sha256, evidence.messages[0].size), (sha256, mail.data.len()), "the exact bytes");
    assert!(!text.contains("two.example"), "nobody else is named");

    let (valid, said) = python(&file, &key(&app));
    assert!(valid && said.contains("3 manifest\n") && said.contains("recipient C1 teknik@ett.example\n"), "{said}");

    let whole = verify(exported(&app, id, None).await.unwrap().as_slice(), &key(&app)).unwrap();
    assert!(whole.is_complete() && whole.messages.len() == 2);
    assert!(python(&exported(&app, id, None).await.unwrap(), &key(&app)).0);

    let nobody = exported(&app, id, Some("C3")).await;
    assert!(matches!(nobody, Err(EvidenceError::NotAddressed(account)) if account == "C3"));
}

#[tokio::test]
async fn no_bit_of_it_can_be_changed() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let checkpoint = app.app.ledger.checkpoint().await.unwrap();
    let mut conn = app.app.context.store.snapshot().await.unwrap();
    let mut file = Vec::new();
    let wanted = Wanted { notice_id: id, account_id: Some("C1"), address: None, with_messages: false };
    export(&mut conn, &checkpoint, &wanted, &mut file, &|_| ()).await.unwrap();
    let key = key(&app);
    let original = verify(file.as_slice(), &key).unwrap();
    let mut harmless = Vec::new();
    for place in 0..file.len() {
        for bit in 0..8 {
            let mut changed = file.clone();
            changed[place] ^= 1 << bit;
            if let Ok(evidence) = verify(changed.as_slice(), &key) {
                assert_eq!(evidence, original, "bit {bit} of byte {place} changes what is proved");
                harmless.push(file[place]);
            }
        }
        if place % 7 == 0 {
            assert!(verify(&file[..place], &key).is_err(), "cut at {place}");
        }
    }
    // A line break between records that became another white space carries no meaning.
    assert!(harmless.iter().all(|byte| *byte == b'\n'), "{:?}", String::from_utf8_lossy(&harmless));
}

/// Places in a file about all of a notice: before the manifest stands who wrote and submitted it, behind it who released it.
const MANIFEST: usize = 2;
const FIRST: usize = 4;
const SECOND: usize = 5;

#[tokio::test]
async fn swapped_and_foreign_parts_are_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    let other = app.release(&maintenance("customers = [\"C1\"]").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    let key = key(&app);
    let file: serde_json::Value = serde_json::from_slice(&exported(&app, id, None).await.unwrap()).unwrap();
    let foreign: serde_json::Value = serde_json::from_slice(&exported(&app, other, None).await.unwrap()).unwrap();
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut changed = file.clone();
        change(&mut changed);
        let bytes = serde_json::to_vec(&ordered(&changed)).unwrap();
        assert!(!python(&bytes, &key).0 || verify(bytes.as_slice(), &key).is_err());
        verify(bytes.as_slice(), &key).map(|_| ()).unwrap_err().to_string()
    };
    let swap = |member: &'static str| {
        move |file: &mut serde_json::Value| {
            let (one, two) = (file["entries"][FIRST][member].clone(), file["entries"][SECOND][member].clone());
            (file["entries"][FIRST][member], file["entries"][SECOND][member]) = (two, one);
        }
    };
    // By its number in the ledger, as everywhere else.
    let proof = file["entries"][FIRST]["proof"].as_str().unwrap();
    let index = proof.lines().find_map(|line| line.strip_prefix("index ")).unwrap();
    assert_ne!(index, "5");
    let which = format!("entry {index} (the file's entry number 5)");
    assert_eq!(refused(&swap("fact")), format!("{which}: the leaf does not commit to this fact under this salt"));
    assert_eq!(refused(&swap("person")), format!("{which}: the leaf does not commit to this person under this salt"));
    assert!(refused(&swap("leaf")).contains("leads to another root"));
    assert!(refused(&swap("proof")).contains("leads to another root"));
    let entries = |change: &dyn Fn(&mut Vec<serde_json::Value>)| {
        refused(&|file: &mut serde_json::Value| change(file["entries"].as_array_mut().unwrap()))
    };
    assert!(entries(&|them| them[FIRST]["person"] = serde_json::Value::Null).contains("both or neither"));
    assert!(entries(&|them| them.swap(FIRST, SECOND)).contains("ascending order"));
    assert!(entries(&|them| them.swap(MANIFEST, FIRST)).contains("no manifest before it"));
    assert!(entries(&|them| them[SECOND + 1] = them[SECOND].clone()).contains("ascending order"));
    assert!(entries(&|them| drop(them.remove(MANIFEST))).contains("no manifest before it"));
    assert!(refused(&|file| file["entries"] = serde_json::json!([])).contains("no entries"));
    assert!(refused(&|file| file["recipients"].as_array_mut().unwrap().swap(0, 1)).contains("ascending order"));
    assert!(refused(&|file| file["recipients"][0]["ordinal"] = 1.into()).contains("not in the manifest"));
    assert!(refused(&|file| file["recipients"][1]["ordinal"] = 7.into()).contains("not in the manifest"));
    let who = |file: &mut serde_json::Value| file["recipients"][0]["who"] = file["recipients"][1]["who"].clone();
    assert!(refused(&who).contains("not in the manifest"));
    assert!(refused(&|file| file["messages"][0]["sha256"] = "00".repeat(32).into()).contains("digest"));
    assert!(refused(&|file| file["extra"] = 1.into()).contains("unknown field"));
    assert!(refused(&|file| file["entries"][0]["note"] = 1.into()).contains("unknown field"));
    assert!(refused(&|file| file["format"] = "besked-evidence/2".into()).contains("format"));
    let mixed = refused(&|file| file["entries"].as_array_mut().unwrap().push(foreign["entries"][0].clone()));
    assert!(
        mixed.contains("ascending") || mixed.contains("more than one notice") || mixed.contains("checkpoint"),
        "{mixed}"
    );
    let of_another = refused(&|file| file["messages"] = foreign["messages"].clone());
    assert!(of_another.contains("no entry names this message"), "{of_another}");
}

/// The members in their order, which `serde_json::Value` forgets.
fn ordered(file: &serde_json::Value) -> impl serde::Serialize {
    #[derive(serde::Serialize)]
    struct File {
        format: serde_json::Value,
        entries: serde_json::Value,
        recipients: serde_json::Value,
        messages: serde_json::Value,
        #[serde(skip_serializing_if = "serde_json::Value::is_null")]
        extra: serde_json::Value,
    }
    let member = |name: &str| file[name].clone();
    File {
        format: member("format"),
        entries: member("entries"),
        recipients: member("recipients"),
        messages: member("messages"),
        extra: member("extra"),
    }
}

#[tokio::test]
async fn another_key_and_another_ledger_are_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let file = exported(&app, id, None).await.unwrap();
    let other = TestApp::with(Engine::Sqlite, |config| crate::app::write_key(&config.ledger.key_file, 9)).await;
    assert!(verify(file.as_slice(), &key(&other)).unwrap_err().to_string().contains("not signed by"));
    let renamed = TestApp::with(Engine::Sqlite, |config| config.ledger.origin = "example.org/other".to_owned()).await;
    assert!(verify(file.as_slice(), &key(&renamed)).unwrap_err().to_string().contains("not signed by"));
    assert!(!python(&file, &key(&other)).0);
}

#[test]
fn wrong_files_end_in_one_line_and_bounded_memory() {
    let shell = Shell::new();
    let key = shell.run(&["ledger", "vkey"]).ok().out;
    shell.write("key", &key);
    shell.write("empty.json", "");
    shell.write("list.json", "[]");
    shell.write("deep.json", &"[".repeat(100 << 20));
    shell.write("deeper.json", &format!("{{\"format\":\"besked-evidence/1\",\"entries\":{}", "[".repeat(1 << 20)));
    shell.write("long.json", &format!("{{\"{}\":1}}", "a".repeat(1 << 20)));
    for file in ["empty.json", "list.json", "deep.json", "deeper.json", "long.json", "key"] {
        let verify = shell.run(&["verify", file, "--key", "key"]);
        assert_eq!(verify.code, 1, "{file}: {}", verify.err);
        let one_line = verify.out.starts_with("INVALID: it is not an evidence file") && verify.out.lines().count() == 1;
        assert!(one_line && verify.err.is_empty(), "{file}: {:.300}", verify.out);
    }
    shell.write("report.json", "%PDF-1.7\n...");
    shell.run(&["verify", "report.json", "--key", "key"]).fails(2, &["is a PDF", "pdfdetach -saveall"]);
    shell.run(&["verify", ".", "--key", "key"]).fails(2, &["`.` is a folder", "hint: name the evidence file in it"]);
    shell.write("key-of-notepad", &format!("\u{feff}{}\r\n", key.trim()));
    shell.run(&["verify", "missing.json", "--key", "key-of-notepad"]).fails(2, &["cannot read `missing.json`"]);
    shell.run(&["verify", "missing.json", "--key", "key"]).fails(2, &["cannot read `missing.json`"]);
    shell
        .run(&["verify", "key", "--key", "nonsense"])
        .fails(2, &["neither a verifier key nor a file with one", "hint: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_names_one_customer_or_is_asked_to_name_everyone() {
    let relay = crate::relay::Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("one.md", &maintenance("all = true"));
    shell.write("two.md", &maintenance("customers = [\"C1\"]"));
    shell.run(&["notice", "send", "one.md", "--wait", "--yes"]).ok();
    shell.run(&["notice", "send", "two.md", "--wait", "--yes"]).ok();
    let key = shell.run(&["ledger", "vkey"]).ok().out;
    let export = |more: &[&str]| shell.run(&[&["--json", "evidence", "export", "-o", "matter.json"], more].concat());
    export(&["--reference", "CHG-1"]).fails(2, &["needs the customer", "hint: `--account ID`"]);
    export(&["--account", "C1"]).fails(2, &["--notice", "--reference"]);
    export(&["--reference", "CHG-1", "--account", "C9"]).fails(2, &["nothing to prove"]);
    export(&["--reference", "CHG-9", "--everyone"]).fails(2, &["no notice `CHG-9`"]);

    // Each notice of the matter has its file.
    let written = export(&["--reference", "CHG-1", "--account", "C1", "--pdf", "matter.pdf"]).ok().json();
    let files: Vec<_> = written["evidence"].as_array().unwrap().iter().map(|it| it["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["matter.json", "matter-2.json"]);
    for file in files {
        let said = shell.run(&["--json", "verify", file, "--key", key.trim()]).ok().json();
        assert_eq!(said["verdict"], "valid", "{file}: {said}");
        let named = serde_json::json!([
            {"ordinal": 0, "account_id": "C1", "email": "teknik@ett.example", "added": false}
        ]);
        assert_eq!(said["named"], named, "who was proved to be a recipient");
        let text = shell.run(&["verify", file, "--key", key.trim()]).ok().out;
        assert!(
            text.contains("who is proved to be a recipient") && text.contains("0: customer C1, teknik@ett.example"),
            "{text}"
        );
    }
    for name in ["matter.json", "matter-2.json", "matter.pdf", "matter-2.pdf"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(shell.directory.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // Only one of them was addressed to this customer.
    let written = export(&["--reference", "CHG-1", "--account", "C2"]).ok().json();
    assert_eq!(written["evidence"].as_array().unwrap().len(), 1);

    let everyone = export(&["--reference", "CHG-1", "--everyone"]).ok();
    assert!(everyone.err.contains("names every recipient of every customer: 2 recipients"), "{}", everyone.err);
}

/// More recipients than a stored subtree has, and a last one that is not full.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn one_recipient_of_many_is_proved_from_stored_hashes_and_so_are_all(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let rows: String = (0..700).map(|n| format!("C{n:04},Kund {n},a{n}@d.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let notice_id = app.release(&maintenance("all = true")).await;
    let checkpoint = app.app.ledger.checkpoint().await.unwrap();
    let key = app.app.ledger.verifier_key().unwrap();
    for (account_id, recipients) in [(Some("C0000"), 1), (Some("C0300"), 1), (Some("C0699"), 1), (None, 700)] {
        let mut conn = app.app.context.store.snapshot().await.unwrap();
        let wanted = Wanted { notice_id, account_id, address: None, with_messages: false };
        let mut file = Vec::new();
        let contents = export(&mut conn, &checkpoint, &wanted, &mut file, &|_| ()).await.unwrap();
        assert_eq!(contents.recipients, recipients, "{account_id:?}");
        verify(file.as_slice(), &key).unwrap();
    }
    assert_eq!(crate::audit::audit(&app).await.problem, None);
    // Most recipients are not read for one of them: those of its subtree and those of the last, which is not full.
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("UPDATE deliveries SET salt = NULL WHERE ordinal = 300").execute(&mut *tx).await.unwrap();
    let wanted = Wanted { notice_id, account_id: Some("C0000"), address: None, with_messages: false };
    let mut file = Vec::new();
    export(&mut tx, &checkpoint, &wanted, &mut file, &|_| ()).await.unwrap();
    verify(file.as_slice(), &key).unwrap();
    drop(tx);
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("UPDATE recipient_nodes SET hash = (SELECT root FROM ledger_head)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let problem = crate::audit::audit(&app).await.problem.unwrap();
    assert!(problem.contains("the stored hash of the subtree over recipients 0..=255 is another"), "{problem}");
}

#[tokio::test]
async fn what_operators_did_later_is_no_evidence_and_not_missing_from_it() {
    use besked::ledger::operated::{Operation, record};
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let checkpoint = app.app.ledger.checkpoint().await.unwrap();
    let notice = app.notice(id).await;
    for seal in [false, true] {
        let mut tx = app.app.context.store.write().await.unwrap();
        let operation = Operation::on_notice(Action::Pause, &notice);
        record(&mut tx, &bo(), &operation, app.app.context.clock.now(), &app.app.context.random).await.unwrap();
        tx.commit().await.unwrap();
        if seal {
            app.app.ledger.checkpoint().await.unwrap();
        }
        let mut conn = app.app.context.store.snapshot().await.unwrap();
        let wanted = Wanted { notice_id: id, account_id: Some("C1"), address: None, with_messages: false };
        let contents = export(&mut conn, &checkpoint, &wanted, Vec::new(), &|_| ()).await.unwrap();
        assert_eq!((contents.entries, contents.unsealed), (6, 0));
    }
}

/// Who did what, as a file says it.
fn steps(evidence: &Evidence) -> Vec<(Action, String)> {
    let step = |entry: &Proven| {
        let Detail::Operated { action, .. } = entry.fact.detail else { return None };
        let Subject::Person(person) = &entry.subject else { return Some((action, "not named".to_owned())) };
        Some((action, person.role.clone()))
    };
    evidence.entries.iter().filter_map(step).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn evidence_says_who_wrote_approved_and_released_what_was_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (notices, eve) = (&app.app.notices, Actor::cli("eve", "root").unwrap());
    let text = crate::notices::AGREEMENT;
    let id = notices.create(&app.draft(&text.replace("\"4\"", "\"3\""), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    notices.approve(id, &bo(), None).await.unwrap();
    notices.edit(id, &app.draft(text, ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    notices.decline(id, &bo(), Some("unclear")).await.unwrap();
    notices.edit(id, &app.draft(text, ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    notices.approve(id, &bo(), Some("read it")).await.unwrap();
    let early = app.app.ledger.checkpoint().await.unwrap();
    notices.release(id, &eve, Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;

    let (by_alice, by_bo) = (alice().to_string(), bo().to_string());
    let wanted = [
        (Action::Edit, by_alice.clone()),
        (Action::Submit, by_alice.clone()),
        (Action::Edit, by_alice.clone()),
        (Action::Submit, by_alice.clone()),
        (Action::Approve, by_bo.clone()),
        (Action::Release, eve.to_string()),
    ];
    for account in [Some("C1"), None] {
        let file = exported(&app, id, account).await.unwrap();
        let evidence = verify(file.as_slice(), &key(&app)).unwrap();
        assert_eq!(steps(&evidence), wanted, "of the content that was sent, and nothing else");
        let approved = &evidence.entries.iter().find(|it| it.claim.proves.contains(" approved notice ")).unwrap().claim;
        assert!(approved.proves.contains(&format!("UTC: {by_bo} approved notice {id} ")), "{approved:?}");
        assert!(approved.proves.ends_with(": read it."), "{approved:?}");
        assert!(approved.does_not_prove.contains("who sat at the keyboard"), "{approved:?}");
        let (valid, said) = python(&file, &key(&app));
        for (action, by) in &wanted {
            assert!(valid && said.contains(&format!(" operated {action} by {by}\n")), "{said}");
        }
    }
    // Evidence for one person is part of what that person gets, which names no operator; an old checkpoint covers nothing of it yet.
    let person = besked::domain::address::Address::parse("teknik@ett.example").unwrap().key();
    let mut conn = app.app.context.store.snapshot().await.unwrap();
    let checkpoint = app.app.ledger.checkpoint().await.unwrap();
    let wanted = Wanted { notice_id: id, account_id: Some("C1"), address: Some(&person), with_messages: false };
    let mut file = Vec::new();
    export(&mut conn, &checkpoint, &wanted, &mut file, &|_| ()).await.unwrap();
    assert_eq!(steps(&verify(file.as_slice(), &key(&app)).unwrap()), []);
    let refused = export(&mut conn, &early, &Wanted { address: None, ..wanted }, Vec::new(), &|_| ()).await;
    assert!(matches!(refused, Err(EvidenceError::NotSealed)), "{refused:?}");
}

#[tokio::test]
async fn evidence_of_a_scheduled_release_names_who_scheduled_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let schedule = "[schedule]\nsend_at = 2026-11-24T12:00:00Z\n[audience]";
    let later = maintenance("all = true").replacen("[audience]", schedule, 1);
    let id = app.release(&later).await;
    app.advance(std::time::Duration::from_secs(7300));
    app.run_until_idle().await;
    let evidence = verify(exported(&app, id, None).await.unwrap().as_slice(), &key(&app)).unwrap();
    let done = steps(&evidence);
    let by = |action| done.iter().find(|(it, _)| *it == action).map(|(_, by)| by.as_str());
    assert_eq!(by(Action::Schedule), Some(alice().to_string().as_str()), "{done:?}");
    assert!(by(Action::Release).is_some_and(|by| by.ends_with(" (system)")), "{done:?}");
}

#[tokio::test]
async fn paths_of_recipients_hold_in_a_notice_of_many_blocks() {
    let app = TestApp::new(Engine::Sqlite).await;
    let rows = |n: u32| format!("C{n},Customer {n},person{n}@customer{n}.example,,service,en,UTC,sto2\n");
    let header = CUSTOMERS.lines().next().unwrap();
    app.import(&format!("{header}\n{}", (0..777).map(rows).collect::<String>())).await;
    let id = app.release(&maintenance("all = true")).await;
    let file = exported(&app, id, None).await.unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    assert!(evidence.is_complete() && evidence.recipients.len() == 777);
}

#[tokio::test]
async fn evidence_by_reference_has_the_notices_that_a_customer_is_attested_for() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let request = || Request {
        notices: Choice::Reference("CHG-1".to_owned()),
        scope: Scope::Customer("C3".to_owned()),
        with_messages: false,
    };
    assert!(app.app.evidence.prepare(&alice(), &request()).await.is_err());
    app.attest(id, "C3", besked::domain::attestation::Channel::Letter, "by letter").await.unwrap();
    let proofs = app.app.evidence.prepare(&alice(), &request()).await.unwrap();
    assert_eq!(proofs.len(), 1);
    let mut file = Vec::new();
    proofs[0].write(&mut file, &|_| ()).await.unwrap();
    assert!(events(&verify(file.as_slice(), &key(&app)).unwrap()).contains(&Event::Attested));
}
