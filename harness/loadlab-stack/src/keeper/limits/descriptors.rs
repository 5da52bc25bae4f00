//! A limit of open descriptors: RLIMIT_NOFILE of the running process, and what it was afterwards.
//! Those that are open stay; the next one that would have a larger number fails with EMFILE.

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::Lifted;
use crate::process_table;

/// A limit that is set.
pub(super) struct DescriptorLimit {
    max: u32,
    before: Rlimit,
    /// The most that were seen.
    peak: usize,
    met: bool,
}

impl DescriptorLimit {
    pub(super) fn set(pid: Pid, max: u32) -> Result<(Self, String), String> {
        let failed = |error: rustix::io::Errno| format!("cannot be limited: {error}");
        let now = prlimit_now(pid).map_err(failed)?;
        // The hard limit stays, or it could not be undone without privileges.
        let wanted = Rlimit { current: Some(u64::from(max)), maximum: now.maximum };
        let before = prlimit(Some(pid), Resource::Nofile, wanted).map_err(failed)?;
        let mut limit = Self { max, before, peak: 0, met: false };
        limit.look(pid);
        let how = format!("may have {max} descriptors, and has {}: by its RLIMIT_NOFILE", limit.peak);
        Ok((limit, how))
    }

    /// Whether all the numbers that it may use are in use, but for one: the last may have been given
    /// back between two looks.
    pub(super) fn look(&mut self, pid: Pid) {
        let open = process_table::descriptors(pid);
        self.peak = self.peak.max(open.len());
        self.met |= open.iter().filter(|number| **number < self.max).count() + 1 >= self.max as usize;
    }

    pub(super) fn lift(mut self, pid: Pid) -> Lifted {
        self.look(pid);
        // A process that has ended has no limit any more.
        let _ = prlimit(Some(pid), Resource::Nofile, self.before);
        let met = if self.met { "met its limit" } else { "was not seen at its limit" };
        Lifted {
            text: format!("had {} descriptors at most, and {met}", self.peak),
            met: self.met,
            died: false,
        }
    }
}

/// The limit as it is. prlimit(2) would set at the same time, so the kernel's table is read.
fn prlimit_now(pid: Pid) -> rustix::io::Result<Rlimit> {
    let text = std::fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_pid()))
        .map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::SRCH))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut fields = line.unwrap_or_default().split_whitespace().map(|field| field.parse().ok());
    Ok(Rlimit { current: fields.next().flatten(), maximum: fields.next().flatten() })
}
