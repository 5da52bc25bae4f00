//! The edge table: every address in the stack, and who reaches whom by it.
//!
//! Every edge runs through a fault proxy in the keeper: `address` is that proxy's listener, `upstream`
//! is where the process at its end serves.

use serde::{Deserialize, Serialize};

/// Who is at the upper end of an edge that the load uses.
pub(crate) const LOAD: &str = "load";

/// One dependency link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// The role that depends, by name; `load` for the one that is loaded.
    pub from: String,
    /// The role that is depended on, by name.
    pub to: String,
    /// What is spoken on it, where the role tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Where the process at its end serves: `host:port`, or a URL for a service that is not the run's.
    pub upstream: String,
    /// Where `from` connects to.
    pub address: String,
    /// What is between the two.
    pub via: Via,
}

/// What an edge runs through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// Nothing: `address` is `upstream`.
    Direct,
    /// The keeper's proxy of this name.
    Proxy {
        /// By which its control interface knows it.
        name: String,
    },
}

/// What is spoken on an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// Redis's protocol.
    Resp,
    /// PostgreSQL's protocol, version 3.
    Postgresql,
}

impl Protocol {
    /// What a role of the reference target speaks; `None` for one that is not known here.
    pub fn of_role(role: &str) -> Option<Self> {
        match role {
            "redis" => Some(Self::Resp),
            "sql" => Some(Self::Postgresql),
            "llm" | "service" | "gateway" => Some(Self::Http),
            _ => None,
        }
    }
}

/// Every edge of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EdgeTable {
    edges: Vec<Edge>,
}

impl EdgeTable {
    /// Adds one.
    pub(crate) fn push(&mut self, edge: Edge) {
        self.edges.push(edge);
    }

    /// All of them: first those that the load uses, then by dependent in the order of the spec.
    pub fn iter(&self) -> impl Iterator<Item = &Edge> {
        self.edges.iter()
    }

    /// The edge between two.
    pub fn get(&self, from: &str, to: &str) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.from == from && edge.to == to)
    }

    /// Where the load reaches a role, or where its first dependent does.
    pub fn address(&self, to: &str) -> Option<&str> {
        let mut towards = self.edges.iter().filter(|edge| edge.to == to);
        let first = towards.clone().next();
        towards.find(|edge| edge.from == LOAD).or(first).map(|edge| edge.address.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, address: &str) -> Edge {
        let (upstream, address) = ("127.0.0.1:1".to_owned(), address.to_owned());
        Edge { from: from.into(), to: to.into(), protocol: None, upstream, address, via: Via::Direct }
    }

    #[test]
    fn an_address_is_the_loads_own_before_a_dependents() {
        let mut table = EdgeTable::default();
        table.push(edge("gateway", "service-0", "a:1"));
        table.push(edge(LOAD, "service-0", "a:2"));
        table.push(edge("service-0", "redis", "a:3"));
        assert_eq!(table.address("service-0"), Some("a:2"));
        assert_eq!(table.address("redis"), Some("a:3"));
        assert_eq!(table.address("sql"), None);
        assert_eq!(table.get("gateway", "service-0").map(|edge| edge.address.as_str()), Some("a:1"));
    }

    #[test]
    fn a_table_is_a_plain_list_in_json() {
        let mut table = EdgeTable::default();
        table.push(edge(LOAD, "gateway", "127.0.0.1:1"));
        let json = serde_json::to_string(&table).expect("it serialises");
        assert!(json.starts_with(r#"[{"from":"load","to":"gateway","upstream":"127.0.0.1:1""#), "{json}");
        assert_eq!(serde_json::from_str::<EdgeTable>(&json).expect("it reads back"), table);
    }
}
