//! Closed load: users who want, wait for the answer, think and want again.
//!
//! User `k` is there while the number of users is above `k`. When the number falls, a user who is
//! thinking leaves at once, and one who waits for an answer leaves after it.

use std::time::{Duration, Instant};

use loadlab_clock::{Offset, Sleeper};
use loadlab_record::Outcome;
use loadlab_scenario::plan::{Think, UserStage};

use crate::{
    arrival::{self, Job},
    engine::Engine,
    recorder::micros_between,
    step::User,
};

/// Real pause of a user whose want ended without any answer (nothing listens, or the connection was
/// reset), before the next one; it doubles with every such end in a row up to [`PAUSE_MAX`]. An
/// answer, good or bad, paces a user without think time; a refused connection does not, and a
/// thousand such users would otherwise keep every core busy with refusals. The next want is due after
/// the pause, so it is no part of any response time.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// See [`PAUSE_MIN`].
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A stretch of scenario time in which a user is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stay {
    pub(crate) from: Offset,
    pub(crate) to: Offset,
}

/// Largest number of users at any time.
pub(crate) fn users_max(stages: &[UserStage]) -> u32 {
    stages.iter().map(|stage| stage.users).max().unwrap_or(0)
}

/// When user `k` is there.
pub(crate) fn stays(stages: &[UserStage], k: u32) -> Vec<Stay> {
    let mut stays = Vec::new();
    let (mut at, mut level, mut since) = (0.0, 0_u32, None);
    for stage in stages {
        let ramp = stage.ramp.as_secs_f64();
        let (low, high) = (level.min(stage.users), level.max(stage.users));
        if (low..high).contains(&k) {
            // The first of those who come is there at the start of the ramp; the first to leave
            // leaves after one step of it.
            let rises = stage.users > level;
            let rank = if rises { k - level } else { level - k };
            let moment = at + ramp * f64::from(rank) / f64::from(high - low);
            match since.take() {
                None => since = Some(moment),
                Some(from) => push(&mut stays, from, moment),
            }
        }
        at += ramp + stage.hold.as_secs_f64();
        level = stage.users;
    }
    if let Some(from) = since {
        push(&mut stays, from, at);
    }
    stays
}

fn push(stays: &mut Vec<Stay>, from: f64, to: f64) {
    let offset = |seconds: f64| Offset::from_micros((seconds * 1e6).round() as u64);
    if to > from {
        stays.push(Stay { from: offset(from), to: offset(to) });
    }
}

/// What user `index` does from the start of the run to its end.
pub(crate) async fn live(engine: &Engine, index: u32, stages: &[UserStage], think: &Think) {
    let mut user = User::new(engine);
    let mut iteration = 0;
    for stay in stays(stages, index) {
        Sleeper::shared().until(engine.clock().instant(stay.from)).await;
        let presence = engine.recorder.user_came();
        stay_for(engine, &mut user, Place { index, stay }, think, &mut iteration).await;
        drop(presence);
    }
}

/// Who, and until when.
#[derive(Clone, Copy)]
struct Place {
    index: u32,
    stay: Stay,
}

async fn stay_for(engine: &Engine, user: &mut User<'_>, place: Place, think: &Think, iteration: &mut u64) {
    let clock = engine.clock();
    let leaves = clock.instant(place.stay.to);
    let mut ready = clock.instant(place.stay.from).max(clock.origin());
    let mut pause = Duration::ZERO;
    loop {
        let drawn = engine.program.think(think, "think", u64::from(place.index), *iteration);
        let due = ready + drawn.max(pause);
        if due >= leaves {
            Sleeper::shared().until(leaves).await;
            return;
        }
        if due > Instant::now() {
            Sleeper::shared().until(due).await;
        }
        let due_us = micros_between(clock.origin(), due);
        engine.recorder.scheduled(due_us);
        let job = Job { seq: u64::from(place.index), iteration: Some(*iteration), due_us };
        let outcome = arrival::perform(engine, user, job).await;
        *iteration += 1;
        ready = Instant::now();
        pause = next_pause(pause, outcome);
    }
}

fn next_pause(pause: Duration, outcome: Outcome) -> Duration {
    match outcome {
        Outcome::Connect | Outcome::Reset => (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX),
        _ => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(users: u32, ramp_s: u64, hold_s: u64) -> UserStage {
        UserStage { users, ramp: Duration::from_secs(ramp_s), hold: Duration::from_secs(hold_s) }
    }

    fn seconds(stages: &[UserStage], k: u32) -> Vec<(f64, f64)> {
        stays(stages, k).iter().map(|stay| (stay.from.as_secs_f64(), stay.to.as_secs_f64())).collect()
    }

    #[test]
    fn users_of_one_stage_stay_from_start_to_end() {
        assert_eq!(seconds(&[stage(3, 0, 10)], 0), [(0.0, 10.0)]);
        assert_eq!(seconds(&[stage(3, 0, 10)], 2), [(0.0, 10.0)]);
        assert_eq!(seconds(&[stage(3, 0, 10)], 3), []);
    }

    #[test]
    fn a_ramp_up_and_down_lets_the_last_who_came_leave_first() {
        let stages = [stage(10, 10, 5), stage(0, 10, 0)];
        assert_eq!(seconds(&stages, 0), [(0.0, 25.0)]);
        assert_eq!(seconds(&stages, 9), [(9.0, 16.0)]);
    }

    #[test]
    fn a_spike_brings_users_twice() {
        let stages = [stage(2, 0, 10), stage(4, 0, 5), stage(2, 0, 10), stage(4, 0, 5)];
        assert_eq!(seconds(&stages, 3), [(10.0, 15.0), (25.0, 30.0)]);
        assert_eq!(seconds(&stages, 1), [(0.0, 30.0)]);
    }

    #[test]
    fn pauses_after_refusals_double_up_to_a_second_and_end_with_an_answer() {
        let mut pause = Duration::ZERO;
        let mut seen = Vec::new();
        for _ in 0..9 {
            pause = next_pause(pause, Outcome::Connect);
            seen.push(pause.as_millis());
        }
        assert_eq!(seen, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!(next_pause(pause, Outcome::Status), Duration::ZERO);
    }
}
