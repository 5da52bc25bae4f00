//! How a user's client behaves.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    field::{At, Either, Leaf},
    parse::{Words, quantity::ByteRate},
    plan::RetryAfter,
    quantity::Share,
};

/// How a user's client behaves.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Client")]
pub(crate) struct ClientFile {
    /// Connections at most to the service. Default: 6, as a browser has.
    pub(crate) connections: Option<Leaf<u32>>,
    /// Connections are kept for the user's next request. Default: true.
    pub(crate) reuse: Option<Leaf<bool>>,
    /// Longest time for a connection to be made. Default: 5s.
    pub(crate) connect_timeout: Option<Leaf<Duration>>,
    /// Longest time for one attempt, from its sending to its last byte. Default: 30s.
    pub(crate) timeout: Option<Leaf<Duration>>,
    /// When a user stops waiting for one attempt. Default: never.
    pub(crate) patience: Option<Either<Duration, DrawFile>>,
    /// What the client does after an attempt that failed. Default: none.
    pub(crate) retries: Option<Either<NoRetries, RetriesFile>>,
    /// How fast answers are read. Default: fast.
    pub(crate) reader: Option<Either<FastReader, ReaderFile>>,
    /// Users who leave in the middle of the answer. Default: nobody.
    pub(crate) leaves: Option<At<LeavesFile>>,
}

/// A duration that is drawn. A bare duration is always the same.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Draw")]
pub(crate) enum DrawFile {
    /// Always the same.
    Constant(Leaf<Duration>),
    /// Evenly between two bounds.
    Uniform(At<UniformFile>),
    /// Memoryless.
    Exponential(At<ExponentialFile>),
    /// The logarithm is normal, as of most times that people and services take.
    Lognormal(At<LognormalFile>),
}

/// Evenly between two bounds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Uniform")]
pub(crate) struct UniformFile {
    /// The shortest.
    pub(crate) min: Leaf<Duration>,
    /// The longest.
    pub(crate) max: Leaf<Duration>,
}

/// Memoryless.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Exponential")]
pub(crate) struct ExponentialFile {
    /// The mean.
    pub(crate) mean: Leaf<Duration>,
    /// Draws below are raised to this.
    pub(crate) min: Option<Leaf<Duration>>,
    /// Draws above are cut to this.
    pub(crate) max: Option<Leaf<Duration>>,
}

/// The logarithm is normal.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lognormal")]
pub(crate) struct LognormalFile {
    /// The median.
    pub(crate) median: Leaf<Duration>,
    /// Standard deviation of the logarithm: 0.3 is mild, 1 is heavy.
    pub(crate) sigma: Leaf<f64>,
    /// Draws below are raised to this.
    pub(crate) min: Option<Leaf<Duration>>,
    /// Draws above are cut to this.
    pub(crate) max: Option<Leaf<Duration>>,
}

/// Attempts after the first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Retries")]
pub(crate) struct RetriesFile {
    /// Extra attempts at most.
    pub(crate) max: Leaf<u32>,
    /// Which users retry at all. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// Pause before an extra attempt. Default: immediate.
    pub(crate) backoff: Option<Either<Immediate, BackoffFile>>,
    /// After which ends of an attempt. Default: all of them.
    pub(crate) after: Option<At<Vec<Leaf<RetryAfter>>>>,
    /// Extra attempts of all users together, as a share of their first attempts. Default: no limit.
    pub(crate) budget: Option<Leaf<Share>>,
}

/// Pause before an extra attempt.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Backoff")]
pub(crate) enum BackoffFile {
    /// Longer each time.
    Exponential(At<ExponentialBackoffFile>),
}

/// Longer each time.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExponentialBackoff")]
pub(crate) struct ExponentialBackoffFile {
    /// Before the first extra attempt.
    pub(crate) base: Leaf<Duration>,
    /// Growth. Default: 2.
    pub(crate) factor: Option<Leaf<f64>>,
    /// Longest pause. Default: 10s.
    pub(crate) max: Option<Leaf<Duration>>,
    /// Part of the pause that is drawn. Default: 100%, full jitter.
    pub(crate) jitter: Option<Leaf<Share>>,
}

/// How fast answers are read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Reader")]
pub(crate) enum ReaderFile {
    /// Some users read slowly.
    Slow(At<SlowFile>),
}

/// Some users read slowly.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SlowReader")]
pub(crate) struct SlowFile {
    /// Which users. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// How fast.
    pub(crate) rate: Leaf<ByteRate>,
}

/// Users who leave in the middle of the answer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Leaves")]
pub(crate) struct LeavesFile {
    /// Which users. Default: 100%.
    pub(crate) share: Option<Leaf<Share>>,
    /// When, counted from the first byte of the answer.
    pub(crate) after: Either<Duration, DrawFile>,
}

/// The word `none`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoRetries;

/// The word `immediate`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Immediate;

/// The word `fast`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FastReader;

impl Words for NoRetries {
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self)];
    const OR: Option<&'static str> = Some("`{ max: 1, share: 80%, backoff: …, after: […] }`");
}

impl Words for Immediate {
    const WORDS: &'static [(&'static str, Self)] = &[("immediate", Self)];
    const OR: Option<&'static str> =
        Some("`{ exponential: { base: 100ms, factor: 2, max: 10s, jitter: 100% } }`");
}

impl Words for FastReader {
    const WORDS: &'static [(&'static str, Self)] = &[("fast", Self)];
    const OR: Option<&'static str> = Some("`{ slow: { share: 10%, rate: 50KB/s } }`");
}

impl Words for RetryAfter {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("abandoned", Self::Abandoned),
        ("timeout", Self::Timeout),
        ("connection", Self::Connection),
        ("error", Self::Error),
        ("shed", Self::Shed),
        ("truncated", Self::Truncated),
    ];
}
