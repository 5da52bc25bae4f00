//! `http_latency`: holds a request back before it is forwarded.
//!
//! Its body waits where it is. When the fault is removed, what it holds back is let go.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::{Attributes, FaultError, HttpSelect};
use crate::aware::Delay;

/// Holds requests back. `Touched::bytes` stays 0.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpLatency {
    delay: Delay,
    select: HttpSelect,
}

impl HttpLatency {
    /// Its name.
    pub const TYPE: &'static str = "http_latency";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        Ok(Self { delay: Delay::take(attributes, "latency")?, select: HttpSelect::take(attributes)? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        self.delay.write(map, "latency");
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &HttpSelect {
        &self.select
    }

    /// How long, in scenario time.
    pub(super) fn sample(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.delay.sample(rng)
    }
}
