//! The time between the first arrival and the last: joins what engine, scraper, stack and signals say.

use std::{collections::BTreeMap, sync::Arc};

use loadlab_chaos::{
    control::Toxiproxy,
    schedule::{Chaos, ChaosRun, Places, ProcessChange, ProcessCommand},
};
use loadlab_clock::RunClock;
use loadlab_engine::{EngineError, EngineOptions, LoadEnd, LoadRun};
use loadlab_record::{EndReason, Ending, EventKind, JournalLine, RunEvent};
use loadlab_scenario::{
    Plan,
    fault::{EdgeName, ProcessAction},
};
use loadlab_stack::{RoleSignal, Scraper, Stack, StackEvent, Via};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    RunError,
    recording::{Act, Recording},
    target::Target,
};
use crate::signals::Signals;

/// A target that is up, and everything that takes part in loading it.
#[derive(Debug)]
pub(crate) struct Load {
    /// What is carried out.
    pub(crate) plan: Arc<Plan>,
    /// What is loaded.
    pub(crate) target: Target,
    /// Where everything goes.
    pub(crate) recording: Recording,
    /// What the user says meanwhile.
    pub(crate) signals: Signals,
}

/// The engine at work, on threads of its own: neither the journal nor a scrape takes a turn on them.
struct Engine {
    lines: mpsc::UnboundedReceiver<JournalLine>,
    ended: oneshot::Receiver<Result<LoadEnd, EngineError>>,
    stop: CancellationToken,
}

/// The faults at work, and what they say.
struct Faults {
    chaos: Chaos,
    events: mpsc::UnboundedReceiver<RunEvent>,
    processes: mpsc::UnboundedReceiver<ProcessCommand>,
}

/// What the loop heard.
enum Heard {
    Line(JournalLine),
    Ended(Result<LoadEnd, EngineError>),
    /// Its thread is gone without a word: it panicked.
    EngineLost,
    Signal(i32),
    Published(loadlab_stack::Scraped),
    /// A fault began or ended.
    Fault(RunEvent),
    /// A fault wants something done to a process.
    Process(ProcessCommand),
    Stack(StackEvent),
}

impl Load {
    /// Offers the load and records until it ends, by itself or not.
    pub(crate) async fn carry_out(&mut self) -> Result<Ending, RunError> {
        let (started, clock) = oneshot::channel();
        let mut engine = Engine::start(&self.plan, &self.target.base, started).map_err(RunError::System)?;
        let clock = self.wait_for_start(&mut engine, clock).await?;
        let mut scraper = Scraper::start(self.target.endpoints.clone(), clock);
        let mut faults = Faults::start(&self.plan, self.target.stack.as_ref(), clock);
        let mut reason = EndReason::Finished;
        let end = loop {
            let stack = self.target.stack.as_mut();
            match hear(&mut engine, &mut scraper, &mut faults, stack, &mut self.signals).await {
                Heard::Fault(event) => {
                    let acts = self.recording.fault(event).map_err(RunError::Folder)?;
                    acts.into_iter()
                        .for_each(|act| follow(act, &mut faults.chaos, &mut reason, &engine.stop));
                }
                Heard::Process(command) => self.change_process(command).await,
                Heard::Line(line) => {
                    let acts = self.recording.take(line).map_err(RunError::Folder)?;
                    acts.into_iter()
                        .for_each(|act| follow(act, &mut faults.chaos, &mut reason, &engine.stop));
                }
                Heard::Published(values) => self.recording.published(values).map_err(RunError::Folder)?,
                Heard::Stack(event) => self.stack_event(event, clock, &mut reason, &engine.stop)?,
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
        for event in faults.end().await {
            self.recording.event(event).map_err(RunError::Folder)?;
        }
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

impl Load {
    /// If the keeper is gone, so are all processes, and the loop hears of that.
    async fn change_process(&mut self, command: ProcessCommand) {
        let Some(stack) = self.target.stack.as_mut() else { return };
        let role = &command.role;
        let asked = match command.what {
            ProcessChange::Begin(ProcessAction::Kill) => stack.signal(role, RoleSignal::Kill).await,
            ProcessChange::Begin(ProcessAction::Terminate) => stack.signal(role, RoleSignal::Terminate).await,
            ProcessChange::Begin(ProcessAction::Pause) => stack.signal(role, RoleSignal::Pause).await,
            ProcessChange::Heal(ProcessAction::Kill | ProcessAction::Terminate) => stack.start(role).await,
            ProcessChange::Heal(ProcessAction::Pause) => stack.signal(role, RoleSignal::Resume).await,
        };
        drop(asked);
    }
}

impl Faults {
    /// Without a stack of its own a run has no faults; that was checked.
    fn start(plan: &Plan, stack: Option<&Stack>, clock: RunClock) -> Self {
        let (event_sender, events) = mpsc::unbounded_channel();
        let (process_sender, processes) = mpsc::unbounded_channel();
        let faults = if stack.is_some() { plan.faults.clone() } else { Vec::new() };
        let chaos = Chaos::start(ChaosRun {
            faults,
            places: stack.map_or_else(nowhere, places),
            clock,
            // A burst is over at once; what it asked for is not.
            until: plan.load.duration() + plan.drain,
            events: event_sender,
            processes: process_sender,
        });
        Self { chaos, events, processes }
    }

    /// Heals what is on. Gives what happened since the last event that was heard.
    async fn end(mut self) -> Vec<RunEvent> {
        self.chaos.end().await;
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

/// Where faults act in a stack.
fn places(stack: &Stack) -> Places {
    let edges = stack.edges().iter().filter_map(|edge| {
        let Via::Proxy { name } = &edge.via else { return None };
        Some((EdgeName { from: edge.from.clone(), to: edge.to.clone() }, name.clone()))
    });
    let admin = |role: &loadlab_stack::RoleUp| {
        (role.name.clone(), role.admin.clone().unwrap_or_else(|| role.listen.clone()))
    };
    Places {
        proxies: Toxiproxy::at(stack.control()),
        edges: edges.collect(),
        admins: stack.roles().iter().map(admin).collect(),
        processes: stack.roles().iter().map(|role| role.name.clone()).collect(),
    }
}

fn nowhere() -> Places {
    let (edges, admins) = (BTreeMap::new(), BTreeMap::new());
    Places { proxies: Toxiproxy::at(""), edges, admins, processes: Vec::new() }
}

impl Engine {
    fn start(plan: &Arc<Plan>, base: &str, started: oneshot::Sender<RunClock>) -> std::io::Result<Self> {
        let (line_sender, lines) = mpsc::unbounded_channel();
        let (end_sender, ended) = oneshot::channel();
        let stop = CancellationToken::new();
        let load = LoadRun {
            plan: Arc::clone(plan),
            base: base.to_owned(),
            lines: line_sender,
            started,
            stop: stop.clone(),
            options: EngineOptions::default(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().thread_name("engine").enable_all().build()?;
        std::thread::Builder::new().name("engine-main".to_owned()).spawn(move || {
            let end = runtime.block_on(loadlab_engine::offer(load));
            // The conductor is gone only when the program is.
            drop(end_sender.send(end));
            runtime.shutdown_background();
        })?;
        Ok(Self { lines, ended, stop })
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
    let stack_event = async {
        match stack {
            Some(stack) => stack.next_event().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        Some(line) = engine.lines.recv() => Heard::Line(line),
        ended = &mut engine.ended => ended.map_or(Heard::EngineLost, Heard::Ended),
        signal = signals.next() => Heard::Signal(signal),
        Some(values) = scraper.next() => Heard::Published(values),
        Some(event) = faults.events.recv() => Heard::Fault(event),
        Some(command) = faults.processes.recv() => Heard::Process(command),
        event = stack_event => Heard::Stack(event),
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
