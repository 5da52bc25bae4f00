//! Plans, and what a run of one gave.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use loadlab_clock::{Distribution, Seed, Speed};
use loadlab_engine::{EngineOptions, LoadEnd, LoadRun, offer};
use loadlab_record::{EventKind, GeneratorSample, JournalLine, Outcome, StepWindow, Window};
use loadlab_scenario::{
    Plan,
    plan::{
        Backoff, Body, Client, Health, Journey, Load, Process, RateStage, Reader, Retries, Step, TargetPlan,
        Think, UserStage, Users,
    },
    quantity::{Rate, Share},
    template::{Piece, Template, Value},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub(crate) fn share(value: f64) -> Share {
    Share::try_new(value).expect("a share")
}

pub(crate) fn constant(duration: Duration) -> Think {
    Think::of(Distribution::Constant(duration))
}

pub(crate) fn burst(users: u32) -> Load {
    Load::Burst { users, within: Duration::ZERO }
}

pub(crate) fn arrivals(per_s: f64, over: Duration, process: Process) -> Load {
    let rate = Rate::try_new(per_s).expect("a rate");
    Load::Arrivals { stages: vec![RateStage { from: rate, to: rate, over }], process }
}

pub(crate) fn users(users: u32, hold: Duration, think: Duration) -> Load {
    Load::Users { stages: vec![UserStage { users, ramp: Duration::ZERO, hold }], think: constant(think) }
}

/// `GET path`, where `{user}`, `{arrival}`, `{attempt}`, `{uuid}` and `{kept:name}` are holes.
pub(crate) fn get(name: &str, path: &str) -> Step {
    Step {
        name: name.to_owned(),
        method: "GET".to_owned(),
        path: template(path),
        headers: vec![],
        body: None,
        think: None,
        timeout: None,
        checks: vec![],
        extract: BTreeMap::new(),
        fan_out: None,
        stream: false,
    }
}

pub(crate) fn post(name: &str, path: &str, body: &str) -> Step {
    let body = Body { content_type: "application/json".to_owned(), text: template(body) };
    Step { method: "POST".to_owned(), body: Some(body), ..get(name, path) }
}

pub(crate) fn template(text: &str) -> Template {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (hole, after) = after.split_once('}').expect("a closing brace");
        pieces.push(Piece::Text(before.to_owned()));
        pieces.push(Piece::Value(match hole {
            "user" => Value::User,
            "arrival" => Value::Arrival,
            "attempt" => Value::Attempt,
            "uuid" => Value::Uuid,
            "row" => Value::Feed { feed: "rows".to_owned(), column: 0 },
            name => Value::Kept(name.to_owned()),
        }));
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Template { pieces }
}

/// A plan of one journey.
pub(crate) fn plan(load: Load, steps: Vec<Step>) -> Plan {
    let second = Duration::from_secs(1);
    Plan {
        name: "test".to_owned(),
        title: String::new(),
        question: String::new(),
        target: TargetPlan::Url { base: String::new(), metrics: None },
        speed: Speed::REAL,
        seed: Seed::new(7),
        load,
        warm_up: Duration::ZERO,
        drain: 20 * second,
        queue_age_max: 10 * second,
        users: Users { count: 1_000, login: None },
        client: Client {
            connections: 6,
            reuse: true,
            connect_timeout: 5 * second,
            timeout: 10 * second,
            patience: None,
            retries: Retries {
                max: 0,
                share: Share::ALL,
                backoff: Backoff::Immediate,
                after: vec![],
                budget: None,
            },
            reader: Reader::Fast,
            leaves: None,
        },
        journeys: vec![Journey { name: "journey".to_owned(), weight: 1, steps }],
        feeds: BTreeMap::new(),
        objectives: vec![],
        documented: None,
        health: Health {
            degraded_latency: second,
            failed_latency: second,
            degraded_errors: Share::ALL,
            failed_errors: Share::ALL,
            degraded_cpu: Share::ALL,
            failed_cpu: Share::ALL,
        },
        faults: vec![],
        arms: None,
        steady_state: None,
        abort_if: Vec::new(),
        max_blast: loadlab_scenario::condition::MaxBlast::default(),
    }
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) end: LoadEnd,
    pub(crate) windows: Vec<Window>,
    pub(crate) generator: Vec<GeneratorSample>,
    pub(crate) phases: Vec<(f64, String)>,
    /// All windows together.
    pub(crate) total: Window,
    pub(crate) took: Duration,
}

impl Ran {
    pub(crate) fn ended(&self, outcome: Outcome) -> u64 {
        self.total.ended.get(outcome)
    }

    pub(crate) fn step(&self, name: &str) -> &StepWindow {
        &self.total.steps[name]
    }

    /// How many arrivals took longer.
    pub(crate) fn longer_than(&self, limit: Duration) -> u64 {
        let response = &self.total.response;
        let within = response.share_within(limit, Speed::REAL) * response.count() as f64;
        response.count() - within.round() as u64
    }
}

pub(crate) async fn run(plan: Plan, base: &str) -> Ran {
    run_with(plan, base, EngineOptions::default(), CancellationToken::new()).await
}

pub(crate) async fn run_with(plan: Plan, base: &str, options: EngineOptions, stop: CancellationToken) -> Ran {
    let (lines, mut receiver) = mpsc::unbounded_channel();
    let (started, start) = oneshot::channel();
    let begun = Instant::now();
    let run = LoadRun { plan: Arc::new(plan), base: base.to_owned(), lines, started, stop, options };
    let end = offer(run).await.expect("the load is offered");
    start.await.expect("the start is told");
    let mut ran = Ran {
        end,
        windows: vec![],
        generator: vec![],
        phases: vec![],
        total: Window::default(),
        took: begun.elapsed(),
    };
    while let Some(line) = receiver.recv().await {
        match line {
            JournalLine::Window(window) => {
                ran.total.merge(&window);
                ran.windows.push(*window);
            }
            JournalLine::Generator(sample) => ran.generator.push(sample),
            JournalLine::Event(event) => {
                if let EventKind::Phase(name) = event.what {
                    ran.phases.push((event.at.as_secs_f64(), name));
                }
            }
            other => panic!("unexpected line {other:?}"),
        }
    }
    check(&ran);
    ran
}

/// What holds for every run.
fn check(ran: &Ran) {
    let Ran { end, total, windows, generator, .. } = ran;
    let balance = end.balance;
    assert_eq!(
        balance.scheduled,
        balance.completed + balance.failed + balance.undispatched + balance.in_flight
    );
    assert_eq!(balance.requests.started, balance.requests.ended + balance.requests.in_flight);
    assert_eq!(total.scheduled, balance.scheduled);
    assert_eq!(total.response.count(), total.ended.total());
    assert_eq!(total.response_ok.count(), total.ended.get(Outcome::Ok));
    assert_eq!(total.dispatch_lag.count(), total.ended.total());
    let seconds: Vec<u64> = windows.iter().map(|window| window.second).collect();
    assert_eq!(seconds, (0..windows.len() as u64).collect::<Vec<_>>(), "quiet seconds are there too");
    assert_eq!(windows.last().map(|window| window.in_flight), Some(end.in_flight));
    assert_eq!(generator.len(), windows.len());
}
