//! Edges whose protocol the proxy reads: HTTP/1.1 and RESP.
//!
//! An *edge* carries a list of *faults*, plain data that can be swapped while connections live. Each
//! accepted connection gets a *session*, which knows the edge and its own number, and is served by
//! [`http::serve`] or [`resp::serve`] in place of the loop on bytes.
//!
//! ```text
//!   AwareEdge: faults, counters, seed, speed
//!      └─ session(connection) ─> http::serve ─ requests, replies, events ─> upstream
//!                            └─> resp::serve ─ commands, replies ─────────> upstream
//! ```
//!
//! Whether a fault hits is drawn per request, as a function of the seed, the edge, the connection,
//! the direction, the fault's name and the request's number, and of nothing else. What a protocol
//! mode cannot read passes through untouched and is counted, never refused.

mod attributes;
mod counters;
mod delay;
mod draw;
mod edge;
pub mod fault;
mod glob;
pub mod http;
pub mod resp;
mod switch;

pub use counters::{Counters, HttpCounters, Passed, RespCounters, Touched};
pub use delay::Delay;
pub use edge::{AwareEdge, Session};
pub use fault::{Fault, FaultError, Protocol};
pub use glob::Glob;
pub use switch::Activity;
