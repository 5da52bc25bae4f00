//! The delays that are asked for, and whether what was injected is that.

use std::{fmt, time::Duration};

use serde_json::{Value, json};
use statrs::distribution::{ContinuousCDF as _, LogNormal};

use super::Scale;

/// The constant delay.
pub(super) const CONSTANT_MS: f64 = 100.0;
/// Mean and standard deviation of the lognormal delay.
pub(super) const LOGNORMAL_MS: (f64, f64) = (50.0, 20.0);
/// The Kolmogorov-Smirnov statistic of n draws exceeds this over √n once in a hundred times.
const CRITICAL: f64 = 1.628;

/// A toxic, and what must come of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Case {
    Constant,
    Lognormal,
}

/// Round trips without a proxy.
pub(super) struct Direct {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Direct {
    pub(super) fn of(mut trips: Vec<f64>) -> Self {
        trips.sort_by(f64::total_cmp);
        Self { p50_ms: percentile(&trips, 0.5), p99_ms: percentile(&trips, 0.99) }
    }
}

/// One figure and its bound.
#[derive(Debug)]
struct Bounded {
    what: &'static str,
    observed: f64,
    limit: f64,
}

/// What came of a case.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) name: &'static str,
    samples: usize,
    p50_ms: f64,
    p99_ms: f64,
    bounded: Vec<Bounded>,
}

impl Case {
    pub(super) const ALL: [Self; 2] = [Self::Constant, Self::Lognormal];

    /// The toxic as the API takes it.
    pub(super) fn toxic(self) -> Value {
        match self {
            Self::Constant => json!({ "type": "latency", "attributes": { "latency": CONSTANT_MS as u64 } }),
            Self::Lognormal => json!({
                "type": "latency",
                "attributes": {
                    "latency": LOGNORMAL_MS.0 as u64,
                    "jitter": LOGNORMAL_MS.1 as u64,
                    "distribution": "lognormal",
                },
            }),
        }
    }

    pub(super) fn requests(self, scale: &Scale) -> usize {
        match self {
            Self::Constant => scale.constant_requests,
            Self::Lognormal => scale.lognormal_requests,
        }
    }

    /// About how long an exchange takes.
    pub(super) fn typical(self) -> Duration {
        Duration::from_millis(match self {
            Self::Constant => CONSTANT_MS as u64,
            Self::Lognormal => LOGNORMAL_MS.0 as u64,
        })
    }

    /// Judges the injected delays, in milliseconds.
    pub(super) fn judge(self, scale: &Scale, mut injected: Vec<f64>) -> Judged {
        injected.sort_by(f64::total_cmp);
        let (p50_ms, p99_ms) = (percentile(&injected, 0.5), percentile(&injected, 0.99));
        let off = |value: f64| (value - CONSTANT_MS).abs();
        let (name, bounded) = match self {
            Self::Constant => (
                "constant",
                vec![
                    Bounded { what: "p50 off, ms", observed: off(p50_ms), limit: scale.p50_off_ms },
                    Bounded { what: "p99 off, ms", observed: off(p99_ms), limit: scale.p99_off_ms },
                ],
            ),
            Self::Lognormal => {
                let critical = CRITICAL / (injected.len() as f64).sqrt() + scale.statistic_slack;
                let observed = distance(&injected);
                ("lognormal", vec![Bounded { what: "Kolmogorov-Smirnov", observed, limit: critical }])
            }
        };
        Judged { name, samples: injected.len(), p50_ms, p99_ms, bounded }
    }
}

/// The largest distance between the sorted delays and the lognormal that was asked for.
fn distance(sorted: &[f64]) -> f64 {
    let (mean, deviation) = LOGNORMAL_MS;
    let variance = (deviation / mean).powi(2).ln_1p();
    let asked = LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt()).expect("a positive deviation");
    let count = sorted.len() as f64;
    let off = |(rank, delay): (usize, &f64)| {
        let at = asked.cdf(*delay);
        (at - rank as f64 / count).abs().max((at - (rank + 1) as f64 / count).abs())
    };
    sorted.iter().enumerate().map(off).fold(0.0, f64::max)
}

/// By nearest rank; 0 of nothing.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let rank = ((sorted.len() as f64 * share - 1e-6).ceil() as usize).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or(0.0)
}

impl Bounded {
    fn held(&self) -> bool {
        self.observed < self.limit
    }
}

impl Judged {
    pub(super) fn held(&self) -> bool {
        self.bounded.iter().all(Bounded::held)
    }

    pub(super) fn figures(&self) -> Value {
        let check = |one: &Bounded| json!({ "what": one.what, "observed": one.observed, "limit": one.limit, "held": one.held() });
        json!({
            "samples": self.samples,
            "injected_p50_ms": self.p50_ms,
            "injected_p99_ms": self.p99_ms,
            "checks": self.bounded.iter().map(check).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, samples, p50_ms, p99_ms, bounded } = self;
        write!(f, "{name}: {samples} requests, injected p50 {p50_ms:.3} ms, p99 {p99_ms:.3} ms")?;
        for one in bounded {
            let held = if one.held() { "held" } else { "MISSED" };
            write!(f, "\n  {:<20} {:>8.4}  below {:>8.4}  {held}", one.what, one.observed, one.limit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_judged_by_how_far_it_is_off() {
        let exact = Case::Constant.judge(&Scale::FULL, vec![100.4; 1_000]);
        assert!(exact.held(), "{exact}");
        let late = Case::Constant.judge(&Scale::FULL, vec![101.2; 1_000]);
        assert!(!late.held() && late.to_string().contains("MISSED"), "{late}");
        let mut tail = vec![100.0; 980];
        tail.extend([104.0; 20]);
        assert!(!Case::Constant.judge(&Scale::FULL, tail).held());
    }

    #[test]
    fn a_lognormal_passes_and_its_mean_alone_or_a_shift_does_not() {
        let (mean, deviation) = LOGNORMAL_MS;
        let variance = (deviation / mean).powi(2).ln_1p();
        let asked = LogNormal::new(mean.ln() - variance / 2.0, variance.sqrt()).expect("a lognormal");
        let drawn: Vec<f64> = (0..2_000).map(|n| asked.inverse_cdf((f64::from(n) + 0.5) / 2_000.0)).collect();
        let even = |shift: f64| drawn.iter().map(move |delay| delay + shift);
        assert!(Case::Lognormal.judge(&Scale::FULL, even(0.0).collect()).held());
        assert!(!Case::Lognormal.judge(&Scale::FULL, even(5.0).collect()).held());
        assert!(!Case::Lognormal.judge(&Scale::SHORT, vec![mean; 2_000]).held());
    }
}
