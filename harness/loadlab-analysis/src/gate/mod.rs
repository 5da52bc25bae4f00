//! Whether head breaks earlier than base: what decides, not what runs.
//!
//! ```text
//!   tier 1, minutes   Rules + trials done ──next──> the next trial, or a Decision
//!   tier 2, hours     NightlyRules + pairs of searches ──next_pair──> the next pair, or a Decision
//!   A/A jobs ──noise──> Noise ──power──> which drop is found how often, and what a budget buys
//!   fixed load ──Seen, secondary, cost──> what else became worse
//!   all of it ──result──> GateResult, for reports
//! ```
//!
//! *Base* is the build that is known, *head* the one in question. Both are tried in turn in one job (A B B A A
//! B B A …), because a machine is another one an hour later. *Drop*: by which share head's breaking point is
//! lower than base's. *Delta*: the smallest drop that must be found. A *pair* is a trial of base and the one
//! of head that follows or precedes it. The state is the list of what was done, so a job can be resumed and
//! its decision replayed. The unit is the trial: losses come in bursts, so nothing is computed from single
//! arrivals.

mod cost;
mod course;
mod decision;
mod fast;
mod job;
mod nightly;
mod noise;
mod power;
mod result;
mod rules;
mod score;
mod secondary;
mod seen;
#[cfg(test)]
mod simulated;
mod student;
#[cfg(test)]
mod tests;
mod trial;
mod walk;

pub use cost::{Bound, BoundResult, Cost, Usage, bounds, costs};
pub use course::{Bars, Look, PairScore, bars, course, looks, spoilt};
pub use decision::{Decision, Evidence, Losses, Ratio, SideLosses, Why};
pub use fast::{ended, next, uncounted};
pub use job::{FORMAT, GateJob, GateTrial};
pub use nightly::{NightlyRules, NightlyStep, SearchPair, ended as ended_pairs, next as next_pair};
pub use noise::{Noise, NoiseError, TooFine, aa_next, of_searches, of_trials};
pub use power::{Bought, Budget, Detected, Power, buys, power};
pub use result::{Beside, GateResult, GateVerdict, Limits};
pub use rules::{Rules, RulesError};
pub use secondary::{MeasureResult, Measured, Scale, SecondaryRules, secondary};
pub use seen::{Margins, Seen, measured};
pub use trial::{Done, Offer, Side, Spoilt, Step, Tier, Validity};
