//! The service's part of a profile.

use std::{fmt, time::Duration};

use loadlab_clock::text::{human_duration, optional_duration};
use serde::{Deserialize, Serialize};

use super::{
    AnswerBytes, DeploymentSettings, IngestSettings, JudgeSettings, MemorySettings, MitigationError,
    Mitigations, StreamSettings,
};
use crate::pool::PoolSettings;

/// The service's part: what every instance is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceProfile {
    /// Instances, each a process.
    pub instances: usize,
    /// Workers in each instance.
    pub workers: Workers,
    /// The session pool of each instance.
    pub pool: PoolSettings,
    /// The breaker of each instance, for all its embedding calls.
    pub breaker: BreakerSettings,
    /// How long is waited for what.
    pub timeouts: Timeouts,
    /// The caches.
    pub cache: Caches,
    /// What a search does.
    pub search: SearchSettings,
    /// How documents are taken in.
    pub ingest: IngestSettings,
    /// What waits for the readers of answers.
    pub streams: StreamSettings,
    /// What the instance holds and may hold.
    pub memory: MemorySettings,
    /// Who reviews answers.
    pub judge: JudgeSettings,
    /// What is really in use, whatever the caches' keys say.
    pub deployment: DeploymentSettings,
    /// Whether answers tell the truth about themselves to whoever tests: which versions made them,
    /// and whether they were reviewed.
    pub truth: bool,
    /// Mechanisms beyond `baseline`, all off by default.
    #[serde(default)]
    pub mitigations: Mitigations,
}

/// Why settings make no service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ServiceProfileError {
    /// Something that must be there is set to none.
    Zero {
        /// The setting.
        name: &'static str,
    },
    /// Streams would never send anything.
    EventsPerSecond {
        /// As set.
        value: f64,
    },
    /// Settings of a mechanism make no sense.
    Mitigation {
        /// Why.
        source: MitigationError,
    },
    /// The least is above the most.
    Reversed {
        /// The setting.
        name: &'static str,
    },
    /// A share of the memory limit is not between 0 and 1, or the restart comes before the alert.
    Guard {
        /// As set.
        alert: f64,
        /// As set.
        restart: f64,
    },
    /// A memory guard without a limit to measure by.
    GuardWithoutLimit,
    /// `queries_min` is above `queries_max`.
    Queries {
        /// As set.
        min: usize,
        /// As set.
        max: usize,
    },
}

impl fmt::Display for ServiceProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zero { name } => write!(f, "`{name}` is 0"),
            Self::EventsPerSecond { value } => write!(f, "`search.events_per_second` is {value}"),
            Self::Mitigation { source } => write!(f, "{source}"),
            Self::Reversed { name } => write!(f, "`{name}`: the least is above the most"),
            Self::Guard { alert, restart } => {
                write!(f, "`memory.guard`: alert {alert} and restart {restart} do not rise from 0 to 1")
            }
            Self::GuardWithoutLimit => write!(f, "`memory.guard` is enabled, and `memory.limit` is 0"),
            Self::Queries { min, max } => {
                write!(f, "`search.queries_min` {min} is above `queries_max` {max}")
            }
        }
    }
}

impl std::error::Error for ServiceProfileError {}

impl ServiceProfile {
    /// Whether they make a service. The pool checks its own.
    pub fn check(&self) -> Result<(), ServiceProfileError> {
        let counts = [
            ("instances", self.instances),
            ("workers.count", self.workers.count),
            ("workers.slots", self.workers.slots),
            ("workers.backlog", self.workers.backlog),
            ("breaker.concurrent", self.breaker.concurrent),
            ("search.sources", self.search.sources),
            ("ingest.concurrent", self.ingest.concurrent),
            ("ingest.writers", self.ingest.writers),
            ("ingest.per_call", self.ingest.per_call),
            ("ingest.inserts_min", self.ingest.inserts_min),
            ("streams.max", self.streams.max.unwrap_or(1)),
        ];
        if let Some((name, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return Err(ServiceProfileError::Zero { name });
        }
        let SearchSettings { queries_min: min, queries_max: max, events_per_second: value, .. } = self.search;
        match () {
            () if min > max => Err(ServiceProfileError::Queries { min, max }),
            () if !(value > 0.0 && value.is_finite()) => Err(ServiceProfileError::EventsPerSecond { value }),
            () => self.check_sizes(),
        }
    }

    fn check_sizes(&self) -> Result<(), ServiceProfileError> {
        let MemorySettings { limit, guard, .. } = &self.memory;
        let (alert, restart) = (guard.alert, guard.restart);
        let reversed = |name| Err(ServiceProfileError::Reversed { name });
        match self.search.answer_bytes {
            Some(AnswerBytes::Uniform { min, max }) if min > max => reversed("search.answer_bytes"),
            _ if self.ingest.inserts_min > self.ingest.inserts_max => reversed("ingest.inserts"),
            _ if !(0.0 < alert && alert <= restart && restart <= 1.0) => {
                Err(ServiceProfileError::Guard { alert, restart })
            }
            _ if guard.enabled && limit.bytes() == 0 => Err(ServiceProfileError::GuardWithoutLimit),
            _ => self.mitigations.check().map_err(|source| ServiceProfileError::Mitigation { source }),
        }
    }
}

/// The workers of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workers {
    /// How many.
    pub count: usize,
    /// Searches that one worker works on at the same time, up to the generated answer.
    pub slots: usize,
    /// Requests that may wait at one worker; the connection of the next is reset.
    pub backlog: usize,
}

/// The breaker before the embedding calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerSettings {
    /// Whether there is one; without it calls are limited and queued, but never rejected.
    pub enabled: bool,
    /// Calls under way at the same time; the rest queue.
    pub concurrent: usize,
    /// Failures that open it: in a row, or within `window`.
    pub failures: u32,
    /// If there is one, failures count that lie no longer back, whatever succeeds in between.
    #[serde(default, with = "optional_duration")]
    pub window: Option<Duration>,
    /// How long it stays open before it lets a probe through.
    #[serde(with = "human_duration")]
    pub open_for: Duration,
    /// If there is one, each probe that fails doubles the time that it stays open, up to this.
    #[serde(default, with = "optional_duration")]
    pub open_for_max: Option<Duration>,
    /// Probes under way at the same time while half-open, and successes in a row that close it.
    pub probes: u32,
}

/// How long is waited for what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// From a request's arrival at the service to the head of its answer; 504 after that. What
    /// becomes of the work is [`SearchSettings::on_disconnect`].
    #[serde(with = "human_duration")]
    pub http: Duration,
    /// An embedding call, or a generation from call to last token.
    #[serde(with = "human_duration")]
    pub llm: Duration,
    /// A query, and the opening of a session.
    #[serde(with = "human_duration")]
    pub database: Duration,
    /// One query of a search, as the database's own limit: what the other queries found is answered
    /// without it. None leaves it at `database`, which ends the search.
    #[serde(default, with = "optional_duration")]
    pub query: Option<Duration>,
    /// The delivery of an answer, from its first event to its last.
    #[serde(with = "human_duration")]
    pub stream: Duration,
    /// A Redis command; a time-out counts as a miss.
    #[serde(with = "human_duration")]
    pub redis: Duration,
}

/// The caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caches {
    /// Part of every key: an answer to another prompt is another answer.
    pub prompt_version: String,
    /// Part of every key: sources found with other embeddings are other sources.
    pub embedding_version: String,
    /// Retrieval results, in each worker.
    pub l1: L1Settings,
    /// Retrieval results, in Redis.
    pub l2: L2Settings,
    /// Whole answers, in Redis.
    pub answers: L2Settings,
    /// What is in them when the instance becomes ready.
    pub warm_up: WarmUp,
}

/// The cache in each worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L1Settings {
    /// Whether there is one.
    pub enabled: bool,
    /// Entries in one worker.
    pub entries: u64,
    /// How long an entry is good for.
    #[serde(with = "human_duration")]
    pub ttl: Duration,
}

/// A cache in Redis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct L2Settings {
    /// Whether there is one.
    pub enabled: bool,
    /// How long an entry is good for.
    #[serde(with = "human_duration")]
    pub ttl: Duration,
}

/// What an instance retrieves before it is ready: the most popular queries of the query log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// Queries into every worker's L1.
    pub l1: usize,
    /// Queries into L2; those of L1 are among them.
    pub l2: usize,
}

/// What a search does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSettings {
    /// When a session is taken from the pool.
    pub session: SessionHabit,
    /// What happens to a search whose client has gone.
    pub on_disconnect: OnDisconnect,
    /// What happens to a search without embeddings.
    #[serde(default)]
    pub without_embeddings: EmbeddingFallback,
    /// Fewest queries of a retrieval that no cache spares.
    pub queries_min: usize,
    /// Most queries of such a retrieval.
    pub queries_max: usize,
    /// Sources in an answer, at most.
    pub sources: usize,
    /// Length of a streamed answer, padded with excerpts of its sources; none is as long as it is
    /// generated. JSON answers are not padded.
    #[serde(default)]
    pub answer_bytes: Option<AnswerBytes>,
    /// Stream events a second of *real* time, at most; tokens in between are joined.
    pub events_per_second: f64,
}

/// What happens to a search for which there are no embeddings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingFallback {
    /// It finds its sources by keyword.
    #[default]
    Keyword,
    /// It fails: the report counts the keyword search among the gains of the breaker.
    Fail,
}

/// When a search takes a session from the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionHabit {
    /// One at its start, held until its answer is generated: a connection per request.
    PerSearch,
    /// One for its queries only, and none if a cache spares them.
    PerRetrieval,
    /// One for each of its queries, given back in between.
    PerQuery,
}

/// What happens to a search whose client has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// It goes on to its end, for nobody.
    Finish,
    /// It is dropped where it stands.
    Cancel,
}
