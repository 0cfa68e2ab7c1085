//! The way out to receivers: each name is resolved once for a connection, all of its addresses are judged, and the connection goes to
//! one of these. No redirect is followed and no proxy asked, as both would lead past that.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use jiff::SignedDuration;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rustls::ClientConfig;
use thiserror::Error;

use crate::config::Webhooks as Config;
use crate::domain::webhook::reach::Networks;
use crate::domain::webhook::{Target, unreachable};
use crate::mail::tls;
use crate::people::directory::in_words;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How much of an answer is read, in bytes. It says nothing that its status does not, but unread the connection cannot be used again.
const ANSWER: usize = 64 << 10;

/// How long an idle connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// What a name leads to, in a test.
pub type Scripted = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// Where names are looked up.
#[derive(Clone)]
pub enum Names {
    /// By this system: its hosts file and the DNS.
    System,
    /// In what a test says.
    Scripted(Scripted),
}

/// Why nothing is sent to a name.
#[derive(Debug, Error)]
pub(super) enum Astray {
    /// One of its addresses may not be called.
    #[error("its name {0}")]
    Forbidden(String),
    /// It has no address now.
    #[error("its name cannot be resolved")]
    Unknown,
}

impl Names {
    /// The addresses of a host, if all of them may be called.
    async fn reach(&self, host: &str, allow: &[IpNet], in_clear: bool) -> Result<Vec<IpAddr>, Astray> {
        let addresses: Vec<IpAddr> = match self {
            Self::System => {
                let found = tokio::net::lookup_host((host, 0)).await.map_err(|_| Astray::Unknown)?;
                found.map(|address| address.ip()).collect()
            }
            Self::Scripted(scripted) => scripted(host),
        };
        if addresses.is_empty() {
            return Err(Astray::Unknown);
        }
        let forbidden = addresses.iter().find(|address| !Networks(allow).reach(**address, in_clear));
        forbidden.map_or(Ok(()), |it| Err(Astray::Forbidden(unreachable(*it, in_clear))))?;
        Ok(addresses)
    }
}

/// Resolves the names of one client's receivers.
struct Guard {
    names: Names,
    allow: Arc<[IpNet]>,
    in_clear: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, allow, in_clear) = (self.names.clone(), self.allow.clone(), self.in_clear);
        Box::pin(async move {
            let addresses = names.reach(name.as_str(), &allow, in_clear).await?;
            // The port of the address is used in place of 0.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// How a receiver answered, or why it did not.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Its status.
    pub status: Option<u16>,
    /// How long it wants to be left alone.
    pub asked: Option<SignedDuration>,
    /// Why the call did not succeed.
    pub problem: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Makes calls. The clients are made at the first one: most commands make none.
pub struct Outside {
    names: Names,
    deadline: Duration,
    clients: OnceLock<Result<Clients, String>>,
}

struct Clients {
    https: Client,
    http: Client,
}

impl Default for Outside {
    fn default() -> Self {
        Self::new(Names::System, DEADLINE)
    }
}

impl Outside {
    /// Looks names up there, and waits so long for an answer.
    #[must_use]
    pub const fn new(names: Names, deadline: Duration) -> Self {
        Self { names, deadline, clients: OnceLock::new() }
    }

    /// Where the name of an address leads now; nothing to find out for one without a name.
    pub(super) async fn look(&self, config: &Config, target: &Target) -> Result<(), Astray> {
        let Some(name) = target.as_url().domain() else { return Ok(()) };
        let look = self.names.reach(name, &config.allow, target.is_in_clear());
        tokio::time::timeout(self.deadline, look).await.unwrap_or(Err(Astray::Unknown)).map(drop)
    }

    /// Makes a call.
    pub(super) async fn post(&self, config: &Config, target: &Target, headers: HeaderMap, body: String) -> Answer {
        let begun = Instant::now();
        let mut answer = match self.send(config, target, headers, body).await {
            Ok(response) => read(response).await,
            Err(problem) => Answer { status: None, asked: None, problem: Some(problem), took: Duration::ZERO },
        };
        answer.took = begun.elapsed();
        answer
    }

    async fn send(
        &self,
        config: &Config,
        target: &Target,
        headers: HeaderMap,
        body: String,
    ) -> Result<Response, String> {
        // An address in place of a name is not looked up, and the configuration may have changed since it was added.
        if let Some(address) = target.literal()
            && !Networks(&config.allow).reach(address, target.is_in_clear())
        {
            return Err(format!("it {}", unreachable(address, target.is_in_clear())));
        }
        let clients = self.clients.get_or_init(|| Clients::new(&self.names, config, self.deadline)).as_ref()?;
        let client = if target.is_in_clear() { &clients.http } else { &clients.https };
        let request = client.post(target.as_url().clone()).headers(headers).header(CONTENT_TYPE, "application/json");
        request.body(body).send().await.map_err(|error| in_words(&error))
    }
}

impl Clients {
    fn new(names: &Names, config: &Config, deadline: Duration) -> Result<Self, String> {
        let tls = tls::verifying(config.ca_file.as_deref())?;
        let guard = |in_clear| Guard { names: names.clone(), allow: config.allow.clone().into(), in_clear };
        Ok(Self { https: client(tls.clone(), guard(false), deadline)?, http: client(tls, guard(true), deadline)? })
    }
}

fn client(tls: ClientConfig, guard: Guard, deadline: Duration) -> Result<Client, String> {
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(!guard.in_clear)
        .redirect(Policy::none())
        .no_proxy()
        .timeout(deadline)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("besked/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(guard));
    client.build().map_err(|error| in_words(&error))
}

/// Takes the status for the answer. What follows it is read to its end if it is short, whatever it says.
async fn read(mut response: Response) -> Answer {
    let status = response.status();
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let problem = match status.as_u16() {
        200..300 => None,
        300..400 => Some(format!("it answered {status}, and redirects are not followed")),
        _ => Some(format!("it answered {status}")),
    };
    let mut left = ANSWER;
    while let Ok(Some(part)) = response.chunk().await {
        let Some(rest) = left.checked_sub(part.len()) else { break };
        left = rest;
    }
    let asked = asked.map(SignedDuration::from_secs);
    Answer { status: Some(status.as_u16()), asked, problem, took: Duration::ZERO }
}
