//! The network between Besked and PostgreSQL: connections that vanish silently, a server that stops answering, one that refuses
//! every connection.

use std::time::{Duration, Instant};

use besked::dispatch::{Finished, RunError};
use besked::domain::delivery::State;
use besked::ledger::audit::Verdict;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::proxy::Proxy;
use super::{CONNECTIONS, CUSTOMERS, RATE, balance, customers};
use crate::app::{TestApp, maintenance};
use crate::audit::audit;
use crate::circuit::a_while;
use crate::database::Engine;
use crate::postfix::eventually;

/// The time that it has for its end.
const DRAIN: Duration = Duration::from_secs(8);

/// A dispatcher at work, behind a proxy.
struct AtWork {
    app: TestApp,
    proxy: Proxy,
    id: Uuid,
    stop: CancellationToken,
    running: JoinHandle<Result<Finished, RunError>>,
}

impl AtWork {
    /// A moment in the middle of its work.
    async fn begin() -> Self {
        let app = TestApp::with(Engine::Postgres, |config| {
            config.relays[0].rate_per_second = RATE;
            config.dispatch.drain = DRAIN;
        })
        .await;
        let url = app.app.context.config.database.url.expose();
        let proxy = Proxy::before(&url).await;
        let app = app.at(&proxy.url(&url)).await;
        app.import(&customers()).await;
        let id = app.release(&maintenance("all = true")).await;
        let (dispatcher, _) = app.app.dispatcher(None).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let stop = stop.clone();
            async move { dispatcher.run(stop, None).await }
        });
        eventually("some is sent", || app.relay.received().len() >= CUSTOMERS / 5);
        Self { app, proxy, id, stop, running }
    }

    /// Transactions begun at the relay so far.
    fn begun(&self) -> usize {
        self.app.relay.commands().iter().filter(|command| command.starts_with("MAIL")).count()
    }

    /// Waits until the database was repeatedly contacted in vain.
    fn trouble_lasts(&self, tries: usize) {
        let (tried, begun) = (self.proxy.tried(), self.begun());
        eventually("it was tried again", || self.proxy.tried() >= tried + tries);
        let more = self.begun() - begun;
        assert!(more <= 2 * CONNECTIONS, "{more} transactions began without a database");
        // Work in progress has ended by now, and nothing new begins.
        let (tried, begun) = (self.proxy.tried(), self.begun());
        eventually("it was tried again", || self.proxy.tried() >= tried + tries);
        assert_eq!(self.begun(), begun, "nothing begins without a database");
    }

    /// Every recipient is informed, and the counts agree.
    async fn goes_on(self) {
        eventually("everybody is told", || self.app.relay.received().len() >= CUSTOMERS);
        self.stop.cancel();
        assert!(matches!(self.running.await.unwrap(), Ok(Finished::Stopped)));
        assert!(matches!(self.app.run_until_idle().await, Finished::Idle(_)));
        assert_eq!(self.app.counts(self.id).await, [(State::Accepted, CUSTOMERS as u64)].into());
        balance(&self.app.relay, 2 * CONNECTIONS);
        let report = audit(&self.app).await;
        assert_eq!((report.verdict, report.problem), (Verdict::Ok, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_vanish_without_a_word_are_replaced() {
    let work = AtWork::begin().await;
    work.proxy.vanish();
    work.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_waited_for() {
    let work = AtWork::begin().await;
    work.proxy.fall_silent();
    work.trouble_lasts(2);
    work.proxy.speak();
    work.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_turns_everybody_away_is_waited_for() {
    let work = AtWork::begin().await;
    work.proxy.turn_away();
    work.trouble_lasts(6);
    work.proxy.let_in();
    work.goes_on().await;
}

/// Each of them would occupy its place in the pool for ever.
#[tokio::test(flavor = "multi_thread")]
async fn more_lent_connections_than_there_are_may_vanish() {
    let app = TestApp::new(Engine::Postgres).await;
    let url = app.app.context.config.database.url.expose();
    let proxy = Proxy::before(&url).await;
    let app = app.at(&proxy.url(&url)).await;
    for _ in 0..2 {
        let mut lent = Vec::new();
        for _ in 0..8 {
            lent.push(app.app.context.store.read().await.unwrap());
        }
        let writing = lent.pop().map(drop);
        assert!(writing.is_some());
        proxy.vanish();
        drop(lent);
        app.import("account_id,customer_name,email\nC1,Ett AB,a@one.example\n").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_ends_in_the_time_to_drain_also_if_the_database_says_nothing() {
    let work = AtWork::begin().await;
    work.proxy.fall_silent();
    let asked = Instant::now();
    work.stop.cancel();
    let finished = work.running.await.unwrap();
    assert!(matches!(finished, Ok(Finished::Stopped)), "{finished:?}");
    let took = asked.elapsed();
    assert!(took < DRAIN + Duration::from_secs(15), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_that_starts_ends_at_once_if_the_database_says_nothing() {
    let app = TestApp::with(Engine::Postgres, |_| {}).await;
    let url = app.app.context.config.database.url.expose();
    let proxy = Proxy::before(&url).await;
    let app = app.at(&proxy.url(&url)).await;
    let (dispatcher, _) = app.app.dispatcher(None).unwrap();
    proxy.fall_silent();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { dispatcher.run(stop, None).await }
    });
    a_while(500).await;
    assert!(!running.is_finished());
    let asked = Instant::now();
    stop.cancel();
    let finished = running.await.unwrap();
    assert!(matches!(finished, Ok(Finished::Stopped)), "{finished:?}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
}
