//! Who asks, as far as the network knows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::HeaderMap;

use crate::config::Http;

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The address of the client of a request.
pub fn client(config: &Http, peer: Option<Peer>, headers: &HeaderMap) -> IpAddr {
    let texts = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
    let parts: Vec<&str> = texts.flat_map(|value| value.split(',')).collect();
    // From the end, which the nearest proxy wrote: what is before a word that is no address is nobody's.
    let mut forwarded: Vec<IpAddr> = parts.iter().rev().map_while(|it| it.trim().parse().ok()).collect();
    forwarded.reverse();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(peer)| peer.ip());
    config.client(peer, &forwarded)
}
