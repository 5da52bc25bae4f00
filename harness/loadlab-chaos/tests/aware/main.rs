//! Edges with faults on what the protocol says, over real sockets: scripted servers, scripted
//! clients, and a real Redis where there is one.

mod http_faults;
mod http_plain;
mod http_replay;
mod redis;
mod resp_faults;
mod resp_plain;
mod sse;
mod wire;
