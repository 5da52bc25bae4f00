//! Latency histograms: microseconds of *real* time, three significant digits, up to an hour.
//!
//! The slots are HdrHistogram's, and so is the serialised form (V2, compressed, base64), so that runs
//! merge exactly and other tools read them. The counts live in one of two shapes: *dense* while
//! something is being counted, so that counting is one addition, and *sparse* once read or summed,
//! so that the thousands of windows of a long run fit in memory. Readers scale what they read by the
//! run's speed.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::serialization::{Deserializer as HdrDeserializer, Serializer as _, V2DeflateSerializer};
use loadlab_clock::Speed;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// Largest value that keeps its size: an hour in microseconds. Larger ones are recorded as this.
const HIGHEST_MICROS: u64 = 3_600_000_000;
/// Significant decimal digits.
const DIGITS: u8 = 3;
/// Slots of one width, as a power of two: three digits need 2,000.
const LINEAR_BITS: u32 = 11;
/// Slots by which each doubling of the width adds.
const SLOTS_PER_DOUBLING: usize = 1 << (LINEAR_BITS - 1);
/// All slots.
const SLOTS: usize = slot_of(HIGHEST_MICROS) + 1;

/// Counts of real microseconds.
#[derive(Clone)]
pub struct Histogram {
    total: u64,
    counts: Counts,
}

/// The counts by slot.
#[derive(Clone)]
enum Counts {
    /// Slots with something in them, in order.
    Sparse(Vec<(u32, u64)>),
    /// Every slot.
    Dense(Box<[u64]>),
}

/// Text that is no serialised histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistogramError {
    /// What the decoder said.
    pub reason: String,
}

impl fmt::Display for HistogramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a serialised histogram: {}", self.reason)
    }
}

impl std::error::Error for HistogramError {}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total && self.slots().eq(other.slots())
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({} values)", self.count())
    }
}

/// The slot that counts `micros`.
const fn slot_of(micros: u64) -> usize {
    let linear = (1_u64 << LINEAR_BITS) - 1;
    let doublings = (u64::BITS - LINEAR_BITS) - (micros | linear).leading_zeros();
    doublings as usize * SLOTS_PER_DOUBLING + (micros >> doublings) as usize
}

/// The least value of a slot, and how many values share it.
const fn values_of(slot: usize) -> (u64, u64) {
    if slot < 2 * SLOTS_PER_DOUBLING {
        return (slot as u64, 1);
    }
    let doublings = slot / SLOTS_PER_DOUBLING - 1;
    let within = slot % SLOTS_PER_DOUBLING + SLOTS_PER_DOUBLING;
    ((within as u64) << doublings, 1 << doublings)
}

/// The largest value of a slot: what stands for it in percentiles.
const fn highest_of(slot: usize) -> u64 {
    let (lowest, width) = values_of(slot);
    lowest + width - 1
}

impl Histogram {
    /// An empty one, which takes no memory until something is counted.
    pub const fn new() -> Self {
        Self { total: 0, counts: Counts::Sparse(Vec::new()) }
    }

    /// The sum of many: added up densely where that is less work than merging lists.
    pub fn sum<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let parts: Vec<&Self> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let filled: usize = parts.iter().map(|part| part.filled_at_most()).sum();
        let mut sum = Self::new();
        if filled * parts.len() > SLOTS {
            sum.dense();
        }
        for part in parts {
            sum.merge(part);
        }
        sum
    }

    /// Counts one duration of real time. Allocates on the first call after [`Histogram::new`] or a
    /// merge, and never again.
    pub fn record(&mut self, real: Duration) {
        self.record_micros(u64::try_from(real.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts one duration, in real microseconds; allocates as [`Histogram::record`] does.
    pub fn record_micros(&mut self, micros: u64) {
        let slot = slot_of(micros.min(HIGHEST_MICROS));
        self.dense()[slot] += 1;
        self.total += 1;
    }

    /// Counts one duration, in real microseconds, in memory that grows with the number of different
    /// values; for the many histograms of which each has few. As long as it is sparse it stays so.
    pub fn record_sparsely(&mut self, micros: u64) {
        let Counts::Sparse(counts) = &mut self.counts else { return self.record_micros(micros) };
        let slot = slot_of(micros.min(HIGHEST_MICROS)) as u32;
        match counts.binary_search_by_key(&slot, |(slot, _)| *slot) {
            Ok(place) => counts[place].1 += 1,
            Err(place) => counts.insert(place, (slot, 1)),
        }
        self.total += 1;
    }

    /// Adds all counts of another.
    pub fn merge(&mut self, other: &Self) {
        match &mut self.counts {
            Counts::Dense(counts) => other.slots().for_each(|(slot, count)| counts[slot as usize] += count),
            Counts::Sparse(counts) => *counts = merged(counts, other.slots()),
        }
        self.total += other.total;
    }

    /// Forgets all counts, keeps the memory.
    pub fn clear(&mut self) {
        match &mut self.counts {
            Counts::Dense(counts) => counts.fill(0),
            Counts::Sparse(counts) => counts.clear(),
        }
        self.total = 0;
    }

    /// Gives back the memory that counting fast takes (190 kB); the counts stay.
    pub fn shrink(&mut self) {
        if matches!(self.counts, Counts::Dense(_)) {
            self.counts = Counts::Sparse(self.slots().collect());
        }
    }

    /// How many durations were counted.
    pub const fn count(&self) -> u64 {
        self.total
    }

    /// Whether none was.
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The duration in scenario time below or at which `percentile` (0 to 100) of the counts lie;
    /// `None` when nothing was counted. It is at most 0.1 % above the exact value.
    pub fn percentile(&self, percentile: f64, speed: Speed) -> Option<Duration> {
        // Without the allowance 99.9 % of 1,000 would be the thousandth instead of the 999th.
        let wanted = (percentile.clamp(0.0, 100.0) / 100.0 * self.total as f64 - 1e-6).ceil().max(1.0) as u64;
        let mut seen = 0;
        let (slot, _) = self.slots().find(|(_, count)| {
            seen += count;
            seen >= wanted
        })?;
        Some(speed.scenario(Duration::from_micros(highest_of(slot as usize))))
    }

    /// The mean in scenario time; `None` when nothing was counted.
    pub fn mean(&self, speed: Speed) -> Option<Duration> {
        let middle = |slot: u32| {
            let (lowest, width) = values_of(slot as usize);
            lowest as f64 + (width / 2) as f64
        };
        let sum: f64 = self.slots().map(|(slot, count)| middle(slot) * count as f64).sum();
        (!self.is_empty()).then(|| speed.scenario(Duration::from_secs_f64(sum / self.total as f64 / 1e6)))
    }

    /// The largest, in scenario time; `None` when nothing was counted.
    pub fn max(&self, speed: Speed) -> Option<Duration> {
        let (slot, _) = self.slots().last()?;
        Some(speed.scenario(Duration::from_micros(highest_of(slot as usize))))
    }

    /// How many counts are at or below `limit` of scenario time. Values that share a slot with the
    /// limit count as within: a tenth of a per cent at most.
    pub fn count_within(&self, limit: Duration, speed: Speed) -> u64 {
        let micros = u64::try_from(speed.real(limit).as_micros()).unwrap_or(u64::MAX).min(HIGHEST_MICROS);
        let last = slot_of(micros);
        self.slots().take_while(|(slot, _)| *slot as usize <= last).map(|(_, count)| count).sum()
    }

    /// Share of the counts at or below `limit` of scenario time, from 0 to 1; 1 when empty.
    pub fn share_within(&self, limit: Duration, speed: Speed) -> f64 {
        if self.is_empty() {
            return 1.0;
        }
        self.count_within(limit, speed) as f64 / self.total as f64
    }

    /// The non-empty buckets: upper bound in scenario time, and count.
    pub fn buckets(&self, speed: Speed) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.slots().map(move |(slot, count)| {
            (speed.scenario(Duration::from_micros(highest_of(slot as usize))), count)
        })
    }

    /// The usual statistics, in milliseconds of scenario time.
    pub fn summary(&self, speed: Speed) -> LatencySummary {
        let ms = |duration: Option<Duration>| duration.map(|duration| duration.as_nanos() as f64 / 1e6);
        LatencySummary {
            p50: ms(self.percentile(50.0, speed)),
            p90: ms(self.percentile(90.0, speed)),
            p95: ms(self.percentile(95.0, speed)),
            p99: ms(self.percentile(99.0, speed)),
            p999: ms(self.percentile(99.9, speed)),
            max: ms(self.max(speed)),
            mean: ms(self.mean(speed)),
            count: self.count(),
        }
    }

    /// At least as many as the slots with something in them.
    fn filled_at_most(&self) -> usize {
        match &self.counts {
            Counts::Sparse(counts) => counts.len(),
            Counts::Dense(counts) => counts.len().min(usize::try_from(self.total).unwrap_or(usize::MAX)),
        }
    }

    /// The slots with something in them, in order.
    fn slots(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let (sparse, dense): (&[(u32, u64)], &[u64]) = match &self.counts {
            Counts::Sparse(counts) => (counts, &[]),
            Counts::Dense(counts) => (&[], counts),
        };
        let dense = (0_u32..).zip(dense.iter().copied()).filter(|(_, count)| *count > 0);
        sparse.iter().copied().chain(dense)
    }

    /// Every slot's count, ready to be added to.
    fn dense(&mut self) -> &mut [u64] {
        if let Counts::Sparse(sparse) = &self.counts {
            let mut counts = vec![0; SLOTS].into_boxed_slice();
            for (slot, count) in sparse {
                counts[*slot as usize] = *count;
            }
            self.counts = Counts::Dense(counts);
        }
        match &mut self.counts {
            Counts::Dense(counts) => counts,
            Counts::Sparse(_) => unreachable!("it was made dense above"),
        }
    }
}

/// The sum of two ordered lists of counts.
fn merged(mine: &[(u32, u64)], theirs: impl Iterator<Item = (u32, u64)>) -> Vec<(u32, u64)> {
    let mut sum = Vec::with_capacity(mine.len());
    let mut mine = mine.iter().copied().peekable();
    for (slot, count) in theirs {
        while let Some(smaller) = mine.next_if(|(other, _)| *other < slot) {
            sum.push(smaller);
        }
        let same = mine.next_if(|(other, _)| *other == slot).map_or(0, |(_, count)| count);
        sum.push((slot, same + count));
    }
    sum.extend(mine);
    sum
}

impl Histogram {
    /// HdrHistogram's V2 form, compressed, as base64.
    pub fn encode(&self) -> Result<String, HistogramError> {
        let fail = |error: &dyn fmt::Display| HistogramError { reason: error.to_string() };
        let mut hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(1, HIGHEST_MICROS, DIGITS)
            .map_err(|error| fail(&error))?;
        for (slot, count) in self.slots() {
            hdr.record_n(values_of(slot as usize).0, count).map_err(|error| fail(&error))?;
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&hdr, &mut bytes).map_err(|error| fail(&error))?;
        Ok(STANDARD.encode(bytes))
    }

    /// Reads what [`Histogram::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, HistogramError> {
        let fail = |error: &dyn fmt::Display| HistogramError { reason: error.to_string() };
        let bytes = STANDARD.decode(text).map_err(|error| fail(&error))?;
        let hdr: hdrhistogram::Histogram<u64> =
            HdrDeserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| fail(&error))?;
        let mut slots: Vec<(u32, u64)> = Vec::new();
        for value in hdr.iter_recorded() {
            let slot = slot_of(value.value_iterated_to().min(HIGHEST_MICROS)) as u32;
            match slots.last_mut() {
                Some((last, count)) if *last == slot => *count += value.count_at_value(),
                _ => slots.push((slot, value.count_at_value())),
            }
        }
        let total = slots.iter().map(|(_, count)| count).sum();
        Ok(Self { total, counts: Counts::Sparse(slots) })
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode().map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::decode(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl schemars::JsonSchema for Histogram {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Histogram".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "HdrHistogram V2, compressed, base64; microseconds of real time",
        })
    }
}

/// The usual statistics of a latency, in milliseconds of scenario time; null where nothing was
/// counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LatencySummary {
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// 99.9th percentile.
    pub p999: Option<f64>,
    /// Largest.
    pub max: Option<f64>,
    /// Mean.
    pub mean: Option<f64>,
    /// How many were counted.
    pub count: u64,
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn of(micros: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        for value in micros {
            histogram.record_micros(*value);
        }
        histogram
    }

    fn micros(duration: Option<Duration>) -> u64 {
        duration.map_or(0, |duration| duration.as_micros() as u64)
    }

    #[test]
    fn values_are_real_and_read_in_scenario_time() {
        let speed = Speed::try_new(20.0).expect("a speed");
        let summary = of(&[1_000, 1_000, 2_000]).summary(speed);
        assert_eq!((summary.p50, summary.max, summary.count), (Some(20.0), Some(40.0), 3));
        assert_eq!(of(&[1_000, 2_000]).count_within(Duration::from_millis(30), speed), 1);
    }

    proptest! {
        #[test]
        fn counting_sparsely_is_counting(values in vec(0_u64..5_000_000_000, 0..200)) {
            let mut sparse = Histogram::new();
            for micros in &values {
                sparse.record_sparsely(*micros);
            }
            prop_assert_eq!(sparse, of(&values));
        }
    }

    #[test]
    fn nothing_counted_has_no_statistics() {
        let summary = Histogram::new().summary(Speed::REAL);
        assert_eq!(summary, LatencySummary::default());
        assert_eq!(Histogram::new().share_within(Duration::ZERO, Speed::REAL).to_bits(), 1.0_f64.to_bits());
    }

    #[test]
    fn values_over_an_hour_are_an_hour() {
        let summary = of(&[u64::MAX, 3_600_000_001]).summary(Speed::REAL);
        let max = summary.max.expect("two were counted");
        assert!((max / 3_600_000.0 - 1.0).abs() < 0.001, "{max}");
    }

    #[test]
    fn a_percentile_of_a_thousand_is_not_the_next_one() {
        let thousand: Vec<u64> = (1..=1_000).collect();
        assert_eq!(micros(of(&thousand).percentile(99.9, Speed::REAL)), 999);
        assert_eq!(micros(of(&thousand).percentile(95.0, Speed::REAL)), 950);
        assert_eq!(micros(of(&thousand).percentile(0.0, Speed::REAL)), 1);
    }

    #[test]
    fn text_that_is_no_histogram_says_so() {
        for text in ["", "%%%", "AAAA", "HISTFAAAAAA="] {
            let error = Histogram::decode(text).expect_err(text);
            assert!(error.to_string().starts_with("not a serialised histogram"), "{error}");
        }
    }

    /// Text of HdrHistogram itself, written by its own recorder: other tools' histograms are read.
    #[test]
    fn the_text_is_hdrhistograms_own() {
        let mut hdr = hdrhistogram::Histogram::<u64>::new(3).expect("three digits");
        for value in [5, 2_047, 2_048, 1_000_000, 7_200_000] {
            hdr.record(value).expect("it resizes");
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(&hdr, &mut bytes).expect("memory takes it");
        let read = Histogram::decode(&STANDARD.encode(bytes)).expect("it is one");
        assert_eq!(read, of(&[5, 2_047, 2_048, 1_000_000, 7_200_000]));
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        vec(prop_oneof![0_u64..5_000, 0_u64..10_000_000, 0_u64..HIGHEST_MICROS], 0..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn text_round_trips(values in values()) {
            let histogram = of(&values);
            let text = histogram.encode().expect("it is within its bounds");
            let read = Histogram::decode(&text).expect("it was just written");
            prop_assert_eq!(read.encode().expect("it is within its bounds"), text);
            prop_assert_eq!(read.summary(Speed::REAL), histogram.summary(Speed::REAL));
            prop_assert_eq!(read, histogram);
        }

        #[test]
        fn merging_is_associative_and_commutative_and_loses_nothing(a in values(), b in values(), c in values()) {
            let merged = |parts: &[&Histogram]| {
                let mut sum = parts[0].clone();
                parts[1..].iter().for_each(|part| sum.merge(part));
                sum
            };
            let all = of(&[a.clone(), b.clone(), c.clone()].concat());
            let (a, b, mut c) = (of(&a), of(&b), of(&c));
            c.shrink();
            prop_assert_eq!(&merged(&[&merged(&[&a, &b]), &c]), &all);
            prop_assert_eq!(&merged(&[&a, &merged(&[&b, &c])]), &all);
            prop_assert_eq!(&merged(&[&c, &b, &a]), &all);
            prop_assert_eq!(&Histogram::sum([&a, &b, &c]), &all);
            prop_assert_eq!(&merged(&[&Histogram::new(), &c, &a, &b]), &all, "the first is sparse");
        }

        #[test]
        fn percentiles_are_within_a_thousandth_of_the_exact_ones(mut values in vec(1_u64..HIGHEST_MICROS, 1..300), percentile in 0.0_f64..100.0) {
            let histogram = of(&values);
            values.sort_unstable();
            let rank = ((percentile / 100.0 * values.len() as f64 - 1e-6).ceil() as usize).max(1);
            let (exact, read) = (values[rank - 1], micros(histogram.percentile(percentile, Speed::REAL)));
            prop_assert!(read >= exact && read - exact <= exact / 1_000 + 1, "{} for {}", read, exact);
            let limit = Duration::from_micros(exact);
            prop_assert!(histogram.count_within(limit, Speed::REAL) >= rank as u64);
        }

        #[test]
        fn figures_are_those_of_hdrhistogram(values in vec(0_u64..HIGHEST_MICROS, 1..200)) {
            let mut hdr = hdrhistogram::Histogram::<u64>::new_with_bounds(1, HIGHEST_MICROS, DIGITS).expect("bounds");
            for value in &values {
                hdr.record(*value).expect("within the bounds");
            }
            let ours = of(&values);
            prop_assert_eq!(micros(ours.max(Speed::REAL)), hdr.max());
            prop_assert_eq!(micros(ours.percentile(50.0, Speed::REAL)), hdr.value_at_percentile(50.0));
            let mean = ours.mean(Speed::REAL).expect("some").as_secs_f64() * 1e6;
            prop_assert!((mean - hdr.mean()).abs() <= 0.01 + hdr.mean() * 1e-9, "{} and {}", mean, hdr.mean());
        }
    }
}
