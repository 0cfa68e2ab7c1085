//! Series: a draft for each window ahead of its time, once, and never sent by itself.

use std::time::Duration;

use besked::config::Config;
use besked::domain::category::Category;
use besked::domain::clock::Clock;
use besked::domain::notice::{State as NoticeState, Step};
use besked::domain::page::PageRequest;
use besked::domain::task::TaskKind;
use besked::notices::{Filter, Kept, NoticeError, Release};
use rstest::rstest;
use uuid::Uuid;

use super::at;
use crate::app::{CUSTOMERS, TestApp, alice, bo, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;

/// The first Tuesday of December 2026, at 22:00 in Stockholm, and so on each month.
fn series(schedule: &str) -> String {
    maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-12-01T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-12-02T02:00:00+01:00")
        .replace("[fields]", &format!("[schedule]\nevery = \"monthly, first Tuesday 22:00\"\n{schedule}\n[fields]"))
}

/// An organisation in Stockholm, with three customers.
async fn organisation(engine: Engine, change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with(engine, |config| {
        config.organisation.default_time_zone = "Europe/Stockholm".parse().unwrap();
        change(config);
    });
    let app = app.await;
    app.import(CUSTOMERS).await;
    app
}

/// The drafts that the dispatcher made, the oldest first.
async fn drafts(app: &TestApp) -> Vec<Kept> {
    let filter = Filter { category: Some(Category::Maintenance), ..Filter::default() };
    let page = app.app.notices.list(&alice(), &filter, &PageRequest { after: None, limit: 500 }).await.unwrap();
    page.items.into_iter().rev().filter(|notice| notice.author == "series").collect()
}

/// The open tasks to submit a draft, by notice.
async fn asked(app: &TestApp) -> Vec<Uuid> {
    let page = PageRequest { after: None, limit: 100 };
    let tasks = app.app.tasks.list(&alice(), true, &page).await.unwrap().items;
    tasks.into_iter().filter(|task| task.kind == TaskKind::Draft).filter_map(|task| task.notice_id).collect()
}

fn window(draft: &Kept) -> String {
    draft.said.window.unwrap().0.to_string()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_made_for_each_window_and_a_person_submits_it(#[case] engine: Engine) {
    let app = organisation(engine, |_| {}).await;
    let first = app.release(&series("reminders = [\"-24h\"]")).await;
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), drafts(&app).await.len()), (2, 0));
    app.advance_to("2026-12-06T20:59:59Z");
    app.run_until_idle().await;
    assert_eq!(drafts(&app).await.len(), 0);
    app.advance_to("2026-12-06T21:00:00Z");
    app.run_until_idle().await;
    let app = app.restart().await;
    app.run_until_idle().await;
    let made = drafts(&app).await;
    assert_eq!(made.len(), 1, "30 days before the window");
    let draft = &made[0];
    assert_eq!((window(draft), draft.state), ("2027-01-05T21:00:00Z".to_owned(), NoticeState::Draft));
    assert_eq!((&draft.reference, draft.follows_id, draft.matter_id), (&None, None, draft.id));
    let parsed = draft.parsed().unwrap();
    assert_eq!(parsed.schedule.reminders.unwrap().0.len(), 1);
    assert_eq!(asked(&app).await, [draft.id]);
    let (_, shown) = app.app.notices.shown(&alice(), &first.to_string()).await.unwrap();
    let shown = shown.series.unwrap();
    assert_eq!((shown.id, shown.notice, shown.next_start), (first, first, Some(at("2027-02-02T21:00:00Z"))));

    // Long after the window nothing of it was sent but the reminder and the announcement of the first.
    app.advance_to("2027-01-05T22:00:00Z");
    app.run_until_idle().await;
    let sent = app.relay.count();
    assert_eq!((sent, app.notice(draft.id).await.state), (2, NoticeState::Draft), "a draft is not sent by itself");
    let second = drafts(&app).await.remove(1);
    assert_eq!(window(&second), "2027-02-02T21:00:00Z");
    app.app.notices.submit(second.id, &alice()).await.unwrap();
    assert_eq!(asked(&app).await, [draft.id], "who submits it has done the task");
    app.app.notices.cancel(draft.id, &alice(), Some("nothing to do in January")).await.unwrap();
    assert!(asked(&app).await.is_empty());
    app.app.notices.release(second.id, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), sent + 2);
    let (_, shown) = app.app.notices.shown(&alice(), &first.to_string()).await.unwrap();
    assert_eq!(shown.series.unwrap().notice, second.id, "the next is like the last that was released");
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_make_a_draft_once(#[case] engine: Engine) {
    let app = organisation(engine, |_| {}).await;
    app.release(&series("")).await;
    app.run_until_idle().await;
    app.advance_to("2026-12-06T21:00:00Z");
    let (one, other) = (app.app.notices.clone(), app.app.notices.clone());
    let (one, other) = tokio::join!(one.draft_ahead(), other.draft_ahead());
    one.unwrap();
    other.unwrap();
    app.run_until_idle().await;
    assert_eq!((drafts(&app).await.len(), asked(&app).await.len()), (1, 1));
    // Nor does a clock that is set back make a second one.
    let Clock::Manual(time) = &app.app.context.clock else { panic!("a clock that is moved by hand") };
    time.fetch_sub(3_600_000, std::sync::atomic::Ordering::SeqCst);
    app.run_until_idle().await;
    app.advance(Duration::from_secs(7200));
    app.run_until_idle().await;
    assert_eq!(drafts(&app).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_began_while_nothing_ran_have_no_draft() {
    let app = organisation(Engine::Sqlite, |_| {}).await;
    app.release(&series("")).await;
    app.run_until_idle().await;
    app.advance_to("2027-02-10T00:00:00Z");
    app.run_until_idle().await;
    assert_eq!(drafts(&app).await.iter().map(window).collect::<Vec<_>>(), ["2027-03-02T21:00:00Z"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_series_ends_by_its_date_by_a_person_or_with_its_rule(#[case] engine: Engine) {
    let app = organisation(engine, |_| {}).await;
    let dated = app.release(&series("until = 2027-01-05")).await;
    let ended = app.release(&series("").replace("CHG-1", "CHG-2")).await;
    let dropped = app.release(&series("").replace("CHG-1", "CHG-3")).await;
    app.run_until_idle().await;
    app.app.notices.end(ended, &alice(), Some("the switches are gone")).await.unwrap();
    app.app.notices.end(ended, &alice(), None).await.unwrap();
    app.advance_to("2026-12-06T21:00:00Z");
    app.run_until_idle().await;
    let made = drafts(&app).await;
    assert_eq!(made.len(), 2, "that of the date, and that of the rule");
    // The next one is released without the rule.
    let draft = made.iter().find(|draft| !draft.source.contains("until")).unwrap();
    let text = draft.source.replace("every = \"monthly, first Tuesday 22:00\"\n", "");
    app.app.notices.edit(draft.id, &app.draft(&text, ""), &alice()).await.unwrap();
    app.app.notices.submit(draft.id, &alice()).await.unwrap();
    app.app.notices.release(draft.id, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.advance_to("2027-06-01T00:00:00Z");
    app.run_until_idle().await;
    assert_eq!(drafts(&app).await.len(), 1, "the other has another author now");
    for id in [dated, ended, dropped] {
        let (_, shown) = app.app.notices.shown(&alice(), &id.to_string()).await.unwrap();
        assert_eq!(shown.series.unwrap().next_start, None);
    }
    let (_, steps) = app.app.notices.show(&alice(), &ended.to_string()).await.unwrap();
    let reasons: Vec<_> = steps.iter().filter(|it| it.step == Step::Close).map(|it| it.reason.clone()).collect();
    assert!(reasons.contains(&Some("the series: the switches are gone".to_owned())), "{reasons:?}");
    let other = app.release(&maintenance("all = true").replace("CHG-1", "CHG-4")).await;
    let refused = app.app.notices.end(other, &alice(), None).await.unwrap_err();
    assert!(matches!(refused, NoticeError::NotStanding), "{refused}");
    assert_eq!(audit(&app).await.problem, None);
}

/// Nobody wrote the draft: who submits it answers for it.
#[tokio::test(flavor = "multi_thread")]
async fn who_submits_a_draft_is_not_its_second_person() {
    let two = |config: &mut Config| {
        config.category.insert(Category::Maintenance, toml::from_str("two_persons = true").unwrap());
    };
    let app = organisation(Engine::Sqlite, two).await;
    app.release(&series("")).await;
    app.advance_to("2026-12-06T21:00:00Z");
    app.run_until_idle().await;
    let draft = drafts(&app).await.remove(0);
    app.app.notices.submit(draft.id, &bo()).await.unwrap();
    let refused = app.app.notices.approve(draft.id, &bo(), None).await.unwrap_err();
    assert!(matches!(refused, NoticeError::OwnApproval(_)), "{refused}");
    app.app.notices.approve(draft.id, &alice(), None).await.unwrap();
}

#[test]
fn what_cannot_come_again_is_refused_with_its_reason() {
    let shell = Shell::new();
    for (text, wanted) in [
        (
            series("").replace("first Tuesday 22:00", "fist Tusday"),
            &["has no time of day", "`tusday` is not a weekday"][..],
        ),
        (series("").replace("monthly, first Tuesday 22:00", "yearly 22:00"), &["`yearly` is none of `daily`"]),
        (series("until = \"2027\""), &["`schedule.until`: must be a date"]),
        (
            series("").replace("every = \"monthly, first Tuesday 22:00\"", "until = 2027-01-05"),
            &["has no effect without `every`"],
        ),
        (series("").replace("\"announced\"", "\"started\""), &["only with the phase `announced`"]),
        (
            series("").replace("[audience]\nall = true\n", "follows = \"CHG-0\"\n"),
            &["only in the first notice of a matter"],
        ),
        (series("").replace("all = true", "file = \"rows.csv\""), &["not possible with an audience file"]),
    ] {
        shell.write("rows.csv", "account_id\nC1\n");
        shell.write("notice.md", &text);
        shell.run(&["notice", "check", "notice.md"]).fails(2, wanted);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_window_beside_the_rule_is_a_warning(#[case] engine: Engine) {
    let app = organisation(engine, |_| {}).await;
    let beside = series("").replace("2026-12-01T22:00:00+01:00", "2026-12-01T21:00:00+01:00");
    for (text, warned) in [(series(""), false), (beside, true)] {
        let checked = app.app.notices.check(&alice(), &app.draft(&text, "")).await.unwrap();
        let found =
            checked.warnings.0.iter().any(|it| it.to_string().contains("the window is none of `monthly, first"));
        assert_eq!(found, warned, "{:?}", checked.warnings);
    }
}
