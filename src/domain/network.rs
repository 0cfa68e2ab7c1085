//! Networks that count as one client.

use std::net::{IpAddr, Ipv6Addr};

/// Who shares a limit: an address, or a network of the sixth version, of which everybody has a whole one.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address => address,
    }
}
