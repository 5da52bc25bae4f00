//! The claims of the gate, on machines whose truth is known. Each figure is printed and asserted.

use super::{Bursts, Found, Machine, STORED_OFF, Trials, World, others, queue};
use crate::gate::{
    Decision, NightlyRules, NightlyStep, Noise, Rules, SearchPair, Tier, Validity, aa_next, next_pair,
    of_trials, power,
};

/// Gates of each case. The standard deviation of a share of 2 % is 0.3 points.
const GATES: u32 = 2_000;
/// The same of the queue, which takes longer to simulate.
const QUEUE_GATES: u32 = 200;
/// From a queue of sixteen servers to knees that are less steep than it.
const TENFOLD_AT: [f64; 4] = [1.03, 1.06, 1.1, 1.15];

fn worlds(machine: Machine) -> impl Iterator<Item = World> {
    let of = move |bursts| TENFOLD_AT.map(|tenfold_at| World { machine, bursts, tenfold_at });
    [of(Bursts::Lognormal), of(Bursts::Compound)].into_iter().flatten()
}

/// Runs and prints gates of a drop.
fn gates(world: World, delta: f64, drop: f64) -> Found {
    let found = world.gates(delta, drop, GATES);
    println!(
        "{:?}, {:?}, tenfold at {}: delta {delta}, drop {drop:<5}: {}",
        world.machine,
        world.bursts,
        world.tenfold_at,
        found.text()
    );
    found
}

#[test]
fn the_simulated_bursts_are_a_hundred_times_the_binomial_and_the_mean_is_the_allowed_loss() {
    for bursts in [Bursts::Lognormal, Bursts::Compound] {
        let world = World { machine: Machine::Stable, bursts, tenfold_at: 1.06 };
        let mut trials = world.start(1);
        let losses: Vec<f64> = (0..100_000).map(|_| trials.lost(0.0).1 as f64 / 7_000.0).collect();
        let mean = losses.iter().sum::<f64>() / 1e5;
        let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / 1e5;
        let over = variance / (0.01 * 0.99 / 7_000.0);
        println!("{bursts:?}: mean loss {mean:.5}, {over:.0} times the binomial variance");
        assert!((0.0095..0.0105).contains(&mean) && (80.0..125.0).contains(&over), "{mean} {over}");
    }
}

#[test]
fn the_queue_loses_the_allowed_share_at_its_knee_in_larger_bursts_still() {
    let mut rng = loadlab_clock::Seed::new(1).stream("queue", 0, 0);
    let trials: Vec<(u64, u64)> = (0..1_000).map(|_| queue::trial(&mut rng, queue::KNEE)).collect();
    let losses: Vec<f64> = trials.iter().map(|(arrivals, late)| *late as f64 / *arrivals as f64).collect();
    let mean = losses.iter().sum::<f64>() / 1e3;
    let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / 1e3;
    let over = variance / (mean * (1.0 - mean) / (5.0 * queue::KNEE));
    println!("queue at its knee: mean loss {mean:.4}, {over:.0} times the binomial variance");
    assert!((0.009..0.012).contains(&mean) && (100.0..400.0).contains(&over), "{mean} {over}");
}

fn unchanged_heads_pass(machine: Machine) {
    for world in worlds(machine) {
        let found = gates(world, 0.1, 0.0);
        assert!(found.regressions() <= 0.02, "{}", found.text());
        assert!(machine == Machine::Shared || found.inconclusive() <= 0.1, "{}", found.text());
    }
}

fn drops_are_found(machine: Machine) {
    for world in worlds(machine) {
        for (drop, least) in [(0.1, 0.85), (0.15, 0.98), (0.2, 0.98)] {
            let found = gates(world, 0.1, drop);
            assert!(found.regressions() >= least, "{}", found.text());
            assert!(machine == Machine::Shared || found.inconclusive() <= 0.1, "{}", found.text());
        }
    }
}

#[test]
fn unchanged_heads_pass_on_a_stable_machine() {
    unchanged_heads_pass(Machine::Stable);
}

#[test]
fn unchanged_heads_pass_on_a_shared_machine() {
    unchanged_heads_pass(Machine::Shared);
}

#[test]
fn drops_are_found_on_a_stable_machine() {
    drops_are_found(Machine::Stable);
}

#[test]
fn drops_are_found_on_a_shared_machine() {
    drops_are_found(Machine::Shared);
}

/// Between no drop and delta there is no right answer; this says where it tips.
#[test]
fn the_verdict_tips_at_half_of_delta() {
    for machine in [Machine::Stable, Machine::Shared] {
        let world = World { machine, bursts: Bursts::Lognormal, tenfold_at: 1.06 };
        let shares = [0.0, 0.025, 0.05, 0.075, 0.1].map(|drop| gates(world, 0.1, drop).regressions());
        assert!(shares.is_sorted(), "{shares:?}");
        assert!(shares[1] < 0.1 && (0.2..0.8).contains(&shares[2]) && shares[3] > 0.8, "{shares:?}");
    }
}

/// The procedures that were not chosen, with delta = 10 %.
#[test]
fn one_load_for_both_misses_what_the_cut_finds() {
    for machine in [Machine::Stable, Machine::Shared] {
        for tenfold_at in [1.03, 1.1] {
            let world = World { machine, bursts: Bursts::Lognormal, tenfold_at };
            for part in [0.9, 0.95] {
                for drop in [0.0, 0.1, 0.15] {
                    let found = others::one_load(world, part, drop, GATES);
                    println!(
                        "one load, {part} of it, {machine:?}, tenfold at {tenfold_at}, drop {drop}: {}",
                        found.text()
                    );
                }
            }
        }
    }
    let world = World { machine: Machine::Shared, bursts: Bursts::Lognormal, tenfold_at: 1.03 };
    let found = |part| others::one_load(world, part, 0.1, GATES).regressions();
    assert!(found(0.9) < 0.5 && found(0.95) < 0.8, "{} {}", found(0.9), found(0.95));
}

#[test]
fn against_a_stored_number_one_in_ten_to_one_in_four_unchanged_builds_fail() {
    let mut shares = Vec::new();
    for tenfold_at in [1.03, 1.06] {
        let world = World { machine: Machine::Shared, bursts: Bursts::Lognormal, tenfold_at };
        for delta in [0.05, 0.1] {
            let found = others::stored_number(world, 1.0 - delta, 0.0, GATES);
            println!("stored number, delta {delta}, tenfold at {tenfold_at}: {}", found.text());
            shares.push(found.regressions());
        }
    }
    assert!(shares.iter().all(|share| (0.07..0.3).contains(share)), "{shares:?}");
}

/// The pairs of searches of a night, whose x has a standard deviation.
fn nights(deviation: f64, drop: f64) -> (Found, f64) {
    nights_of(u64::from(GATES), deviation, drop)
}

fn nights_of(nights: u64, deviation: f64, drop: f64) -> (Found, f64) {
    let rules = NightlyRules::default();
    let world = World { machine: Machine::Stable, bursts: Bursts::Lognormal, tenfold_at: 1.06 };
    let mut pairs = 0;
    let found = (0..nights).fold(Found::default(), |found, seed| {
        let mut trials: Trials = world.start(seed);
        let mut done: Vec<SearchPair> = Vec::new();
        let decision: Decision = loop {
            match next_pair(&rules, &done) {
                NightlyStep::Decided(decision) => break decision,
                NightlyStep::Search { .. } => {
                    let head = (1.0 - drop) * (deviation * trials.normal()).exp();
                    done.push(SearchPair { base: 1.0, head, validity: Validity::Valid });
                }
            }
        };
        pairs += done.len();
        found.with(&decision, 2 * done.len() as u32)
    });
    println!("nightly, deviation {deviation}, drop {drop}: {} (searches)", found.text());
    (found, pairs as f64 / nights as f64)
}

#[test]
fn tier_2_finds_twice_its_delta_and_fails_nobody_who_did_not_change() {
    let (unchanged, _) = nights(0.015, 0.0);
    assert!(unchanged.regressions() <= 0.02 && unchanged.inconclusive() <= 0.1, "{}", unchanged.text());
    let (dropped, pairs) = nights(0.015, 0.1);
    assert!(dropped.regressions() >= 0.85 && pairs < 6.0, "{}", dropped.text());
    // Twice the noise finds less, and still accuses nobody.
    let (noisy, _) = nights(0.03, 0.0);
    assert!(noisy.regressions() <= 0.02, "{}", noisy.text());
    nights(0.03, 0.1);
}

/// Three looks together are wrong about once in twenty, not once in fourteen.
#[test]
fn a_drop_of_just_delta_fails_in_tier_2_about_once_in_twenty() {
    let found = nights_of(8_000, 0.015, 0.05).0;
    assert!((0.035..=0.055).contains(&found.regressions()), "{}", found.text());
}

/// What is told before anything runs is what then happens.
#[test]
fn the_power_foretold_from_an_aa_job_is_the_power_that_is_found() {
    for tenfold_at in TENFOLD_AT {
        let world = World { machine: Machine::Stable, bursts: Bursts::Lognormal, tenfold_at };
        let noise = aa(world, 40);
        let foretold = power(&noise, 0.1, 10);
        let finds = foretold.detected.iter().find(|one| (one.drop - 0.1).abs() < 1e-9).expect("told").share;
        let found = world.gates(0.1, 0.1, GATES).regressions();
        println!(
            "tenfold at {tenfold_at}: a pair's x deviates by {:.4} (up to {:.4}); delta from {:.3}; of a drop \
             of 10 % {finds:.3} foretold, {found:.3} found; false alarms {:.4} foretold",
            noise.deviation,
            noise.deviation_high,
            noise.least_delta(),
            foretold.false_alarms
        );
        assert!((finds - found).abs() < 0.05, "{finds} foretold, {found} found");
        assert!(noise.allows(0.1).is_ok() && noise.tier == Tier::Fast, "{noise:?}");
    }
}

fn aa(world: World, pairs: u32) -> Noise {
    let mut trials = world.start(7);
    let rules = Rules::new(0.1, STORED_OFF.exp());
    let mut done = Vec::new();
    while let Some(offer) = aa_next(&rules, pairs, &done) {
        done.push(trials.trial(offer, 0.0));
    }
    of_trials(&rules, &done).expect("the knee is in reach")
}

/// A queue of sixteen servers loses in bursts of its own, and its knee is no straight line.
#[test]
fn the_claims_hold_on_a_queue() {
    for machine in [Machine::Stable, Machine::Shared] {
        let world = World { machine, bursts: Bursts::Queue, tenfold_at: f64::NAN };
        for (drop, least, most) in [(0.0, 0.0, 0.02), (0.1, 0.85, 1.0), (0.15, 0.98, 1.0)] {
            if machine == Machine::Stable && drop > 0.1 {
                continue;
            }
            let found = world.gates(0.1, drop, QUEUE_GATES);
            println!("{machine:?}, queue: delta 0.1, drop {drop:<4}: {}", found.text());
            assert!((least..=most).contains(&found.regressions()), "{}", found.text());
            assert!(machine == Machine::Shared || found.inconclusive() <= 0.1, "{}", found.text());
        }
    }
}

#[test]
fn a_stale_breaking_point_to_begin_with_costs_trials_and_accuses_nobody() {
    for stale in [0.7, 0.8, 0.9, 1.1, 1.25, 1.4] {
        for tenfold_at in [1.03, 1.1] {
            let world = World { machine: Machine::Shared, bursts: Bursts::Lognormal, tenfold_at };
            let unchanged = world.gates_from(stale, 0.1, 0.0, GATES);
            let dropped = world.gates_from(stale, 0.1, 0.1, GATES);
            println!("{stale} of the truth, tenfold at {tenfold_at}, drop 0  : {}", unchanged.text());
            println!("{stale} of the truth, tenfold at {tenfold_at}, drop 0.1: {}", dropped.text());
            assert!(unchanged.regressions() <= 0.02, "{}", unchanged.text());
            // From further below than a fifth the pairs do not suffice to get there.
            assert!(stale < 0.75 || dropped.regressions() >= 0.85, "{}", dropped.text());
        }
    }
}

/// Other deltas: 5 % where the knee is steep enough for it, and 20 %.
#[test]
fn other_deltas_are_found_as_well() {
    for (delta, tenfold_at) in [(0.05, 1.03), (0.05, 1.06), (0.2, 1.06), (0.2, 1.15), (0.2, 1.3)] {
        for machine in [Machine::Stable, Machine::Shared] {
            let world = World { machine, bursts: Bursts::Lognormal, tenfold_at };
            let (unchanged, dropped) = (gates(world, delta, 0.0), gates(world, delta, delta));
            assert!(unchanged.regressions() <= 0.02, "{}", unchanged.text());
            assert!(dropped.regressions() >= 0.85, "{}", dropped.text());
        }
    }
}

/// Six minutes are 24 trials of 15 s: twenty, and four that are repeated.
#[test]
fn a_gate_takes_no_more_than_six_minutes_of_trials_of_fifteen_seconds() {
    for machine in [Machine::Stable, Machine::Shared] {
        let world = World { machine, bursts: Bursts::Lognormal, tenfold_at: 1.06 };
        for drop in [0.0, 0.1, 0.2] {
            let found = world.gates(0.1, drop, GATES);
            let longer = f64::from(found.longer) / f64::from(GATES);
            println!("{machine:?}, drop {drop}: {longer:.4} of the gates take more than six minutes");
            assert!(longer <= 0.01 && found.trials <= 17 * GATES, "{}", found.text());
        }
    }
}
