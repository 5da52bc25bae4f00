//! `http_drop`: never answers.
//!
//! The request does not reach the upstream, and its connection stays open until the client gives up.
//! When the fault is removed the connection is closed: what was dropped cannot come back.

use serde_json::{Map, Value};

use super::{Attributes, FaultError, HttpSelect};

/// Never answers. `Touched::bytes` stays 0.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpDrop {
    select: HttpSelect,
}

impl HttpDrop {
    /// Its name.
    pub const TYPE: &'static str = "http_drop";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        Ok(Self { select: HttpSelect::take(attributes)? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }
}
