//! How sure a change is: Student's t interval of runs, or of pairs of runs.
//!
//! | seeds | unit | method |
//! |---|---|---|
//! | several, the same before and after | a seed: its runs before and after are a pair | paired: Student, Biometrika 6 (1908) |
//! | one, with at least two runs on each side | a run | B. L. Welch, Biometrika 34 (1947), who lets the sides differ in spread |
//! | otherwise | none | no interval |
//!
//! Runs of one seed have the same arrivals, and what these make of the target drops out of a pair's
//! difference. Where few runs are skewed on one side only, as lognormal ones with a sigma of 0.3, an interval
//! of 95 % contains the truth in 93 %. Which method is taken follows from the seeds alone, never from the values.

use std::collections::BTreeMap;

use loadlab_record::RunFile;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::alike::seed;

/// With which probability an interval contains the true change.
pub(super) const CONFIDENCE: f64 = 0.95;

/// So small a part of a value is what rounding makes of it: values that differ by no more are equal.
const ROUNDING: f64 = 1e-12;

/// How intervals were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// There are none: nothing was repeated.
    None,
    /// From the differences of pairs with one seed.
    Paired,
    /// From the runs of both sides, by Welch's test.
    Welch,
}

/// Which run is of which seed, and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Design {
    pub(super) method: Method,
    /// Pairs, or runs of both sides; 0 without intervals.
    pub(super) units: usize,
    seeds: [Vec<String>; 2],
}

/// A half-width's ingredients: the standard error, and the degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Error {
    standard: f64,
    freedom: f64,
}

impl Design {
    pub(super) fn of(before: &[RunFile], after: &[RunFile]) -> Self {
        Self::of_seeds([before, after].map(|runs| runs.iter().map(seed).collect()))
    }

    fn of_seeds(seeds: [Vec<String>; 2]) -> Self {
        let different = |side: &[String]| {
            let mut side = side.to_vec();
            side.sort();
            side.dedup();
            side
        };
        let pairs = different(&seeds[0]);
        let same = pairs == different(&seeds[1]);
        let (method, units) = match pairs.len() {
            1 if same && seeds.iter().all(|side| side.len() > 1) => {
                (Method::Welch, seeds.iter().map(Vec::len).sum())
            }
            several if same && several > 1 => (Method::Paired, several),
            _ => (Method::None, 0),
        };
        Self { method, units, seeds }
    }

    /// Half the width of the interval of a difference, from the value of each run; or why there is none.
    pub(super) fn half_width(&self, each: [&[Option<f64>]; 2]) -> Result<f64, String> {
        let known = |side: &[Option<f64>]| side.iter().copied().collect::<Option<Vec<f64>>>();
        let [Some(before), Some(after)] = each.map(known) else {
            return Err("single runs have too little for an interval".to_owned());
        };
        let error = match self.method {
            Method::None => return Err("nothing was repeated, so there is no interval".to_owned()),
            Method::Paired => paired(&self.differences(&before, &after)),
            Method::Welch => welch(&before, &after),
        };
        let largest = before.iter().chain(&after).fold(0.0, |most: f64, value| most.max(value.abs()));
        if error.standard <= largest * ROUNDING {
            return Err("the runs do not differ at all, and tell nothing of chance".to_owned());
        }
        Ok(error.half_width())
    }

    /// After - before, for each seed.
    fn differences(&self, before: &[f64], after: &[f64]) -> Vec<f64> {
        let (before, after) = (by_seed(&self.seeds[0], before), by_seed(&self.seeds[1], after));
        before.iter().filter_map(|(seed, before)| Some(after.get(seed)? - before)).collect()
    }
}

impl Error {
    fn half_width(self) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.freedom).expect("there is more than one of each");
        self.standard * student.inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
    }
}

/// The mean of each seed's runs.
fn by_seed<'s>(seeds: &'s [String], values: &[f64]) -> BTreeMap<&'s str, f64> {
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (seed, value) in seeds.iter().zip(values) {
        groups.entry(seed).or_default().push(*value);
    }
    groups.into_iter().map(|(seed, values)| (seed, mean(&values))).collect()
}

fn paired(differences: &[f64]) -> Error {
    let count = differences.len() as f64;
    Error { standard: (variance(differences) / count).sqrt(), freedom: count - 1.0 }
}

/// The degrees of freedom are F. E. Satterthwaite's (Biometrics Bulletin 2, 1946).
fn welch(before: &[f64], after: &[f64]) -> Error {
    let part = |values: &[f64]| (variance(values) / values.len() as f64, values.len() as f64 - 1.0);
    let ((one, one_free), (other, other_free)) = (part(before), part(after));
    let freedom = (one + other).powi(2) / (one * one / one_free + other * other / other_free);
    Error { standard: (one + other).sqrt(), freedom }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use loadlab_clock::{Distribution, Seed};

    use super::*;

    /// The hours of sleep that two drugs added, from Student's paper of 1908.
    const DRUG_1: [f64; 10] = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    /// The other drug, same patients.
    const DRUG_2: [f64; 10] = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];

    fn seeds(side: &[&str]) -> Vec<String> {
        side.iter().map(|seed| (*seed).to_owned()).collect()
    }

    fn design(before: &[&str], after: &[&str]) -> Design {
        Design::of_seeds([seeds(before), seeds(after)])
    }

    fn half(design: &Design, before: &[f64], after: &[f64]) -> f64 {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        design.half_width([&some(before), &some(after)]).expect("there is an interval")
    }

    /// R's `t.test` of Student's data: paired 0.7001142 to 2.4598858, Welch -0.2054832 to 3.3654832 with
    /// 17.776 degrees of freedom.
    #[test]
    fn intervals_of_students_data_are_those_of_r() {
        let patients = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let paired = half(&design(&patients, &patients), &DRUG_1, &DRUG_2);
        assert!((paired - (2.459_885_8 - 0.700_114_2) / 2.0).abs() < 1e-6, "{paired}");
        let welch_half = half(&design(&["1"; 10], &["1"; 10]), &DRUG_1, &DRUG_2);
        assert!((welch_half - f64::midpoint(3.365_483_2, 0.205_483_2)).abs() < 1e-6, "{welch_half}");
        assert!((welch(&DRUG_1, &DRUG_2).freedom - 17.776).abs() < 1e-3);
    }

    /// The table of the NIST/SEMATECH e-Handbook, section 1.3.6.7.2.
    #[test]
    fn students_t_is_that_of_the_table() {
        for (freedom, expected) in [(1.0, 12.706), (2.0, 4.303), (5.0, 2.571), (10.0, 2.228), (100.0, 1.984)]
        {
            let found = Error { standard: 1.0, freedom }.half_width();
            assert!((found - expected).abs() < 5e-4, "{found} for {freedom} degrees of freedom");
        }
    }

    #[test]
    fn seeds_decide_what_the_unit_is() {
        let methods = [
            design(&["1"], &["1"]),
            design(&["1", "1"], &["1"]),
            design(&["1", "1"], &["1", "1", "1"]),
            design(&["1", "2"], &["2", "1"]),
            design(&["1", "2", "1", "2"], &["1", "1", "2", "2"]),
        ];
        let methods = methods.map(|design| (design.method, design.units));
        let expected = [
            (Method::None, 0),
            (Method::None, 0),
            (Method::Welch, 5),
            (Method::Paired, 2),
            (Method::Paired, 2),
        ];
        assert_eq!(methods, expected);
    }

    #[test]
    fn runs_of_one_seed_are_one_unit_of_a_pair() {
        let repeated = design(&["1", "1", "2", "2"], &["2", "1", "1", "2"]);
        let once = design(&["1", "2"], &["1", "2"]);
        let of_repeated = half(&repeated, &[1.0, 3.0, 10.0, 12.0], &[21.0, 6.0, 8.0, 23.0]);
        assert!((of_repeated - half(&once, &[2.0, 11.0], &[7.0, 22.0])).abs() < 1e-9);
    }

    #[test]
    fn no_interval_is_made_of_nothing() {
        let two = design(&["1", "1"], &["1", "1"]);
        let same = two.half_width([&[Some(0.0), Some(0.0)], &[Some(1.0), Some(1.0)]]);
        assert_eq!(same, Err("the runs do not differ at all, and tell nothing of chance".to_owned()));
        let rounded = two.half_width([&[Some(0.3), Some(0.1 + 0.2)], &[Some(0.3), Some(0.3)]]);
        assert_eq!(rounded, same, "what rounding makes is no spread");
        let missing = two.half_width([&[Some(0.0), None], &[Some(1.0), Some(2.0)]]);
        assert_eq!(missing, Err("single runs have too little for an interval".to_owned()));
        let single = design(&["1"], &["1"]).half_width([&[Some(1.0)], &[Some(2.0)]]);
        assert_eq!(single, Err("nothing was repeated, so there is no interval".to_owned()));
    }

    /// Trials near a knee are skewed, and sides differ in spread: how often the interval still holds the truth.
    #[test]
    fn intervals_contain_the_true_change_as_often_as_they_say() {
        const TRIALS: u64 = 2_000;
        let covered = |design: &Design, common: f64, sigmas: [f64; 2], runs: usize| {
            let holds = |trial: u64| {
                let mut rng = Seed::new(trial).stream("runs", runs as u64, 0);
                let mut draw = |sigma: f64| {
                    let median = Duration::from_secs(1);
                    let of = Distribution::Lognormal { median, sigma };
                    of.sample(&mut rng).as_secs_f64() / (sigma * sigma / 2.0).exp()
                };
                let common: Vec<f64> = (0..runs).map(|_| draw(common)).collect();
                let [before, after] =
                    sigmas.map(|sigma| common.iter().map(|seed| seed + draw(sigma)).collect::<Vec<f64>>());
                let difference = mean(&after) - mean(&before);
                difference.abs() <= half(design, &before, &after)
            };
            (0..TRIALS).filter(|trial| holds(*trial)).count() as f64 / TRIALS as f64
        };
        let (three, five) = (["1", "2", "3"], ["1", "2", "3", "4", "5"]);
        let welch_5 = design(&["1"; 5], &["1"; 5]);
        let found = [
            ("paired, 3 seeds, alike", covered(&design(&three, &three), 0.2, [0.05, 0.05], 3)),
            ("paired, 5 seeds, unlike", covered(&design(&five, &five), 0.2, [0.05, 0.3], 5)),
            ("Welch, 5 runs, alike", covered(&welch_5, 0.0, [0.05, 0.05], 5)),
            ("Welch, 5 runs, unlike", covered(&welch_5, 0.0, [0.05, 0.3], 5)),
        ];
        for (what, share) in found {
            println!("{what}: 95 % intervals contain the truth in {:.1} %", share * 100.0);
            assert!(share >= 0.93, "{what}: {share}");
        }
    }
}
