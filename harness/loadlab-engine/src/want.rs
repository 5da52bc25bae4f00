//! What one arrival is about: who, which journey, which rows, and how patient its user is.
//!
//! Everything here is a function of `(seed, arrival)` in open load and `(seed, user, iteration)` in
//! closed load, never of the worker that carries it out. Streams of draws are named, so that a draw
//! more or less of one kind moves no other.

use std::time::Duration;

use loadlab_clock::Seed;
use loadlab_scenario::plan::{Backoff, Pick};
use rand::{Rng, RngExt as _};

use crate::program::{FeedTable, LoadKind, Program, draw};

/// What one arrival is about. Reused from arrival to arrival.
#[derive(Debug)]
pub(crate) struct Want {
    /// Arrival number; in closed load the user's.
    pub(crate) seq: u64,
    /// Closed load only.
    pub(crate) iteration: Option<u64>,
    /// Which identity.
    pub(crate) user: u32,
    /// Index of the journey.
    pub(crate) journey: usize,
    /// The row taken of each feed; 0 for feeds that the journey does not use.
    pub(crate) rows: Vec<u32>,
    /// Its user retries at all.
    pub(crate) retries: bool,
    /// Its user reads slowly.
    pub(crate) slow: bool,
    /// Its user leaves so long after the first byte of an answer (real).
    pub(crate) leaves_after: Option<Duration>,
    /// Where the draws of its single attempts come from.
    seed: Seed,
}

impl Want {
    pub(crate) fn new(program: &Program) -> Self {
        Self {
            seq: 0,
            iteration: None,
            user: 0,
            journey: 0,
            rows: vec![0; program.feeds.len()],
            retries: false,
            slow: false,
            leaves_after: None,
            seed: program.seed,
        }
    }

    /// Turns this into the want of `(seq, iteration)`.
    pub(crate) fn draw(&mut self, program: &Program, seq: u64, iteration: Option<u64>) {
        self.seq = seq;
        self.iteration = iteration;
        let count = program.identities;
        let drawn_user = program.kind == LoadKind::Open && count > 1;
        // Most plans draw nothing of their own; a stream costs a block of the generator.
        if drawn_user
            || program.journeys.len() > 1
            || !program.journeys[0].feeds.is_empty()
            || has_client_draws(program)
        {
            self.draw_from_stream(program, drawn_user);
        } else {
            self.journey = 0;
            self.retries = program.retries.share.get() >= 1.0;
        }
        if !drawn_user {
            self.user = (seq % u64::from(count)) as u32;
        }
        self.slow = program.slow.is_some_and(|slow| {
            // Who reads slowly is a trait of the user in closed load, of the arrival in open load.
            chance(&mut program.seed.stream("reader", seq, 0), slow.share)
        });
    }

    fn draw_from_stream(&mut self, program: &Program, drawn_user: bool) {
        let mut rng = program.seed.stream("want", self.seq, self.iteration.unwrap_or(u64::MAX));
        self.seed = Seed::new(rng.next_u64());
        if drawn_user {
            self.user = rng.random_range(0..program.identities);
        }
        let weights = program.journeys.last().map_or(1, |journey| journey.weight_to);
        let ticket = rng.random_range(0..weights.max(1));
        self.journey = program.journeys.partition_point(|journey| journey.weight_to <= ticket);
        for feed in &program.journeys[self.journey].feeds {
            self.rows[*feed] = self.row(program, &program.feeds[*feed], &mut rng);
        }
        self.retries = chance(&mut rng, program.retries.share.get());
        self.leaves_after = None;
        if let Some(leaves) = &program.leaves
            && chance(&mut rng, leaves.share.get())
        {
            self.leaves_after = Some(draw(program.speed, &leaves.after, self.seed, "leave", 0, 0));
        }
    }

    fn row(&self, program: &Program, feed: &FeedTable, rng: &mut impl Rng) -> u32 {
        let rows = feed.rows.len().max(1);
        match feed.pick {
            Pick::InTurn => {
                let turn = match (self.iteration, program.kind) {
                    (Some(iteration), LoadKind::Closed(users)) => {
                        iteration.wrapping_mul(u64::from(users)).wrapping_add(self.seq)
                    }
                    _ => self.seq,
                };
                (turn % rows as u64) as u32
            }
            Pick::Uniform => rng.random_range(0..rows as u32),
            Pick::Zipf { .. } => {
                let sum = feed.weights_to.last().copied().unwrap_or(1.0);
                let ticket = rng.random::<f64>() * sum;
                feed.weights_to.partition_point(|to| *to <= ticket).min(rows - 1) as u32
            }
        }
    }

    /// How long its user waits for this attempt (real); `None` is for ever.
    pub(crate) fn patience(&self, program: &Program, lane: Lane) -> Option<Duration> {
        let think = program.patience.as_ref()?;
        Some(draw(program.speed, think, self.seed, "patience", lane.key(), u64::from(lane.attempt)))
    }

    /// Pause before the attempt after this one (real).
    pub(crate) fn backoff(&self, program: &Program, lane: Lane) -> Duration {
        let Backoff::Exponential { base, factor, max, jitter } = &program.retries.backoff else {
            return Duration::ZERO;
        };
        let grown = base.as_secs_f64() * factor.powi(i32::try_from(lane.attempt).unwrap_or(i32::MAX));
        let longest = grown.min(max.as_secs_f64());
        let drawn = if jitter.get() > 0.0 {
            self.seed.stream("backoff", lane.key(), u64::from(lane.attempt)).random::<f64>()
        } else {
            0.0
        };
        let scenario = longest * (1.0 - jitter.get() * drawn);
        program.speed.real(Duration::try_from_secs_f64(scenario).unwrap_or(*max))
    }

    /// Pause before a step (real).
    pub(crate) fn pause(
        &self,
        program: &Program,
        think: &loadlab_scenario::plan::Think,
        step: usize,
    ) -> Duration {
        draw(program.speed, think, self.seed, "pause", step as u64, 0)
    }
}

/// Which attempt of which request of an arrival.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lane {
    pub(crate) step: usize,
    /// Position in a fan-out.
    pub(crate) child: usize,
    /// 0 for the first.
    pub(crate) attempt: u32,
}

impl Lane {
    fn key(self) -> u64 {
        ((self.step as u64) << 32) | self.child as u64
    }
}

/// Whether draws from an arrival's own stream are needed beyond who and what.
fn has_client_draws(program: &Program) -> bool {
    let retries = program.retries.max > 0;
    retries
        || program.leaves.is_some()
        || program.patience.is_some()
        || program.steps.iter().any(|step| step.think.is_some())
}

fn chance(rng: &mut impl Rng, share: f64) -> bool {
    rng.random::<f64>() < share
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use http::HeaderValue;
    use loadlab_clock::{Distribution, Speed};
    use loadlab_scenario::{
        plan::{Feed, Load, Think},
        quantity::Share,
        template::{Piece, Template, Value},
    };

    use super::*;
    use crate::program::{Common, tests::plan};

    fn program(pick: Pick, rows: usize) -> Program {
        let load = Load::Burst { users: 10, within: Duration::ZERO };
        let mut plan = plan(load, Seed::new(9));
        let feed = Feed {
            columns: vec!["text".into()],
            rows: (0..rows).map(|n| vec![n.to_string()]).collect(),
            pick,
        };
        plan.feeds = BTreeMap::from([("queries".to_owned(), feed)]);
        plan.journeys[0].steps[0].path =
            Template { pieces: vec![Piece::Value(Value::Feed { feed: "queries".into(), column: 0 })] };
        plan.client.patience =
            Some(Think::of(Distribution::Lognormal { median: Duration::from_secs(9), sigma: 0.35 }));
        plan.client.retries.max = 3;
        plan.client.retries.share = Share::try_new(0.8).expect("a share");
        plan.client.retries.backoff = Backoff::Exponential {
            base: Duration::from_secs(1),
            factor: 2.0,
            max: Duration::from_secs(3),
            jitter: Share::try_new(0.5).expect("a share"),
        };
        let common = Common {
            host: HeaderValue::from_static("h"),
            agent: HeaderValue::from_static("a"),
            prefix: String::new(),
        };
        Program::compile(&plan, &common).expect("compiles")
    }

    fn wants(program: &Program, count: u64) -> Vec<(u32, bool, Option<Duration>)> {
        let mut want = Want::new(program);
        let one = |n| {
            want.draw(program, n, None);
            (want.rows[0], want.retries, want.patience(program, Lane::default()))
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn a_want_is_a_function_of_seed_and_arrival() {
        let program = program(Pick::Uniform, 50);
        assert_eq!(wants(&program, 100), wants(&program, 100));
        let mut late = Want::new(&program);
        late.draw(&program, 42, None);
        assert_eq!(late.rows[0], wants(&program, 100)[42].0);
    }

    #[test]
    fn zipf_takes_the_first_row_as_often_as_it_should() {
        let program = program(Pick::Zipf { s: 1.0 }, 100);
        let first = wants(&program, 20_000).iter().filter(|(row, ..)| *row == 0).count();
        // The harmonic number of 100 is 5.187.
        let share = first as f64 / 20_000.0;
        assert!((share - 1.0 / 5.187).abs() < 0.01, "share {share}");
    }

    #[test]
    fn rows_in_turn_begin_again_at_the_end() {
        let program = program(Pick::InTurn, 3);
        let rows: Vec<u32> = wants(&program, 7).into_iter().map(|(row, ..)| row).collect();
        assert_eq!(rows, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn four_of_five_users_retry() {
        let retrying =
            wants(&program(Pick::InTurn, 3), 10_000).iter().filter(|(_, retries, _)| *retries).count();
        assert!((7_800..8_200).contains(&retrying), "{retrying} of 10000");
    }

    #[test]
    fn backoff_grows_is_capped_and_jitter_takes_at_most_its_share() {
        let mut program = program(Pick::InTurn, 3);
        program.speed = Speed::REAL;
        let mut want = Want::new(&program);
        for seq in 0..100 {
            want.draw(&program, seq, None);
            let waits: Vec<f64> = (0..4)
                .map(|attempt| want.backoff(&program, Lane { attempt, ..Lane::default() }).as_secs_f64())
                .collect();
            for (wait, longest) in waits.iter().zip([1.0, 2.0, 3.0, 3.0]) {
                assert!((longest / 2.0..=longest).contains(wait), "{waits:?}");
            }
        }
    }
}
