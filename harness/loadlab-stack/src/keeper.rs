//! The keeper: starts the roles, watches them, and ends them whatever happens to the harness.
//!
//! ```text
//!   standard input --lease thread--+
//!   SIGTERM, SIGINT, SIGHUP -------+--> inbox --> main thread: spawn, reap, kill --> standard output
//!   a role's first line -----------+
//! ```
//!
//! The main thread does everything that matters and never blocks: it is the only one that spawns (a
//! role's death signal is tied to the thread that spawned it) and the only one that reaps. It reads no
//! environment; its spec says all. Its standard error is its log.

mod family;
mod limits;
mod proxies;
mod role;
mod voice;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Stdin},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use self::{
    family::Family,
    limits::Limits,
    proxies::EdgeProxies,
    role::FirstLine,
    voice::{Voice, note},
};
use crate::{
    Command, Edge, EdgeTable, Exit, LimitSaid, Limited, Message, Protocol, RoleFailure, RoleLimit, RoleReady,
    RoleSpec, RoleUp, StackSpec, Up, address, edge::LOAD, spec::KEEPER,
};

/// How long the main thread waits for an event before it looks for dead and late roles: the longest
/// that a death goes unseen.
const TICK: Duration = Duration::from_millis(50);
/// What roles have between SIGTERM and SIGKILL when the harness asks for the end.
const GRACE: Duration = Duration::from_millis(200);
/// The roles' temporary directory in the run's folder.
const TEMPORARY: &str = "keeper-tmp";

/// What wakes the main thread.
enum Event {
    /// The harness said something.
    Command(Command),
    /// The harness is gone.
    LeaseEnded,
    /// SIGTERM, SIGINT or SIGHUP.
    Signal,
    /// A role said its first line, or nothing.
    Spoke { name: String, line: FirstLine },
}

/// Why the keeper ends.
enum End {
    Down,
    LeaseEnded,
    Signal,
    Failed(RoleFailure),
}

struct Keeper {
    spec: StackSpec,
    family: Family,
    proxies: EdgeProxies,
    limits: Limits,
    temporary: PathBuf,
    /// Where each role serves that is ready, by name.
    ready: BTreeMap<String, RoleReady>,
    /// Roles that closed their standard output without a line.
    mute: BTreeSet<String>,
    voice: Voice,
    outbox: Sender<Event>,
    inbox: Receiver<Event>,
}

/// What the program does when its hidden argument makes it the keeper: obeys standard input until its
/// end, then sees that nothing is left. The arguments and the environment are not read.
pub fn keeper_main() -> ExitCode {
    let voice = Voice::open();
    let stdin = io::stdin();
    // Until the spec is here there is nothing to clean up, so signals keep their usual effect.
    let spec = match read_spec(&stdin) {
        Ok(Some(spec)) => spec,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            let failure = RoleFailure { role: KEEPER.to_owned(), why: error.to_string(), log: String::new() };
            voice.say(&Message::Failed(failure));
            return ExitCode::FAILURE;
        }
    };
    // Each connection through a proxy takes two.
    crate::raise_descriptor_limit();
    match EdgeProxies::start(&spec) {
        Ok(proxies) => Keeper::new(spec, proxies, voice).run(stdin),
        Err(error) => {
            let why = format!("could not start its proxies: {error}");
            voice.say(&Message::Failed(RoleFailure { role: KEEPER.to_owned(), why, log: String::new() }));
            ExitCode::FAILURE
        }
    }
}

/// The first line of the lease; `None` if it ended before.
fn read_spec(stdin: &Stdin) -> io::Result<Option<StackSpec>> {
    let mut line = String::new();
    if stdin.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let spec: StackSpec = serde_json::from_str(&line)?;
    spec.check().map_err(io::Error::other)?;
    Ok(Some(spec))
}

/// Turns the rest of the lease into events.
fn hold_lease(stdin: &Stdin, outbox: &Sender<Event>) {
    let mut line = String::new();
    // An error is an end: without a lease there is no reason to stay.
    while matches!(stdin.read_line(&mut line), Ok(1..)) {
        match serde_json::from_str(&line) {
            Ok(command) => drop(outbox.send(Event::Command(command))),
            Err(error) => note(format_args!("not a command: {error}: {}", line.trim_end())),
        }
        line.clear();
    }
    drop(outbox.send(Event::LeaseEnded));
}

impl Keeper {
    fn new(spec: StackSpec, proxies: EdgeProxies, voice: Voice) -> Self {
        let (outbox, inbox) = mpsc::channel();
        let family = Family::new(&spec.run, &spec.log_dir);
        let limits = Limits::new(&spec.run);
        // Roles are told of it by TMPDIR, which must not depend on where they are.
        let log_dir = std::path::absolute(&spec.log_dir).unwrap_or_else(|_| spec.log_dir.clone());
        let temporary = log_dir.join(TEMPORARY);
        let (ready, mute) = (BTreeMap::new(), BTreeSet::new());
        Self { spec, family, proxies, limits, temporary, ready, mute, voice, outbox, inbox }
    }

    fn run(mut self, stdin: Stdin) -> ExitCode {
        let end = match self.prepare(stdin).and_then(|()| self.bring_up()) {
            Ok(()) => self.watch(),
            Err(end) => end,
        };
        let why = match &end {
            End::Down => "down".to_owned(),
            End::LeaseEnded => "the lease ended".to_owned(),
            End::Signal => "a signal".to_owned(),
            End::Failed(failure) => format!("{} {}", failure.role, failure.why),
        };
        note(format_args!("ending: {why}"));
        let grace = if matches!(end, End::Down) { GRACE } else { Duration::ZERO };
        self.proxies.heal();
        self.family.end(grace);
        let toxics = self.proxies.toxics();
        self.limits.end();
        if let Err(error) = fs::remove_dir_all(&self.temporary) {
            note(format_args!("{}: {error}", self.temporary.display()));
        }
        self.family.close_ledger(why, toxics);
        // Nothing is disturbed any more; whoever uses somebody else's service through here goes on.
        if let (End::LeaseEnded, Some(longest)) = (&end, self.spec.proxying.linger_ms) {
            self.proxies.linger(Duration::from_millis(longest));
        }
        self.proxies.end();
        match end {
            End::Down => self.voice.say(&Message::Down {}),
            End::Failed(failure) => {
                self.voice.say(&Message::Failed(failure));
                return ExitCode::FAILURE;
            }
            // The harness that would hear is gone, or sees that the keeper is.
            End::LeaseEnded | End::Signal => {}
        }
        ExitCode::SUCCESS
    }

    /// Everything before the first role: the lease, signals, adoption, the temporary directory.
    fn prepare(&mut self, stdin: Stdin) -> Result<(), End> {
        let own = |why: String| failed(KEEPER, why, String::new());
        let outbox = self.outbox.clone();
        let lease = thread::Builder::new().name("lease".to_owned());
        lease.spawn(move || hold_lease(&stdin, &outbox)).map_err(|error| own(error.to_string()))?;
        let outbox = self.outbox.clone();
        ctrlc::set_handler(move || drop(outbox.send(Event::Signal)))
            .map_err(|error| own(error.to_string()))?;
        // What a role's children leave becomes ours, to be reaped and, at the end, killed.
        if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            note(format_args!("orphans of roles will not be reaped: {error}"));
        }
        let why = |error: io::Error| own(format!("{}: {error}", self.temporary.display()));
        fs::create_dir_all(&self.temporary).map_err(why)
    }

    /// Starts every role as soon as what it depends on is ready.
    fn bring_up(&mut self) -> Result<(), End> {
        loop {
            self.start_what_can()?;
            if self.spec.started().all(|role| self.ready.contains_key(&role.name)) {
                let up = self.up()?;
                self.family.is_controlled_at(&up.control);
                self.family.write_ledger();
                self.voice.say(&Message::Ready(up));
                return Ok(());
            }
            self.hear()?;
            if let Some((name, how)) = self.family.reap().into_iter().next() {
                let when = if self.ready.contains_key(&name) {
                    "while others started"
                } else {
                    "before it was ready"
                };
                return Err(self.role_failed(&name, format!("ended {when}: {how}")));
            }
            self.refuse_late_ones()?;
        }
    }

    /// Reports deaths until told to end.
    fn watch(&mut self) -> End {
        loop {
            if let Err(end) = self.hear() {
                return end;
            }
            for (role, how) in self.family.reap() {
                self.report_death(role.clone(), how);
                if how == Exit::RESTART
                    && let Err(end) = self.start_again(&role)
                {
                    return end;
                }
            }
            self.limits.watch(&self.family);
        }
    }

    fn set_limit(&mut self, role: &str, limit: RoleLimit) {
        let outcome = self.limits.set(role, limit, &self.family);
        let said = LimitSaid { role: role.to_owned(), what: limit.what(), outcome, met: false };
        note(format_args!("{role}: limit: {:?}", said.outcome));
        self.voice.say(&Message::Limit(said));
    }

    fn lift_limit(&mut self, role: &str, what: Limited) -> Result<(), End> {
        let lifted = self.limits.lift(role, what, &self.family);
        let (met, died) = lifted.as_ref().map_or((false, false), |lifted| (lifted.met, lifted.died));
        let outcome = lifted.map(|lifted| lifted.text);
        note(format_args!("{role}: limit lifted: {outcome:?}"));
        self.voice.say(&Message::Limit(LimitSaid { role: role.to_owned(), what, outcome, met }));
        if died { self.start_again(role) } else { Ok(()) }
    }

    fn report_death(&mut self, role: String, how: Exit) {
        note(format_args!("{role} died: {how}"));
        self.voice.say(&Message::Died { role, how });
        self.family.write_ledger();
    }

    /// Takes one event, or none within a tick.
    fn hear(&mut self) -> Result<(), End> {
        // The keeper holds a sender itself, so an error is only ever the time-out.
        match self.inbox.recv_timeout(self.limits.tick().unwrap_or(TICK)) {
            Err(_) => Ok(()),
            Ok(Event::Command(Command::Down {})) => Err(End::Down),
            Ok(Event::Command(Command::Signal { role, signal })) => {
                self.limits.signalled(&role, signal);
                self.family.signal(&role, signal);
                Ok(())
            }
            Ok(Event::Command(Command::Limit { role, limit })) => {
                self.set_limit(&role, limit);
                Ok(())
            }
            Ok(Event::Command(Command::Unlimit { role, what })) => self.lift_limit(&role, what),
            Ok(Event::Command(Command::Start { role })) => self.start_again(&role),
            Ok(Event::LeaseEnded) => Err(End::LeaseEnded),
            Ok(Event::Signal) => Err(End::Signal),
            Ok(Event::Spoke { name, line }) => self.take_first_line(name, line),
        }
    }

    fn take_first_line(&mut self, name: String, line: FirstLine) -> Result<(), End> {
        let ready = match line {
            FirstLine::Ready(ready) if ready.role == name => ready,
            FirstLine::Ready(ready) => {
                return Err(self.role_failed(&name, format!("answered as `{}`", ready.role)));
            }
            FirstLine::Garbage(line) => {
                return Err(self.role_failed(&name, format!("printed `{line}` instead of its ready line")));
            }
            FirstLine::Nothing => {
                // Most likely it is dying, and its exit code says more.
                self.mute.insert(name);
                return Ok(());
            }
        };
        note(format_args!("{name} is ready at {}", ready.listen));
        self.family.is_ready(&ready);
        if self.ready.insert(name.clone(), ready).is_some() {
            self.refresh_edges_to(&name)?;
            self.voice.say(&Message::Back { role: name });
            self.family.write_ledger();
        }
        Ok(())
    }

    /// A role that was started again may serve elsewhere than before.
    fn refresh_edges_to(&mut self, name: &str) -> Result<(), End> {
        let Some(upstream) = self.upstream(name).map(str::to_owned) else { return Ok(()) };
        let depends = |role: &&RoleSpec| role.depends_on.iter().any(|to| to == name);
        let mut froms: Vec<String> =
            self.spec.started().filter(depends).map(|role| role.name.clone()).collect();
        if froms.is_empty() {
            froms.push(LOAD.to_owned());
        }
        froms.iter().try_for_each(|from| self.edge(from, name, &upstream).map(drop))
    }

    /// Starts a role that has ended, where it served before, so that whoever scrapes it finds it.
    fn start_again(&mut self, name: &str) -> Result<(), End> {
        let Some(mut role) = self.spec.started().find(|role| role.name == name).cloned() else {
            note(format_args!("there is no role `{name}` to start"));
            return Ok(());
        };
        if self.family.lives(name) {
            return Ok(());
        }
        if let (Some(ready), Some(config)) = (self.ready.get(name), role.config.as_object_mut()) {
            config.insert("listen".to_owned(), ready.listen.clone().into());
        }
        self.launch(&role)
    }

    fn start_what_can(&mut self) -> Result<(), End> {
        let can_start = |role: &RoleSpec| {
            let mut dependencies = role.depends_on.iter();
            !self.family.has_started(&role.name) && dependencies.all(|name| self.upstream(name).is_some())
        };
        let startable: Vec<RoleSpec> = self.spec.started().filter(|role| can_start(role)).cloned().collect();
        startable.iter().try_for_each(|role| self.launch(role))
    }

    fn launch(&mut self, role: &RoleSpec) -> Result<(), End> {
        let config = role::config(role, &self.edges_of(role)?);
        let mut command = role::command(&self.spec, role, &self.temporary);
        let started = role::log_file(&self.spec.log_dir, &role.name).and_then(|log| {
            let child = self.family.spawn(&role.name, command.stderr(log))?;
            role::converse(child, config, &role.name, &self.outbox)
        });
        started.map_err(|error| self.role_failed(&role.name, format!("could not be started: {error}")))
    }

    fn refuse_late_ones(&self) -> Result<(), End> {
        let timeout = self.spec.start_timeout();
        let Some(name) = self.family.late(timeout) else { return Ok(()) };
        let closed = if self.mute.contains(&name) { "; it closed its standard output" } else { "" };
        Err(self.role_failed(&name, format!("was not ready within {timeout:?}{closed}")))
    }

    fn role_failed(&self, name: &str, why: String) -> End {
        failed(name, why, role::log_tail(&self.spec.log_dir, name))
    }

    /// Where a dependency is, if it is ready.
    fn upstream(&self, name: &str) -> Option<&str> {
        let ready = || self.ready.get(name).map(|ready| ready.listen.as_str());
        self.spec.external.get(name).map(String::as_str).or_else(ready)
    }

    /// The edges from a role to what it depends on, all of it ready.
    fn edges_of(&mut self, role: &RoleSpec) -> Result<Vec<Edge>, End> {
        let upstream = |to: &String| Some((to.clone(), self.upstream(to)?.to_owned()));
        let ready: Vec<(String, String)> = role.depends_on.iter().filter_map(upstream).collect();
        ready.into_iter().map(|(to, upstream)| self.edge(&role.name, &to, &upstream)).collect()
    }

    /// The one place that makes edges, each through a proxy of its own.
    fn edge(&mut self, from: &str, to: &str, upstream: &str) -> Result<Edge, End> {
        let role = self.spec.roles.iter().find(|role| role.name == to).map_or(to, |role| &role.role);
        let protocol = Protocol::of_role(role).or_else(|| address::protocol(upstream));
        self.proxies.edge(from, to, protocol, upstream).map_err(|error| {
            failed(KEEPER, format!("could not make the edge from {from} to {to}: {error}"), String::new())
        })
    }

    /// What the harness is told when everything is ready.
    fn up(&mut self) -> Result<Up, End> {
        let started: Vec<RoleSpec> = self.spec.started().cloned().collect();
        let depended_on: BTreeSet<&String> = started.iter().flat_map(|role| &role.depends_on).collect();
        let mut edges = EdgeTable::default();
        for (load, name) in self.spec.proxying.loaded.clone() {
            if let Some(upstream) = self.upstream(&name).map(str::to_owned) {
                edges.push(self.edge(&load, &name, &upstream)?);
            }
        }
        // The load uses what nobody in the stack does: the gateway.
        for role in started.iter().filter(|role| !depended_on.contains(&role.name)) {
            if let Some(upstream) = self.upstream(&role.name).map(str::to_owned) {
                edges.push(self.edge(LOAD, &role.name, &upstream)?);
            }
        }
        for role in &started {
            self.edges_of(role)?.into_iter().for_each(|edge| edges.push(edge));
        }
        let up = |role: &RoleSpec| {
            let (ready, pid) = (self.ready.get(&role.name)?, self.family.pid(&role.name)?);
            let (listen, admin) = (ready.listen.clone(), ready.admin.clone());
            Some(RoleUp { name: role.name.clone(), pid, listen, admin })
        };
        let roles = started.iter().filter_map(up).collect();
        Ok(Up { edges, roles, control: self.proxies.control().to_owned() })
    }
}

fn failed(role: &str, why: String, log: String) -> End {
    End::Failed(RoleFailure { role: role.to_owned(), why, log })
}

/// A role's log in the run's folder.
fn log_path(log_dir: &Path, name: &str) -> PathBuf {
    log_dir.join(format!("{name}.log"))
}
