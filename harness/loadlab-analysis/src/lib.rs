//! Run record to findings: objectives, documented outcomes, health, the generator, a verdict, and
//! what to look at. Nothing here reads a file or a clock; equal runs give equal findings.
//!
//! ```text
//!   windows, scrapes ──as they come──> Live, Watch ┐
//!                                                 ├─> View ──evaluate──> Observation
//!   RunFile ──> judge ──whole run, stretches──────┘
//!           ├─> failure: mode, times, bottleneck, cascade, loops
//!           └─> generator, health, remarks ──> Judgement, stored in the run file
//!   RunFile ──> timeline, Metrics ──> curves of a report
//!   RunFiles before and after ──compare──> changes with intervals
//!   one number per run ──trend──> where it changed for good
//!   trials ──> search: the next load to try, or the breaking point ──> scaling, queueing: why there
//! ```
//!
//! *Stretch*: as many consecutive seconds as an objective's window is long. *Saturated*: a resource of
//! which all is in use. *Tightest response objective*: the smallest upper bound on a percentile or the
//! maximum of the arrivals' response time; what ends later is lost.

mod arms;
pub mod compare;
mod conditions;
mod documented;
mod evaluate;
mod facts;
mod failure;
mod fault_spans;
pub mod gate;
mod generator;
mod health;
mod judge;
mod labels;
mod live;
mod losses;
#[cfg(test)]
mod made_up;
mod metrics;
mod objectives;
pub mod queueing;
mod remarks;
mod rules;
mod saturation;
pub mod scaling;
pub mod search;
mod speed;
mod steady;
pub mod study;
mod timeline;
pub mod trend;
mod watch;
mod words;

pub use evaluate::{Observation, View, evaluate, holds, unit};
pub use facts::Facts;
pub use failure::{RepeatedInterval, repeated};
pub use fault_spans::{FaultSpan, fault_spans};
pub use generator::{GeneratorLimit, generator_limits};
pub use judge::{OutcomeClass, judge, judgement, outcome_class};
pub use labels::labels;
pub use live::{Live, Missed};
pub use losses::{LossLimit, Losses};
pub use metrics::{Metrics, Points, held_at};
pub use objectives::line;
pub use rules::{Rules, tightest_response};
pub use saturation::{Saturation, saturations};
pub use timeline::{Second, timeline};
pub use watch::{Alarm, Watch};
pub use words::{seconds_text, value_text};
