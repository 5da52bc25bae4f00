//! A command on one core: this process moves there and becomes the command. It dies with its parent.

use std::{io, os::unix::process::CommandExt as _, process::Command};

use rustix::{
    process::{Signal, set_parent_process_death_signal},
    thread::{CpuSet, sched_setaffinity},
};

/// Runs `command` on `core` in place of this process; returns only on failure.
pub(crate) fn become_pinned(core: usize, command: &[String]) -> io::Error {
    let Some((program, arguments)) = command.split_first() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "there is no command to pin");
    };
    let mut set = CpuSet::new();
    set.set(core);
    // Not every command holds a lease, and none may outlive who measures it.
    let tied = set_parent_process_death_signal(Some(Signal::KILL));
    match tied.and_then(|()| sched_setaffinity(None, &set)) {
        Ok(()) => Command::new(program).args(arguments).exec(),
        Err(error) => error.into(),
    }
}
