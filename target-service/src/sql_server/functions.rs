//! Functions that clients of PostgreSQL ask for and SQLite does not have.

use std::time::{SystemTime, UNIX_EPOCH};

use pgwire::api::Type;
use rusqlite::{Connection, functions::FunctionFlags};

/// What the server says it is.
pub(super) const SERVER_VERSION: &str = "16.6";
/// The only database and schema.
const DATABASE: &str = "loadlab";
const SCHEMA: &str = "public";

/// Adds the functions to a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let fixed = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let texts = [
        ("version", format!("PostgreSQL {SERVER_VERSION} (loadlab stand-in over SQLite)")),
        ("current_database", DATABASE.to_owned()),
        ("current_schema", SCHEMA.to_owned()),
    ];
    for (name, text) in texts {
        connection.create_scalar_function(name, 0, fixed, move |_| Ok(text.clone()))?;
    }
    connection.create_scalar_function("pg_is_in_recovery", 0, fixed, |_| Ok(false))?;
    connection.create_scalar_function("clock_ms", 0, FunctionFlags::SQLITE_UTF8, |_| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(since.as_millis() as i64)
    })?;
    Ok(())
}

/// The type of a function's result; none if it is that of its first argument.
pub(super) fn result_type(name: &str) -> Option<Type> {
    Some(match name {
        "count" | "row_number" | "rank" | "dense_rank" | "clock_ms" => Type::INT8,
        "length" | "char_length" | "instr" | "octet_length" => Type::INT4,
        "avg" | "random" => Type::FLOAT8,
        "pg_is_in_recovery" => Type::BOOL,
        "pg_sleep" => Type::VOID,
        "lower" | "upper" | "trim" | "ltrim" | "rtrim" | "substr" | "substring" | "replace" | "concat"
        | "concat_ws" | "string_agg" | "version" | "current_database" | "current_schema"
        | "quote_literal" => Type::TEXT,
        _ => return None,
    })
}
