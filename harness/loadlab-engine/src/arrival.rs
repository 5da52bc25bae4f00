//! One arrival: the steps of its journey, one after another, up to the first that fails.

use std::time::{Duration, Instant};

use loadlab_clock::Sleeper;
use loadlab_record::{ArrivalSample, Outcome};

use crate::{
    engine::Engine,
    fan_out,
    step::{Ask, Asked, User},
};

/// A want to be carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Job {
    /// Arrival number; in closed load the user's.
    pub(crate) seq: u64,
    /// Closed load only.
    pub(crate) iteration: Option<u64>,
    /// Real microseconds since the start.
    pub(crate) due_us: u64,
}

/// Carries a want out, with all its attempts, and records it.
pub(crate) async fn perform(engine: &Engine, user: &mut User<'_>, job: Job) -> Outcome {
    let ticket = engine.recorder.take();
    let taken = engine.recorder.micros(Instant::now());
    user.begin(job.seq, job.iteration);
    let due = engine.clock().origin() + Duration::from_micros(job.due_us);
    let end = journey(engine, user, due).await;
    let outcome = end.outcome.unwrap_or(Outcome::Ok);
    let sample = ArrivalSample {
        seq: job.seq,
        journey: user.want.journey,
        due: job.due_us,
        taken,
        sent: end.sent,
        done: engine.recorder.micros(Instant::now()),
        outcome,
        retries: end.retries,
        gave_up: end.gave_up,
        cohort: engine.program.cohort(user.want.user),
    };
    engine.recorder.arrival(ticket, &sample);
    outcome
}

async fn journey(engine: &Engine, user: &mut User<'_>, due: Instant) -> Asked {
    let program = &engine.program;
    let mut sum = Asked::default();
    let mut due = due;
    for index in program.journeys[user.want.journey].steps.clone() {
        let step = &program.steps[index];
        if let Some(think) = &step.think {
            due += user.want.pause(program, think, index);
            if due > Instant::now() {
                Sleeper::shared().until(due).await;
            }
        }
        let User { connections, want, kept, scratch, child_scratch, .. } = user;
        let connections = connections.of(program.cohort(want.user));
        let ask = Ask { engine, connections, step, want, kept, child: 0, item: None, due };
        let asked = match step.fan_out {
            None => ask.perform(scratch).await,
            Some(fan_out) => fan_out::perform(ask, fan_out, child_scratch).await,
        };
        for (place, value) in asked.kept {
            kept[place] = Some(value);
        }
        sum.outcome = asked.outcome;
        sum.sent = sum.sent.or(asked.sent);
        sum.retries += asked.retries;
        sum.gave_up |= asked.gave_up;
        if sum.outcome.is_some_and(|outcome| !outcome.is_ok()) {
            break;
        }
        due = Instant::now();
    }
    sum
}
