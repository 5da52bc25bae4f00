//! The stand-in Redis over real sockets: as clients see it, byte by byte, and beside a real Redis.

mod commands;
mod compare;
mod hostile;
mod limits;
mod pubsub;
mod redis_rs;
mod start;
mod wire;
