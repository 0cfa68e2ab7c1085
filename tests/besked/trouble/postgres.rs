//! A PostgreSQL server that is restarted, stopped, or made read-only while a service works with it.

use std::time::Duration;

use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use besked::notices::Release;
use besked::store::Store;
use besked::store::notices::releases;
use rstest::rstest;

use super::cluster::Cluster;
use super::service::Service;
use crate::app::{TestApp, alice, maintenance};
use crate::database::Engine;

#[rstest]
#[case("fast")]
#[case("immediate")]
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_server_needs_none_of_ours(#[case] mode: &str) {
    let cluster = Cluster::start();
    let mut service = Service::ready(Some(&cluster.url())).await;
    service.start(|_| {});
    service.is_sending();
    cluster.restart(mode);
    service.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_is_waited_for() {
    let cluster = Cluster::start();
    let mut service = Service::ready(Some(&cluster.url())).await;
    service.start(|_| {});
    service.is_sending();
    cluster.stop();
    service.logged("the database cannot be written");
    service.rests();
    let list = service.shell.run(&["customers", "list"]).fails(75, &["cannot open the database", "refused", "hint: "]);
    assert!(!list.err.contains("init"), "nobody is to make a new one: {}", list.err);
    service.shell.run(&["dispatch", "--until-idle"]).fails(75, &["refused"]);
    service.rests();
    cluster.begin();
    service.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_starts_before_its_server_waits_for_it() {
    let cluster = Cluster::start();
    let mut service = Service::ready(Some(&cluster.url())).await;
    cluster.stop();
    service.start(|_| {});
    service.logged("the database cannot be opened");
    cluster.begin();
    service.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_to_write_is_waited_for() {
    let cluster = Cluster::start();
    let mut service = Service::ready(Some(&cluster.url())).await;
    service.start(|_| {});
    service.is_sending();
    cluster.read_only(true);
    service.logged("read-only");
    service.rests();
    service.shell.run(&["customers", "import", "customers.csv"]).fails(75, &["read-only"]);
    service.shell.run(&["customers", "list"]).ok();
    cluster.read_only(false);
    service.logged("can be written again");
    service.goes_on().await;
}

/// The release does not wait until its chunks are on disk. The last of them are lost here, before the manifest.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_chunks_a_server_has_lost_is_done_afresh() {
    let cluster = Cluster::forgetful();
    let store = Store::open(&cluster.url().parse().unwrap(), false).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let app = TestApp::new(Engine::Sqlite).await.at(&cluster.url()).await;
    let rows: String = (0..4100).map(|n| format!("C{n:04},Kund {n},a{n}@d.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let notices = &app.app.notices;
    // Every ten seconds the server writes its log by itself, and then it loses nothing.
    let (id, error) = loop {
        let id = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
        notices.submit(id, &alice()).await.unwrap();
        if let Err(error) = notices.release(id, &alice(), Release::default(), &|_| cluster.restart("immediate")).await {
            break (id, error);
        }
    };
    assert!(error.to_string().contains("the database was restarted meanwhile"), "{error}");
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(releases::written(&mut conn, id).await.unwrap(), (0, 0));
    drop(conn);
    assert_eq!(app.notice(id).await.state, NoticeState::Releasing);
    app.advance(Duration::from_secs(31));
    notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap();
    assert_eq!(app.counts(id).await, [(State::Queued, 4100)].into(), "each once");
}
