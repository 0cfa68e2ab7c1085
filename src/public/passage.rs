//! The passage of a request through any face: how long it may take, that what changes something is done to its end, and from when on its
//! connection gives way to no other one.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use axum::response::Response;
use tokio::time::timeout;
use tracing::Instrument as _;

/// How long an answer may take: longer than the longest wait for a database that another process writes.
pub const ANSWER: Duration = Duration::from_secs(30);

/// How long a file may take, and what is done with it.
pub const FILE: Duration = Duration::from_hours(2);

/// The routes that take a file or return one. Only these may take longer than a page, and keep their connection for longer: a route with a
/// file that is not listed here is cut off.
pub const FILES: [(&str, &str); 12] = [
    ("PUT", "/api/v1/customers"),
    ("GET", "/api/v1/evidence"),
    ("GET", "/api/v1/notices/{id}/coverage"),
    ("POST", "/customers/import"),
    ("POST", "/customers/import/do"),
    ("POST", "/notices/new"),
    ("POST", "/notices/preview"),
    ("POST", "/notices/{id}/edit"),
    ("GET", "/notices/{id}/evidence/{file}"),
    ("GET", "/notices/{id}/open.csv"),
    ("GET", "/deliveries/{id}/message.eml"),
    ("POST", "/people/export"),
];

/// True for a request whose body or answer is a file, which may take long.
#[must_use]
pub fn is_file(method: &Method, path: &str) -> bool {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    FILES.iter().any(|(of, route)| method.as_str() == *of && fits(route, path))
}

/// True if a path is one of a route. A parameter in braces stands for one part, which is not empty.
fn fits(route: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    let fits = |wanted: &str, part: &str| if wanted.starts_with('{') { !part.is_empty() } else { wanted == part };
    route.split('/').all(|wanted| parts.next().is_some_and(|part| fits(wanted, part))) && parts.next().is_none()
}

/// How long the answer to a request may take.
#[must_use]
pub fn longest(method: &Method, path: &str) -> Duration {
    if is_file(method, path) { FILE } else { ANSWER }
}

/// What became of a request that has no answer in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// It only read, and was ended.
    Ended,
    /// It changes something, and is still being done.
    GoesOn,
}

/// Carries a request out. What changes something is a task of its own: once begun it is done to its end, with its row in the audit log, also
/// if its client goes away or waits no longer. What only reads ends with its client, since nobody needs the answer.
///
/// # Errors
/// If there is no answer within `longest`.
pub async fn carry(
    reads: bool,
    longest: Duration,
    carried: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, Late> {
    if reads {
        return timeout(longest, carried).await.map_err(|_| Late::Ended);
    }
    match timeout(longest, tokio::spawn(carried.in_current_span())).await {
        Err(_) => Err(Late::GoesOn),
        Ok(Ok(response)) => Ok(response),
        // A panic is answered by the layer for panics, as one of a request that only reads.
        Ok(Err(error)) => error.try_into_panic().map_or(Err(Late::Ended), |panic| resume_unwind(panic)),
    }
}

/// Called once a request is whole, or its sender known: from then on its connection gives way to no other one.
#[derive(Clone)]
pub struct Known(Arc<dyn Fn() + Send + Sync>);

impl Known {
    /// What is to be called.
    pub fn new(call: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    /// Calls it.
    pub fn call(&self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_has_a_file_may_take_long() {
        for (method, path, is) in [
            (Method::PUT, "/api/v1/customers", true),
            (Method::GET, "/api/v1/evidence", true),
            (Method::HEAD, "/api/v1/evidence", true),
            (Method::GET, "/api/v1/customers", false),
            (Method::POST, "/api/v1/evidence", false),
            (Method::POST, "/customers/import/do", true),
            (Method::GET, "/customers/import", false),
            (Method::GET, "/notices/x/evidence/evidence.json", true),
            (Method::GET, "/notices/x/evidence", false),
            (Method::GET, "/notices//evidence/evidence.json", false),
            (Method::GET, "/notices/x/evidence/evidence.json/", false),
            (Method::GET, "/notices/x/open.csv", true),
        ] {
            assert_eq!(is_file(&method, path), is, "{method} {path}");
        }
    }

    #[tokio::test]
    async fn what_changes_something_is_done_to_its_end_and_what_reads_is_not() {
        for (reads, late) in [(false, Late::GoesOn), (true, Late::Ended)] {
            let (begin, begun) = oneshot::channel::<()>();
            let (done, ended) = oneshot::channel::<()>();
            let carried = async move {
                let _ = begun.await;
                let _ = done.send(());
                StatusCode::OK.into_response()
            };
            assert_eq!(carry(reads, Duration::ZERO, carried).await.map(drop), Err(late));
            let _ = begin.send(());
            assert_eq!(ended.await.is_ok(), !reads);
        }
    }
}
