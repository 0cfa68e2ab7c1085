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
use crate::cli::Shell;
use crate::database::Engine;
use crate::http::{Node, Reply, Server};
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
    if phase == "cancelled" {
        return text;
    }
    text.replace("window_start = 2036-12-01", "window_start = 2036-12-02")
        .replace("window_end = 2036-12-02", "window_end = 2036-12-03")
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
        + "\n+++ sv\nsubject = \"Work; for {{ customer.name }}, \\\\ now: 😀\"\n[fields]\nimpact = \"Ett; två, tre\"\nservices = [\"Beräkning\"]\n+++\nHej\n";
    app.release(&text).await;
    app.run_until_idle().await;
    let (swedish, english) = (&app.relay.to("a@one.example")[0], &app.relay.to("b@two.example")[0]);
    let read = read_mails(&[swedish.clone(), english.clone()]);
    let (sv, en) = (&read[0]["events"][0], &read[1]["events"][0]);
    assert_eq!(sv["summary"].as_str().unwrap().trim(), format!("Work; for {}, \\ now: 😀", name.trim()));
    assert_eq!(en["summary"], "Work; for Two, \\ now: 😀");
    assert!(en["description"].as_str().unwrap().ends_with("\n\nOne; two, \\three.\n\nÅÄÖ: four"), "{en}");
    assert!(sv["description"].as_str().unwrap().ends_with("\n\nEtt; två, tre"), "{sv}");
    assert_eq!(sv["objects"], json!(["1, 2,3\\", "Compute; a, b"]), "an id is not translated");
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
    assert_eq!(read_mails(std::slice::from_ref(sent))[0]["method"], "PUBLISH", "as it began");
    app.release(NEWS).await;
    app.run_until_idle().await;
    let news = app.relay.received().pop().unwrap();
    assert_eq!(read_mails(&[news]), [Value::Null]);
}

/// A line of a calendar without its name, if it has no folds.
fn line<'a>(calendar: &'a str, name: &str) -> Option<&'a str> {
    calendar.lines().find_map(|line| line.strip_prefix(name))
}

/// The customer's calendar over HTTP.
async fn fetch(node: &Node, url: &str, tag: &str) -> Reply {
    let path = url.strip_prefix("https://notices.example.com").unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: notices.example.com\r\nConnection: close\r\nIf-None-Match: {tag}\r\n\r\n"
    );
    node.exchange(request.as_bytes()).await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_subscribes_to_its_maintenance_until_the_address_is_revoked(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    let (support, finance) = (server.key("support").await, server.key("finance").await);
    let (node, app) = (&server.node, &server.app);
    app.import(CUSTOMERS).await;
    let path = "/api/v1/customers/C2/calendar";
    node.post(&finance, path, &json!({})).await.refused(403);
    node.post(&support, "/api/v1/customers/C9/calendar", &json!({})).await.refused(404);
    let given = node.post(&support, path, &json!({})).await.ok(200);
    let url = given["url"].as_str().unwrap().to_owned();
    assert_eq!(given["made"], true);
    let again = node.post(&support, path, &json!({})).await.ok(200);
    assert_eq!((&again["url"], &again["made"]), (&given["url"], &json!(false)));

    let empty = fetch(node, &url, "none").await;
    assert_eq!((empty.status, empty.header("content-type")), (200, Some("text/calendar; charset=utf-8")));
    assert_eq!(read(&[&empty.body])[0]["events"], json!([]));
    let first = app.release(&maintenance("all = true").replace("Two min", "For {{ contact.email }}: two min")).await;
    app.release(&maintenance("customers = [\"C1\"]").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    let announced = fetch(node, &url, empty.header("etag").unwrap()).await;
    let tag = announced.header("etag").unwrap().to_owned();
    assert_eq!(announced.status, 200);
    assert_eq!(fetch(node, &url, &tag).await.status, 304, "nothing has changed");
    app.advance(Duration::from_secs(3600));
    assert_eq!(fetch(node, &url, &tag).await.status, 304, "nor by the time that passed");
    app.release(&next(first, "rescheduled")).await;
    app.run_until_idle().await;
    let moved = fetch(node, &url, &tag).await;
    let feeds = read(&[&announced.body, &moved.body]);
    let mails = read_mails(&app.relay.to("hello@two.example"));
    for (feed, mail) in feeds.iter().zip(&mails) {
        let (entry, sent) = (&feed["events"][0], &mail["events"][0]);
        assert_eq!(feed["events"].as_array().unwrap().len(), 1, "nothing of another customer");
        for key in ["uid", "sequence", "stamp", "start", "end", "status", "x-account", "objects"] {
            assert_eq!(entry[key], sent[key], "{key}");
        }
        assert_eq!((&feed["method"], &feed["maintenances"][0]["account"]), (&json!("PUBLISH"), &json!("C2")));
    }
    let text = String::from_utf8(moved.body.clone()).unwrap();
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
    assert_eq!(line(&text, "X-PUBLISHED-TTL:"), Some("PT1H"));
    for person in ["Carol", "hello@", "Two Ltd"] {
        assert!(!text.contains(person) && !String::from_utf8_lossy(&announced.body).contains(person), "{person}");
    }
    for made_up in ["", "x", &url[30..60]] {
        let url = format!("https://notices.example.com/c/{made_up}.ics");
        assert_eq!(fetch(node, &url, "none").await.status, 404, "{made_up}");
    }
    let revoked = node.ask(&support, ("DELETE", path), &[], b"").await.ok(200);
    assert_eq!(revoked["revoked"], true);
    assert_eq!(node.ask(&support, ("DELETE", path), &[], b"").await.ok(200)["revoked"], false);
    assert_eq!(fetch(node, &url, &tag).await.status, 404);
    assert_ne!(node.post(&support, path, &json!({})).await.ok(200)["url"], given["url"]);
    server.node.end().await;
}

/// Long after the window nothing of it is left, and what was cancelled before it went out was never there.
#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_has_what_is_near_and_what_the_customer_was_to_hear() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let url = app.app.feeds.give(&alice(), "C2").await.unwrap().url;
    let token = url.rsplit('/').next().unwrap().strip_suffix(".ics").unwrap();
    let near = |text: String| text.replace("2036-12-01", "2026-12-01").replace("2036-12-02", "2026-12-02");
    app.release(&near(maintenance("all = true"))).await;
    let dropped = app.release(&near(maintenance("all = true")).replace("CHG-1", "CHG-2")).await;
    app.app.notices.cancel(dropped, &alice(), None).await.unwrap();
    app.run_until_idle().await;
    let calendar = async || app.app.feeds.calendar(token).await.unwrap().unwrap();
    let text = calendar().await;
    assert!(text.contains("MAINTENANCE-ID:CHG-1") && !text.contains("CHG-2"), "{text}");
    app.advance(Duration::from_secs(80 * 24 * 3600));
    assert_eq!(calendar().await, text);
    app.advance(Duration::from_secs(30 * 24 * 3600));
    assert!(!calendar().await.contains("VEVENT"), "it is over for long");
}

/// Only customers whose calendar has an address read of it, and as long as it has one.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_footer_names_the_calendar_of_a_customer_that_has_one(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let url = app.app.feeds.give(&alice(), "C1").await.unwrap().url;
    app.release(&maintenance("all = true")).await;
    app.release(NEWS).await;
    app.run_until_idle().await;
    let of = |to: &str| app.relay.to(to).remove(0);
    let html = |mail: &Received| {
        let message = mail_parser::MessageParser::default().parse(&mail.data).unwrap();
        message.body_html(0).unwrap().into_owned()
    };
    let (one, two) = (of("teknik@ett.example"), of("hello@two.example"));
    let label = "Prenumerera på allt underhåll som kalender:\n";
    assert!(one.text().replace("\r\n", "\n").contains(&format!("{label}{url}\n")), "{}", one.text());
    assert!(html(&one).contains(&format!("<a href=\"{url}\"")), "{}", html(&one));
    assert!(!two.text().contains("/c/") && !html(&two).contains("/c/"), "{}", two.text());
    assert!(!two.text().contains("calendar"), "{}", two.text());
    let news = app.relay.to("service@ett.example");
    assert!(news.iter().all(|mail| !mail.text().contains(&url)), "news have nothing to do with it");
    app.app.feeds.revoke(&alice(), "C1").await.unwrap();
    app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    let later = app.relay.to("teknik@ett.example").pop().unwrap();
    assert!(!later.text().contains("/c/"), "{}", later.text());
}

#[test]
fn commands_give_and_revoke_an_address() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let url = shell.run(&["customers", "calendar", "C2"]).ok().out;
    assert!(url.starts_with("https://") && url.ends_with(".ics\n"), "{url}");
    let json = shell.run(&["--json", "customers", "calendar", "C2"]).ok().json();
    assert_eq!((json["url"].as_str(), &json["made"]), (Some(url.trim()), &json!(false)));
    for said in ["the calendar of C2 has no address any more\n", "the calendar of C2 has no address\n"] {
        assert_eq!(shell.run(&["customers", "calendar", "C2", "--revoke"]).ok().out, said);
    }
    let unknown = shell.run(&["customers", "calendar", "C9"]);
    assert!(unknown.code != 0 && unknown.err.contains("there is no customer `C9`"), "{}", unknown.err);
}
