//! Two runs, or two groups of repeated runs, compared: before and after one change.
//!
//! ```text
//!   before, after ──alike──> the one thing that differs, or what makes them incomparable
//!   histograms of a group ──merged──> percentiles, deciles, curves ─┐
//!   each run by itself ──Student's t──> half-widths ────────────────┴──> changes with intervals
//! ```
//!
//! A *change* is after - before. Its two sides are percentiles of merged histograms and shares of all
//! arrivals, never averages of percentiles. Its interval comes from how *runs* differ: arrivals of one run
//! resemble each other, so however many there are, one run each says nothing about chance, and there is no
//! interval then.
//!
//! The *shift function* is the change at each decile: K. Doksum, "Empirical probability plots and statistical
//! inference for nonlinear models in the two-sample case", Annals of Statistics 2 (1974). It shows what one
//! percentile hides: that all became slower, or only the slow ones.

mod alike;
mod cautions;
mod cost;
mod distribution;
mod factor;
mod headline;
mod interval;
mod leaves;
mod measures;
mod objectives;
mod result;
#[cfg(test)]
mod tests;
mod told;

use loadlab_record::RunFile;

pub use alike::{alike, same_ground};
pub(crate) use alike::{seed, setting, silence};
pub(crate) use cost::usage;
pub(crate) use distribution::reached;
pub use interval::Method;
pub(crate) use leaves::cut;
pub use result::{
    Change, Comparison, Curves, Difference, Factor, FactorKind, Group, LatencyChange, ObjectiveChange,
    ObjectiveSide, StepChange,
};

use self::interval::Design;

/// Compares what was measured before a change with what was measured after it. The runs are judged; those of
/// a group are repetitions of each other. What they must have in common is checked by [`alike`].
pub fn compare(before: &[RunFile], after: &[RunFile]) -> Result<Comparison, Vec<Difference>> {
    alike(before, after).map(|factor| compared(factor, before, after))
}

/// Compares runs that are alike.
fn compared(factor: Factor, before: &[RunFile], after: &[RunFile]) -> Comparison {
    let design = Design::of(before, after);
    let sides = [before, after];
    let response = distribution::response(sides, &design);
    let measures = measures::arrivals(sides, &design);
    let steps = measures::steps(sides, &design);
    let (cost, cost_note) = cost::changes(sides, &design);
    let headline = headline::sentence(&response, &measures);
    let cautions = cautions::of(&factor, sides, &design);
    let [before, after] = sides.map(group);
    Comparison {
        scenario: sides[0].first().map(|run| run.scenario.clone()).unwrap_or_default(),
        factor,
        before,
        after,
        method: design.method,
        units: design.units,
        confidence: interval::CONFIDENCE,
        headline,
        response,
        measures,
        steps,
        objectives: objectives::changes(sides),
        cost,
        cost_note,
        cautions,
    }
}

fn group(runs: &[RunFile]) -> Group {
    Group {
        runs: runs.len(),
        seeds: runs.iter().map(alike::seed).collect(),
        started: runs.iter().map(|run| run.environment.started.clone()).collect(),
        arrivals: runs.iter().map(|run| run.totals.scheduled).sum(),
        completed: runs.iter().map(|run| run.totals.completed).sum(),
    }
}
