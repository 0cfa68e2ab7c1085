//! Streams: each category goes through the relays that carry it, and through no other, whatever happens to them.

use std::time::Duration;

use besked::dispatch::Finished;
use besked::domain::category::{Category, Lane};
use besked::domain::delivery::{Reason, State};
use besked::domain::notice::State as NoticeState;
use besked::store::sending::settle;
use rstest::rstest;

use super::sender::{state, until};
use super::{Running, import, until_accepted};
use crate::app::{NEWS, TestApp, maintenance, without_relay};
use crate::cli::Shell;
use crate::database::Engine;
use crate::lanes::{categories, disruption};
use crate::postfix::eventually;
use crate::relay::{Gate, Relay, Script, Step, on};

/// A relay beside the first, with its name and its lanes.
type Beside<'a> = (&'a str, &'a Relay, Option<Lane>);

/// With more relays behind the first, `primary`, and the relays of some categories.
async fn with_streams(engine: Engine, beside: &[Beside<'_>], streams: &[(Category, &[&str])]) -> TestApp {
    TestApp::with(engine, |config| {
        for (name, relay, lane) in beside {
            let mut another = config.relays[0].clone();
            another.name = (*name).to_owned();
            another.url = relay.url().parse().unwrap();
            another.lanes = lane.map(|lane| vec![lane]);
            config.relays.push(another);
        }
        for (category, relays) in streams {
            let relays = relays.iter().map(|name| (*name).to_owned()).collect();
            config.category.entry(*category).or_default().relays = Some(relays);
        }
    })
    .await
}

/// With a relay for news only; everything else may go through it too.
async fn with_bulk(engine: Engine, bulk: &Relay) -> TestApp {
    with_streams(engine, &[("bulk", bulk, None)], &[(Category::News, &["bulk"])]).await
}

async fn three_domains(app: &TestApp) {
    import(app, (0..3).map(|n| format!("a{n}@d{n}.example"))).await;
}

/// The relays that a run names because they are of no use.
fn useless(finished: &Finished) -> Vec<String> {
    let (troubles, _) = without_relay(finished);
    troubles.into_iter().map(|(relay, _)| relay).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn news_goes_through_its_relay_only_and_waits_while_that_is_down(#[case] engine: Engine) {
    let bulk = Relay::start().await;
    let app = with_bulk(engine, &bulk).await;
    bulk.stop().await;
    three_domains(&app).await;
    let news = app.release(NEWS).await;
    let mandatory = app.release(&maintenance("all = true")).await;

    let finished = app.run_until_idle().await;
    assert_eq!(useless(&finished), ["bulk"]);
    let (_, depth) = without_relay(&finished);
    assert_eq!((depth.leased, depth.due + depth.later), (0, 3));
    assert_eq!(app.counts(mandatory).await, [(State::Accepted, 3)].into());
    assert_eq!(app.notice(mandatory).await.state, NoticeState::Closed);
    assert_eq!(app.counts(news).await, [(State::Queued, 3)].into());
    assert_eq!(app.app.ledger.standing().await.unwrap().pending, 0, "what was sent is sealed");

    bulk.restart().await;
    let finished = app.run_until_idle().await;
    assert!(matches!(finished, Finished::Idle(_)), "{finished:?}");
    assert_eq!(app.counts(news).await, [(State::Accepted, 3)].into());
    assert_eq!(
        (categories(&app.relay), categories(&bulk)),
        (vec!["maintenance".to_owned(); 3], vec!["news".to_owned(); 3])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_of_no_use_ends_no_run_in_which_nothing_waits_for_it() {
    let bulk = Relay::start().await;
    let app = with_bulk(Engine::Sqlite, &bulk).await;
    bulk.stop().await;
    three_domains(&app).await;
    let id = app.release(&maintenance("all = true")).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(finished, Finished::Idle(_)), "{finished:?}");
    assert_eq!(app.counts(id).await, [(State::Accepted, 3)].into());
}

/// However long the others take after it turned out that a relay is of no use.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_what_other_relays_carry() {
    let (bulk, gate) = (Relay::start().await, Gate::new());
    let app = with_bulk(Engine::Sqlite, &bulk).await;
    bulk.change(Script::default().rule(on(Step::Mail).reply("550 5.7.1 sender not allowed\r\n")));
    app.relay.change(Script::default().rule(on(Step::Dot).nth(1).after(&gate)));
    three_domains(&app).await;
    app.release(NEWS).await;
    let mandatory = app.release(&maintenance("all = true")).await;
    let watched = async {
        gate.reached().await;
        let refused = || bulk.commands().iter().filter(|line| line.starts_with("MAIL")).count();
        eventually("the bulk relay has refused us for three", || refused() >= 3);
        tokio::task::spawn_blocking(|| std::thread::park_timeout(Duration::from_millis(1500))).await.unwrap();
        gate.open();
    };
    let (finished, ()) = tokio::join!(app.run_until_idle(), watched);
    assert_eq!(useless(&finished), ["bulk"]);
    assert_eq!(app.counts(mandatory).await, [(State::Accepted, 3)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_critical_goes_through_the_relay_kept_for_it_while_others_are_saturated() {
    let (kept, gate) = (Relay::start().await, Gate::new());
    let streams: &[(Category, &[&str])] = &[(Category::Disruption, &["kept", "primary"])];
    let app = with_streams(Engine::Sqlite, &[("kept", &kept, Some(Lane::Critical))], streams).await;
    app.relay.change(Script::default().rule(on(Step::Dot).after(&gate)));
    import(&app, (0..9).map(|n| format!("a{n}@d{n}.example"))).await;
    let news = app.release(NEWS).await;
    let running = Running::start(&app);
    for _ in 0..2 {
        gate.reached().await;
    }
    let critical = app.release(&disruption("C007")).await;
    until_accepted(&app, critical, 1).await;
    assert_eq!((categories(&kept), app.relay.count()), (vec!["disruption".to_owned()], 0));
    gate.open();
    until_accepted(&app, news, 9).await;
    running.stop().await;
    assert_eq!((kept.count(), app.relay.count()), (1, 9));
}

/// Though what other relays carry is due too, and goes first where it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_probed_with_what_it_carries() {
    let (bulk, gate) = (Relay::start().await, Gate::new());
    let app = with_bulk(Engine::Sqlite, &bulk).await;
    bulk.stop().await;
    app.relay.change(Script::default().rule(on(Step::Dot).after(&gate)));
    import(&app, (0..9).map(|n| format!("a{n}@d{n}.example"))).await;
    let mandatory = app.release(&maintenance("all = true")).await;
    let news = app.release(NEWS).await;
    let running = Running::start(&app);
    for _ in 0..2 {
        gate.reached().await;
    }
    until("its circuit opens", async || state(&app).await.contains("\"stage\":\"connect\"")).await;
    bulk.restart().await;
    until_accepted(&app, news, 9).await;
    assert_eq!((categories(&bulk), app.relay.count()), (vec!["news".to_owned(); 9], 0));
    gate.open();
    until_accepted(&app, mandatory, 9).await;
    running.stop().await;
    assert_eq!((bulk.count(), app.relay.count()), (9, 9));
}

/// In the order of the category, not of the configuration's relays.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_next_relay_of_a_category_takes_over_and_the_first_takes_back(#[case] engine: Engine) {
    let (first, next) = (Relay::start().await, Relay::start().await);
    let streams: &[(Category, &[&str])] = &[(Category::News, &["first", "next"])];
    let app = with_streams(engine, &[("next", &next, None), ("first", &first, None)], streams).await;
    first.stop().await;
    three_domains(&app).await;
    let id = app.release(NEWS).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(finished, Finished::Idle(_)), "{finished:?}");
    assert_eq!(app.counts(id).await, [(State::Accepted, 3)].into());
    assert_eq!((app.relay.count(), next.count()), (0, 3));
    first.restart().await;
    app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), first.count(), next.count()), (0, 3, 3));
}

#[rstest]
#[case::sender(Step::Mail, "550 5.7.1 sender not allowed")]
#[case::relaying(Step::Rcpt, "554 5.7.1 Relay access denied")]
#[case::unknown_words(Step::Rcpt, "550 5.7.1 no mail on Sundays")]
#[case::at_the_dot(Step::Dot, "550 not today")]
#[case::temporary(Step::Rcpt, "451 4.3.0 come back tomorrow")]
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_everybody_opens_no_way_through_another_stream(#[case] step: Step, #[case] reply: &str) {
    let bulk = Relay::start().await;
    let app = with_bulk(Engine::Sqlite, &bulk).await;
    bulk.add(on(step).reply(format!("{reply}\r\n")));
    three_domains(&app).await;
    let news = app.release(NEWS).await;
    let mandatory = app.release(&maintenance("all = true")).await;
    assert_eq!(useless(&app.run_until_idle().await), ["bulk"]);
    assert_eq!(app.counts(news).await, [(State::Queued, 3)].into());
    assert_eq!(app.counts(mandatory).await, [(State::Accepted, 3)].into());
    assert_eq!((categories(&app.relay), bulk.count()), (vec!["maintenance".to_owned(); 3], 0));
}

#[rstest]
#[case::sender(Step::Mail, "550 5.7.1 sender not allowed")]
#[case::recipient(Step::Rcpt, "550 5.7.1 no mail on Sundays")]
#[tokio::test(flavor = "multi_thread")]
async fn what_one_relay_refuses_is_asked_of_the_next_one_of_its_stream_only(#[case] step: Step, #[case] reply: &str) {
    let (bulk, next) = (Relay::start().await, Relay::start().await);
    let streams: &[(Category, &[&str])] = &[(Category::News, &["bulk", "next"])];
    let app = with_streams(Engine::Sqlite, &[("bulk", &bulk, None), ("next", &next, None)], streams).await;
    import(&app, ["a@one.example".to_owned()]).await;
    bulk.add(on(step).reply(format!("{reply}\r\n")));
    let id = app.release(NEWS).await;
    let running = Running::start(&app);
    until_accepted(&app, id, 1).await;
    running.stop().await;
    assert_eq!((app.relay.commands().len(), bulk.count(), next.count()), (0, 0, 1));
    let delivery = app.informed("C000", id).await.notices[0].deliveries[0].id;
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].relay.as_str()), (1, "next"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn one_recipients_refusal_is_final_without_asking_another_stream(#[case] engine: Engine) {
    let bulk = Relay::start().await;
    let app = with_bulk(engine, &bulk).await;
    bulk.add(on(Step::Rcpt).when("a1@d1.example").reply("550 5.7.1 no mail on Sundays\r\n"));
    three_domains(&app).await;
    let id = app.release(NEWS).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(finished, Finished::Idle(_)), "{finished:?}");
    assert_eq!(app.counts(id).await, [(State::Accepted, 2), (State::Rejected, 1)].into());
    assert_eq!(app.relay.commands().len(), 0);
}

/// Though a relay of another stream could.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_relay_of_its_stream_can_carry_is_not_sent() {
    let bulk = Relay::start().await;
    let app = with_bulk(Engine::Sqlite, &bulk).await;
    bulk.change(Script::default().size(1000));
    import(&app, ["a@one.example".to_owned()]).await;
    let id = app.release(NEWS).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(&finished, Finished::Left(left) if left.unsent == 1), "{finished:?}");
    let informed = app.informed("C000", id).await;
    assert_eq!(informed.notices[0].deliveries[0].reason, Some(Reason::NotCarried));
    assert_eq!(app.relay.commands().len(), 0);
}

const THREE: &str = "[[relay]]\nname = \"kept\"\nurl = \"smtp://127.0.0.1:1?tls=none\"\nlanes = [\"critical\"]\n\
                     [[relay]]\nname = \"transactional\"\nurl = \"smtp://127.0.0.1:1?tls=none\"\n\
                     [[relay]]\nname = \"bulk\"\nurl = \"smtp://127.0.0.1:1?tls=none\"\n";

#[test]
fn streams_are_shown_by_relays_config_check_and_doctor() {
    let shell = Shell::new();
    let news = "[category.news]\nrelays = [\"bulk\"]\n[category.survey]\nrelays = [\"bulk\"]\n";
    shell.write("config/besked.toml", &format!("{THREE}{news}"));
    let critical = "the critical lane through kept, transactional, bulk";
    let checked = shell.run(&["config", "check"]).ok().out;
    assert!(checked.contains(critical) && checked.contains("the bulk lane through bulk"), "{checked}");
    let json = shell.run(&["--json", "config", "check"]).ok().json();
    assert_eq!(json["streams"]["news"], serde_json::json!(["bulk"]), "{json}");
    let shown = shell.run(&["relays"]).ok().out;
    assert!(shown.contains("kept carries only the critical lane"), "{shown}");
    assert!(shown.contains("transactional carries only the critical lane, the normal lane"), "{shown}");
    assert!(!shown.contains("bulk carries only"), "{shown}");
    let json = shell.run(&["--json", "relays"]).ok().json();
    assert_eq!(json["relays"][0]["carries"], serde_json::json!(["security_breach", "disruption"]), "{json}");
    assert!(json["relays"][2].get("carries").is_none(), "{json}");
    let doctor = shell.run(&["doctor"]).out;
    assert!(doctor.contains("streams") && doctor.contains(critical), "{doctor}");
}

#[test]
fn without_streams_nothing_is_said_about_them() {
    let shell = Shell::new();
    for command in [&["relays"][..], &["config", "check"], &["doctor"]] {
        let ran = shell.run(command);
        assert!(!ran.out.contains("stream") && !ran.out.contains("carries"), "{}", ran.out);
    }
}

#[test]
fn wrong_streams_are_refused_all_at_once_each_with_its_line() {
    let shell = Shell::new();
    let wrong = "[category.news]\nrelays = [\"blk\", \"bulk\"]\n[category.survey]\nrelays = []\n\
                 [category.billing]\nrelays = [\"kept\"]\n[category.maintenance]\nrelays = [\"bulk\", \"bulk\"]\n";
    shell.write("config/besked.toml", &format!("{THREE}{wrong}"));
    shell.run(&["config", "check"]).fails(
        2,
        &[
            "line 12: `category.news.relays` names `blk`, and no `[[relay]]` has that name, did you mean `bulk`?",
            "line 14: `category.survey.relays` must name at least one relay",
            "line 16: `category.billing.relays`: billing goes through no relay: `kept` does not carry the lane `normal`",
            "line 18: `category.maintenance.relays` names a relay twice: `bulk`",
        ],
    );
    let only = THREE.split("[[relay]]").nth(1).unwrap();
    shell.write("config/besked.toml", &format!("[[relay]]{only}"));
    shell.run(&["config", "check"]).fails(
        2,
        &[
            "line 1: `relay`: news goes through no relay: no `[[relay]]` carries the lane `bulk`",
            "billing goes through no relay",
        ],
    );
    shell.write("config/besked.toml", &THREE.replace("\"critical\"", ""));
    shell.run(&["config", "check"]).fails(2, &["line 4: `relay.0.lanes` must name at least one lane"]);
    shell.write("config/besked.toml", &THREE.replace("\"critical\"", "\"urgent\""));
    shell.run(&["config", "check"]).fails(2, &["line 4: ", "urgent", "critical"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_says_all_that_it_has_left() {
    let bulk = Relay::start().await;
    let streams: [(Category, &[&str]); 2] = [(Category::News, &["bulk"]), (Category::Maintenance, &["primary"])];
    let app = with_streams(Engine::Sqlite, &[("bulk", &bulk, None)], &streams).await;
    bulk.change(Script::default().size(1000));
    app.relay.stop().await;
    import(&app, ["a@one.example".to_owned()]).await;
    let (news, mandatory) = (app.release(NEWS).await, app.release(&maintenance("all = true")).await);
    let finished = app.run_until_idle().await;
    assert_eq!(useless(&finished), ["primary"]);
    assert!(matches!(&finished, Finished::Left(left) if left.unsent == 1), "{finished:?}");
    assert_eq!(app.counts(news).await, [(State::Rejected, 1)].into());
    assert_eq!(app.counts(mandatory).await, [(State::Queued, 1)].into());
}
