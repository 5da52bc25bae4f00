//! The fault proxy over real sockets: scripted servers on port 0, no mocks.

mod aware;
mod aware_bytes;
mod bodies;
mod contract;
mod control_plane;
mod extensions;
mod links;
mod model;
mod probes;
mod replay;
mod rig;
mod safety;
mod schedule;
mod toxics;
