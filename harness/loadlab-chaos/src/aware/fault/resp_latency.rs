//! `resp_latency`: holds a command back before it is forwarded.
//!
//! It is due its latency after it arrived. Those behind it on its connection wait with it and are
//! counted as collateral. When the fault is removed, what it holds back is let go.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::{Attributes, FaultError, RespSelect};
use crate::aware::Delay;

/// Holds commands back. `Touched::bytes` counts the bytes of those commands.
#[derive(Debug, Clone, PartialEq)]
pub struct RespLatency {
    delay: Delay,
    select: RespSelect,
}

impl RespLatency {
    /// Its name.
    pub const TYPE: &'static str = "resp_latency";

    pub(super) fn take(attributes: &mut Attributes) -> Result<Self, FaultError> {
        Ok(Self { delay: Delay::take(attributes, "latency")?, select: RespSelect::take(attributes)? })
    }

    pub(super) fn write(&self, map: &mut Map<String, Value>) {
        self.delay.write(map, "latency");
        self.select.write(map);
    }

    pub(super) fn select(&self) -> &RespSelect {
        &self.select
    }

    /// How long, in scenario time.
    pub(super) fn sample(&self, rng: &mut ChaCha8Rng) -> Duration {
        self.delay.sample(rng)
    }
}
