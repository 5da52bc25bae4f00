//! One request with all its attempts, and the user who makes it.

use std::time::{Duration, Instant};

use loadlab_clock::Sleeper;
use loadlab_record::Outcome;
use loadlab_scenario::plan::RetryAfter;

use crate::{
    answer::Scratch,
    attempt::{Attempt, Attempted, Conduct},
    clients::{Counted, Effect, Otherwise},
    connection::{ByArm, Connections},
    engine::Engine,
    kept::Kept,
    program::{Program, StepProgram},
    render::Scope,
    retry_budget::RetryBudget,
    want::{Lane, Want},
};

/// A user: connections, and buffers that are reused from want to want. In open load a worker is one
/// user after another, and keeps its connections.
#[derive(Debug)]
pub(crate) struct User<'e> {
    pub(crate) engine: &'e Engine,
    pub(crate) connections: ByArm,
    pub(crate) want: Want,
    /// By name: what answers gave.
    pub(crate) kept: Vec<Option<Kept>>,
    pub(crate) scratch: Scratch,
    /// One for each child of a fan-out.
    pub(crate) child_scratch: Vec<Scratch>,
}

impl<'e> User<'e> {
    pub(crate) fn new(engine: &'e Engine) -> Self {
        let program = &engine.program;
        Self {
            engine,
            connections: ByArm::new(program.connections, program.reuse),
            want: Want::new(program),
            kept: vec![None; program.kept_names],
            scratch: Scratch::default(),
            child_scratch: Vec::new(),
        }
    }

    /// Forgets what the last want kept, but for the login's values.
    pub(crate) fn begin(&mut self, seq: u64, iteration: Option<u64>) {
        self.want.draw(&self.engine.program, seq, iteration);
        if !self.kept.is_empty() {
            self.kept.fill(None);
            for (place, kept) in self.engine.login(self.want.user) {
                self.kept[*place] = Some(kept.clone());
            }
        }
    }
}

/// A request to be made until it succeeds or is given up for good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) connections: &'a Connections,
    pub(crate) step: &'a StepProgram,
    pub(crate) want: &'a Want,
    pub(crate) kept: &'a [Option<Kept>],
    /// Position in a fan-out, and its element.
    pub(crate) child: usize,
    pub(crate) item: Option<(usize, &'a Kept)>,
    pub(crate) due: Instant,
}

/// How a request ended, after all attempts.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// `None` if there was nothing to ask.
    pub(crate) outcome: Option<Outcome>,
    /// When the first attempt was sent.
    pub(crate) sent: Option<u64>,
    pub(crate) retries: u32,
    pub(crate) gave_up: bool,
    pub(crate) kept: Vec<(usize, Kept)>,
}

impl Ask<'_> {
    pub(crate) async fn perform(&self, scratch: &mut Scratch) -> Asked {
        let program = &self.engine.program;
        let mut lane = Lane { step: self.step.index, child: self.child, attempt: 0 };
        let mut due = self.due;
        let mut asked = Asked::default();
        let mut counted = Counted::default();
        if let Some(budget) = &self.engine.retry_budget {
            budget.asked();
        }
        loop {
            let arrival = (self.want.seq, self.want.iteration);
            let otherwise = self.engine.clients.of(program.speed, arrival);
            let attempt = Attempt {
                step: self.step,
                scope: self.scope(lane),
                due,
                conduct: otherwise.change(conduct(program, self.want, lane)),
            };
            let attempted = attempt.perform(self.engine, self.connections, scratch).await;
            let outcome = attempted.outcome.unwrap_or(Outcome::Reset);
            asked.sent = asked.sent.or(attempted.sent);
            asked.gave_up |= matches!(outcome, Outcome::Abandoned | Outcome::Timeout);
            if attempted.sent.is_some() {
                otherwise.count(&mut counted, Effect::Read);
            }
            if attempted.left {
                otherwise.count(&mut counted, Effect::Left);
            }
            let storms = storms(&otherwise, lane, outcome, &attempted);
            if storms {
                otherwise.count(&mut counted, Effect::Storm);
            }
            let planned = || self.pause_before_next(lane, outcome, &attempted);
            let pause = if storms { Some(Duration::ZERO) } else { planned() };
            let Some(pause) = pause else {
                return Asked { outcome: Some(outcome), kept: attempted.kept, ..asked };
            };
            due = Instant::now() + pause;
            if !pause.is_zero() {
                Sleeper::shared().until(due).await;
            }
            lane.attempt += 1;
            asked.retries += 1;
        }
    }

    fn scope(&self, lane: Lane) -> Scope<'_> {
        Scope {
            seed: self.engine.program.seed,
            feeds: &self.engine.program.feeds,
            user: self.want.user,
            seq: self.want.seq,
            iteration: self.want.iteration,
            attempt: lane.attempt,
            rows: &self.want.rows,
            kept: self.kept,
            item: self.item,
        }
    }

    /// How long to wait before another attempt; `None` if there is none.
    fn pause_before_next(&self, lane: Lane, outcome: Outcome, attempted: &Attempted) -> Option<Duration> {
        let program = &self.engine.program;
        let allowed = lane.attempt < program.retries.max
            && self.want.retries
            && !attempted.left
            && retry_after(outcome).is_some_and(|after| program.retries.after.contains(&after));
        // The budget is asked last: what is not wanted does not use it up.
        let allowed = allowed && self.engine.retry_budget.as_ref().is_none_or(RetryBudget::takes);
        allowed.then(|| {
            let asked_for = attempted.retry_after.unwrap_or_default();
            self.want.backoff(program, lane).max(program.speed.real(asked_for))
        })
    }
}

/// Whether a client tries again at once, whatever the service asks for.
fn storms(otherwise: &Otherwise, lane: Lane, outcome: Outcome, attempted: &Attempted) -> bool {
    otherwise.storms(lane.attempt) && !attempted.left && retry_after(outcome).is_some()
}

fn conduct(program: &Program, want: &Want, lane: Lane) -> Conduct {
    Conduct {
        patience: want.patience(program, lane),
        leaves_after: want.leaves_after,
        pace: program.slow.filter(|_| want.slow).map(|slow| slow.bytes_per_s),
    }
}

/// The kind of end after which another attempt may follow.
fn retry_after(outcome: Outcome) -> Option<RetryAfter> {
    match outcome {
        Outcome::Abandoned => Some(RetryAfter::Abandoned),
        Outcome::Timeout => Some(RetryAfter::Timeout),
        Outcome::Connect | Outcome::Reset => Some(RetryAfter::Connection),
        Outcome::Status => Some(RetryAfter::Error),
        Outcome::Shed => Some(RetryAfter::Shed),
        Outcome::Truncated => Some(RetryAfter::Truncated),
        Outcome::Ok | Outcome::WrongAnswer | Outcome::Undispatched => None,
    }
}
