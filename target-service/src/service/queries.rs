//! Queries of one purpose, counted by it.

use tokio_postgres::{Row, error::SqlState, types::ToSql};

use super::{ServiceMetrics, error::ServiceError, sessions::Sessions};
use crate::pool::DatabaseError;

/// Sessions that are used for one purpose.
pub(super) struct Queries<'a> {
    sessions: Sessions<'a>,
    kind: &'static str,
    metrics: &'a ServiceMetrics,
}

impl<'a> Queries<'a> {
    /// `kind` is the label of `db_queries_total`.
    pub(super) fn new(sessions: Sessions<'a>, kind: &'static str, metrics: &'a ServiceMetrics) -> Self {
        Self { sessions, kind, metrics }
    }

    /// Runs one statement and waits for all its rows.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, ServiceError> {
        self.metrics.figures.queried(self.kind);
        self.sessions.query(sql, parameters).await
    }
}

/// Whether the database gave a statement up at the session's own limit. The session is clean then,
/// unlike one whose answer is still awaited.
pub(super) fn was_cut(error: &DatabaseError) -> bool {
    matches!(error, DatabaseError::Failed { source } if source.code() == Some(&SqlState::QUERY_CANCELED))
}
