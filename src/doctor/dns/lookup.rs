//! Questions to the DNS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

use crate::domain::words::cause;

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long one try of it may take.
const TRY: Duration = Duration::from_secs(3);

/// What a question found.
#[derive(Debug)]
pub(super) enum Found<T> {
    /// At least one record.
    Records(Vec<T>),
    /// The DNS has no such record.
    Nothing,
    /// The DNS could not be asked, or did not answer.
    Failed(String),
}

/// Asks the servers of this system, or one that is named.
#[derive(Clone)]
pub struct Dns {
    resolver: TokioResolver,
    /// No server has answered anything yet, and one question was not answered in time: the others would not be either.
    silent: Arc<AtomicBool>,
    answered: Arc<AtomicBool>,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dns")
    }
}

impl Dns {
    /// Asks `server`; without it, the servers of this system.
    ///
    /// # Errors
    /// If the system's configuration cannot be read.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, String> {
        let unusable = |_: NetError| {
            "the DNS of this system cannot be used: `/etc/resolv.conf` names no server; name one with `--dns-server`"
                .to_owned()
        };
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(unusable)?,
            Some(server) => {
                let mut named = NameServerConfig::udp_and_tcp(server.ip());
                named.connections.iter_mut().for_each(|connection| connection.port = server.port());
                let config = ResolverConfig::from_name_servers(vec![named]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        (builder.options_mut().timeout, builder.options_mut().attempts) = (TRY, 1);
        let resolver = builder.build().map_err(unusable)?;
        Ok(Self { resolver, silent: Arc::default(), answered: Arc::default() })
    }

    /// The texts of a name, each with its strings joined as receivers join them.
    pub(super) async fn texts(&self, name: &str) -> Found<String> {
        self.ask(name, RecordType::TXT, |data| match data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        })
        .await
    }

    /// The mail exchanges of a domain, the preferred first.
    pub(super) async fn exchanges(&self, domain: &str) -> Found<String> {
        let found = self.ask(domain, RecordType::MX, |data| match data {
            RData::MX(mx) => Some((mx.preference, plain(&mx.exchange))),
            _ => None,
        });
        match found.await {
            Found::Records(mut hosts) => {
                hosts.sort();
                Found::Records(hosts.into_iter().map(|(_, host)| host).collect())
            }
            Found::Nothing => Found::Nothing,
            Found::Failed(problem) => Found::Failed(problem),
        }
    }

    /// The addresses of a host.
    pub(super) async fn addresses(&self, host: &str) -> Found<IpAddr> {
        let mut addresses = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            let found = self.ask(host, kind, |data| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            });
            match found.await {
                Found::Records(found) => addresses.extend(found),
                Found::Nothing => {}
                Found::Failed(problem) => return Found::Failed(problem),
            }
        }
        if addresses.is_empty() { Found::Nothing } else { Found::Records(addresses) }
    }

    /// The names of an address.
    pub(super) async fn names(&self, address: IpAddr) -> Found<String> {
        self.ask(&Name::from(address).to_ascii(), RecordType::PTR, |data| match data {
            RData::PTR(name) => Some(plain(&name.0)),
            _ => None,
        })
        .await
    }

    async fn ask<T>(&self, name: &str, kind: RecordType, read: impl Fn(&RData) -> Option<T>) -> Found<T> {
        if self.silent.load(Ordering::Relaxed) {
            return Found::Failed("the name server does not answer".to_owned());
        }
        // With a dot at its end, so that no search domain of this host is appended.
        let asked = self.resolver.lookup(format!("{}.", name.trim_end_matches('.')), kind);
        let answer = timeout(PATIENCE, asked).await.unwrap_or(Err(NetError::Timeout));
        match answer {
            Ok(lookup) => {
                self.answered.store(true, Ordering::Relaxed);
                let found: Vec<T> = lookup.answers().iter().filter_map(|record| read(&record.data)).collect();
                if found.is_empty() { Found::Nothing } else { Found::Records(found) }
            }
            Err(error) if error.is_no_records_found() => {
                self.answered.store(true, Ordering::Relaxed);
                Found::Nothing
            }
            Err(error) => {
                let is_reply = matches!(error, NetError::Dns(_));
                if is_reply {
                    self.answered.store(true, Ordering::Relaxed);
                } else if !self.answered.load(Ordering::Relaxed) {
                    self.silent.store(true, Ordering::Relaxed);
                }
                Found::Failed(in_words(&error))
            }
        }
    }
}

/// Why a question was not answered.
fn in_words(error: &NetError) -> String {
    match error {
        NetError::Dns(DnsError::ResponseCode(ResponseCode::ServFail)) => {
            "the name server answers SERVFAIL: the servers of the domain do not answer it, or DNSSEC is broken there"
                .to_owned()
        }
        NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => {
            "the name server refuses to answer (REFUSED): name another one with `--dns-server`".to_owned()
        }
        NetError::Dns(DnsError::ResponseCode(code)) => {
            format!("the name server answers with error {}", u16::from(*code))
        }
        NetError::Io(error) => format!("the name server cannot be asked: {}", cause(error)),
        NetError::Timeout | NetError::NoConnections => format!(
            "no answer within {} s: does a firewall stop DNS (port 53)? `--dns-server` names another server",
            PATIENCE.as_secs()
        ),
        _ => "the name server's answer cannot be read".to_owned(),
    }
}

/// A name as people write it; the root is a dot.
fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    if text == "." { text } else { text.trim_end_matches('.').to_owned() }
}
