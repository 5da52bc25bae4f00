//! Words and numbers that every part of a search's report uses.

use loadlab_analysis::{
    search::{Invalid, Method, Standing, Trial, TrialResult, Validity},
    tightest_response,
};
use loadlab_scenario::{LoadAxis, objective::Objective};

use crate::figures::{self, NOTHING};

/// A load as it is offered has so many digits.
const OFFERED: u8 = 5;
/// What is estimated, or measured, has fewer: no search is more precise.
const ESTIMATED: u8 = 4;

/// A load that is offered, without its unit.
pub(super) fn bare(load: f64) -> String {
    figures::digits(load, OFFERED)
}

/// A load that is offered: `1,487.3/s`, `17 users`.
pub(crate) fn load(load: f64, axis: LoadAxis) -> String {
    with_unit(bare(load), axis)
}

/// A load that was not offered but calculated.
pub(crate) fn estimated(load: f64, axis: LoadAxis) -> String {
    with_unit(figures::digits(load, ESTIMATED), axis)
}

/// Arrivals per second that were carried.
pub(crate) fn per_second(rate: f64) -> String {
    format!("{}/s", figures::digits(rate, ESTIMATED))
}

fn with_unit(number: String, axis: LoadAxis) -> String {
    if axis == LoadAxis::Users && number == "1" { "1 user".to_owned() } else { number + axis.unit() }
}

/// What loads are counted in, as the title of an axis.
pub(super) const fn axis_title(axis: LoadAxis) -> &'static str {
    match axis {
        LoadAxis::ArrivalsPerSecond => "offered load (arrivals/s)",
        LoadAxis::Users => "offered load (users)",
    }
}

/// An interval of loads: `1,472/s to 1,503/s`, `at least 900/s`.
pub(super) fn interval(interval: (Option<f64>, Option<f64>), axis: LoadAxis) -> String {
    let text = |value| estimated(value, axis);
    match interval {
        (Some(low), Some(high)) if text(low) == text(high) => text(low),
        (Some(low), Some(high)) => format!("{} to {}", text(low), text(high)),
        (Some(low), None) => format!("at least {}", text(low)),
        (None, Some(high)) => format!("at most {}", text(high)),
        (None, None) => NOTHING.to_owned(),
    }
}

/// Between which loads something is, without units: `between 1,000 and 1,560`; empty if nothing is known.
pub(super) fn between(bracket: (Option<f64>, Option<f64>)) -> String {
    match bracket {
        (Some(low), Some(high)) => format!("between {} and {}", bare(low), bare(high)),
        (Some(low), None) => format!("above {}", bare(low)),
        (None, Some(high)) => format!("below {}", bare(high)),
        (None, None) => String::new(),
    }
}

/// `1 trial`, `12 trials`.
pub(crate) fn counted(count: impl Into<u64>, one: &str, many: &str) -> String {
    let count = count.into();
    format!("{} {}", figures::count(count), if count == 1 { one } else { many })
}

/// A method, and how it goes about.
pub(super) const fn method(method: Method) -> (&'static str, &'static str) {
    match method {
        Method::Mlr => (
            "MLR",
            "up by factors to the first load that fails, bisection with pooled verdicts, then more trials \
             where all so far put the breaking point",
        ),
        Method::Bayes => ("Bayes", "each trial where the breaking point is as probably above as below"),
        Method::Ramp => ("ramp", "up in equal steps, one trial each, to the first that fails"),
    }
}

/// Why a trial says nothing; none if it says something.
pub(super) fn silent_because(trial: &Trial) -> Option<&'static str> {
    match trial.validity {
        Validity::Invalid(Invalid::LateDispatch) => Some("arrivals were sent too late"),
        Validity::Invalid(Invalid::TooFewSent) => Some("too few of the arrivals were sent"),
        Validity::Invalid(Invalid::GeneratorBusy) => Some("the generator had no CPU left"),
        Validity::Invalid(Invalid::ConnectionLimit) => {
            Some("arrivals waited for the generator's own connections")
        }
        Validity::Invalid(Invalid::NotSettled) => Some("the target was not idle before it"),
        Validity::Invalid(Invalid::Disturbed) => Some("the machine took the CPU away"),
        Validity::Valid if trial.arrivals == 0 => Some("nothing arrived"),
        Validity::Valid => None,
    }
}

/// The same, more exactly where the trial knows more; without advice, which follows a semicolon.
pub(super) fn doubts(one: &TrialResult) -> Option<String> {
    let because = silent_because(&one.trial)?;
    let told: Vec<&str> =
        one.doubts.iter().filter_map(|doubt| doubt.split(';').next()).map(str::trim).collect();
    Some(if told.is_empty() { because.to_owned() } else { told.join("; ") })
}

/// Whether a load was carried.
pub(super) const fn standing(standing: Standing, method: Method) -> &'static str {
    match (standing, method) {
        (Standing::Carried, _) | (Standing::CarriedSoFar, Method::Ramp) => "carried",
        (Standing::LostTooMuch, _) | (Standing::LostTooMuchSoFar, Method::Ramp) => "lost too much",
        (Standing::CarriedSoFar, _) => "carried so far",
        (Standing::LostTooMuchSoFar, _) => "lost too much so far",
        (Standing::Unknown, _) => "says nothing",
    }
}

/// From which response time on an arrival is lost, in seconds; none if no objective says so.
pub(crate) fn late_after_s(objectives: &[String]) -> Option<f64> {
    // What is no objective in today's words bounds nothing.
    let parsed: Vec<Objective> = objectives.iter().filter_map(|line| Objective::parse(line).ok()).collect();
    tightest_response(&parsed).map(|bound| bound.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: LoadAxis = LoadAxis::ArrivalsPerSecond;

    #[test]
    fn loads_have_their_unit_and_no_more_digits_than_are_known() {
        assert_eq!(load(1_487.3, RATE), "1,487.3/s");
        assert_eq!(estimated(1_489.234_5, RATE), "1,489/s");
        assert_eq!([1.0, 17.0].map(|users| load(users, LoadAxis::Users)), ["1 user", "17 users"]);
    }

    #[test]
    fn an_open_end_of_an_interval_is_said() {
        assert_eq!(interval((Some(1_472.0), Some(1_503.0)), RATE), "1,472/s to 1,503/s");
        assert_eq!(interval((Some(900.0), None), RATE), "at least 900/s");
        assert_eq!(interval((Some(17.0), Some(17.0)), LoadAxis::Users), "17 users");
        assert_eq!(between((None, Some(1_560.0))), "below 1,560");
        assert_eq!(between((None, None)), "");
    }

    #[test]
    fn what_is_late_is_told_by_the_tightest_objective_on_the_response_time() {
        let lines = ["p95 < 7s", "p99 < 60ms for 10s", "success >= 99%", "no words of ours"];
        assert_eq!(late_after_s(&lines.map(str::to_owned)), Some(0.06));
        assert_eq!(late_after_s(&["success >= 99%".to_owned()]), None);
    }
}
