//! Searches within a gate: where base breaks, to begin there; and tier 2, which searches both, again and again.

use std::time::Duration;

use loadlab_analysis::{
    gate::{NightlyRules, NightlyStep, SearchPair, Side, Spoilt, Validity, next_pair},
    search::{Found, Reason, Rules, SearchResult},
};
use loadlab_clock::Seed;

use super::{GateError, Work};
use crate::{
    conductor::{search, trials::Hands},
    output,
};

/// The search for where to begin need not be precise: the gate follows base from there.
const BEGIN_PRECISION: f64 = 0.05;
const BEGIN_TRIALS: u32 = 14;
/// That of tier 2 is, since its differences are all there is.
const PAIR_PRECISION: f64 = 0.02;
const PAIR_TRIALS: u32 = 35;
/// How much lower and higher than its first load a search goes.
const REACH: (f64, f64) = (10.0, 100.0);
/// A breaking point that is known is approached from this share of it.
const BELOW_KNOWN: f64 = 0.5;

impl Work<'_> {
    /// Base's breaking point, roughly.
    pub(super) async fn search_base(&mut self, hands: &mut Hands<'_>) -> Result<f64, GateError> {
        output::say("searching for base's breaking point, since --carried does not say it");
        let rules = self.rules(BEGIN_PRECISION, BEGIN_TRIALS);
        let found = Box::pin(self.search(Side::Base, rules, ("begin", self.job.seed), hands)).await?.found;
        let load = found.as_ref().and_then(breaking_point);
        load.ok_or_else(|| GateError::NoBreakingPoint(found.map(|found| found.reason)))
    }

    /// Tier 2: a search on each, in turn, until it is decided.
    pub(super) async fn searches(
        &mut self,
        rules: &NightlyRules,
        hands: &mut Hands<'_>,
    ) -> Result<(), GateError> {
        loop {
            let done = &self.job.result.searches;
            let NightlyStep::Search { pair, first } = next_pair(rules, done) else { return Ok(()) };
            // Spoilt pairs are repeated, in folders of their own.
            let number = done.len() + 1;
            let seed = self.job.seed.of("search", u64::from(pair), 0);
            let mut both = SearchPair { base: 0.0, head: 0.0, validity: Validity::Valid };
            for side in [first, first.other()] {
                let name = format!("{number:02}-{}", side.name());
                let asked = self.rules(PAIR_PRECISION, PAIR_TRIALS);
                let result = Box::pin(self.search(side, asked, (&name, seed), hands)).await?;
                both = with(both, side, &result);
            }
            output::say(&loadlab_report::gate_search_line(&self.job, number, &both));
            self.job.result.searches.push(both);
            self.write()?;
        }
    }

    /// One search on a site that is up.
    async fn search(
        &mut self,
        side: Side,
        rules: Rules,
        (name, seed): (&str, Seed),
        hands: &mut Hands<'_>,
    ) -> Result<SearchResult, GateError> {
        let folder = self.folder.join("searches").join(name);
        let environment = self.job.environment.clone();
        let mut plan = self.request.side(side).run.plan.clone();
        plan.seed = seed;
        let open = self.site(side);
        let searched = Box::pin(search::on_site(open, (&plan, rules), environment, &folder, hands)).await;
        let result = searched.map_err(|error| GateError::Side { side, error })?;
        self.trials_searched.push(result.trials.len());
        self.spent += Duration::from_secs_f64(result.took_s);
        Ok(result)
    }

    fn rules(&self, precision: f64, trials_most: u32) -> Rules {
        let plan = &self.request.base.run.plan;
        let whole = plan.load_axis().is_whole();
        let known = self.request.carried.map(|load| load * BELOW_KNOWN);
        let start = known.unwrap_or_else(|| self.request.first_load());
        let start = if whole { start.round().max(1.0) } else { start };
        let least = if whole { (start / REACH.0).ceil().max(1.0) } else { start / REACH.0 };
        let rules = Rules::new(start, least, start * REACH.1);
        Rules { allowed_loss: self.request.allowed, precision, trials_most, whole, ..rules }
    }
}

/// The best single number, or what was seen to be carried.
fn breaking_point(found: &Found) -> Option<f64> {
    found.estimate.or(found.at)
}

/// The pair with what a search on one side came to.
fn with(pair: SearchPair, side: Side, result: &SearchResult) -> SearchPair {
    let found = result.found.as_ref();
    let load = found.and_then(breaking_point).unwrap_or(0.0);
    let is_spoilt = found.is_some_and(|found| found.reason == Reason::TooManyInvalid);
    let spoilt = Validity::Invalid(Spoilt::GeneratorLimited);
    let pair = if is_spoilt { SearchPair { validity: spoilt, ..pair } } else { pair };
    match side {
        Side::Base => SearchPair { base: load, ..pair },
        Side::Head => SearchPair { head: load, ..pair },
    }
}
