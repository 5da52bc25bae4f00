//! Latency histograms: microseconds of *real* time, three significant digits, up to an hour.
//!
//! They are serialised in HdrHistogram's own V2 form (compressed, base64), so that runs merge
//! exactly and other tools read them. Readers scale what they read by the run's speed.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hdrhistogram::serialization::{Deserializer as HdrDeserializer, Serializer as _, V2DeflateSerializer};
use loadlab_clock::Speed;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};

/// Largest value that keeps its size: an hour in microseconds. Larger ones are recorded as this.
const HIGHEST_MICROS: u64 = 3_600_000_000;
/// Significant decimal digits.
const DIGITS: u8 = 3;

/// Counts of real microseconds.
#[derive(Clone, PartialEq)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

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

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Histogram({} values)", self.count())
    }
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Self {
        let empty = hdrhistogram::Histogram::new_with_bounds(1, HIGHEST_MICROS, DIGITS);
        Self(empty.expect("the bounds are constants that fit"))
    }

    /// Counts one duration of real time. No allocation.
    pub fn record(&mut self, real: Duration) {
        self.record_micros(u64::try_from(real.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts one duration, in real microseconds. No allocation.
    pub fn record_micros(&mut self, micros: u64) {
        self.0.saturating_record(micros);
    }

    /// Adds all counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    /// Forgets all counts, keeps the memory.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The duration in scenario time below or at which `percentile` (0 to 100) of the counts lie;
    /// `None` when nothing was counted.
    pub fn percentile(&self, percentile: f64, speed: Speed) -> Option<Duration> {
        let micros = (!self.is_empty()).then(|| self.0.value_at_percentile(percentile))?;
        Some(speed.scenario(Duration::from_micros(micros)))
    }

    /// The mean in scenario time; `None` when nothing was counted.
    pub fn mean(&self, speed: Speed) -> Option<Duration> {
        let micros = (!self.is_empty()).then(|| self.0.mean())?;
        Some(speed.scenario(Duration::from_secs_f64(micros / 1e6)))
    }

    /// The largest, in scenario time; `None` when nothing was counted.
    pub fn max(&self, speed: Speed) -> Option<Duration> {
        let micros = (!self.is_empty()).then(|| self.0.max())?;
        Some(speed.scenario(Duration::from_micros(micros)))
    }

    /// Share of the counts at or below `limit` of scenario time, from 0 to 1; 1 when empty.
    pub fn share_within(&self, limit: Duration, speed: Speed) -> f64 {
        if self.is_empty() {
            return 1.0;
        }
        let micros = u64::try_from(speed.real(limit).as_micros()).unwrap_or(u64::MAX).min(HIGHEST_MICROS);
        self.0.count_between(0, micros) as f64 / self.count() as f64
    }

    /// The non-empty buckets: upper bound in scenario time, and count.
    pub fn buckets(&self, speed: Speed) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.0.iter_recorded().map(move |value| {
            (speed.scenario(Duration::from_micros(value.value_iterated_to())), value.count_at_value())
        })
    }

    /// The usual statistics, in milliseconds of scenario time.
    pub fn summary(&self, speed: Speed) -> LatencySummary {
        let ms = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64() * 1e3);
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

    /// HdrHistogram's V2 form, compressed, as base64.
    pub fn encode(&self) -> Result<String, HistogramError> {
        let mut bytes = Vec::new();
        let encoded = V2DeflateSerializer::new().serialize(&self.0, &mut bytes);
        encoded.map_err(|error| HistogramError { reason: error.to_string() })?;
        Ok(STANDARD.encode(bytes))
    }

    /// Reads what [`Histogram::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self, HistogramError> {
        let bytes = STANDARD.decode(text).map_err(|error| HistogramError { reason: error.to_string() })?;
        let decoded: hdrhistogram::Histogram<u64> = HdrDeserializer::new()
            .deserialize(&mut bytes.as_slice())
            .map_err(|error| HistogramError { reason: error.to_string() })?;
        let mut histogram = Self::new();
        histogram.0.add(&decoded).map_err(|error| HistogramError { reason: error.to_string() })?;
        Ok(histogram)
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
