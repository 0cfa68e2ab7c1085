//! The state of the relays, as the running dispatchers see it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::Config;
use crate::context::Context;
use crate::dispatch::node::beat::Report;
use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;
use crate::domain::right::{Forbidden, Right};
use crate::store::StoreError;
pub use crate::store::sending::nodes::Node;
use crate::store::sending::nodes::{self, RelayState};

/// Shows the relays. Cheap to clone.
#[derive(Clone)]
pub struct Relays {
    context: Context,
}

/// The relays, and the nodes that use them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = relay::Relays)]
pub struct Shown {
    /// True if a dispatcher is running; else nothing is known about the relays.
    pub running: bool,
    /// The running dispatchers.
    pub nodes: Vec<Node>,
    /// The configured relays in their order, then those that only nodes know.
    pub relays: Vec<ShownRelay>,
}

/// A relay, at each node.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = relay::Relay)]
pub struct ShownRelay {
    /// Its name.
    pub name: String,
    /// Host and port.
    pub address: String,
    /// `implicit`, `required`, `opportunistic` or `none`.
    pub tls: String,
    /// The categories that it carries, if not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carries: Option<Vec<Category>>,
    /// Its state at each node.
    pub nodes: Vec<AtNode>,
}

/// The state of a relay at a node.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = relay::AtNode)]
pub struct AtNode {
    /// Name of the node.
    pub node: String,
    /// What the node reports.
    #[serde(flatten)]
    pub report: Report,
}

impl Relays {
    /// A service over the database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// The service for an actor who may see the relays.
    ///
    /// # Errors
    /// If the actor may not.
    pub fn read_by(&self, actor: &Actor) -> Result<&Self, Forbidden> {
        actor.may_at_all(Right::ReadRelays)?;
        Ok(self)
    }

    /// Returns the state of each relay at each node.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn show(&self) -> Result<Shown, StoreError> {
        let mut conn = self.context.store.snapshot().await?;
        let nodes = nodes::live(&mut conn, self.context.clock.now()).await?;
        let states = nodes::relay_states(&mut conn).await?;
        let relays = gather(&self.context.config, &nodes, &states);
        Ok(Shown { running: !nodes.is_empty(), nodes, relays })
    }
}

/// The configured relays in their order, then those that only nodes know.
fn gather(config: &Config, nodes: &[Node], states: &[RelayState]) -> Vec<ShownRelay> {
    let mut reports: BTreeMap<&str, Vec<AtNode>> = BTreeMap::new();
    for node in nodes {
        for state in states.iter().filter(|state| state.node_id == node.id) {
            // A node of another version may say what this one does not understand.
            if let Ok(report) = serde_json::from_str(&state.state) {
                reports.entry(&state.relay).or_default().push(AtNode { node: node.name.clone(), report });
            }
        }
    }
    let known = config.relays.iter().map(|relay| ShownRelay {
        name: relay.name.clone(),
        address: relay.url.address(),
        tls: relay.url.tls.as_str().to_owned(),
        carries: carried(config.carried_by(&relay.name)),
        nodes: reports.remove(relay.name.as_str()).unwrap_or_default(),
    });
    let mut relays: Vec<_> = known.collect();
    relays.extend(reports.into_iter().filter_map(|(name, nodes)| {
        let report = nodes.first()?.report.clone();
        Some(ShownRelay { name: name.to_owned(), address: report.address, tls: report.tls, carries: None, nodes })
    }));
    relays
}

/// The categories that a relay carries, if not all.
fn carried(categories: CategorySet) -> Option<Vec<Category>> {
    (categories != CategorySet::ALL).then(|| categories.iter().collect())
}
