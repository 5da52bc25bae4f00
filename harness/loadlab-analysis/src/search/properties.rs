//! What holds of every search, whatever the target does.

use proptest::prelude::*;

use super::{
    made_up::{trial, without_chance},
    simulated::searched,
    *,
};

const METHODS: [Method; 3] = [Method::Mlr, Method::Bayes, Method::Ramp];

fn method() -> impl Strategy<Value = Method> {
    (0_usize..3).prop_map(|one| METHODS[one])
}

/// A search that may take long, so that a cap does not end it.
fn patient(start: f64) -> Rules {
    Rules { trials_most: 300, ..Rules::new(start, 1.0, 100_000.0) }
}

/// The loss of a target without chance: a power of the load, allowed up to `knee`.
fn loss(load: f64, knee: f64, slope: f64) -> f64 {
    (0.01 * (load / knee).powf(slope)).min(1.0)
}

/// Trials as chance will have them, invalid ones among them.
fn chaotic(offer: Offer, draw: u64) -> Trial {
    // Any function of the load and the draw that has no pattern in it.
    let mixed = (offer.load.to_bits() ^ draw).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let lost = if mixed.trailing_zeros() >= 2 { (mixed >> 8) % 1000 } else { 0 };
    let validity =
        if mixed & 0b1_1100 == 0 { Validity::Invalid(Invalid::LateDispatch) } else { Validity::Valid };
    Trial { repetition: offer.repetition, validity, ..trial(offer.load, 1000, lost) }
}

fn is_answer(found: &Found) -> bool {
    let ordered = match (found.interval, found.estimate) {
        ((Some(low), Some(high)), Some(estimate)) => low <= estimate && estimate <= high,
        ((Some(low), Some(high)), None) => low <= high,
        _ => true,
    };
    ordered && found.reached_precision == (found.reason == Reason::Precise)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_offer_is_within_the_limits_and_every_search_ends(
        method in method(), start in 10.0..200.0_f64, draw: u64, whole: bool, trials_most in 1_u32..50,
    ) {
        let rules = Rules { trials_most, whole, ..Rules::new(start, 10.0, 200.0) };
        let mut draw = draw;
        let (trials, found) = searched(method, &rules, |offer| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            chaotic(offer, draw)
        });
        for trial in &trials {
            prop_assert!((rules.least..=rules.most).contains(&trial.load));
            prop_assert!(!whole || trial.load.fract() <= 0.0);
        }
        prop_assert!(trials.len() <= (trials_most + rules.invalid_most + 1) as usize);
        prop_assert!(is_answer(&found), "{found:?}");
    }

    #[test]
    fn without_chance_the_answer_is_as_precise_as_was_asked_for(
        start in 5.0..50.0_f64, times in 0.5..100.0_f64, slope in 10.0..300.0_f64, bayes: bool,
    ) {
        let rules = patient(start);
        let knee = start * times;
        let method = if bayes { Method::Bayes } else { Method::Mlr };
        let (_, found) =
            searched(method, &rules, |offer| without_chance(offer, loss(offer.load, knee, slope)));
        prop_assert_eq!(found.reason, Reason::Precise);
        let estimate = found.estimate.expect("a knee");
        prop_assert!((estimate / knee - 1.0).abs() <= rules.precision, "{} is not {}", estimate, knee);
        if method == Method::Mlr {
            let at = found.at.expect("a load that passes");
            prop_assert!(at <= knee * 1.0001 && at * (1.0 + rules.precision) >= knee * 0.9999, "{} {}", at, knee);
        }
    }

    /// A wall: nothing is lost up to the knee, and so much above.
    #[test]
    fn a_wall_is_found(start in 5.0..50.0_f64, times in 0.5..100.0_f64, behind in 0.05..1.0_f64) {
        let rules = patient(start);
        let knee = start * times;
        let target = |offer: Offer| without_chance(offer, if offer.load > knee { behind } else { 0.0 });
        let (_, found) = searched(Method::Mlr, &rules, target);
        prop_assert_eq!(found.reason, Reason::Precise);
        let estimate = found.estimate.expect("a knee");
        prop_assert!((estimate / knee - 1.0).abs() <= rules.precision, "{} is not {}", estimate, knee);
        let at = found.at.expect("a load that passes");
        prop_assert!(at <= knee && at * (1.0 + rules.precision) >= knee * 0.9999, "{} {}", at, knee);
    }

    /// A limit: what is offered above it is refused, and nothing else.
    #[test]
    fn a_limit_is_found(start in 5.0..50.0_f64, times in 0.5..100.0_f64, bayes: bool) {
        let rules = patient(start);
        let knee = start * times;
        let limit = 0.99 * knee;
        let method = if bayes { Method::Bayes } else { Method::Mlr };
        let target = |offer: Offer| without_chance(offer, (1.0 - limit / offer.load).max(0.0));
        let (_, found) = searched(method, &rules, target);
        prop_assert_eq!(found.reason, Reason::Precise);
        let estimate = found.estimate.expect("a knee");
        prop_assert!((estimate / knee - 1.0).abs() <= rules.precision, "{} is not {}", estimate, knee);
    }

    #[test]
    fn users_are_found_exactly(knee in 1_u32..60, start in 1_u32..10) {
        let rules = Rules { trials_most: 300, whole: true, ..Rules::new(f64::from(start), 1.0, 100.0) };
        let limit = f64::from(knee) + 0.5;
        let target = |offer: Offer| without_chance(offer, if offer.load > limit { 0.4 } else { 0.0 });
        let (_, found) = searched(Method::Mlr, &rules, target);
        prop_assert_eq!(found.at, Some(f64::from(knee)), "{:?}", found);
        prop_assert!(found.reached_precision, "{:?}", found);
    }

    #[test]
    fn invalid_trials_change_no_answer(start in 5.0..50.0_f64, times in 0.5..50.0_f64, every in 4_usize..9) {
        let rules = Rules { invalid_most: 1000, ..patient(start) };
        let target = |offer: Offer| without_chance(offer, loss(offer.load, start * times, 40.0));
        for method in METHODS {
            let (_, clean) = searched(method, &rules, target);
            let mut count = 0;
            let (_, found) = searched(method, &rules, |offer| {
                count += 1;
                let validity = if count % every == 0 {
                    Validity::Invalid(Invalid::GeneratorBusy)
                } else {
                    Validity::Valid
                };
                // An invalid trial looks as bad as can be.
                let lost = if count % every == 0 { 1.0 } else { loss(offer.load, start * times, 40.0) };
                Trial { validity, ..without_chance(offer, lost) }
            });
            prop_assert_eq!((found.at, found.estimate, found.trials), (clean.at, clean.estimate, clean.trials));
        }
    }

    #[test]
    fn a_search_that_was_saved_goes_on_where_it_was(method in method(), draw: u64) {
        let rules = Rules::new(20.0, 10.0, 200.0);
        let mut draw = draw;
        let (trials, found) = searched(method, &rules, |offer| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            chaotic(offer, draw)
        });
        let text = serde_json::to_string(&trials).expect("it is plain data");
        let mut read: Vec<Trial> = serde_json::from_str(&text).expect("it was written so");
        prop_assert_eq!(&read, &trials);
        for (done, trial) in trials.iter().enumerate() {
            let expected = Offer { load: trial.load, repetition: trial.repetition };
            prop_assert_eq!(next(method, &rules, &read[..done]), Step::Try(expected));
        }
        // In whatever order they are read.
        read.reverse();
        prop_assert_eq!(next(method, &rules, &read), Step::Done(found));
    }
}

#[test]
fn a_target_that_always_passes_ends_the_search_at_the_highest_load() {
    // The ramp has 37 steps.
    let rules = Rules { ramp_step: 5.0, ..Rules::new(20.0, 10.0, 200.0) };
    for method in METHODS {
        let (_, found) = searched(method, &rules, |offer| without_chance(offer, 0.0));
        assert_eq!((found.reason, found.at), (Reason::MostPasses, Some(200.0)), "{method:?}");
        assert_eq!(found.interval, (Some(200.0), None));
        assert!(!found.reached_precision);
    }
}

#[test]
fn a_target_that_always_fails_ends_the_search_at_the_lowest_load() {
    let rules = Rules::new(20.0, 10.0, 200.0);
    for method in [Method::Mlr, Method::Bayes] {
        let (_, found) = searched(method, &rules, |offer| without_chance(offer, 0.9));
        assert_eq!((found.reason, found.at, found.estimate), (Reason::LeastFails, None, None), "{method:?}");
        assert_eq!(found.interval, (None, Some(10.0)));
    }
}

#[test]
fn too_many_invalid_trials_end_the_search_and_are_no_fail() {
    let rules = Rules::new(20.0, 10.0, 200.0);
    // The machine may be quiet again; a generator that cannot offer the first load is asked three times.
    for (why, times) in [(Invalid::Disturbed, 7), (Invalid::LateDispatch, 3)] {
        let spoilt = |offer| Trial { validity: Validity::Invalid(why), ..without_chance(offer, 1.0) };
        let (trials, found) = searched(Method::Mlr, &rules, spoilt);
        assert_eq!((found.reason, found.at, found.interval), (Reason::TooManyInvalid, None, (None, None)));
        let loads: Vec<(f64, u32)> = trials.iter().map(|trial| (trial.load, trial.repetition)).collect();
        assert_eq!(loads, (1..=times).map(|repetition| (20.0, repetition)).collect::<Vec<_>>());
        assert_eq!((found.trials, found.invalid), (0, times));
    }
}

#[test]
fn one_trial_within_the_allowed_loss_is_enough_to_go_up_and_five_confirm_the_answer() {
    let rules = Rules { precision: 0.1, ..Rules::new(100.0, 10.0, 1000.0) };
    let target = |offer: Offer| without_chance(offer, if offer.load > 150.0 { 0.3 } else { 0.0 });
    let (trials, found) = searched(Method::Mlr, &rules, target);
    let loads: Vec<String> = trials.iter().map(|trial| trial.load.to_string()).collect();
    assert_eq!(loads[..4], ["100", "130", "169", "148.22"]);
    let at = found.at.expect("a load that passes");
    assert_eq!(trials.iter().filter(|trial| rules::same(trial.load, at)).count(), 5);
    assert_eq!(found.reason, Reason::Precise);
}
