//! The engine against servers that do exactly what a script says, over real sockets.

mod arms;
mod crew;
mod latency;
mod outcomes;
mod plans;
mod replay;
mod server;
mod stopping;
mod streams;
mod transport;
