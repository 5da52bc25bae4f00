//! Mean and spread of a few values, and what Student's t says of them.

use statrs::distribution::{ChiSquared, ContinuousCDF as _, Normal, StudentsT};

/// Mean and variance of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) count: f64,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

impl Spread {
    /// Of at least two values; none if one is no number.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        if values.len() < 2 || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Some(Self { count, mean, variance })
    }

    pub(super) fn deviation(&self) -> f64 {
        self.variance.sqrt()
    }

    /// The variance of the mean.
    pub(super) fn of_mean(&self) -> f64 {
        self.variance / self.count
    }

    pub(super) fn freedom(&self) -> f64 {
        self.count - 1.0
    }
}

/// The value that Student's t is below with this probability.
pub(super) fn quantile(probability: f64, freedom: f64) -> f64 {
    student(freedom).inverse_cdf(probability)
}

/// With which probability Student's t is above a value.
pub(super) fn above(t: f64, freedom: f64) -> f64 {
    student(freedom).sf(t)
}

/// With which probability Student's t is below a value when its mean is not 0. The approximation by the
/// normal distribution of Abramowitz and Stegun, 26.7.10.
pub(super) fn shifted_below(t: f64, freedom: f64, shift: f64) -> f64 {
    normal_below((t * (1.0 - 1.0 / (4.0 * freedom)) - shift) / (1.0 + t * t / (2.0 * freedom)).sqrt())
}

/// With which probability the normal distribution is below a value.
pub(super) fn normal_below(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The upper bound of a standard deviation that was estimated with so many degrees of freedom, as a factor.
pub(super) fn deviation_up_to(confidence: f64, freedom: f64) -> f64 {
    let chi =
        ChiSquared::new(freedom).expect("two values or more have a positive number of degrees of freedom");
    (freedom / chi.inverse_cdf(1.0 - confidence)).sqrt()
}

/// The middle value.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

fn student(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom)
        .expect("two values or more have a positive number of degrees of freedom")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, within: f64) -> bool {
        (a - b).abs() < within
    }

    /// From the printed tables.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        assert!(close(quantile(0.975, 9.0), 2.2622, 1e-4) && close(quantile(0.99, 3.0), 4.5407, 1e-4));
        assert!(close(quantile(0.025, 9.0), -2.2622, 1e-4) && close(above(2.2622, 9.0), 0.025, 1e-5));
        assert!(close(normal_below(-2.0), 0.02275, 1e-5));
        // The tenth percentile of chi-square with nine degrees of freedom is 4.168.
        assert!(close(deviation_up_to(0.9, 9.0), (9.0_f64 / 4.168).sqrt(), 1e-3));
    }

    /// The exact value: the average of a normal distribution over the spreads that may be estimated.
    #[test]
    fn the_shifted_one_is_near_the_exact_one() {
        let exact = |t: f64, freedom: f64, shift: f64| {
            let chi = ChiSquared::new(freedom).expect("positive");
            let spread = |n: i32| (chi.inverse_cdf((f64::from(n) + 0.5) / 500.0) / freedom).sqrt();
            (0..500).map(|n| normal_below(t * spread(n) - shift)).sum::<f64>() / 500.0
        };
        for (t, freedom, shift) in [(1.895, 7.0, 0.0), (2.365, 7.0, 3.0), (-3.0, 3.0, -5.0), (2.5, 5.0, 2.0)]
        {
            let (near, exact) = (shifted_below(t, freedom, shift), exact(t, freedom, shift));
            assert!(close(near, exact, 0.03), "{t} {freedom} {shift}: {near} for {exact}");
        }
    }

    #[test]
    fn mean_spread_and_median_by_hand() {
        let spread = Spread::of(&[1.0, 3.0, 5.0]).expect("three values");
        assert!(close(spread.mean, 3.0, 1e-12) && close(spread.variance, 4.0, 1e-12));
        assert!(close(spread.of_mean(), 4.0 / 3.0, 1e-12) && close(spread.freedom(), 2.0, 1e-12));
        assert_eq!((Spread::of(&[1.0]), Spread::of(&[1.0, f64::NAN])), (None, None));
        assert_eq!(
            (median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[])),
            (Some(2.0), Some(2.5), None)
        );
    }
}
