//! The Universal Scalability Law, fitted: how far throughput falls short of the load, and what of that
//! would be waiting in line and what agreeing with each other.
//!
//! ```text
//!   throughput(N) = rate · N / (1 + contention · (N − 1) + coherency · N · (N − 1))
//! ```
//!
//! `N` is a load or a concurrency. (N. J. Gunther, Guerrilla Capacity Planning, 2007.) N over throughput is
//! a polynomial in N, so least squares need no iteration; each trial is weighted so that its error counts as
//! one of the throughput. The unit is the trial, and the intervals are those of a regression, with
//! Student's t.
//!
//! A fit explains; it judges nothing. The law is smooth, and a limit behind which all is refused is not:
//! hence `off_share`, how far the trials are from the curve.

use std::fmt;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Three numbers are fitted, and two more trials show how far off the curve is at least.
const POINTS_LEAST: usize = 5;
/// With fewer different loads a curve with three numbers goes through all of them.
const LOADS_LEAST: usize = 4;
/// The numbers of the polynomial.
const TERMS: usize = 3;
/// Both sides together 5 %.
const SIDE: f64 = 0.975;

/// What one trial did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Arrivals per second, users, or how many were in the system.
    pub load: f64,
    /// What was carried, per second.
    pub throughput_per_s: f64,
}

/// A number with the interval that contains it with 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimated {
    /// The best value; never below 0.
    pub at: f64,
    /// Not less than this.
    pub low: f64,
    /// Not more.
    pub high: f64,
}

/// The law, fitted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// What a load of one carries, per second.
    pub rate_per_s: Estimated,
    /// The share that is done one after the other.
    pub contention: Estimated,
    /// What each pair costs to agree. Above 0, throughput has a peak and falls behind it.
    pub coherency: Estimated,
    /// How far the trials are from the curve: root mean square, as a share of the mean throughput.
    pub off_share: f64,
}

/// Why nothing was fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Too few trials.
    Points {
        /// So many there are.
        have: usize,
        /// So many are needed.
        need: usize,
    },
    /// Too few different loads.
    Loads {
        /// So many there are.
        have: usize,
        /// So many are needed.
        need: usize,
    },
    /// A load or a throughput is not above 0.
    NotPositive,
    /// No curve of this kind: more load than one does not carry more, or less than none.
    NoCurve,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Points { have, need } => {
                write!(f, "{have} trials are too few for a curve, which needs {need}")
            }
            Self::Loads { have, need } => {
                write!(f, "{have} different loads are too few for a curve, which needs {need}")
            }
            Self::NotPositive => write!(f, "a curve needs loads and throughputs above 0"),
            Self::NoCurve => write!(f, "the trials are on no curve of scalability"),
        }
    }
}

impl std::error::Error for Refused {}

impl Scaling {
    /// What the law says of a load.
    pub fn throughput_per_s(&self, load: f64) -> f64 {
        let waiting = self.contention.at * (load - 1.0);
        let agreeing = self.coherency.at * load * (load - 1.0);
        self.rate_per_s.at * load / (1.0 + waiting + agreeing)
    }

    /// The load at which throughput is highest; none where it only flattens.
    pub fn peak_load(&self) -> Option<f64> {
        let free = 1.0 - self.contention.at;
        (self.coherency.at > 0.0 && free > 0.0).then(|| (free / self.coherency.at).sqrt())
    }
}

/// Fits the law to trials.
pub fn fit(points: &[Point]) -> Result<Scaling, Refused> {
    check(points)?;
    let all = Regression::of(points, [true; TERMS]).ok_or(Refused::NoCurve)?;
    // What would be negative is none at all, and the others are fitted again without it.
    let mut used = [true; TERMS];
    let mut best = all.numbers;
    for term in [2, 1] {
        if best[term] < 0.0 {
            used[term] = false;
            best = Regression::of(points, used).ok_or(Refused::NoCurve)?.numbers;
        }
    }
    if best[0] <= 0.0 || all.numbers[0] <= 0.0 {
        return Err(Refused::NoCurve);
    }
    let [rate, contention, coherency] = law(best);
    let interval = |at: f64, (middle, half): (f64, f64)| {
        let (low, high) = ((middle - half).max(0.0), (middle + half).max(0.0));
        Estimated { at, low: low.min(at), high: high.max(at) }
    };
    let half = all.half_widths(points.len());
    let fitted = Scaling {
        rate_per_s: interval(rate, half[0]),
        contention: interval(contention, half[1]),
        coherency: interval(coherency, half[2]),
        off_share: 0.0,
    };
    Ok(Scaling { off_share: off(&fitted, points), ..fitted })
}

fn check(points: &[Point]) -> Result<(), Refused> {
    if points.len() < POINTS_LEAST {
        return Err(Refused::Points { have: points.len(), need: POINTS_LEAST });
    }
    let positive = |value: f64| value > 0.0 && value.is_finite();
    if !points.iter().all(|point| positive(point.load) && positive(point.throughput_per_s)) {
        return Err(Refused::NotPositive);
    }
    let mut loads: Vec<f64> = points.iter().map(|point| point.load).collect();
    loads.sort_by(f64::total_cmp);
    loads.dedup_by(|a, b| (*a - *b).abs() <= 1e-9 * b.abs());
    if loads.len() < LOADS_LEAST {
        return Err(Refused::Loads { have: loads.len(), need: LOADS_LEAST });
    }
    Ok(())
}

/// Rate, contention and coherency of N / throughput = a + b (N − 1) + c N (N − 1).
fn law([a, b, c]: [f64; TERMS]) -> [f64; TERMS] {
    [1.0 / a, b / a, c / a]
}

/// Root mean square of what throughputs are off the curve, over their mean.
fn off(fitted: &Scaling, points: &[Point]) -> f64 {
    let count = points.len() as f64;
    let square = |point: &Point| (point.throughput_per_s - fitted.throughput_per_s(point.load)).powi(2);
    let mean = points.iter().map(|point| point.throughput_per_s).sum::<f64>() / count;
    (points.iter().map(square).sum::<f64>() / count).sqrt() / mean
}

type Matrix = [[f64; TERMS]; TERMS];

/// N / throughput as a polynomial, by weighted least squares.
struct Regression {
    numbers: [f64; TERMS],
    /// The inverse of the normal equations' matrix.
    inverse: Matrix,
    /// Weighted sum of the squares that are left.
    squares: f64,
}

impl Regression {
    /// With the terms that are `used`; the others are 0. None if the loads do not tell them apart.
    fn of(points: &[Point], used: [bool; TERMS]) -> Option<Self> {
        let (mut normal, mut right) = ([[0.0; TERMS]; TERMS], [0.0; TERMS]);
        for point in points {
            let (terms, weight) = (terms(point.load, used), weight(point));
            for row in 0..TERMS {
                right[row] += weight * terms[row] * point.load / point.throughput_per_s;
                for column in 0..TERMS {
                    normal[row][column] += weight * terms[row] * terms[column];
                }
            }
        }
        for term in 0..TERMS {
            if !used[term] {
                normal[term][term] = 1.0;
            }
        }
        let inverse = inverse(normal)?;
        let numbers = inverse.map(|row| row.iter().zip(&right).map(|(a, b)| a * b).sum());
        let squares = points.iter().map(|point| {
            let fitted: f64 = terms(point.load, used).iter().zip(&numbers).map(|(a, b)| a * b).sum();
            weight(point) * (point.load / point.throughput_per_s - fitted).powi(2)
        });
        Some(Self { numbers, squares: squares.sum(), inverse })
    }

    /// Middle and half of the width of each interval of the law, from those of the polynomial by the
    /// derivatives of the law (delta method).
    fn half_widths(&self, points: usize) -> [(f64, f64); TERMS] {
        let free = (points - TERMS) as f64;
        let times = StudentsT::new(0.0, 1.0, free).map_or(f64::INFINITY, |t| t.inverse_cdf(SIDE));
        let variance = self.squares / free;
        let covariance = |a: usize, b: usize| variance * self.inverse[a][b];
        let first = self.numbers[0];
        let middle = law(self.numbers);
        let ratio = |term: usize| {
            let share = middle[term];
            covariance(term, term) + share * share * covariance(0, 0) - 2.0 * share * covariance(0, term)
        };
        let variances = [covariance(0, 0) / (first * first), ratio(1), ratio(2)];
        [0, 1, 2].map(|term: usize| (middle[term], times * variances[term].max(0.0).sqrt() / first))
    }
}

fn terms(load: f64, used: [bool; TERMS]) -> [f64; TERMS] {
    let all = [1.0, load - 1.0, load * (load - 1.0)];
    [0, 1, 2].map(|term: usize| if used[term] { all[term] } else { 0.0 })
}

/// One over the square of what an error of the throughput makes of N / throughput.
fn weight(point: &Point) -> f64 {
    (point.throughput_per_s * point.throughput_per_s / point.load).powi(2)
}

/// By elimination, with rows and columns scaled to a diagonal of 1 first: their sizes differ by the fourth
/// power of the load.
fn inverse(matrix: Matrix) -> Option<Matrix> {
    let scale = [0, 1, 2].map(|term: usize| matrix[term][term].sqrt());
    if scale.iter().any(|scale| !(*scale > 0.0 && scale.is_finite())) {
        return None;
    }
    let mut left = matrix;
    let mut right = [[0.0; TERMS]; TERMS];
    for row in 0..TERMS {
        right[row][row] = 1.0;
        for column in 0..TERMS {
            left[row][column] /= scale[row] * scale[column];
        }
    }
    for pivot in 0..TERMS {
        let by = left[pivot][pivot];
        // Positive definite but for rounding, so no rows need to be exchanged.
        if by < 1e-12 {
            return None;
        }
        for column in 0..TERMS {
            left[pivot][column] /= by;
            right[pivot][column] /= by;
        }
        for row in (0..TERMS).filter(|row| *row != pivot) {
            let times = left[row][pivot];
            for column in 0..TERMS {
                left[row][column] -= times * left[pivot][column];
                right[row][column] -= times * right[pivot][column];
            }
        }
    }
    for row in 0..TERMS {
        for column in 0..TERMS {
            right[row][column] /= scale[row] * scale[column];
        }
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;
    use proptest::prelude::*;
    use rand_distr::{Distribution as _, StandardNormal};

    use super::*;

    const LOADS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0];

    fn on_law(rate: f64, contention: f64, coherency: f64, loads: &[f64]) -> Vec<Point> {
        let carried =
            |load: f64| rate * load / (1.0 + contention * (load - 1.0) + coherency * load * (load - 1.0));
        loads.iter().map(|load| Point { load: *load, throughput_per_s: carried(*load) }).collect()
    }

    #[test]
    fn a_law_without_noise_is_found_with_its_peak() {
        let fitted = fit(&on_law(100.0, 0.05, 0.001, &LOADS)).expect("enough trials");
        assert!((fitted.rate_per_s.at - 100.0).abs() < 1e-6, "{fitted:?}");
        assert!((fitted.contention.at - 0.05).abs() < 1e-8 && (fitted.coherency.at - 0.001).abs() < 1e-9);
        let peak = fitted.peak_load().expect("it falls again");
        assert!((peak - (0.95_f64 / 0.001).sqrt()).abs() < 1e-3, "{peak}");
        assert!(fitted.off_share < 1e-9);
    }

    /// Each throughput is off by 3 %; three trials at each load.
    #[test]
    fn intervals_contain_the_truth_nineteen_times_of_twenty() {
        const SEEDS: u64 = 400;
        let mut covered = [0, 0, 0];
        for seed in 0..SEEDS {
            let mut draws = Seed::new(seed).stream("scaling", 0, 0);
            let mut points: Vec<Point> = (0..3).flat_map(|_| on_law(100.0, 0.05, 0.001, &LOADS)).collect();
            for point in &mut points {
                let noise: f64 = StandardNormal.sample(&mut draws);
                // The same error at each load: what least squares of the throughput suppose.
                point.throughput_per_s += 10.0 * noise;
            }
            let fitted = fit(&points).expect("enough trials");
            let truths = [(fitted.rate_per_s, 100.0), (fitted.contention, 0.05), (fitted.coherency, 0.001)];
            for (covered, (estimated, truth)) in covered.iter_mut().zip(truths) {
                *covered += u32::from((estimated.low..=estimated.high).contains(&truth));
            }
        }
        let shares = covered.map(|covered| f64::from(covered) / SEEDS as f64);
        println!("USL intervals contain rate, contention, coherency in {shares:?} of {SEEDS}");
        assert!(shares.iter().all(|share| *share >= 0.9), "{shares:?}");
    }

    /// It carries all until 20, and 20 from there on: a pool's asymptote, which no smooth law has.
    #[test]
    fn a_pool_that_is_full_is_off_the_law() {
        let loads = [4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0];
        let points: Vec<Point> =
            loads.iter().map(|load| Point { load: *load, throughput_per_s: load.min(20.0) }).collect();
        let fitted = fit(&points).expect("enough trials");
        println!("{fitted:?}");
        assert!(fitted.off_share > 0.05, "{fitted:?}");
        let smooth = fit(&on_law(1.0, 0.05, 0.0, &loads)).expect("enough trials");
        assert!(smooth.off_share < 1e-6 && smooth.peak_load().is_none_or(|peak| peak > 1e4), "{smooth:?}");
    }

    #[test]
    fn too_little_is_refused() {
        let four = on_law(100.0, 0.05, 0.001, &LOADS[..4]);
        assert_eq!(fit(&four), Err(Refused::Points { have: 4, need: 5 }));
        let three_loads = [&four[..3], &four[..3]].concat();
        assert_eq!(fit(&three_loads), Err(Refused::Loads { have: 3, need: 4 }));
        let mut broken = on_law(100.0, 0.05, 0.001, &LOADS);
        broken[3].throughput_per_s = 0.0;
        assert_eq!(fit(&broken), Err(Refused::NotPositive));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_law_is_found_again_and_nothing_is_negative(
            rate in 0.1..1000.0_f64, contention in 0.0..0.5_f64, coherency in 0.0..0.01_f64,
            loads in prop::collection::vec(1.0..500.0_f64, 8..20),
        ) {
            let Ok(fitted) = fit(&on_law(rate, contention, coherency, &loads)) else { return Ok(()) };
            for estimated in [fitted.rate_per_s, fitted.contention, fitted.coherency] {
                prop_assert!(0.0 <= estimated.low && estimated.low <= estimated.at);
                prop_assert!(estimated.at <= estimated.high);
            }
            for load in loads {
                let truth = on_law(rate, contention, coherency, &[load])[0].throughput_per_s;
                prop_assert!((fitted.throughput_per_s(load) / truth - 1.0).abs() < 1e-3);
            }
        }
    }
}
