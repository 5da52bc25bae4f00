//! This program run again in a role of its own: servers and generators are processes, so that
//! their CPU time can be told apart and none waits for another's runtime.
//!
//! A role is a hidden subcommand. A server holds its standard input as a lease: when the parent
//! goes, however it goes, the pipe closes and the server ends.

use std::{
    fmt,
    io::{self, BufRead as _, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
};

/// Why a child did not do its work.
#[derive(Debug)]
pub(crate) enum ChildError {
    /// It could not be started.
    Start {
        /// What was to be run.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It ended before it was ready, or with a failure.
    Ended {
        /// What was run.
        program: String,
        /// What it said last, or how it ended.
        reason: String,
    },
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { program, .. } => write!(f, "{program} could not be started"),
            Self::Ended { program, reason } => write!(f, "{program} did not do its work: {reason}"),
        }
    }
}

impl std::error::Error for ChildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } => Some(source),
            Self::Ended { .. } => None,
        }
    }
}

/// A command that runs this program in a role.
pub(crate) fn role(arguments: &[&str]) -> Result<Command, ChildError> {
    let start_error = |source| ChildError::Start { program: "xtask".to_owned(), source };
    let mut command = Command::new(std::env::current_exe().map_err(start_error)?);
    command.args(arguments);
    Ok(command)
}

/// The same command, on one core only.
pub(crate) fn pinned(core: usize, command: &Command) -> Result<Command, ChildError> {
    let mut pinned = role(&["pinned", &core.to_string()])?;
    pinned.arg("--").arg(command.get_program()).args(command.get_args());
    Ok(pinned)
}

/// The name of a command, for messages.
pub(crate) fn program(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end; its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, ChildError> {
    let program = program(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| ChildError::Start { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(ChildError::Ended { program, reason: output.status.to_string() });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A server in a process of its own, or another that has a lease. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    lease: Option<ChildStdin>,
    first_line: String,
}

impl Server {
    /// Starts `command` and waits for its first line: it is ready. A server says its address there.
    pub(crate) fn start(mut command: Command) -> Result<Self, ChildError> {
        let program = program(&command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| ChildError::Start { program: program.clone(), source })?;
        let lease = child.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let read = BufReader::new(stdout).read_line(&mut line);
            read.map_err(|source| ChildError::Start { program: program.clone(), source })?;
        }
        // Made before the check, so that a server which is not ready is ended as well.
        let server = Self { child, lease, first_line: line.trim().to_owned() };
        if server.first_line.is_empty() {
            return Err(ChildError::Ended { program, reason: "it said nothing".to_owned() });
        }
        Ok(server)
    }

    /// What it said when it was ready.
    pub(crate) fn first_line(&self) -> &str {
        &self.first_line
    }

    /// `http://address:port` of a server that says its address.
    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.first_line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lease.take());
        // Nothing can be done about a child that is already gone.
        let _ = self.child.wait();
    }
}

/// For a server: returns when the parent is gone. Call it on a thread of its own.
pub(crate) fn wait_for_end_of_lease() {
    // Nothing is ever sent, so this reads until the end or an error, which is an end as well.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}
