//! The console of the demo: an operator with every role, who is invited, and the pages themselves.

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::cli::failure::Failure;
use crate::domain::actor::Actor;
use crate::domain::operator::{OperatorKind, Roles};
use crate::http::all;
use crate::http::serve::{Limits, serve as serve_http};
use crate::operators::{NewOperator, OperatorError};

/// The operator of the demo.
pub const NAME: &str = "Robin";

/// Adds the operator, unless a demo in this directory did before, and returns the link of an invitation.
pub async fn invite(app: &App) -> Result<String, Failure> {
    let actor = Actor::system("demo");
    let new = NewOperator { name: NAME, kind: OperatorKind::Person, roles: Roles::ALL, email: None };
    match app.operators.add(&actor, &new).await {
        Ok(_) | Err(OperatorError::Taken { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(app.sign_ins.invite(&actor, NAME, true).await?.url)
}

/// Serves the pages, and sends what is written there, until `stop`.
pub async fn serve(app: &App, listener: TcpListener, stop: CancellationToken) -> Result<(), Failure> {
    let (dispatcher, _lock) = app.dispatcher(None)?;
    let pages = serve_http(listener, all(app), Limits::default(), &stop, &stop);
    let (sent, ()) = tokio::join!(dispatcher.run(stop.clone(), None), pages);
    sent?;
    Ok(())
}
