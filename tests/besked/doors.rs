//! Clients that hold their connections open: others are answered, mail is sent, and the process ends when it is told to.

use std::convert::Infallible;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use besked::http::serve::{Limits, serve};
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{CUSTOMERS, maintenance};
use crate::cli::Shell;
use crate::metrics::{Running, free, status};
use crate::postfix::eventually;
use crate::relay::Relay;

/// What nobody waits for.
const LONG: Duration = Duration::from_secs(600);

/// Limits that no test meets by accident.
fn limits() -> Limits {
    Limits {
        connections: 8,
        header: LONG,
        body: LONG,
        answer: LONG,
        connection: LONG,
        drain: LONG,
        ..Limits::default()
    }
}

/// A listener with a page that answers and one that never does.
struct Door {
    at: SocketAddr,
    ended: CancellationToken,
    serving: JoinHandle<()>,
}

impl Door {
    async fn open(limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, ended) = (listener.local_addr().unwrap(), CancellationToken::new());
        let routes = Router::new()
            .route("/u/page", get(async || "hello").post(async |body: String| body))
            .route("/sign-in", post(async |body: String| body))
            // They return their whole answer after more time than a connection without a file has.
            .route("/notices/{id}/open.csv", get(slowly))
            .route("/notices/{id}", get(slowly))
            .route("/u/never", post(async || std::future::pending::<String>().await));
        let stop = ended.clone();
        let serving = tokio::spawn(async move { serve(listener, routes, limits, &stop, &stop).await });
        Self { at, ended, serving }
    }

    async fn end(self) {
        self.ended.cancel();
        self.serving.await.unwrap();
    }
}

/// An answer whose end comes late.
async fn slowly() -> Body {
    let parts = stream::unfold(0, |part| async move {
        if part == 1 {
            let never = std::future::pending::<()>();
            let _ = tokio::time::timeout(Duration::from_secs(8), never).await;
        }
        (part < 2).then(|| (Ok::<_, Infallible>(["begin ", "end"][part]), part + 1))
    });
    Body::from_stream(parts)
}

/// Opens a connection and sends part of a request.
fn begin(server: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// What comes until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(answer).unwrap(),
    }
}

const WHOLE: &str = "GET /u/page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const HALF: &str = "GET /u/page HTTP/1.1\r\nHost:";
const HALF_BODY: &str = "POST /u/page HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf";

#[tokio::test(flavor = "multi_thread")]
async fn however_many_requests_are_half_sent_a_whole_one_is_answered() {
    let door = Door::open(limits()).await;
    // A form of the console is one of somebody without a session, until that was looked up.
    let form = HALF_BODY.replace("/u/page", "/sign-in");
    let half: Vec<TcpStream> = (0..60).map(|n| begin(door.at, ["", HALF, HALF_BODY, &form][n % 4])).collect();
    for _ in 0..20 {
        assert!(rest(begin(door.at, WHOLE)).ends_with("hello"));
    }
    // Those that waited longest were closed for the others.
    for early in half.into_iter().take(30) {
        assert_eq!(rest(early), "");
    }
    door.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_half_sent_is_closed_at_its_deadline_and_what_idles_too() {
    let short = Duration::from_secs(3);
    let door = Door::open(Limits { header: short, body: short, ..limits() }).await;
    assert_eq!(rest(begin(door.at, "")), "");
    assert_eq!(rest(begin(door.at, HALF)), "");
    let late = rest(begin(door.at, HALF_BODY));
    assert!(late.starts_with("HTTP/1.1 408") && late.to_lowercase().contains("connection: close"), "{late}");
    let idle = rest(begin(door.at, &WHOLE.replace("close", "keep-alive")));
    assert!(idle.starts_with("HTTP/1.1 200") && idle.ends_with("hello"), "{idle}");
    door.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_or_takes_too_long_gets_an_answer() {
    let door = Door::open(Limits { answer: Duration::from_secs(3), size: 8, ..limits() }).await;
    let post = |path: &str, body: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nConnection: close\r\n");
        rest(begin(door.at, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())))
    };
    assert!(post("/u/page", "12345678").ends_with("12345678"));
    assert!(post("/u/page", "123456789").starts_with("HTTP/1.1 413"));
    let late = post("/u/never", "");
    assert!(late.starts_with("HTTP/1.1 503") && late.to_lowercase().contains("retry-after: 60"), "{late}");
    door.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_console_is_not_cut_off_while_it_is_sent() {
    let short = Duration::from_secs(2);
    let limits = Limits { connection: short, body: short, answer: short, ..limits() };
    let door = Door::open(limits).await;
    let asked = |path: &str| rest(begin(door.at, &WHOLE.replace("/u/page", path)));
    assert!(asked("/notices/x/open.csv").contains("end"));
    let cut = asked("/notices/x");
    assert!(cut.contains("begin") && !cut.contains("end\r\n"), "{cut}");
    door.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_ends_although_requests_are_half_sent_or_never_answered() {
    let limits = Limits { drain: Duration::from_millis(200), grace: Duration::from_millis(20), ..limits() };
    let door = Door::open(limits).await;
    let head = "POST /u/never HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let held = ["", HALF, HALF_BODY, head].map(|text| begin(door.at, text));
    assert!(rest(begin(door.at, WHOLE)).ends_with("hello"));
    door.end().await;
    assert_eq!(held.map(rest), [""; 4]);
}

/// A process with a low limit of open files.
fn limited(command: &Command, files: u32) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -n {files} && exec \"$0\" \"$@\"")).arg(command.get_program());
    shell.args(command.get_args()).current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// Holds so many connections open from a process of its own, every second of them with half a request, and returns once they are.
fn held(server: SocketAddr, count: usize) -> Running {
    let script = "import resource, signal, socket, sys
port, count, half = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
held = []
for n in range(count):
    held.append(socket.create_connection(('127.0.0.1', port)))
    if n % 2:
        try:
            held[-1].send(half)
        except OSError:
            pass
print('held', file=open(sys.argv[4], 'w'), flush=True)
signal.pause()";
    let done = tempfile::NamedTempFile::new().unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", script, &server.port().to_string(), &count.to_string(), HALF]).arg(done.path());
    let holding = Running::start(&mut python);
    eventually("they are open", || std::fs::read_to_string(done.path()).unwrap().contains("held"));
    holding
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_sent_and_pages_are_served_although_a_thousand_connections_idle() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    let http = free();
    let mut serve = shell.command(&["serve"]);
    serve.env("BESKED__HTTP__LISTEN", http.to_string()).env("BESKED__DISPATCH__DRAIN", "240s");
    let log = shell.directory.path().join("log");
    let mut serve = limited(&serve, 160);
    let serving = Running::start(serve.stderr(std::fs::File::create(&log).unwrap()));
    eventually("it is ready", || status(http, "/readyz") == 200);

    let held = held(http, 1000);
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    relay.wait_for(1).await;
    assert_eq!(status(http, "/u/x"), 404);
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("the limit of open files is too small") && said.contains("LimitNOFILE="), "{said}");
    let since = Instant::now();
    serving.ends();
    assert!(since.elapsed() < Duration::from_secs(120), "{:?}", since.elapsed());
    drop(held);
}
