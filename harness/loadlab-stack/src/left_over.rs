//! What a killed run left: processes that carry a run's name although nobody holds its lease.
//!
//! A run is alive while its keeper is the child of the harness that started it. Everything else that
//! carries the run's name in its environment is left over. That happens only when harness *and* keeper
//! are killed, or when a keeper is stopped for good.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};
use serde::Serialize;

use crate::{
    process_table,
    spec::{KEEPER, LEASE_HOLDER_VARIABLE, ROLE_VARIABLE, RUN_VARIABLE},
};

/// How long killed processes are waited for. What is killed ends within milliseconds, unless it hangs
/// in the kernel.
const PATIENCE: Duration = Duration::from_secs(1);
/// Pause between looks at the process table.
const PAUSE: Duration = Duration::from_millis(10);

/// A process that a run left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOver {
    /// Its process id.
    pub pid: u32,
    /// The run it belonged to.
    pub run: String,
    /// Its name in that run's stack, or that of the role that started it.
    pub role: String,
    /// Its command line.
    pub command: String,
}

/// What [`clean`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanReport {
    /// Processes that are gone now.
    pub killed: Vec<LeftOver>,
    /// Processes that did not end.
    pub remaining: Vec<LeftOver>,
}

/// Processes of runs that are over. Those of other users are not seen.
pub fn left_overs() -> Vec<LeftOver> {
    let marked = marked();
    let alive: BTreeSet<&str> =
        marked.iter().filter(|(_, leased)| *leased).map(|(process, _)| process.run.as_str()).collect();
    let left = marked.iter().filter(|(process, _)| !alive.contains(process.run.as_str()));
    left.map(|(process, _)| process.clone()).collect()
}

/// The process that holds the lease of a run, if the run is going on.
pub fn harness_of(run: &str) -> Option<u32> {
    process_table::all().into_iter().find_map(|process| {
        let environment = process_table::environment(process.pid)?;
        let variable = |name| process_table::variable(&environment, name);
        let is_keeper = variable(RUN_VARIABLE) == Some(run) && variable(ROLE_VARIABLE) == Some(KEEPER);
        let holder = variable(LEASE_HOLDER_VARIABLE)?.parse::<i32>().ok()?;
        (is_keeper && holder == process.parent).then(|| holder.unsigned_abs())
    })
}

/// Kills what [`left_overs`] found, and whatever else is left over of the same runs.
pub fn clean(found: &[LeftOver]) -> CleanReport {
    let runs: BTreeSet<&str> = found.iter().map(|process| process.run.as_str()).collect();
    kill_all(|| left_overs().into_iter().filter(|process| runs.contains(process.run.as_str())).collect())
}

/// Kills every process of one run, whether its keeper lives or not.
pub(crate) fn sweep(run: &str) -> CleanReport {
    kill_all(|| marked().into_iter().map(|(process, _)| process).filter(|it| it.run == run).collect())
}

/// Every process that carries a run's name, and whether it is a keeper whose harness lives.
fn marked() -> Vec<(LeftOver, bool)> {
    let own = rustix::process::getpid();
    let mut found = Vec::new();
    for process in process_table::all() {
        let Some(environment) = process_table::environment(process.pid).filter(|_| process.pid != own) else {
            continue;
        };
        let variable = |name| process_table::variable(&environment, name);
        let Some(run) = variable(RUN_VARIABLE) else { continue };
        let role = variable(ROLE_VARIABLE).unwrap_or_default();
        let holder = variable(LEASE_HOLDER_VARIABLE).and_then(|pid| pid.parse::<i32>().ok());
        let left_over = LeftOver {
            pid: process.pid.as_raw_pid().unsigned_abs(),
            run: run.to_owned(),
            role: role.to_owned(),
            command: process_table::command(process.pid),
        };
        // An orphaned keeper has another parent than the harness that it was started by.
        found.push((left_over, role == KEEPER && holder == Some(process.parent)));
    }
    found
}

/// Kills what `find` finds until it finds nothing: what is killed may be starting others.
fn kill_all(find: impl Fn() -> Vec<LeftOver>) -> CleanReport {
    let give_up = Instant::now() + PATIENCE;
    let mut seen: Vec<LeftOver> = Vec::new();
    loop {
        let remaining = find();
        for process in &remaining {
            kill(process);
            if !seen.contains(process) {
                seen.push(process.clone());
            }
        }
        if remaining.is_empty() || Instant::now() > give_up {
            seen.retain(|process| !remaining.contains(process));
            return CleanReport { killed: seen, remaining };
        }
        thread::sleep(PAUSE);
    }
}

/// Kills one process, unless its id has passed to another meanwhile.
fn kill(process: &LeftOver) {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return };
    let handle = pidfd_open(pid, PidfdFlags::empty());
    let environment = process_table::environment(pid).unwrap_or_default();
    if process_table::variable(&environment, RUN_VARIABLE) != Some(process.run.as_str()) {
        return;
    }
    // Whether it worked is seen at the next look.
    let _ = match handle {
        Ok(handle) => pidfd_send_signal(handle, Signal::KILL),
        Err(Errno::NOSYS) => kill_process(pid, Signal::KILL),
        Err(error) => Err(error),
    };
}
