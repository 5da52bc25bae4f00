//! The LLM mock: an OpenAI-compatible server whose queue, limits, errors and outages are real.
//!
//! ```text
//!   request ─> outage? ─> rate limit (429) ─> queue full? (503) ─> slot ─> pace ─> latency ─> answer
//!                                              └────── waits here are counted ──┘      └> error (500)
//! ```
//!
//! Answers are functions of the request, latencies and errors of the seed and the call's number.
//! All durations are scenario time. Everything can be changed while it runs by
//! `PATCH /admin/settings`; calls under way keep what they have drawn.

mod answer;
mod api;
mod embedding;
mod gate;
mod metrics;
mod rate_limit;

use std::sync::Arc;

use axum::{Router, routing::post};
use loadlab_clock::{Seed, Speed};
use tokio_util::sync::CancellationToken;

use self::{gate::Gate, metrics::Metrics};
use crate::{
    profile::{LlmOperation, LlmProfile},
    role::{Ready, RoleConfig, RoleError},
    standin::{Live, http},
};

/// Serves until `stop`.
pub async fn serve(
    config: RoleConfig,
    stop: CancellationToken,
    ready: impl FnOnce(&Ready),
) -> Result<(), RoleError> {
    let app = app(&config)?;
    let (listener, listen) = config.bind().await?;
    ready(&Ready { role: config.name, listen, admin: None });
    http::serve(listener, app, stop).await.map_err(|source| RoleError::Serve { source })
}

/// The mock's addresses, without a socket.
fn app(config: &RoleConfig) -> Result<Router, RoleError> {
    let profile = config.profile.llm.clone();
    profile
        .check()
        .map_err(|error| RoleError::Start { part: "the LLM mock's profile", reason: error.to_string() })?;
    let settings = Arc::new(Live::new(profile, |settings| Ok(settings.check()?)));
    let (metrics, registry) = Metrics::registered();
    let mock = Arc::new(Mock {
        settings: Arc::clone(&settings),
        speed: config.speed,
        seed: config.seed,
        gates: [Operation::Embedding, Operation::Generation, Operation::Judge]
            .map(|operation| Gate::new(operation, config.speed, metrics.clone())),
        metrics,
    });
    Ok(Router::new()
        .route("/v1/embeddings", post(api::embeddings))
        .route("/v1/chat/completions", post(api::chat_completions))
        .with_state(mock)
        .merge(http::common(settings, registry)))
}

/// What the mock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Embedding,
    Generation,
    /// A generation by the model `judge`.
    Judge,
}

impl Operation {
    /// Its name in metrics and in the names of its random streams.
    fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Generation => "generation",
            Self::Judge => "judge",
        }
    }

    /// Its part of the settings.
    fn of(self, settings: &LlmProfile) -> &LlmOperation {
        match self {
            Self::Embedding => &settings.embeddings,
            Self::Generation => &settings.generation,
            Self::Judge => &settings.judge,
        }
    }
}

/// What all calls share.
struct Mock {
    settings: Arc<Live<LlmProfile>>,
    speed: Speed,
    seed: Seed,
    gates: [Gate; 3],
    metrics: Metrics,
}

impl Mock {
    fn gate(&self, operation: Operation) -> &Gate {
        match operation {
            Operation::Embedding => &self.gates[0],
            Operation::Generation => &self.gates[1],
            Operation::Judge => &self.gates[2],
        }
    }
}
