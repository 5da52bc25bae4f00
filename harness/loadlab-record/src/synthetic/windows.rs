//! What the recorder of the engine would have written of a made-up run.

use std::collections::BTreeMap;

use loadlab_clock::Speed;

use super::simulation::{Arrived, Attempt, Simulated};
use crate::{GeneratorSample, JournalLine, Outcome, StepWindow, Window};

/// Events of an answer after its first.
const EVENTS: u64 = 20;
/// Bytes of an answer.
const BYTES: u64 = 1_800;

/// The windows, each stamped with its end.
pub(super) fn windows(simulated: &Simulated, speed: Speed) -> Vec<(u64, JournalLine)> {
    let seconds = simulated.end() / 1_000_000;
    let mut windows: BTreeMap<u64, Window> =
        (0..seconds).map(|second| (second, Window { second, ..Window::default() })).collect();
    let mut at = |micros: u64, change: &mut dyn FnMut(&mut Window)| {
        windows.get_mut(&(micros / 1_000_000)).into_iter().for_each(change);
    };
    for attempt in &simulated.attempts {
        at(attempt.end().0, &mut |window| record_request(window, attempt, speed));
    }
    for arrival in &simulated.arrivals {
        at(arrival.due, &mut |window| window.scheduled += 1);
        at(arrival.due, &mut |window| window.dispatch_lag.record_micros(arrival.lag));
        let attempts: Vec<&Attempt> =
            arrival.attempts.iter().map(|index| &simulated.attempts[*index]).collect();
        let Some(last) = attempts.last() else { continue };
        at(last.end().0, &mut |window| record_arrival(window, arrival, &attempts, speed));
    }
    let mut in_flight = 0;
    let stamped = windows.into_values().map(|mut window| {
        in_flight = in_flight + window.scheduled - window.ended.total();
        window.in_flight = in_flight;
        ((window.second + 1) * 1_000_000, JournalLine::Window(Box::new(window)))
    });
    stamped.collect()
}

/// The generator at rest: made-up, and never the limit.
pub(super) fn generator(simulated: &Simulated) -> Vec<(u64, JournalLine)> {
    let sample = |second| {
        let cpu = if second == 0 { 0.2 } else { 0.02 };
        GeneratorSample { second, cpu, resident_bytes: 40 << 20, connections: 100 }
    };
    let seconds = 0..simulated.end() / 1_000_000;
    seconds.map(|second| ((second + 1) * 1_000_000, JournalLine::Generator(sample(second)))).collect()
}

/// Scenario microseconds as the real ones that histograms hold.
fn real(micros: u64, speed: Speed) -> u64 {
    (micros as f64 / speed.get()) as u64
}

fn record_arrival(window: &mut Window, arrival: &Arrived, attempts: &[&Attempt], speed: Speed) {
    let Some((done, outcome)) = attempts.last().map(|last| last.end()) else { return };
    window.ended.add(outcome);
    window.retried += attempts.len() as u64 - 1;
    window.gave_up += u64::from(attempts.iter().any(|attempt| attempt.left.is_some()));
    window.response.record_micros(real(done - arrival.due, speed));
    if outcome.is_ok() {
        window.response_ok.record_micros(real(done - arrival.due, speed));
    }
}

fn record_request(window: &mut Window, attempt: &Attempt, speed: Speed) {
    let (done, outcome) = attempt.end();
    window.service.record_micros(real(done - attempt.sent, speed));
    let step = window.steps.entry("search".to_owned()).or_default();
    step.ended.add(outcome);
    step.retried += u64::from(attempt.number > 0);
    step.response.record_micros(real(done - attempt.sent, speed));
    step.service.record_micros(real(done - attempt.sent, speed));
    if attempt.retrieved < done {
        record_stream(step, attempt, outcome, speed);
    }
}

/// The answer begins with its sources; what was generated follows in even steps.
fn record_stream(step: &mut StepWindow, attempt: &Attempt, outcome: Outcome, speed: Speed) {
    *step.statuses.entry(200).or_default() += 1;
    step.first_byte.record_micros(real(attempt.embedded - attempt.sent, speed));
    step.first_event.record_micros(real(attempt.retrieved - attempt.sent, speed));
    if outcome == Outcome::Ok {
        step.bytes += BYTES;
        step.events += EVENTS + 1;
        let gap = (attempt.delivered - attempt.retrieved) / EVENTS;
        (0..EVENTS).for_each(|_| step.event_gap.record_micros(real(gap, speed)));
    }
}
