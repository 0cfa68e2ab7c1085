//! The address and port that a server listens on, as text.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer, Serializer, de};

use super::loopback::is_its_name;

/// Parses `127.0.0.1:8080`, `[::1]:8080`, or `localhost:8080`, which is the first.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let local = text.rsplit_once(':').filter(|(host, _)| is_its_name(host)).and_then(|(_, port)| port.parse().ok());
    local.map_or_else(|| text.parse(), |port: u16| Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))).map_err(|_| {
        format!(
            "`{}` is not an IP address with a port, such as `127.0.0.1:8080` for this host alone, or `0.0.0.0:8080` for \
             all its networks",
            text.escape_debug()
        )
    })
}

pub(super) fn serialize<S: Serializer>(address: &SocketAddr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// An optional address.
pub(super) mod maybe {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serialize as _, Serializer, de};

    pub fn serialize<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        address.map(|address| address.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        super::parse(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_number_and_a_port() {
        for text in ["127.0.0.1:8080", "[::]:80", "localhost:8080", " 127.0.0.1:1\n"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in
            [":8080", "8080", "127.0.0.1", "example.com:80", "localhost", "tcp://10.0.0.1:80", "127.0.0.1:99999", ""]
        {
            assert!(parse(text).unwrap_err().contains("127.0.0.1:8080"), "{text}");
        }
    }
}
