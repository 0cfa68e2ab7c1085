//! What panics while a page is made: the log says why, and the answer is still a page.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;

use super::refusal::Refusal;
use super::words::Words;
use crate::domain::kind::Kind;
use crate::public::said;

/// Makes the page of a request; one that panics is a refusal of kind [`Kind::Failed`].
pub async fn run(next: Next, request: Request) -> Response {
    let made = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    made.unwrap_or_else(|panic| {
        log(&*panic);
        Refusal::new(Kind::Failed, "").into_response()
    })
}

/// The page for a panic outside of a session.
pub fn page(words: &Words, organisation: &str, panic: &(dyn Any + Send)) -> Response {
    log(panic);
    Refusal::new(Kind::Failed, "").outside(organisation, words)
}

fn log(panic: &(dyn Any + Send)) {
    tracing::error!(error = said(panic), "a page of the console panicked");
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::{StatusCode, header};
    use axum::middleware::{from_fn, map_response};
    use axum::routing::get;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    async fn panics() -> Response {
        panic!("no word for it")
    }

    #[tokio::test]
    async fn a_page_that_panics_is_a_refusal() {
        let see = map_response(|response: Response| async move {
            let refusal = response.extensions().get::<Refusal>().cloned();
            format!("{:?}", refusal.map(|it| (it.kind, it.text.text)))
        });
        let routes = Router::new().route("/", get(panics));
        let routes = routes.route_layer(from_fn(|request, next| run(next, request))).layer(see);
        let answer = TowerToHyperService::new(routes).call(Request::new(Body::empty())).await.unwrap();
        assert_eq!(to_bytes(answer.into_body(), 1000).await.unwrap(), r#"Some((Failed, ""))"#);
    }

    #[tokio::test]
    async fn a_panic_without_a_session_is_a_page() {
        let words = Words::new(&"sv".parse().unwrap(), &"UTC".parse().unwrap());
        let answer = page(&words, "Example AB", &"no word for it");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(answer.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("<h1>Något gick fel</h1>") && !text.contains("no word"), "{text}");
    }
}
