//! Where a proxy that reads its protocol is plugged in: how a connection is served, and which
//! toxics such an edge has beside those for bytes. Both are chosen by the proxy's [`Protocol`].

use serde_json::{Map, Value};
use tokio::net::TcpStream;

use super::{FieldError, Protocol, Watch, raw};

/// A connection whose upstream has answered.
#[derive(Debug)]
pub struct Edge {
    /// The side that dialled the proxy, with Nagle's delay off.
    pub client: TcpStream,
    /// The side that the proxy dialled, with Nagle's delay off.
    pub upstream: TcpStream,
    /// The number of the connection in its proxy, from 1: what draws are named by.
    pub number: u64,
    /// Tells of changes, and gives the proxy's shared state ([`Watch::shared`]): toxics, counters,
    /// draws. When [`Watch::is_closed`] the connection must end.
    pub watch: Watch,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(protocol: Protocol, edge: Edge) {
    match protocol {
        // An edge that reads its protocol takes its place here; until then all are bytes.
        Protocol::Raw | Protocol::Http | Protocol::Resp => raw::run(edge).await,
    }
}

/// The attributes of a toxic that only an edge of this protocol can apply, checked and completed
/// from those given; `None` where there is no such toxic. On a raw link such a toxic does nothing,
/// so it is unknown there.
pub(crate) fn aware_attributes(
    protocol: Protocol,
    _type_name: &str,
    _given: &Map<String, Value>,
) -> Option<Result<Map<String, Value>, FieldError>> {
    match protocol {
        // The toxics of edges that read their protocol are registered here.
        Protocol::Raw | Protocol::Http | Protocol::Resp => None,
    }
}
