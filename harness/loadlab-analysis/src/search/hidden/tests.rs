//! Searches for the hidden capacity: of a simulated retry storm, whose edge is calculated, and of targets
//! without chance.

use loadlab_record::{Aftermath, AftermathState};
use proptest::prelude::*;

use super::{
    super::{Invalid, Validity},
    storm::Storm,
    *,
};

fn told(offer: Offer, state: AftermathState) -> HiddenTrial {
    let back_after_s = (state == AftermathState::Recovered).then_some(2.0);
    let aftermath =
        Aftermath { state, before: Some(offer.load), after: None, back_after_s, note: String::new() };
    HiddenTrial {
        load: offer.load,
        repetition: offer.repetition,
        aftermath,
        validity: Validity::Valid,
        recovered: true,
        requests: 10,
    }
}

/// A target that heals up to a load, always.
fn heals_up_to(edge: f64) -> impl Fn(Offer) -> HiddenTrial {
    use AftermathState::{Metastable, Recovered};
    move |offer| told(offer, if offer.load <= edge { Recovered } else { Metastable })
}

fn searched(rules: &Rules, mut target: impl FnMut(Offer) -> HiddenTrial) -> (Vec<HiddenTrial>, HiddenFound) {
    let mut done = Vec::new();
    loop {
        match next_hidden(rules, &done) {
            HiddenStep::Try(offer) => done.push(target(offer)),
            HiddenStep::Done(found) => return (done, found),
        }
    }
}

fn rules(carried: f64) -> Rules {
    hidden_rules(&Rules::new(100.0, 10.0, 10_000.0), carried)
}

fn loads(trials: &[HiddenTrial]) -> Vec<String> {
    trials.iter().map(|trial| trial.load.to_string()).collect()
}

/// Three attempts of each arrival: a third of what the servers carry, although nine tenths are carried.
#[test]
fn the_hidden_capacity_of_a_retry_storm_is_a_third_of_what_is_carried() {
    let storm = Storm::FOUR;
    let (least, most) = storm.edge();
    let rules = rules(0.9 * storm.capacity_per_s());
    let mut near = 0;
    for seed in 0..20 {
        let (trials, found) = searched(&rules, |offer| storm.trial(seed, offer));
        let (at, down) =
            (found.at.expect("it heals somewhere"), found.stays_down_at.expect("not everywhere"));
        println!(
            "seed {seed}: heals at {at}, stays down at {down}, back after {:?} s, {} trials; the edge is {least:.1} \
             to {most:.1}",
            found.back_after_s,
            trials.len()
        );
        assert_eq!(found.reason, HiddenReason::Bracketed);
        near += u32::from(at >= least * 0.95 && at <= most && down >= least * 0.97);
    }
    assert!(near >= 19, "{near} of 20 are at the edge");
}

/// Who gives up at once feeds nothing: the trigger's end is the end of it.
#[test]
fn without_retries_all_that_is_carried_heals() {
    let storm = Storm { attempts: 1, ..Storm::FOUR };
    let carried = 0.8 * storm.capacity_per_s();
    let (trials, found) = searched(&rules(carried), |offer| storm.trial(1, offer));
    assert_eq!((found.reason, found.at, found.stays_down_at), (HiddenReason::MostHeals, Some(320.0), None));
    assert_eq!(loads(&trials), ["160", "240", "320", "320", "320"]);
    assert!(found.back_after_s.is_some_and(|back| back <= 3.0), "{found:?}");
}

#[test]
fn loads_go_up_by_factors_then_between_and_the_answer_is_confirmed() {
    let (trials, found) = searched(&rules(1000.0), heals_up_to(600.0));
    assert_eq!(loads(&trials), ["500", "750", "612.37", "553.34", "582.11", "597.05", "597.05", "597.05"]);
    assert_eq!((found.at, found.stays_down_at), (Some(597.05), Some(612.37)));
    assert_eq!((found.reason, found.back_after_s), (HiddenReason::Bracketed, Some(2.0)));
    assert_eq!((found.trials, found.requests), (8, 80));
}

#[test]
fn a_load_that_stays_down_once_is_none_to_run_at() {
    let mut tried = 0;
    let (trials, found) = searched(&rules(1000.0), |offer| {
        tried += usize::from(same(offer.load, 500.0));
        let once = same(offer.load, 500.0) && tried == 3;
        let state =
            if once || offer.load > 501.0 { AftermathState::Metastable } else { AftermathState::Recovered };
        told(offer, state)
    });
    assert!(found.at < Some(500.0) && found.stays_down_at == Some(500.0), "{found:?} {:?}", loads(&trials));
}

#[test]
fn what_comes_back_in_part_has_not_healed() {
    let degraded = |offer: Offer| {
        let state = if offer.load > 200.0 { AftermathState::Degraded } else { AftermathState::Recovered };
        told(offer, state)
    };
    let (_, found) = searched(&rules(1000.0), degraded);
    assert!(found.at <= Some(200.0) && found.stays_down_at > Some(200.0), "{found:?}");
}

#[test]
fn where_nothing_heals_the_lowest_load_is_the_last() {
    let (trials, found) = searched(&rules(1000.0), heals_up_to(1.0));
    assert_eq!(
        (found.reason, found.at, found.reached_precision),
        (HiddenReason::LeastStaysDown, None, false)
    );
    assert_eq!((found.stays_down_at, trials.len()), (Some(62.5), 7));
}

#[test]
fn trials_that_cannot_be_told_end_the_search_and_prove_nothing() {
    let (trials, found) = searched(&rules(1000.0), |offer| told(offer, AftermathState::Unknown));
    assert_eq!((found.reason, found.at, found.stays_down_at), (HiddenReason::TooManyInvalid, None, None));
    assert_eq!((found.trials, found.invalid, trials.len()), (0, 7, 7));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_edge_is_between_two_loads_that_are_close(carried in 10.0..5000.0_f64, part in 0.07..0.99_f64) {
        let rules = rules(carried);
        let edge = carried * part;
        let (trials, found) = searched(&rules, heals_up_to(edge));
        let (at, down) = (found.at.expect("it heals"), found.stays_down_at.expect("it does not"));
        prop_assert!(at <= edge && edge < down && down <= at * (1.0 + rules.precision) * 1.001);
        prop_assert!(trials.iter().all(|trial| (rules.least..=rules.most).contains(&trial.load)));
        prop_assert!(trials.len() <= 16, "{} trials", trials.len());
    }

    #[test]
    fn users_are_whole(carried in 1_u32..20, edge in 1_u32..20) {
        let of = Rules { whole: true, ..Rules::new(1.0, 1.0, 100.0) };
        let rules = hidden_rules(&of, f64::from(carried));
        prop_assert!(rules.checked().is_ok(), "{:?}", rules);
        let (trials, found) = searched(&rules, heals_up_to(f64::from(edge)));
        prop_assert!(trials.iter().all(|trial| trial.load.fract() <= 0.0));
        prop_assert_eq!(found.at, Some(f64::from(edge.min(carried))).filter(|at| *at >= rules.least), "{:?}", found);
    }

    #[test]
    fn trials_that_say_nothing_change_no_answer_and_what_was_saved_goes_on(part in 0.1..0.9_f64, every in 4_usize..9) {
        let rules = Rules { invalid_most: 100, ..rules(1000.0) };
        let target = heals_up_to(1000.0 * part);
        let (_, clean) = searched(&rules, &target);
        let mut count = 0;
        let (mut trials, found) = searched(&rules, |offer| {
            count += 1;
            if count % every > 0 { return target(offer); }
            let validity = Validity::Invalid(Invalid::GeneratorBusy);
            HiddenTrial { validity, ..told(offer, AftermathState::Metastable) }
        });
        prop_assert_eq!((found.at, found.stays_down_at, found.trials), (clean.at, clean.stays_down_at, clean.trials));
        for (done, trial) in trials.iter().enumerate() {
            let expected = Offer { load: trial.load, repetition: trial.repetition };
            prop_assert_eq!(next_hidden(&rules, &trials[..done]), HiddenStep::Try(expected));
        }
        trials.reverse();
        prop_assert_eq!(next_hidden(&rules, &trials), HiddenStep::Done(found));
    }

    /// Healing by chance: what is answered healed in every trial, whatever luck the others had.
    #[test]
    fn by_chance_the_answer_healed_each_time_and_the_search_ends(draw: u64) {
        let rules = rules(1000.0);
        let mut draw = draw;
        let (trials, found) = searched(&rules, |offer| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let state = if draw >> 62 > 0 { AftermathState::Recovered } else { AftermathState::Degraded };
            told(offer, state)
        });
        prop_assert!(trials.len() <= TRIALS_MOST as usize);
        let at_answer = trials.iter().filter(|trial| found.at.is_some_and(|at| same(at, trial.load)));
        prop_assert!(at_answer.clone().all(|trial| trial.heals() == Some(true)));
        if found.reached_precision {
            prop_assert!(at_answer.count() >= rules.trials_per_load as usize);
        }
    }
}
