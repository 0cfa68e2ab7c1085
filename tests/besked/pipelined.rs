//! `pipeline_messages`: two deliveries over one connection, the second begun behind the message of the first.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use besked::config::Config;
use besked::domain::category::Category;
use besked::domain::delivery::State;
use besked::store::sending::settle;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{NEWS, TestApp, alice, maintenance};
use crate::circuit::{Running, import, until, until_accepted};
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Gate, Relay, Rule, Script, Step, on};

/// How many are sent to see whether any is begun behind another.
const MORE: u64 = 100;

/// How often a scenario is begun: on a busy machine the second delivery may not be claimed while it must be.
const TRIES: usize = 10;

fn one_connection(config: &mut Config) {
    config.relays[0].connections = 1;
    config.relays[0].pipeline_messages = true;
    config.dispatch.drain = Duration::from_secs(4);
}

/// Two deliveries, of which the first waits for the answer to its dot and the second is begun behind it.
struct Two {
    app: TestApp,
    id: Uuid,
    running: Running,
    /// Opened, the server answers the dot.
    dot: Gate,
}

impl Two {
    async fn begin(engine: Engine, notice: &str, rules: &[Rule], first: Act) -> Self {
        Self::begin_last(engine, notice, rules, first, &["a@one.example", "b@one.example"]).await
    }

    /// The same of the last two of these.
    async fn begin_last(engine: Engine, notice: &str, rules: &[Rule], first: Act, addresses: &[&str]) -> Self {
        let nth = addresses.len() - 1;
        for _ in 0..TRIES {
            let app = TestApp::with(engine, one_connection).await;
            let (data, dot) = (Gate::new(), Gate::new());
            let script = rules.iter().cloned().fold(Script::default(), Script::rule);
            let script = script.rule(on(Step::Data).nth(nth).after(&data));
            app.relay.change(script.rule(on(Step::Dot).nth(1).after(&dot).act(first.clone())));
            import(&app, addresses.iter().map(|it| (*it).to_owned())).await;
            let id = app.release(notice).await;
            let running = Running::start(&app);
            data.reached().await;
            until("all are claimed", async || !app.counts(id).await.contains_key(&State::Queued)).await;
            let before = app.relay.conversations()[0].behind;
            data.open();
            dot.reached().await;
            if app.relay.conversations()[0].behind == before + 1 {
                return Self { app, id, running, dot };
            }
            dot.open();
            running.stop().await;
        }
        panic!("the second was never begun behind the first");
    }

    /// Sends many more; how many of them were begun behind another.
    async fn more_behind(&self) -> usize {
        let behind = || self.app.relay.conversations().iter().map(|it| it.behind).sum::<usize>();
        let before = behind();
        import(&self.app, (0..MORE).map(|n| format!("m{n}@d{}.example", n % 10))).await;
        let id = self.app.release(&maintenance("all = true")).await;
        until_accepted(&self.app, id, MORE).await;
        behind() - before
    }

    /// Lets the server answer, and waits until the deliveries are in these states.
    async fn answered(&self, states: &[(State, u64)]) {
        self.dot.open();
        let wanted: BTreeMap<_, _> = states.iter().copied().collect();
        until(&format!("{wanted:?}"), async || self.app.counts(self.id).await == wanted).await;
    }

    /// Lets the server answer, and waits until the deliveries are in these states, and the server has these messages.
    async fn ends(self, states: &[(State, u64)], messages: usize, connections: RangeInclusive<usize>) -> TestApp {
        self.answered(states).await;
        let Self { app, id, running, .. } = self;
        running.stop().await;
        assert_eq!(app.counts(id).await, states.iter().copied().collect());
        assert_eq!(app.relay.count(), messages);
        let made = app.relay.connections();
        assert!(connections.contains(&made), "{made} connections, not {connections:?}");
        app
    }
}

/// What the server says to the dot of the first and to the group of the second, and what becomes of both: the messages that the
/// server has, and the connections.
#[rstest]
#[case::both(Act::Usual, &[], &[(State::Accepted, 2)], 2, 1)]
#[case::lost(Act::Close, &[], &[(State::Uncertain, 1), (State::Accepted, 1)], 1, 2)]
#[case::taken_and_lost(Act::TakeAndClose, &[], &[(State::Uncertain, 1), (State::Accepted, 1)], 2, 2)]
#[case::answered_and_lost(Act::CloseAfter, &[], &[(State::Accepted, 2)], 2, 2)]
#[case::refused(Act::Reply("554 5.7.1 spam\r\n"), &[], &[(State::Rejected, 1), (State::Accepted, 1)], 1, 1)]
#[case::deferred(Act::Reply("451 4.3.0 later\r\n"), &[], &[(State::Deferred, 1), (State::Accepted, 1)], 1, 1)]
#[case::ended(Act::Reply("421 4.3.2 enough\r\n"), &[], &[(State::Deferred, 1), (State::Accepted, 1)], 1, 2)]
#[case::mail(Act::Usual, &[on(Step::Mail).nth(2).reply("550 5.7.1 not you\r\n")], &[(State::Accepted, 1), (State::Queued, 1)], 1, 1)]
#[case::mail_421(Act::Usual, &[on(Step::Mail).nth(2).reply("421 4.3.2 enough\r\n")], &[(State::Accepted, 2)], 2, 2)]
#[case::rcpt(Act::Usual, &[on(Step::Rcpt).nth(2).reply("550 5.1.1 no\r\n")], &[(State::Accepted, 1), (State::Rejected, 1)], 1, 1)]
#[case::data(Act::Usual, &[on(Step::Data).nth(2).reply("451 4.3.0 later\r\n")], &[(State::Accepted, 1), (State::Deferred, 1)], 1, 1)]
#[case::lost_at_mail(Act::Usual, &[on(Step::Mail).nth(2).close()], &[(State::Accepted, 2)], 2, 2)]
#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_has_its_own_outcome(
    #[case] first: Act,
    #[case] rules: &[Rule],
    #[case] states: &[(State, u64)],
    #[case] messages: usize,
    #[case] connections: usize,
) {
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), rules, first).await;
    two.ends(states, messages, connections..=connections).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_lost_behind_the_sender_defers_the_second() {
    let lost = [on(Step::Rcpt).nth(2).close()];
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), &lost, Act::Usual).await;
    two.ends(&[(State::Accepted, 1), (State::Deferred, 1)], 1, 1..=2).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_is_cancelled_behind_a_message_is_not_sent(#[case] engine: Engine) {
    let two = Two::begin(engine, &maintenance("all = true"), &[], Act::Usual).await;
    two.app.advance(Duration::from_secs(3));
    two.app.app.notices.cancel(two.id, &alice(), Some("wrong window")).await.unwrap();
    let app = two.ends(&[(State::Accepted, 1), (State::Cancelled, 1)], 1, 1..=2).await;
    assert!(app.relay.commands().iter().filter(|line| line.starts_with("DATA")).count() == 2, "it was begun");
}

/// The domain of both asked for a pause by refusing the one before, which is known once the first of both is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_comes_behind_a_message_counts() {
    let later = [on(Step::Dot).when("c@one").reply("451 4.7.1 later\r\n")];
    let addresses = ["c@one.example", "a@two.example", "b@one.example"];
    let two = Two::begin_last(Engine::Sqlite, &maintenance("all = true"), &later, Act::Usual, &addresses).await;
    let app = two.ends(&[(State::Deferred, 1), (State::Accepted, 1), (State::Queued, 1)], 1, 1..=2).await;
    let begun = app.relay.conversations()[0].commands.iter().filter(|line| *line == "DATA").count();
    assert_eq!(begun, 3, "the last was begun, and not sent");
}

/// Nothing was late: the next connection begins again behind a message what is ready.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_sent_when_its_turn_comes_says_nothing_about_the_relay() {
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), &[], Act::Usual).await;
    two.app.advance(Duration::from_secs(3));
    two.app.app.notices.cancel(two.id, &alice(), Some("wrong window")).await.unwrap();
    two.answered(&[(State::Accepted, 1), (State::Cancelled, 1)]).await;
    assert!(two.more_behind().await > 0);
    two.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_late_answer_nothing_is_begun_behind_a_message_for_a_while() {
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), &[], Act::Usual).await;
    let given_back = [(State::Sending, 1), (State::Queued, 1)].into();
    until("the second is given back", async || two.app.counts(two.id).await == given_back).await;
    two.answered(&[(State::Accepted, 2)]).await;
    assert_eq!(two.more_behind().await, 0);
    two.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_drops_what_follows_a_message_harms_no_delivery() {
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), &[], Act::DropBehind).await;
    two.answered(&[(State::Accepted, 2)]).await;
    assert_eq!(two.more_behind().await, 0, "as after a late answer");
    let Two { app, id, running, .. } = two;
    running.stop().await;
    assert_eq!(app.relay.count() as u64, 2 + MORE, "each once");
    for account in ["C000", "C001"] {
        let delivery = app.informed(account, id).await.notices[0].deliveries[0].id;
        let mut conn = app.app.context.store.read().await.unwrap();
        assert_eq!(settle::attempts(&mut conn, delivery).await.unwrap().len(), 1, "{account}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_drops_what_follows_a_message_is_named_once_with_the_option() {
    let relay = Relay::start().await;
    relay.add(on(Step::Dot).act(Act::DropBehind));
    let shell = Shell::new().relay(relay.address.port()).env("BESKED__RELAY__0__CONNECTIONS", 1);
    let shell = shell.env("BESKED__RELAY__0__PIPELINE_MESSAGES", true);
    let rows: String = (0..40).map(|n| format!("K{n},Kund {n},a{n}@d{n}.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let ran = shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(relay.count(), 40);
    let warned: Vec<_> = ran.err.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warned.len() == 1 && warned[0].contains("`pipeline_messages`"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_objection_that_comes_behind_a_message_counts() {
    let two = Two::begin(Engine::Sqlite, NEWS, &[], Act::Usual).await;
    two.app.advance(Duration::from_secs(3));
    for email in ["a@one.example", "b@one.example"] {
        two.app.wish(email, Category::News, true).await;
    }
    two.ends(&[(State::Accepted, 1), (State::OptedOut, 1)], 1, 1..=2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_slow_with_the_first_does_not_keep_the_second() {
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), &[], Act::Usual).await;
    let given_back = [(State::Sending, 1), (State::Queued, 1)].into();
    until("the second is given back", async || two.app.counts(two.id).await == given_back).await;
    let app = two.ends(&[(State::Accepted, 2)], 2, 2..=2).await;
    assert_eq!(app.relay.conversations()[0].commands.iter().filter(|line| *line == "DATA").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_finishes_the_first_and_gives_the_second_back() {
    let Two { app, id, running, dot } = Two::begin(Engine::Sqlite, &maintenance("all = true"), &[], Act::Usual).await;
    tokio::join!(running.stop(), async { dot.open() });
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Queued, 1)].into());
    assert_eq!(app.relay.count(), 1);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.relay.count(), 2, "nobody gets it twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_broken_off_doubts_the_first_only() {
    let two = Two::begin(Engine::Sqlite, &maintenance("all = true"), &[], Act::Usual).await;
    // The answer to the dot does not come.
    let Two { app, id, running, dot: _dot } = two;
    running.stop().await;
    assert_eq!(app.counts(id).await, [(State::Uncertain, 1), (State::Queued, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_go_out_in_turn_each_once_and_nothing_changes_without_pipelining() {
    for (offered, behind) in [(true, true), (false, false)] {
        let app = TestApp::with(Engine::Sqlite, one_connection).await;
        if !offered {
            app.relay.change(Script::default().without("PIPELINING"));
        }
        import(&app, (0..100).map(|n| format!("a{n}@d{}.example", n % 10))).await;
        let id = app.release(&maintenance("all = true")).await;
        app.run_until_idle().await;
        assert_eq!(app.counts(id).await, [(State::Accepted, 100)].into());
        assert_eq!(app.relay.count(), 100);
        let connections = app.relay.conversations();
        assert_eq!(connections.iter().map(|it| it.behind).sum::<usize>() > 0, behind, "{}", connections[0].behind);
        assert!(!app.relay.commands().iter().any(|line| line == "RSET"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_sends_one_message_and_begins_no_other() {
    let dot = Gate::new();
    let busy = on(Step::Greeting).nth(1).reply("421 4.3.2 busy\r\n");
    let app = TestApp::with(Engine::Sqlite, one_connection).await;
    app.relay.change(Script::default().rule(busy).rule(on(Step::Dot).nth(1).after(&dot)));
    import(&app, (0..10).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    dot.reached().await;
    assert_eq!(app.counts(id).await, [(State::Sending, 1), (State::Queued, 9)].into());
    assert_eq!(app.relay.conversations()[1].behind, 0);
    dot.open();
    until_accepted(&app, id, 10).await;
    running.stop().await;
    assert_eq!(app.relay.count(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_has_its_own_token() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        one_connection(config);
        config.relays[0].rate_per_second = 2.0;
    })
    .await;
    import(&app, (0..6).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let begun = std::time::Instant::now();
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 6)].into());
    assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?} for six messages at two a second", begun.elapsed());
}

#[test]
fn a_rate_at_which_it_cannot_apply_is_refused() {
    let text = |rate: &str| besked::config::EXAMPLE.replace("rate_per_second = 0.0", rate);
    let with = |rate: f64| {
        let keys = format!("pipeline_messages = true\nrate_per_second = {rate:?}");
        besked::config::parse(&text(&keys), "besked.toml", &[]).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(with(0.0), Ok(()));
    assert_eq!(with(1.5), Ok(()));
    let refused = with(1.0).unwrap_err();
    assert!(refused.contains("`relay.0.pipeline_messages` needs a `rate_per_second` above 1"), "{refused}");
}
