//! Whether an instance can serve: whether all that it depends on answers.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use loadlab_clock::Sleeper;
use serde_json::json;

use super::{Instance, search::Searcher};
use crate::pool::{Connector as _, PgConnector};

/// How long each dependency has to answer, in scenario time. It is shorter than any time-out of the
/// service: who asks wants to know now.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the dependencies.
pub(super) struct Readiness {
    instance: Arc<Instance>,
    searcher: Searcher,
    /// Opens a session beside the pool: a full pool is no reason to be taken out of service.
    database: PgConnector,
}

impl Readiness {
    /// Asks through one worker's clients.
    pub(super) fn new(instance: Arc<Instance>, searcher: Searcher, database: PgConnector) -> Self {
        Self { instance, searcher, database }
    }

    /// 200 if all answer, else 503; both say which.
    pub(super) async fn answer(&self) -> Response {
        let (redis, sql, llm) = futures::join!(
            self.in_time(self.searcher.cache.is_healthy()),
            self.in_time(async { self.database.open().await.is_ok() }),
            self.in_time(self.searcher.llm.is_healthy()),
        );
        let ready = redis && sql && llm && !self.instance.is_shedding();
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(json!({"ready": ready, "redis": redis, "sql": sql, "llm": llm}))).into_response()
    }

    async fn in_time(&self, answers: impl Future<Output = bool>) -> bool {
        let deadline = std::time::Instant::now() + self.instance.speed.real(PATIENCE);
        Sleeper::shared().timeout(deadline, answers).await == Ok(true)
    }
}
