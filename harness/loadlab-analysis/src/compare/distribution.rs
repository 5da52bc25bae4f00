//! Latencies of two groups: percentiles, the shift function, and curves.

use std::time::Duration;

use loadlab_clock::Speed;
use loadlab_record::{Histogram, RunFile};

use super::{Change, Curves, LatencyChange, interval::Design, measures::change};

/// Percentiles that are compared, where the samples reach.
const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];
/// Samples that have to lie beyond a percentile, on its thinner side. With fewer it hangs on single ones;
/// with this many the p95 of a burst of a hundred can still be told.
const BEYOND: f64 = 5.0;
/// Shares of a curve's tail, after every hundredth.
const TAIL: [f64; 6] = [0.995, 0.999, 0.9995, 0.9999, 0.99995, 0.99999];

/// The response time of the arrivals.
pub(super) fn response(sides: [&[RunFile]; 2], design: &Design) -> LatencyChange {
    let speed = sides[0].first().map_or(Speed::REAL, |run| run.speed);
    let each = sides.map(|runs| runs.iter().map(|run| run.histograms.response.clone()).collect());
    latency(&each, speed, design)
}

/// A latency of which each run has a histogram.
pub(super) fn latency(each: &[Vec<Histogram>; 2], speed: Speed, design: &Design) -> LatencyChange {
    let merged = each.each_ref().map(Histogram::sum);
    let at = |name: &str, share: f64| {
        let value = |histogram: &Histogram| percentile(histogram, share, speed);
        let runs = each.each_ref().map(|side| side.iter().map(value).collect::<Vec<_>>());
        change(name, "s", merged.each_ref().map(value), runs, design)
    };
    let told = |change: &Change| change.before.is_some() || change.after.is_some();
    let deciles = (1..10).map(|tenth| at(&format!("p{tenth}0"), f64::from(tenth) / 10.0));
    let [before, after] = merged.each_ref().map(|histogram| curve(histogram, speed));
    LatencyChange {
        samples: (merged[0].count(), merged[1].count()),
        percentiles: PERCENTILES.into_iter().map(|(name, share)| at(name, share)).filter(told).collect(),
        deciles: deciles.filter(told).collect(),
        curves: Curves { before, after },
    }
}

/// A percentile in seconds of scenario time; `None` where the samples do not reach.
fn percentile(histogram: &Histogram, share: f64, speed: Speed) -> Option<f64> {
    reached(histogram.count(), share).then(|| seconds(histogram.percentile(share * 100.0, speed)))?
}

/// Whether so many samples reach as far as a percentile.
pub(crate) fn reached(samples: u64, share: f64) -> bool {
    // 5 % of a hundred are five, which a float may fall short of.
    samples as f64 * share.min(1.0 - share) >= BEYOND - 1e-6
}

/// Seconds, and the share that took at most so long: every hundredth, and the tail as far as at least one
/// sample lies beyond. It ends with the largest.
fn curve(histogram: &Histogram, speed: Speed) -> Vec<(f64, f64)> {
    let count = histogram.count() as f64;
    let shares = (1..100).map(|hundredth| f64::from(hundredth) / 100.0).chain(TAIL);
    let reached = shares.filter(|share| count * (1.0 - share) >= 1.0 - 1e-6);
    let at = |share: f64| seconds(histogram.percentile(share * 100.0, speed)).map(|value| (value, share));
    let largest = seconds(histogram.max(speed)).map(|value| (value, 1.0));
    reached.filter_map(at).chain(largest).collect()
}

fn seconds(value: Option<Duration>) -> Option<f64> {
    value.as_ref().map(Duration::as_secs_f64)
}
