//! What a run produces: samples, windows, events, histograms and the versioned run file.
//!
//! ```text
//!   Sample --engine's recorder--> Window --journal line--> RunFile --analysis--> judged RunFile
//!                                   RunEvent, Scrape ---^
//!   RunFile of each generator --merge--> one RunFile
//! ```
//!
//! The journal is the truth: [`RunFile::from_journal`] makes the run file of a finished run and of a
//! killed one alike. Nothing here reads a file or a clock.
//!
//! *Arrival*: one want of a user, with all its attempts. *Request*: one attempt of one step (or of
//! one child of a fan-out). Arrivals and requests are counted apart.

mod arms;
mod event;
mod failure;
mod from_journal;
mod histogram;
mod journal;
mod merge;
mod outcome;
mod run_file;
mod run_file_text;
mod sample;
mod scrape;
mod steady;
#[cfg(any(test, feature = "synthetic"))]
pub mod synthetic;
mod window;

pub use arms::{ArmResult, ArmWindow, ArmsResult, Difference};
pub use event::{EventKind, RunEvent, Touched};
pub use failure::*;
pub use histogram::{Histogram, HistogramError, LatencySummary};
pub use journal::{EndReason, Ending, Environment, Header, Journal, JournalError, JournalLine, TargetInfo};
pub use merge::{GeneratorPart, MergeError, merge};
pub use outcome::{Outcome, OutcomeCounts};
pub use run_file::*;
pub use run_file_text::{RunFileError, schema};
pub use sample::{ArrivalSample, RequestSample, StreamSample};
pub use scrape::{GeneratorSample, Scrape, Series};
pub use steady::{PeriodResult, SteadyResult};
pub use window::{StepWindow, Window};
