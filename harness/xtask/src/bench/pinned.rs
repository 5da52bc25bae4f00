//! A command on one core: this process moves there and becomes the command.

use std::{io, os::unix::process::CommandExt as _, process::Command};

use rustix::thread::{CpuSet, sched_setaffinity};

/// Runs `command` on `core` in place of this process; returns only on failure.
pub(crate) fn become_pinned(core: usize, command: &[String]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "there is no command to pin");
    };
    let mut set = CpuSet::new();
    set.set(core);
    match sched_setaffinity(None, &set) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}
