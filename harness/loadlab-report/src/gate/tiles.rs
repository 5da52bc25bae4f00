//! The numbers of a gate to see first.

use loadlab_analysis::gate::{
    Evidence, GateJob, Limits, Losses, NightlyRules, Ratio, Rules, SearchPair, SideLosses, bars,
};

use super::{noise, words};
use crate::{facts::Fact, figures, search::words as search_words};

/// The numbers to see first.
pub(super) fn tiles(job: &GateJob) -> Vec<Fact> {
    let mut tiles = match (job.result.decision.evidence(), &job.result.limits) {
        (Some(Evidence::Losses(losses)), Limits::Fast(rules)) => of_losses(job, losses, rules),
        (Some(Evidence::Ratio(ratio)), Limits::Nightly(rules)) => of_ratio(job, ratio, rules),
        _ => Vec::new(),
    };
    let delta = words::delta(&job.result.limits);
    let found = job.result.power.as_ref().and_then(|power| {
        let near = |drop: f64| (drop - delta).abs() < 1e-9;
        power.detected.iter().find(|one| near(one.drop)).map(|one| one.share)
    });
    let found =
        found.map_or_else(String::new, |share| format!("found in {} of such gates", noise::probable(share)));
    tiles.push(Fact::new("Drop looked for", figures::share(delta)).with(found));
    tiles
}

fn of_losses(job: &GateJob, losses: &Losses, rules: &Rules) -> Vec<Fact> {
    let (base, head) = (&losses.base, &losses.head);
    let lost = |side: &SideLosses| figures::share(side.pooled);
    let loads = |side: &SideLosses| format!("at {}", words::loads(side.load_low, side.load_high, job.axis));
    let sum = words::score(losses.score);
    let bars = bars(rules);
    let passes =
        format!("below {} for head, above {} against", words::score(bars.better), words::score(bars.worse));
    let pairs = search_words::counted(losses.pairs, "pair", "pairs");
    vec![
        Fact::new("Base lost", lost(base)).with(loads(base)),
        Fact::new("Head lost", lost(head)).with(loads(head)),
        Fact::new("Evidence", sum).with(passes),
        Fact::new("After", pairs).with(format!("head lost more in {}", losses.head_lost_more)),
    ]
}

fn of_ratio(job: &GateJob, ratio: &Ratio, rules: &NightlyRules) -> Vec<Fact> {
    let interval = format!(
        "{} to {}, a regression below {}",
        words::ratio(ratio.low),
        words::ratio(ratio.high),
        words::ratio(ratio.least)
    );
    let pairs = search_words::counted(ratio.pairs, "pair", "pairs");
    let of = format!("of searches, of at most {}", rules.pairs_max());
    let point = |of: fn(&SearchPair) -> f64| search_words::estimated(mean(job, of), job.axis);
    vec![
        Fact::new("Base breaks at", point(|pair| pair.base)).with("mean of its searches".to_owned()),
        Fact::new("Head breaks at", point(|pair| pair.head)).with("mean of its searches".to_owned()),
        Fact::new("Head over base", words::ratio(ratio.at)).with(interval),
        Fact::new("After", pairs).with(of),
    ]
}

/// The geometric mean over the searches that count: the ratio of two such means is the mean ratio.
fn mean(job: &GateJob, of: fn(&SearchPair) -> f64) -> f64 {
    let counted = job.result.searches.iter().filter(|pair| pair.x().is_some());
    let logarithms: Vec<f64> = counted.map(|pair| of(pair).ln()).collect();
    (logarithms.iter().sum::<f64>() / logarithms.len().max(1) as f64).exp()
}
