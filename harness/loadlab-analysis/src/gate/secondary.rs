//! What else became worse: measures at a fixed load, each trial one value.
//!
//! Percentiles per step, the first event, gaps of a stream, the share of errors: whatever is worse when it is
//! higher. Welch's t test (B. L. Welch, Biometrika 34, 1947) asks of each whether head is worse than base by
//! more than a margin: by a ratio, on the logarithms, or by a difference, for shares, which may be 0. Many
//! measures are many chances of a false alarm, so their p values are adjusted together (S. Holm,
//! Scandinavian Journal of Statistics 6, 1979): all of them have alpha in common. Few trials find little, and
//! each result says from which change on it would have been found.

use serde::{Deserialize, Serialize};

use super::student::{Spread, above, quantile};
use crate::words::value_text;

/// What the measures go by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SecondaryRules {
    /// How often, if nothing changed, any measure at all is called worse.
    pub alpha: f64,
    /// How often a change must be found for it to count as one that would be found.
    pub power: f64,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// By their ratio: times, sizes.
    Ratio,
    /// By their difference: shares.
    Difference,
}

/// A measure of both sides, one value for each trial. Higher is worse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name, as objectives have it.
    pub measure: String,
    /// `s`, `share` or nothing.
    pub unit: String,
    /// How it is compared.
    pub scale: Scale,
    /// Head may be worse by this: 0.1 is a tenth of base's value, or a difference of 0.1.
    pub margin: f64,
    /// Of base's trials.
    pub base: Vec<f64>,
    /// Of head's trials.
    pub head: Vec<f64>,
}

/// What became of a measure. A *change* is head's value less base's, for a ratio as a share of base's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasureResult {
    /// See [`Measured::measure`].
    pub measure: String,
    /// See [`Measured::unit`].
    pub unit: String,
    /// See [`Measured::scale`].
    pub scale: Scale,
    /// See [`Measured::margin`].
    pub margin: f64,
    /// Base's mean, of ratios the geometric one.
    pub base: Option<f64>,
    /// Head's.
    pub head: Option<f64>,
    /// The change.
    pub change: Option<f64>,
    /// How often such a change is chance, if head is worse by just the margin.
    pub p: Option<f64>,
    /// The same, adjusted for there being several measures.
    pub p_adjusted: Option<f64>,
    /// Head is worse by more than the margin.
    pub worse: bool,
    /// From this change on it would have been found; none where nothing can be told.
    pub finds: Option<f64>,
    /// Too few trials or too noisy: a change of more than twice the margin would stay unseen.
    pub weak: bool,
    /// That in a sentence.
    pub sentence: String,
}

/// One measure's test.
struct Test {
    /// Both means, on the scale of the comparison.
    means: [f64; 2],
    error: f64,
    freedom: f64,
    margin: f64,
    p: f64,
}

impl Default for SecondaryRules {
    fn default() -> Self {
        Self { alpha: 0.01, power: 0.8 }
    }
}

/// Compares all measures.
pub fn secondary(rules: &SecondaryRules, measures: &[Measured]) -> Vec<MeasureResult> {
    let tests: Vec<Option<Test>> = measures.iter().map(Test::of).collect();
    let raw: Vec<f64> = tests.iter().flatten().map(|test| test.p).collect();
    let mut adjusted = holm(&raw).into_iter();
    let alone = rules.alpha / raw.len().max(1) as f64;
    let result = |(measure, test): (&Measured, &Option<Test>)| match test {
        None => untested(measure),
        Some(test) => tested(rules, measure, test, adjusted.next().unwrap_or(1.0), alone),
    };
    measures.iter().zip(&tests).map(result).collect()
}

/// Holm's adjusted p values, in the order of `raw`.
pub(super) fn holm(raw: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..raw.len()).collect();
    order.sort_by(|a, b| raw[*a].total_cmp(&raw[*b]));
    let (mut adjusted, mut so_far) = (vec![1.0; raw.len()], 0.0_f64);
    for (rank, index) in order.into_iter().enumerate() {
        so_far = so_far.max(raw[index] * (raw.len() - rank) as f64).min(1.0);
        adjusted[index] = so_far;
    }
    adjusted
}

impl Test {
    fn of(measure: &Measured) -> Option<Self> {
        let scaled = |values: &[f64]| -> Option<Spread> {
            let values: Vec<f64> = values.iter().map(|value| measure.scale.of(*value)).collect();
            Spread::of(&values)
        };
        let (base, head) = (scaled(&measure.base)?, scaled(&measure.head)?);
        let squares = [base.of_mean(), head.of_mean()];
        let error = (squares[0] + squares[1]).sqrt();
        let margin = measure.scale.margin(measure.margin);
        let beyond = head.mean - base.mean - margin;
        // Welch and Satterthwaite.
        let freedom = (squares[0] + squares[1]).powi(2)
            / (squares[0].powi(2) / base.freedom() + squares[1].powi(2) / head.freedom());
        let means = [base.mean, head.mean];
        let sure = Self { means, error: 0.0, freedom: 1.0, margin, p: if beyond > 0.0 { 0.0 } else { 1.0 } };
        // Values that never differ leave no doubt.
        let doubted = error > 0.0 && freedom.is_finite();
        Some(if doubted { Self { error, freedom, p: above(beyond / error, freedom), ..sure } } else { sure })
    }

    /// From which change on it is found so often, on the scale of the comparison.
    fn finds(&self, alpha: f64, power: f64) -> f64 {
        self.margin + (quantile(1.0 - alpha, self.freedom) + quantile(power, self.freedom)) * self.error
    }
}

impl Scale {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value.ln(),
            Self::Difference => value,
        }
    }

    fn back(self, value: f64) -> f64 {
        match self {
            Self::Ratio => value.exp(),
            Self::Difference => value,
        }
    }

    fn margin(self, margin: f64) -> f64 {
        match self {
            Self::Ratio => margin.ln_1p(),
            Self::Difference => margin,
        }
    }

    fn change(self, change: f64) -> f64 {
        match self {
            Self::Ratio => change.exp_m1(),
            Self::Difference => change,
        }
    }

    fn change_text(self, change: f64) -> String {
        let sign = if change < 0.0 { "-" } else { "+" };
        let size = value_text(change.abs(), "share");
        match self {
            Self::Ratio => format!("{sign}{size}"),
            Self::Difference => format!("{sign}{} points", size.trim_end_matches(" %")),
        }
    }
}

fn tested(
    rules: &SecondaryRules,
    measure: &Measured,
    test: &Test,
    adjusted: f64,
    alone: f64,
) -> MeasureResult {
    let scale = measure.scale;
    let change = scale.change(test.means[1] - test.means[0]);
    let finds = scale.change(test.finds(alone, rules.power));
    let worse = adjusted <= rules.alpha;
    // A ratio can grow out of what a number holds.
    let finds = finds.is_finite().then_some(finds);
    let weak = !worse && finds.is_none_or(|finds| finds > 2.0 * measure.margin);
    let mut result = MeasureResult {
        base: Some(scale.back(test.means[0])),
        head: Some(scale.back(test.means[1])),
        change: Some(change),
        p: Some(test.p),
        p_adjusted: Some(adjusted),
        worse,
        finds,
        weak,
        ..untested(measure)
    };
    result.sentence = sentence(&result);
    result
}

fn untested(measure: &Measured) -> MeasureResult {
    let few = measure.base.len() < 2 || measure.head.len() < 2;
    let why = if few { "two trials of each side are needed" } else { "its values have no ratio" };
    MeasureResult {
        measure: measure.measure.clone(),
        unit: measure.unit.clone(),
        scale: measure.scale,
        margin: measure.margin,
        base: None,
        head: None,
        change: None,
        p: None,
        p_adjusted: None,
        worse: false,
        finds: None,
        weak: true,
        sentence: format!("{} was not compared: {why}.", measure.measure),
    }
}

fn sentence(result: &MeasureResult) -> String {
    let values = result.base.zip(result.head).map(|(base, head)| {
        format!("{} against base's {}", value_text(head, &result.unit), value_text(base, &result.unit))
    });
    let values = values.unwrap_or_default();
    let change = result.change.map(|change| result.scale.change_text(change)).unwrap_or_default();
    let margin = result.scale.change_text(result.margin);
    let judged = if result.worse {
        format!("worse by more than the margin of {margin}")
    } else {
        format!("not shown to be worse by more than the margin of {margin}")
    };
    let weak = match result.finds.filter(|_| result.weak) {
        Some(finds) => {
            format!("; too few trials: only {} or more would be found", result.scale.change_text(finds))
        }
        None if result.weak => "; too few trials to find anything".to_owned(),
        None => String::new(),
    };
    format!("{}: {values} ({change}), {judged}{weak}.", result.measure)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn p95(margin: f64, base: &[f64], head: &[f64]) -> Measured {
        Measured {
            measure: "p95 of search".to_owned(),
            unit: "s".to_owned(),
            scale: Scale::Ratio,
            margin,
            base: base.to_vec(),
            head: head.to_vec(),
        }
    }

    fn close(a: Option<f64>, b: f64) -> bool {
        a.is_some_and(|a| (a - b).abs() < 1e-4)
    }

    /// By hand on the differences 3, 4, 5 and 6, 7, 11: variances 1 and 7, t = 4 / √(8/3) = 2.4495 with
    /// (8/3)² / ((1/3)² / 2 + (7/3)² / 2) = 2.56 degrees of freedom.
    #[test]
    fn the_test_is_welchs() {
        let errors = Measured { scale: Scale::Difference, ..p95(0.0, &[3.0, 4.0, 5.0], &[6.0, 7.0, 11.0]) };
        let test = Test::of(&errors).expect("three values each");
        assert!((test.freedom - 2.56).abs() < 1e-9 && (test.error - (8.0_f64 / 3.0).sqrt()).abs() < 1e-9);
        assert!(
            (test.p - above(2.449_489_7, 2.56)).abs() < 1e-6 && 0.04 < test.p && test.p < 0.06,
            "{}",
            test.p
        );
    }

    /// The example of four p values: 0.01, 0.04, 0.03 and 0.005.
    #[test]
    fn p_values_are_adjusted_as_holm_does() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        assert!(adjusted.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{adjusted:?}");
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }

    #[test]
    fn what_is_clearly_slower_is_found_beside_what_is_not() {
        let slower = p95(0.1, &[2.0, 2.04, 1.98, 2.02, 1.97], &[2.6, 2.62, 2.58, 2.64, 2.57]);
        let same = p95(0.1, &[2.0, 2.04, 1.98, 2.02, 1.97], &[2.02, 1.98, 2.0, 2.04, 1.97]);
        let results = secondary(&SecondaryRules::default(), &[slower, same]);
        assert_eq!((results[0].worse, results[1].worse), (true, false));
        assert_eq!((results[0].weak, results[1].weak), (false, false));
        assert!(
            close(results[1].change, 0.0) && results[0].change.is_some_and(|by| (by - 0.3).abs() < 0.001)
        );
        assert_eq!(
            results[0].sentence,
            "p95 of search: 2.6 s against base's 2 s (+30 %), worse by more than the margin of +10 %."
        );
    }

    #[test]
    fn few_noisy_trials_say_how_little_they_would_find() {
        let noisy = p95(0.1, &[1.0, 1.4, 0.8], &[1.1, 0.9, 1.5]);
        let result = &secondary(&SecondaryRules::default(), &[noisy])[0];
        assert!(result.weak && !result.worse && result.finds.is_some_and(|finds| finds > 1.0), "{result:?}");
        assert!(result.sentence.contains("; too few trials: only +"), "{}", result.sentence);
        let one = &secondary(&SecondaryRules::default(), &[p95(0.1, &[1.0], &[1.0, 1.0])])[0];
        assert_eq!(one.sentence, "p95 of search was not compared: two trials of each side are needed.");
    }

    #[test]
    fn shares_may_be_zero_and_times_may_not() {
        let errors = Measured {
            measure: "errors".to_owned(),
            unit: "share".to_owned(),
            scale: Scale::Difference,
            ..p95(0.005, &[0.0; 5], &[0.0; 5])
        };
        let worse = Measured { head: vec![0.02, 0.021, 0.019, 0.02, 0.02], ..errors.clone() };
        let results = secondary(&SecondaryRules::default(), &[errors, worse, p95(0.1, &[0.0; 3], &[1.0; 3])]);
        assert_eq!((results[0].worse, results[0].weak), (false, false));
        assert_eq!(
            results[1].sentence,
            "errors: 2 % against base's 0 % (+2 points), worse by more than the margin of +0.5 points."
        );
        assert_eq!(results[2].sentence, "p95 of search was not compared: its values have no ratio.");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn holm_never_rejects_more_than_the_tests_alone_and_never_less_than_bonferroni(
            raw in proptest::collection::vec(0.0_f64..0.1, 1..12), alpha in 0.001_f64..0.1,
        ) {
            let adjusted = holm(&raw);
            for (raw_p, adjusted_p) in raw.iter().zip(&adjusted) {
                prop_assert!(adjusted_p >= raw_p && *adjusted_p <= 1.0);
                prop_assert!(!(*adjusted_p <= alpha && *raw_p > alpha));
                prop_assert!(raw_p * raw.len() as f64 > alpha || *adjusted_p <= alpha + 1e-12);
            }
        }

        #[test]
        fn a_wider_margin_never_makes_a_measure_worse(
            base in proptest::collection::vec(0.1_f64..2.0, 3..8),
            head in proptest::collection::vec(0.1_f64..2.0, 3..8),
            margin in 0.0_f64..0.5, more in 0.0_f64..0.5,
        ) {
            let p = |margin| Test::of(&p95(margin, &base, &head)).map(|test| test.p);
            prop_assert!(p(margin).zip(p(margin + more)).is_none_or(|(p, q)| q >= p - 1e-12));
        }
    }
}
