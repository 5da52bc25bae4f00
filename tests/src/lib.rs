//! What several test suites need: real servers beside which the stand-ins are held, a service of known
//! capacity, a siege of the fault proxies, promises in wall time, and a way to say aloud that a test could
//! not run. The end-to-end tests themselves are in `tests/`.

mod bound;
mod control;
mod postgres;
mod queue;
mod redis;
mod siege;

use std::{io::Write as _, net::TcpListener};

pub use bound::{BOUNDS_FILE, Bound};
pub use control::Control;
pub use postgres::RealPostgres;
pub use queue::Queue;
pub use redis::RealRedis;
pub use siege::Siege;

/// Says that a claim was not tested, past the harness, which hides what passing tests print.
pub fn not_run(claim: &str, why: &str) {
    // Nobody is left to be told if this fails.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {claim}: {why}");
}

/// A port of loopback that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}
