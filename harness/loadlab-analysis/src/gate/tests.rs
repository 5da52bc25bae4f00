//! What holds for every gate of tier 1, whatever is lost.

use proptest::prelude::*;

use super::{
    score::{self, Outcome, Scored},
    walk::Progress,
    *,
};

const ARRIVALS: u64 = 7_000;

fn rules() -> Rules {
    Rules::new(0.1, 1_000.0)
}

/// What base and head lose in each pair: from nothing to all, each order of magnitude as often.
fn losses() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let lost = || (0.0_f64..13.0).prop_map(|power| (power.exp2() as u64 - 1).min(ARRIVALS));
    proptest::collection::vec((lost(), lost()), 10)
}

/// The trials of as many pairs, at the loads that are asked for, without stopping where it is decided.
fn trials(lost: &[(u64, u64)]) -> Vec<Done> {
    let mut done = Vec::new();
    for _ in 0..2 * lost.len() {
        let offer = Progress::of(&rules(), &done).next;
        let (base, head) = lost[offer.repetition as usize];
        let lost = if offer.side == Side::Base { base } else { head };
        done.push(Done::of(offer, ARRIVALS, lost, Validity::Valid));
    }
    done
}

fn decision(done: &[Done]) -> Decision {
    match next(&rules(), done) {
        Step::Decided(decision) => decision,
        Step::Try(offer) => panic!("{offer:?} is to be tried after {} trials", done.len()),
    }
}

/// After the fewest trials that decide.
fn early(done: &[Done]) -> (usize, Decision) {
    let decided = |trials: usize| match next(&rules(), &done[..trials]) {
        Step::Decided(decision) => Some((trials, decision)),
        Step::Try(_) => None,
    };
    (0..=done.len()).find_map(decided).expect("ten pairs decide")
}

fn kind(decision: &Decision) -> &'static str {
    match decision {
        Decision::Pass { .. } => "pass",
        Decision::Regression { .. } => "regression",
        Decision::Inconclusive { .. } => "inconclusive",
    }
}

#[test]
fn a_head_that_loses_less_passes_after_three_pairs_and_one_that_loses_more_fails_after_six() {
    let (trials_done, decision) = early(&trials(&[(100, 0); 10]));
    assert_eq!((trials_done, kind(&decision)), (6, "pass"));
    assert_eq!(
        decision.sentence(),
        "Pass: with 5.13 % less load head lost less than base (0 % of its arrivals against 1.43 %, more \
         than base in 0 of 3 pairs)."
    );
    let (trials_done, decision) = early(&trials(&[(50, 3_500); 10]));
    assert_eq!((trials_done, kind(&decision)), (12, "regression"));
}

#[test]
fn a_suspicion_after_half_of_the_pairs_has_to_stand_the_other_half() {
    let suspected = [(50, 900); 5];
    let cleared = [suspected, [(900, 50); 5]].concat();
    assert_eq!(kind(&decision(&trials(&cleared))), "inconclusive");
    let dropped = [suspected, [(100, 200); 5]].concat();
    assert_eq!(kind(&decision(&trials(&dropped))), "regression");
}

/// Base carries 0.7 %, and a neighbour spoils one of head's trials, unnoticed.
#[test]
fn one_spoilt_trial_of_five_does_not_change_the_verdict() {
    let mut lost = [(150, 5); 10];
    lost[1].1 = ARRIVALS;
    assert_eq!(kind(&decision(&trials(&lost))), "pass");
    let mut dropped = [(20, 2_000); 10];
    dropped[2].0 = ARRIVALS;
    assert_eq!(kind(&decision(&trials(&dropped))), "regression");
}

#[test]
fn a_load_out_of_reach_is_inconclusive_and_says_what_to_do() {
    let begins = |lost, with: &str| {
        let sentence = decision(&trials(&[lost; 10])).sentence();
        assert!(sentence.starts_with(with), "{sentence}");
    };
    let search = "search for it again (";
    begins(
        (ARRIVALS, ARRIVALS),
        &format!(
            "Inconclusive: base carried none of its loads, down to 622: the breaking point to begin with no \
             longer holds, {search}"
        ),
    );
    begins(
        (0, 0),
        &format!(
            "Inconclusive: base carried all of its loads, up to 1607: its breaking point is higher than the \
             one to begin with, {search}"
        ),
    );
    // Head loses more, but it carries what it is offered.
    begins((8, 60), "Inconclusive: head lost more than base, but no more than is allowed (");
}

/// All trials after the first `valid` ones are spoilt; what is said in the end, and after how many trials.
fn spoilt_after(valid: usize, spoilt: Spoilt) -> (usize, String) {
    let mut done = Vec::new();
    loop {
        match next(&rules(), &done) {
            Step::Try(offer) if done.len() < valid => {
                done.push(Done::of(offer, ARRIVALS, 0, Validity::Valid));
            }
            Step::Try(offer) => {
                done.push(Done::of(offer, ARRIVALS, ARRIVALS, Validity::Invalid(spoilt)));
            }
            Step::Decided(decision) => return (done.len(), decision.sentence()),
        }
    }
}

#[test]
fn too_many_spoilt_trials_are_no_verdict() {
    let said = "Inconclusive: 11 trials did not count, mostly because the CPU was stolen.";
    assert_eq!(spoilt_after(0, Spoilt::CpuStolen), (11, said.to_owned()));
}

#[test]
fn a_generator_that_cannot_offer_the_first_load_is_asked_three_times() {
    let said = "Inconclusive: 3 trials did not count, mostly because the generator was the limit.";
    assert_eq!(spoilt_after(0, Spoilt::GeneratorLimited), (3, said.to_owned()));
    // One that could once may be able to again.
    assert_eq!(spoilt_after(1, Spoilt::GeneratorLimited).0, 1 + 11);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stopping_early_decides_as_all_trials_do(lost in losses()) {
        let done = trials(&lost);
        let (_, early) = early(&done);
        let pairs = Progress::of(&rules(), &done).pairs;
        let scored: Vec<Scored> = pairs.iter().map(|pair| Scored::of(&rules(), pair)).collect();
        let all = match score::outcome(&rules(), &scored) {
            Outcome::Better => "pass",
            Outcome::Worse => "regression",
            Outcome::Same | Outcome::WorseWithinAllowed => "inconclusive",
        };
        prop_assert_eq!(kind(&early), all);
        prop_assert_eq!(kind(&decision(&done)), all);
    }

    #[test]
    fn more_loss_on_head_never_speaks_for_it(
        lost in losses(), more in proptest::collection::vec(0_u64..ARRIVALS, 10),
    ) {
        let worse: Vec<(u64, u64)> =
            lost.iter().zip(&more).map(|((base, head), more)| (*base, (head + more).min(ARRIVALS))).collect();
        let badness = |lost: &[(u64, u64)]| match kind(&decision(&trials(lost))) {
            "pass" => 0,
            "inconclusive" => 1,
            _ => 2,
        };
        prop_assert!(badness(&worse) >= badness(&lost));
    }

    #[test]
    fn what_head_loses_does_not_move_the_loads(lost in losses(), other in losses()) {
        let mixed: Vec<(u64, u64)> = lost.iter().zip(&other).map(|(one, other)| (one.0, other.1)).collect();
        let loads = |lost: &[(u64, u64)]| trials(lost).iter().map(|trial| trial.load).collect::<Vec<f64>>();
        prop_assert_eq!(loads(&lost), loads(&mixed));
    }

    #[test]
    fn the_pooled_loss_of_a_side_does_not_depend_on_the_order(
        losses in proptest::collection::vec(0.0_f64..1.0, 1..12), seed in 0_usize..12,
    ) {
        let mut turned = losses.clone();
        turned.rotate_left(seed % losses.len());
        turned.reverse();
        prop_assert!(score::pooled(losses.into_iter()).total_cmp(&score::pooled(turned.into_iter())).is_eq());
    }

    #[test]
    fn a_job_is_resumed_where_it_was(lost in losses(), cut in 0_usize..20, spoilt in 0_usize..20) {
        let mut done = trials(&lost);
        // A spoilt trial in between changes nothing but itself.
        done.insert(spoilt, Done { validity: Validity::Invalid(Spoilt::CpuStolen), ..done[spoilt] });
        let (_, whole) = early(&done);
        let (_, clean) = early(&trials(&lost));
        prop_assert_eq!(&whole, &clean);
        let text = serde_json::to_string(&done[..cut]).expect("written");
        let read: Vec<Done> = serde_json::from_str(&text).expect("read");
        prop_assert_eq!(next(&rules(), &read), next(&rules(), &done[..cut]));
    }
}
