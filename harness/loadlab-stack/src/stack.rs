//! The harness's side: starts the keeper, holds its lease, hears what it says.

mod lease;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use loadlab_chaos::aware;
use loadlab_clock::{Seed, Speed};
use tokio_util::sync::CancellationToken;

use self::lease::Lease;
use crate::{
    Command, EdgeTable, Exit, Ledger, LeftOver, LimitSaid, Limited, Message, Proxying, RoleFailure,
    RoleLimit, RoleSignal, RoleSpec, RoleUp, SpecError, StackSpec, Up,
};

/// What the keeper needs beyond the roles' own time: to start, to speak, on a busy machine.
const KEEPER_MARGIN: Duration = Duration::from_secs(5);

/// The stack to bring up.
#[derive(Debug, Clone)]
pub struct StackRequest {
    /// The run's name, unique on this machine; what it starts carries it in its environment.
    pub run: String,
    /// The program that is keeper and roles: most often the running one.
    pub program: PathBuf,
    /// Its arguments to be the keeper: `["keeper"]`.
    pub keeper_args: Vec<String>,
    /// Its arguments to be a role, which follows: `["role"]`.
    pub role_args: Vec<String>,
    /// The processes.
    pub roles: Vec<RoleSpec>,
    /// Real services instead of roles: role name to address.
    pub external: BTreeMap<String, String>,
    /// Where logs, ledger and, while it runs, temporary files are; made if it is missing.
    pub log_dir: PathBuf,
    /// Real time that a role has from its start until it is ready.
    pub start_timeout: Duration,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Where the draws of disturbances come from.
    pub seed: Seed,
    /// How edges run that are not all the stack's own.
    pub proxying: Proxying,
    /// Edges, `from/to`, whose proxy reads their protocol; the others carry bytes.
    pub aware: BTreeMap<String, aware::Protocol>,
}

/// Why a stack did not come up or did not go down.
#[derive(Debug)]
pub enum StackError {
    /// The request cannot be brought up by anybody.
    Request {
        /// What is wrong with it.
        reason: SpecError,
    },
    /// The keeper could not be started.
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder for the logs cannot be written.
    LogDir {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A role did not become ready.
    RoleFailed {
        /// Its name; `keeper` for the keeper itself.
        role: String,
        /// What went wrong.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// The keeper did not answer.
    Timeout {
        /// For how long, in real time.
        after: Duration,
    },
    /// The keeper ended without being told to.
    KeeperLost {
        /// How it ended, if that is known.
        how: Option<Exit>,
        /// Where its log is.
        log_dir: PathBuf,
    },
    /// It was asked to stop before it was up.
    Stopped,
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { .. } => f.write_str("the stack cannot be brought up as asked"),
            Self::Spawn { program, .. } => {
                write!(f, "`{}` could not be started as keeper", program.display())
            }
            Self::LogDir { path, .. } => write!(f, "the log folder `{}` cannot be used", path.display()),
            Self::RoleFailed { role, reason, .. } => write!(f, "`{role}` {reason}"),
            Self::Timeout { after } => write!(f, "the keeper did not answer within {after:?}"),
            Self::KeeperLost { how: Some(how), log_dir } => {
                write!(f, "the keeper is gone: {how}; see `{}`", log_dir.join(lease::LOG_FILE).display())
            }
            Self::KeeperLost { how: None, log_dir } => {
                write!(f, "the keeper is gone; see `{}`", log_dir.join(lease::LOG_FILE).display())
            }
            Self::Stopped => f.write_str("stopped before the stack was up"),
        }
    }
}

impl std::error::Error for StackError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request { reason } => Some(reason),
            Self::Spawn { source, .. } | Self::LogDir { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Something that happened to a stack that is up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StackEvent {
    /// A role ended without being asked to. The others live on.
    Died {
        /// Its name.
        role: String,
        /// How it ended.
        how: Exit,
    },
    /// A role that had been started again is ready.
    Back {
        /// Its name.
        role: String,
    },
    /// A limit was set or taken back, or could not be.
    Limit(LimitSaid),
    /// The keeper ended without being asked to, and everything with it.
    KeeperLost,
}

/// Where a role publishes its metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsEndpoint {
    /// Its name in the stack.
    pub role: String,
    /// `http://host:port/metrics`.
    pub url: String,
}

/// How a stack went down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownReport {
    /// Real time from the command to the keeper's end.
    pub took: Duration,
    /// The keeper did not end by itself in time and was killed.
    pub forced: bool,
    /// What the keeper had not ended, and was killed here.
    pub swept: Vec<LeftOver>,
    /// What the keeper wrote at its end.
    pub ledger: Option<Ledger>,
}

/// A stack that is up. Dropping it closes the lease, and the keeper ends everything within a second;
/// [`Stack::down`] is the normal end.
#[derive(Debug)]
pub struct Stack {
    lease: Lease,
    up: Up,
    keeper_pid: u32,
}

impl Stack {
    /// Brings it up: comes back when every role is ready. On any error nothing is left of it.
    ///
    /// # Errors
    /// See [`StackError`]; `Stopped` if `stop` is cancelled before all is ready.
    pub async fn up(request: StackRequest, stop: CancellationToken) -> Result<Self, StackError> {
        let StackRequest { run, program, keeper_args, role_args, roles, external, log_dir, .. } = request;
        let StackRequest { start_timeout, speed, seed, proxying, aware, .. } = request;
        let start_timeout_ms = u64::try_from(start_timeout.as_millis()).unwrap_or(u64::MAX);
        let spec = StackSpec {
            run,
            roles,
            program,
            role_args,
            log_dir,
            external,
            start_timeout_ms,
            speed,
            seed,
            proxying,
            aware,
        };
        spec.check().map_err(|reason| StackError::Request { reason })?;
        // At worst each role waits for the one before it.
        let roles = u32::try_from(spec.started().count()).unwrap_or(u32::MAX);
        let limit = start_timeout.saturating_mul(roles).saturating_add(KEEPER_MARGIN);
        let mut lease = Lease::begin(&spec, &keeper_args)?;
        let up = tokio::select! {
            biased;
            () = stop.cancelled() => Err(StackError::Stopped),
            () = tokio::time::sleep(limit) => Err(StackError::Timeout { after: limit }),
            up = first_answer(&mut lease, &spec) => up,
        };
        match up {
            Ok(up) => {
                let keeper_pid = lease.keeper_pid();
                Ok(Self { lease, up, keeper_pid })
            }
            Err(error) => {
                let end = lease.end().await;
                Err(match error {
                    StackError::KeeperLost { log_dir, .. } => {
                        StackError::KeeperLost { how: end.how, log_dir }
                    }
                    other => other,
                })
            }
        }
    }

    /// Every address in the stack, and who uses it.
    pub fn edges(&self) -> &EdgeTable {
        &self.up.edges
    }

    /// Where the edges' proxies are controlled, `host:port`: Toxiproxy's HTTP interface.
    pub fn control(&self) -> &str {
        &self.up.control
    }

    /// The processes that the keeper started, in the order of the request.
    pub fn roles(&self) -> &[RoleUp] {
        &self.up.roles
    }

    /// Where a role or external service is reached: by the load if it is loaded, else by its first
    /// dependent.
    pub fn address(&self, role: &str) -> Option<&str> {
        self.up.edges.address(role)
    }

    /// Where each role that the keeper started publishes its metrics.
    pub fn endpoints(&self) -> Vec<MetricsEndpoint> {
        let endpoint = |role: &RoleUp| MetricsEndpoint {
            role: role.name.clone(),
            url: format!("http://{}/metrics", role.admin.as_ref().unwrap_or(&role.listen)),
        };
        self.up.roles.iter().map(endpoint).collect()
    }

    /// The keeper's process id, which is its process group's too.
    pub fn keeper_pid(&self) -> u32 {
        self.keeper_pid
    }

    /// The process id of each role by name, which is its process group's too. Of the start: a role
    /// that died is still in it.
    pub fn pids(&self) -> BTreeMap<&str, u32> {
        self.up.roles.iter().map(|role| (role.name.as_str(), role.pid)).collect()
    }

    /// Waits for the next thing that happens to the stack. Can be dropped and called again without
    /// losing one. Once the keeper is lost it says so at every call, without waiting.
    pub async fn next_event(&mut self) -> StackEvent {
        loop {
            match self.lease.hear().await {
                Some(Message::Died { role, how }) => return StackEvent::Died { role, how },
                Some(Message::Back { role }) => return StackEvent::Back { role },
                Some(Message::Limit(said)) => return StackEvent::Limit(said),
                Some(Message::Ready(_) | Message::Failed(_) | Message::Down {}) => {}
                None => {
                    self.lease.sweep().await;
                    return StackEvent::KeeperLost;
                }
            }
        }
    }

    /// Sends a signal to a role. What comes of it is told by [`Stack::next_event`].
    ///
    /// # Errors
    /// The keeper is gone.
    pub async fn signal(&mut self, role: &str, signal: RoleSignal) -> io::Result<()> {
        self.lease.say(&Command::Signal { role: role.to_owned(), signal }).await
    }

    /// Starts a role again that has ended, at the address where it served before.
    ///
    /// # Errors
    /// The keeper is gone.
    pub async fn start(&mut self, role: &str) -> io::Result<()> {
        self.lease.say(&Command::Start { role: role.to_owned() }).await
    }

    /// Lets a role have only so much of something. What comes of it is told by [`Stack::next_event`].
    ///
    /// # Errors
    /// The keeper is gone.
    pub async fn limit(&mut self, role: &str, limit: RoleLimit) -> io::Result<()> {
        self.lease.say(&Command::Limit { role: role.to_owned(), limit }).await
    }

    /// Takes a limit back; a role that was killed at it is started again.
    ///
    /// # Errors
    /// The keeper is gone.
    pub async fn unlimit(&mut self, role: &str, what: Limited) -> io::Result<()> {
        self.lease.say(&Command::Unlimit { role: role.to_owned(), what }).await
    }

    /// Takes it down: asks politely, waits for the keeper to end, and kills it if it does not within
    /// two seconds. Nothing is left afterwards, whatever is returned.
    ///
    /// # Errors
    /// `KeeperLost` if the keeper had ended before it was asked.
    pub async fn down(mut self) -> Result<DownReport, StackError> {
        let began = Instant::now();
        // If it does not hear it any more, its end says so.
        drop(self.lease.say(&Command::Down {}).await);
        let log_dir = self.lease.log_dir().to_owned();
        let end = self.lease.end().await;
        let ledger = Ledger::read(&log_dir).ok();
        let obeyed = end.said_down || end.forced;
        if !obeyed {
            return Err(StackError::KeeperLost { how: end.how, log_dir });
        }
        Ok(DownReport { took: began.elapsed(), forced: end.forced, swept: end.swept, ledger })
    }
}

/// Gives the keeper its spec and waits for ready or failed.
async fn first_answer(lease: &mut Lease, spec: &StackSpec) -> Result<Up, StackError> {
    let lost = || StackError::KeeperLost { how: None, log_dir: spec.log_dir.clone() };
    lease.say(spec).await.map_err(|_| lost())?;
    loop {
        match lease.hear().await {
            Some(Message::Ready(up)) => return Ok(up),
            Some(Message::Failed(failure)) => {
                let RoleFailure { role, why: reason, log } = failure;
                return Err(StackError::RoleFailed { role, reason, log });
            }
            Some(Message::Died { .. } | Message::Back { .. } | Message::Limit(_) | Message::Down {}) => {}
            None => return Err(lost()),
        }
    }
}
