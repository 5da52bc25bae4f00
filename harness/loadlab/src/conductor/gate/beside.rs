//! What else became worse: trials of both at one load, after the breaking point is decided.

use loadlab_analysis::{
    gate::{self, Decision, Done, GateTrial, Offer, Rules, SecondaryRules, Seen, Side, Usage, Validity, Why},
    seconds_text,
};

use super::{GateError, Purpose, Work, gate_trial};
use crate::{conductor::trials::Hands, output};

/// The load, as a share of base's last carried one. At the breaking point itself waiting times differ from
/// trial to trial by more than any change that is looked for.
const LOAD_SHARE: f64 = 0.8;
/// A spoilt trial is made so often; then its pair has one less.
const ATTEMPTS: u32 = 3;

impl Work<'_> {
    /// Compares both at one load, unless nothing that is found could matter any more.
    pub(super) async fn beside(&mut self, rules: &Rules, hands: &mut Hands<'_>) -> Result<(), GateError> {
        let asked = &self.request.beside;
        let is_asked = asked.pairs > 0 && self.request.purpose == Purpose::Decide;
        if !is_asked || is_settled(&self.job.result.decision) {
            return Ok(());
        }
        let done: Vec<Done> = self.job.trials.iter().map(|one| one.done).collect();
        let Some(load) = load(rules, &done) else {
            output::say("base carried none of its loads, so nothing is compared beside the breaking point");
            return Ok(());
        };
        let (mut base, mut head) = (Vec::new(), Vec::new());
        for pair in 0..asked.pairs {
            let first = Side::first_of(pair);
            for side in [first, first.other()] {
                let offer = Offer { side, load, repetition: pair, attempt: 0 };
                let seen = self.counted(offer, hands).await?;
                match side {
                    Side::Base => base.extend(seen),
                    Side::Head => head.extend(seen),
                }
            }
        }
        let measures = gate::measured(&base, &head, asked.margins);
        let usages: Vec<Usage> = head.iter().map(|seen| seen.usage).collect();
        let beside = &mut self.job.result.beside;
        beside.measures = gate::secondary(&SecondaryRules::default(), &measures);
        beside.bounds = gate::bounds(&usages, &asked.bounds);
        self.write()
    }

    fn label(&self, offer: Offer) -> String {
        format!(
            "beside the breaking point, pair {} of {}, {} at {:.1}{}",
            offer.repetition + 1,
            self.request.beside.pairs,
            offer.side.name(),
            offer.load,
            self.job.axis.unit()
        )
    }

    /// A trial that counts, if one of a few does.
    async fn counted(&mut self, offer: Offer, hands: &mut Hands<'_>) -> Result<Option<Seen>, GateError> {
        for attempt in 0..ATTEMPTS {
            let offer = Offer { attempt, ..offer };
            let label = self.label(offer);
            let tried = self.one(offer, ("beside", f64::INFINITY, &label), hands).await?;
            let trial = gate_trial(offer, &tried);
            output::say(&line(&label, &trial));
            let counts = trial.done.validity == Validity::Valid;
            self.job.beside.push(trial);
            self.write()?;
            if counts {
                return Ok(Some(Seen::of(&tried.run)));
            }
        }
        Ok(None)
    }
}

/// What came of a trial.
fn line(label: &str, trial: &GateTrial) -> String {
    let Done { lost, arrivals, .. } = trial.done;
    let p95 = trial.p95_s.map(|p95| format!(", p95 {}", seconds_text(p95))).unwrap_or_default();
    let why = trial.done.spoilt().map(|why| format!("; does not count ({})", why.text()));
    format!("{label}: lost {lost} of {arrivals}{p95}{}", why.unwrap_or_default())
}

/// A regression stays one, and what could not be measured will not be now.
const fn is_settled(decision: &Decision) -> bool {
    matches!(
        decision,
        Decision::Regression { .. }
            | Decision::Inconclusive { why: Why::TooManyInvalid { .. } | Why::EndedEarly, .. }
    )
}

/// A part of the last load that base carried.
fn load(rules: &Rules, done: &[Done]) -> Option<f64> {
    let carried =
        |one: &&Done| one.side == Side::Base && one.spoilt().is_none() && one.loss() <= rules.allowed;
    let load = done.iter().rev().find(carried)?.load * LOAD_SHARE;
    Some(if rules.whole { load.round().max(1.0) } else { load })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(side: Side, load: f64, lost: u64) -> Done {
        Done::of(Offer { side, load, repetition: 0, attempt: 0 }, 1_000, lost, Validity::Valid)
    }

    #[test]
    fn the_load_is_a_part_of_the_last_one_that_base_carried() {
        let rules = Rules::new(0.1, 100.0);
        let trials = [
            done(Side::Base, 100.0, 10),
            done(Side::Head, 95.0, 0),
            done(Side::Base, 110.0, 11),
            done(Side::Head, 104.0, 0),
        ];
        assert_eq!(load(&rules, &trials), Some(80.0));
        assert_eq!(load(&rules, &trials[1..]), None);
    }
}
