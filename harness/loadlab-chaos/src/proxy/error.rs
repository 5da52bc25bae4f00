//! What can go wrong when the proxy is controlled, with Toxiproxy's texts and status codes.

use std::{fmt, io, net::SocketAddr};

use super::{AddressError, FieldError, Protocol};
use crate::aware::FaultError;

/// A control call that was refused or failed. Nothing was changed, unless the variant says so.
#[derive(Debug)]
pub enum ControlError {
    /// The body is no JSON, or does not mean what it should.
    Body(BodyError),
    /// A field that must be there is not, or is empty.
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// One entry of a list is wrong.
    Entry {
        /// Its place, from 1.
        number: usize,
        /// What is wrong with it.
        source: Box<ControlError>,
    },
    /// There is no proxy of that name.
    ProxyNotFound,
    /// There is one already.
    ProxyExists,
    /// One list names a proxy twice.
    DuplicateProxy {
        /// Its name.
        name: String,
    },
    /// The stream of a toxic is neither of the two.
    InvalidStream,
    /// There is no such kind of toxic.
    InvalidToxicType,
    /// A toxic acts on a protocol that the proxy does not read.
    NeedsProtocol {
        /// The toxic's type.
        kind: String,
        /// The protocol that it needs.
        needed: Protocol,
        /// The proxy's, as it is or is to be.
        found: Protocol,
    },
    /// What a toxic for requests is to do makes no sense.
    Fault(FaultError),
    /// There is a toxic of that name already, on whichever stream.
    ToxicExists,
    /// There is no toxic of that name.
    ToxicNotFound,
    /// There is no lease of that name, or it has ended.
    LeaseNotFound,
    /// The listen text cannot be bound.
    Address(AddressError),
    /// The system does not give the address. The proxy is disabled.
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// There is nothing in it.
    Empty,
    /// It ends in the middle.
    Truncated,
    /// It is no JSON.
    Syntax {
        /// What the parser says.
        problem: String,
    },
    /// It is JSON of another type.
    Root {
        /// What was found.
        found: String,
        /// What belongs there.
        wanted: &'static str,
    },
    /// One of its fields is wrong.
    Field(FieldError),
}

impl ControlError {
    /// The HTTP status that says it.
    pub fn status(&self) -> u16 {
        match self {
            Self::Body(_)
            | Self::MissingField { .. }
            | Self::InvalidStream
            | Self::InvalidToxicType
            | Self::NeedsProtocol { .. }
            | Self::Fault(_)
            | Self::Address(AddressError::NotLoopback { .. }) => 400,
            Self::ProxyNotFound | Self::ToxicNotFound | Self::LeaseNotFound => 404,
            Self::ProxyExists | Self::ToxicExists => 409,
            // As Toxiproxy has it, whoever is to blame.
            Self::DuplicateProxy { .. } | Self::Address(_) | Self::Bind { .. } => 500,
            Self::Entry { source, .. } => source.status(),
        }
    }

    pub(crate) fn at_entry(self, number: usize) -> Self {
        Self::Entry { number, source: Box::new(self) }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(reason) => write!(f, "bad request body: {reason}"),
            Self::MissingField { field } => write!(f, "missing required field: {field}"),
            Self::Entry { number, source } => write!(f, "{source} at proxy {number}"),
            Self::ProxyNotFound => f.write_str("proxy not found"),
            Self::ProxyExists => f.write_str("proxy already exists"),
            Self::DuplicateProxy { name } => write!(f, "duplicate proxy name {name:?}"),
            Self::InvalidStream => f.write_str("stream was invalid, can be either upstream or downstream"),
            Self::InvalidToxicType => f.write_str("invalid toxic type"),
            Self::NeedsProtocol { kind, needed, found } => {
                write!(f, "toxic type {kind} needs a proxy of protocol {needed}, not {found}")
            }
            Self::Fault(error) => write!(f, "bad request body: {error}"),
            Self::ToxicExists => f.write_str("toxic already exists"),
            Self::ToxicNotFound => f.write_str("toxic not found"),
            Self::LeaseNotFound => f.write_str("lease not found"),
            Self::Address(error) => error.fmt(f),
            Self::Bind { address, source } => {
                write!(f, "listen tcp {address}: bind: {}", system_text(source))
            }
        }
    }
}

impl std::error::Error for ControlError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(source) => Some(source),
            Self::Bind { source, .. } => Some(source),
            Self::Fault(source) => Some(source),
            Self::Entry { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("EOF"),
            Self::Truncated => f.write_str("unexpected EOF"),
            Self::Syntax { problem } => f.write_str(problem),
            Self::Root { found, wanted } => write!(f, "json: cannot unmarshal {found} into {wanted}"),
            Self::Field(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<FieldError> for ControlError {
    fn from(error: FieldError) -> Self {
        Self::Body(BodyError::Field(error))
    }
}

impl From<BodyError> for ControlError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<AddressError> for ControlError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

/// The system's words as Toxiproxy shows them: `address already in use`.
fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
