//! Answers in lines (JSON Lines, NDJSON), for a client that wants to see how far a long request is: `{"progress":0.25}` as it goes on,
//! and what would be the whole answer as the last line. What ends before there is a first line is answered as it is without lines.

use std::future::Future;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{FutureExt as _, stream};
use serde::Serialize;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinHandle};

use super::enter::Later;
use super::problem::Problem;
use crate::domain::audit::Ended;
use crate::domain::kind::Kind;

/// The media types of lines.
const TYPES: [&str; 2] = ["application/x-ndjson", "application/jsonl"];

/// A line comes each time when this much more is done.
const STEP: f64 = 0.01;

/// The media type of the lines that a client asks for, if it does.
pub fn wanted(headers: &HeaderMap) -> Option<&'static str> {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
    let mut types = accepted.flat_map(|it| it.split(',')).filter_map(|it| it.split(';').next()).map(str::trim);
    types.find_map(|it| TYPES.iter().copied().find(|known| known.eq_ignore_ascii_case(it)))
}

/// How far the work is.
#[derive(Debug)]
pub struct Progress(watch::Sender<f64>);

impl Progress {
    /// Notes the share of the work that is done, from 0 to 1.
    pub fn note(&self, share: f64) {
        self.0.send_if_modified(|last| {
            let is_more = share < 1.0 && share - *last >= STEP;
            if is_more {
                *last = share;
            }
            is_more
        });
    }
}

/// Does the work, also if the client goes away, and answers in lines of this media type.
pub async fn lines<T, W>(kind: &'static str, work: impl FnOnce(Progress) -> W) -> Response
where
    T: Serialize + Send + 'static,
    W: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let (progress, shares) = watch::channel(0.0);
    let (ends, end) = oneshot::channel();
    let working = work(Progress(progress));
    let work = tokio::spawn(async move {
        let done = working.await;
        // Nobody waits for it if it ends at once.
        let _ = ends.send(done.as_ref().map_or_else(Problem::ended, |_| Ended::Ok));
        done.map(|done| line(&done))
    });
    let mut running = Running { shares, work };
    let first = match running.next().await {
        Next::Share(first) => first,
        Next::Done(Ok(line)) => return ([(header::CONTENT_TYPE, kind)], line).into_response(),
        Next::Done(Err(problem)) => return problem.into_response(),
    };
    let rest = stream::unfold(Some(running), async |running| {
        let mut running = running?;
        Some(match running.next().await {
            Next::Share(line) => (line, Some(running)),
            Next::Done(Ok(line)) => (line, None),
            Next::Done(Err(problem)) => (problem.line(), None),
        })
    });
    let all = stream::StreamExt::chain(stream::iter([first]), rest);
    let body = Body::from_stream(stream::StreamExt::map(all, Ok::<Bytes, io::Error>));
    let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
    let end = end.map(|ended| ended.unwrap_or(Ended::Failed)).boxed().shared();
    response.extensions_mut().insert(Later(end));
    response
}

/// Work that is being done.
struct Running {
    shares: watch::Receiver<f64>,
    work: JoinHandle<Result<Bytes, Problem>>,
}

/// What comes next of it.
enum Next {
    Share(Bytes),
    Done(Result<Bytes, Problem>),
}

impl Running {
    async fn next(&mut self) -> Next {
        tokio::select! {
            biased;
            done = &mut self.work => return Next::Done(ended(done)),
            changed = self.shares.changed() => if changed.is_ok() {
                let share = (*self.shares.borrow_and_update() * 100.0).floor() / 100.0;
                return Next::Share(line(&serde_json::json!({ "progress": share })));
            }
        }
        Next::Done(ended((&mut self.work).await))
    }
}

fn ended(done: Result<Result<Bytes, Problem>, JoinError>) -> Result<Bytes, Problem> {
    done.unwrap_or_else(|error| Err(Problem::failed(Kind::Failed, &format!("a request panicked: {error}"))))
}

fn line(it: &impl Serialize) -> Bytes {
    let mut line = serde_json::to_vec(it).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, StatusCode};
    use http_body_util::BodyExt as _;

    use super::*;

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn lines_are_for_those_who_ask_for_them() {
        let asked =
            |accept: &'static str| wanted(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]));
        assert_eq!(asked("application/json"), None);
        assert_eq!(asked("text/html, Application/JSONL;q=1"), Some("application/jsonl"));
    }

    #[tokio::test]
    async fn shares_come_before_the_end_and_a_late_failure_is_the_last_line() {
        let (go, wait) = oneshot::channel();
        let response = lines("application/jsonl", async |progress: Progress| {
            for share in [0.1, 0.104, 0.5] {
                progress.note(share);
            }
            wait.await.unwrap();
            Err::<(), _>(Problem::at("/x", "is odd"))
        })
        .await;
        assert_eq!(response.status(), StatusCode::OK);
        let Later(end) = response.extensions().get::<Later>().unwrap().clone();
        go.send(()).unwrap();
        let text = text(response).await;
        let (first, last) = text.split_once('\n').unwrap();
        assert_eq!(first, r#"{"progress":0.5}"#);
        assert!(last.contains("is odd") && last.contains("422") && last.ends_with("}\n"), "{last}");
        assert_eq!(end.await, Ended::Invalid);
    }

    #[tokio::test]
    async fn what_ends_at_once_is_answered_with_its_status() {
        let refused = lines("application/jsonl", async |_| Err::<(), _>(Problem::at("/x", "is odd"))).await;
        assert_eq!(
            (refused.status(), refused.extensions().get::<Later>().is_none()),
            (StatusCode::UNPROCESSABLE_ENTITY, true)
        );
        let done = lines("application/jsonl", async |_| Ok(serde_json::json!({ "customers": 2 }))).await;
        assert_eq!(text(done).await, "{\"customers\":2}\n");
    }
}
