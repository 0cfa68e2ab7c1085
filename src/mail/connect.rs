//! The TCP connection to a server: to the first of its addresses that answers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::domain::words::cause;

/// The head start of an address before the next one is tried too (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to a host, IPv6 before IPv4, without Nagle's algorithm, which would delay the end of a message until its
/// beginning is acknowledged. The deadline covers all addresses together.
///
/// # Errors
/// If the name has no address, or none of them answers.
pub async fn connect(host: &str, port: u16, deadline: Duration) -> io::Result<TcpStream> {
    let connected = async {
        let found = tokio::net::lookup_host((host, port)).await;
        let unknown = |_| io::Error::other(format!("the name `{host}` is not known, or the DNS does not answer"));
        let mut addresses: Vec<_> = found.map_err(unknown)?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv4);
        let tcp = first(addresses).await?;
        tcp.set_nodelay(true)?;
        Ok(tcp)
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer before the deadline");
    timeout(deadline, connected).await.unwrap_or_else(|_| Err(late()))
}

/// Connects to the first address that answers. If one has not answered within [`HEAD_START`], the next is tried beside it.
async fn first(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the name has no address");
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    loop {
        match addresses.next() {
            Some(address) => drop(attempts.spawn(async move {
                let named = |error: io::Error| io::Error::new(error.kind(), format!("{address}: {}", cause(&error)));
                TcpStream::connect(address).await.map_err(named)
            })),
            None if attempts.is_empty() => return Err(last),
            None => {}
        }
        let patience = if addresses.len() > 0 { HEAD_START } else { Duration::MAX };
        match timeout(patience, attempts.join_next()).await {
            Ok(Some(Ok(Ok(tcp)))) => return Ok(tcp),
            Ok(Some(Ok(Err(error)))) => last = error,
            Ok(Some(Err(error))) => last = error.into(),
            Ok(None) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that never answers: a listener whose queue is full, and the connections that fill it. IPv6, or IPv4 on a
    /// machine without IPv6.
    async fn dead() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let bound = |socket: TcpSocket, address: &str| socket.bind(address.parse().unwrap()).map(|()| socket);
        let socket = TcpSocket::new_v6().and_then(|socket| bound(socket, "[::1]:0"));
        let socket = socket.or_else(|_| bound(TcpSocket::new_v4()?, "127.0.0.1:0")).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut filling = Vec::new();
        while let Ok(Ok(stream)) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
            filling.push(stream);
        }
        (address, listener, filling)
    }

    #[tokio::test]
    async fn an_address_that_never_answers_does_not_block_a_live_one() {
        let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = live.local_addr().map(|address| (address, live)).unwrap();
        let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let (silent, _listener, _filling) = dead().await;
        for before in [vec![], vec![refusing], vec![silent], vec![silent, refusing]] {
            let addresses = before.into_iter().chain([live.0]).collect();
            assert_eq!(first(addresses).await.unwrap().peer_addr().unwrap(), live.0);
        }
        let refused = first(vec![refusing]).await.unwrap_err();
        assert!(refused.to_string().starts_with(&refusing.to_string()), "{refused}");
        assert_eq!(first(Vec::new()).await.unwrap_err().to_string(), "the name has no address");
    }

    #[tokio::test]
    async fn addresses_that_never_answer_share_one_deadline() {
        let (silent, _listener, _filling) = dead().await;
        let host = silent.ip().to_string();
        let failed = connect(&host, silent.port(), Duration::from_millis(100)).await.unwrap_err();
        assert_eq!(failed.to_string(), "no answer before the deadline");
    }
}
