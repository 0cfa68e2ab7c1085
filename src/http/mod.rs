//! The HTTP listeners of `serve` and `dispatch`: the public pages and the monitoring endpoints, on one address or on two.

pub mod observe;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::kind::Kind;
use crate::public;

/// Why a listener did not start or did not continue.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("cannot listen on {listen}: {source}")]
    Bind {
        /// The configuration table that names the address.
        table: &'static str,
        /// The address.
        listen: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The listener failed while it ran.
    #[error(transparent)]
    Serve(#[from] io::Error),
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
/// If an address cannot be bound, or the listener fails.
pub async fn listen(
    app: &App,
    http: bool,
    draining: &CancellationToken,
    ended: &CancellationToken,
) -> Result<(), ListenError> {
    let config = &app.config;
    let observed = observe::routes(app.clone(), draining.clone());
    let page = http.then(|| public::routes(app.clone()));
    match (page, config.metrics.listen) {
        (None, None) => Ok(()),
        (Some(page), None) => serve("http", config.http.listen, page.merge(observed), ended).await,
        (None, Some(own)) => serve("metrics", own, observed, ended).await,
        (Some(page), Some(own)) => {
            let page = serve("http", config.http.listen, page, ended);
            tokio::try_join!(page, serve("metrics", own, observed, ended)).map(|_| ())
        }
    }
}

async fn serve(
    table: &'static str,
    listen: SocketAddr,
    routes: Router,
    ended: &CancellationToken,
) -> Result<(), ListenError> {
    let listener = TcpListener::bind(listen).await.map_err(|source| ListenError::Bind { table, listen, source })?;
    tracing::info!(%listen, "listening");
    axum::serve(listener, routes).with_graceful_shutdown(ended.clone().cancelled_owned()).await?;
    Ok(())
}
