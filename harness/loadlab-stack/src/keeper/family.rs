//! The keeper's children: starts, reaps and ends them, and keeps the ledger of it.
//!
//! All by the main thread. Nothing here can fail in a way that would stop an end: what cannot be done
//! is noted and passed over.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group, wait},
};

use super::voice::note;
use crate::{Exit, Ledger, LedgerEntry, LedgerToxic, RoleReady, RoleSignal, process_table};

/// How long killing may take. With the rest of the clean-up it must stay under a second; only a process
/// that hangs in the kernel needs more, and it is beyond anybody's reach.
const KILL_LIMIT: Duration = Duration::from_millis(700);
/// Pause between looks at who is left while ending.
const PAUSE: Duration = Duration::from_millis(5);

/// All children. Dropping it ends them: what happens if the main thread panics.
pub(super) struct Family {
    ledger: Ledger,
    log_dir: PathBuf,
    /// The last look found no child at all, adopted ones included: nothing is left.
    childless: bool,
}

/// What wait(2) answers.
enum Waited {
    Ended(Pid, WaitStatus),
    /// There are children, and none has ended.
    NotYet,
    Nobody,
}

impl Family {
    pub(super) fn new(run: &str, log_dir: &Path) -> Self {
        Self { ledger: Ledger::begin(run), log_dir: log_dir.to_owned(), childless: true }
    }

    /// Starts one. Its death signal is tied to the calling thread.
    pub(super) fn spawn(&mut self, name: &str, command: &mut Command) -> io::Result<Child> {
        let child = command.spawn()?;
        self.ledger.roles.push(LedgerEntry {
            name: name.to_owned(),
            pid: child.id(),
            started_ms: self.ledger.now_ms(),
            ready_ms: None,
            listen: None,
            admin: None,
            ended_ms: None,
            how: None,
        });
        Ok(child)
    }

    pub(super) fn has_started(&self, name: &str) -> bool {
        self.ledger.roles.iter().any(|entry| entry.name == name)
    }

    /// Of its newest process.
    pub(super) fn pid(&self, name: &str) -> Option<u32> {
        self.newest(name).map(|entry| entry.pid)
    }

    /// Whether its newest process has not ended.
    pub(super) fn lives(&self, name: &str) -> bool {
        self.newest(name).is_some_and(|entry| entry.ended_ms.is_none())
    }

    /// Signals a role's group, if it lives.
    pub(super) fn signal(&self, name: &str, signal: RoleSignal) {
        let signal = match signal {
            RoleSignal::Kill => Signal::KILL,
            RoleSignal::Terminate => Signal::TERM,
            RoleSignal::Pause => Signal::STOP,
            RoleSignal::Resume => Signal::CONT,
        };
        let living = self.newest(name).filter(|entry| entry.ended_ms.is_none());
        match living.and_then(|entry| i32::try_from(entry.pid).ok()).and_then(Pid::from_raw) {
            Some(pid) => signal_group(pid, signal),
            None => note(format_args!("{name} does not live and is not signalled")),
        }
    }

    fn newest(&self, name: &str) -> Option<&LedgerEntry> {
        self.ledger.roles.iter().rfind(|entry| entry.name == name)
    }

    /// Books that a role is ready.
    pub(super) fn is_ready(&mut self, ready: &RoleReady) {
        let now = self.ledger.now_ms();
        if let Some(entry) = self.ledger.roles.iter_mut().rfind(|entry| entry.name == ready.role) {
            entry.ready_ms = Some(now);
            entry.listen = Some(ready.listen.clone());
            entry.admin.clone_from(&ready.admin);
        }
    }

    /// A role that has been started for longer than `timeout` and is not ready.
    pub(super) fn late(&self, timeout: Duration) -> Option<String> {
        let now = self.ledger.now_ms();
        let is_late = |entry: &&LedgerEntry| {
            entry.ready_ms.is_none()
                && entry.ended_ms.is_none()
                && Duration::from_millis(now - entry.started_ms) > timeout
        };
        self.ledger.roles.iter().find(is_late).map(|entry| entry.name.clone())
    }

    /// Collects everything that has ended, and gives the roles among it. What a dead role left in its
    /// group is killed at once.
    pub(super) fn reap(&mut self) -> Vec<(String, Exit)> {
        let mut roles = Vec::new();
        loop {
            let (pid, status) = match wait_any() {
                Waited::Ended(pid, status) => (pid, status),
                Waited::NotYet => break self.childless = false,
                Waited::Nobody => break self.childless = true,
            };
            let now = self.ledger.now_ms();
            let raw = pid.as_raw_pid().unsigned_abs();
            let entry =
                self.ledger.roles.iter_mut().find(|entry| entry.pid == raw && entry.ended_ms.is_none());
            let Some(entry) = entry else {
                self.ledger.adopted += 1;
                continue;
            };
            let how = exit_of(status);
            entry.ended_ms = Some(now);
            entry.how = Some(how);
            roles.push((entry.name.clone(), how));
            // The id cannot be another group's yet: the kernel gives ids out in a circle.
            signal_group(pid, Signal::KILL);
        }
        roles
    }

    /// Ends everything: SIGTERM and `grace` for those that listen, then SIGKILL for every descendant,
    /// paused ones too, until none is left.
    pub(super) fn end(&mut self, grace: Duration) {
        if !grace.is_zero() {
            self.terminate(grace);
        }
        let give_up = Instant::now() + KILL_LIMIT;
        loop {
            self.signal_roles(Signal::KILL);
            self.signal_roles(Signal::CONT);
            // A descendant may have left its role's group; as a subreaper we are its ancestor still.
            for pid in process_table::descendants(getpid()) {
                let _ = kill_process(pid, Signal::KILL);
            }
            self.reap();
            if self.childless {
                return;
            }
            if Instant::now() > give_up {
                let left = process_table::descendants(getpid());
                return note(format_args!("these do not end: {left:?}"));
            }
            thread::sleep(PAUSE);
        }
    }

    fn terminate(&mut self, grace: Duration) {
        self.signal_roles(Signal::TERM);
        // A paused role cannot obey.
        self.signal_roles(Signal::CONT);
        let give_up = Instant::now() + grace;
        while self.ledger.roles.iter().any(|entry| entry.ended_ms.is_none()) && Instant::now() < give_up {
            self.reap();
            thread::sleep(PAUSE);
        }
    }

    fn signal_roles(&self, signal: Signal) {
        for entry in self.ledger.roles.iter().filter(|entry| entry.ended_ms.is_none()) {
            if let Some(pid) = i32::try_from(entry.pid).ok().and_then(Pid::from_raw) {
                signal_group(pid, signal);
            }
        }
    }

    /// Writes the ledger as it is now.
    pub(super) fn write_ledger(&self) {
        if let Err(error) = self.ledger.write(&self.log_dir) {
            note(format_args!("the ledger could not be written: {error}"));
        }
    }

    /// Books where the proxies are controlled.
    pub(super) fn is_controlled_at(&mut self, control: &str) {
        self.ledger.control = Some(control.to_owned());
    }

    /// Writes the ledger for the last time.
    pub(super) fn close_ledger(&mut self, why: String, toxics: Vec<LedgerToxic>) {
        self.ledger.toxics = toxics;
        self.ledger.why = Some(why);
        self.ledger.ended_ms = Some(self.ledger.now_ms());
        self.write_ledger();
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// The next child that has ended.
fn wait_any() -> Waited {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => return Waited::Ended(pid, status),
            Ok(None) => return Waited::NotYet,
            Err(Errno::INTR) => {}
            Err(_) => return Waited::Nobody,
        }
    }
}

fn exit_of(status: WaitStatus) -> Exit {
    let signal = || Exit::Signal(status.terminating_signal().unwrap_or_default());
    status.exit_status().map_or_else(signal, Exit::Code)
}

/// That the group is gone already is no error.
fn signal_group(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}
