//! Sessions that speak the PostgreSQL protocol.

use std::{
    collections::HashMap,
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_clock::{Sleeper, Speed};
use prometheus_client::metrics::histogram::Histogram;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, Row, Statement, types::ToSql};

use super::Connector;
use crate::breaker::Breaker;

/// Opens sessions to one database.
#[derive(Debug, Clone)]
pub struct PgConnector {
    config: Config,
    speed: Speed,
    /// For a query and for the opening of a session, in scenario time.
    timeout: Duration,
    /// State name to the statement that brings it about.
    states: Vec<(&'static str, String)>,
    query_seconds: Histogram,
    /// Before every query, if there is one.
    breaker: Option<Arc<Breaker>>,
}

/// One connection.
#[derive(Debug)]
pub struct PgSession {
    client: Client,
    /// Drives the connection on the pool's runtime.
    connection: JoinHandle<()>,
    statements: HashMap<String, Statement>,
    /// A statement was sent and its answer is not complete: what the session holds is unknown.
    under_way: bool,
    speed: Speed,
    timeout: Duration,
    query_seconds: Histogram,
    breaker: Option<Arc<Breaker>>,
}

/// Why the database did not do what it was asked.
#[derive(Debug)]
pub enum DatabaseError {
    /// It refused, or the connection broke.
    Failed {
        /// The client's reason.
        source: tokio_postgres::Error,
    },
    /// There was no answer in time.
    TimedOut {
        /// How long was waited, in scenario time.
        after: Duration,
    },
    /// The breaker before it is open.
    Rejected {
        /// How long it will go on to refuse, in scenario time.
        retry_after: Duration,
    },
    /// The session has no state of this name.
    UnknownState {
        /// The name.
        state: String,
    },
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { .. } => write!(f, "the database failed"),
            Self::TimedOut { after } => write!(f, "no answer within {} s", after.as_secs_f64()),
            Self::Rejected { .. } => write!(f, "the breaker before the database is open"),
            Self::UnknownState { state } => write!(f, "there is no session state `{state}`"),
        }
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Failed { source } => Some(source),
            Self::TimedOut { .. } | Self::Rejected { .. } | Self::UnknownState { .. } => None,
        }
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(source: tokio_postgres::Error) -> Self {
        Self::Failed { source }
    }
}

impl PgConnector {
    /// Sessions to `address`, which is `host:port` or a `postgres://` URL. `timeout` (scenario time)
    /// is for a query and for the opening of a session.
    pub fn new(
        address: &str,
        speed: Speed,
        timeout: Duration,
        query_seconds: Histogram,
    ) -> Result<Self, DatabaseError> {
        let url = if address.starts_with("postgres") {
            address.to_owned()
        } else {
            format!("postgres://loadlab@{address}/loadlab")
        };
        let mut config: Config = url.parse()?;
        config.application_name("target-service");
        Ok(Self { config, speed, timeout, states: Vec::new(), query_seconds, breaker: None })
    }

    /// With a breaker before every query of its sessions.
    #[must_use]
    pub fn with_breaker(self, breaker: Option<Arc<Breaker>>) -> Self {
        Self { breaker, ..self }
    }

    /// A connection outside of any pool, for what is done once.
    pub async fn connect(&self) -> Result<(Client, JoinHandle<()>), DatabaseError> {
        let deadline = Instant::now() + self.speed.real(self.timeout);
        let connected = Sleeper::shared().timeout(deadline, self.config.connect(NoTls)).await;
        let (client, connection) =
            connected.map_err(|_| DatabaseError::TimedOut { after: self.timeout })??;
        let connection = tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!("a session ended: {error}");
            }
        });
        Ok((client, connection))
    }

    /// With a session state and the statement that brings it about.
    #[must_use]
    pub fn with_state(mut self, name: &'static str, statement: &str) -> Self {
        self.states.push((name, statement.to_owned()));
        self
    }
}

impl Connector for PgConnector {
    type Session = PgSession;
    type Error = DatabaseError;

    async fn open(&self) -> Result<PgSession, DatabaseError> {
        let (client, connection) = self.connect().await?;
        Ok(PgSession {
            client,
            connection,
            statements: HashMap::new(),
            under_way: false,
            speed: self.speed,
            timeout: self.timeout,
            query_seconds: self.query_seconds.clone(),
            breaker: self.breaker.clone(),
        })
    }

    async fn ping(&self, session: &mut PgSession) -> bool {
        session.execute("SELECT 1").await.is_ok()
    }

    async fn set_state(&self, session: &mut PgSession, state: &str) -> Result<(), DatabaseError> {
        let (_, statement) = self
            .states
            .iter()
            .find(|(name, _)| *name == state)
            .ok_or_else(|| DatabaseError::UnknownState { state: state.to_owned() })?;
        session.execute(statement).await
    }

    fn is_clean(&self, session: &PgSession) -> bool {
        !session.under_way && !session.client.is_closed()
    }
}

impl PgSession {
    /// Runs one query and waits for all its rows. A statement is prepared once per session.
    pub async fn query(
        &mut self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        match self.breaker.clone() {
            None => self.run(sql, parameters).await,
            Some(breaker) => match breaker.call(self.run(sql, parameters)).await {
                Ok(result) => result,
                Err(rejected) => Err(DatabaseError::Rejected { retry_after: rejected.retry_after }),
            },
        }
    }

    async fn run(
        &mut self,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        let started = Instant::now();
        let deadline = started + self.speed.real(self.timeout);
        self.under_way = true;
        let rows = Sleeper::shared().timeout(deadline, async {
            let statement = if let Some(statement) = self.statements.get(sql) {
                statement.clone()
            } else {
                let statement = self.client.prepare(sql).await?;
                self.statements.insert(sql.to_owned(), statement.clone());
                statement
            };
            self.client.query(&statement, parameters).await
        });
        // Past a time-out or a cancellation `under_way` stays, and the pool closes the session.
        let rows = rows.await.map_err(|_| DatabaseError::TimedOut { after: self.timeout })?;
        self.under_way = false;
        self.query_seconds.observe(self.speed.scenario(started.elapsed()).as_secs_f64());
        Ok(rows?)
    }

    /// Runs one statement without parameters or rows.
    async fn execute(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let deadline = Instant::now() + self.speed.real(self.timeout);
        self.under_way = true;
        let done = Sleeper::shared().timeout(deadline, self.client.batch_execute(sql)).await;
        let done = done.map_err(|_| DatabaseError::TimedOut { after: self.timeout })?;
        self.under_way = false;
        Ok(done?)
    }
}

impl Drop for PgSession {
    fn drop(&mut self) {
        // Dropping the client says good-bye once all answers have come; a session in the middle of a
        // query must not wait for that, or the database would hold more sessions than the pool.
        if self.under_way {
            self.connection.abort();
        }
    }
}
