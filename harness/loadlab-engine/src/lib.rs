//! Offers the load of a [`Plan`](loadlab_scenario::Plan) and says, second by second, what came of it.
//!
//! ```text
//!   open load:    schedule --pacer thread--> desk --\
//!                                                    worker (a Goose user) --> step --> attempt --> connection
//!   closed load:  user's think time ----------------/                             |
//!                                                                 samples --> shard of the thread
//!                                                                                 |  each second
//!                                                  Window, Generator, Event <-- collector thread
//! ```
//!
//! - *Goose* supplies the worker pool and nothing else ([`pool`]): every number here is the engine's own.
//! - The *pacer* ([`pacer`]) stamps each arrival with the instant at which it was due. What happens
//!   later (a late wake-up, no free worker, a slow service) counts in its response time.
//! - A *driver* ([`connection`]) speaks HTTP/1 over hyper's connection type, in the task of the worker.
//! - The *recorder* ([`recorder`]) keeps one set of histograms per runtime thread.
//!
//! [`offer`] runs one load and returns when it has ended; [`offer_with`] does it with a [`Crew`] that stays for
//! the next one. Loads may follow each other in one process, and may run side by side.
//!
//! # Signals
//!
//! Goose installs a handler for SIGINT at its start, unless there is one. The caller installs its own
//! (`ctrlc::set_handler`, once per process) before the first [`offer`], and cancels
//! [`LoadRun::stop`]; otherwise the first Ctrl-C goes to Goose, where nobody listens. The caller
//! installs a logger too, or Goose takes the global one for itself.

mod alarm;
mod answer;
mod arrival;
mod attempt;
mod balance;
mod clients;
mod closed_load;
mod collector;
mod connection;
mod crew;
mod desk;
mod dial;
mod engine;
mod event_stream;
mod fan_out;
mod floor;
mod generator;
mod halt;
mod kept;
mod login;
mod offer;
mod pacer;
mod pool;
mod program;
mod recorder;
mod render;
mod retry_budget;
mod schedule;
mod step;
mod want;

pub use balance::{Balance, Imbalance, RequestBalance};
pub use clients::Clients;
pub use crew::Crew;
pub use dial::DialError;
pub use offer::{EngineError, EngineOptions, LoadEnd, LoadRun, offer, offer_with, workers};
pub use pool::PoolError;
pub use program::ProgramError;
pub use schedule::{Arrival, schedule};
