//! The ways in which reports come back: whether there is one, and whether each can be used.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

use super::{Check, Verdict};
use crate::app::App;
use crate::config::{Config, LmtpListen};
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::delivery::Level;
use crate::domain::page::PageRequest;
use crate::domain::words::cause;
use crate::inbound::imap::look;

/// How long a server may take to greet.
const GREETING: Duration = Duration::from_secs(5);

/// Checks each way that is configured.
pub(super) async fn check(config: &Config, progress: &dyn Fn(&str)) -> Vec<Check> {
    let inbound = &config.inbound;
    let mut checks = Vec::new();
    if let Some(listen) = &inbound.lmtp_listen {
        checks.push(lmtp(listen).await);
    }
    if !inbound.maildir.path.as_os_str().is_empty() {
        checks.push(maildir(&inbound.maildir.path));
    }
    if let Some(url) = &inbound.imap.url {
        progress("the IMAP server");
        let (verdict, detail) = match look(&inbound.imap, url).await {
            Ok(detail) => (Verdict::Ok, detail),
            Err(error) => (Verdict::Failed, error.to_string()),
        };
        checks.push(Check::new("inbound imap", verdict, detail));
    }
    checks
}

/// Checks that something brings reports back, if any are asked for. A pipe is not in our configuration: what came by it tells.
pub(super) async fn reports(config: &Config, app: &App) -> Option<Check> {
    let what = "reports";
    let needs = |it: &&Category| config.informed_at(**it) >= Level::DsnDelivered;
    let needed: Vec<_> = Category::ALL.iter().filter(needs).map(|it| it.as_str()).collect();
    let asked = Category::ALL.iter().any(|it| config.ask_delivery_reports(*it));
    if config.inbound.is_served() || (needed.is_empty() && !asked) {
        return None;
    }
    let page = PageRequest { after: None, limit: 1 };
    let last = app.inbound.list(&Actor::system("doctor"), false, &page).await;
    let last = last.ok().and_then(|page| page.items.into_iter().next());
    if let Some(last) = last {
        let (route, at) = (last.route, last.at.strftime("%Y-%m-%d"));
        return Some(Check::new(what, Verdict::Ok, format!("the last one came by `{route}` on {at}")));
    }
    let consequence = if needed.is_empty() {
        "a bounce that comes after the relay's 250 stays unknown".to_owned()
    } else {
        format!("no customer will count as informed by {} (`informed_at = \"dsn_delivered\"`)", needed.join(", "))
    };
    let detail = format!(
        "nothing brings reports back, so {consequence}: set `[inbound] lmtp_listen`, `[inbound.imap]` or `[inbound.maildir]`, or let \
         the mail server of {} run `besked inbound deliver` (docs/inbound.md)",
        config.sender.bounce_domain
    );
    Some(Check::new(what, Verdict::Warning, detail))
}

/// Checks that the listener is up, or could be.
async fn lmtp(listen: &LmtpListen) -> Check {
    let what = "inbound lmtp";
    let greeting = match listen {
        LmtpListen::Tcp(address) => greeting(TcpStream::connect(address)).await,
        LmtpListen::Unix(path) => greeting(UnixStream::connect(path)).await,
    };
    if let Some(line) = greeting {
        return if line.starts_with("220") && line.contains("LMTP") {
            Check::new(what, Verdict::Ok, format!("`{listen}`, where `besked serve` listens"))
        } else {
            let detail = format!(
                "something else than LMTP answers on `{listen}`: name another address in `[inbound] lmtp_listen`"
            );
            Check::new(what, Verdict::Failed, detail)
        };
    }
    let bound = match listen {
        LmtpListen::Tcp(address) => TcpListener::bind(address).await.map(drop),
        LmtpListen::Unix(path) => bind_beside(path),
    };
    match bound {
        Ok(()) => Check::new(
            what,
            Verdict::Ok,
            format!("`{listen}` is free: nothing listens there until `besked serve` runs"),
        ),
        Err(error) => {
            let detail = format!("`besked serve` cannot listen on `{listen}`: {}", cause(&error));
            Check::new(what, Verdict::Failed, detail)
        }
    }
}

/// The first line of a server; `None` if there is no server. A server that says nothing has an empty line.
async fn greeting<S: AsyncRead + Unpin>(connecting: impl Future<Output = std::io::Result<S>>) -> Option<String> {
    let stream = timeout(GREETING, connecting).await.ok()?.ok()?;
    let mut line = String::new();
    let _ = timeout(GREETING, BufReader::new(stream).read_line(&mut line)).await;
    Some(line)
}

/// Binds a socket of another name in the same folder, and removes it.
fn bind_beside(path: &Path) -> std::io::Result<()> {
    let trial = path.with_extension(format!("doctor-{}", std::process::id()));
    let bound = UnixListener::bind(&trial).map(drop);
    if bound.is_ok() {
        std::fs::remove_file(&trial)?;
    }
    bound
}

/// Checks that the folder is a Maildir whose messages can be moved.
fn maildir(path: &Path) -> Check {
    let what = "inbound maildir";
    for part in ["new", "cur"] {
        let folder = path.join(part);
        // A file without a name: no mail program sees it.
        let tried = std::fs::read_dir(&folder).and_then(|_| tempfile::tempfile_in(&folder));
        if let Err(error) = tried {
            let detail = format!(
                "`{}` cannot be read and written: {}; it must be the `{part}` of a Maildir, and belong to the user of `besked serve`",
                folder.display(),
                cause(&error)
            );
            return Check::new(what, Verdict::Failed, detail);
        }
    }
    Check::new(what, Verdict::Ok, format!("`{}`", path.display()))
}
