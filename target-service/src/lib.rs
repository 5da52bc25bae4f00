//! The reference target: a search service whose queues, pools, caches, breakers and streams are
//! real, and the stand-ins for what it depends on. `docs/TARGET.md` is its contract.
//!
//! ```text
//!   gateway ──> service ──┬──> redis   (stand-in RESP server)
//!                         ├──> sql     (stand-in PostgreSQL-protocol server)
//!                         └──> llm     (OpenAI-compatible mock)
//! ```
//!
//! Each role is a process. [`role::run`] runs one; nothing here knows the harness.

pub mod breaker;
pub mod content;
pub mod gateway;
pub mod llm;
pub mod metrics;
pub mod pool;
pub mod profile;
pub mod redis_server;
pub mod role;
pub mod service;
pub mod sql_server;
pub mod standin;
pub mod topology;

/// The version that a run records.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
