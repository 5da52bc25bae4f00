//! What the analysis of a failure says of a run, as a study shows it.

use loadlab_record::RunFile;

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

/// The findings of a judged run file. Runs are not analysed for their failure yet, so nothing is
/// determined.
pub const fn findings(_run: &RunFile) -> Findings {
    Findings { failure_mode: None, time_to_failure: None, time_to_recovery: None, first_saturated: None }
}
