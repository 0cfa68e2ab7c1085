//! Questions to the DNS.

use std::net::{IpAddr, SocketAddr};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

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
pub struct Dns(TokioResolver);

impl Dns {
    /// Asks `server`; without it, the servers of this system.
    ///
    /// # Errors
    /// If the system's configuration cannot be read.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, String> {
        let unusable = |error: NetError| format!("the DNS of this system cannot be used: {error}");
        let builder = match server {
            None => TokioResolver::builder_tokio().map_err(unusable)?,
            Some(server) => {
                let mut named = NameServerConfig::udp_and_tcp(server.ip());
                named.connections.iter_mut().for_each(|connection| connection.port = server.port());
                let config = ResolverConfig::from_name_servers(vec![named]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        builder.build().map(Self).map_err(unusable)
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
        // With a dot at its end, so that no search domain of this host is appended.
        match self.0.lookup(format!("{}.", name.trim_end_matches('.')), kind).await {
            Ok(lookup) => {
                let found: Vec<T> = lookup.answers().iter().filter_map(|record| read(&record.data)).collect();
                if found.is_empty() { Found::Nothing } else { Found::Records(found) }
            }
            Err(error) if error.is_no_records_found() => Found::Nothing,
            Err(error) => Found::Failed(error.to_string()),
        }
    }
}

/// A name as people write it; the root is a dot.
fn plain(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    if text == "." { text } else { text.trim_end_matches('.').to_owned() }
}
