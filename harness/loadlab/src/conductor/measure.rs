//! The time between the first arrival and the last: joins what engine, scraper, stack and signals say.

use std::{collections::BTreeMap, sync::Arc};

use loadlab_chaos::{
    control::Toxiproxy,
    probe::{ProbePlace, ProbeProtocol},
    schedule::{Chaos, ChaosRun, ClientCommand, Places, ProcessChange, ProcessCommand},
};
use loadlab_clock::RunClock;
use loadlab_engine::{Clients, EngineOptions, LoadRun};
use loadlab_record::{EndReason, Ending, EventKind, JournalLine, RunEvent};
use loadlab_scenario::{
    Plan,
    fault::{EdgeName, ProcessAction},
};
use loadlab_stack::{Edge, Protocol, RoleSignal, Scraper, Stack, StackEvent, Via, host_and_port};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    RunError,
    generator::{Ended, Generator},
    limits::Limits,
    recording::{Act, Recording},
    target::Target,
};
use crate::signals::{Said, Signals};

/// What stands in the record when somebody asked for it.
pub(crate) const HEALED: &str = "all faults were healed on request, and no more begin";

/// A target that is up, and everything that takes part in loading it once.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    /// What is carried out.
    pub(crate) plan: Arc<Plan>,
    /// What is loaded.
    pub(crate) target: &'a mut Target,
    /// Who offers the load.
    pub(crate) generator: &'a Generator,
    /// Where everything goes.
    pub(crate) recording: &'a mut Recording,
    /// What the user says meanwhile.
    pub(crate) signals: &'a mut Signals,
}

/// The engine at work.
struct Engine {
    lines: mpsc::UnboundedReceiver<JournalLine>,
    ended: oneshot::Receiver<Ended>,
    stop: CancellationToken,
    /// How its clients behave otherwise for a while.
    clients: Clients,
}

/// The faults at work, and what they say.
struct Faults {
    chaos: Chaos,
    events: mpsc::UnboundedReceiver<RunEvent>,
    processes: mpsc::UnboundedReceiver<ProcessCommand>,
    clients: mpsc::UnboundedReceiver<ClientCommand>,
    limits: Limits,
}

/// What the loop heard.
enum Heard {
    Line(JournalLine),
    Ended(Ended),
    /// Its thread is gone without a word: it panicked.
    EngineLost,
    Signal(i32),
    /// All faults are to end.
    Heal,
    Published(loadlab_stack::Scraped),
    /// A fault began or ended.
    Fault(RunEvent),
    /// A fault wants something done to a process.
    Process(ProcessCommand),
    /// A fault wants clients to behave otherwise, or no longer.
    Clients(ClientCommand),
    Stack(StackEvent),
}

impl Load<'_> {
    /// Offers the load and records until it ends, by itself or not.
    pub(crate) async fn carry_out(&mut self) -> Result<Ending, RunError> {
        let (started, clock) = oneshot::channel();
        let mut engine = Engine::start(&self.plan, self.target, self.generator, started);
        let clock = self.wait_for_start(&mut engine, clock).await?;
        let mut scraper = Scraper::start(self.target.endpoints.clone(), clock);
        let mut faults = Faults::start(&self.plan, self.target, clock);
        let mut reason = EndReason::Finished;
        let end = loop {
            let stack = self.target.stack.as_mut();
            match hear(&mut engine, &mut scraper, &mut faults, stack, self.signals).await {
                Heard::Fault(event) => {
                    let acts = self.recording.fault(event).map_err(RunError::Folder)?;
                    for act in acts {
                        follow(act, &mut faults.chaos, &mut reason, &engine.stop);
                    }
                }
                Heard::Heal => {
                    faults.chaos.stop();
                    self.recording.note(clock.now(), HEALED).map_err(RunError::Folder)?;
                }
                Heard::Process(command) => self.change_process(command, &mut faults.limits).await,
                Heard::Clients(command) => change_clients(command, &engine.clients),
                Heard::Line(line) => {
                    let acts = self.recording.take(line).map_err(RunError::Folder)?;
                    for act in acts {
                        follow(act, &mut faults.chaos, &mut reason, &engine.stop);
                    }
                }
                Heard::Published(values) => self.recording.published(values).map_err(RunError::Folder)?,
                Heard::Stack(StackEvent::Limit(said)) => faults.limits.said(said),
                Heard::Stack(event) => {
                    if event == StackEvent::KeeperLost {
                        faults.limits.lost();
                    }
                    self.stack_event(event, clock, &mut reason, &engine.stop)?;
                }
                Heard::EngineLost => return Err(RunError::EngineLost),
                Heard::Ended(end) => break end.map_err(RunError::Engine)?,
                Heard::Signal(signal) if engine.stop.is_cancelled() => {
                    // The second one: end at once, with what there is.
                    let reason =
                        if reason == EndReason::Finished { EndReason::Signal(signal) } else { reason };
                    return Ok(Ending { at: clock.now(), reason, in_flight: self.recording.in_flight() });
                }
                Heard::Signal(signal) => {
                    self.recording.stopping("a signal").map_err(RunError::Folder)?;
                    stop_for(&mut reason, EndReason::Signal(signal), &engine.stop);
                }
            }
        };
        self.end_faults(faults, clock, &mut reason, &engine).await?;
        while let Ok(line) = engine.lines.try_recv() {
            self.recording.take(line).map_err(RunError::Folder)?;
        }
        for values in scraper.finish().await {
            self.recording.published(values).map_err(RunError::Folder)?;
        }
        Ok(Ending { at: end.at, reason, in_flight: end.in_flight })
    }

    /// The engine logs users in and gets its workers ready first; that may fail, or be interrupted.
    async fn wait_for_start(
        &mut self,
        engine: &mut Engine,
        clock: oneshot::Receiver<RunClock>,
    ) -> Result<RunClock, RunError> {
        self.recording.preparing("getting the users ready");
        tokio::select! {
            Ok(clock) = clock => Ok(clock),
            ended = &mut engine.ended => match ended {
                Ok(Err(error)) => Err(RunError::Engine(error)),
                Ok(Ok(_)) | Err(_) => Err(RunError::EngineLost),
            },
            signal = self.signals.next() => {
                engine.stop.cancel();
                Err(RunError::Signal(signal))
            }
        }
    }

    /// A process that died is part of what is measured; a lost keeper is the end.
    fn stack_event(
        &mut self,
        event: StackEvent,
        clock: RunClock,
        reason: &mut EndReason,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        let (role, how) = match event {
            StackEvent::Back { role } => {
                let event = RunEvent { at: clock.now(), what: EventKind::ProcessBack { role } };
                return self.recording.event(event).map_err(RunError::Folder);
            }
            StackEvent::Died { role, how } => (role, how.to_string()),
            StackEvent::Limit(_) => return Ok(()),
            StackEvent::KeeperLost => ("keeper".to_owned(), "it is gone".to_owned()),
        };
        if role == "keeper" {
            stop_for(reason, EndReason::TargetLost { how: format!("the keeper: {how}") }, stop);
            // It says so at every call; nothing more comes from it.
            self.target.stack = None;
        }
        let event = RunEvent { at: clock.now(), what: EventKind::ProcessDied { role, how } };
        self.recording.event(event).map_err(RunError::Folder)
    }
}

impl Load<'_> {
    /// If the keeper is gone, so are all processes, and the loop hears of that.
    async fn change_process(&mut self, command: ProcessCommand, limits: &mut Limits) {
        let Some(stack) = self.target.stack.as_mut() else { return };
        let role = &command.role;
        let asked = match command.what {
            ProcessChange::Limit(limit, answer) => limits.ask(stack, role, (limit, true), answer).await,
            ProcessChange::Unlimit(limit, answer) => limits.ask(stack, role, (limit, false), answer).await,
            ProcessChange::Begin(ProcessAction::Kill) => stack.signal(role, RoleSignal::Kill).await,
            ProcessChange::Begin(ProcessAction::Terminate) => stack.signal(role, RoleSignal::Terminate).await,
            ProcessChange::Begin(ProcessAction::Pause) => stack.signal(role, RoleSignal::Pause).await,
            ProcessChange::Heal(ProcessAction::Kill | ProcessAction::Terminate) => stack.start(role).await,
            ProcessChange::Heal(ProcessAction::Pause) => stack.signal(role, RoleSignal::Resume).await,
        };
        drop(asked);
    }

    /// Heals what is on. What that needs of the stack and of the clients is done meanwhile.
    async fn end_faults(
        &mut self,
        faults: Faults,
        clock: RunClock,
        reason: &mut EndReason,
        engine: &Engine,
    ) -> Result<(), RunError> {
        let Faults { chaos, mut events, mut processes, mut clients, mut limits } = faults;
        let healed = chaos.end();
        tokio::pin!(healed);
        loop {
            let stack_event = next_of(self.target.stack.as_mut());
            tokio::select! {
                () = &mut healed => break,
                Some(command) = processes.recv() => self.change_process(command, &mut limits).await,
                Some(command) = clients.recv() => change_clients(command, &engine.clients),
                event = stack_event => match event {
                    StackEvent::Limit(said) => limits.said(said),
                    event => {
                        if event == StackEvent::KeeperLost {
                            limits.lost();
                        }
                        self.stack_event(event, clock, reason, &engine.stop)?;
                    }
                },
            }
        }
        while let Ok(event) = events.try_recv() {
            self.recording.event(event).map_err(RunError::Folder)?;
        }
        Ok(())
    }
}

/// Who offers the load knows its clients.
fn change_clients(command: ClientCommand, clients: &Clients) {
    let ClientCommand { what, on, seed, answer } = command;
    let requests = if on {
        clients.begin(what, seed);
        0
    } else {
        clients.end(what, seed)
    };
    // At its beginning nobody waits for the number.
    let _ = answer.send(requests);
}

impl Faults {
    /// Without a keeper a run has faults on the clients only; that was checked.
    fn start(plan: &Plan, target: &Target, clock: RunClock) -> Self {
        let (event_sender, events) = mpsc::unbounded_channel();
        let (process_sender, processes) = mpsc::unbounded_channel();
        let (client_sender, clients) = mpsc::unbounded_channel();
        let chaos = Chaos::start(ChaosRun {
            faults: plan.faults.clone(),
            places: target.stack.as_ref().map_or_else(nowhere, |stack| places(stack, &target.borrowed)),
            clock,
            // A burst is over at once; what it asked for is not.
            until: plan.load.duration() + plan.drain,
            events: event_sender,
            processes: process_sender,
            clients: client_sender,
            seed: plan.seed,
        });
        Self { chaos, events, processes, clients, limits: Limits::default() }
    }
}

/// Where faults act in a stack.
fn places(stack: &Stack, borrowed: &BTreeMap<EdgeName, String>) -> Places {
    let name = |edge: &Edge| EdgeName { from: edge.from.clone(), to: edge.to.clone() };
    let edges = stack.edges().iter().filter_map(|edge| {
        let Via::Proxy { name: proxy } = &edge.via else { return None };
        Some((name(edge), proxy.clone()))
    });
    let edges = edges.chain(borrowed.clone());
    let probe = |edge: &Edge| {
        let protocol = match edge.protocol? {
            Protocol::Http => ProbeProtocol::Http,
            Protocol::Resp => ProbeProtocol::Resp,
            Protocol::Postgresql => ProbeProtocol::Postgresql,
        };
        Some((name(edge), ProbePlace { address: host_and_port(&edge.address), protocol }))
    };
    let admin = |role: &loadlab_stack::RoleUp| {
        (role.name.clone(), role.admin.clone().unwrap_or_else(|| role.listen.clone()))
    };
    let stores = stack.edges().iter().filter(|edge| edge.protocol == Some(Protocol::Resp));
    Places {
        proxies: Toxiproxy::at(stack.control()),
        edges: edges.collect(),
        admins: stack.roles().iter().map(admin).collect(),
        processes: stack.roles().iter().map(|role| role.name.clone()).collect(),
        probes: stack.edges().iter().filter_map(probe).collect(),
        stores: stores.map(|edge| (edge.to.clone(), edge.upstream.clone())).collect(),
    }
}

fn nowhere() -> Places {
    let (edges, admins, stores, probes) = Default::default();
    Places { proxies: Toxiproxy::at(""), edges, admins, processes: Vec::new(), stores, probes }
}

impl Engine {
    fn start(
        plan: &Arc<Plan>,
        target: &Target,
        generator: &Generator,
        started: oneshot::Sender<RunClock>,
    ) -> Self {
        let (line_sender, lines) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let clients = Clients::default();
        let ended = generator.offer(LoadRun {
            plan: Arc::clone(plan),
            base: target.base.clone(),
            lines: line_sender,
            started,
            stop: stop.clone(),
            options: EngineOptions {
                clients: clients.clone(),
                through: target.through.clone(),
                experiment_through: target.experiment_through.clone(),
                ..EngineOptions::default()
            },
        });
        Self { lines, ended, stop, clients }
    }
}

/// The next thing that anybody says.
async fn hear(
    engine: &mut Engine,
    scraper: &mut Scraper,
    faults: &mut Faults,
    stack: Option<&mut Stack>,
    signals: &mut Signals,
) -> Heard {
    let stack_event = next_of(stack);
    tokio::select! {
        Some(line) = engine.lines.recv() => Heard::Line(line),
        ended = &mut engine.ended => ended.map_or(Heard::EngineLost, Heard::Ended),
        said = signals.next_or_heal() => match said {
            Said::End(signal) => Heard::Signal(signal),
            Said::Heal => Heard::Heal,
        },
        Some(values) = scraper.next() => Heard::Published(values),
        Some(event) = faults.events.recv() => Heard::Fault(event),
        Some(command) = faults.processes.recv() => Heard::Process(command),
        Some(command) = faults.clients.recv() => Heard::Clients(command),
        event = stack_event => Heard::Stack(event),
    }
}

/// The next thing that happens to a stack; never, without one.
async fn next_of(stack: Option<&mut Stack>) -> StackEvent {
    match stack {
        Some(stack) => stack.next_event().await,
        None => std::future::pending().await,
    }
}

/// Does what is to be done about what was seen.
fn follow(act: Act, chaos: &mut Chaos, reason: &mut EndReason, stop: &CancellationToken) {
    match act {
        Act::End(why) => {
            // Not only once the load has ended: whoever is still waiting should be served.
            chaos.stop();
            stop_for(reason, why, stop);
        }
        Act::Begin(fault) => chaos.begin(&fault),
        Act::StopFaults => chaos.stop(),
    }
}

/// The first reason to end is the one that is told.
fn stop_for(reason: &mut EndReason, new: EndReason, stop: &CancellationToken) {
    if *reason == EndReason::Finished {
        *reason = new;
    }
    stop.cancel();
}
