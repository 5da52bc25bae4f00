//! What the stand-ins share: an HTTP server without Nagle, settings that change while a role runs,
//! and the figures about the process itself.

pub mod http;
pub mod live;
pub mod process_metrics;

pub use live::{Live, PatchError};
