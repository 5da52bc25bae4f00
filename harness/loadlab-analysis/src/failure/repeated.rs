//! One figure of several runs, with its interval.
//!
//! The unit is the run, never the arrival: arrivals of one run resemble each other. Student's t interval
//! (Student, Biometrika 6, 1908); the percentiles are those of the NIST/SEMATECH e-Handbook, section 1.3.6.7.2.

/// 97.5th percentiles of Student's t by degrees of freedom, from 1.
const T_975: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/// That of the normal distribution, for more.
const Z_975: f64 = 1.960;

/// The mean of several runs, and between what it lies with 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RepeatedInterval {
    /// Runs that have the figure.
    pub runs: usize,
    /// Runs that do not: it did not fail, or did not recover.
    pub without: usize,
    /// Their mean.
    pub mean: f64,
    /// Half the interval's width; `None` of a single run.
    pub half: Option<f64>,
}

/// The figure of runs that are alike; `None` if none has it.
///
/// `repeated(runs.map(|run| run.failure?.times.to_failure.value))`
pub fn repeated(values: impl IntoIterator<Item = Option<f64>>) -> Option<RepeatedInterval> {
    let all: Vec<Option<f64>> = values.into_iter().collect();
    let known: Vec<f64> = all.iter().copied().flatten().collect();
    let runs = known.len();
    let count = runs as f64;
    if runs == 0 {
        return None;
    }
    let mean = known.iter().sum::<f64>() / count;
    let half = (runs > 1).then(|| {
        let variance = known.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let t = T_975.get(runs - 2).copied().unwrap_or(Z_975);
        t * (variance / count).sqrt()
    });
    Some(RepeatedInterval { runs, without: all.len() - runs, mean, half })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the NIST handbook's section on the confidence limits of the mean has 195 values;
    /// this one is small enough to check by hand: mean 6, standard deviation 1, t of two degrees.
    #[test]
    fn the_interval_is_students() {
        let found = repeated([Some(5.0), Some(6.0), Some(7.0), None]).expect("three values");
        assert_eq!((found.runs, found.without), (3, 1));
        assert!((found.mean - 6.0).abs() < 1e-12);
        assert!((found.half.expect("three runs") - 4.303 / 3.0_f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn one_run_has_no_interval_and_none_has_no_mean() {
        assert_eq!(repeated([Some(2.0)]).and_then(|found| found.half), None);
        assert_eq!(repeated([None, None]), None);
    }
}
