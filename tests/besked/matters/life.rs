//! One whole life of a matter, as 300 customers see it: announced, reminded, moved, reminded again, started, completed early. Another is
//! cancelled after half its mails went out.

use std::time::Duration;

use besked::coverage::About;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::State;
use besked::domain::page::PageRequest;
use besked::domain::task::TaskKind;
use rstest::rstest;

use crate::app::{TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::relay::Act;

const CUSTOMERS: usize = 300;

fn customers() -> String {
    let line = |n| format!("A{n:03},Kund {n},ops@c{n}.example,,technical,en,Europe/Stockholm\n");
    let head = "account_id,customer_name,email,contact_name,role,locale,time_zone\n".to_owned();
    (0..CUSTOMERS).fold(head, |all, n| all + &line(n))
}

/// A maintenance a week ahead, with a reminder a day before.
fn announced() -> String {
    maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-12-01T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-12-02T02:00:00+01:00")
        .replace("[fields]", "[schedule]\nreminders = [\"-24h\"]\n[fields]")
}

/// A follow-up whose window is a day later.
fn moved(text: &str) -> String {
    text.replace("\nwindow_start = 2026-12-01", "\nwindow_start = 2026-12-02")
        .replace("\nwindow_end = 2026-12-02", "\nwindow_end = 2026-12-03")
}

impl TestApp {
    async fn mails_after(&self) -> usize {
        self.run_until_idle().await;
        self.relay.count()
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_is_one_story_for_each_customer(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&customers()).await;
    let first = app.release(&announced()).await;
    assert_eq!(app.mails_after().await, CUSTOMERS);
    app.import(&customers().replace("ops@c7.example", "new@c7.example")).await;
    app.advance_to("2026-11-30T21:00:00Z");
    assert_eq!(app.mails_after().await, 2 * CUSTOMERS, "reminded");
    assert_eq!((app.relay.to("ops@c7.example").len(), app.relay.to("new@c7.example").len()), (1, 1));

    app.advance_to("2026-12-01T20:00:00Z");
    let text = app.app.notices.follow_up(&alice(), "CHG-1", Some("rescheduled")).await.unwrap();
    app.release(&moved(&text)).await;
    assert_eq!(app.mails_after().await, 3 * CUSTOMERS, "moved with an hour to go");
    app.advance_to("2026-12-01T21:00:00Z");
    assert_eq!(app.mails_after().await, 4 * CUSTOMERS, "reminded of the new window alone");
    let app = app.restart().await;
    app.advance_to("2026-12-02T21:05:00Z");
    for (n, word) in ["started", "completed"].into_iter().enumerate() {
        let text = app.app.notices.follow_up(&alice(), "CHG-1", Some(word)).await.unwrap();
        app.release(&text).await;
        assert_eq!(app.mails_after().await, (5 + n) * CUSTOMERS, "{word}");
        app.advance(Duration::from_secs(2 * 60 * 60));
    }
    app.advance_to("2026-12-09T00:00:00Z");
    assert_eq!(app.mails_after().await, 6 * CUSTOMERS, "nothing comes after the end");

    let mails = app.relay.to("ops@c9.example");
    let threads: Vec<String> = mails.iter().filter_map(|mail| mail.header("References")).collect();
    let stem = threads[0].split_whitespace().next().unwrap().to_owned();
    assert!(mails.len() == 6 && threads.iter().all(|it| it.starts_with(&stem)), "one conversation: {threads:?}");
    let page = || PageRequest { after: None, limit: 10 };
    assert!(app.app.notices.matters(&alice(), true, &page()).await.unwrap().items.is_empty());
    let matter = app.app.notices.matters(&alice(), false, &page()).await.unwrap().items.remove(0);
    let told: Vec<_> = matter.notices.iter().filter_map(|notice| notice.phase.as_deref()).collect();
    let story = ["announced", "announced", "rescheduled", "announced", "started", "completed"];
    assert_eq!((matter.id, told), (first, story.to_vec()));
    let about = About::Reference("CHG-1".to_owned());
    let answer = app.app.coverage.informed(&alice(), "A007", &about).await.unwrap();
    let last = answer.last.unwrap();
    assert_eq!((answer.verdict, last.phase, last.newer.is_none()), (Verdict::Informed, Some("completed"), true));
    let tasks = app.app.tasks.list(&alice(), true, &page()).await.unwrap().items;
    assert!(tasks.iter().all(|task| task.kind != TaskKind::Promise), "every promise was kept");
    audit(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_that_is_cancelled_half_sent_is_heard_of_by_that_half(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&customers()).await;
    for n in (0..CUSTOMERS).step_by(2) {
        app.relay.on(&format!(". ops@c{n}.example"), 1, Act::Reply("450 4.2.1 mailbox busy\r\n"));
    }
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let before = app.counts(first).await;
    let (sent, all) = (before[&State::Accepted], CUSTOMERS as u64);
    assert!(sent > 0 && sent < all, "{before:?}");

    let text = app.app.notices.follow_up(&alice(), "CHG-1", Some("cancelled")).await.unwrap();
    let cancelled = app.release(&text).await;
    app.advance(Duration::from_secs(60 * 60));
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, sent), (State::Cancelled, all - sent)].into());
    assert_eq!(app.counts(cancelled).await, [(State::Accepted, sent)].into());
    assert_eq!(app.relay.count() as u64, 2 * sent, "who got nothing hears of nothing");
    audit(&app).await;
}
