//! What all trials say together: where the loss crosses the allowed share, and how sure that is.
//!
//! ```text
//!   levels ──Curve──> deviance of all trials at each (breaking point, slope)
//!          ──> weight (1 + more than the least / (ν φ)) ^ −(ν + 2) / 2, and that of the slope beforehand
//!          ──sum over slopes──> median: the estimate; 2.5 and 97.5 %: the interval
//! ```
//!
//! The unit is the trial, not the arrival. φ, how much trials differ, is itself estimated, of ν trials;
//! hence the tails of Student's t instead of the normal ones. (Extended quasi-likelihood: J. A. Nelder,
//! D. Pregibon, Biometrika 74, 1987.)

use super::{
    Rules,
    curve::{Curve, Parameters},
    level::Level,
};

/// The least and the most by which ln excess may grow with ln load.
const SLOPES: (f64, f64) = (4.0, 400.0);
/// So many slopes are looked at.
const SLOPE_STEPS: u32 = 12;
/// The slope that is likeliest beforehand: 16 servers have 43 at 1,488 a second. 4 servers have 10, and what
/// refuses all above a limit has hundreds.
const SLOPE_USUAL: f64 = 40.0;
/// By how much, as logarithms, slopes below and above it are less likely by e^-½: half of it, and more than
/// four times it. Flat knees are those of few servers, and limits and walls are common.
const SLOPE_SPREAD: (f64, f64) = (0.7, 1.5);
/// So finely breaking points are looked at: parts of the precision.
const STEPS_PER_PRECISION: f64 = 10.0;
/// And so many at most.
const STEPS_MOST: f64 = 2000.0;
/// Both tails together 5 %.
const TAIL: f64 = 0.025;

/// Where the breaking point is: loads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fit {
    pub(super) low: f64,
    pub(super) estimate: f64,
    pub(super) high: f64,
}

impl Fit {
    /// Whether the interval's ends are as close to the estimate as the rules ask for.
    pub(super) fn is_precise(self, rules: &Rules) -> bool {
        let reported = self.reported(rules);
        (rules.whole && reported.high - reported.low < 1.5)
            || (self.high <= self.estimate * (1.0 + rules.precision)
                && self.low >= self.estimate * (1.0 - rules.precision))
    }

    /// The load that can be offered next to the estimate.
    pub(super) fn offered(self, rules: &Rules) -> f64 {
        rules.offered(self.reported(rules).estimate)
    }

    /// Of users, the last that still pass; never beyond what may be offered.
    pub(super) fn reported(self, rules: &Rules) -> Self {
        let load = |load: f64| {
            let load = if rules.whole { load.floor() } else { load };
            load.clamp(rules.least, rules.most)
        };
        Self { low: load(self.low), estimate: load(self.estimate), high: load(self.high) }
    }
}

/// What the trials say. None unless at least one load leans to pass and one to fail.
pub(super) fn fit(rules: &Rules, levels: &[Level]) -> Option<Fit> {
    let fails = levels.iter().find(|level| level.leans_to_fail)?.load;
    let passes = levels.iter().rfind(|level| !level.leans_to_fail)?.load;
    // With bursts, a load may lean to fail below one that leans to pass.
    let from = fails.min(passes) / rules.expand;
    let to = fails.max(passes) * rules.expand;
    let curve = Curve::of(rules, levels, fails, to);
    let points = grid((from.ln(), to.ln()), rules.precision / STEPS_PER_PRECISION);
    let weights = Surface::of(&curve, &points).weights(&curve);
    let at = |share: f64| quantile(&points, &weights, share).exp();
    Some(Fit { low: at(TAIL), estimate: at(0.5), high: at(1.0 - TAIL) })
}

/// The deviance at every breaking point and slope.
struct Surface {
    /// For each slope one row.
    rows: Vec<(f64, Vec<f64>)>,
    /// The least deviance, and where it is.
    least: f64,
    best: Parameters,
}

impl Surface {
    fn of(curve: &Curve, points: &[f64]) -> Self {
        let (mut least, mut best) = (f64::INFINITY, (0.0, 0.0));
        let mut row = |slope: f64| {
            let of_point = |at: &f64| {
                let deviance = curve.deviance((*at, slope));
                if deviance < least {
                    (least, best) = (deviance, (*at, slope));
                }
                deviance
            };
            (slope, points.iter().map(of_point).collect())
        };
        let rows = slopes().map(&mut row).collect();
        Self { rows, least, best }
    }

    /// How probable each breaking point is, whatever the slope.
    fn weights(&self, curve: &Curve) -> Vec<f64> {
        let (dispersion, free) = curve.dispersion(self.best);
        let weight = |deviance: f64| {
            let more = (deviance - self.least) / (free * dispersion);
            (1.0 + more).powf(-(free + 2.0) / 2.0)
        };
        let mut weights = Vec::new();
        for (slope, deviances) in &self.rows {
            let beforehand = beforehand(*slope);
            weights.resize(deviances.len(), 0.0);
            for (sum, deviance) in weights.iter_mut().zip(deviances) {
                *sum += beforehand * weight(*deviance);
            }
        }
        weights
    }
}

/// How probable a slope is before any trial, as a share of the likeliest.
fn beforehand(slope: f64) -> f64 {
    let spread = if slope < SLOPE_USUAL { SLOPE_SPREAD.0 } else { SLOPE_SPREAD.1 };
    (-((slope / SLOPE_USUAL).ln() / spread).powi(2) / 2.0).exp()
}

fn slopes() -> impl Iterator<Item = f64> {
    let growth = (SLOPES.1 / SLOPES.0).powf(1.0 / f64::from(SLOPE_STEPS - 1));
    (0..SLOPE_STEPS).map(move |step| SLOPES.0 * growth.powi(step as i32))
}

/// Points from end to end, evenly; two at least.
fn grid((from, to): (f64, f64), step: f64) -> Vec<f64> {
    let steps = ((to - from) / step).ceil().clamp(1.0, STEPS_MOST);
    (0..=steps as u32).map(|point| from + (to - from) * f64::from(point) / steps).collect()
}

/// The point below which this share of the weight is.
fn quantile(points: &[f64], weights: &[f64], share: f64) -> f64 {
    let wanted = share * weights.iter().sum::<f64>();
    let step = points[1] - points[0];
    let mut sum = 0.0;
    for (point, weight) in points.iter().zip(weights) {
        if sum + weight >= wanted {
            // A point's weight lies evenly around it.
            let part = (wanted - sum) / weight.max(f64::MIN_POSITIVE);
            return point + (part.min(1.0) - 0.5) * step;
        }
        sum += weight;
    }
    points[points.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Trial, level::levels, made_up::trial},
        *,
    };

    /// Trials of 10,000 arrivals that lost so many, at these loads.
    fn fitted(rules: &Rules, lost: &[(f64, &[u64])]) -> Fit {
        let of_load = |(load, lost): &(f64, &[u64])| -> Vec<Trial> {
            lost.iter().map(|lost| trial(*load, 10_000, *lost)).collect()
        };
        let done: Vec<Trial> = lost.iter().flat_map(of_load).collect();
        fit(rules, &levels(rules, &done)).expect("some pass and some fail")
    }

    fn rules() -> Rules {
        Rules::new(100.0, 10.0, 10_000.0)
    }

    /// Trials at eight loads around 1,000 a second, where 1 % is lost; loss grows with the 50th power of
    /// the load. `times`: so many times its mean each trial lost.
    fn on_curve(base: u64, times: [f64; 4]) -> Fit {
        let lost = |load: f64, times: f64| base + (100.0 * times * (load / 1000.0_f64).powi(50)) as u64;
        let loads = [500.0, 700.0, 960.0, 980.0, 990.0, 1010.0, 1020.0, 1030.0];
        let losses = loads.map(|load| times.map(|times| lost(load, times)));
        let points: Vec<(f64, &[u64])> =
            loads.iter().zip(&losses).map(|(load, lost)| (*load, &lost[..])).collect();
        fitted(&rules(), &points)
    }

    #[test]
    fn losses_on_a_curve_give_the_point_where_it_crosses_the_allowed_share() {
        let fit = on_curve(0, [1.0; 4]);
        assert!((fit.estimate - 1000.0).abs() < 5.0 && fit.is_precise(&rules()), "{fit:?}");
        assert!(fit.low < 1000.0 && 1000.0 < fit.high, "{fit:?}");
    }

    /// Half a percent is lost at any load, so that half of what is allowed is left for the excess.
    #[test]
    fn what_is_lost_at_low_loads_already_is_allowed_for() {
        let fit = on_curve(50, [1.0; 4]);
        let truth = 1000.0 * 0.5_f64.powf(1.0 / 50.0);
        assert!((fit.estimate - truth).abs() < 5.0 && fit.is_precise(&rules()), "{fit:?}, {truth}");
    }

    #[test]
    fn trials_that_differ_more_make_the_interval_wider() {
        let width = |fit: Fit| fit.high / fit.low - 1.0;
        let (alike, unlike) = (on_curve(0, [1.0; 4]), on_curve(0, [0.0, 0.0, 0.5, 3.5]));
        assert!(width(unlike) > 1.4 * width(alike), "{alike:?} {unlike:?}");
    }

    #[test]
    fn a_wall_is_between_the_last_that_loses_nothing_and_the_first_that_loses_all() {
        let climb: [(f64, &[u64]); 7] = [
            (500.0, &[0]),
            (650.0, &[0]),
            (845.0, &[0]),
            (963.0, &[0]),
            (985.0, &[0; 5]),
            (1000.0, &[9000, 9000]),
            (1098.5, &[9000]),
        ];
        let fit = fitted(&rules(), &climb);
        // A knee as flat as that of few servers is not excluded by so few trials: hence the wide lower side.
        assert!((940.0..985.0).contains(&fit.low) && (985.0..1000.0).contains(&fit.high), "{fit:?}");
        assert!((980.0..1000.0).contains(&fit.estimate), "{fit:?}");
    }

    #[test]
    fn without_a_load_that_passes_or_one_that_fails_nothing_is_said() {
        let rules = rules();
        let only = |lost| fit(&rules, &levels(&rules, &[trial(100.0, 10_000, lost)]));
        assert_eq!((only(0), only(5000)), (None, None));
    }

    #[test]
    fn users_are_reported_as_the_last_that_pass() {
        let rules = Rules { whole: true, ..Rules::new(1.0, 1.0, 100.0) };
        let fit = fitted(&rules, &[(13.0, &[0]), (17.0, &[0; 5]), (18.0, &[2000, 2500]), (22.0, &[9000])]);
        assert!((fit.reported(&rules).estimate - 17.0).abs() < 1e-9 && fit.is_precise(&rules), "{fit:?}");
    }
}
