//! Signals of a run: the first one asks it to end, the second one ends it.
//!
//! Goose installs a `ctrlc` handler of its own when it starts, which would take SIGINT from tokio.
//! So a handler that does nothing is installed first; Goose then leaves the signal alone, and
//! tokio's handlers, which call those that were there before, are the ones that count.

use std::sync::Once;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The end.
    End(i32),
    /// The end of all faults.
    Heal,
}

/// SIGINT and SIGTERM, as they come, and the one that heals.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    heal: Signal,
}

/// Asks a run to heal its faults and to begin no more: what `loadlab reset` sends. Not SIGHUP, which
/// comes when a terminal is closed.
pub const HEAL: rustix::process::Signal = rustix::process::Signal::USR1;

impl Signals {
    /// Begins to listen. Call it inside of a tokio runtime and before the load starts.
    pub fn listen() -> std::io::Result<Self> {
        static CLAIM: Once = Once::new();
        CLAIM.call_once(|| {
            // An error means that somebody else claimed it already, which is as good.
            let _ = ctrlc::set_handler(|| {});
        });
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            heal: signal(SignalKind::user_defined1())?,
        })
    }

    /// The next signal that is no [`HEAL`], or that.
    pub async fn next_or_heal(&mut self) -> Said {
        tokio::select! {
            _ = self.interrupt.recv() => Said::End(SignalKind::interrupt().as_raw_value()),
            _ = self.terminate.recv() => Said::End(SignalKind::terminate().as_raw_value()),
            _ = self.heal.recv() => Said::Heal,
        }
    }

    /// The next signal: 2 for SIGINT, 15 for SIGTERM.
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
