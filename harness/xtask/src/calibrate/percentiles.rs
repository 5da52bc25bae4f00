//! Percentiles of values that are all known, with nothing estimated.

/// Microseconds, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exact(Vec<u64>);

impl Exact {
    /// Of these microseconds, in any order.
    pub(crate) fn of(mut micros: Vec<u64>) -> Self {
        micros.sort_unstable();
        Self(micros)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// How many are at least so many microseconds.
    pub(crate) fn at_least(&self, micros: u64) -> usize {
        self.0.len() - self.0.partition_point(|value| *value < micros)
    }

    /// Milliseconds at or below which `percentile` of the values lie, by nearest rank as a histogram
    /// has it; 0 of nothing.
    pub(crate) fn ms(&self, percentile: f64) -> f64 {
        // 99.9 % of 1,000 is 999, whatever floating point makes of it.
        let rank = (percentile / 100.0 * self.0.len() as f64 - 1e-6).ceil() as usize;
        let value = self.0.get(rank.saturating_sub(1)).or(self.0.last());
        value.map_or(0.0, |micros| *micros as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Speed;
    use loadlab_record::Histogram;

    use super::*;

    #[test]
    fn percentiles_are_those_of_a_histogram_without_its_rounding() {
        let micros: Vec<u64> = (1..=1_000).map(|n| n * 7919 % 1_000_003).collect();
        let mut histogram = Histogram::new();
        for value in &micros {
            histogram.record_micros(*value);
        }
        let exact = Exact::of(micros);
        for percentile in [50.0, 95.0, 99.0, 99.9] {
            let rounded = histogram.percentile(percentile, Speed::REAL).expect("not empty");
            let ratio = rounded.as_secs_f64() * 1e3 / exact.ms(percentile);
            assert!((ratio - 1.0).abs() < 0.001, "p{percentile}: {ratio}");
        }
    }

    #[test]
    fn long_ones_are_counted() {
        let exact = Exact::of(vec![900, 50, 1_000, 1_100]);
        assert_eq!((exact.count(), exact.at_least(1_000)), (4, 2));
        assert!(Exact::of(Vec::new()).ms(50.0).abs() < f64::EPSILON);
    }
}
