//! The stand-ins as their clients see them, over real connections.

mod llm;
mod sql;
mod sql_postgres;
mod standin;
