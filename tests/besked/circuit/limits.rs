//! A relay that refuses for good what is above its rate: nobody is rejected for that, whatever its words.

use std::time::Duration;

use besked::domain::delivery::State;
use rstest::rstest;

use super::import;
use crate::app::{TestApp, maintenance};
use crate::database::Engine;
use crate::relay::{Step, on};

/// Releases a notice to 60 people, and runs until the relay has taken all of it, an hour at most.
async fn all_are_taken(app: &TestApp) {
    let id = app.release(&maintenance("all = true")).await;
    for _ in 0..30 {
        app.run_until_idle().await;
        if app.counts(id).await.get(&State::Accepted) == Some(&60) {
            return;
        }
        app.advance(Duration::from_secs(120));
    }
    panic!("not all were taken: {:?}", app.counts(id).await);
}

#[rstest]
#[case::of_a_rate("550 5.7.0 Requested action not taken: too many emails per second")]
#[case::of_a_quota("550 Domain example.com has exceeded the max emails per hour (60/50 (120%)) allowed")]
#[case::of_a_session("503 5.5.0 polite people wait")]
#[case::of_nothing("550 5.7.1 not taken")]
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_told_as_a_refusal_rejects_nobody(
    #[case] words: &str,
    #[values(Step::Rcpt, Step::Dot)] step: Step,
) {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 8).await;
    app.relay.add(on(step).above(10).reply(format!("{words}\r\n")));
    import(&app, (0..60).map(|n| format!("a{n}@d{}.example", n % 20))).await;
    all_are_taken(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_that_are_refused_at_every_look_are_rejected() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 4).await;
    app.relay.add(on(Step::Rcpt).when("@bad").reply("550 5.7.1 recipient suppressed\r\n"));
    import(&app, (0..60).map(|n| format!("a@{}{n}.example", if n % 6 == 5 { "bad" } else { "good" }))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 50), (State::Rejected, 10)].into());
}

/// A list may be of people at one provider, or two: words that nobody knows are no reason to reject them.
#[rstest]
#[case::one_domain(1)]
#[case::two_domains(2)]
#[tokio::test(flavor = "multi_thread")]
async fn a_limit_in_unknown_words_is_recognised_whatever_the_number_of_domains(#[case] domains: usize) {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 8).await;
    app.relay.add(on(Step::Rcpt).above(10).reply("550 5.7.1 not taken\r\n"));
    import(&app, (0..60).map(|n| format!("a{n}@d{}.example", n % domains))).await;
    all_are_taken(&app).await;
}

/// What a domain refuses for good is refused after a few looks at some of it, and not after a few looks at each.
#[tokio::test(flavor = "multi_thread")]
async fn what_one_domain_refuses_beside_others_is_rejected_after_a_few_looks() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 4).await;
    app.relay.add(on(Step::Rcpt).when("@odd.example").reply("550 5.7.1 not taken\r\n"));
    import(&app, (0..80).map(|n| format!("a{n}@{}.example", if n % 2 == 0 { "odd" } else { "good" }))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 40), (State::Rejected, 40)].into());
    let asked = app.relay.commands().iter().filter(|line| line.contains("@odd.example")).count();
    assert!(asked <= 3 * 40, "{asked} times for 40 recipients");
}
