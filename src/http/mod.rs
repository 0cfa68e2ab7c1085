//! The HTTP listeners of `serve` and `dispatch`: the public pages, the API, the console, and the monitoring endpoints, of which `/metrics` is on an address of
//! its own only.

pub mod api;
mod descriptors;
pub mod observe;
mod room;
pub mod serve;
mod visits;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::domain::kind::Kind;
use crate::domain::words::cause;
use crate::{console, public};
use serve::Limits;

/// Why a listener did not start.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on {listen}: {}", cause(.source))]
    Bind {
        /// The configuration table that names the address.
        table: &'static str,
        /// The address.
        listen: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

impl ListenError {
    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        Kind::Failed
    }
}

/// Serves until `ended` is cancelled; the public pages only with `http`. Serving continues while `draining`: a load balancer sees
/// the draining in `/readyz`, and links that are opened in the meantime still work.
///
/// # Errors
/// If an address cannot be bound.
pub async fn listen(
    app: &App,
    http: bool,
    draining: &CancellationToken,
    ended: &CancellationToken,
) -> Result<(), ListenError> {
    let config = &app.context.config;
    let connections = descriptors::for_http(config, http);
    let health = || observe::health_routes(app.clone(), draining.clone());
    let observed = || observe::routes(app.clone(), draining.clone());
    let page = http.then(|| all(app));
    let door = Door { drain: config.dispatch.drain, draining, ended };
    let served = match (page, config.metrics.listen) {
        (None, None) => Ok(()),
        (Some(page), None) => {
            // In this order: what neither of them knows is answered with the headers of the pages.
            door.serve("http", config.http.listen, health().merge(page), connections).await
        }
        (None, Some(own)) => door.serve("metrics", own, observed(), descriptors::METRICS).await,
        (Some(page), Some(own)) => {
            let page = door.serve("http", config.http.listen, page, connections);
            tokio::try_join!(page, door.serve("metrics", own, observed(), descriptors::METRICS)).map(|_| ())
        }
    };
    // What was asked last is in the audit log, too.
    app.requests.settle().await;
    served
}

/// All that is public, has keys of its own, or asks for a session.
pub fn all(app: &App) -> Router {
    let ledger = visits::limited(&app.context.config.http, public::ledger::routes(app.clone()));
    let calendars = visits::limited(&app.context.config.http, public::calendar::routes(app.clone()));
    let verify = visits::limited(&app.context.config.http, public::verify::routes(app.clone()));
    let public = public::routes(app.clone()).merge(calendars).merge(ledger).merge(verify);
    let public = public.layer(CatchPanicLayer::custom(public::panicked(app)));
    public.merge(api::routes(app.clone())).merge(console::routes(app.clone()))
}

/// What ends the listeners.
struct Door<'a> {
    drain: Duration,
    draining: &'a CancellationToken,
    ended: &'a CancellationToken,
}

impl Door<'_> {
    async fn serve(
        &self,
        table: &'static str,
        listen: SocketAddr,
        routes: Router,
        connections: usize,
    ) -> Result<(), ListenError> {
        let listener = TcpListener::bind(listen).await.map_err(|source| ListenError::Bind { table, listen, source })?;
        tracing::info!(%listen, "listening");
        let limits = Limits { connections, drain: self.drain, ..Limits::default() };
        serve::serve(listener, routes, limits, self.draining, self.ended).await;
        Ok(())
    }
}
