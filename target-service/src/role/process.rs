//! A role as a process: configuration from standard input, the ready line, SIGTERM.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use log::{LevelFilter, Log, Metadata, Record};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use serde::Deserialize as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Ready, RoleConfig, RoleError, run};

/// The keeper tells its process id in this variable. A role that somebody starts by hand has none.
const KEEPER: &str = "LOADLAB_KEEPER";
/// The exit code of a role that wants to be started again: EX_TEMPFAIL of sysexits.h. The keeper
/// knows it.
const RESTART: u8 = 75;

/// Runs `role` as this process. It ends with success on SIGTERM or SIGINT, with 75 if it wants to be
/// started again, and with 1 otherwise, both with a line on standard error.
pub fn main(role: &str) -> ExitCode {
    // A second call only means that the binary has set its own.
    if log::set_logger(&StandardError).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
    if !dies_with_keeper() {
        log::error!("{role}: the keeper was gone before it started");
        return ExitCode::FAILURE;
    }
    match serve(role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{role}: {}", chain(&error));
            if matches!(error, RoleError::Restart { .. }) {
                ExitCode::from(RESTART)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Asks the kernel to kill this process when its parent dies. That is the second line only: the
/// keeper kills its roles, but SIGKILL may end the keeper itself. False if it has died already.
fn dies_with_keeper() -> bool {
    let Some(keeper) = std::env::var(KEEPER).ok().and_then(|pid| pid.parse::<i32>().ok()) else {
        return true;
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        log::warn!("this process would outlive a killed keeper: {error}");
    }
    // The keeper may have died before the request; then the parent is another one now.
    getppid().map(Pid::as_raw_pid) == Some(keeper)
}

fn serve(role: &str) -> Result<(), RoleError> {
    let config = read_config(io::stdin().lock())?;
    let started = |source: io::Error| RoleError::Start { part: "the runtime", reason: source.to_string() };
    // One thread: a role that needs more has threads of its own, as the service's workers.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(started)?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(started)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(started)?;
        tokio::select! {
            ended = run(role, config, CancellationToken::new(), announce) => ended,
            // The role's future is dropped with all that it serves: the keeper wants it gone within
            // a second, and a client sees a reset, as it would from a process that is killed.
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    })
}

/// One JSON document; what follows it is left unread, so the writer need not close the pipe.
fn read_config(input: impl io::Read) -> Result<RoleConfig, RoleError> {
    let mut documents = serde_json::Deserializer::from_reader(input);
    RoleConfig::deserialize(&mut documents).map_err(|source| RoleError::Configuration { source })
}

/// The one line on standard output.
fn announce(ready: &Ready) {
    let line = serde_json::to_string(ready).expect("a ready line has only strings");
    let mut stdout = io::stdout().lock();
    // Nobody who reads means that the keeper is gone; the role's end is on its way.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Log lines on standard error, which the keeper sends to the role's log file.
struct StandardError;

impl Log for StandardError {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let _ = writeln!(io::stderr(), "{} {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    #[test]
    fn a_configuration_is_read_without_waiting_for_the_end_of_the_pipe() {
        let text = serde_json::json!({
            "name": "service-0", "seed": 1, "profile": Profile::named("baseline").expect("it is shipped"),
        });
        let (reader, mut writer) = io::pipe().expect("a pipe");
        writer.write_all(text.to_string().as_bytes()).expect("a pipe takes a page or two");
        let config = read_config(reader).expect("a configuration");
        assert_eq!(config.name, "service-0");
        drop(writer);
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let error = read_config(&b"{\"name\": 3}"[..]).expect_err("not a configuration");
        assert!(chain(&error).contains("expected a string"), "{}", chain(&error));
    }
}
