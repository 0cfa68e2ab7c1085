//! Webhooks: a receiver of the tests' own is called, with exact answers, delays and ends, and a clock moved by hand.

mod command;
mod events;
mod guard;
mod nodes;
pub mod receiver;
mod retries;
mod signed;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use besked::domain::webhook::HookEvent;
use besked::webhooks::{Detailed, Made, Names, NewWebhook, Outside, Webhooks};
use serde_json::Value;
use uuid::Uuid;

use crate::app::{TestApp, alice};
use crate::database::Engine;
use receiver::Receiver;

/// All that a webhook can want.
fn all() -> Vec<HookEvent> {
    HookEvent::ALL.to_vec()
}

/// An application that may call receivers on this host.
async fn app(engine: Engine) -> TestApp {
    TestApp::with(engine, |config| config.webhooks.allow = vec!["127.0.0.0/8".parse().unwrap()]).await
}

/// A table of names for a test.
fn names(lead: impl Fn(&str) -> Vec<IpAddr> + Send + Sync + 'static) -> Names {
    Names::Scripted(Arc::new(lead))
}

impl TestApp {
    /// The same with another way out.
    fn calling_by(mut self, names: Names, deadline: Duration) -> Self {
        self.app.webhooks = Webhooks::new(self.app.context.clone(), Outside::new(names, deadline));
        self
    }

    /// Adds a webhook.
    async fn hook(&self, url: &str, events: &[HookEvent]) -> Made {
        let new = NewWebhook { url, events: events.iter().copied().collect() };
        self.app.webhooks.add(&alice(), &new).await.unwrap()
    }

    async fn hook_shown(&self, id: Uuid) -> Detailed {
        self.app.webhooks.show(&alice(), id).await.unwrap()
    }

    /// Makes all calls that are due, and waits for the answers. A dispatcher may do so after it.
    async fn call(&self) -> bool {
        let worked = self.app.webhooks.round().await.unwrap();
        self.app.webhooks.let_go().await.unwrap();
        worked
    }

    /// Notes that the ledger has stopped: a fact that needs nothing else.
    async fn something_happens(&self) {
        let mut tx = self.app.context.store.write().await.unwrap();
        let now = self.app.context.clock.now();
        besked::store::webhooks::facts::note(&mut tx, HookEvent::LedgerStopped, ("", None), now).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The types of the calls that a receiver had: calls may overtake each other.
fn types(receiver: &Receiver) -> Vec<String> {
    let mut types: Vec<String> =
        receiver.bodies().iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect();
    types.sort_unstable();
    types
}

/// What the calls of one type say.
fn said(receiver: &Receiver, event: HookEvent) -> Vec<Value> {
    let of_it = receiver.bodies().into_iter().filter(|body| body["type"] == event.as_str());
    of_it.map(|mut body| body["data"].take()).collect()
}
