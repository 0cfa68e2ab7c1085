//! Which addresses a webhook may be at: public ones, and those of networks that the configuration allows. An operator names an address
//! once, and a name can lead elsewhere later, so each address is judged before each connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Networks of IPv4 that no public host is in: RFC 6890 with its updates, the registry of special addresses of IANA.
const SPECIAL_V4: [([u8; 4], u8); 14] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, the former class E, and broadcast.
    ([224, 0, 0, 0], 3),
];

/// The same for IPv6, within the block of unicast addresses: protocols and Teredo, documentation, 6to4, and
/// documentation once more.
const SPECIAL_V6: [([u16; 2], u8); 4] =
    [([0x2001, 0], 23), ([0x2001, 0xdb8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// The networks beside the public addresses that webhooks may be at.
#[derive(Clone, Copy, Debug)]
pub struct Networks<'a>(pub &'a [IpNet]);

impl Networks<'_> {
    /// True if a webhook may be at this address; one that is called without TLS, `in_clear`, only within the named networks.
    #[must_use]
    pub fn reach(self, address: IpAddr, in_clear: bool) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address)) || (!in_clear && is_public(address))
    }
}

/// True for an address that is reached over the public Internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |(network, bits): &([u8; 4], u8)| {
        let shift = 32 - u32::from(*bits);
        u32::from(address) >> shift == u32::from_be_bytes(*network) >> shift
    };
    !SPECIAL_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        // The prefix of NAT64 (RFC 6052) leads to the IPv4 address at its end.
        return is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    let first = u32::from(segments[0]) << 16 | u32::from(segments[1]);
    let within = |([a, b], bits): &([u16; 2], u8)| {
        let shift = 32 - u32::from(*bits);
        first >> shift == (u32::from(*a) << 16 | u32::from(*b)) >> shift
    };
    // 2000::/3 is all of unicast that IANA has assigned; what lies outside is local, mapped, multicast or nobody's.
    first >> 29 == 1 && !SPECIAL_V6.iter().any(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::8a",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "3ffe::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn no_other_address_is() {
        for (what, addresses) in [
            ("this host", &["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "::", "::1"][..]),
            (
                "private",
                &["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"],
            ),
            ("carrier NAT", &["100.64.0.1", "100.127.255.255"]),
            ("link-local", &["169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "febf::1"]),
            ("protocols", &["192.0.0.1", "192.0.0.170", "192.88.99.1"]),
            ("documentation", &["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1", "3fff:fff::1"]),
            ("benchmarks", &["198.18.0.1", "198.19.255.255", "2001:2::1"]),
            ("multicast", &["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"]),
            ("reserved", &["240.0.0.1", "255.255.255.255"]),
            ("unique local", &["fc00::1", "fd00:ec2::254", "fdff::1"]),
            ("site-local", &["fec0::1"]),
            ("IPv4-mapped", &["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"]),
            ("IPv4-compatible", &["::127.0.0.1", "::8.8.8.8"]),
            ("IPv4-translated", &["::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8"]),
            (
                "NAT64",
                &[
                    "64:ff9b::127.0.0.1",
                    "64:ff9b::a9fe:a9fe",
                    "64:ff9b::10.0.0.1",
                    "64:ff9b:1::8.8.8.8",
                    "64:ff9b:0:1::808:808",
                ],
            ),
            ("6to4", &["2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1"]),
            ("Teredo", &["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"]),
            ("ORCHID", &["2001:10::1", "2001:20::1"]),
            ("discard", &["100::1"]),
            ("segment routing", &["5f00::1"]),
            ("not assigned", &["4000::1", "8000::1", "e000::1", "::2", "1::1"]),
        ] {
            for address in addresses {
                assert!(!public(address), "{what}: {address}");
            }
        }
    }

    #[test]
    fn a_named_network_is_reached_also_in_clear() {
        let networks = ["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let reach = |text: &str, in_clear| Networks(&networks).reach(text.parse().unwrap(), in_clear);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"] {
            assert!(reach(address, false) && reach(address, true), "{address}");
        }
        assert!(reach("8.8.8.8", false) && !reach("8.8.8.8", true), "public addresses only with TLS");
        for address in ["10.2.0.1", "127.0.0.1", "64:ff9b::10.1.2.3", "2002:a01:203::1", "fe80::1"] {
            assert!(!reach(address, false) && !reach(address, true), "{address}");
        }
    }
}
