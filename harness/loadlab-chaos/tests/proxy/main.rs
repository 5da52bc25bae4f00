//! The fault proxy over real sockets: scripted servers on port 0, no mocks.

mod aware;
mod contract;
mod control_plane;
mod extensions;
mod links;
mod model;
mod replay;
mod rig;
mod schedule;
mod toxics;
