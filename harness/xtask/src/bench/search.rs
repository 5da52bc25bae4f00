//! What a search for the breaking point costs, beside linear ramps, and how exact both are.
//!
//! ```text
//!   a queue whose breaking point is computed ──seed 0, 1, …──> loadlab's searches | ramps of any step and length
//!                                                                 -> error, requests, a row each
//! ```
//!
//! The queue is simulated, so a ramp that would take hours takes milliseconds; `loadlab breakpoint` asks the same
//! functions what to try next. A ramp can always be made more exact, by finer steps and longer trials. So the
//! question is what the cheapest one costs that is as exact as the search.

use std::fmt;

use loadlab_analysis::search::{
    Method, Rules,
    simulated::{Figures, Service},
};
use serde_json::{Value, json};

/// Steps of the ramps, in arrivals per second; the breaking point is near 1,488.
const STEPS: [f64; 4] = [100.0, 50.0, 25.0, 12.5];
/// How long each of their trials measures, in seconds.
const SECONDS: [f64; 4] = [5.0, 20.0, 60.0, 120.0];
/// The same error, but for chance: the mean of so many searches is off by about as much.
const SAME_ERROR: f64 = 1.1;
/// What a ramp of the same error costs, at least, in searches.
const FLOOR: f64 = 2.0;

/// The searches and the ramps, on the same queue with the same seeds.
#[derive(Debug)]
pub(crate) struct Comparison {
    searches: usize,
    ours: Figures,
    bayes: Figures,
    ramps: Vec<Ramp>,
}

#[derive(Debug)]
struct Ramp {
    step: f64,
    seconds: f64,
    figures: Figures,
}

/// What makes lines of evidence comparable.
pub(crate) fn config(searches: usize) -> Value {
    json!({ "searches": searches, "steps": STEPS, "seconds": SECONDS })
}

/// Searches as often with each method.
pub(crate) fn compare(searches: usize) -> Comparison {
    let (service, seeds) = (Service::SIXTEEN, 0..searches as u64);
    let rules = Rules::new(400.0, 50.0, 5000.0);
    let of = |method, rules: &Rules| Figures::of(method, rules, &service, seeds.clone());
    let settings = STEPS.iter().flat_map(|step| SECONDS.iter().map(|seconds| (*step, *seconds)));
    let ramp = |(step, seconds)| {
        let steps =
            Rules { trials_per_load: 1, trial_s: seconds, trials_most: u32::MAX, ramp_step: step, ..rules };
        Ramp { step, seconds, figures: of(Method::Ramp, &steps) }
    };
    Comparison {
        searches,
        ours: of(Method::Mlr, &rules),
        bayes: of(Method::Bayes, &rules),
        ramps: settings.map(ramp).collect(),
    }
}

impl Comparison {
    /// The cheapest ramp that is as exact as the search; where none is, the most exact, which costs no more than
    /// one that were.
    fn peer(&self) -> &Ramp {
        let exact = self.ramps.iter().filter(|ramp| self.is_as_exact(ramp));
        let cheapest = exact.min_by(|a, b| a.figures.requests.total_cmp(&b.figures.requests));
        let most_exact = || self.ramps.iter().min_by(|a, b| a.figures.error.total_cmp(&b.figures.error));
        cheapest.or_else(most_exact).expect("there are ramps")
    }

    fn is_as_exact(&self, ramp: &Ramp) -> bool {
        ramp.figures.error <= SAME_ERROR * self.ours.error
    }

    /// Requests of that ramp, over those of the search.
    fn times(&self) -> f64 {
        self.peer().figures.requests / self.ours.requests
    }

    /// Whether the search needs fewer than half of them.
    pub(crate) fn floor_held(&self) -> bool {
        self.times() > FLOOR
    }

    /// For the evidence.
    pub(crate) fn figures(&self) -> Value {
        let ramp =
            |ramp: &Ramp| json!({ "step": ramp.step, "trial_s": ramp.seconds, "figures": ramp.figures });
        json!({
            "mlr": self.ours,
            "bayes": self.bayes,
            "ramps": self.ramps.iter().map(ramp).collect::<Vec<Value>>(),
            "as_exact": ramp(self.peer()),
            "floor": { "times_the_requests": self.times(), "least": FLOOR, "held": self.floor_held() },
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} searches each of a queue that breaks at 1,488 arrivals a second", self.searches)?;
        writeln!(
            f,
            "{:<34} {:>7} {:>7} {:>10} {:>12} {:>8}",
            "", "error", "bias", "within 3 %", "requests", "minutes"
        )?;
        write_row(f, "loadlab breakpoint", &self.ours)?;
        write_row(f, "loadlab breakpoint --method bayes", &self.bayes)?;
        for Ramp { step, seconds, figures } in &self.ramps {
            write_row(f, &format!("ramp by {step}, trials of {seconds} s"), figures)?;
        }
        let Ramp { step, seconds, figures } = self.peer();
        let how = if self.is_as_exact(self.peer()) {
            "as exact"
        } else {
            "no ramp is as exact; the most exact one"
        };
        write!(
            f,
            "{how}: the ramp by {step} in trials of {seconds} s, with {:.1} times the requests (error {:.2} %; floor {FLOOR})",
            self.times(),
            figures.error * 100.0
        )
    }
}

fn write_row(f: &mut fmt::Formatter<'_>, name: &str, figures: &Figures) -> fmt::Result {
    writeln!(
        f,
        "{name:<34} {:>5.2} % {:>+5.2} % {:>8.0} % {:>12.0} {:>8.1}",
        figures.error * 100.0,
        figures.bias * 100.0,
        figures.within * 100.0,
        figures.requests,
        figures.minutes
    )
}
