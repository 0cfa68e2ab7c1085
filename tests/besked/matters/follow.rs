//! The notices of a matter: written from the one before, refused where they cannot follow, and what they make of what is not sent yet.

use besked::audience::AudienceError;
use besked::coverage::About;
use besked::domain::delivery::State;
use besked::domain::matter::Unfit;
use besked::domain::notice::{State as NoticeState, Step};
use besked::domain::page::PageRequest;
use besked::notices::{NoticeError, Release};
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::relay::Act;

impl TestApp {
    /// Releases the notice that follows one, as it is written.
    async fn follow(&self, id: Uuid, word: &str) -> Uuid {
        let text = self.app.notices.follow_up(&alice(), &id.to_string(), Some(word)).await.unwrap();
        self.release(&text).await
    }
}

/// A follow-up whose window is a day later.
fn later(text: &str) -> String {
    text.replace("\nwindow_start = 2036-12-01", "\nwindow_start = 2036-12-02")
        .replace("\nwindow_end = 2036-12-02", "\nwindow_end = 2036-12-03")
}

fn unfit(error: NoticeError) -> Unfit {
    match error {
        NoticeError::Audience(AudienceError::Unfit(unfit)) => unfit,
        other => panic!("{other}"),
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_goes_to_those_who_got_something_and_the_rest_gets_nothing(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, 1), (State::Deferred, 1)].into());

    let cancelled = app.follow(first, "cancelled").await;
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    assert_eq!(app.counts(cancelled).await, [(State::Accepted, 1)].into());
    assert_eq!((app.relay.to("teknik@ett.example").len(), app.relay.to("hello@two.example").len()), (2, 0));
    let (notice, steps) = app.app.notices.show(&alice(), &first.to_string()).await.unwrap();
    assert_eq!(notice.state, NoticeState::Cancelled);
    let why = steps.iter().find(|done| done.step == Step::Cancel).unwrap().reason.clone().unwrap();
    assert_eq!(why, format!("superseded by notice {cancelled} (`cancelled`)"));
    audit(&app).await;

    let again = app.app.notices.follow_up(&alice(), "CHG-1", Some("started")).await.unwrap_err();
    assert!(matches!(unfit(again), Unfit::Impossible { why: "a cancelled maintenance is not carried out", .. }));
    let ended = app.app.notices.follow_up(&alice(), "CHG-1", None).await.unwrap_err();
    assert!(matches!(unfit(ended), Unfit::Ended { .. }));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_move_goes_to_all_and_those_of_the_old_date_are_not_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let text = app.app.notices.follow_up(&alice(), "CHG-1", Some("rescheduled")).await.unwrap();
    let same = app.try_release(&app.draft(&text, "")).await.unwrap_err().to_string();
    assert!(same.contains("is the same window as the new one"), "{same}");
    let moved = app.release(&later(&text)).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    assert_eq!(app.counts(moved).await, [(State::Accepted, 2)].into());
    assert_eq!(app.relay.to("hello@two.example").len(), 1, "the new date is its first news");
    let last = app.notice(moved).await;
    assert_eq!((last.matter_id, last.sequence), (first, Some(2)));
    audit(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_follow_ups_is_refused_with_the_first(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let mut drafts = Vec::new();
    for word in ["started", "cancelled"] {
        let text = notices.follow_up(&alice(), "CHG-1", Some(word)).await.unwrap();
        let id = notices.create(&app.draft(&text, ""), &alice()).await.unwrap();
        notices.submit(id, &alice()).await.unwrap();
        drafts.push((id, text));
    }
    notices.release(drafts[0].0, &alice(), Release::default(), &|_| {}).await.unwrap();
    let refused = notices.release(drafts[1].0, &alice(), Release::default(), &|_| {}).await.unwrap_err();
    assert!(matches!(unfit(refused), Unfit::Overtaken { id, .. } if id == drafts[0].0));
    assert_eq!(app.notice(drafts[1].0).await.state, NoticeState::Approved);
    // The one who decides reads the first, and lets the second follow it.
    let text = drafts[1].1.replace(&first.to_string(), &drafts[0].0.to_string());
    notices.edit(drafts[1].0, &app.draft(&text, ""), &alice()).await.unwrap();
    notices.submit(drafts[1].0, &alice()).await.unwrap();
    notices.release(drafts[1].0, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.notice(drafts[1].0).await.sequence, Some(3));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn another_category_follows_without_a_phase_only_and_nothing_follows_itself(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let bill = app.release(NEWS).await;
    let text = maintenance("all = true").replace("[audience]", &format!("follows = \"{bill}\"\n[audience]"));
    let refused = notices.create(&app.draft(&text, ""), &alice()).await.unwrap_err();
    assert!(matches!(unfit(refused), Unfit::OtherCategory { .. }));

    let one = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    let text = maintenance("all = true").replace("[audience]", &format!("follows = \"{one}\"\n[audience]"));
    let two = notices.create(&app.draft(&text, ""), &alice()).await.unwrap();
    let text = text.replace(&one.to_string(), &two.to_string());
    let refused = notices.edit(one, &app.draft(&text, ""), &alice()).await.unwrap_err();
    assert_eq!(unfit(refused), Unfit::Circle);
    let free = notices.edit(two, &app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    assert_eq!(free.matter_id, two);
    let joined = notices.edit(one, &app.draft(&text, ""), &alice()).await.unwrap();
    assert_eq!(joined.matter_id, two);
}

#[tokio::test(flavor = "multi_thread")]
async fn matters_are_listed_with_what_comes_next() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let page = || PageRequest { after: None, limit: 10 };
    let open = app.app.notices.matters(&alice(), true, &page()).await.unwrap().items;
    assert_eq!((open.len(), open[0].id, open[0].phase.as_deref()), (1, first, Some("announced")));
    assert_eq!(open[0].next.map(|next| next.what), Some("window_start"));
    app.follow(first, "started").await;
    app.follow(first, "completed").await;
    app.run_until_idle().await;
    assert!(app.app.notices.matters(&alice(), true, &page()).await.unwrap().items.is_empty());
    let all = app.app.notices.matters(&alice(), false, &page()).await.unwrap().items;
    let phases: Vec<_> = all[0].notices.iter().filter_map(|notice| notice.phase.as_deref()).collect();
    assert_eq!((phases, all[0].next), (vec!["announced", "started", "completed"], None));
    let copy = app.app.notices.copy(&alice(), &first.to_string()).await.unwrap();
    assert!(copy.contains("window_start = 2036-12-01T22:00:00+01:00  # as it was: write the new one\n"), "{copy}");
    app.app.notices.check(&alice(), &app.draft(&copy, "")).await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_over_a_matter_says_what_the_customer_has_last(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let about = About::Reference("CHG-1".to_owned());
    let ask = async || app.app.coverage.informed(&alice(), "C2", &about).await.unwrap().last.unwrap();
    let last = ask().await;
    assert_eq!((last.notice, last.phase, last.newer.is_none()), (first, Some("announced"), true));
    app.relay.on(". hello@two.example", 9, Act::Reply("451 4.3.0 try later\r\n"));
    let second = app.follow(first, "started").await;
    app.run_until_idle().await;
    let last = ask().await;
    assert_eq!((last.notice, last.newer.map(|it| (it.notice, it.phase))), (first, Some((second, Some("started")))));
}
