//! A limit of resident memory. At it the process is killed: by the kernel, where it is in a control
//! group, else by the keeper's own look.
//!
//! What a process holds when it enters a group stays on the account of the one before. The group's
//! limit is therefore what it may hold *more* than then, and the keeper looks at the whole.

use rustix::process::Pid;

use super::{Lifted, megabytes};
use crate::{
    RoleSignal,
    control_group::{Group, Version},
    process_table,
};

/// A limit that is set.
pub(super) struct MemoryLimit {
    bytes: u64,
    group: Option<Group>,
    /// The most that was seen.
    peak: u64,
    /// What it held when it was killed here.
    killed_at: Option<u64>,
}

impl MemoryLimit {
    /// At `bytes`, or `above` what it holds now.
    pub(super) fn set(
        pid: Pid,
        bytes: Option<u64>,
        above: u64,
        name: &str,
    ) -> Result<(Self, String), String> {
        let resident = process_table::resident(pid).ok_or("does not say how much memory it holds")?;
        let bytes = bytes.unwrap_or(resident + above);
        let more = bytes.saturating_sub(resident);
        let group = if more > 0 {
            Group::make("memory", &format!("{name}-memory"), pid, |version| settings(version, more))
        } else {
            None
        };
        let keeper = match &group {
            Some(group) => format!("by a control group of version {}", group.version().number()),
            None => "by the keeper, which looks every 10 ms, since no control group can be made".to_owned(),
        };
        let how = format!("may hold {}, and holds {}: {keeper}", megabytes(bytes), megabytes(resident));
        Ok((Self { bytes, group, peak: resident, killed_at: None }, how))
    }

    /// What to send to the process.
    pub(super) fn look(&mut self, pid: Pid) -> Option<RoleSignal> {
        let resident = process_table::resident(pid)?;
        self.peak = self.peak.max(resident);
        if resident <= self.bytes || self.killed_at.is_some() {
            return None;
        }
        self.killed_at = Some(resident);
        Some(RoleSignal::Kill)
    }

    /// What came of it; `lives` unless the process has ended.
    pub(super) fn lift(self, lives: bool) -> Lifted {
        let by_kernel = !lives && self.group.as_ref().is_some_and(|group| oom_kills(group) > 0);
        let text = match self.killed_at {
            _ if by_kernel => format!("was killed by the kernel at its limit of {}", megabytes(self.bytes)),
            Some(held) => {
                let over = megabytes(held.saturating_sub(self.bytes));
                format!("was killed by the keeper at {}, {over} over its limit", megabytes(held))
            }
            None => format!("held {} at most, and did not meet its limit", megabytes(self.peak)),
        };
        let met = by_kernel || self.killed_at.is_some();
        Lifted { text, met, died: met }
    }
}

fn settings(version: Version, more: u64) -> Vec<(&'static str, String)> {
    match version {
        // Without swap, or it would be slow instead of full. The whole process goes, not one thread's.
        Version::Two => vec![
            ("memory.max", more.to_string()),
            ("memory.swap.max", "0".to_owned()),
            ("memory.oom.group", "1".to_owned()),
        ],
        Version::One => vec![("memory.limit_in_bytes", more.to_string())],
    }
}

fn oom_kills(group: &Group) -> u64 {
    let file = match group.version() {
        Version::Two => "memory.events",
        Version::One => "memory.oom_control",
    };
    group.figure(file, "oom_kill").unwrap_or(0)
}
