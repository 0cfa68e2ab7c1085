//! The calendar entries of maintenance, read by other people's libraries: Python's `icalendar`, and the parser that network
//! operators read the notices of their providers with.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use besked::config::CalendarMethod;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::relay::{Act, Received};

/// Where `tests/run` installs the libraries.
fn libraries() -> PathBuf {
    let named = std::env::var_os("BESKED_TEST_CALENDARS").map(PathBuf::from);
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let libraries =
        named.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(target).join("tools/calendars"));
    assert!(
        libraries.join("circuit_maintenance_parser").is_dir() && libraries.join("icalendar").is_dir(),
        "{} has not the libraries `circuit-maintenance-parser` and `icalendar`: tests/run installs them",
        libraries.display()
    );
    libraries
}

/// What the libraries read in messages, or in calendars.
#[track_caller]
pub fn read(contents: &[&[u8]]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut python = Command::new("python3");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/besked/read_calendar.py");
    python.env("PYTHONPATH", libraries()).arg(script);
    for (index, content) in contents.iter().enumerate() {
        let path = folder.path().join(index.to_string());
        fs::write(&path, content).unwrap();
        python.arg(path);
    }
    let ran = python.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

fn read_mails(mails: &[Received]) -> Vec<Value> {
    read(&mails.iter().map(|mail| mail.data.as_slice()).collect::<Vec<_>>())
}

/// A notice that follows another, in this phase.
pub fn next(follows: Uuid, phase: &str) -> String {
    let moved = "previous_start = 2036-12-01T22:00:00+01:00\nprevious_end = 2036-12-02T02:00:00+01:00\n";
    let text = maintenance("")
        .replace("[audience]\n\n", "")
        .replace("reference = \"CHG-1\"", &format!("reference = \"CHG-1\"\nfollows = \"{follows}\""))
        .replace("\"announced\"\n", &format!("\"{phase}\"\n{}", if phase == "rescheduled" { moved } else { "" }));
    if phase == "announced" || phase == "cancelled" {
        text
    } else {
        text.replace("2036-12-02T", "2036-12-03T")
            .replace("= 2036-12-01T22:00:00+01:00\nwindow_end", "= 2036-12-02T22:00:00+01:00\nwindow_end")
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn other_libraries_read_a_whole_life_as_one_entry_for_each_customer(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let mut last = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    for phase in ["rescheduled", "started", "completed"] {
        app.advance(Duration::from_secs(3600));
        last = app.release(&next(last, phase)).await;
        app.run_until_idle().await;
    }
    let mails = app.relay.to("hello@two.example");
    let read = read_mails(&mails);
    let events: Vec<&Value> = read.iter().map(|it| &it["events"][0]).collect();
    let says = |key: &str| events.iter().map(|event| event[key].clone()).collect::<Vec<_>>();
    assert_eq!(says("sequence"), [0, 1, 2, 3]);
    assert_eq!(says("status"), ["CONFIRMED"; 4]);
    assert_eq!(says("x-status"), ["CONFIRMED", "CONFIRMED", "IN-PROCESS", "COMPLETED"]);
    let (first, moved) = ("2036-12-01T21:00:00+00:00", "2036-12-02T21:00:00+00:00");
    assert_eq!(says("start"), [first, moved, moved, moved]);
    assert_eq!(says("end")[0], "2036-12-02T01:00:00+00:00");
    assert!(says("stamp").windows(2).all(|two| two[0] != two[1]), "each has a time of its own");
    assert!(says("uid").iter().all(|uid| *uid == says("uid")[0]));
    assert_eq!(says("summary"), ["Maintenance of Compute"; 4]);
    assert!(says("description")[1].as_str().unwrap().starts_with("Moved from "), "{}", says("description")[1]);
    for (it, event) in read.iter().zip(&events) {
        assert_eq!((&it["method"], &it["file"]), (&json!("PUBLISH"), &json!("maintenance.ics")), "{it}");
        assert_eq!(it["parameters"], json!(["PUBLISH", "PUBLISH"]));
        assert_eq!(it["disposition"], "attachment");
        assert_eq!(
            it["structure"],
            json!([
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "text/calendar",
                "text/calendar"
            ])
        );
        assert_eq!(event["alarms"], 0);
        assert_eq!((&event["attendees"], &event["x-account"]), (&json!([]), &json!("C2")));
        assert_eq!(event["organizer"][0], "mailto:notices@example.com");
        let found = &it["maintenances"][0];
        assert_eq!(found["provider"], "example.com");
        assert_eq!((&found["account"], &found["maintenance_id"]), (&json!("C2"), &json!("CHG-1")));
        assert_eq!((&found["status"], &found["sequence"]), (&event["x-status"], &event["sequence"]));
        assert_eq!(found["circuits"], json!([["Compute", "OUTAGE"]]));
        assert_eq!(found["uid"], event["uid"]);
    }
    // Another customer has another entry, and whoever reads it learns nothing of anybody.
    let other = &read_mails(&app.relay.to("teknik@ett.example")[..1])[0]["events"][0]["uid"];
    assert_ne!(other, &says("uid")[0]);
    assert!(other.as_str().unwrap().parse::<Uuid>().is_ok(), "{other}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_one_is_taken_out_and_an_invitation_names_its_recipient(#[case] engine: Engine) {
    let app = TestApp::with(engine, |config| config.calendar.method = CalendarMethod::Request).await;
    app.import(
        "account_id,customer_name,email,contact_name\nC1,Ett AB,\"o'neill+x@ett.example\",\"Åsa \"\"Å\"\" Öst; IT, \
                Network Operations Centre of the North\"\n",
    )
    .await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    app.release(&next(first, "cancelled")).await;
    app.run_until_idle().await;
    let read = read_mails(&app.relay.received());
    assert_eq!((&read[0]["method"], &read[1]["method"]), (&json!("REQUEST"), &json!("CANCEL")));
    for it in &read {
        let (address, name) = (&it["events"][0]["attendees"][0][0], &it["events"][0]["attendees"][0][1]);
        assert_eq!(address, "mailto:o%27neill+x@ett.example");
        assert_eq!(name, "Åsa 'Å' Öst; IT, Network Operations Centre of the North");
    }
    let cancelled = &read[1]["events"][0];
    assert_eq!((&cancelled["status"], &cancelled["sequence"]), (&json!("CANCELLED"), &json!(1)));
    assert_eq!(read[1]["maintenances"][0]["status"], "CANCELLED");
    assert_eq!(cancelled["uid"], read[0]["events"][0]["uid"]);
}

/// Texts with everything that is special in a calendar, in two languages, of which parts are each customer's own.
#[tokio::test(flavor = "multi_thread")]
async fn any_text_is_read_as_it_was_written() {
    let app = TestApp::new(Engine::Sqlite).await;
    let name = "Å;ö,\\ \"x\" ".repeat(12);
    app.import(&format!(
        "account_id,customer_name,email,locale,attr.circuit\nC1,\"{}\",a@one.example,sv,\"1; 2,3\\\"\nC2,Two,b@two.example,en,SE-{}\n",
        name.replace('"', "\"\""),
        "9".repeat(200)
    ))
    .await;
    let text = maintenance("all = true")
        .replace("category", "subject = \"Work; for {{ customer.name }}, \\\\ now: 😀\"\ncategory")
        .replace(
            "[\"Compute\"]",
            "[\"{{ customer.attr.circuit }}\", \"Compute; a, b\"]\nimpact_level = \"reduced_redundancy\"",
        )
        .replace("Two minutes without network.", "One; two, \\\\three.\\n\\nÅÄÖ: four")
        + "\n+++ sv\n[fields]\nimpact = \"Ett; två, tre\"\nservices = [\"Beräkning\"]\n+++\nHej\n";
    app.release(&text).await;
    app.run_until_idle().await;
    let (swedish, english) = (&app.relay.to("a@one.example")[0], &app.relay.to("b@two.example")[0]);
    let read = read_mails(&[swedish.clone(), english.clone()]);
    let (sv, en) = (&read[0]["events"][0], &read[1]["events"][0]);
    assert_eq!(sv["summary"].as_str().unwrap().trim(), format!("Work; for {}, \\ now: 😀", name.trim()));
    assert_eq!(en["summary"], "Work; for Two, \\ now: 😀");
    assert!(en["description"].as_str().unwrap().ends_with("\n\nOne; two, \\three.\n\nÅÄÖ: four"), "{en}");
    assert!(sv["description"].as_str().unwrap().ends_with("\n\nEtt; två, tre"), "{sv}");
    assert_eq!(sv["objects"], json!(["1; 2,3\\", "Compute; a, b"]), "an id is not translated");
    assert_eq!(en["objects"][0], format!("SE-{}", "9".repeat(200)));
    assert_eq!(en["x-impact"], "REDUCED-REDUNDANCY");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_has_the_same_entry_and_other_categories_have_none(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    app.run_until_idle().await;
    let app = app.configured(|config| config.calendar.method = CalendarMethod::Request).await;
    app.advance(Duration::from_secs(3600));
    app.run_until_idle().await;
    let (sent, kept) =
        (&app.relay.to("hello@two.example")[0], app.informed("C2", id).await.notices[0].deliveries[0].id);
    let kept = app.app.deliveries.message(&alice(), kept).await.unwrap().bytes;
    assert_eq!(String::from_utf8_lossy(&sent.data), String::from_utf8_lossy(&kept));
    assert_eq!(read_mails(&[sent.clone()])[0]["method"], "PUBLISH", "as it began");
    app.release(NEWS).await;
    app.run_until_idle().await;
    let news = app.relay.received().pop().unwrap();
    assert_eq!(read_mails(&[news]), [Value::Null]);
}
