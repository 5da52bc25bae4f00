//! `latency {latency, jitter, distribution, histogram}`: every chunk is due at its arrival plus a
//! delay. Chunks are on their way side by side, so throughput does not fall; their order is kept.
//!
//! | distribution | delay, ms |
//! |---|---|
//! | `uniform` (default) | evenly from `latency - jitter` to `latency + jitter`, as in Toxiproxy |
//! | `normal` | mean `latency`, standard deviation `jitter` |
//! | `lognormal` | mean `latency`, standard deviation `jitter` |
//! | `pareto` | mean `latency`, standard deviation `jitter` |
//! | `histogram` | one of `histogram`, a list of `[ms, weight]`; `latency` and `jitter` are unused |
//!
//! A delay under 0 is 0.

use std::time::{Duration, Instant};

use loadlab_clock::Speed;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};
use serde_json::{Map, Value};

use super::{Chunk, FieldError, Fields, Holding, Kind, Mark, Queue, Site, Stage, after};
use crate::proxy::{Purpose, view::number};

/// The attributes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Latency {
    base_ms: u64,
    jitter_ms: u64,
    distribution: LatencyDistribution,
}

/// How the delays of a latency toxic are spread.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum LatencyDistribution {
    /// Evenly, jitter to either side.
    #[default]
    Uniform,
    /// The bell; jitter is its standard deviation.
    Normal,
    /// The logarithm is a bell; jitter is the standard deviation of the delay itself.
    Lognormal,
    /// A heavy tail; jitter is the standard deviation, so the tail's index is over 2.
    Pareto,
    /// Recorded: milliseconds and weights.
    Histogram(Vec<(f64, f64)>),
}

impl LatencyDistribution {
    fn name(&self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Normal => "normal",
            Self::Lognormal => "lognormal",
            Self::Pareto => "pareto",
            Self::Histogram(_) => "histogram",
        }
    }

    fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(match fields.text("distribution")? {
            None | Some("uniform") => Self::Uniform,
            Some("normal") => Self::Normal,
            Some("lognormal") => Self::Lognormal,
            Some("pareto") => Self::Pareto,
            Some("histogram") => Self::Histogram(read_histogram(fields)?),
            Some(_) => {
                let all = "was invalid, can be uniform, normal, lognormal, pareto or histogram";
                return Err(FieldError::value("distribution", all));
            }
        })
    }

    /// One delay in milliseconds, 0 or more, given `latency` and `jitter` in milliseconds.
    pub fn sample(&self, latency_ms: f64, jitter_ms: f64, rng: &mut ChaCha8Rng) -> f64 {
        let delay = match self {
            Self::Uniform => {
                let unit: f64 = rng.random();
                latency_ms + jitter_ms * (2.0 * unit - 1.0)
            }
            Self::Normal => {
                let bell: f64 = StandardNormal.sample(rng);
                latency_ms + jitter_ms * bell
            }
            Self::Lognormal => {
                let bell: f64 = StandardNormal.sample(rng);
                lognormal(latency_ms, jitter_ms, bell)
            }
            Self::Pareto => {
                let unit: f64 = rng.random();
                pareto(latency_ms, jitter_ms, unit)
            }
            Self::Histogram(buckets) => {
                let unit: f64 = rng.random();
                recorded(buckets, unit)
            }
        };
        delay.max(0.0)
    }
}

/// The lognormal of this mean and standard deviation where the standard bell is at `bell`.
fn lognormal(mean: f64, deviation: f64, bell: f64) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    let variance = (deviation / mean).powi(2).ln_1p();
    mean * (variance.sqrt() * bell - variance / 2.0).exp()
}

/// The Pareto of this mean and standard deviation whose tail begins at `1 - unit`.
fn pareto(mean: f64, deviation: f64, unit: f64) -> f64 {
    if mean <= 0.0 || deviation <= 0.0 {
        return mean;
    }
    // From variance / mean² = 1 / (a (a - 2)), where a is the index.
    let index = 1.0 + (1.0 + (mean / deviation).powi(2)).sqrt();
    let least = mean * (index - 1.0) / index;
    least * (1.0 - unit).powf(-1.0 / index)
}

/// The bucket into which `unit` of all weight falls.
fn recorded(buckets: &[(f64, f64)], unit: f64) -> f64 {
    let mut left = unit * buckets.iter().map(|(_, weight)| weight).sum::<f64>();
    for (ms, weight) in buckets {
        left -= weight;
        if left < 0.0 {
            return *ms;
        }
    }
    buckets.last().map_or(0.0, |(ms, _)| *ms)
}

fn read_histogram(fields: Fields<'_>) -> Result<Vec<(f64, f64)>, FieldError> {
    let wrong =
        || FieldError::value("histogram", "must be a list of [ms, weight], each 0 or more, of some weight");
    let list = fields.array("histogram")?.ok_or_else(wrong)?;
    let bucket = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([ms, weight]) => Some((ms.as_f64()?, weight.as_f64()?)),
        _ => None,
    };
    let buckets: Vec<_> = list.iter().map(bucket).collect::<Option<_>>().ok_or_else(wrong)?;
    let weight: f64 = buckets.iter().map(|(_, weight)| weight).sum();
    let is_sound = buckets.iter().all(|(ms, weight)| *ms >= 0.0 && *weight >= 0.0);
    if is_sound && weight > 0.0 && weight.is_finite() { Ok(buckets) } else { Err(wrong()) }
}

impl Latency {
    pub(super) fn read(fields: Fields<'_>) -> Result<Self, FieldError> {
        Ok(Self {
            base_ms: fields.count("latency")?,
            jitter_ms: fields.count("jitter")?,
            distribution: LatencyDistribution::read(fields)?,
        })
    }

    pub(super) fn attributes(&self) -> Value {
        let mut all = Map::new();
        all.insert("latency".to_owned(), self.base_ms.into());
        all.insert("jitter".to_owned(), self.jitter_ms.into());
        if self.distribution != LatencyDistribution::Uniform {
            all.insert("distribution".to_owned(), self.distribution.name().into());
        }
        if let LatencyDistribution::Histogram(buckets) = &self.distribution {
            let list = buckets.iter().map(|(ms, weight)| Value::from(vec![number(*ms), number(*weight)]));
            all.insert("histogram".to_owned(), list.collect());
        }
        Value::Object(all)
    }

    pub(super) fn stage(&self, site: Site) -> impl Stage + use<> {
        Delay {
            rng: site.draws.stream(Purpose::Value),
            holding: site.holding(),
            latency: self.clone(),
            speed: site.speed,
            last_due: site.now,
            queue: Queue::default(),
            mark: site.mark,
        }
    }

    /// One delay, in real time.
    fn draw(&self, speed: Speed, rng: &mut ChaCha8Rng) -> Duration {
        let ms = self.distribution.sample(self.base_ms as f64, self.jitter_ms as f64, rng);
        let scenario = Duration::try_from_secs_f64(ms / 1000.0).unwrap_or(Duration::MAX);
        speed.real(scenario)
    }
}

struct Delay {
    latency: Latency,
    speed: Speed,
    rng: ChaCha8Rng,
    /// The chunk before; none overtakes it.
    last_due: Instant,
    holding: Holding,
    queue: Queue,
    mark: Mark,
}

impl Delay {
    fn schedule(&mut self, chunk: &mut Chunk) {
        let own =
            if chunk.hit { after(chunk.at, self.latency.draw(self.speed, &mut self.rng)) } else { chunk.at };
        chunk.due = own.max(self.last_due);
        self.last_due = chunk.due;
    }
}

impl Stage for Delay {
    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn queue_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }

    fn wants(&self) -> bool {
        self.holding.has_room()
    }

    fn push(&mut self, mut chunk: Chunk) {
        let bytes = chunk.data.len();
        if chunk.hit {
            self.mark.bytes(bytes);
        }
        self.schedule(&mut chunk);
        self.holding.take(bytes);
        self.queue.push(chunk);
    }

    fn pull(&mut self, now: Instant) -> Option<Chunk> {
        if self.queue.front()?.due > now {
            return None;
        }
        let mut chunk = self.queue.pop()?;
        self.holding.give_back(chunk.data.len());
        chunk.at = chunk.due;
        Some(chunk)
    }

    fn wake(&self) -> Option<Instant> {
        self.queue.front().map(|first| first.due)
    }

    /// What is on its way is delayed anew, from its arrival, so that a shorter latency is felt at
    /// once.
    fn retune(&mut self, kind: &Kind, now: Instant) {
        let Kind::Latency(latency) = kind else { return };
        self.latency = latency.clone();
        self.last_due = self.queue.front().map_or(now, |first| first.at);
        let mut queue = std::mem::take(&mut self.queue);
        for chunk in queue.iter_mut() {
            self.schedule(chunk);
        }
        self.queue = queue;
    }
}

#[cfg(test)]
mod tests {
    use loadlab_clock::Seed;
    use serde_json::json;

    use super::super::bench_site::{chunk, kind, site, sizes};
    use super::*;

    fn delay(attributes: &Value, now: Instant) -> Box<dyn Stage> {
        let (site, _) = site(now);
        kind("latency", attributes).expect("attributes").stage(site).expect("a stage")
    }

    fn draws(distribution: &LatencyDistribution, latency: f64, jitter: f64) -> Vec<f64> {
        let mut rng = Seed::new(11).stream("latency", 0, 0);
        (0..20_000).map(|_| distribution.sample(latency, jitter, &mut rng)).collect()
    }

    fn mean_and_deviation(draws: &[f64]) -> (f64, f64) {
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        (mean, variance.sqrt())
    }

    #[test]
    fn chunks_are_on_their_way_side_by_side() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut delay = delay(&json!({ "latency": 100 }), now);
        for n in 0..3 {
            delay.push(chunk(10 + n as usize, now + ms(n)));
        }
        assert!(sizes(delay.as_mut(), now + ms(99)).is_empty());
        assert_eq!(delay.wake(), Some(now + ms(100)));
        assert_eq!(sizes(delay.as_mut(), now + ms(101)), [10, 11]);
        assert_eq!(sizes(delay.as_mut(), now + ms(102)), [12]);
    }

    #[test]
    fn order_is_kept_whatever_is_drawn() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut delay = delay(&json!({ "latency": 50, "jitter": 50 }), now);
        for n in 0..100 {
            delay.push(chunk(1 + n, now));
        }
        let came: Vec<usize> = (0..=100).flat_map(|n| sizes(delay.as_mut(), now + ms(n))).collect();
        assert_eq!(came, (1..=100).collect::<Vec<_>>());
    }

    #[test]
    fn a_shorter_latency_is_felt_by_what_is_on_its_way() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut delay = delay(&json!({ "latency": 60_000 }), now);
        delay.push(chunk(10, now));
        delay.retune(&kind("latency", &json!({ "latency": 20 })).expect("attributes"), now + ms(5));
        assert_eq!(delay.wake(), Some(now + ms(20)));
    }

    #[test]
    fn mean_and_deviation_are_latency_and_jitter() {
        use LatencyDistribution::{Lognormal, Normal, Pareto};
        for distribution in [Normal, Lognormal, Pareto] {
            let (mean, deviation) = mean_and_deviation(&draws(&distribution, 100.0, 20.0));
            assert!((mean - 100.0).abs() < 1.0, "{distribution:?}: mean {mean}");
            assert!((deviation - 20.0).abs() < 2.0, "{distribution:?}: deviation {deviation}");
        }
        let uniform = draws(&LatencyDistribution::Uniform, 100.0, 20.0);
        assert!(uniform.iter().all(|ms| (80.0..=120.0).contains(ms)));
        let (mean, deviation) = mean_and_deviation(&uniform);
        assert!((mean - 100.0).abs() < 0.5 && (deviation - 20.0 / 3_f64.sqrt()).abs() < 0.5);
    }

    #[test]
    fn a_recorded_histogram_comes_back_with_its_weights() {
        let buckets = vec![(1.0, 3.0), (50.0, 0.0), (20.0, 1.0)];
        let drawn = draws(&LatencyDistribution::Histogram(buckets), 0.0, 0.0);
        let share = |ms: f64| drawn.iter().filter(|d| (**d - ms).abs() < 1e-9).count() as f64 / 20_000.0;
        assert!((share(1.0) - 0.75).abs() < 0.02 && (share(20.0) - 0.25).abs() < 0.02);
        assert!(share(50.0) < 1e-9);
    }

    #[test]
    fn extremes_are_only_long_or_short() {
        let now = Instant::now();
        let mut delay = delay(&json!({ "latency": i64::MAX, "jitter": i64::MAX }), now);
        delay.push(chunk(1, now));
        assert!(delay.wake().is_some());
        for distribution in ["normal", "lognormal", "pareto"] {
            let attributes = json!({ "latency": 0, "jitter": i64::MAX, "distribution": distribution });
            let mut delay = self::delay(&attributes, now);
            delay.push(chunk(1, now));
            assert!(delay.wake().is_some());
        }
    }

    #[test]
    fn what_cannot_be_drawn_from_is_refused() {
        let cases = [
            (json!({ "latency": -1 }), "latency must be 0 or more, not -1"),
            (json!({ "distribution": "cauchy" }), "distribution was invalid"),
            (json!({ "distribution": "histogram" }), "histogram must be a list"),
            (json!({ "distribution": "histogram", "histogram": [[1, -1]] }), "histogram must be a list"),
            (json!({ "distribution": "histogram", "histogram": [[1, 0]] }), "of some weight"),
        ];
        for (attributes, said) in cases {
            let error = kind("latency", &attributes).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
