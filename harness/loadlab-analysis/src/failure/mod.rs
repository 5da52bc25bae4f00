//! What kind of failure a run shows, from its measured part alone.
//!
//! ```text
//!   RunFile ──> Signals: seconds, trigger, what the target published
//!                  ├──> times       when it failed, when it was back
//!                  ├──> bottleneck  what was full, who waited, Little's law
//!                  ├──> cascade     what left its steady state, in which order
//!                  ├──> loops       what amplified, what dampened
//!                  ├──> aftermath   whether goodput came back
//!                  ├──> rules       the mode, by thresholds that all stand there
//!                  └──> diagnosis   the decision tree, answered
//! ```
//!
//! *Trigger*: the first fault; else a peak of the load; else the load. *Span*: from the trigger to the end of
//! failing. Nothing here looks at the names of scenario and profile or at documented bands; a documented
//! chain is compared with the cascade and decides nothing.

mod aftermath;
mod bottleneck;
mod cascade;
mod diagnosis;
mod evidence;
mod loops;
mod readings;
mod repeated;
mod rules;
mod signals;
#[cfg(test)]
mod synthetic;
#[cfg(test)]
mod tests;
mod times;
mod trigger;

use loadlab_record::{FailureResult, RunFile};

use self::{readings::Readings, signals::Signals};

pub use repeated::{RepeatedInterval, repeated};

/// What kind of failure it was; `None` if nothing ended, so that there is nothing to say.
pub(crate) fn explain(run: &RunFile) -> Option<FailureResult> {
    let signals = Signals::of(run)?;
    let bottlenecks = bottleneck::rank(&signals);
    let aftermath = aftermath::tell(&signals);
    let readings = Readings::of(&signals, &bottlenecks, &aftermath);
    let verdict = rules::decide(&readings);
    let diagnosis = diagnosis::answer(&signals, &readings);
    Some(FailureResult {
        mode: verdict.mode,
        severity: verdict.severity,
        rule: verdict.rule,
        evidence: verdict.evidence,
        near_misses: verdict.near_misses,
        times: times::of(&signals),
        cascade: cascade::spread(&signals),
        loops: loops::loops(&signals),
        dampeners: loops::dampeners(&signals),
        trigger: signals.trigger,
        bottlenecks,
        aftermath,
        diagnosis,
    })
}
