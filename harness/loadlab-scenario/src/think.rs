//! Durations that are drawn: think times, patience, pauses.

use std::{fmt, time::Duration};

use loadlab_clock::{
    Distribution,
    text::{format_duration, optional_duration},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A drawn duration, kept between bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Think {
    /// What it is drawn from.
    pub draw: Distribution,
    /// Draws below are raised to this.
    #[serde(default, with = "optional_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub min: Option<Duration>,
    /// Draws above are cut to this.
    #[serde(with = "optional_duration")]
    #[schemars(with = "Option<String>")]
    pub max: Option<Duration>,
}

impl Think {
    /// A drawn duration without bounds.
    pub const fn of(draw: Distribution) -> Self {
        Self { draw, min: None, max: None }
    }

    /// A duration that was drawn, between the bounds.
    pub fn bounded(&self, drawn: Duration) -> Duration {
        let raised = self.min.map_or(drawn, |min| drawn.max(min));
        self.max.map_or(raised, |max| raised.min(max))
    }
}

/// `2s`, `about 9.6s (drawn)`.
impl fmt::Display for Think {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.draw {
            Distribution::Constant(duration) => f.write_str(&format_duration(*duration)),
            drawn => {
                let mean = Duration::from_millis(u64::try_from(drawn.mean().as_millis()).unwrap_or(u64::MAX));
                write!(f, "about {} (drawn)", format_duration(mean))
            }
        }
    }
}
