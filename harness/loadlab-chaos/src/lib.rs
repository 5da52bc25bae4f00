//! Breaks things on purpose: the fault proxy, and faults beyond the network.
//!
//! ```text
//!   control (HTTP API, or calls) ─> proxies ─> links: client <─> toxics <─> upstream
//!                                      └─> journal of events, counters
//! ```
//!
//! It does not know the engine: both emit events stamped by one clock, and whoever runs them joins
//! these.

pub mod aware;
pub mod control;
pub mod probe;
pub mod proxy;
pub mod schedule;
mod store;
