//! Control and experiment, compared: what each arm did, and how sure the difference is.
//!
//! ```text
//!   windows after the warm-up ──> cells: cohort × block of time, for each arm
//!   cells ──clustered──> design effect ──┬──> a share: Wilson's interval
//!                                        └──> a percentile: Woodruff's interval
//!   two intervals ──square-and-add──> interval of experiment - control
//! ```
//!
//! Users are split, not arrivals, and arrivals of one user or of one moment resemble each other: a queue
//! that is long now is long a second later. Each of them tells less than an independent one would. How
//! much less is the *design effect*, estimated from how cohorts of users and blocks of time differ
//! ([`clustered`]). An interval is that of so many times fewer arrivals.
//!
//! - Wilson's score interval of a share: E. B. Wilson, JASA 22 (1927).
//! - The interval of a percentile from that of the share below it: R. S. Woodruff, JASA 47 (1952).
//! - Two intervals into that of a difference, for shares: R. G. Newcombe, Statistics in Medicine 17 (1998),
//!   method 10; for anything (MOVER): G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008).
//!
//! Five measures are compared at once, so each interval holds with 99 % and all together with 95 %
//! (Bonferroni): an A/A run shows a difference once in twenty times, not once in five.

mod clustered;
mod interval;

use std::collections::BTreeMap;

use loadlab_record::{ArmResult, ArmsResult, Difference, Histogram, Outcome, RunFile, Window};
use loadlab_scenario::{arms::Arm, plan::Load};

use self::{
    clustered::{Cell, Clustered},
    interval::{Interval, difference},
};
use crate::{
    Rules,
    words::{count, number, value_text},
};

/// With this probability all intervals together contain the true differences.
const CONFIDENCE: f64 = 0.95;
/// The 99.5th percentile of the normal distribution: 1 - 5 % / 5 measures, on both sides.
const Z_JOINT: f64 = 2.575_829;
/// Blocks into which the time is cut at most. What lasts longer than a block is taken for a trend, so more
/// of them would miss more of what is alike in a queue; fewer would not tell how blocks differ.
const BLOCKS: usize = 15;
/// Users of an arm below which chance puts unlike users into the arms.
const USERS_FEW: u32 = 10;
/// The percentiles that are compared.
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// One arm's arrivals.
struct Side {
    cells: Vec<Cell>,
    /// Response times of all of them.
    all: Histogram,
}

/// Compares the arms of a run, if its users were split.
pub(crate) fn compare(run: &RunFile) -> Option<ArmsResult> {
    let arms = run.plan.arms.as_ref()?;
    let rules = Rules::of(&run.plan);
    let sides = Arm::BOTH.map(|arm| Side::of(arm, run.measured(), &rules));
    let (control_users, experiment_users) = arms.sizes(run.plan.seed, run.plan.identities());
    let differences = differences(&sides, &rules, Z_JOINT);
    let result = |side: usize, arm, users| arm_result(&sides[side], arm, users, run.measured(), &rules);
    let (verdict, different) = verdict(&differences);
    Some(ArmsResult {
        verdict,
        different,
        control: result(0, Arm::Control, control_users),
        experiment: result(1, Arm::Experiment, experiment_users),
        cautions: cautions(run, control_users.min(experiment_users)),
        differences,
        confidence: CONFIDENCE,
    })
}

impl Side {
    fn of(arm: Arm, windows: &[Window], rules: &Rules) -> Self {
        let active = |window: &&Window| !window.arms.is_empty();
        let first = windows.iter().find(active).map_or(0, |window| window.second);
        let last = windows.iter().rfind(active).map_or(0, |window| window.second);
        let seconds = last - first + 1;
        let mut cells: BTreeMap<(u8, usize), Cell> = BTreeMap::new();
        for window in windows.iter().filter(active) {
            let block = ((window.second - first) * BLOCKS as u64 / seconds.max(BLOCKS as u64)) as usize;
            for cohort in window.arms.iter().filter(|cohort| cohort.arm == arm) {
                let new = || Cell::new(cohort.cohort, block);
                cells.entry((cohort.cohort, block)).or_insert_with(new).add(cohort, rules);
            }
        }
        let cells: Vec<Cell> = cells.into_values().collect();
        let all = Histogram::sum(cells.iter().map(|cell| &cell.response));
        Self { cells, all }
    }

    fn arrivals(&self) -> u64 {
        self.all.count()
    }

    fn failed(&self) -> u64 {
        self.cells.iter().map(|cell| cell.failed).sum()
    }

    fn lost(&self) -> u64 {
        self.cells.iter().map(|cell| cell.failed + cell.late).sum()
    }

    fn share(&self, part: u64) -> Option<f64> {
        (self.arrivals() > 0).then(|| part as f64 / self.arrivals() as f64)
    }

    /// Seconds of scenario time.
    fn percentile(&self, share: f64, rules: &Rules) -> Option<f64> {
        self.all.percentile(share * 100.0, rules.speed).map(|value| value.as_secs_f64())
    }
}

fn arm_result(side: &Side, arm: Arm, users: u32, windows: &[Window], rules: &Rules) -> ArmResult {
    let percentile = |share| side.percentile(share, rules);
    ArmResult {
        users,
        arrivals: side.arrivals(),
        loss: side.share(side.lost()),
        errors: side.share(side.failed()),
        p50: percentile(0.5),
        p95: percentile(0.95),
        p99: percentile(0.99),
        goodput: goodput(arm, windows, rules),
    }
}

/// Per second of the time in which load is offered; of a burst, of the time that it takes.
fn goodput(arm: Arm, windows: &[Window], rules: &Rules) -> f64 {
    let loaded = |window: &&Window| rules.loaded_until.is_none_or(|end| window.second < end);
    let served = |window: &&Window| rules.loaded_until.is_some() || !window.arms.is_empty();
    let windows: Vec<&Window> = windows.iter().filter(loaded).filter(served).collect();
    let of_arm = windows.iter().flat_map(|window| &window.arms).filter(|cohort| cohort.arm == arm);
    let good = |cohort: &loadlab_record::ArmWindow| match rules.late_after {
        None => cohort.ended.get(Outcome::Ok),
        Some(limit) => cohort.response_ok.count_within(limit, rules.speed),
    };
    let good: u64 = of_arm.map(good).sum();
    if windows.is_empty() { 0.0 } else { good as f64 / windows.len() as f64 }
}

/// Everything that is compared, with intervals of `z` standard deviations.
fn differences(sides: &[Side; 2], rules: &Rules, z: f64) -> Vec<Difference> {
    let loss = |cell: &Cell| cell.failed + cell.late;
    let shares = [share("loss", sides, z, loss), share("errors", sides, z, |cell| cell.failed)];
    let percentiles = PERCENTILES.map(|(name, of)| percentile((name, of), sides, rules, z));
    shares.into_iter().chain(percentiles).collect()
}

/// The difference of a share of the arrivals.
fn share(measure: &str, sides: &[Side; 2], z: f64, event: impl Fn(&Cell) -> u64) -> Difference {
    let clustered = [0, 1].map(|side: usize| Clustered::of(&sides[side].cells, &event));
    let effect = clustered::design_effect(&clustered);
    let interval = |side: usize| -> Option<Interval> {
        let Clustered { share, arrivals, .. } = clustered[side];
        (arrivals > 0.0).then(|| interval::wilson(share, arrivals / effect, z))
    };
    to_difference(
        measure,
        "share",
        [interval(0), interval(1)],
        [0, 1].map(|side: usize| (clustered[side].arrivals > 0.0).then_some(clustered[side].share)),
    )
}

/// The difference of a percentile of the response time.
fn percentile((measure, of): (&str, f64), sides: &[Side; 2], rules: &Rules, z: f64) -> Difference {
    let values = [0, 1].map(|side: usize| sides[side].percentile(of, rules));
    let clustered = [0, 1].map(|side: usize| {
        let value = sides[side].all.percentile(of * 100.0, rules.speed).unwrap_or_default();
        Clustered::of(&sides[side].cells, |cell| cell.response.count_within(value, rules.speed))
    });
    let effect = clustered::design_effect(&clustered);
    let interval = |side: usize| -> Option<Interval> {
        let (low, high) = interval::woodruff(of, sides[side].arrivals() as f64 / effect, z)?;
        Some(Interval {
            low: sides[side].percentile(low, rules)?,
            at: values[side]?,
            high: sides[side].percentile(high, rules)?,
        })
    };
    to_difference(measure, "s", [interval(0), interval(1)], values)
}

fn to_difference(
    measure: &str,
    unit: &str,
    intervals: [Option<Interval>; 2],
    [control, experiment]: [Option<f64>; 2],
) -> Difference {
    Difference {
        measure: measure.to_owned(),
        unit: unit.to_owned(),
        control,
        experiment,
        difference: experiment.zip(control).map(|(experiment, control)| experiment - control),
        interval: intervals[1].zip(intervals[0]).map(|(experiment, control)| difference(experiment, control)),
    }
}

/// Whether a difference is shown, in a sentence.
fn verdict(differences: &[Difference]) -> (String, bool) {
    let shown: Vec<String> =
        differences.iter().filter(|difference| difference.is_shown()).filter_map(words).collect();
    if !shown.is_empty() {
        return (format!("A difference is shown: in the experiment {}.", shown.join("; ")), true);
    }
    let told = differences.iter().filter(|difference| difference.interval.is_some()).count();
    let sentence = if told == 0 {
        "Nothing can be told: too few arrivals ended.".to_owned()
    } else if told < differences.len() {
        let unknown: Vec<&str> = differences
            .iter()
            .filter(|difference| difference.interval.is_none())
            .map(|difference| difference.measure.as_str())
            .collect();
        format!(
            "No difference is shown: every interval contains 0. For {} there were too few arrivals.",
            unknown.join(" and ")
        )
    } else {
        "No difference is shown: every interval contains 0.".to_owned()
    };
    (sentence, false)
}

/// `p95 is higher by 1.2 s (0.9 s to 1.5 s)`.
fn words(difference: &Difference) -> Option<String> {
    let (by, (low, high)) = (difference.difference?, difference.interval?);
    let (side, least, most) = if by > 0.0 { ("higher", low, high) } else { ("lower", -high, -low) };
    let verb = if difference.measure.ends_with('s') && difference.measure != "loss" { "are" } else { "is" };
    let text = |value: f64| match difference.unit.as_str() {
        "share" => number(value * 100.0),
        unit => value_text(value, unit),
    };
    let points = if difference.unit == "share" { " percentage points" } else { "" };
    Some(format!(
        "{} {verb} {side} by {}{points} ({} to {})",
        difference.measure,
        text(by.abs()),
        text(least),
        text(most)
    ))
}

/// What a reader should know before believing it.
fn cautions(run: &RunFile, users: u32) -> Vec<String> {
    let mut cautions = Vec::new();
    if users < USERS_FEW {
        cautions.push(format!(
            "An arm has only {}: what differs between users may pass for a difference between the arms.",
            count(f64::from(users), "user", "users")
        ));
    }
    if run.totals.undispatched > 0 {
        let arrivals = count(run.totals.undispatched as f64, "arrival was", "arrivals were");
        cautions.push(format!("{arrivals} never sent and belong to no arm."));
    }
    if matches!(run.plan.load, Load::Users { .. }) {
        cautions.push(
            "Users wait for their answers, so a slower arm is asked less often: arrivals are compared, not \
             users."
                .to_owned(),
        );
    }
    cautions
}

#[cfg(test)]
mod tests;
