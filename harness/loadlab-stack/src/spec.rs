//! What harness, keeper and roles say to each other, one JSON line each; and what of it is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::Duration,
};

use loadlab_chaos::aware;
use loadlab_clock::{Seed, Speed};
use serde::{Deserialize, Serialize};

use crate::{EdgeTable, edge::LOAD};

/// Environment variable with the run's name, on the keeper and all that it starts.
pub const RUN_VARIABLE: &str = "LOADLAB_RUN";
/// Environment variable with the process's name in the stack; the keeper's is `keeper`.
pub const ROLE_VARIABLE: &str = "LOADLAB_ROLE";
/// Environment variable of a role: its keeper's process id.
pub const KEEPER_VARIABLE: &str = "LOADLAB_KEEPER";
/// Environment variable of a keeper: the process id of the harness that holds its lease.
pub const LEASE_HOLDER_VARIABLE: &str = "LOADLAB_HARNESS";
/// The keeper's name in [`ROLE_VARIABLE`]; no role may have it.
pub(crate) const KEEPER: &str = "keeper";

/// The stack to bring up: the first line of the lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackSpec {
    /// The run's name, unique on this machine.
    pub run: String,
    /// Its processes.
    pub roles: Vec<RoleSpec>,
    /// The program that has all roles.
    pub program: PathBuf,
    /// Its arguments before the role's: `["role"]` for `loadlab role redis`.
    pub role_args: Vec<String>,
    /// Where `<name>.log`, the ledger and, while it runs, the temporary directory are.
    pub log_dir: PathBuf,
    /// Real services instead of roles: role name to address. A role of this name is not started.
    #[serde(default)]
    pub external: BTreeMap<String, String>,
    /// Real milliseconds that a role has from its start until it is ready.
    pub start_timeout_ms: u64,
    /// Scenario seconds per real second: what is disturbed, is so in scenario time.
    pub speed: Speed,
    /// Where the disturbances' draws come from.
    pub seed: Seed,
    /// How edges run that are not all the stack's own.
    #[serde(default)]
    pub proxying: Proxying,
    /// Edges, `from/to`, whose proxy reads their protocol, since a planned fault acts on it. The
    /// others carry bytes.
    #[serde(default)]
    pub aware: BTreeMap<String, aware::Protocol>,
}

/// How edges run where not everything is the stack's own. The default: through proxies of the keeper,
/// which end with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxying {
    /// The external services that the load itself uses, by the name under which it does: `load`.
    #[serde(default)]
    pub loaded: BTreeMap<String, String>,
    /// Real milliseconds that the proxies stay at most, without any fault, after a lease that ended
    /// without a word: whoever still uses an external service through them is not cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linger_ms: Option<u64>,
    /// Send and receive buffers of the keeper's proxies, in bytes; none leaves them to the kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_buffer: Option<usize>,
    /// A server that has the proxies instead of the keeper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ProxyServer>,
}

/// A Toxiproxy server. The keeper makes a proxy there for each edge, and deletes it at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyServer {
    /// Where it is controlled: `host:port`.
    pub control: String,
    /// Its own proxies on which faults of the run act. At the end the run's toxics are removed from
    /// them, and they are enabled.
    #[serde(default)]
    pub borrowed: BTreeSet<String>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSpec {
    /// Its name in the stack: `service-0`. Letters, digits, `-`, `_` and `.`; it names the log file.
    pub name: String,
    /// What it is: `service`, the argument that selects it.
    pub role: String,
    /// The names of what must be ready before it starts, and whose addresses it is given.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// Its configuration, an object. The keeper sets `name` and `edges`, and `listen` (loopback, any
    /// free port) if it is absent.
    pub config: serde_json::Value,
}

/// What the harness says after the spec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// End everything; ask politely first.
    Down {},
    /// Send a signal to a role's process group.
    Signal {
        /// Its name.
        role: String,
        /// Which.
        signal: RoleSignal,
    },
    /// Start a role again that has ended, at the address where it served before.
    Start {
        /// Its name.
        role: String,
    },
    /// Let a role have only so much of something, until that is taken back.
    Limit {
        /// Its name.
        role: String,
        /// Of what, and how much.
        limit: RoleLimit,
    },
    /// Take a limit back. A role that was killed at it is started again.
    Unlimit {
        /// Its name.
        role: String,
        /// Of what.
        what: Limited,
    },
}

/// How much of something a role may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleLimit {
    /// Resident bytes; it is killed when it holds more.
    Memory(u64),
    /// The same, counted from what it holds when the limit is set.
    MemoryAbove(u64),
    /// Thousandths of a core.
    CpuMillicores(u64),
    /// Open descriptors.
    Descriptors(u32),
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limited {
    /// Resident memory.
    Memory,
    /// Processor time.
    Cpu,
    /// Open descriptors.
    Descriptors,
}

/// What the keeper says of a limit that it was asked to set or to take back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitSaid {
    /// The role, by name.
    pub role: String,
    /// What is limited.
    pub what: Limited,
    /// How it is kept, or what came of it; or why it is not.
    pub outcome: Result<String, String>,
    /// Whether the role met it so far.
    pub met: bool,
}

/// What can be sent to a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleSignal {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP.
    Pause,
    /// SIGCONT.
    Resume,
}

/// What the keeper says to the harness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// Everything is ready.
    Ready(Up),
    /// The stack could not be brought up; the keeper ends.
    Failed(RoleFailure),
    /// A role ended without being asked to.
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
    /// Everything has ended; so does the keeper.
    Down {},
}

/// A stack that is up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Up {
    /// Every address, and who uses it.
    pub edges: EdgeTable,
    /// The processes, in the order of the spec.
    pub roles: Vec<RoleUp>,
    /// Where the edges' proxies are controlled, `host:port`: Toxiproxy's HTTP interface.
    pub control: String,
}

/// A process that is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleUp {
    /// Its name.
    pub name: String,
    /// Its process id, and its group's.
    pub pid: u32,
    /// Where it serves.
    pub listen: String,
    /// Where it serves `/health`, `/metrics` and `/admin`, if that is another port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
}

/// Why the stack could not be brought up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleFailure {
    /// The role, by name.
    pub role: String,
    /// What went wrong.
    pub why: String,
    /// The last lines of its log.
    pub log: String,
}

/// The one line that a role prints when it is ready. Fields that are not known here are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleReady {
    /// The process's name, as its configuration gave it.
    pub role: String,
    /// Where it serves: `host:port`.
    pub listen: String,
    /// Where it serves `/health`, `/metrics` and `/admin`, if that is another port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<String>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    /// Of a process that wants to be started again, as a supervisor does: EX_TEMPFAIL of sysexits.h.
    pub const RESTART: Self = Self::Code(75);
}

impl RoleLimit {
    /// What it limits.
    pub const fn what(self) -> Limited {
        match self {
            Self::Memory(_) | Self::MemoryAbove(_) => Limited::Memory,
            Self::CpuMillicores(_) => Limited::Cpu,
            Self::Descriptors(_) => Limited::Descriptors,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Code(code) => return write!(f, "exit code {code}"),
            Self::Signal(1) => "SIGHUP",
            Self::Signal(2) => "SIGINT",
            Self::Signal(4) => "SIGILL",
            Self::Signal(6) => "SIGABRT",
            Self::Signal(7) => "SIGBUS",
            Self::Signal(9) => "SIGKILL",
            Self::Signal(11) => "SIGSEGV",
            Self::Signal(13) => "SIGPIPE",
            Self::Signal(15) => "SIGTERM",
            Self::Signal(number) => return write!(f, "signal {number}"),
        };
        f.write_str(name)
    }
}

/// A spec that cannot be brought up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecError {
    /// A name that cannot name a file, or `keeper`.
    Name {
        /// The name.
        name: String,
    },
    /// Two roles have the same name.
    Duplicate {
        /// The name.
        name: String,
    },
    /// A role depends on one that is neither started nor external.
    UnknownDependency {
        /// The dependent.
        role: String,
        /// What it depends on.
        dependency: String,
    },
    /// Roles wait for each other, or for one that does.
    Cycle {
        /// Their names.
        roles: Vec<String>,
    },
    /// A role's configuration is not a JSON object.
    Config {
        /// The role.
        role: String,
    },
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => {
                write!(f, "`{name}` is no role name: letters, digits, `-`, `_` and `.`, and not `{KEEPER}`")
            }
            Self::Duplicate { name } => write!(f, "two roles have the name `{name}`"),
            Self::UnknownDependency { role, dependency } => {
                write!(f, "`{role}` depends on `{dependency}`, which is not in the stack")
            }
            Self::Cycle { roles } => write!(f, "these roles wait for each other: {}", roles.join(", ")),
            Self::Config { role } => write!(f, "the configuration of `{role}` is not a JSON object"),
        }
    }
}

impl std::error::Error for SpecError {}

impl StackSpec {
    /// How long a role has from its start until it is ready.
    pub fn start_timeout(&self) -> Duration {
        Duration::from_millis(self.start_timeout_ms)
    }

    /// The roles that are processes of the run.
    pub fn started(&self) -> impl Iterator<Item = &RoleSpec> {
        self.roles.iter().filter(|role| !self.external.contains_key(&role.name))
    }

    /// Whether it can be brought up at all.
    pub fn check(&self) -> Result<(), SpecError> {
        let mut names: BTreeSet<&str> = self.external.keys().map(String::as_str).collect();
        for role in self.started() {
            if !is_name(&role.name) {
                return Err(SpecError::Name { name: role.name.clone() });
            }
            if !names.insert(&role.name) {
                return Err(SpecError::Duplicate { name: role.name.clone() });
            }
            if !role.config.is_object() {
                return Err(SpecError::Config { role: role.name.clone() });
            }
        }
        if let Some(name) = self.proxying.loaded.values().find(|name| !names.contains(name.as_str())) {
            return Err(SpecError::UnknownDependency { role: LOAD.to_owned(), dependency: name.clone() });
        }
        for role in self.started() {
            if let Some(dependency) = role.depends_on.iter().find(|name| !names.contains(name.as_str())) {
                let (role, dependency) = (role.name.clone(), dependency.clone());
                return Err(SpecError::UnknownDependency { role, dependency });
            }
        }
        self.check_order()
    }

    /// Starts the roles in thought; those that never can wait for each other.
    fn check_order(&self) -> Result<(), SpecError> {
        let mut ready: BTreeSet<&str> = self.external.keys().map(String::as_str).collect();
        let mut waiting: Vec<&RoleSpec> = self.started().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|role| {
                let can_start = role.depends_on.iter().all(|name| ready.contains(name.as_str()));
                if can_start {
                    ready.insert(&role.name);
                }
                !can_start
            });
            if waiting.is_empty() {
                return Ok(());
            }
            if waiting.len() == before {
                let roles = waiting.iter().map(|role| role.name.clone()).collect();
                return Err(SpecError::Cycle { roles });
            }
        }
    }
}

/// Whether a name can name a role and its log file.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name != KEEPER && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(name: &str, depends_on: &[&str]) -> RoleSpec {
        RoleSpec {
            name: name.to_owned(),
            role: name.to_owned(),
            depends_on: depends_on.iter().map(|&name| name.to_owned()).collect(),
            config: json!({}),
        }
    }

    fn spec(roles: Vec<RoleSpec>) -> StackSpec {
        StackSpec {
            run: "run".to_owned(),
            roles,
            program: PathBuf::from("loadlab"),
            role_args: vec!["role".to_owned()],
            log_dir: PathBuf::from("logs"),
            external: BTreeMap::new(),
            start_timeout_ms: 1_000,
            speed: Speed::REAL,
            seed: Seed::new(1),
            proxying: Proxying::default(),
            aware: BTreeMap::new(),
        }
    }

    #[test]
    fn a_stack_that_cannot_be_ordered_is_refused_with_the_names() {
        let cases = [
            (vec![role("a", &["b"])], "`a` depends on `b`, which is not in the stack"),
            (vec![role("a", &["b"]), role("b", &["a"]), role("c", &[])], "wait for each other: a, b"),
            (vec![role("a", &[]), role("a", &[])], "two roles have the name `a`"),
            (vec![role("../a", &[])], "`../a` is no role name"),
            (vec![role("keeper", &[])], "`keeper` is no role name"),
            (vec![RoleSpec { config: json!([]), ..role("a", &[]) }], "`a` is not a JSON object"),
        ];
        for (roles, reason) in cases {
            let error = spec(roles).check().expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn an_external_service_satisfies_a_dependency_and_replaces_its_role() {
        let mut spec = spec(vec![role("service-0", &["redis", "sql"]), role("redis", &[])]);
        assert!(spec.check().is_err());
        spec.external.insert("sql".to_owned(), "db.example:5432".to_owned());
        spec.external.insert("redis".to_owned(), "redis.example:6379".to_owned());
        assert_eq!(spec.check(), Ok(()));
        assert_eq!(spec.started().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["service-0"]);
    }

    #[test]
    fn messages_are_one_key_each() {
        let died = Message::Died { role: "redis".to_owned(), how: Exit::Signal(9) };
        let cases = [
            (serde_json::to_string(&died), r#"{"died":{"role":"redis","how":{"signal":9}}}"#),
            (serde_json::to_string(&Message::Down {}), r#"{"down":{}}"#),
            (serde_json::to_string(&Command::Down {}), r#"{"down":{}}"#),
        ];
        for (json, expected) in cases {
            assert_eq!(json.expect("it serialises"), expected);
        }
        assert_eq!(Exit::Signal(9).to_string(), "SIGKILL");
        assert_eq!(Exit::Code(3).to_string(), "exit code 3");
    }
}
