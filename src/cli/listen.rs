//! What `serve` and `dispatch` listen on: the public page and what machines ask, on one address or on two.

use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::failure::{FAILED, Failure};
use crate::app::App;
use crate::{observe, public};

/// Answers until `ended`, the public page only with `http`. While `draining` it still does: a load balancer is told so, and a
/// link that somebody follows just then works.
pub async fn listen(
    app: &App,
    http: bool,
    draining: &CancellationToken,
    ended: &CancellationToken,
) -> Result<(), Failure> {
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

async fn serve(table: &str, listen: SocketAddr, routes: Router, ended: &CancellationToken) -> Result<(), Failure> {
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        Failure::new(FAILED, format!("cannot listen on {listen}: {error}")).hint(format!(
            "another process has the port: choose one with `[{table}] listen`, or leave the part out with `--only`"
        ))
    })?;
    tracing::info!(%listen, "listening");
    axum::serve(listener, routes).with_graceful_shutdown(ended.clone().cancelled_owned()).await?;
    Ok(())
}
