//! JSON that keeps what is there twice, so that it can be refused by its name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use super::escaped;
use crate::domain::problem::{Problem, Problems};

/// A JSON value. An object is a list of members, in the order of the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Parses a document.
pub(super) fn parse(document: &[u8]) -> Result<Node, Problems> {
    let mut problems = Problems::default();
    match serde_json::from_slice::<Node>(document) {
        Ok(node) => {
            node.find_repeated("", &mut problems);
            if problems.is_empty() { Ok(node) } else { Err(problems) }
        }
        Err(error) => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            let text = if text.starts_with("recursion limit") { "it is nested too deeply" } else { text };
            let column = error.column();
            problems.0.push(Problem::new(error.line(), "", format!("not valid JSON: {text} (column {column})")));
            Err(problems)
        }
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        match node {
            Node::Null => Self::Null,
            Node::Bool(flag) => Self::Bool(flag),
            Node::Number(number) => Self::Number(number),
            Node::Text(text) => Self::String(text),
            Node::List(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Node::Map(members) => Self::Object(members.into_iter().map(|(name, it)| (name, it.into())).collect()),
        }
    }
}

impl Node {
    /// Notes each member that its object has twice.
    fn find_repeated(&self, pointer: &str, problems: &mut Problems) {
        match self {
            Self::Map(members) => {
                let mut seen = std::collections::BTreeSet::new();
                for (name, node) in members {
                    let pointer = format!("{pointer}/{}", escaped(name));
                    if !seen.insert(name) {
                        problems.add_at(&pointer, "is there twice");
                    }
                    node.find_repeated(&pointer, problems);
                }
            }
            Self::List(items) => {
                items.iter().enumerate().for_each(|(n, item)| item.find_repeated(&format!("{pointer}/{n}"), problems));
            }
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry()? {
            map.push(member);
        }
        Ok(Node::Map(map))
    }
}
