//! Intervals of shares and percentiles, and of the difference of two.

/// An estimate with the least and the most that the true value may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    /// The estimate.
    pub(super) at: f64,
    pub(super) high: f64,
}

/// Wilson's score interval of a share, of so many independent arrivals.
pub(super) fn wilson(share: f64, arrivals: f64, z: f64) -> Interval {
    let z2 = z * z;
    let middle = (share + z2 / (2.0 * arrivals)) / (1.0 + z2 / arrivals);
    let half = z / (1.0 + z2 / arrivals)
        * (share * (1.0 - share) / arrivals + z2 / (4.0 * arrivals * arrivals)).max(0.0).sqrt();
    // Rounding must not put the estimate outside.
    Interval { low: (middle - half).clamp(0.0, share), at: share, high: (middle + half).clamp(share, 1.0) }
}

/// Between which shares the percentile at `share` lies, of so many independent arrivals; none where the
/// arrivals are too few to bound it.
pub(super) fn woodruff(share: f64, arrivals: f64, z: f64) -> Option<(f64, f64)> {
    let half = z * (share * (1.0 - share) / arrivals).sqrt();
    let (low, high) = (share - half, share + half);
    (low > 0.0 && high < 1.0).then_some((low, high))
}

/// The interval of `of - less`, of two that are independent.
pub(super) fn difference(of: Interval, less: Interval) -> (f64, f64) {
    let at = of.at - less.at;
    let down = ((of.at - of.low).powi(2) + (less.high - less.at).powi(2)).sqrt();
    let up = ((of.high - of.at).powi(2) + (less.at - less.low).powi(2)).sqrt();
    (at - down, at + up)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const Z: f64 = 1.959_964;

    fn newcombe(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
        difference(wilson(a.0 / a.1, a.1, Z), wilson(b.0 / b.1, b.1, Z))
    }

    /// The worked examples of Newcombe's paper, table II, method 10.
    #[test]
    fn the_difference_of_two_shares_is_newcombes() {
        let cases = [
            ((56.0, 70.0), (48.0, 80.0), (0.0524, 0.3339)),
            ((9.0, 10.0), (3.0, 10.0), (0.1705, 0.8090)),
            ((5.0, 56.0), (0.0, 29.0), (-0.0381, 0.1926)),
            ((0.0, 10.0), (0.0, 20.0), (-0.1611, 0.2775)),
            ((10.0, 10.0), (0.0, 20.0), (0.6791, 1.0)),
        ];
        for (a, b, (low, high)) in cases {
            let found = newcombe(a, b);
            assert!((found.0 - low).abs() < 1e-4 && (found.1 - high).abs() < 1e-4, "{a:?} {b:?}: {found:?}");
        }
    }

    #[test]
    fn a_percentile_of_too_few_arrivals_has_no_interval() {
        assert_eq!(woodruff(0.99, 100.0, Z), None);
        let (low, high) = woodruff(0.5, 100.0, Z).expect("enough");
        assert!((low - 0.402).abs() < 1e-3 && (high - 0.598).abs() < 1e-3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn an_interval_contains_its_estimate_and_turns_around_with_its_sides(
            a in 0_u32..50, b in 0_u32..50, n in 50_u32..500, m in 50_u32..500,
        ) {
            let (a, b) = ((f64::from(a), f64::from(n)), (f64::from(b), f64::from(m)));
            let (low, high) = newcombe(a, b);
            let at = a.0 / a.1 - b.0 / b.1;
            prop_assert!(-1.0 - 1e-9 <= low && low <= at && at <= high && high <= 1.0 + 1e-9);
            let turned = newcombe(b, a);
            prop_assert!((turned.0 + high).abs() < 1e-12 && (turned.1 + low).abs() < 1e-12);
        }
    }
}
