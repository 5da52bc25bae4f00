//! What the analysis of a failure says of a run, as a study shows it.

use loadlab_record::{FailureResult, Measured, RunFile, Severity};

/// What the analysis of a failure found. `None`: it was not looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// What kind of failure it was, and how bad.
    pub failure_mode: Option<Found<Vec<String>>>,
    /// Seconds from the start of load or fault to the first failure.
    pub time_to_failure: Option<Found<f64>>,
    /// Seconds from the end of load or fault until all was well for good.
    pub time_to_recovery: Option<Found<f64>>,
    /// The resource that was full first.
    pub first_saturated: Option<Found<Vec<String>>>,
}

/// A finding, or why there is none to give although it was looked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<T> {
    /// This.
    This(T),
    /// Nothing, and why.
    Nothing(String),
}

/// The findings of a judged run file. A run that was judged before loadlab looked for them has none.
pub fn findings(run: &RunFile) -> Findings {
    let Some(failure) = &run.failure else { return Findings::default() };
    Findings {
        failure_mode: Some(Found::This(names(failure))),
        time_to_failure: Some(time(&failure.times.to_failure)),
        time_to_recovery: Some(time(&failure.times.to_recovery)),
        first_saturated: Some(first_saturated(failure)),
    }
}

/// A failure goes by its mode, and by how bad it was where the report's table of load levels has a name
/// for that.
fn names(failure: &FailureResult) -> Vec<String> {
    let severity = match failure.severity {
        Severity::GradualCollapse | Severity::CompleteFailure => Some(failure.severity.name()),
        Severity::None | Severity::Degraded => None,
    };
    std::iter::once(failure.mode.name()).chain(severity).map(str::to_owned).collect()
}

fn time(measured: &Measured) -> Found<f64> {
    measured.value.map_or_else(|| Found::Nothing(measured.note.clone()), Found::This)
}

fn first_saturated(failure: &FailureResult) -> Found<Vec<String>> {
    match failure.bottlenecks.iter().find(|resource| resource.first) {
        Some(first) => Found::This(vec![first.resource.clone()]),
        None => Found::Nothing("no published resource was full".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use loadlab_record::synthetic::Synthetic;

    use super::*;

    #[test]
    fn a_full_pool_is_found_with_the_times_and_the_mode_of_the_failure() {
        let mut run = Synthetic::burst(100).run();
        crate::judge(&mut run);
        let found = findings(&run);
        assert_eq!(found.first_saturated, Some(Found::This(vec!["the session pool".to_owned()])));
        let Some(Found::This(names)) = &found.failure_mode else { panic!("a mode") };
        assert_eq!(names[0], run.failure.as_ref().expect("it was judged").mode.name());
        assert!(matches!(found.time_to_failure, Some(Found::This(seconds)) if seconds > 0.0), "{found:?}");
    }

    #[test]
    fn a_run_that_nobody_looked_at_has_no_findings() {
        assert_eq!(findings(&Synthetic::burst(10).run()), Findings::default());
    }
}
