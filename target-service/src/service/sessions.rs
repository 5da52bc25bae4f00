//! Where a retrieval's queries get their sessions from: one for all of them, or one for each.

use tokio_postgres::{Row, types::ToSql};

use super::error::ServiceError;
use crate::pool::{Lease, PgConnector, Pool};

/// The sessions of one retrieval.
pub(super) enum Sessions<'a> {
    /// All queries run on this one.
    One(&'a mut Lease<PgConnector>),
    /// Each query waits for a session of its own and gives it back: few sessions serve many searches.
    Each {
        /// Where they come from.
        pool: &'a Pool<PgConnector>,
        /// The state they must be in.
        state: &'static str,
    },
}

impl Sessions<'_> {
    /// Runs one query and waits for all its rows.
    pub(super) async fn query(
        &mut self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, ServiceError> {
        match self {
            Self::One(session) => Ok(session.query(sql, parameters).await?),
            Self::Each { pool, state } => {
                let mut session = pool.acquire(state).await?;
                Ok(session.query(sql, parameters).await?)
            }
        }
    }
}
