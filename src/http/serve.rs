//! Serves one listener so that no client can hold it, or the process, up: deadlines for the header, for the whole request and for
//! its answer, a limit on the body and on connections at once, and an end.
//!
//! `axum::serve` has none of these. A proxy in front has some, if it is set up so; nothing here depends on one.
//!
//! A request of the API or the console is passed on as its body comes: only its key or session says how large that may be, and how long it
//! may take. What is left
//! of these limits here is that no part of the body may take longer than a whole one of a page.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tower_http::timeout::TimeoutBody;

use super::api;
use super::room::{Place, Room};
use crate::console;
use crate::public::passage;
use crate::public::visitor::Peer;

/// The largest header that is read.
const MAX_HEADER: usize = 32 << 10;

/// What a client may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// How long a header may take, from the moment that the connection is open or its last answer is written: a connection
    /// that idles for longer is closed.
    pub header: Duration,
    /// How long the body may take after it.
    pub body: Duration,
    /// The largest body, in bytes.
    pub size: usize,
    /// How long the answer to a whole request may take.
    pub answer: Duration,
    /// How long a connection may last: its client may read its answers slowly.
    pub connection: Duration,
    /// How long requests under way may take once the listener ends, from when the process began to drain.
    pub drain: Duration,
    /// How much of that a connection without a whole request gets.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            size: 16 << 10,
            // Longer than the longest wait for a database that another process writes.
            answer: Duration::from_secs(30),
            connection: Duration::from_mins(5),
            drain: Duration::from_secs(20),
            grace: Duration::from_secs(1),
        }
    }
}

/// Serves until `ended` is cancelled, and then for as long as `limits` allow; `draining` is cancelled at that time or before.
pub async fn serve(
    mut listener: TcpListener,
    routes: Router,
    limits: Limits,
    draining: &CancellationToken,
    ended: &CancellationToken,
) {
    let room = Room::new(limits.connections);
    let over = AbortOnDropHandle::new(tokio::spawn(over_after(limits.drain, draining.clone(), ended.clone())));
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            biased;
            () = ended.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            // Errors, of which too many open files is one, are retried in there.
            accepted = Listener::accept(&mut listener) => accepted,
        };
        let place = tokio::select! {
            () = ended.cancelled() => break,
            place = room.place() => place,
        };
        connections.spawn(connection((stream, peer), Arc::new(place), routes.clone(), limits, closing.clone()));
    }
    drop(listener);
    closing.cancel();
    let finished = async {
        if timeout(limits.grace, all(&mut connections)).await.is_err() {
            room.dismiss();
            all(&mut connections).await;
        }
    };
    tokio::select! {
        () = finished => {}
        _ = over => {}
    }
    connections.shutdown().await;
}

/// Returns when the time to drain is over, whatever began it.
async fn over_after(drain: Duration, draining: CancellationToken, ended: CancellationToken) {
    tokio::select! {
        () = draining.cancelled() => {}
        () = ended.cancelled() => {}
    }
    sleep(drain).await;
}

async fn all(connections: &mut JoinSet<()>) {
    while connections.join_next().await.is_some() {}
}

/// Serves a connection until its client, its limits or the end of the listener close it.
async fn connection(
    (stream, peer): (TcpStream, SocketAddr),
    place: Arc<Place>,
    routes: Router,
    limits: Limits,
    closing: CancellationToken,
) {
    let (answering, takes_a_file) = (place.clone(), Arc::new(AtomicBool::new(false)));
    let taking = takes_a_file.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (routes, place) = (routes.clone(), answering.clone());
        taking.store(passage::is_file(request.method(), request.uri().path()), Ordering::Relaxed);
        request.extensions_mut().insert(Peer(peer));
        async move { Ok::<_, Infallible>(answer(routes, &place, limits, request).await) }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.header).max_buf_size(MAX_HEADER);
    let mut served = pin!(server.serve_connection(TokioIo::new(stream), service));
    let ends = async {
        tokio::select! {
            () = closing.cancelled() => {}
            () = sleep(limits.connection) => {}
        }
    };
    // What a client does wrong is no event of this process.
    tokio::select! {
        _ = served.as_mut() => return,
        () = place.dismissed() => return,
        () = ends => {}
    }
    served.as_mut().graceful_shutdown();
    let finishes = async {
        // A file that comes or goes without a pause is not given up before its time.
        if timeout(limits.body + limits.answer, served.as_mut()).await.is_err() && takes_a_file.load(Ordering::Relaxed)
        {
            let _ = timeout(passage::FILE, served.as_mut()).await;
        }
    };
    tokio::select! {
        () = finishes => {}
        () = place.dismissed() => {}
    }
}

async fn answer(routes: Router, place: &Arc<Place>, limits: Limits, mut request: Request<Incoming>) -> Response {
    let path = request.uri().path();
    if api::is_of(path) || console::is_of(path) {
        if api::is_of(path) || request.body().is_end_stream() {
            place.serve();
        } else {
            // A form of somebody without a session gives way to others until it is whole.
            let place = place.clone();
            request.extensions_mut().insert(passage::Known::new(move || place.serve()));
        }
        let request = request.map(|body| Body::new(TimeoutBody::new(limits.body, body)));
        let response = TowerToHyperService::new(routes).call(request).await.unwrap_or_else(|never| match never {});
        place.wait();
        return if place.is_wanted() { closing(response) } else { response };
    }
    let mut response = match whole(request, limits).await {
        Ok(request) => {
            place.serve();
            let answered = timeout(limits.answer, TowerToHyperService::new(routes).call(request)).await;
            place.wait();
            answered.map_or_else(|_| late(), |Ok(response)| response)
        }
        // What is left of the body is not read.
        Err(status) => closing(status.into_response()),
    };
    if place.is_wanted() {
        response = closing(response);
    }
    response
}

/// The request with its whole body, or the status that says why there is none.
async fn whole(request: Request<Incoming>, limits: Limits) -> Result<Request<Body>, StatusCode> {
    let (head, body) = request.into_parts();
    let body = timeout(limits.body, Limited::new(body, limits.size).collect());
    let body: Bytes = match body.await {
        Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => return Err(StatusCode::BAD_REQUEST),
        Ok(Ok(body)) => body.to_bytes(),
    };
    Ok(Request::from_parts(head, body.into()))
}

/// The answer if there is none in time. What was asked for may have been done.
fn late() -> Response {
    tracing::error!("a request took too long and was aborted");
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "60")], "try again later\n").into_response()
}

fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
