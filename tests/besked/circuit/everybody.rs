//! A relay that gives everybody the same answer: no delivery ends by it. One recipient's refusal is his own.

use std::time::Duration;

use besked::domain::delivery::State;
use besked::domain::page::PageRequest;
use besked::domain::reply::Stage;
use rstest::rstest;
use sqlx::{Connection as _, Executor as _};

use super::{Running, a_while, import, until_accepted, with_second, with_second_over};
use crate::app::{TestApp, alice, maintenance, without_relay};
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Gate, Relay, Script, Step, on};

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
    app.relay.add(on(Step::Dot).nth(11).times(usize::MAX).reply("550 5.7.1 account closed\r\n"));
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
    let (troubles, _) = without_relay(&app.run_until_idle().await);
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

#[rstest]
#[case::one(1, 1)]
#[case::several_of_one_domain(3, 1)]
#[case::several_domains_and_nothing_taken(3, 3)]
#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_do_not_exist_are_dead_unless_nobody_else_shows_that_the_relay_is_right(
    #[case] count: usize,
    #[case] domains: usize,
) {
    let app = TestApp::new(Engine::Sqlite).await;
    app.relay.add(on(Step::Rcpt).reply("550 5.1.1 no such user\r\n"));
    import(&app, (0..count).map(|n| format!("a{n}@d{}.example", n % domains))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Rejected), Some(&(count as u64)));
    assert_eq!(suppressions(&app).await, if domains == 1 { count } else { 0 });
}

#[rstest]
#[case::one(1)]
#[case::two(2)]
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_with_nothing_to_compare_it_with_is_final_only_once_the_next_relay_refused_too(
    #[case] recipients: usize,
    #[values(true, false)] next_takes: bool,
) {
    let second = Relay::start().await;
    let app = with_second(&second).await;
    let refusal = || on(Step::Rcpt).reply("550 5.7.1 no mail on Sundays\r\n");
    app.relay.add(refusal());
    if !next_takes {
        second.add(refusal());
    }
    import(&app, (0..recipients).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let expected = if next_takes { State::Accepted } else { State::Rejected };
    assert_eq!(app.counts(id).await, [(expected, recipients as u64)].into());
    assert!(!second.commands().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_everybody_in_different_words_ends_no_delivery() {
    let app = TestApp::new(Engine::Sqlite).await;
    for n in 0..20 {
        let words = format!("550 5.7.1 {} of no use\r\n", "x".repeat(n + 1));
        app.relay.add(on(Step::Rcpt).when(&format!("@d{n}.example")).reply(words));
    }
    import(&app, (0..20).map(|n| format!("a@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    without_relay(&app.run_until_idle().await);
    assert_eq!(app.counts(id).await, [(State::Queued, 20)].into());
}

#[derive(Clone, Copy)]
enum Order {
    First,
    Last,
    Between,
}

#[rstest]
#[case::first(Order::First)]
#[case::last(Order::Last)]
#[case::between(Order::Between)]
#[tokio::test(flavor = "multi_thread")]
async fn good_mail_passes_however_many_bad_addresses_stand_beside_it(#[case] order: Order) {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 4).await;
    app.relay.add(on(Step::Rcpt).when("@bad").reply("550 5.7.1 no mail on Sundays\r\n"));
    let bad = |n: usize| match order {
        Order::First => n < 20,
        Order::Last => n >= 30,
        Order::Between => n % 5 < 2,
    };
    import(&app, (0..50).map(|n| format!("a@{}{n}.example", if bad(n) { "bad" } else { "good" }))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Accepted), Some(&30), "{:?}", app.counts(id).await);
    // Whatever is undecided is decided as soon as the relay takes other mail.
    for _ in 0..5 {
        app.advance(Duration::from_secs(120));
        app.release(&maintenance("customers = [\"C025\", \"C024\", \"C029\"]")).await;
        app.run_until_idle().await;
    }
    assert_eq!(app.counts(id).await, [(State::Accepted, 30), (State::Rejected, 20)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_addresses_in_one_notice_do_not_hold_up_the_next() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 2).await;
    app.relay.add(on(Step::Rcpt).when("@bad").reply("550 5.7.1 no mail on Sundays\r\n"));
    import(&app, (0..50).map(|n| format!("a@{}{n}.example", if n < 20 { "bad" } else { "good" }))).await;
    let customers = |range: std::ops::Range<usize>| {
        let names: Vec<_> = range.map(|n| format!("\"C{n:03}\"")).collect();
        maintenance(&format!("customers = [{}]", names.join(", ")))
    };
    let bad = app.release(&customers(0..20)).await;
    let good = app.release(&customers(20..50)).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(good).await, [(State::Accepted, 30)].into());
    let rejected = app.counts(bad).await.get(&State::Rejected).copied().unwrap_or_default();
    assert!(rejected > 0, "the relay took others in between: {:?}", app.counts(bad).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_nobody_can_explain_end_by_their_own_schedule() {
    let app = TestApp::with(Engine::Sqlite, |config| config.retry.give_up_after = Duration::from_secs(30)).await;
    app.relay.add(on(Step::Rcpt).when("@d").reply("550 5.7.1 no mail on Sundays\r\n"));
    import(&app, ["a@good.example".to_owned()].into_iter().chain((0..3).map(|n| format!("a@d{n}.example")))).await;
    let running = Running::start(&app);
    let good = app.release(&maintenance("customers = [\"C000\"]")).await;
    until_accepted(&app, good, 1).await;
    let id = app.release(&maintenance("customers = [\"C001\", \"C002\", \"C003\"]")).await;
    for _ in 0..200 {
        if app.counts(id).await.contains_key(&State::Expired) {
            return running.stop().await;
        }
        app.advance(Duration::from_secs(10));
        tokio::task::spawn_blocking(|| std::thread::park_timeout(Duration::from_millis(100))).await.unwrap();
    }
    panic!("none ended: {:?}", app.counts(id).await);
}

#[rstest]
#[case::many_domains(20)]
#[case::one_domain(1)]
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_throttles_is_sent_less_and_everything_arrives(#[case] domains: usize) {
    let relay = Relay::start().await;
    relay.add(on(Step::Dot).above(14).reply("454 Throttling failure: Maximum sending rate exceeded.\r\n"));
    let shell = Shell::new().relay(relay.address.port());
    let rows: String = (0..200).map(|n| format!("C{n},Kund,a{n}@d{}.example\n", n % domains)).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    // It does not wait for what was deferred.
    let ran = shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(relay.count(), 200);
    let warned = ran.err.lines().filter(|line| line.contains("WARN") && line.contains("asks for fewer messages"));
    assert_eq!(warned.count(), 1, "{}", ran.err);
    let asked = relay.commands().iter().filter(|line| line.starts_with("MAIL")).count();
    assert!(asked < 2 * 200, "{asked} transactions for 200 messages");
}

/// Who finds that claims fail has not found that nothing is left to claim.
#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_can_be_claimed_no_refusal_counts() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 1).await;
    import(&app, (0..40).map(|n| format!("p{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let gate = Gate::new();
    app.relay.add(on(Step::Rcpt).times(1).after(&gate).reply("550 5.1.1 no such user here\r\n"));
    app.relay.add(on(Step::Rcpt).reply("550 5.1.1 no such user here\r\n"));
    let running = Running::start(&app);
    gate.reached().await;
    let full = "CREATE TRIGGER full BEFORE UPDATE ON queue WHEN NEW.lease_owner IS NOT NULL AND OLD.lease_owner IS NULL
        BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
    let mut other = sqlx::AnyConnection::connect(&app.app.context.config.database.url.expose()).await.unwrap();
    other.execute("PRAGMA busy_timeout = 12000").await.unwrap();
    other.execute(full).await.unwrap();
    gate.open();
    // Several rounds of the housekeeping.
    a_while(3_000).await;
    other.execute("DROP TRIGGER full").await.unwrap();
    other.close().await.unwrap();
    a_while(2_000).await;
    running.stop().await;
    assert_eq!(app.counts(id).await, [(State::Queued, 40)].into(), "a relay that refuses everybody ends no delivery");
    assert_eq!(suppressions(&app).await, 0);
}
