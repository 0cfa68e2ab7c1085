//! What is seen of a matter: answers over all of it, what was promised and planned, and what a follow-up will look like. And what must
//! not disturb it: two nodes, a clock that is set back, a restored copy.

use std::sync::atomic::Ordering;
use std::time::Duration;

use besked::coverage::About;
use besked::domain::clock::Clock;
use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use besked::domain::page::PageRequest;
use besked::domain::promise::State as PromiseState;
use besked::evidence::{Choice, Request, Scope};
use besked::notices::sample::Wanted;
use besked::notices::{NoticeError, Release};
use rstest::rstest;
use uuid::Uuid;

use super::next;
use crate::app::{CUSTOMERS, TestApp, alice, bo, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::relay::Act;

/// A maintenance on the evening of 27 November, with reminders.
pub(super) fn soon(reminders: &str) -> String {
    maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-11-27T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-11-28T02:00:00+01:00")
        .replace("[fields]", &format!("[schedule]\nreminders = {reminders}\n[fields]"))
}

impl TestApp {
    /// A submitted follow-up as it is written, with a window a day later if it moves.
    async fn drafted(&self, word: &str) -> Uuid {
        let text = self.app.notices.follow_up(&alice(), "CHG-1", Some(word)).await.unwrap();
        let text = text
            .replace("\nwindow_start = 2026-11-27", "\nwindow_start = 2026-11-28")
            .replace("\nwindow_end = 2026-11-28", "\nwindow_end = 2026-11-29");
        let id = self.app.notices.create(&self.draft(&text, ""), &alice()).await.unwrap();
        self.app.notices.submit(id, &alice()).await.unwrap();
        id
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_about_a_reference_has_the_notices_of_its_matter_with_another_one(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let other = next().replace("reference = \"CHG-1\"", "reference = \"TICKET-7\"").replace("announced", "started");
    let second = app.release(&other).await;
    let none = next()
        .replace("reference = \"CHG-1\"\n", "")
        .replace("\"CHG-1\"", &format!("\"{second}\""))
        .replace("announced", "completed");
    let third = app.release(&none).await;
    let apart = app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    for reference in ["CHG-1", "TICKET-7"] {
        let about = About::Reference(reference.to_owned());
        let answer = app.app.coverage.informed(&alice(), "C2", &about).await.unwrap();
        let ids: Vec<Uuid> = answer.notices.iter().map(|it| it.id).collect();
        assert_eq!(ids, [first, second, third], "{reference}");
        assert!(!ids.contains(&apart));
        assert_eq!(answer.last.unwrap().phase, Some("completed"));
        for scope in [Scope::Customer("C2".to_owned()), Scope::Everyone] {
            let request = Request { notices: Choice::Reference(reference.to_owned()), scope, with_messages: false };
            assert_eq!(app.app.evidence.prepare(&alice(), &request).await.unwrap().len(), 3, "{reference}");
        }
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_and_what_is_planned_is_shown(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let text = soon("[\"-24h\", \"-1h\"]").replace("[schedule]", "[schedule]\nspread = \"90m\"");
    let id = app.release(&text).await;
    app.advance(Duration::from_secs(7200));
    app.run_until_idle().await;
    let status = async || app.app.coverage.status(&alice(), &id.to_string()).await.unwrap().planned;
    let planned = status().await;
    let due: Vec<_> = planned.reminders.iter().map(|it| (it.before.as_str(), it.due_at.to_string())).collect();
    assert_eq!(due, [("-24h", "2026-11-26T21:00:00Z".to_owned()), ("-1h", "2026-11-27T20:00:00Z".to_owned())]);
    assert_eq!((planned.spread.as_deref(), planned.send_at), (Some("1h 30m"), None));
    let promised = |state| [("completion", "2026-11-28T01:00:00Z".to_owned(), state)];
    let shown = |promises: &[besked::notices::planned::Promised]| {
        promises.iter().map(|it| (it.kind.as_str(), it.due_at.to_string(), it.state)).collect::<Vec<_>>()
    };
    let page = || PageRequest { after: None, limit: 9 };
    for (at, state) in [("2026-11-27T12:00:00Z", PromiseState::Open), ("2026-11-28T01:00:00Z", PromiseState::Overdue)] {
        app.advance_to(at);
        app.run_until_idle().await;
        assert_eq!(shown(&status().await.promises), promised(state));
        let covering = app.app.coverage.coverage(&alice(), &id.to_string()).await.unwrap();
        assert_eq!(shown(&covering.promises), promised(state));
        assert_eq!(covering.before()["promises"][0]["state"], state.as_str());
        let matter = app.app.notices.matters(&alice(), true, &page()).await.unwrap().items.remove(0);
        assert_eq!(shown(&matter.promises), promised(state));
    }
    assert!(status().await.reminders.is_empty());
    let done = app.drafted("completed").await;
    app.app.notices.release(done, &alice(), Release::default(), &|_| {}).await.unwrap();
    assert_eq!(shown(&status().await.promises), promised(PromiseState::Kept));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_preview_of_a_follow_up_is_the_mail_that_is_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&soon("[]")).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(3600));
    let wanted = Wanted { account: Some("C2".to_owned()), ..Wanted::default() };
    for word in ["rescheduled", "started", "cancelled"] {
        let id = app.drafted(word).await;
        let draft = app.app.notices.draft(&alice(), id).await.unwrap();
        // Before it is stored, after it, and once it was sent.
        let mut seen = Vec::new();
        for of in [None, Some(id)] {
            let wanted = Wanted { of, ..wanted.clone() };
            seen.push(app.app.sample(&alice(), &draft, &wanted, "test").await.unwrap().compose().unwrap().bytes);
        }
        app.app.notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap();
        app.run_until_idle().await;
        let sent = app.relay.to("hello@two.example").pop().unwrap();
        let of_sent = Wanted { of: Some(id), ..wanted.clone() };
        seen.push(app.app.sample(&alice(), &draft, &of_sent, "test").await.unwrap().compose().unwrap().bytes);
        for bytes in seen {
            let (seen, sent) = (text_of(&bytes), text_of(&sent.data));
            for line in ["References:", "In-Reply-To:", "UID:", "SEQUENCE:", "METHOD:", "Subject:"] {
                assert_eq!(field(&seen, line), field(&sent, line), "{word}: {line}");
                assert!(!field(&sent, line).is_empty(), "{word}: {line} in {sent}");
            }
        }
        app.advance(Duration::from_secs(3600));
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n ", " ").replace("=\r\n", "")
}

fn field(mail: &str, name: &str) -> String {
    let line = mail.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_release_a_follow_up_at_once_release_it_once(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on(". hello@two.example", 9, Act::Reply("451 4.3.0 try later\r\n"));
    let first = app.release(&soon("[\"-24h\"]")).await;
    app.run_until_idle().await;
    let moved = app.drafted("rescheduled").await;
    let (one, other) = (app.app.notices.clone(), app.app.notices.clone());
    let (alice, bo) = (alice(), bo());
    let released = tokio::join!(
        one.release(moved, &alice, Release::default(), &|_| {}),
        other.release(moved, &bo, Release::default(), &|_| {})
    );
    for released in [released.0, released.1] {
        match released {
            Ok(notice) => assert_eq!(notice.state, NoticeState::Released),
            Err(error) => assert!(matches!(error, NoticeError::Conflict), "{error}"),
        }
    }
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    assert_eq!(app.relay.to("teknik@ett.example").len(), 2);
    let matter = app.app.notices.matters(&alice, false, &PageRequest { after: None, limit: 9 }).await.unwrap();
    let places: Vec<_> = matter.items[0].notices.iter().map(|it| it.sequence).collect();
    assert_eq!(places, [Some(1), Some(2)]);
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_by_an_hour_reminds_nobody_again(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&soon("[\"-24h\", \"-1h\"]")).await;
    app.run_until_idle().await;
    app.advance_to("2026-11-26T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 4, "announced and reminded");
    let Clock::Manual(time) = &app.app.context.clock else { panic!("a clock that is moved by hand") };
    time.fetch_sub(3_600_000, Ordering::SeqCst);
    app.run_until_idle().await;
    let moved = app.drafted("rescheduled").await;
    app.app.notices.release(moved, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 6);
    app.advance(Duration::from_secs(3600));
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 6, "the time of the first reminder comes a second time");
    app.advance_to("2026-11-27T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 8, "a day before the new window");
    assert_eq!(audit(&app).await.problem, None);
}

/// The backup was made before the first reminder, and is put back after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_copy_goes_on_with_what_is_still_to_come() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&soon("[\"-24h\", \"-1h\"]")).await;
    app.run_until_idle().await;
    let (app, yesterday) = app.copy().await;
    app.advance_to("2026-11-26T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 4);
    app.advance(Duration::from_secs(3600));
    let app = app.put_back(yesterday).await;
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 4, "an hour later it is no reminder any more");
    app.advance_to("2026-11-27T20:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 6, "the next one comes once");
    app.advance_to("2026-11-28T00:30:00Z");
    let done = app.drafted("completed").await;
    app.app.notices.release(done, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    let page = PageRequest { after: None, limit: 9 };
    assert!(app.app.notices.matters(&alice(), true, &page).await.unwrap().items.is_empty());
}
