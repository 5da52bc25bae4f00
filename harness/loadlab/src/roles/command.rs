//! `loadlab role command`: somebody's own service, started by a shell command.
//!
//! ```text
//!   keeper ─> loadlab role command ─> loadlab role shell COMMAND, which becomes sh -c COMMAND
//!                  │                        PORT, HOST in its environment
//!                  └── says that it is ready once the port accepts a connection
//! ```
//!
//! Each of the two asks the kernel to be killed with its parent, and both are in the keeper's process group
//! for the role, so nothing of the service outlives the run. What it prints goes to the role's log.

use std::{
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::Duration,
};

use loadlab_stack::{KEEPER_VARIABLE, RoleReady};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use serde::{Deserialize, Serialize};

/// The role that waits for a command's service.
pub const COMMAND: &str = "command";
/// The role that becomes the command.
pub const SHELL: &str = "shell";
/// Between two looks whether the service accepts connections. The keeper knows how long it may take.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Tells the shell's role who its parent is.
const PARENT_VARIABLE: &str = "LOADLAB_PARENT";

/// What the keeper says. It has more to say to other roles.
#[derive(Debug, Serialize, Deserialize)]
struct Config {
    name: String,
    command: String,
}

/// The configuration of the role.
pub(crate) fn config(command: &str) -> serde_json::Value {
    serde_json::json!({ "command": command })
}

/// Starts the service, says when it is ready, and ends when it does.
pub(super) fn main() -> ExitCode {
    if !dies_with(KEEPER_VARIABLE) {
        return failed("the keeper was gone before it started");
    }
    match serve() {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => failed(&error.to_string()),
    }
}

/// Becomes the command.
pub(super) fn shell(command: &str) -> ExitCode {
    if !dies_with(PARENT_VARIABLE) {
        return failed("its role was gone before it started");
    }
    // It returns only if there is no shell.
    failed(&Command::new("sh").args(["-c", command]).exec().to_string())
}

fn failed(reason: &str) -> ExitCode {
    anstream::eprintln!("command: {reason}");
    ExitCode::FAILURE
}

/// Asks the kernel to kill this process when its parent dies. False if that has died already.
fn dies_with(variable: &str) -> bool {
    let Some(parent) = std::env::var(variable).ok().and_then(|pid| pid.parse::<i32>().ok()) else {
        return true;
    };
    // Without it the process group is what ends this process.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    getppid().map(Pid::as_raw_pid) == Some(parent)
}

/// The service's exit code.
fn serve() -> io::Result<i32> {
    let mut documents = serde_json::Deserializer::from_reader(io::stdin().lock());
    let config = Config::deserialize(&mut documents)?;
    let listen = free_address()?;
    let mut child = start(&config.command, listen)?;
    while TcpStream::connect(listen).is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(io::Error::other(format!(
                "`{}` ended with {status} before it served; it has to serve at the port that is in $PORT, \
                 {} this time, for as long as it is wanted",
                config.command,
                listen.port()
            )));
        }
        thread::sleep(LOOK_EVERY);
    }
    let ready = RoleReady { role: config.name, listen: listen.to_string(), admin: None };
    writeln!(io::stdout(), "{}", serde_json::to_string(&ready)?)?;
    Ok(child.wait()?.code().unwrap_or(1))
}

/// An address that nobody listens at now. Somebody else might take it before the service does, who is told
/// so by its own `bind`.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn start(command: &str, listen: SocketAddr) -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([super::ROLE, SHELL, command])
        .env("PORT", listen.port().to_string())
        .env("HOST", listen.ip().to_string())
        .env(PARENT_VARIABLE, std::process::id().to_string())
        .stdin(Stdio::null())
        // The keeper takes a first line on standard output for that of the role.
        .stdout(Stdio::from(io::stderr()))
        .spawn()
}
