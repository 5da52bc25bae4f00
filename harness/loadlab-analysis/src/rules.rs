//! What of a plan matters to its evaluation.

use std::time::Duration;

use loadlab_clock::Speed;
use loadlab_record::{Window, first_measured_second};
use loadlab_scenario::{
    objective::{Compare, LatencyKind, Measure, Objective, Statistic},
    plan::{Load, Plan},
};

/// What of a plan matters to its evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// An arrival that ended well, but later than this, is lost; see [`tightest_response`].
    pub late_after: Option<Duration>,
    /// The first second that counts.
    pub first_second: u64,
    /// The first second in which nothing is offered any more. `None` for a burst, whose throughput
    /// is that of the time it takes to be served.
    pub loaded_until: Option<u64>,
}

impl Rules {
    /// The rules of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self {
            speed: plan.speed,
            late_after: tightest_response(&plan.objectives),
            first_second: first_measured_second(plan),
            loaded_until: loaded_until(&plan.load),
        }
    }

    /// Whether a measure counts this window. Throughput is that of the time in which load is offered,
    /// so that a long drain does not dilute it.
    pub fn counts(&self, measure: &Measure, window: &Window) -> bool {
        let loaded = self.loaded_until.is_none_or(|end| window.second < end);
        window.second >= self.first_second && (loaded || !matches!(measure, Measure::Throughput(_)))
    }

    /// How many seconds long the stretches are in which an objective must hold; `None` if it is about
    /// the whole run. The throughput of a burst always is: it has no steady part.
    pub fn stretch(&self, objective: &Objective) -> Option<usize> {
        let length = objective.window?;
        let burst = self.loaded_until.is_none() && matches!(objective.measure, Measure::Throughput(_));
        (!burst).then(|| length.as_secs_f64().ceil().max(1.0) as usize)
    }
}

/// Whether anything was due or ended in a window.
pub(crate) fn active(window: &Window) -> bool {
    window.scheduled > 0 || window.ended.total() > 0
}

/// The smallest upper bound on a percentile or the maximum of the arrivals' response time. (A bound on
/// the mean says nothing about a single arrival.)
pub fn tightest_response<'a>(objectives: impl IntoIterator<Item = &'a Objective>) -> Option<Duration> {
    let bounds = objectives.into_iter().filter(|objective| {
        let upper = matches!(objective.compare, Compare::Less | Compare::LessOrEqual);
        let each = matches!(
            objective.measure,
            Measure::Latency {
                statistic: Statistic::Percentile(_) | Statistic::Max,
                step: None,
                kind: LatencyKind::Response,
            }
        );
        upper && each
    });
    let tightest = bounds.map(|objective| objective.bound).min_by(f64::total_cmp)?;
    Duration::try_from_secs_f64(tightest).ok()
}

/// The first second after the load.
fn loaded_until(load: &Load) -> Option<u64> {
    let length: Duration = match load {
        Load::Burst { .. } => return None,
        Load::Users { stages, .. } => stages.iter().map(|stage| stage.ramp + stage.hold).sum(),
        Load::Arrivals { stages, .. } => stages.iter().map(|stage| stage.over).sum(),
    };
    Some(length.as_secs() + u64::from(length.subsec_nanos() > 0))
}
