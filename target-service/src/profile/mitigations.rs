//! The mechanisms that a profile may switch on beside what `baseline` does. Each is off by default and
//! composes with every other; `docs/MITIGATIONS.md` says where each comes from.

use std::{fmt, time::Duration};

use loadlab_clock::text::human_duration;
use serde::{Deserialize, Serialize};

/// The service's mechanisms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mitigations {
    /// Sessions of their own for ingestion.
    pub bulkheads: Bulkheads,
    /// Stores that follow the one that is written to, for what only reads.
    pub read_replicas: ReadReplicas,
    /// A breaker for each kind of work.
    pub breaker_per_operation: BreakerPerOperation,
    /// A breaker that sheds by share instead of opening.
    pub adaptive_breaker: AdaptiveBreaker,
    /// A breaker before the database.
    pub database_breaker: DatabaseBreaker,
    /// Calls of the LLM that failed are tried again.
    pub llm_retries: LlmRetries,
    /// How fast the LLM is called at most.
    pub token_bucket: TokenBucket,
    /// Less is done for a search while many wait.
    pub tiers: Tiers,
    /// Searches that miss the same entry of the cache retrieve it once.
    pub single_flight: SingleFlight,
    /// Work is let in by its class, and refused when too much waits.
    pub priority_queue: PriorityQueue,
}

/// Sessions of their own for ingestion: it cannot take those of searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulkheads {
    /// Whether there are.
    pub enabled: bool,
    /// Sessions of the pool for ingestion, in addition to `pool.max`.
    pub ingest_sessions: usize,
}

impl Default for Bulkheads {
    fn default() -> Self {
        // Stress-test report, scenario 2B: 10 of 20 connections are what ingestion takes at first.
        Self { enabled: false, ingest_sessions: 10 }
    }
}

/// Stores that follow the one that is written to: searches and documents by id are read there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReadReplicas {
    /// Whether there are.
    pub enabled: bool,
    /// How many, up to [`ReadReplicas::MOST`].
    pub count: usize,
    /// Sessions that an instance has to each, in addition to `pool.max`.
    pub sessions: usize,
}

impl ReadReplicas {
    /// Most of them: each is a process, on two processors.
    pub const MOST: usize = 3;

    /// The names of the roles that there are.
    pub fn roles(&self) -> Vec<String> {
        let count = if self.enabled { self.count } else { 0 };
        (0..count).map(|number| format!("sql-replica-{number}")).collect()
    }
}

impl Default for ReadReplicas {
    fn default() -> Self {
        // As many sessions as the pool to the primary has; the report names no figure.
        Self { enabled: false, count: 1, sessions: 20 }
    }
}

/// A breaker for each kind of work: failures of one do not reject the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerPerOperation {
    /// Whether each has its own.
    pub enabled: bool,
    /// Embedding calls of ingestion under way at the same time; searches keep `breaker.concurrent`.
    pub ingest_concurrent: usize,
}

impl Default for BreakerPerOperation {
    fn default() -> Self {
        // Stress-test report, scenario 2B: half of the LLM's capacity, of which a search has 20 slots.
        Self { enabled: false, ingest_concurrent: 10 }
    }
}

/// Client-side throttling as in Google's *Site Reliability Engineering*, chapter "Handling Overload": a
/// call is rejected with the probability `(calls - k × successes) / (calls + 1)`, both counted over the
/// window. It takes the place of the breaker's states.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveBreaker {
    /// Whether the breakers before the LLM are of this kind.
    pub enabled: bool,
    /// How many calls are let through for each success: 2 in the book.
    pub k: f64,
    /// Over which calls and successes are counted: two minutes in the book.
    #[serde(with = "human_duration")]
    pub window: Duration,
}

impl Default for AdaptiveBreaker {
    fn default() -> Self {
        Self { enabled: false, k: 2.0, window: Duration::from_secs(120) }
    }
}

/// A breaker before the database, with the figures of the systems-thinking framework.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseBreaker {
    /// Whether there is one.
    pub enabled: bool,
    /// Share of failed statements that opens it, from 0 to 1.
    pub share: f64,
    /// Over which the share is counted.
    #[serde(with = "human_duration")]
    pub window: Duration,
    /// Statements in the window below which the share says nothing.
    pub least: u32,
    /// How often one statement is let through while it is open.
    #[serde(with = "human_duration")]
    pub probe_every: Duration,
}

impl Default for DatabaseBreaker {
    fn default() -> Self {
        let (window, probe_every) = (Duration::from_secs(30), Duration::from_secs(10));
        // `least` is not in the framework: one failure of one statement is a share of 100 %.
        Self { enabled: false, share: 0.5, window, least: 10, probe_every }
    }
}

/// What happens after a call of the LLM that failed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LlmRetries {
    /// Extra attempts at most; 0 is none.
    pub max: u32,
    /// The pause before an extra attempt.
    pub backoff: LlmBackoff,
}

/// The pause before an extra attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmBackoff {
    /// None.
    #[default]
    Immediate,
}

/// How fast the LLM is called at most; who comes too early waits its turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenBucket {
    /// Whether there is a limit.
    pub enabled: bool,
    /// Embedding calls per second.
    pub embeddings_per_second: f64,
    /// Generations per second.
    pub generations_per_second: f64,
    /// Calls at once after a rest, of each kind.
    pub burst: u32,
    /// Who would wait longer is rejected.
    #[serde(with = "human_duration")]
    pub wait_max: Duration,
}

impl Default for TokenBucket {
    fn default() -> Self {
        Self {
            enabled: false,
            // Stress-test report, bottleneck 2: 30 to 50 embeddings a second. A search makes two.
            embeddings_per_second: 40.0,
            generations_per_second: 20.0,
            burst: 20,
            // The lower end of the service-level agreement.
            wait_max: Duration::from_secs(5),
        }
    }
}

/// What a search gets while others wait, by how many they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tiers {
    /// Whether there are tiers.
    pub enabled: bool,
    /// Waiting searches from which on keywords must do.
    pub keyword_from: usize,
    /// Waiting searches from which on only what a cache holds is answered.
    pub cached_from: usize,
}

impl Default for Tiers {
    fn default() -> Self {
        // With 20 sessions and 2.5 s each, 20 who wait are 2.5 s of waiting, and 40 are 5 s: the lower
        // end of the service-level agreement.
        Self { enabled: false, keyword_from: 20, cached_from: 40 }
    }
}

/// Searches that miss the same entry of the cache at the same time retrieve it once, in each worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SingleFlight {
    /// Whether they do.
    pub enabled: bool,
}

/// A gate before all work of an instance: search before urgent before ingestion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriorityQueue {
    /// Whether there is one.
    pub enabled: bool,
    /// Units of work let in at the same time.
    pub concurrent: usize,
    /// Units of work that may wait; one more refuses the youngest of the lowest class.
    pub queue: usize,
}

impl Default for PriorityQueue {
    fn default() -> Self {
        // As many as there are sessions, so that the queue is here and not at the pool; and as many as
        // those can serve within the agreement of 7 s, at 2.5 s each.
        Self { enabled: false, concurrent: 20, queue: 35 }
    }
}

/// Why settings of a mechanism make no sense.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MitigationError {
    /// Something that must be there is set to none.
    Zero {
        /// The setting.
        name: &'static str,
    },
    /// A number is not above 0.
    NotAboveZero {
        /// The setting.
        name: &'static str,
        /// As set.
        value: f64,
    },
    /// More than there may be.
    TooMany {
        /// The setting.
        name: &'static str,
        /// As set.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A share outside of 0 to 1, or 0.
    Share {
        /// The setting.
        name: &'static str,
        /// As set.
        value: f64,
    },
    /// The tiers are in the wrong order.
    Tiers {
        /// `keyword_from` as set.
        keyword: usize,
        /// `cached_from` as set.
        cached: usize,
    },
}

impl fmt::Display for MitigationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero { name } => write!(f, "`mitigations.{name}` is 0"),
            Self::NotAboveZero { name, value } => {
                write!(f, "`mitigations.{name}` {value} is not a number above 0")
            }
            Self::TooMany { name, count, most } => {
                write!(f, "`mitigations.{name}` {count} is over {most}")
            }
            Self::Share { name, value } => {
                write!(f, "`mitigations.{name}` {value} is not above 0 and at most 1")
            }
            Self::Tiers { keyword, cached } => write!(
                f,
                "`mitigations.tiers.keyword_from` {keyword} is above `mitigations.tiers.cached_from` {cached}"
            ),
        }
    }
}

impl std::error::Error for MitigationError {}

impl Mitigations {
    /// Whether all settings make sense, switched on or not.
    pub fn check(&self) -> Result<(), MitigationError> {
        let counts = [
            ("bulkheads.ingest_sessions", self.bulkheads.ingest_sessions),
            ("read_replicas.count", self.read_replicas.count),
            ("read_replicas.sessions", self.read_replicas.sessions),
            ("breaker_per_operation.ingest_concurrent", self.breaker_per_operation.ingest_concurrent),
            ("token_bucket.burst", self.token_bucket.burst as usize),
            ("priority_queue.concurrent", self.priority_queue.concurrent),
            ("adaptive_breaker.window", usize::from(!self.adaptive_breaker.window.is_zero())),
            ("database_breaker.window", usize::from(!self.database_breaker.window.is_zero())),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(MitigationError::Zero { name });
        }
        let replicas = self.read_replicas.count;
        if replicas > ReadReplicas::MOST {
            return Err(MitigationError::TooMany {
                name: "read_replicas.count",
                count: replicas,
                most: ReadReplicas::MOST,
            });
        }
        let numbers = [
            ("adaptive_breaker.k", self.adaptive_breaker.k),
            ("token_bucket.embeddings_per_second", self.token_bucket.embeddings_per_second),
            ("token_bucket.generations_per_second", self.token_bucket.generations_per_second),
        ];
        if let Some((name, value)) = numbers.into_iter().find(|(_, n)| !(*n > 0.0 && n.is_finite())) {
            return Err(MitigationError::NotAboveZero { name, value });
        }
        let share = self.database_breaker.share;
        if !(share > 0.0 && share <= 1.0) {
            return Err(MitigationError::Share { name: "database_breaker.share", value: share });
        }
        let Tiers { keyword_from: keyword, cached_from: cached, .. } = self.tiers;
        if keyword > cached {
            return Err(MitigationError::Tiers { keyword, cached });
        }
        Ok(())
    }
}
