//! Why a request failed: what the caller is told, what the log says, whose fault it is, and, in one
//! place, the status.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http::StatusCode;

use super::{llm_client::LlmError, queries::was_cut};
use crate::pool::{DatabaseError, PoolError};

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Culprit {
    /// Who asked.
    Caller,
    /// This service: its limits.
    Us,
    /// What it depends on.
    Dependency,
}

/// Why a request failed.
#[derive(Debug)]
pub enum ServiceError {
    /// The request cannot be read.
    BadRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such thing.
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// There is no session to ask the database with.
    Session {
        /// The pool's reason.
        source: PoolError<DatabaseError>,
    },
    /// The database did not answer a query.
    Database {
        /// The session's reason.
        source: DatabaseError,
    },
    /// The answer could not be generated.
    Generation {
        /// The LLM's reason.
        source: LlmError,
    },
    /// There are no embeddings, and nothing to fall back on.
    Embedding {
        /// The LLM's reason.
        source: LlmError,
    },
    /// Too much waits already.
    Overloaded,
    /// What this search waited for failed in another's hands.
    Shared {
        /// How the other failed.
        source: Arc<ServiceError>,
    },
    /// The answer was not ready within the HTTP time-out.
    TooSlow {
        /// The time-out, in scenario time.
        after: Duration,
    },
    /// There is no place for another stream, or the instance takes no more work.
    NoPlace {
        /// When to come again, in scenario time.
        retry_after: Duration,
    },
    /// The work ended without an answer: its worker is gone.
    Lost,
}

impl ServiceError {
    /// Whose fault it is.
    pub fn culprit(&self) -> Culprit {
        match self {
            Self::BadRequest { .. } | Self::NotFound { .. } => Culprit::Caller,
            Self::Session { source: PoolError::Open { .. } | PoolError::State { .. } }
            | Self::Database { .. }
            | Self::Generation { .. }
            | Self::Embedding { .. } => Culprit::Dependency,
            Self::Session { .. }
            | Self::Overloaded
            | Self::TooSlow { .. }
            | Self::NoPlace { .. }
            | Self::Lost => Culprit::Us,
            Self::Shared { source } => source.culprit(),
        }
    }

    /// The one place where a failure becomes a status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest { .. } => StatusCode::BAD_REQUEST,
            Self::NotFound { .. } => StatusCode::NOT_FOUND,
            Self::Session { .. }
            | Self::Overloaded
            | Self::NoPlace { .. }
            | Self::Database { source: DatabaseError::Rejected { .. } } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Shared { source } => source.status(),
            Self::Database { source } if was_cut(source) => StatusCode::GATEWAY_TIMEOUT,
            Self::Database { source: DatabaseError::TimedOut { .. } }
            | Self::Generation { source: LlmError::TimedOut { .. } }
            | Self::Embedding { source: LlmError::TimedOut { .. } }
            | Self::TooSlow { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Database { .. } | Self::Generation { .. } | Self::Embedding { .. } => {
                StatusCode::BAD_GATEWAY
            }
            Self::Lost => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the caller is told: enough to act on, nothing about the inside.
    pub fn outside(&self) -> String {
        match self {
            Self::BadRequest { reason } => format!("the request cannot be read: {reason}"),
            Self::NotFound { what } => format!("there is no {what}"),
            Self::Session { .. } | Self::Overloaded | Self::NoPlace { .. } => {
                "too busy, try again later".to_owned()
            }
            Self::Shared { source } => source.outside(),
            Self::Database { .. } | Self::Generation { .. } | Self::Embedding { .. } => {
                "a part of this service is not available".to_owned()
            }
            Self::TooSlow { .. } => "there was no answer in time".to_owned(),
            Self::Lost => "the request was lost".to_owned(),
        }
    }

    /// When the caller is asked to come again, in scenario time.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Self::NoPlace { retry_after } = self { Some(*retry_after) } else { None }
    }

    /// The word for it in `search_total{result}`.
    pub fn result(&self) -> &'static str {
        match self.status() {
            StatusCode::GATEWAY_TIMEOUT => "timeout",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            status if status.is_client_error() => "refused",
            _ => "error",
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRequest { reason } => write!(f, "the request cannot be read: {reason}"),
            Self::NotFound { what } => write!(f, "there is no {what}"),
            Self::Session { .. } => write!(f, "no session from the pool"),
            Self::Database { .. } => write!(f, "a query was not answered"),
            Self::Generation { .. } => write!(f, "no answer was generated"),
            Self::Embedding { .. } => write!(f, "there is no embedding"),
            Self::Overloaded => write!(f, "too much waits already"),
            Self::Shared { .. } => write!(f, "what another search retrieves failed"),
            Self::TooSlow { after } => write!(f, "no answer within {} s", after.as_secs_f64()),
            Self::NoPlace { .. } => write!(f, "no place for more work"),
            Self::Lost => write!(f, "the work ended without an answer"),
        }
    }
}

impl Error for ServiceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Session { source } => Some(source),
            Self::Database { source } => Some(source),
            Self::Generation { source } | Self::Embedding { source } => Some(source),
            Self::Shared { source } => Some(source.as_ref()),
            Self::BadRequest { .. }
            | Self::NotFound { .. }
            | Self::Overloaded
            | Self::TooSlow { .. }
            | Self::NoPlace { .. }
            | Self::Lost => None,
        }
    }
}

impl From<PoolError<DatabaseError>> for ServiceError {
    fn from(source: PoolError<DatabaseError>) -> Self {
        Self::Session { source }
    }
}

impl From<DatabaseError> for ServiceError {
    fn from(source: DatabaseError) -> Self {
        Self::Database { source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_culprit_and_keeps_the_inside_inside() {
        let cases: [(ServiceError, Culprit, u16); 5] = [
            (ServiceError::BadRequest { reason: "no query".to_owned() }, Culprit::Caller, 400),
            (ServiceError::NotFound { what: "document 7".to_owned() }, Culprit::Caller, 404),
            (PoolError::Exhausted { max: 20 }.into(), Culprit::Us, 503),
            (DatabaseError::TimedOut { after: Duration::from_secs(30) }.into(), Culprit::Dependency, 504),
            (ServiceError::TooSlow { after: Duration::from_secs(30) }, Culprit::Us, 504),
        ];
        for (error, culprit, status) in cases {
            assert_eq!((error.culprit(), error.status().as_u16()), (culprit, status), "{error}");
            assert!(!error.outside().contains("session") && !error.outside().contains("20"), "{error}");
        }
    }
}
