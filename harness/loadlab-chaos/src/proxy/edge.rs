//! Where a proxy's [`Protocol`] decides: how a connection is served, and which toxics there are
//! beside those for bytes.

use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpStream;

use super::{ControlError, Protocol, Watch, aware_link, fields::Fields, listener::Run, raw};
use crate::aware::fault::{self, Fault, FaultKind};

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
pub(crate) async fn serve(run: &Arc<Run>, edge: Edge) {
    match run.protocol {
        Protocol::Raw => raw::run(edge).await,
        // In boxes: a raw link is not to have the size of these.
        Protocol::Http => Box::pin(aware_link::http(edge, Arc::clone(run))).await,
        Protocol::Resp => Box::pin(aware_link::resp(edge)).await,
    }
}

impl From<fault::Protocol> for Protocol {
    fn from(protocol: fault::Protocol) -> Self {
        match protocol {
            fault::Protocol::Http => Self::Http,
            fault::Protocol::Resp => Self::Resp,
        }
    }
}

/// A toxic that is asked for, as far as it says what it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) name: &'a str,
    pub(crate) type_name: &'a str,
    pub(crate) toxicity: f32,
    pub(crate) fields: Fields<'a>,
    /// The proxy's.
    pub(crate) protocol: Protocol,
}

/// The fault that a toxic is, where its type is that of one; else `None`.
pub(crate) fn read_fault(asked: Asked<'_>) -> Option<Result<Fault, ControlError>> {
    let needed = FaultKind::protocol_of(asked.type_name)?;
    if let Err(error) = check_protocol(asked.type_name, needed.into(), asked.protocol) {
        return Some(Err(error));
    }
    let attributes = Value::Object(asked.fields.merged());
    let fault = Fault::parse(asked.name, asked.type_name, asked.toxicity.into(), &attributes);
    Some(fault.map_err(ControlError::Fault))
}

/// Refuses a toxic on a proxy of another protocol than it needs: it would do nothing there.
pub(crate) fn check_protocol(kind: &str, needed: Protocol, found: Protocol) -> Result<(), ControlError> {
    if needed == found {
        return Ok(());
    }
    Err(ControlError::NeedsProtocol { kind: kind.to_owned(), needed, found })
}
