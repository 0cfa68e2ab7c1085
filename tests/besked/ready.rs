//! Readiness: a notice that is valid, but comes too late or in a language it has already.

use std::time::Duration;

use besked::config::LeadTime;
use besked::domain::category::Category;
use besked::domain::notice::State;
use besked::notices::{Checked, Draft, NoticeError};

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::cli::Shell;
use crate::database::Engine;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn refused<T: std::fmt::Debug>(result: Result<T, NoticeError>) -> String {
    match result {
        Err(NoticeError::NotReady(problems)) => problems.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

async fn checked(app: &TestApp, draft: &Draft) -> Checked {
    app.app.notices.check(&alice(), draft).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_that_is_over_is_neither_stored_nor_submitted() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let (notices, draft) = (&app.app.notices, app.draft(&maintenance("all = true"), ""));
    let id = notices.create(&draft, &alice()).await.unwrap();
    app.advance(3661 * DAY);
    let over = "`fields.window_end`: is over when the notice is released";
    assert!(refused(notices.check(&alice(), &draft).await).contains(over));
    assert!(refused(notices.create(&draft, &alice()).await).contains(over));
    assert!(refused(notices.edit(id, &draft, &alice()).await).contains(over));
    assert!(refused(notices.submit(id, &alice()).await).starts_with("line "));
    assert_eq!(app.notice(id).await.state, State::Draft);
    // What took place can be reported.
    let completed = maintenance("all = true").replace("\"announced\"", "\"completed\"");
    notices.edit(id, &app.draft(&completed, ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_below_its_lead_time_has_a_warning_or_is_refused() {
    for required in [false, true] {
        let app = TestApp::with(Engine::Sqlite, |config| {
            let rules = config.category.entry(Category::Maintenance).or_default();
            rules.lead_time = Some(LeadTime::All(5000 * DAY));
            rules.lead_time_required = Some(required);
        })
        .await;
        app.import(CUSTOMERS).await;
        let draft = app.draft(&maintenance("all = true"), "");
        let text = "`fields.window_start`: is 3660 days after the release, and the lead time is 5000 days";
        if required {
            assert!(refused(app.app.notices.check(&alice(), &draft).await).ends_with(text));
            assert!(refused(app.app.notices.create(&draft, &alice()).await).ends_with(text));
        } else {
            assert!(checked(&app, &draft).await.warnings.to_string().ends_with(text));
            app.try_release(&draft).await.unwrap();
        }
    }
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    assert!(checked(&app, &app.draft(&maintenance("all = true"), "")).await.warnings.is_empty());
}

#[test]
fn check_reports_what_it_refuses_and_warns_of() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let notice = maintenance("all = true");
    let body = notice.lines().count() + 1;
    shell.write("twice.md", &format!("{notice}\n+++ en\n+++\nNever shown to anybody.\n"));
    let text = format!("line {}: `en` is the default language: its text is the first section", body + 1);
    shell.run(&["notice", "check", "twice.md"]).fails(2, &[&text]);
    let json = shell.run(&["--json", "notice", "check", "twice.md"]).fails(2, &[&text]).json();
    assert_eq!(json["problems"][0]["line"], body + 1, "{json}");
    shell.run(&["notice", "create", "twice.md"]).fails(2, &[&text]);
    shell.write("late.md", &notice.replace("[fields]", "[schedule]\nsend_at = 2026-11-01T00:00:00Z\n[fields]"));
    let json = shell.run(&["--json", "notice", "check", "late.md"]).json();
    assert_eq!(json["warnings"][0]["field"], "schedule.send_at", "{json}");
    assert_eq!(json["customers"], 3, "{json}");
}

#[test]
fn all_problems_of_a_notice_and_its_audience_file_are_reported_at_once() {
    let shell = Shell::new();
    let text = maintenance("file = \"rows.csv\"")
        .replace("phase = \"announced\"", "phase = \"announced\"\ncolour = 1")
        .replace("2036-12-01T22", "2020-12-01T22")
        .replace("2036-12-02T02", "2020-12-02T02")
        + "\n{{ row.sum }}\n";
    shell.write("bad.md", &text);
    let line = |start: &str| 1 + text.lines().position(|line| line.starts_with(start)).unwrap();
    let colour = format!("line {}: `fields.colour`: is not known here", line("colour"));
    let over = format!("line {}: `fields.window_end`: is over when the notice is released", line("window_end"));
    let no_file = format!("line {}: `audience.file`: cannot read `rows.csv`", line("file ="));
    shell.run(&["notice", "check", "bad.md"]).fails(2, &[&colour, &over, &no_file]);
    shell.write("rows.csv", "account_id,amount\nC1,5\n");
    let sum = format!("line {}: `row.sum`: the audience file has no such column (it has amount)", line("{{ row.sum"));
    shell.run(&["notice", "create", "bad.md"]).fails(2, &[&colour, &over, &sum]);
    shell.write("rows.csv", "account_id,amount\nC1\n");
    shell
        .run(&["notice", "check", "bad.md"])
        .fails(2, &[&colour, &over, "`rows.csv` is not valid:\nline 2: the row has"]);
}

/// What is to be written is checked before its customers are there: a valid text is valid.
#[test]
fn a_notice_that_reaches_nobody_yet_is_valid_and_not_sent() {
    let shell = Shell::new();
    let all = shell.write("all.md", &maintenance("all = true"));
    let named = shell.write("named.md", &maintenance("customers = [\"C1\"]"));
    let none = "valid; it reaches nobody yet: no customers were imported\nmaintenance (mandatory), to ";
    for file in [&all, &named] {
        let checked = shell.run(&["notice", "check", file]).ok();
        assert!(checked.out.starts_with(none), "{}", checked.out);
        assert!(checked.err.contains("hint: `besked customers import FILE` imports customers"), "{}", checked.err);
        let json = shell.run(&["--json", "notice", "check", file]).ok().json();
        assert_eq!((json["customers"].as_u64(), json["recipients"].as_u64()), (Some(0), Some(0)), "{json}");
        let warning = json["warnings"].as_array().unwrap().last().unwrap();
        assert_eq!(warning["problem"], "it reaches nobody yet: no customers were imported", "{json}");
        shell.run(&["notice", "create", file]).ok();
        let refused = ["the audience is empty: no customers were imported", "besked customers import FILE"];
        shell.run(&["notice", "send", file, "--yes"]).fails(2, &refused);
    }
    let id = shell.run(&["notice", "create", &all]).ok().out.trim().to_owned();
    shell.run(&["notice", "submit", &id]).fails(2, &["the audience is empty: no customers were imported"]);

    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let follows = maintenance("include_left = false").replace("reference", "follows = \"CHG-2\"\nreference");
    let follows = follows.replace("[audience]\ninclude_left = false\n", "");
    let first = maintenance("all = true").replace("CHG-1", "CHG-2");
    shell.write("first.md", &first);
    shell.run(&["notice", "create", "first.md"]).ok();
    for (audience, why) in [
        (
            maintenance("attributes = { region = [\"mars\"] }"),
            "it is to customers whose region is mars, and there are none",
        ),
        (
            maintenance("customers = [\"C3\"]"),
            "the audience has 1 customer, but no contact that this category addresses",
        ),
        (follows, "the notice that it follows is not released: it is a draft"),
    ] {
        shell.write("nobody.md", &audience);
        let checked = shell.run(&["notice", "check", "nobody.md"]).ok();
        assert!(checked.out.starts_with(&format!("valid; it reaches nobody yet: {why}\n")), "{}", checked.out);
        shell.run(&["notice", "create", "nobody.md"]).ok();
        assert_eq!(shell.run(&["notice", "send", "nobody.md", "--yes"]).code, 2);
    }
    assert!(shell.run(&["notice", "check", &all]).ok().out.contains("reaches 3 customers at 2 addresses"));
    shell.write("typo.md", &maintenance("customers = [\"C1\", \"C77\"]"));
    shell.run(&["notice", "check", "typo.md"]).fails(2, &["unknown or have left: C77"]);
}
