//! Limits of roles while a fault lasts: memory, processor time, descriptors.
//!
//! ```text
//!   set ──> control group, where one can be made ──┐
//!     └───> a look every tick, in any case ────────┴──> met? ── lift ──> what came of it
//! ```
//!
//! The main thread looks; nothing here waits. A limit belongs to one process: one that is started
//! again meanwhile is free of it.

mod cpu;
mod descriptors;
mod memory;

use std::{collections::BTreeSet, time::Duration};

use rustix::process::Pid;

use self::{cpu::CpuLimit, descriptors::DescriptorLimit, memory::MemoryLimit};
use super::{family::Family, voice::note};
use crate::{Limited, RoleLimit, RoleSignal, control_group};

/// From one look to the next while there is a limit.
const TICK: Duration = Duration::from_millis(10);

/// The limits that are set.
pub(super) struct Limits {
    run: String,
    held: Vec<Held>,
    /// Roles that a fault has stopped, which no limit may let go on.
    paused: BTreeSet<String>,
}

/// One limit.
struct Held {
    role: String,
    pid: Pid,
    limit: Limit,
    /// Its process has ended, or is another.
    over: bool,
}

enum Limit {
    Memory(MemoryLimit),
    Cpu(CpuLimit),
    Descriptors(DescriptorLimit),
}

/// What came of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lifted {
    /// For people, after the role's name.
    pub(super) text: String,
    /// The process met it.
    pub(super) met: bool,
    /// The process was killed at it, and is to be started again.
    pub(super) died: bool,
}

impl Limits {
    /// No limits. What a killed keeper left of its own is removed.
    pub(super) fn new(run: &str) -> Self {
        let left = control_group::left_over_groups();
        for group in control_group::remove_groups(&left) {
            note(format_args!("{} is left over and cannot be removed", group.display()));
        }
        Self { run: run.to_owned(), held: Vec::new(), paused: BTreeSet::new() }
    }

    /// How soon it has to look again; `None` while there is no limit.
    pub(super) fn tick(&self) -> Option<Duration> {
        (!self.held.is_empty()).then_some(TICK)
    }

    /// Sets a limit, and says by what it is kept; or why it is not.
    pub(super) fn set(&mut self, role: &str, limit: RoleLimit, family: &Family) -> Result<String, String> {
        if self.place(role, limit.what()).is_some() {
            return Err("has such a limit already".to_owned());
        }
        let pid = living(family, role).ok_or("does not live")?;
        let group = format!("{}-{role}", self.run);
        let (limit, how) = match limit {
            RoleLimit::Memory(bytes) => MemoryLimit::set(pid, Some(bytes), 0, &group).map(Limit::memory),
            RoleLimit::MemoryAbove(bytes) => MemoryLimit::set(pid, None, bytes, &group).map(Limit::memory),
            RoleLimit::CpuMillicores(millicores) => CpuLimit::set(pid, millicores, &group).map(Limit::cpu),
            RoleLimit::Descriptors(max) => DescriptorLimit::set(pid, max).map(Limit::descriptors),
        }?;
        self.held.push(Held { role: role.to_owned(), pid, limit, over: false });
        Ok(how)
    }

    /// Looks at every process that has a limit, and does what that asks for.
    pub(super) fn watch(&mut self, family: &Family) {
        for held in self.held.iter_mut().filter(|held| !held.over) {
            if living(family, &held.role) != Some(held.pid) {
                held.over = true;
                continue;
            }
            let signal = match &mut held.limit {
                Limit::Memory(limit) => limit.look(held.pid),
                Limit::Cpu(limit) => limit.look(held.pid),
                Limit::Descriptors(limit) => {
                    limit.look(held.pid);
                    None
                }
            };
            match signal {
                Some(RoleSignal::Resume) if self.paused.contains(&held.role) => {}
                Some(signal) => family.signal(&held.role, signal),
                None => {}
            }
        }
    }

    /// A fault signals a role by itself.
    pub(super) fn signalled(&mut self, role: &str, signal: RoleSignal) {
        match signal {
            RoleSignal::Pause => drop(self.paused.insert(role.to_owned())),
            RoleSignal::Resume => drop(self.paused.remove(role)),
            RoleSignal::Kill | RoleSignal::Terminate => {}
        }
    }

    /// Takes a limit back.
    pub(super) fn lift(&mut self, role: &str, what: Limited, family: &Family) -> Result<Lifted, String> {
        let place = self.place(role, what).ok_or("has no such limit")?;
        let held = self.held.remove(place);
        let lives = living(family, role) == Some(held.pid);
        Ok(match held.limit {
            Limit::Memory(limit) => limit.lift(lives),
            Limit::Cpu(limit) => {
                if lives && limit.is_stopped() && !self.paused.contains(role) {
                    family.signal(role, RoleSignal::Resume);
                }
                limit.lift(held.pid)
            }
            Limit::Descriptors(limit) => limit.lift(held.pid),
        })
    }

    /// Everything has ended: nothing is left to be limited.
    pub(super) fn end(&mut self) {
        self.held.clear();
    }

    fn place(&self, role: &str, what: Limited) -> Option<usize> {
        self.held.iter().position(|held| held.role == role && held.limit.what() == what)
    }
}

impl Limit {
    fn memory((limit, how): (MemoryLimit, String)) -> (Self, String) {
        (Self::Memory(limit), how)
    }

    fn cpu((limit, how): (CpuLimit, String)) -> (Self, String) {
        (Self::Cpu(limit), how)
    }

    fn descriptors((limit, how): (DescriptorLimit, String)) -> (Self, String) {
        (Self::Descriptors(limit), how)
    }

    fn what(&self) -> Limited {
        match self {
            Self::Memory(_) => Limited::Memory,
            Self::Cpu(_) => Limited::Cpu,
            Self::Descriptors(_) => Limited::Descriptors,
        }
    }
}

/// The process of a role, if it lives.
fn living(family: &Family, role: &str) -> Option<Pid> {
    let pid = family.pid(role).filter(|_| family.lives(role))?;
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// Bytes for people.
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
