//! A relay that gives everybody the same answer: no delivery ends by it. One recipient's refusal is his own.

use std::time::Duration;

use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::domain::page::PageRequest;
use besked::domain::reply::Stage;
use besked::store::sending::nodes;
use rstest::rstest;

use super::{Running, import, until_accepted, with_second, with_second_over};
use crate::app::{TestApp, alice, maintenance};
use crate::database::Engine;
use crate::relay::{Relay, Script, Step, on};

async fn three_domains(app: &TestApp) {
    import(app, (0..3).map(|n| format!("a{n}@d{n}.example"))).await;
}

async fn suppressions(app: &TestApp) -> usize {
    let page = PageRequest { after: None, limit: 50 };
    app.app.suppressions.list(&alice(), &page).await.unwrap().items.len()
}

#[rstest]
#[case::hello(Step::Rcpt, "504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname")]
#[case::relaying(Step::Rcpt, "554 5.7.1 <drift@d0.example>: Relay access denied")]
#[case::login(Step::Rcpt, "530 5.7.0 Authentication required")]
#[case::client(Step::Rcpt, "554 5.7.1 Service unavailable; Client host [192.0.2.7] blocked")]
#[case::quota_that_looks_like_a_dead_address(Step::Rcpt, "550 5.1.90 you've reached your daily limit for recipients")]
#[case::quota(Step::Dot, "550 5.4.5 Daily SMTP relay sending limit exceeded")]
#[case::dkim(Step::Dot, "550 5.7.26 This mail is unauthenticated")]
#[case::sender(Step::Dot, "554 Message rejected: Email address is not verified")]
#[case::unknown_words(Step::Rcpt, "550 5.7.1 no mail on Sundays")]
#[case::unknown_words_at_data(Step::Data, "554 no")]
#[case::unknown_words_at_the_dot(Step::Dot, "550 not today")]
#[case::temporary(Step::Rcpt, "451 4.3.0 come back tomorrow")]
#[case::temporary_at_the_dot(Step::Dot, "452 4.3.1 insufficient system storage")]
#[tokio::test(flavor = "multi_thread")]
async fn what_one_relay_says_to_everybody_sends_all_by_the_next(
    #[case] step: Step,
    #[case] reply: &str,
    #[values(1, 8)] connections: u32,
) {
    let second = Relay::start().await;
    let app = with_second_over(&second, connections).await;
    app.relay.add(on(step).reply(format!("{reply}\r\n")));
    three_domains(&app).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Accepted), Some(&3), "{:?}", app.counts(id).await);
    assert_eq!((second.count(), suppressions(&app).await), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_begins_to_refuse_everybody_ends_no_delivery() {
    let second = Relay::start().await;
    let app = with_second(&second).await;
    import(&app, (0..40).map(|n| format!("a{n}@d{n}.example"))).await;
    app.relay.add(on(Step::Dot).above(10).reply("550 5.7.1 account closed\r\n"));
    app.relay.add(on(Step::Dot).nth(11).reply("550 5.7.1 account closed\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Accepted), Some(&40), "{:?}", app.counts(id).await);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn without_another_relay_everything_waits_until_it_takes_mail_again(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.relay.add(on(Step::Rcpt).reply("550 5.7.1 no mail on Sundays\r\n"));
    three_domains(&app).await;
    let id = app.release(&maintenance("all = true")).await;
    let Finished::NoRelay(troubles, _) = app.run_until_idle().await else { panic!("the relay refuses everybody") };
    assert_eq!((troubles[0].1.stage, troubles[0].1.text.as_str()), (Stage::Rcpt, "550 5.7.1 no mail on Sundays"));
    assert_eq!(app.counts(id).await.get(&State::Queued), Some(&3), "no attempt is used up");
    app.relay.change(Script::default());
    app.advance(Duration::from_secs(120));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Accepted), Some(&3));
}

#[rstest]
#[case::alone(1, 0)]
#[case::all_of_one_domain(30, 0)]
#[case::among_others(1, 5)]
#[tokio::test(flavor = "multi_thread")]
async fn what_one_domain_refuses_is_its_own(#[case] refused: usize, #[case] others: usize) {
    let app = TestApp::new(Engine::Sqlite).await;
    app.relay.add(on(Step::Rcpt).when("odd.example").reply("550 5.7.1 refused by policy\r\n"));
    let odd = (0..refused).map(|n| format!("a{n}@odd.example"));
    import(&app, odd.chain((0..others).map(|n| format!("a@d{n}.example")))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let counts = app.counts(id).await;
    assert_eq!(counts.get(&State::Rejected), Some(&(refused as u64)), "{counts:?}");
    assert_eq!(counts.get(&State::Accepted).copied().unwrap_or_default(), others as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_do_not_exist_are_dead_however_few_there_are() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.relay.add(on(Step::Rcpt).reply("550 5.1.1 no such user\r\n"));
    three_domains(&app).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Rejected), Some(&3));
    assert_eq!(suppressions(&app).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_throttles_is_sent_less_and_everything_arrives() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.relay.add(on(Step::Dot).above(14).reply("454 Throttling failure: Maximum sending rate exceeded.\r\n"));
    import(&app, (0..200).map(|n| format!("a{n}@d{}.example", n % 20))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until_accepted(&app, id, 200).await;
    let states = nodes::relay_states(&mut app.app.store.read().await.unwrap()).await.unwrap();
    running.stop().await;
    assert!(states[0].state.contains("\"throttled_to\":1"), "between 10 and 20 a second: {}", states[0].state);
    let asked = app.relay.commands().iter().filter(|line| line.starts_with("MAIL")).count();
    assert!(asked < 2 * 200, "{asked} transactions for 200 messages");
}
