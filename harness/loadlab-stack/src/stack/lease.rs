//! The lease: the keeper as a child process, the write end of its standard input, and its messages.
//!
//! The pipe is close-on-exec, as all that `std` makes, so that no other child of the harness holds it
//! open; when the harness ends, by whatever means, the kernel closes it.

use std::{
    fs::{self, File},
    io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc::{self, UnboundedReceiver},
};

use super::StackError;
use crate::{
    Exit, LeftOver, Message, StackSpec, left_over,
    spec::{KEEPER, LEASE_HOLDER_VARIABLE, ROLE_VARIABLE, RUN_VARIABLE},
};

/// The keeper's log in the run's folder.
pub(super) const LOG_FILE: &str = "keeper.log";
/// How long the keeper may take to end. It promises a second.
const END_LIMIT: Duration = Duration::from_secs(2);

/// A keeper under way.
#[derive(Debug)]
pub(super) struct Lease {
    keeper: Child,
    pid: u32,
    stdin: Option<ChildStdin>,
    messages: UnboundedReceiver<Message>,
    run: String,
    log_dir: PathBuf,
    swept: bool,
}

/// How a keeper ended.
#[derive(Debug)]
pub(super) struct LeaseEnd {
    /// Its exit code or signal.
    pub(super) how: Option<Exit>,
    /// It had to be killed.
    pub(super) forced: bool,
    /// It said that everything is down.
    pub(super) said_down: bool,
    /// What it left and was killed here.
    pub(super) swept: Vec<LeftOver>,
}

impl Lease {
    /// Starts the keeper, which waits for its spec.
    pub(super) fn begin(spec: &StackSpec, keeper_args: &[String]) -> Result<Self, StackError> {
        let log_dir = spec.log_dir.clone();
        let log = fs::create_dir_all(&log_dir).and_then(|()| File::create(log_dir.join(LOG_FILE)));
        let log = log.map_err(|source| StackError::LogDir { path: log_dir.clone(), source })?;
        let spawned = Command::new(&spec.program)
            .args(keeper_args)
            .env(RUN_VARIABLE, &spec.run)
            .env(ROLE_VARIABLE, KEEPER)
            .env(LEASE_HOLDER_VARIABLE, std::process::id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0)
            .spawn();
        let failed = |source| StackError::Spawn { program: spec.program.clone(), source };
        let mut keeper = spawned.map_err(failed)?;
        let missing = || failed(io::Error::other("the system gave no pipe or process id"));
        let (stdin, stdout) = (keeper.stdin.take(), keeper.stdout.take().ok_or_else(missing)?);
        let pid = keeper.id().ok_or_else(missing)?;
        let messages = listen(stdout);
        Ok(Self { keeper, pid, stdin, messages, run: spec.run.clone(), log_dir, swept: false })
    }

    pub(super) fn keeper_pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn log_dir(&self) -> &Path {
        &self.log_dir
    }

    /// One line of JSON to the keeper.
    pub(super) async fn say(&mut self, what: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        let stdin = self.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        stdin.write_all(&line).await?;
        stdin.flush().await
    }

    /// The next message; `None` for ever once the keeper is gone.
    pub(super) async fn hear(&mut self) -> Option<Message> {
        self.messages.recv().await
    }

    /// Kills what a lost keeper left. The kernel has killed the roles; what they started may live.
    pub(super) async fn sweep(&mut self) -> Vec<LeftOver> {
        if self.swept {
            return Vec::new();
        }
        self.swept = true;
        let run = self.run.clone();
        // It reads the process table and waits for deaths.
        tokio::task::spawn_blocking(move || left_over::sweep(&run))
            .await
            .map(|it| it.killed)
            .unwrap_or_default()
    }

    /// Lets go of the lease, waits for the keeper's end, forces it if need be, and sweeps.
    pub(super) async fn end(mut self) -> LeaseEnd {
        drop(self.stdin.take());
        let mut ended = tokio::time::timeout(END_LIMIT, self.keeper.wait()).await;
        let forced = ended.is_err();
        if forced {
            // An error means that it has ended just now.
            drop(self.keeper.start_kill());
            ended = tokio::time::timeout(END_LIMIT, self.keeper.wait()).await;
        }
        let mut said_down = false;
        // Its standard output has ended with it, unless not even SIGKILL could end it.
        while let Ok(Some(message)) = tokio::time::timeout(END_LIMIT, self.hear()).await {
            said_down |= message == Message::Down {};
        }
        let swept = self.sweep().await;
        let how = ended.ok().and_then(Result::ok).and_then(exit_of);
        LeaseEnd { how, forced, said_down, swept }
    }
}

/// Turns the keeper's standard output into messages, on a task that ends with it.
fn listen(stdout: ChildStdout) -> UnboundedReceiver<Message> {
    let (sender, messages) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // What is no message comes from a program that is no keeper; its end will say so.
            let Ok(message) = serde_json::from_str(&line) else { continue };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

fn exit_of(status: ExitStatus) -> Option<Exit> {
    status.code().map(Exit::Code).or_else(|| status.signal().map(Exit::Signal))
}
