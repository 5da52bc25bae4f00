//! How quiet the machine is. Figures in milliseconds say something about the harness only where the
//! machine itself wakes a thread in time; a virtual machine with loud neighbours does not.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    child::{self, ChildError, Server},
    machine::Machine,
};

/// One look at the machine: a thread that wants to wake every millisecond for so long.
const PROBE: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(1);
/// Quiet enough: the thread is no later than this at the 99th percentile. A quarter of the tightest
/// bound that is measured, the dispatch lag of 2 ms.
const LATE_P99_MS: f64 = 0.5;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// Keeps every core awake while it is there, with processes that run only where nobody else wants to
/// (`SCHED_IDLE`). A virtual core that halts gives its place to the neighbours and comes back late;
/// on hardware the kernel's `idle=poll` does the same for the depths of sleep.
#[derive(Debug)]
pub(crate) struct Awake(Vec<Server>);

impl Awake {
    /// Starts them. Without `chrt` (util-linux) the cores sleep as they like.
    pub(crate) fn keep() -> Self {
        let spinner = || -> Result<Server, ChildError> {
            let spin = child::role(&["spin"])?;
            let mut command = Command::new("chrt");
            command.args(["--idle", "0"]).arg(spin.get_program()).args(spin.get_args());
            Server::start(command)
        };
        Self((0..Machine::here().cores()).map_while(|_| spinner().ok()).collect())
    }

    /// How many cores are kept awake.
    pub(crate) fn cores(&self) -> usize {
        self.0.len()
    }
}

/// What keeps one core awake: does nothing, all the time, until the parent is gone.
pub(crate) fn spin() {
    println!("awake");
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    thread::spawn(move || {
        child::wait_for_end_of_lease();
        end.store(true, Ordering::Relaxed);
    });
    while !ended.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

/// What else went on while something was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Noise {
    /// How late a thread woke at the 99th percentile, in milliseconds, right before.
    pub(crate) wake_late_p99_ms: f64,
    /// Share of all CPU time that the hypervisor gave to others meanwhile.
    pub(crate) stolen: f64,
    /// Cores that were kept awake by a process of idle priority.
    pub(crate) cores_awake: usize,
}

/// Waits until the machine is quiet, at most for `patience`. The lateness at the last look, in
/// milliseconds.
pub(crate) fn settle(patience: Duration) -> f64 {
    let deadline = Instant::now() + patience;
    loop {
        let late = lateness();
        if late < LATE_P99_MS || Instant::now() >= deadline {
            return late;
        }
        eprintln!("the machine wakes threads {late:.1} ms late: waiting until it is quiet");
        thread::sleep(PAUSE);
    }
}

/// How late a thread wakes at the 99th percentile, in milliseconds.
fn lateness() -> f64 {
    let ticks = (PROBE.as_micros() / TICK.as_micros()) as u32;
    let start = Instant::now();
    let mut late: Vec<Duration> = (1..=ticks)
        .map(|tick| {
            let due = start + TICK * tick;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            due.elapsed()
        })
        .collect();
    late.sort_unstable();
    late[late.len() * 99 / 100].as_secs_f64() * 1e3
}
