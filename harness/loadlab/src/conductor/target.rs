//! What is loaded: the reference target as a stack of processes, or somebody's service.

use std::{collections::BTreeMap, fmt, net::ToSocketAddrs as _, path::Path, time::Duration};

use loadlab_chaos::{
    aware,
    schedule::{self, FitError, Kinds},
};
use loadlab_clock::{Seed, Speed};
use loadlab_record::TargetInfo;
use loadlab_scenario::{
    arms::EXPERIMENT_LOAD,
    fault::{Disturbance, EdgeName, Fault},
    plan::{Plan, TargetPlan},
};
use loadlab_stack::{
    MetricsEndpoint, Protocol, Proxying, RoleSpec, Stack, StackError, StackRequest, host_and_port,
};
use target_service::{
    profile::{Profile, ProfileError},
    topology::topology,
};
use tokio_util::sync::CancellationToken;

use super::{
    arms,
    external::{External, without_password},
    reach::{BorrowError, Reach},
};
use crate::roles;

/// Longest time for a role to become ready. The service warms its caches before; on a busy machine
/// with two cores that has taken several seconds.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time for a foreign service to accept a connection.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);
/// The role that the load goes to.
const FRONT: &str = "gateway-0";
/// Who is at the upper end of the edge that the load uses.
pub(super) const LOAD: &str = "load";
/// What a target is called that the run did not start.
pub(super) const FOREIGN: &str = "target";

/// A target that can be loaded.
#[derive(Debug)]
pub struct Target {
    /// The base address of the requests.
    pub base: String,
    /// The proxy before somebody else's target, `host:port`, if faults act there.
    pub through: Option<String>,
    /// The same for the experiment's users, where users are split.
    pub experiment_through: Option<String>,
    /// For the record.
    pub info: TargetInfo,
    /// Where metrics are published.
    pub endpoints: Vec<MetricsEndpoint>,
    /// The keeper, with the processes that the run started.
    pub stack: Option<Stack>,
    /// The proxies of a server on which faults act, by edge.
    pub borrowed: BTreeMap<EdgeName, String>,
}

impl Target {
    /// A target that is loaded at its own address and that no keeper holds.
    const fn direct(base: String, info: TargetInfo, endpoints: Vec<MetricsEndpoint>) -> Self {
        let borrowed = BTreeMap::new();
        Self { base, through: None, experiment_through: None, info, endpoints, stack: None, borrowed }
    }
}

/// Why there is nothing to load.
#[derive(Debug)]
pub enum TargetError {
    /// The foreign service does not accept connections.
    Unreachable {
        /// Its address.
        base: String,
        /// Why.
        reason: String,
    },
    /// The stack did not come up.
    Stack(StackError),
    /// A fault has no proxy on the Toxiproxy server.
    Proxy(BorrowError),
    /// The settings of the experiment's instance make no profile.
    Experiment(ProfileError),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { base, reason } => write!(f, "the target {base} cannot be reached: {reason}"),
            Self::Stack(error) => write!(f, "the target did not start: {}", with_causes(error)),
            Self::Proxy(error) => write!(f, "{error}"),
            Self::Experiment(error) => write!(f, "the experiment's instance: {error}"),
        }
    }
}

impl std::error::Error for TargetError {}

impl TargetError {
    /// What a role said before it failed, or what to look at.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Stack(StackError::RoleFailed { log, .. }) if !log.trim().is_empty() => {
                Some(format!("its last words:\n{}", log.trim_end()))
            }
            Self::Unreachable { .. } => Some("start the service first, or correct --target".to_owned()),
            Self::Proxy(_) => {
                Some("an edge `app/redis` is the server's proxy `app.redis`, or `redis`".to_owned())
            }
            Self::Stack(_) | Self::Experiment(_) => None,
        }
    }
}

/// The profile that a plan means.
pub fn profile(name: &str, with: &[String], set: &BTreeMap<String, String>) -> Result<Profile, ProfileError> {
    Profile::composed(name, with)?.with(set)
}

/// The edges and the processes that a profile's stack will have.
pub fn places(profile: &Profile) -> (Vec<EdgeName>, Vec<String>) {
    let roles = topology(profile);
    let load = EdgeName { from: LOAD.to_owned(), to: FRONT.to_owned() };
    let of_role = |role: &target_service::topology::RoleSpec| -> Vec<EdgeName> {
        role.depends_on.iter().map(|to| EdgeName { from: role.name.clone(), to: to.clone() }).collect()
    };
    let edges = std::iter::once(load).chain(roles.iter().flat_map(of_role)).collect();
    (edges, roles.into_iter().map(|role| role.name).collect())
}

/// Checks that faults fit the processes that a profile's stack will have.
pub fn check_kinds(profile: &Profile, faults: &[Fault], external: &External) -> Result<(), FitError> {
    let roles = topology(profile);
    let named = |kind: &str| -> Vec<String> {
        roles.iter().filter(|role| role.role == kind).map(|role| role.name.clone()).collect()
    };
    let speaks = roles.iter().filter_map(|role| Some((role.name.clone(), readable(role.role)?))).collect();
    let external: Vec<String> = external.by_role().into_keys().collect();
    let kinds = Kinds { speaks: &speaks, stores: &named("redis"), llms: &named("llm"), external: &external };
    schedule::check_kinds(faults, kinds)
}

/// What is spoken to a role, where the fault proxy can read it.
fn readable(role: &str) -> Option<aware::Protocol> {
    match Protocol::of_role(role)? {
        Protocol::Http => Some(aware::Protocol::Http),
        Protocol::Resp => Some(aware::Protocol::Resp),
        Protocol::Postgresql => None,
    }
}

/// The edges whose proxies have to read what is spoken, since a fault acts on that.
pub fn aware_edges(faults: &[Fault]) -> BTreeMap<String, aware::Protocol> {
    let edge = |fault: &Fault| {
        let Disturbance::Toxic { edge, toxic } = &fault.what else { return None };
        Some((edge.to_string(), aware::fault::FaultKind::protocol_of(&toxic.kind)?))
    };
    faults.iter().filter_map(edge).collect()
}

/// What a stack is made of, beside where its logs go.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The profile, settings applied.
    pub profile: &'a Profile,
    /// Its name.
    pub name: &'a str,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Where the target's randomness comes from.
    pub seed: Seed,
    /// Real services in place of stand-ins.
    pub external: &'a External,
    /// How its edges run.
    pub proxying: Proxying,
    /// What will be broken.
    pub faults: &'a [Fault],
    /// The profile of the experiment's instance, where users are split and it has settings of its own.
    pub experiment: Option<Profile>,
}

/// Brings up what a plan loads. `profile` is the plan's, if it loads the reference target.
pub async fn up(
    plan: &Plan,
    profile: Option<&Profile>,
    (external, reach): (&External, &Reach),
    logs: &Path,
    stop: &CancellationToken,
) -> Result<Target, TargetError> {
    let borrowed = reach.borrow(plan).await.map_err(TargetError::Proxy)?;
    let proxying = reach.proxying(plan, &borrowed);
    match (&plan.target, profile) {
        (TargetPlan::Profile { name, .. }, Some(profile)) => {
            let recipe = Recipe {
                profile,
                name,
                speed: plan.speed,
                seed: plan.seed,
                external,
                proxying,
                faults: &plan.faults,
                experiment: arms::experiment(plan, profile).map_err(TargetError::Experiment)?,
            };
            reference(&recipe, logs, stop).await
        }
        (TargetPlan::Url { base, metrics }, _) => {
            let target = foreign(base, metrics.as_deref()).await?;
            if plan.faults.iter().all(|fault| fault.what.edge().is_none()) {
                return Ok(target);
            }
            let stack = Stack::up(before_foreign(plan, base, proxying, logs), stop.clone());
            let stack = stack.await.map_err(TargetError::Stack)?;
            let place = |load| stack.edges().get(load, FOREIGN).map(|edge| host_and_port(&edge.address));
            let (through, experiment_through) = (place(LOAD), place(EXPERIMENT_LOAD));
            Ok(Target { through, experiment_through, stack: Some(stack), borrowed, ..target })
        }
        (TargetPlan::Profile { .. }, None) => unreachable!("a plan with a profile comes with its profile"),
    }
}

/// Starts the reference target and waits until it serves.
pub async fn reference(
    recipe: &Recipe<'_>,
    logs: &Path,
    stop: &CancellationToken,
) -> Result<Target, TargetError> {
    let stack = Stack::up(request(recipe, logs), stop.clone()).await.map_err(TargetError::Stack)?;
    let edges = stack
        .edges()
        .iter()
        .map(|edge| (format!("{}->{}", edge.from, edge.to), without_password(&edge.upstream)));
    let info = TargetInfo {
        base: format!("http://{}", stack.address(FRONT).unwrap_or_default()),
        profile: Some(recipe.name.to_owned()),
        settings: serde_json::to_value(recipe.profile).ok(),
        edges: edges.collect(),
        versions: BTreeMap::from([("target-service".to_owned(), target_service::VERSION.to_owned())]),
    };
    let (base, endpoints) = (info.base.clone(), stack.endpoints());
    Ok(Target { stack: Some(stack), ..Target::direct(base, info, endpoints) })
}

/// Starts somebody's own service by a shell command and waits until it accepts connections. The load reaches
/// it through the fault proxy, as any target that loadlab starts.
pub async fn command(
    command: &str,
    plan: &Plan,
    logs: &Path,
    stop: &CancellationToken,
) -> Result<Target, TargetError> {
    let role = RoleSpec {
        name: FOREIGN.to_owned(),
        role: roles::command::COMMAND.to_owned(),
        depends_on: Vec::new(),
        config: roles::command::config(command),
    };
    let aware = aware_edges(&plan.faults);
    let request = StackRequest { roles: vec![role], aware, ..keeper_alone(logs, plan.speed, plan.seed) };
    let stack = Stack::up(request, stop.clone()).await.map_err(TargetError::Stack)?;
    let base = format!("http://{}", stack.address(FOREIGN).unwrap_or_default());
    let versions = BTreeMap::from([("command".to_owned(), command.to_owned())]);
    let info = TargetInfo { base: base.clone(), versions, ..TargetInfo::default() };
    Ok(Target { stack: Some(stack), ..Target::direct(base, info, Vec::new()) })
}

fn request(recipe: &Recipe<'_>, logs: &Path) -> StackRequest {
    let config = |role: &str| {
        let experiment = recipe.experiment.as_ref().filter(|_| arms::is_experiment(role));
        let profile = experiment.unwrap_or(recipe.profile);
        serde_json::json!({ "speed": recipe.speed, "seed": recipe.seed, "profile": profile })
    };
    let roles = topology(recipe.profile).into_iter().map(|role| RoleSpec {
        config: config(&role.name),
        name: role.name,
        role: role.role.to_owned(),
        depends_on: role.depends_on,
    });
    // Where the target's kernel buffers are small so that it notices slow readers, those on the way are too.
    let socket_buffer = recipe.profile.service.streams.socket.map(|size| size.bytes() as usize);
    StackRequest {
        roles: roles.collect(),
        external: recipe.external.by_role(),
        proxying: Proxying { socket_buffer, ..recipe.proxying.clone() },
        aware: aware_edges(recipe.faults),
        ..keeper_alone(logs, recipe.speed, recipe.seed)
    }
}

/// A keeper with nothing but the proxy before somebody else's target.
fn before_foreign(plan: &Plan, base: &str, proxying: Proxying, logs: &Path) -> StackRequest {
    let external = BTreeMap::from([(FOREIGN.to_owned(), base.to_owned())]);
    let aware = aware_edges(&plan.faults);
    StackRequest { external, proxying, aware, ..keeper_alone(logs, plan.speed, plan.seed) }
}

/// A keeper that has nothing to keep.
fn keeper_alone(logs: &Path, pace: Speed, seed: Seed) -> StackRequest {
    let run = logs.parent().and_then(Path::file_name).unwrap_or_default();
    StackRequest {
        run: run.to_string_lossy().into_owned(),
        program: std::env::current_exe().unwrap_or_else(|_| "loadlab".into()),
        keeper_args: vec![roles::KEEPER.to_owned()],
        role_args: vec![roles::ROLE.to_owned()],
        roles: Vec::new(),
        external: BTreeMap::new(),
        log_dir: logs.to_owned(),
        start_timeout: START_TIMEOUT,
        speed: pace,
        seed,
        proxying: Proxying::default(),
        aware: BTreeMap::new(),
    }
}

/// A service that is there already; it must accept a connection before it is loaded.
async fn foreign(base: &str, metrics: Option<&str>) -> Result<Target, TargetError> {
    reach(base).await?;
    let endpoint = metrics.map(|metrics| {
        let url = if metrics.contains("://") {
            metrics.to_owned()
        } else {
            format!("{}{metrics}", base.trim_end_matches('/'))
        };
        MetricsEndpoint { role: "target".to_owned(), url }
    });
    let info = TargetInfo { base: base.to_owned(), ..TargetInfo::default() };
    let (base, endpoints) = (base.to_owned(), endpoint.into_iter().collect());
    Ok(Target::direct(base, info, endpoints))
}

async fn reach(base: &str) -> Result<(), TargetError> {
    let error = |reason: String| TargetError::Unreachable { base: base.to_owned(), reason };
    let uri: http::Uri = base.parse().map_err(|source: http::uri::InvalidUri| error(source.to_string()))?;
    let host = uri
        .host()
        .ok_or_else(|| error("there is no host in it".to_owned()))?
        .trim_matches(['[', ']'])
        .to_owned();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    let addresses =
        tokio::task::spawn_blocking(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter));
    let addresses = addresses
        .await
        .map_err(|source| error(source.to_string()))?
        .map_err(|source| error(source.to_string()))?;
    let connect = tokio::net::TcpStream::connect(addresses.as_slice());
    match tokio::time::timeout(REACH_TIMEOUT, connect).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(source)) => Err(error(source.to_string())),
        Err(_) => Err(error(format!("no connection within {REACH_TIMEOUT:?}"))),
    }
}

/// An error and what caused it, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
