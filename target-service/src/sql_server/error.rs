//! Errors as PostgreSQL tells them: a code of five characters and a message.

use std::fmt;

use pgwire::error::{ErrorInfo, PgWireError};
use rusqlite::ErrorCode;

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SqlError {
    /// PostgreSQL's code: `42601`.
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Whether it ends the connection.
    fatal: bool,
}

pub(super) const SYNTAX: &str = "42601";
pub(super) const NOT_SUPPORTED: &str = "0A000";
pub(super) const INVALID_VALUE: &str = "22023";
pub(super) const OUT_OF_RANGE: &str = "22003";
pub(super) const CANCELED: &str = "57014";
pub(super) const ABORTED: &str = "25P02";
pub(super) const READ_ONLY: &str = "25006";
pub(super) const NO_SAVEPOINT: &str = "3B001";
pub(super) const CONFLICT: &str = "40001";
/// SQLite found its database locked, which this server must never let happen.
pub(super) const BUSY: &str = "55P03";
pub(super) const TOO_MANY_CONNECTIONS: &str = "53300";
pub(super) const INTERNAL: &str = "XX000";

impl SqlError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fatal: false }
    }

    pub(super) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fatal: true }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for SqlError {}

impl From<rusqlite::Error> for SqlError {
    fn from(error: rusqlite::Error) -> Self {
        let message = match &error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        Self::new(code(&error, &message), message)
    }
}

/// The codes that clients look at. SQLite tells most of them by text only.
fn code(error: &rusqlite::Error, message: &str) -> &'static str {
    const CONSTRAINT_CHECK: i32 = 275;
    const CONSTRAINT_FOREIGN_KEY: i32 = 787;
    const CONSTRAINT_NOT_NULL: i32 = 1299;
    const CONSTRAINT_PRIMARY_KEY: i32 = 1555;
    const CONSTRAINT_UNIQUE: i32 = 2067;
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match extended {
        Some(CONSTRAINT_UNIQUE | CONSTRAINT_PRIMARY_KEY) => return "23505",
        Some(CONSTRAINT_NOT_NULL) => return "23502",
        Some(CONSTRAINT_FOREIGN_KEY) => return "23503",
        Some(CONSTRAINT_CHECK) => return "23514",
        _ => {}
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => return CANCELED,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return BUSY,
        _ => {}
    }
    let by_text = [
        ("no such table", "42P01"),
        ("no such column", "42703"),
        ("has no column", "42703"),
        ("no such function", "42883"),
        ("wrong number of arguments", "42883"),
        ("ambiguous column", "42702"),
        ("already exists", "42P07"),
        ("syntax error", SYNTAX),
        ("incomplete input", SYNTAX),
    ];
    by_text.iter().find(|(text, _)| message.contains(text)).map_or(INTERNAL, |(_, code)| code)
}

impl From<SqlError> for PgWireError {
    fn from(error: SqlError) -> Self {
        let severity = if error.fatal { "FATAL" } else { "ERROR" };
        Self::UserError(Box::new(ErrorInfo::new(severity.to_owned(), error.code.to_owned(), error.message)))
    }
}
