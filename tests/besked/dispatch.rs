//! Dispatch: what becomes of deliveries, whatever the relay does.

use std::sync::Arc;
use std::time::Duration;

use besked::dispatch::{Finished, RunError, Until};
use besked::domain::category::Category;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use besked::domain::preference::Reason;
use besked::store::people::suppressions;
use besked::store::proof::ledger;
use besked::store::sending::{messages, settle};
use rstest::rstest;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance, without_relay};
use crate::checker::{History, Terms};
use crate::circuit::{Running, a_while, with_second};
use crate::database::Engine;
use crate::relay::Act;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_released_notice_reaches_its_recipients_and_the_books_balance(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));

    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    let technical = &app.relay.to("teknik@ett.example")[0];
    assert!(technical.header("Subject").is_some());
    assert_eq!(technical.header("Content-Language").as_deref(), Some("sv"));
    assert!(technical.header("List-Unsubscribe").is_none(), "a mandatory notice cannot be opted out of");
    assert!(technical.from.starts_with("b+") && technical.from.ends_with("@bounces.example.com"), "{}", technical.from);

    let coverage = app.coverage(id).await;
    assert_eq!((coverage.customers, coverage.informed, coverage.not_informed, coverage.cannot_be), (3, 2, 1, 1));
    let answer = app.informed("C1", id).await;
    assert_eq!(answer.verdict, Verdict::Informed);
    let delivery = &answer.notices[0].deliveries[0];
    assert_eq!(delivery.reply.as_deref(), Some("250 2.0.0 taken"));
    assert_eq!(technical.header("Message-ID"), Some(delivery.message_id.clone()));
    assert_eq!(app.informed("C3", id).await.verdict, Verdict::CannotBe);

    // The stored bytes are the bytes that arrived.
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(messages::find(&mut conn, delivery.id).await.unwrap().unwrap(), technical.data);
    let digest: [u8; 32] = Sha256::digest(&technical.data).into();
    let entries = ledger::of_notice(&mut conn, id).await.unwrap();
    let events: Vec<&str> =
        entries.iter().map(|entry| entry.event.as_str()).filter(|event| *event != "operated").collect();
    assert_eq!(events, ["manifest", "accepted", "accepted", "closed"]);
    let own = entries.iter().find(|entry| entry.delivery_id == Some(delivery.id)).unwrap();
    let person = own.person.as_ref().unwrap();
    assert!(person.windows(32).any(|window| window == digest), "the entry names the digest of the exact bytes");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_delivery_is_sent_again_byte_for_byte(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(". hello@two.example", 2, Act::Reply("451 4.3.0 try later\r\n"));
    let Finished::Idle(depth) = app.run_until_idle().await else { panic!("not idle") };
    assert_eq!((depth.later, app.counts(id).await), (1, [(State::Deferred, 1)].into()));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)), "nothing is due before the back-off is over");
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Pending);

    app.advance(Duration::from_secs(75));
    app.run_until_idle().await;
    let app = app.restart().await;
    app.advance(Duration::from_secs(6 * 60));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
    let received = app.relay.to("hello@two.example");
    assert_eq!(received.len(), 1);
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(messages::find(&mut conn, delivery).await.unwrap().unwrap(), received[0].data);
    assert_eq!(settle::attempts(&mut conn, delivery).await.unwrap().len(), 3);
    let entries = ledger::of_notice(&mut conn, id).await.unwrap();
    let events: Vec<&str> =
        entries.iter().map(|entry| entry.event.as_str()).filter(|event| *event != "operated").collect();
    assert_eq!(events, ["manifest", "deferred", "accepted", "closed"], "repeated deferrals are one entry");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_for_too_long_expires() {
    let app = TestApp::with(Engine::Sqlite, |config| config.retry.give_up_after = Duration::from_secs(300)).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on("RCPT", 99, Act::Reply("450 4.2.0 greylisted\r\n"));
    for _ in 0..4 {
        app.run_until_idle().await;
        app.advance(Duration::from_secs(600));
    }
    assert_eq!(app.counts(id).await, [(State::Expired, 1)].into());
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotInformed);
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_does_not_exist_is_marked_dead_and_a_mandatory_notice_tries_it_once(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    let first = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Rejected, 1)].into());
    let list = suppressions::list(&mut app.app.context.store.read().await.unwrap(), None, 10).await.unwrap();
    assert_eq!((list[0].email.as_str(), list[0].reason), ("hello@two.example", Reason::Dead));

    let news = app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Accepted, 1), (State::Suppressed, 1)].into());

    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("450 4.2.1 perhaps later\r\n"));
    let second = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(second).await, [(State::Expired, 1)].into(), "one attempt and no more");
    let third = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(third).await, [(State::Accepted, 1)].into(), "the duty to inform outweighs the mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn policy_and_quota_never_mark_an_address_dead() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.7.1 blocked by policy\r\n"));
    app.relay.on("RCPT TO:<teknik@ett.example>", 1, Act::Reply("552 5.2.2 mailbox full\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Rejected, 2)].into());
    assert!(suppressions::list(&mut app.app.context.store.read().await.unwrap(), None, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_stops_news_and_nothing_else() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.wish("hello@two.example", Category::News, true).await;
    let news = app.release(NEWS).await;
    let work = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Accepted, 1), (State::OptedOut, 1)].into());
    assert_eq!(app.counts(work).await, [(State::Accepted, 1)].into());
    let mail = &app.relay.to("service@ett.example")[0];
    assert_eq!(mail.header("List-Unsubscribe-Post").as_deref(), Some("List-Unsubscribe=One-Click"));
    let link = mail.header("List-Unsubscribe").unwrap();
    let link = link.trim_matches(['<', '>']);
    assert!(link.starts_with("https://notices.example.com/u/"), "{link}");
    let delivery = app.informed("C1", news).await.notices[0].deliveries[0].id;
    assert_eq!(app.app.key().read_link(link.rsplit('/').next().unwrap()), Some(delivery));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_cannot_be_reached_fails_nobody() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.stop().await;
    let (troubles, depth) = without_relay(&app.run_until_idle().await);
    assert_eq!((troubles[0].0.as_str(), depth.due), ("primary", 2));
    assert_eq!(app.counts(id).await, [(State::Queued, 2)].into());
    app.relay.restart().await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap();
    assert_eq!(attempts.len(), 1, "the relay's trouble used up no attempt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_pauses_the_relay_and_the_queue_waits() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].url.user = Some("besked".to_owned());
        config.relays[0].password = Some("hunter2".to_owned().into());
    })
    .await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on("AUTH", 99, Act::Reply("535 5.7.8 bad credentials\r\n"));
    let (troubles, _) = without_relay(&app.run_until_idle().await);
    assert!(troubles[0].1.text.contains("535") && !troubles[0].1.text.contains("hunter2"), "{troubles:?}");
    assert_eq!(app.counts(id).await, [(State::Queued, 2)].into());
    assert!(app.relay.connections() <= 2, "a wrong password is not tried again and again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ehlo_answer_with_lines_of_nothing_is_understood() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on("EHLO", 99, Act::Reply("250-relay.example\r\n250-  \r\n250-\r\n250 SIZE\r\n"));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_relay_takes_over_when_the_first_is_down() {
    let second = crate::relay::Relay::start().await;
    let app = with_second(&second).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.stop().await;
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(second.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_after_the_dot_is_a_doubt_that_a_mandatory_notice_settles_by_sending_again() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Uncertain, 1)].into());
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Pending);
    app.advance(Duration::from_secs(120));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
    let received = app.relay.to("hello@two.example");
    assert_eq!(received[0].data, received[1].data, "the same Message-ID, Date and bytes");

    let news = app.release(NEWS).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    app.advance(Duration::from_secs(86_400));
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Accepted, 1), (State::Uncertain, 1)].into(), "an operator decides");
    assert_eq!(app.notice(news).await.state, NoticeState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_that_never_ends_is_not_sent_for_ever() {
    let app = TestApp::with(Engine::Sqlite, |config| config.retry.give_up_after = Duration::from_secs(86_400)).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(". hello@two.example", 99, Act::TakeAndClose);
    for _ in 0..6 {
        app.run_until_idle().await;
        app.advance(Duration::from_secs(600));
    }
    assert_eq!(app.counts(id).await, [(State::Uncertain, 1)].into());
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(app.relay.received().len(), 3, "copies");
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_before_the_dot_is_an_ordinary_deferral() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on("DATA", 1, Act::Close);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Deferred, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sender_uses_up_no_attempt() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on("MAIL FROM", 1, Act::Reply("550 5.7.1 sender not allowed\r\n"));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Queued, 1)].into());
    app.advance(Duration::from_secs(15));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_many_messages() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 1).await;
    let rows: String = (0..40).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 40)].into());
    History::of_app(&app, &[id]).await.check(&Terms::of(1)).hold("one connection, many messages");
    assert_eq!(app.relay.connections(), 1);
    assert!(!app.relay.commands().iter().any(|line| line.starts_with("RSET")), "nothing had to be reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_recipient_does_not_disturb_the_next_on_its_connection() {
    let app = TestApp::with(Engine::Sqlite, |config| config.relays[0].connections = 1).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<teknik@ett.example>", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Rejected, 1)].into());
    assert_eq!(app.relay.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_domain_holds_up_only_itself() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.limits.domain_connections = 1;
        config.limits.domain_rate_per_second.insert("slow.example".parse().unwrap(), 0.0001);
    })
    .await;
    let rows: String = (0..10).map(|n| format!("S{n},S,a{n}@slow.example\nQ{n},Q,a{n}@quick.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let id = app.release(&maintenance("all = true")).await;
    let Finished::Idle(depth) = app.run_until_idle().await else { panic!("not idle") };
    assert_eq!((depth.later, app.counts(id).await), (9, [(State::Queued, 9), (State::Accepted, 11)].into()));
    let quick = app.relay.received().iter().filter(|it| it.to.ends_with("@quick.example")).count();
    assert_eq!(quick, 10);
}

#[rstest]
#[case("RCPT", State::Queued)]
#[case(". hello@two.example", State::Uncertain)]
#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_puts_back_what_is_before_the_dot_and_doubts_what_is_after(#[case] at: &str, #[case] state: State) {
    // A quarter of it is for the record of what was broken off.
    let app = TestApp::with(Engine::Sqlite, |config| config.dispatch.drain = Duration::from_secs(4)).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(at, 1, Act::Stall);
    let (dispatcher, lock) = app.app.dispatcher(None).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { dispatcher.run(stop, None).await }
    });
    app.relay.stalled().await;
    assert_eq!(app.counts(id).await, [(State::Sending, 1)].into());
    stop.cancel();
    running.await.unwrap().unwrap();
    drop(lock);
    assert_eq!(app.counts(id).await, [(state, 1)].into());
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let mut conn = app.app.context.store.read().await.unwrap();
    let attempts = settle::attempts(&mut conn, delivery).await.unwrap();
    let kept = messages::find(&mut conn, delivery).await.unwrap();
    drop(conn);
    let tried: Vec<_> = attempts.iter().map(|it| (it.relay.as_str(), it.stage.as_str(), it.outcome.as_str())).collect();
    // In whose log to look, and for what, if the server may have it.
    let wanted: &[_] = if state == State::Uncertain { &[("primary", "dot", "uncertain")] } else { &[] };
    assert_eq!((tried.as_slice(), kept.is_some()), (wanted, state == State::Uncertain));
    app.advance(Duration::from_secs(120));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_notice_waits_and_a_cancelled_one_ends() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.app.notices.pause(id, &alice(), Some("wait")).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Queued, 2)].into());
    app.app.notices.resume(id, &alice(), None).await.unwrap();
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("450 later\r\n"));
    app.run_until_idle().await;
    app.app.notices.cancel(id, &alice(), Some("wrong window")).await.unwrap();
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    let notice = app.notice(id).await;
    assert_eq!(notice.state, NoticeState::Cancelled);
    assert!(notice.closed_at.is_some());
    let entries = ledger::of_notice(&mut app.app.context.store.read().await.unwrap(), id).await.unwrap();
    let last: Vec<&str> = entries.iter().rev().take(2).map(|entry| entry.event.as_str()).collect();
    assert_eq!(last, ["closed", "cancelled"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_a_dead_dispatcher_is_a_doubt(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let work = app.release(&maintenance("customers = [\"C2\"]")).await;
    let news = app.release(NEWS).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let now = app.app.context.clock.now();
    for id in [work, news] {
        let claimed =
            besked::store::sending::claims::claim(&mut tx, id, "a process that was killed", now, &[], 9).await.unwrap();
        assert!(!claimed.is_empty());
    }
    if engine == Engine::Postgres {
        // Leases there use the clock of the database.
        sqlx::query("UPDATE queue SET lease_until = 0").execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(work).await, [(State::Accepted, 1)].into(), "a mandatory notice is sent again");
    assert_eq!(app.counts(news).await, [(State::Uncertain, 2)].into(), "an optional one waits for an operator");
    let entries = ledger::of_notice(&mut app.app.context.store.read().await.unwrap(), work).await.unwrap();
    let events: Vec<&str> =
        entries.iter().map(|entry| entry.event.as_str()).filter(|event| *event != "operated").collect();
    assert_eq!(events, ["manifest", "uncertain", "accepted", "closed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_over_which_workers_panic_is_given_up() {
    // Longer than a configuration can have it: a return path of it is no address.
    let long = format!("{}.example", ["d".repeat(58).as_str(); 4].join("."));
    let app = TestApp::with(Engine::Sqlite, |config| config.sender.bounce_domain = long.parse().unwrap()).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    let finished = app.run_until_idle().await;
    let Finished::Left(left) = finished else { panic!("it says that all is well: {finished:?}") };
    assert_eq!((left.unread, left.unsent), (1, 0));
    let running = Running::start(&app);
    for _ in 0..800 {
        app.advance(Duration::from_secs(61));
        a_while(300).await;
        if app.counts(id).await.contains_key(&State::Rejected) {
            break;
        }
    }
    running.stop().await;
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].clone();
    let not_composed = Some(besked::domain::delivery::Reason::NotComposed);
    assert_eq!((delivery.state, delivery.reason), (State::Rejected, not_composed));
}

#[rstest]
#[case(None)]
#[case(Some(Until::Idle(None)))]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_recorder_panics_ends_with_an_error(#[case] until: Option<Until>) {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    // The recorder is who calls it.
    let (dispatcher, lock) = app.app.dispatcher(Some(Arc::new(|_| panic!("a fault of a test")))).unwrap();
    let run = dispatcher.run(CancellationToken::new(), until);
    let ended = tokio::time::timeout(Duration::from_secs(20), run).await.expect("it ends by itself");
    assert!(matches!(ended, Err(RunError::Broken)), "{ended:?}");
    drop(lock);
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)), "the next one goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_on_one_sqlite_database_are_one_too_many() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (_dispatcher, lock) = app.app.dispatcher(None).unwrap();
    assert!(lock.is_some());
    assert!(app.app.dispatcher(None).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_delivery_whose_stored_values_are_damaged_ends_as_not_composed() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Deferred, 1)].into());
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("DROP TRIGGER ledger_openings_stay").execute(&mut *tx).await.unwrap();
    let truncate = "UPDATE ledger_openings SET mould_values = substr(mould_values, 1, length(mould_values) / 2)
                    WHERE mould_values IS NOT NULL";
    assert_eq!(sqlx::query(truncate).execute(&mut *tx).await.unwrap().rows_affected(), 1);
    tx.commit().await.unwrap();
    app.advance(Duration::from_secs(75));
    let finished = app.run_until_idle().await;
    assert!(matches!(&finished, Finished::Left(left) if left.unsent == 1), "{finished:?}");
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].clone();
    assert_eq!(
        (delivery.state, delivery.reason),
        (State::Rejected, Some(besked::domain::delivery::Reason::NotComposed))
    );
    assert_eq!(app.relay.count(), 0);
}
