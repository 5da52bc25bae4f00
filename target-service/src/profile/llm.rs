//! The LLM mock's part of a profile. The mock takes the same fields by `PATCH /admin/settings`.

use std::{fmt, time::Duration};

use loadlab_clock::{Distribution, DistributionError, text::human_duration};
use serde::{Deserialize, Serialize};

/// The LLM mock's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmProfile {
    /// `POST /v1/embeddings`.
    pub embeddings: LlmOperation,
    /// `POST /v1/chat/completions`.
    pub generation: LlmOperation,
    /// The same address for the model `judge`: the review of an answer.
    pub judge: LlmOperation,
    /// Numbers in an embedding, unless a request asks for another size.
    pub dimensions: usize,
    /// Tokens in a generated answer, about.
    pub answer_tokens: usize,
    /// The part of a generation's time that passes before its first token, from 0 to 1.
    pub first_token: f64,
    /// Answers are of status 200, and no JSON.
    #[serde(default)]
    pub garbage: bool,
}

/// How one operation behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmOperation {
    /// From the start of the work to the answer; the wait in the queue comes on top.
    pub latency: Distribution,
    /// Inputs or calls, as `counts` says, started per second of scenario time, evenly paced; none is
    /// no limit.
    pub per_second: Option<f64>,
    /// What `per_second` counts.
    #[serde(default)]
    pub counts: LlmCount,
    /// Calls worked on at the same time; none is no limit.
    pub concurrent: Option<usize>,
    /// Calls that may wait; the next is answered 503. None is no limit.
    pub queue: Option<usize>,
    /// The share of calls answered 500, from 0 to 1, drawn from the seed call by call.
    pub errors: f64,
    /// How long a failing call takes; none is as long as a good one.
    #[serde(with = "loadlab_clock::text::optional_duration")]
    pub errors_after: Option<Duration>,
    /// Calls per second that are let in at all; the rest is answered 429.
    pub rate_limit: Option<LlmRateLimit>,
    /// Whether it answers at all.
    pub outage: LlmOutage,
}

/// What a limit of throughput counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmCount {
    /// Each input of a call.
    #[default]
    Inputs,
    /// Each call, whatever it carries.
    Calls,
}

/// A token bucket before an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LlmRateLimit {
    /// Calls per second of scenario time.
    pub per_second: f64,
    /// Calls at once after a rest.
    pub burst: u32,
    /// The least that `Retry-After` asks for.
    #[serde(with = "human_duration")]
    pub retry_after: Duration,
}

/// Whether an operation answers at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmOutage {
    /// It does.
    #[default]
    None,
    /// The connection is closed without an answer.
    Refuse,
    /// The request is taken and never answered.
    Hang,
}

/// A setting of the LLM mock that makes no sense.
#[derive(Debug, Clone, PartialEq)]
pub enum LlmProfileError {
    /// A distribution that cannot be drawn from.
    Latency {
        /// Why.
        source: DistributionError,
    },
    /// A rate that is not above 0.
    Rate {
        /// What was given.
        per_second: f64,
    },
    /// A share outside of 0 to 1.
    Share {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// A count outside of its bounds.
    Count {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: usize,
        /// The most that is accepted; the least is 1.
        max: usize,
    },
}

impl fmt::Display for LlmProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { .. } => write!(f, "a latency cannot be drawn from"),
            Self::Rate { per_second } => write!(f, "{per_second} per second is not a rate above 0"),
            Self::Share { name, value } => write!(f, "`{name}` {value} is not between 0 and 1"),
            Self::Count { name, value, max } => write!(f, "`{name}` {value} is not between 1 and {max}"),
        }
    }
}

impl std::error::Error for LlmProfileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Latency { source } => Some(source),
            _ => None,
        }
    }
}

impl LlmProfile {
    /// Most numbers in an embedding.
    pub const DIMENSIONS_MAX: usize = 4096;
    /// Most tokens in an answer.
    pub const ANSWER_TOKENS_MAX: usize = 4096;

    /// Whether all settings make sense.
    pub fn check(&self) -> Result<(), LlmProfileError> {
        self.embeddings.check()?;
        self.generation.check()?;
        self.judge.check()?;
        within("dimensions", self.dimensions, Self::DIMENSIONS_MAX)?;
        within("answer_tokens", self.answer_tokens, Self::ANSWER_TOKENS_MAX)?;
        share("first_token", self.first_token)
    }
}

impl LlmOperation {
    fn check(&self) -> Result<(), LlmProfileError> {
        self.latency.check().map_err(|source| LlmProfileError::Latency { source })?;
        let rates = [self.per_second, self.rate_limit.as_ref().map(|limit| limit.per_second)];
        if let Some(per_second) = rates.into_iter().flatten().find(|rate| !(*rate > 0.0 && rate.is_finite()))
        {
            return Err(LlmProfileError::Rate { per_second });
        }
        if let Some(concurrent) = self.concurrent {
            within("concurrent", concurrent, 1_000_000)?;
        }
        if let Some(limit) = &self.rate_limit {
            within("burst", limit.burst as usize, 1_000_000)?;
        }
        share("errors", self.errors)
    }
}

fn share(name: &'static str, value: f64) -> Result<(), LlmProfileError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(LlmProfileError::Share { name, value }) }
}

fn within(name: &'static str, value: usize, max: usize) -> Result<(), LlmProfileError> {
    if (1..=max).contains(&value) { Ok(()) } else { Err(LlmProfileError::Count { name, value, max }) }
}
