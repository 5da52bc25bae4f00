//! The fault proxy: links between a client and an upstream, and the toxics that disturb them.
//!
//! ```text
//!   HTTP API, or calls ──> Proxies ──> proxy: listener, upstream, toxics
//!                             │           │  generation moves, links are woken, nobody waits
//!                             │           v
//!                 journal, leases      link: client <─ [toxic, toxic, …] ─> upstream
//! ```
//!
//! A *proxy* is a listening address and an upstream. A *link* is one connection through it, with
//! two *directions*: upstream (from the client) and downstream (to the client). A *toxic* disturbs
//! one direction. The *control plane* ([`Proxies`] and its HTTP [`api`]) only changes shared state
//! and wakes links; it never waits for a link to do anything, and it has a thread of its own.
//!
//! The HTTP API is Toxiproxy's, so every client of that drives this proxy unchanged. It deviates
//! where the original loses data, crashes or hangs, and only adds otherwise:
//!
//! * control calls never wait for data: a stuck reader, a hanging dial or a thousand links do not
//!   delay the removal of a toxic;
//! * dials run side by side and have a time-out;
//! * attributes that make no sense (a slice of 0 bytes, a negative rate) are refused with 400;
//! * all draws follow from the seed, the proxy, the number of the connection, the direction and the
//!   name of the toxic, and toxicity is drawn once for a link, so neighbours do not disturb it;
//! * `reset_peer` sends a real RST, on idle connections too, and honours toxicity;
//! * a half-close is forwarded, so a reply after it arrives;
//! * byte counters move while a link is open;
//! * toxics in `/populate` and in a config file are set before the first connection;
//! * an empty listen is `127.0.0.1:0`, and only loopback is bound unless [`Options`] allow more;
//! * a toxic may have a `ttl` (ms) after which the proxy removes it, and a lease whose end removes
//!   it; `GET /events` tells what happened, `GET /stats` what each toxic touched;
//! * connections of probes are disturbed and not counted, where [`Options`] say where they come from;
//! * more attributes: `draw`, the `distribution` of `latency`, the toxic `corrupt`, the `protocol`
//!   of a proxy. They are left out of answers where they have their default.
//!
//! A proxy with the `protocol` `http` or `resp` is served by the [aware](crate::aware) mode. On it
//! the faults of that mode are toxics too, with the attributes of [`fault`](crate::aware::fault):
//!
//! * they act on requests wherever `stream` says, and toxicity is drawn for each request;
//! * an attribute that they do not have is refused, since a misspelt selector would hit everything;
//! * on a proxy of another protocol they are refused, and so is another protocol for a proxy that
//!   has them;
//! * toxics for bytes act between the client and the aware mode, on replies of faults too;
//! * when the upstream of an `http` proxy closes between two requests, so does the proxy, as if the
//!   client were connected to the upstream itself.

mod address;
pub mod api;
mod aware_link;
mod budget;
mod chain;
mod control;
mod control_thread;
mod counters;
mod draw;
mod edge;
mod error;
mod fields;
mod journal;
mod lease;
mod linger;
mod link;
mod listener;
mod metrics;
mod populate;
mod proxy_entry;
mod raw;
mod shared;
mod side;
mod spec;
mod toxic;
mod toxic_control;
mod view;

pub use address::AddressError;
pub use control::{Options, Proxies};
pub use counters::{ConnectionCount, FlowCount, Mark, Touched, TouchedCount};
pub use draw::{Draws, Purpose};
pub use edge::Edge;
pub use error::{BodyError, ControlError};
pub use fields::FieldError;
pub use journal::{Event, EventKind};
pub use lease::Lease;
pub use linger::Linger;
pub use shared::{Shared, ToxicSet, Watch};
pub use spec::{Protocol, ProxyPatch, ProxySpec, ToxicPatch, ToxicSpec};
pub use toxic::{Direction, Draw, LatencyDistribution, Toxic};
pub use view::{ProxyStats, ProxyView, ToxicStats, ToxicView};
