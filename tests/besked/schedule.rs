//! When a notice is sent: local times, a spread, quiet hours, reminders; and what was promised for a time.

mod nearby;
mod promises;
mod reminders;
mod series;

use std::time::Duration;

use besked::config::Config;
use besked::dispatch::Finished;
use besked::domain::category::Category;
use besked::domain::notice::State as NoticeState;
use besked::notices::Depth;
use jiff::Timestamp;
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::database::Engine;
use crate::relay::Act;

const MINUTE: Duration = Duration::from_secs(60);

/// A time in a text.
fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A notice with a schedule.
fn scheduled(schedule: &str) -> String {
    maintenance("all = true").replace("[fields]", &format!("[schedule]\n{schedule}\n[fields]"))
}

impl TestApp {
    /// Moves the clock to a time that is ahead.
    pub fn advance_to(&self, time: &str) {
        let ahead = at(time).duration_since(self.app.context.clock.now());
        self.advance(Duration::try_from(ahead).expect("a time that is ahead"));
    }

    /// Sends all that is due, and returns what waits then.
    pub async fn run_and_wait(&self) -> Depth {
        match self.run_until_idle().await {
            Finished::Idle(depth) => depth,
            other => panic!("not idle: {other:?}"),
        }
    }

    /// The recipients of all mails so far, in order.
    pub fn sent(&self) -> Vec<String> {
        let mut sent: Vec<String> = self.relay.received().into_iter().map(|mail| mail.to).collect();
        sent.sort();
        sent
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_gets_it_at_the_time_of_the_own_zone(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&format!("{CUSTOMERS}C4,Four KK,ops@four.example,Eri,technical,en,Asia/Tokyo,tyo1\n")).await;
    let id = app.release(&scheduled("send_at_local = 2026-11-25T09:00:00")).await;
    let notice = app.notice(id).await;
    assert_eq!((notice.state, notice.send_at), (NoticeState::Scheduled, Some(at("2026-11-25T00:00:00Z"))));
    app.advance_to("2026-11-24T23:59:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 0);
    app.advance_to("2026-11-25T00:00:01Z");
    let depth = app.run_and_wait().await;
    assert_eq!(app.sent(), ["ops@four.example"], "the morning is in Tokyo first");
    assert_eq!((depth.later, depth.scheduled, depth.next_due), (2, 2, Some(at("2026-11-25T08:00:00Z"))));
    let status = app.app.coverage.status(&crate::app::alice(), &id.to_string()).await.unwrap();
    assert_eq!((status.scheduled, status.scheduled_from), (2, depth.next_due));
    let app = app.restart().await;
    app.advance_to("2026-11-25T07:59:00Z");
    app.run_and_wait().await;
    assert_eq!(app.relay.count(), 1, "a time further off than any retry is no mistake of a clock");
    app.advance_to("2026-11-25T08:00:00Z");
    assert_eq!(app.run_and_wait().await.later, 1);
    app.advance_to("2026-11-25T09:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.sent(), ["hello@two.example", "ops@four.example", "teknik@ett.example"]);
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_the_clock_skips_comes_an_hour_later_and_one_that_comes_twice_is_the_first() {
    for (start, local, due) in [
        ("2026-03-28T10:00:00Z", "2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
        ("2026-10-24T10:00:00Z", "2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
    ] {
        let app = TestApp::starting(Engine::Sqlite, start, |_| {}).await;
        app.import(
            "account_id,customer_name,email,role,time_zone\nC1,Ett AB,teknik@ett.example,technical,Europe/Stockholm\n",
        )
        .await;
        let id = app.release(&scheduled(&format!("send_at_local = {local}"))).await;
        assert_eq!(app.notice(id).await.send_at, Some(at(due)), "{local}");
        app.advance_to(due);
        app.run_until_idle().await;
        assert_eq!(app.relay.count(), 1, "{local}");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_spread_sends_as_many_in_each_part_of_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let mut customers = "account_id,customer_name,email,role\n".to_owned();
    (0..40).for_each(|n| customers += &format!("C{n},Kund {n},teknik@c{n}.example,technical\n"));
    app.import(&customers).await;
    let id = app.release(&scheduled("spread = \"2h\"")).await;
    for (quarter, upto) in [10, 20, 30, 40].into_iter().enumerate() {
        app.advance(MINUTE * 30 - Duration::from_millis(1));
        let depth = app.run_and_wait().await;
        assert_eq!((app.relay.count(), depth.later), (upto, 40 - upto as u64), "quarter {quarter}");
        app.advance(Duration::from_millis(1));
    }
    app.run_until_idle().await;
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
}

fn quiet(config: &mut Config) {
    let rules = toml::from_str("quiet_hours = \"22:00-07:00\"").unwrap();
    config.category.insert(Category::Maintenance, rules);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_in_the_night_of_the_recipient_retries_neither(#[case] engine: Engine) {
    // In Stockholm it is 22:30, in London 21:30.
    let app = TestApp::starting(engine, "2026-11-24T21:30:00Z", quiet).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("450 4.2.0 later\r\n"));
    app.release(&scheduled("spread = \"0s\"")).await;
    let depth = app.run_and_wait().await;
    assert_eq!((app.relay.count(), depth.later), (0, 2), "one waits for the morning, one to be tried again");
    app.advance_to("2026-11-24T22:10:00Z");
    let depth = app.run_and_wait().await;
    assert_eq!((app.relay.count(), depth.scheduled), (0, 2), "the retry would come in the night of London");
    app.advance_to("2026-11-25T06:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.sent(), ["teknik@ett.example"]);
    app.advance_to("2026-11-25T07:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.sent(), ["hello@two.example", "teknik@ett.example"]);
}
