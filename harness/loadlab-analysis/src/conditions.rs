//! What serves conditions while the run goes on and on its final record alike: whether enough was
//! seen to speak of one, and whether it holds.

use loadlab_scenario::objective::{Measure, Objective};

use crate::{Observation, holds};

/// Whether a condition holds for what was observed; `None` if that is too little to tell.
pub(crate) fn held(that: &Objective, seen: &Observation, min_samples: u32) -> Option<bool> {
    let enough = !counts_samples(&that.measure) || seen.samples >= u64::from(min_samples);
    let value = seen.value.filter(|_| enough)?;
    Some(holds(that.compare, value, that.bound))
}

/// Whether a measure is a statistic of arrivals, requests or events, so that few of them say nothing. A
/// throughput is of the time, and of a metric one value is the truth.
pub(crate) const fn counts_samples(measure: &Measure) -> bool {
    matches!(measure, Measure::Latency { .. } | Measure::Share { .. })
}
