//! How often the public ledger may be read from each address: as often as a key may ask the API. Each node counts for itself.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::{Router, http};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::api::rates::seconds;
use crate::config::Http;
use crate::domain::network::network;
use crate::public::visitor::{Peer, client};

/// After so many requests what is not needed any more is dropped.
const SWEEP: u32 = 10_000;

/// What was asked lately.
struct Visits {
    config: Http,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
    asked: AtomicU32,
}

impl Visits {
    fn new(config: &Http) -> Self {
        let least = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(least(config.rate_per_second)).allow_burst(least(config.burst));
        let (clock, asked) = (DefaultClock::default(), AtomicU32::new(0));
        Self { config: config.clone(), addresses: RateLimiter::keyed(quota), clock, asked }
    }

    /// Counts a request. Returns the seconds to wait if there were too many.
    fn count(&self, address: IpAddr) -> Result<(), u64> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.addresses.retain_recent();
        }
        let counted = self.addresses.check_key(&network(address));
        counted.map_err(|not| seconds(not.wait_time_from(self.clock.now())).max(1))
    }
}

/// The routes, each of whose visitors may ask so often.
pub fn limited(config: &Http, routes: Router) -> Router {
    routes.route_layer(from_fn_with_state(Arc::new(Visits::new(config)), visit))
}

async fn visit(
    State(visits): State<Arc<Visits>>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    request: Request,
    next: Next,
) -> Response {
    let address = client(&visits.config, peer.map(|Extension(peer)| peer), &headers);
    match visits.count(address) {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            let headers: [(http::HeaderName, String); 2] =
                [(header::CACHE_CONTROL, "no-store".to_owned()), (header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, headers, "there were too many requests from this address\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_limit() {
        let visits = Visits::new(&Http { rate_per_second: 1, burst: 2, ..Http::default() });
        let count = |text: &str| visits.count(text.parse().unwrap());
        assert_eq!((count("192.0.2.1"), count("192.0.2.1"), count("192.0.2.1")), (Ok(()), Ok(()), Err(1)));
        assert_eq!((count("192.0.2.2"), count("2001:db8::1"), count("2001:db8::2")), (Ok(()), Ok(()), Ok(())));
        assert!(count("2001:db8::3").is_err(), "a network of the sixth version counts as one");
    }
}
