//! Brings the stack up and down: the keeper, the edge table, readiness; and scrapes what it publishes.
//!
//! One *keeper* process per run starts every role as its child. The harness holds the only write end
//! of the keeper's standard input, the *lease*: however the harness ends, the kernel closes it, and
//! the keeper then kills and reaps everything and ends within a second.
//!
//! ```text
//!            lease: spec, then commands           config            ready line
//!   Stack ------------------------------> keeper --------> role ------------------> keeper
//!         <------------------------------
//!            messages: ready, failed, died, down
//! ```
//!
//! | process | its own group | ends when |
//! |---|---|---|
//! | keeper | yes, so Ctrl-C at the terminal does not reach it | the lease ends, a command or a signal says so |
//! | role | yes | the keeper kills its group; second line: the kernel does, when the keeper dies |
//! | what a role starts | its role's | with the group, or as the keeper's adopted child (it is a subreaper) |
//!
//! The keeper also holds the fault proxy: every edge runs through a proxy of its own, and the harness
//! disturbs them by Toxiproxy's HTTP interface at [`Up::control`].
//!
//! What even SIGKILL of harness *and* keeper leaves carries the run's name in its environment, and
//! [`left_overs`] finds it.
//!
//! # What a role owes the keeper
//!
//! - It reads its configuration, one JSON document, from standard input to its end.
//! - It prints one line, a [`RoleReady`], on standard output when it serves.
//! - At the very start of `main`, on the main thread, it asks the kernel for SIGKILL when its parent
//!   dies (`PR_SET_PDEATHSIG`) and then compares its parent with [`KEEPER_VARIABLE`], since the keeper
//!   may have died before the request. The keeper spawns all roles from its main thread, to which that
//!   signal is tied.
//!
//! Nothing here knows the load, the record or the target's profile.

mod address;
mod control_group;
mod cpu_time;
mod descriptors;
mod edge;
mod keeper;
mod ledger;
mod left_over;
mod process_table;
mod scrape;
mod spec;
mod stack;

pub use address::host_and_port;
pub use control_group::{left_over_groups, remove_groups};
pub use cpu_time::CpuTime;
pub use descriptors::raise_descriptor_limit;
pub use edge::{Edge, EdgeTable, Protocol, Via};
pub use keeper::keeper_main;
pub use ledger::{LEDGER_FILE, Ledger, LedgerEntry, LedgerToxic};
pub use left_over::{CleanReport, LeftOver, clean, harness_of, left_overs};
pub use scrape::{Exposition, ScrapeOutcome, Scraped, Scraper, parse_exposition};
pub use spec::{
    Command, Exit, KEEPER_VARIABLE, LEASE_HOLDER_VARIABLE, LimitSaid, Limited, Message, ProxyServer,
    Proxying, ROLE_VARIABLE, RUN_VARIABLE, RoleFailure, RoleLimit, RoleReady, RoleSignal, RoleSpec, RoleUp,
    SpecError, StackSpec, Up,
};
pub use stack::{DownReport, MetricsEndpoint, Stack, StackError, StackEvent, StackRequest};
