//! `[webhooks]`: which addresses other systems may be called at.

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::relay::certificates;

/// `[webhooks]`: what is allowed besides https to public addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// The networks that webhooks may be in; within these http is possible too.
    #[serde(with = "networks")]
    pub allow: Vec<IpNet>,
    /// The file with certificates (PEM) of authorities that are trusted in addition to the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

impl Webhooks {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let problem = self.ca_file.as_deref().and_then(|path| certificates(path).err());
        problem.map(|problem| format!("`webhooks.ca_file`: {problem}")).into_iter().collect()
    }
}

/// Networks as texts: an address with the length of its prefix, or an address alone.
mod networks {
    use std::net::IpAddr;

    use ipnet::IpNet;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(values: &[IpNet], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(IpNet::to_string))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| parse(text.trim()).map_err(de::Error::custom)).collect()
    }

    pub(super) fn parse(text: &str) -> Result<IpNet, String> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network: IpNet =
            network.map_err(|_| format!("`{}` is not a network such as `10.0.0.0/8`", text.escape_debug()))?;
        if network.addr() == network.network() {
            return Ok(network);
        }
        Err(format!("`{network}` has bits beyond its prefix: write `{}`, or the address alone", network.trunc()))
    }
}

#[cfg(test)]
mod tests {
    use super::networks::parse;

    #[test]
    fn networks_are_read_exactly() {
        for (text, wanted) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("fd00::/8", "fd00::/8"),
            ("::1", "::1/128"),
            ("64:ff9b::/96", "64:ff9b::/96"),
        ] {
            assert_eq!(parse(text).map(|network| network.to_string()), Ok(wanted.to_owned()));
        }
        for (text, problem) in [
            ("10.0.0.1/8", "write `10.0.0.0/8`"),
            ("10.0.0.0/33", "is not a network"),
            ("10.0.0", "is not a network"),
            ("localhost", "is not a network"),
            ("", "is not a network"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
