//! Time as scenarios mean it.
//!
//! *Scenario time* is the time a scenario file speaks of; *real time* is what passes on this
//! machine. [`Speed`] converts between the two, and nothing else does. Durations are written with a
//! unit ([`text`]), may be drawn from a [`Distribution`], and are waited for with the one
//! [`Sleeper`], whose lateness is tens of microseconds rather than tokio's millisecond.
//!
//! ```text
//!   "2.5s" --text--> Duration (scenario) --Speed--> Duration (real) --Sleeper--> done
//! ```
//!
//! The pure crates use [`Speed`], [`Offset`], [`Seed`], [`Distribution`] and [`text`] only; the
//! clock and the sleeper are for those that run something.

mod distribution;
mod offset;
mod run_clock;
mod seed;
mod sleeper;
mod speed;
pub mod text;

pub use distribution::{Distribution, DistributionError};
pub use offset::Offset;
pub use run_clock::RunClock;
pub use seed::Seed;
pub use sleeper::{Elapsed, Sleep, Sleeper};
pub use speed::{Speed, SpeedError};
