//! `http_reset`: resets the connection when a request arrives, with RST rather than FIN.
//!
//! The request does not reach the upstream.

use serde_json::{Map, Value};

use super::{Attributes, FaultError, HttpSelect};

/// Resets the connection. `Touched::bytes` stays 0.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpReset {
    select: HttpSelect,
}

impl HttpReset {
    /// Its name.
    pub const TYPE: &'static str = "http_reset";

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
