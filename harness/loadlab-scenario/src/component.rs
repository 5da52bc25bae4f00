//! What a failure spreads through, as a documented chain names it and as the analysis sees it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of the system, or a sign of trouble, whose steady state can be left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// How long the database takes for a query.
    Database,
    /// How long the LLM takes for a call.
    Llm,
    /// The share of look-ups that the caches do not answer.
    Cache,
    /// The share of the session pool that is in use.
    Pool,
    /// How many requests wait inside the target.
    Queue,
    /// The p95 of the response time.
    ResponseTime,
    /// Attempts that clients give up, per second.
    Timeouts,
    /// Extra attempts per second.
    Retries,
    /// Breakers that are not closed.
    Breaker,
    /// The target's memory.
    Memory,
    /// Connections that are reset, cut or refused, per second.
    Resets,
    /// Answers with an error or a refusal, per second.
    Errors,
}

impl Component {
    /// All of them, causes before what usually comes of them.
    pub const ALL: [Self; 12] = [
        Self::Database,
        Self::Llm,
        Self::Cache,
        Self::Pool,
        Self::Queue,
        Self::ResponseTime,
        Self::Timeouts,
        Self::Retries,
        Self::Breaker,
        Self::Memory,
        Self::Resets,
        Self::Errors,
    ];

    /// Its name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Llm => "llm",
            Self::Cache => "cache",
            Self::Pool => "pool",
            Self::Queue => "queue",
            Self::ResponseTime => "response_time",
            Self::Timeouts => "timeouts",
            Self::Retries => "retries",
            Self::Breaker => "breaker",
            Self::Memory => "memory",
            Self::Resets => "resets",
            Self::Errors => "errors",
        }
    }

    /// What is said of it once it has left its steady state.
    pub const fn trouble(self) -> &'static str {
        match self {
            Self::Database => "database slow",
            Self::Llm => "LLM slow",
            Self::Cache => "caches miss",
            Self::Pool => "pool full",
            Self::Queue => "queue grows",
            Self::ResponseTime => "responses slow",
            Self::Timeouts => "time-outs",
            Self::Retries => "retries",
            Self::Breaker => "breaker opens",
            Self::Memory => "memory fills",
            Self::Resets => "resets",
            Self::Errors => "errors",
        }
    }
}
