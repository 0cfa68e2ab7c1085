//! A PostgreSQL server that is restarted, stopped, or made read-only while a service works with it.

use rstest::rstest;

use super::cluster::Cluster;
use super::service::Service;

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
    service.told("the database cannot be written");
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
    service.told("the database cannot be opened");
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
    service.told("read-only");
    service.rests();
    service.shell.run(&["customers", "import", "customers.csv"]).fails(75, &["read-only"]);
    service.shell.run(&["customers", "list"]).ok();
    cluster.read_only(false);
    service.told("can be written again");
    service.goes_on().await;
}
