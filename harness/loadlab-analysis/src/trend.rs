//! Where a number that is stored run after run changed for good: a breaking point, a p95, a share.
//!
//! ```text
//!   one number per run, in order ──split where both sides differ most──> would chance do that?
//!                                    ^────── each side again ──── no ──┘          └─ yes: stop
//! ```
//!
//! The method is E-divisive with means: D. S. Matteson and N. A. James, "A nonparametric approach for
//! multiple change point analysis of multivariate data", JASA 109 (2014), in the form in which it watches
//! performance tests: D. Daly et al., "The use of change point detection to identify software performance
//! regressions in a continuous integration system", ICPE 2020. A series is split where the *divergence* of
//! its two sides is largest: what values of different sides lie apart, less what values of one side do. A
//! permutation test says how often values in random order can be split as well. Nothing is assumed about how
//! the values are distributed, and no threshold in per cent has to be chosen.
//!
//! - A *segment* is a stretch of runs between changes. It has at least [`TrendRules::segment_min`] runs, so
//!   that a single bad run is no change, and the newest change is seen only after so many runs.
//! - The test takes runs for exchangeable while nothing changes. A machine that is slow for a week makes
//!   neighbours alike, and is found as a change: it is one, though not the target's. Of noise half of which
//!   lasts to the next run, one series of forty runs in three has such a change.
//! - The second side may end before the segment does, as in the paper. Without that, what went up and came
//!   back later hides itself: of a rise by a tenth and back, both changes were found in 19 of 100 series.
//! - The time is that of all pairs of runs, once for every random order: under a second for a year of nights.
//!
//! Whether the runs may stand in one series is decided by [`trends`], which puts stored results together.

mod reading;
mod series;
#[cfg(test)]
mod tests;

use loadlab_clock::Seed;
use rand::seq::SliceRandom as _;
use serde::{Deserialize, Serialize};

pub use reading::{Followed, Reading, read_run, read_search};
pub use series::{LeftOut, Series, Standing, StoredResult, Trends, trends};

/// How changes are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrendRules {
    /// Runs that a segment has at least. Two is the least that has a spread.
    pub segment_min: usize,
    /// A change is told if chance would do as well in at most this share of the cases.
    pub significance: f64,
    /// Random orders that are tried for it.
    pub permutations: usize,
}

impl Default for TrendRules {
    /// Five runs, so that a bad day of one or two is none. One in a hundred, since a series is looked at
    /// again with every new run; 999 orders tell that share with an error of a third.
    fn default() -> Self {
        Self { segment_min: 5, significance: 0.01, permutations: 999 }
    }
}

/// Which way a number is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    /// As a breaking point.
    HigherIsBetter,
    /// As a latency or a loss.
    LowerIsBetter,
}

/// Which way a number went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The good one.
    Better,
    /// The bad one.
    Worse,
}

/// Runs between which nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Index of its first run.
    pub from: usize,
    /// Index of its last run.
    pub to: usize,
    /// How many of them have a number.
    pub runs: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation: what is normal from run to run.
    pub deviation: f64,
}

/// A change that stayed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// Index of the first run after it.
    pub index: usize,
    /// Mean of the segment before it.
    pub before: f64,
    /// Mean of the segment after it.
    pub after: f64,
    /// The difference as a part of what was before: 0.1 is a tenth more. Null if that was 0.
    pub relative: Option<f64>,
    /// Better or worse.
    pub direction: Direction,
    /// How often chance does as well: the p value of the permutation test.
    pub p: f64,
    /// It crept: together with its neighbours the same way it is described better by a straight line than
    /// by steps, and the index is only somewhere on it.
    pub gradual: bool,
}

/// What became of a number over all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Which way it is good.
    pub sense: Sense,
    /// The segments, in order; one if nothing changed. None if no run has a number.
    pub segments: Vec<Segment>,
    /// The changes between them, in order.
    pub changes: Vec<ChangePoint>,
    /// Why little can be told; empty if it can.
    pub note: String,
}

/// Looks for changes in one number per run, in the order of the runs. A value that is not finite is that of
/// a run without a number: it is left out, and indices still count it. Equal values and seeds give equal
/// trends.
pub fn trend(values: &[f64], sense: Sense, seed: Seed, rules: TrendRules) -> Trend {
    let known: Vec<(usize, f64)> =
        values.iter().copied().enumerate().filter(|(_, value)| value.is_finite()).collect();
    let numbers: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let least = rules.segment_min.max(2);
    let splits = splits(&numbers, least, seed, &rules);
    let places: Vec<usize> = splits.iter().map(|split| split.at).collect();
    let bounds: Vec<usize> = [0].into_iter().chain(places).chain([numbers.len()]).collect();
    let pieces: Vec<&[f64]> = bounds.windows(2).map(|ends| &numbers[ends[0]..ends[1]]).collect();
    let segments = bounds.windows(2).filter(|ends| ends[0] < ends[1]).map(|ends| Segment {
        from: known[ends[0]].0,
        to: known[ends[1] - 1].0,
        runs: ends[1] - ends[0],
        mean: mean(&numbers[ends[0]..ends[1]]),
        deviation: deviation(&numbers[ends[0]..ends[1]]),
    });
    let mut changes: Vec<ChangePoint> = splits
        .iter()
        .zip(pieces.windows(2))
        .map(|(split, sides)| change(known[split.at].0, split.p, sides[0], sides[1], sense))
        .collect();
    mark_gradual(&mut changes, &pieces);
    Trend { sense, segments: segments.collect(), changes, note: note(numbers.len(), least) }
}

fn note(runs: usize, least: usize) -> String {
    if runs >= 2 * least {
        return String::new();
    }
    format!(
        "{runs} runs have a number, and {} are needed: a level before a change and one after it of {least} \
         runs each",
        2 * least
    )
}

fn change(index: usize, p: f64, before: &[f64], after: &[f64], sense: Sense) -> ChangePoint {
    let (before, after) = (mean(before), mean(after));
    let direction = match sense {
        Sense::HigherIsBetter if after > before => Direction::Better,
        Sense::LowerIsBetter if after < before => Direction::Better,
        _ => Direction::Worse,
    };
    let relative = (before != 0.0).then(|| (after - before) / before.abs());
    ChangePoint { index, before, after, relative, direction, p, gradual: false }
}

/// Marks what crept. A slow drift is found as one or several steps the same way; it is told from real ones
/// by which description is better for its length, a straight line or a staircase: the criterion of
/// G. Schwarz, Annals of Statistics 6 (1978).
fn mark_gradual(changes: &mut [ChangePoint], pieces: &[&[f64]]) {
    let mut first = 0;
    for steps in changes.chunk_by_mut(|one, next| one.direction == next.direction) {
        let stairs = &pieces[first..=first + steps.len()];
        let all = stairs.concat();
        // A level for each piece and a place for each step, against a height and a slope.
        let stairs_cost =
            cost(stairs.iter().map(|piece| squares(piece)).sum(), all.len(), 2 * steps.len() + 1);
        let gradual = cost(around_line(&all), all.len(), 2) < stairs_cost;
        first += steps.len();
        for step in steps {
            step.gradual = gradual;
        }
    }
}

/// Schwarz's criterion: what is left unexplained, and how much was needed to explain the rest.
fn cost(squares: f64, values: usize, parameters: usize) -> f64 {
    let count = values as f64;
    count * (squares / count).ln() + parameters as f64 * count.ln()
}

/// A split that was found, and its p value.
struct Found {
    at: usize,
    p: f64,
}

/// Splits the best of all segments until chance would do as well; in order of place.
fn splits(values: &[f64], least: usize, seed: Seed, rules: &TrendRules) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut segments: Vec<(usize, usize)> = vec![(0, values.len())];
    loop {
        let best = segments
            .iter()
            .enumerate()
            .filter_map(|(place, (from, to))| Some((place, best_split(&values[*from..*to], least)?)))
            .max_by(|(_, one), (_, other)| one.divergence.total_cmp(&other.divergence));
        let Some((place, split)) = best else { break };
        let pieces: Vec<&[f64]> = segments.iter().map(|(from, to)| &values[*from..*to]).collect();
        let Some(p) = p_value(split.divergence, &pieces, least, seed, found.len() as u64, rules) else {
            break;
        };
        let (from, to) = segments[place];
        let at = from + split.after;
        segments.splice(place..=place, [(from, at), (at, to)]);
        found.push(Found { at, p });
    }
    found.sort_by_key(|split| split.at);
    found
}

/// How often values in random order, each segment by itself, can be split as well; `None` if too often to
/// be a change. The observed order is one of those tried, so p is never 0.
fn p_value(
    observed: f64,
    pieces: &[&[f64]],
    least: usize,
    seed: Seed,
    step: u64,
    rules: &TrendRules,
) -> Option<f64> {
    let orders = rules.permutations as f64 + 1.0;
    let mut rng = seed.stream("trend", step, 0);
    let mut shuffled: Vec<Vec<f64>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    // Sums in another order differ in their last digits.
    let as_good = observed - 1e-9 * observed.abs();
    let mut hits = 1.0;
    for _ in 0..rules.permutations {
        let mut best = f64::NEG_INFINITY;
        for piece in &mut shuffled {
            piece.shuffle(&mut rng);
            best = best_split(piece, least).map_or(best, |split| best.max(split.divergence));
        }
        hits += f64::from(u8::from(best >= as_good));
        if hits > rules.significance * orders {
            return None;
        }
    }
    Some(hits / orders)
}

/// A way to split a segment.
struct Split {
    /// How many values are before it.
    after: usize,
    /// How different the sides are: Q of the paper, with the exponent 1.
    divergence: f64,
}

/// The split whose sides differ most, of those that leave enough on both sides. The first side begins with the
/// segment; the second may end anywhere.
///
/// With the sums of distances within two neighbouring stretches and within both together, the sum between them
/// is what is left. Stretches that begin one value earlier are made from those before, so that all of them
/// together cost as many distances as there are pairs.
fn best_split(values: &[f64], least: usize) -> Option<Split> {
    let count = values.len();
    let pairs = |count: usize| (count * count.saturating_sub(1)) as f64 / 2.0;
    // The sums of distances within the stretch from the start to each end.
    let mut whole = vec![0.0; count + 1];
    for end in 0..count {
        whole[end + 1] = whole[end] + distances(values[end], &values[..end]);
    }
    // The same for stretches from `start` on, which begins at the end and moves to the front.
    let mut within = vec![0.0; count + 1];
    let mut best: Option<Split> = None;
    for start in (least..count).rev() {
        let mut row = 0.0;
        for end in start + 1..count {
            row += (values[start] - values[end]).abs();
            within[end + 1] += row;
        }
        let (n, first) = (start as f64, whole[start] / pairs(start));
        for end in start + least..=count {
            let m = (end - start) as f64;
            let between = whole[end] - whole[start] - within[end];
            let apart = 2.0 * between / (n * m) - first - within[end] / pairs(end - start);
            let divergence = n * m / (n + m) * apart;
            if best.as_ref().is_none_or(|best| divergence > best.divergence) {
                best = Some(Split { after: start, divergence });
            }
        }
    }
    best
}

fn distances(value: f64, others: &[f64]) -> f64 {
    others.iter().map(|other| (value - other).abs()).sum()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The sum of the squares of what values have more or less than their mean.
fn squares(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 { 0.0 } else { (squares(values) / (values.len() - 1) as f64).sqrt() }
}

/// The sum of the squares of what values have more or less than the straight line that fits them best.
fn around_line(values: &[f64]) -> f64 {
    let places: Vec<f64> = (0..values.len()).map(|place| place as f64).collect();
    let (middle, level) = (mean(&places), mean(values));
    let both: f64 = places.iter().zip(values).map(|(at, value)| (at - middle) * (value - level)).sum();
    // Values that lie on a line may fall short of it by rounding.
    (squares(values) - both * both / squares(&places)).max(0.0)
}
