//! Processes that are killed (SIGKILL) between the commit of what was asked for and its answer: a `besked serve`, and the program that
//! asks. The next program asks for everything once more, and everything is done once.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::Reply;
use crate::app::{CUSTOMERS, maintenance};
use crate::cli::Shell;
use crate::metrics::{Running, free, status};
use crate::postfix::eventually;
use crate::relay::Relay;
use crate::standing::INVOICES;

/// Invoices, one for each customer: unoptimized code gets through fewer in the time of a test.
const MANY: usize = if cfg!(debug_assertions) { 2_000 } else { 10_000 };

/// Rows of a request.
const BATCH: usize = 500;

/// A working directory with a database, a relay and a key.
struct Site {
    shell: Shell,
    relay: Relay,
    at: SocketAddr,
    key: String,
}

impl Site {
    /// With these customers, and a machine with this role.
    async fn new(customers: &str, role: &str) -> Self {
        let relay = Relay::start().await;
        let shell = Shell::new().relay(relay.address.port());
        shell.write("customers.csv", customers);
        shell.run(&["customers", "import", "customers.csv"]).ok();
        shell.run(&["operators", "add", "Root", "--role", "admin"]).ok();
        shell.run(&["--as", "Root", "operators", "add", "program", "--role", role, "--machine"]).ok();
        let made = shell.run(&["--json", "--as", "Root", "keys", "add", "--operator", "program"]).ok().json();
        Self { shell, relay, at: free(), key: made["key"].as_str().unwrap().to_owned() }
    }

    fn serve(&self) -> Running {
        let mut serve = self.shell.command(&["serve", "--only", "http"]);
        let serving = Running::start(serve.env("BESKED__HTTP__LISTEN", self.at.to_string()));
        eventually("it is ready", || status(self.at, "/healthz") == 200);
        serving
    }

    /// Sends a request, and leaves its answer unread.
    fn begin(&self, path: &str, name: &str, body: &Value) -> TcpStream {
        let body = body.to_string();
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {name}\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            body.len()
        )
        .unwrap();
        stream
    }

    /// Asks until the answer is another one than to wait, as a program does.
    fn ask(&self, path: &str, name: &str, body: &Value) -> Reply {
        for _ in 0..100 {
            let mut answer = Vec::new();
            self.begin(path, name, body).read_to_end(&mut answer).unwrap();
            let reply = Reply::parse(&answer);
            let Some(wait) = reply.header("retry-after") else { return reply };
            std::thread::park_timeout(Duration::from_secs(wait.parse().unwrap()));
        }
        panic!("`{name}` is never done");
    }

    /// How many rows a table has, as another process sees it.
    fn count(&self, table: &str) -> usize {
        let database = self.shell.directory.path().join("var/besked.db");
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let ran = Command::new("sqlite3").args(["-cmd", ".timeout 20000"]).arg(database).arg(sql).output().unwrap();
        String::from_utf8(ran.stdout).unwrap().trim().parse().unwrap()
    }

    /// Sends a request, and kills the server as soon as what was asked for is committed.
    fn ask_and_kill(&self, serving: Running, table: &str, (path, name, body): (&str, &str, &Value)) {
        let before = self.count(table);
        let unread = self.begin(path, name, body);
        eventually("it is committed", || self.count(table) > before);
        drop(serving);
        drop(unread);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_after_a_commit_does_it_once() {
    let site = Site::new(CUSTOMERS, "ops").await;
    let body = json!({ "source": maintenance("all = true") });
    let serving = site.serve();
    site.ask_and_kill(serving, "notices", ("/api/v1/notices", "k", &body));
    let serving = site.serve();
    let first = site.ask("/api/v1/notices", "k", &body).ok(201);
    assert_eq!(site.ask("/api/v1/notices", "k", &body).ok(201)["id"], first["id"]);
    assert_eq!(site.count("notices"), 1);
    serving.ends();
}

#[tokio::test(flavor = "multi_thread")]
async fn finance_adds_invoices_by_a_program_that_is_killed_twice_and_each_customer_gets_one() {
    let mut customers = "account_id,customer_name,email,contact_name,role,locale\n".to_owned();
    (0..MANY).for_each(|n| customers += &format!("K{n:05},Customer {n},billing@k{n}.example,Kim,billing,en\n"));
    let site = Site::new(&customers, "finance").await;
    let mut serving = site.serve();
    let made = site.ask("/api/v1/notices", "standing", &json!({ "source": INVOICES })).ok(201);
    let path = format!("/api/v1/notices/{}", made["id"].as_str().unwrap());
    site.ask(&format!("{path}/submit"), "submit", &json!({})).ok(200);
    site.ask(&format!("{path}/release"), "release", &json!({})).ok(200);
    let add = format!("{path}/recipients");
    let row = |n: usize| {
        let key = format!("F-{n}");
        json!({ "account_id": format!("K{n:05}"), "key": key, "invoice": key, "amount": "1.00" })
    };
    let batch = |number: usize| json!({ "rows": (number * BATCH..(number + 1) * BATCH).map(row).collect::<Vec<_>>() });
    let batches = MANY / BATCH;
    for died_at in [batches / 3, batches - 1] {
        for number in 0..died_at {
            let added = site.ask(&add, &format!("batch-{number}"), &batch(number)).ok(202);
            assert_eq!(added["accepted"], BATCH, "{number}: {}", added["problems"]);
        }
        let (name, body) = (format!("batch-{died_at}"), batch(died_at));
        site.ask_and_kill(serving, "deliveries", (&add, &name, &body));
        serving = site.serve();
    }
    // The third program comes to the end.
    for number in 0..batches {
        let added = site.ask(&add, &format!("batch-{number}"), &batch(number)).ok(202);
        assert_eq!(added["accepted"], BATCH, "{number}: {}", added["problems"]);
    }
    assert_eq!(site.count("deliveries"), MANY);
    serving.ends();
    site.shell.run(&["dispatch", "--until-idle"]).ok();
    let mails = site.relay.received();
    let to: BTreeSet<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!((mails.len(), to.len()), (MANY, MANY), "exactly one each");
}
