//! Open files, each connection being one: connections of HTTP clients must leave enough for the relays and the database, or else
//! anybody could stop all sending.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;

/// Files that the process has open beside its connections to relays and clients: the database, on SQLite up to three for each
/// connection, temporary files, the log, what looks up names.
const OWN: u64 = 96;

/// Connections to `[metrics] listen`.
pub(super) const METRICS: usize = 32;

/// Connections that HTTP gets in any case.
const LEAST: u64 = 8;

/// The number of connections that `[http] listen` may have at once: as configured, or as the limit of open files allows. Raises
/// that limit first, as databases do: the low one is for programs that use `select`.
pub(super) fn for_http(config: &Config, http: bool) -> usize {
    let wanted = if http { config.http.connections } else { 0 };
    let limit = raised();
    let allowed = allowed(config, limit);
    if allowed < wanted as u64 || allowed == LEAST {
        let needed = reserve(config) + wanted as u64;
        tracing::warn!(
            limit,
            needed,
            http = allowed.min(wanted as u64),
            "the limit of open files is too small for all connections to relays, the database and HTTP: raise it, with \
             `LimitNOFILE=` in the systemd unit or with `ulimit -n`"
        );
    }
    usize::try_from(allowed).unwrap_or(usize::MAX).min(wanted)
}

fn reserve(config: &Config) -> u64 {
    let relays: u64 = config.relays.iter().map(|relay| u64::from(relay.connections)).sum();
    OWN + relays + config.metrics.listen.map_or(0, |_| METRICS as u64)
}

fn allowed(config: &Config, limit: u64) -> u64 {
    limit.saturating_sub(reserve(config)).max(LEAST)
}

/// The limit of open files, raised as far as this process may.
fn raised() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return maximum.unwrap_or(u64::MAX);
    }
    current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relays_come_first() {
        let mut config = Config::default();
        config.relays.clear();
        assert_eq!(allowed(&config, 1024), 1024 - OWN);
        let relay = crate::config::parse(crate::config::EXAMPLE, "example", &[]).unwrap().relays.remove(0);
        config.relays = vec![crate::config::Relay { connections: 900, ..relay }];
        assert_eq!(allowed(&config, 1024), 28);
        assert_eq!(allowed(&config, 900), LEAST);
        config.metrics.listen = Some("127.0.0.1:9464".parse().unwrap());
        assert_eq!(allowed(&config, 1100), 1100 - 900 - OWN - 32);
    }
}
