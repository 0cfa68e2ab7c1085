//! Many nodes on one PostgreSQL: one queue, one rate, and nothing lost when some of them are killed, frozen or replaced.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use besked::domain::delivery::State;
use besked::store::Store;
use besked::store::sending::nodes;
use rstest::rstest;
use serde_json::Value;

use crate::app::{CUSTOMERS, TestApp, maintenance};
use crate::audit::audit;
use crate::circuit::a_while;
use crate::cli::{Ran, Shell};
use crate::database::{Database, Engine};
use crate::postfix::eventually;
use crate::relay::{Act, Gate, Relay, Script, Step, on};

fn customers(count: usize) -> String {
    let rows: String = (0..count).map(|n| format!("C{n:03},Kund {n},a{n:03}@d{n}.example\n")).collect();
    format!("account_id,customer_name,email\n{rows}")
}

/// Three dispatchers in one process, until there is nothing left to do.
async fn three_dispatchers(app: &TestApp) {
    let (first, second, third) = tokio::join!(app.run_until_idle(), app.run_until_idle(), app.run_until_idle());
    for finished in [first, second, third] {
        assert!(matches!(finished, besked::dispatch::Finished::Idle(_)), "{finished:?}");
    }
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(nodes::live(&mut conn, app.app.context.clock.now()).await.unwrap(), [], "they took their leave");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_dispatchers_share_a_queue_and_everything_is_sent_once() {
    let app = TestApp::new(Engine::Postgres).await;
    app.import(&customers(120)).await;
    let id = app.release(&maintenance("all = true")).await;
    three_dispatchers(&app).await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 120)].into());
    let to: BTreeSet<_> = app.relay.received().into_iter().map(|it| it.to).collect();
    assert_eq!((app.relay.received().len(), to.len()), (120, 120));
    assert_eq!(audit(&app).await.problem, None);
}

/// Uses a lower bound only: a slow machine cannot fail it, nodes that do not share the rate do.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_for_the_sum_of_the_nodes() {
    const RATE: f64 = 8.0;
    const COUNT: usize = 40;
    let app = TestApp::with(Engine::Postgres, |config| config.relays[0].rate_per_second = RATE).await;
    app.import(&customers(COUNT)).await;
    app.release(&maintenance("all = true")).await;
    let began = Instant::now();
    three_dispatchers(&app).await;
    assert_eq!(app.relay.received().len(), COUNT);
    let (took, burst) = (began.elapsed().as_secs_f64(), 3.0);
    assert!(took >= (COUNT as f64 - burst) / RATE, "{COUNT} messages in {took} s");
}

/// Processes that share a PostgreSQL.
struct Cluster {
    shell: Shell,
    database: Database,
}

impl Cluster {
    /// With a released notice to some customers.
    async fn new(port: u16, count: usize) -> (Self, String) {
        let cluster = Self { shell: Shell::new().relay(port), database: Database::new(Engine::Postgres).await };
        cluster.shell.write("customers.csv", &customers(count));
        cluster.run(&["customers", "import", "customers.csv"]).ok();
        cluster.shell.write("notice.md", &maintenance("all = true"));
        let sent = cluster.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
        (cluster, sent["id"].as_str().unwrap().to_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.shell.command(arguments);
        command.env("BESKED__DATABASE__URL", &self.database.url).env("BESKED__RELAY__0__CONNECTIONS", "2");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        crate::cli::ran(self.command(arguments).output().unwrap())
    }

    fn node(&self) -> Node {
        Node::start(self.command(&["serve", "--only", "dispatch"]))
    }

    fn status(&self, id: &str) -> Value {
        self.run(&["--json", "notice", "status", id]).ok().json()
    }

    fn is_closed(&self, id: &str) -> bool {
        self.status(id)["state"] == "closed"
    }

    async fn store(&self) -> Store {
        self.database.open().await
    }

    /// As if the leases of nodes that cannot renew them had expired.
    async fn let_leases_run_out(&self) {
        let mut conn = self.store().await.write().await.unwrap();
        sqlx::query("UPDATE queue SET lease_until = 0 WHERE lease_owner IS NOT NULL")
            .execute(&mut *conn)
            .await
            .unwrap();
        conn.commit().await.unwrap();
    }

    /// Every message was accepted, and the ledger is whole.
    fn balances(&self, id: &str, count: u64) {
        let status = self.status(id);
        assert_eq!(
            (status["state"].as_str(), status["counts"]["accepted"].as_u64()),
            (Some("closed"), Some(count)),
            "{status}"
        );
        let audit = self.run(&["--json", "ledger", "audit"]).ok().json();
        assert_eq!(audit["deliveries"].as_u64(), Some(count), "{audit}");
    }
}

/// A dispatcher in a process of its own, which ends with the test.
struct Node(Child);

impl Node {
    fn start(mut command: Command) -> Self {
        Self(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Waits for its end, and returns its output.
    fn ends(mut self) -> String {
        use std::io::Read as _;
        let mut err = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert!(self.0.wait().unwrap().success(), "{err}");
        err
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It has ended by itself if the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_costs_no_delivery() {
    let relay = Relay::start().await;
    let (cluster, id) = Cluster::new(relay.address.port(), 150).await;
    let (killed, other) = (cluster.node(), cluster.node());
    eventually("some are sent", || relay.received().len() >= 30);
    killed.signal("-KILL");
    drop(killed);
    cluster.let_leases_run_out().await;
    // A new node takes over at once.
    let newcomer = cluster.node();
    eventually("all is sent", || cluster.is_closed(&id));
    for node in [other, newcomer] {
        node.signal("-TERM");
        node.ends();
    }
    cluster.balances(&id, 150);
    let to: BTreeSet<_> = relay.received().into_iter().map(|it| it.to).collect();
    let twice = relay.received().len() - to.len();
    println!("LOST {}, DUP {twice}", 150 - to.len());
    assert!(to.len() == 150 && twice <= 4, "{twice} were sent twice");
}

/// True if no session of a PostgreSQL database has an open transaction, for which others would wait until the database ends it. What a
/// process that was just frozen has sent may not have reached the database yet.
pub async fn rests(store: &Store) -> bool {
    let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    for _ in 0..3 {
        if sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut *store.read().await.unwrap()).await.unwrap() > 0 {
            return false;
        }
        a_while(50).await;
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_frozen_node_says_late_is_fenced_off() {
    let gate = Gate::new();
    let server = Relay::with(Script::default().rule(on(Step::Dot).nth(1).after(&gate))).await;
    let (cluster, id) = Cluster::new(server.address.port(), 1).await;
    // It does not sign, so that it cannot be frozen while it holds the signer's lock.
    let mut frozen = cluster.command(&["serve", "--only", "dispatch"]);
    frozen.env("BESKED__LEDGER__KEY_FILE", "var/none");
    let frozen = Node::start(frozen);
    gate.reached().await;
    let store = cluster.store().await;
    loop {
        frozen.signal("-STOP");
        if rests(&store).await {
            break;
        }
        frozen.signal("-CONT");
    }
    cluster.let_leases_run_out().await;
    cluster.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(cluster.status(&id)["counts"]["accepted"].as_u64(), Some(1));
    gate.open();
    server.wait_for(2).await;
    frozen.signal("-CONT");
    eventually("it is well again", || cluster.run(&["--json", "relays"]).ok().json()["running"] == true);
    frozen.signal("-TERM");
    let err = frozen.ends();
    assert!(err.contains("the lease was lost before the outcome could be recorded"), "{err}");
    cluster.balances(&id, 1);
    let messages = server.received();
    assert_eq!((messages.len(), &messages[0].data), (2, &messages[1].data), "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_replaced_one_by_one_under_load() {
    let relay = Relay::start().await;
    let (cluster, id) = Cluster::new(relay.address.port(), 200).await;
    let mut nodes = vec![cluster.node(), cluster.node()];
    for round in 1..=4 {
        eventually("some more is sent", || relay.received().len() >= round * 30);
        let old = nodes.remove(0);
        nodes.push(cluster.node());
        old.signal("-TERM");
        old.ends();
    }
    eventually("all is sent", || cluster.is_closed(&id));
    for node in nodes {
        node.signal("-TERM");
        node.ends();
    }
    cluster.balances(&id, 200);
    let to: BTreeSet<_> = relay.received().into_iter().map(|it| it.to).collect();
    assert_eq!((relay.received().len(), to.len()), (200, 200), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_configured_differently_send_the_same_mail() {
    let relay = Relay::start().await;
    let (cluster, id) = Cluster::new(relay.address.port(), 60).await;
    let node = |address: &str| {
        let mut command = cluster.command(&["serve", "--only", "dispatch"]);
        command.env("BESKED__ORGANISATION__ADDRESS", address);
        Node::start(command)
    };
    let nodes = [node("Oldstreet 1, 111 11 Town"), node("Newstreet 2, 222 22 Town")];
    eventually("all is sent", || cluster.is_closed(&id));
    for node in nodes {
        node.signal("-TERM");
        node.ends();
    }
    let old: BTreeSet<bool> = relay.received().iter().map(|mail| mail.text().contains("Oldstreet")).collect();
    assert_eq!(old.len(), 1, "the first of them made the mould for both");
    cluster.balances(&id, 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_see_each_other_come_and_go_and_divide_the_rate() {
    let relay = Relay::start().await;
    let (cluster, _) = Cluster::new(relay.address.port(), 1).await;
    let node = |name: &str| {
        let mut command = cluster.command(&["serve", "--only", "dispatch"]);
        command.env("BESKED__RELAY__0__RATE_PER_SECOND", "10.0").env("BESKED__DISPATCH__NODE", name);
        Node::start(command)
    };
    let shares = || {
        let shown = cluster.run(&["--json", "relays"]).ok().json();
        let at = shown["relays"][0]["nodes"].as_array().unwrap().clone();
        at.iter()
            .map(|at| (at["node"].as_str().unwrap().to_owned(), at["rate_per_second"].as_f64().unwrap()))
            .collect::<Vec<_>>()
    };
    let share = |name: &str, rate: f64| (name.to_owned(), rate);
    let one = node("one");
    eventually("the first has all of it", || shares() == [share("one", 10.0)]);
    let two = node("two");
    eventually("they have half of it each", || shares() == [share("one", 5.0), share("two", 5.0)]);
    two.signal("-STOP");
    eventually("the first has all of it again", || shares() == [share("one", 10.0)]);
    two.signal("-CONT");
    eventually("the second is back", || shares() == [share("one", 5.0), share("two", 5.0)]);
    one.signal("-KILL");
    eventually("the second has all of it", || shares() == [share("two", 10.0)]);
    two.signal("-TERM");
    two.ends();
    assert_eq!(shares(), [], "it took its leave");
}

#[rstest]
#[case("RCPT", "queued")]
#[case(". hello@two.example", "uncertain")]
#[tokio::test(flavor = "multi_thread")]
async fn a_service_ends_in_time_though_a_server_hangs(#[case] at: &str, #[case] state: &str) {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    let sent = shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
    relay.on(at, 1, Act::Stall);
    let mut serve = shell.command(&["serve", "--only", "dispatch"]);
    // A quarter of it is for the record of what was broken off.
    serve.env("BESKED__DISPATCH__DRAIN", "4s");
    let serve = Node::start(serve);
    relay.stalled().await;
    shell.run(&["dispatch"]).fails(75, &["another dispatcher is working on this database"]);
    serve.signal("-TERM");
    assert!(serve.ends().contains("did not finish in time"));
    let status = shell.run(&["--json", "notice", "status", sent["id"].as_str().unwrap()]).ok().json();
    assert_eq!(status["counts"][state].as_u64(), Some(1), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_relays_is_shown_as_it_is_and_no_address_with_it() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    let config = shell.directory.path().join("config/besked.toml");
    let spare = "\n[[relay]]\nname = \"spare\"\nurl = \"smtps://127.0.0.1:1\"\n";
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + spare).unwrap();
    let unknown = shell.run(&["relays"]).ok();
    assert!(unknown.out.contains("unknown") && unknown.out.contains("spare"), "{}", unknown.out);
    assert!(
        unknown.err.contains("no dispatcher is running") && unknown.err.contains("besked doctor"),
        "{}",
        unknown.err
    );

    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("421 4.7.0 <hello@two.example> not so fast\r\n"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let serve = Node::start(shell.command(&["serve", "--only", "dispatch"]));
    let shown = || shell.run(&["--json", "relays"]).ok().json();
    eventually("it is shown what was sent", || {
        let at = &shown()["relays"][0]["nodes"][0];
        at["sent"] == 1 && at["deferred"] == 1
    });
    let json = shown();
    let first = &json["relays"][0]["nodes"][0];
    assert_eq!((first["state"].as_str(), json["relays"][0]["tls"].as_str()), (Some("closed"), Some("none")), "{json}");
    assert!(first["last_success_at"].is_string() && first["rate_per_second"].is_null(), "{json}");
    let paused = &first["paused_domains"][0];
    assert_eq!((paused["domain"].as_str(), paused["code"].as_u64()), (Some("two.example"), Some(421)), "{json}");
    assert_eq!(json["relays"][1]["address"], "127.0.0.1:1");
    assert_eq!(json["nodes"].as_array().unwrap().len(), 1);
    let text = shell.run(&["relays"]).ok().out;
    assert!(text.contains("two.example is paused") && text.contains("it answered 421"), "{text}");

    relay.stop().await;
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    eventually("it is shown that both are down", || {
        let json = shown();
        (0..2).all(|n| json["relays"][n]["nodes"][0]["stage"] == "connect")
    });
    let text = shell.run(&["relays"]).ok().out;
    assert!(text.contains("since connect failed"), "{text}");
    for text in [text, json.to_string(), shown().to_string()] {
        assert!(!text.contains('@'), "{text}");
    }
    serve.signal("-TERM");
    serve.ends();
    assert_eq!(shown()["running"], false);
}
