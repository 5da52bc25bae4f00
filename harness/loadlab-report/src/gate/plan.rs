//! What a gate would do, said before it does anything.

use loadlab_analysis::gate::{
    Bought, Bound, Limits, NightlyRules, Noise, Power, Rules, bars, power as power_of,
};
use loadlab_scenario::{Plan, TrialTimes};

use super::{beside, noise, setting};
use crate::{facts::Fact, figures, search::words as search_words, terminal};

/// Drops up to so many times the one that is looked for are told.
const DROPS_MOST: f64 = 2.0;

/// What is known of a gate beforehand.
#[derive(Debug, Clone, Copy)]
pub struct GatePlan<'a> {
    /// The scenario, as base is loaded.
    pub plan: &'a Plan,
    /// Base, as the command names it.
    pub base: &'a str,
    /// Head.
    pub head: &'a str,
    /// The one thing in which they differ.
    pub factor: &'a str,
    /// What it goes by. Of tier 1, where it begins may be a guess: see [`GatePlan::searched`].
    pub limits: &'a Limits,
    /// How long trials last, as far as that is known.
    pub times: TrialTimes,
    /// Where it begins is found by a short search on base first.
    pub searched: bool,
    /// The noise of the machine, if it was measured.
    pub noise: Option<&'a Noise>,
    /// What the budget buys, if there is one.
    pub bought: Option<&'a Bought>,
    /// Bounds on head's costs.
    pub bounds: &'a [Bound],
}

/// What a gate would try, for how long, and which drop it would find how often. It ends with a line break.
pub fn plan(asked: &GatePlan<'_>) -> String {
    let title = format!("Gate of {}: {}", asked.plan.name, asked.plan.title);
    let mut facts = vec![
        Fact::new("base", asked.base),
        Fact::new("head", asked.head),
        Fact::new("differ in", asked.factor),
    ];
    facts.extend(match asked.limits {
        Limits::Fast(rules) => fast(asked, rules),
        Limits::Nightly(rules) => nightly(asked, rules),
    });
    facts.extend([
        Fact::new("finds", finds(asked)),
        Fact::new("budget", asked.bought.map_or_else(String::new, |bought| bought.sentence.clone())),
        Fact::new("bounds", bounds(asked.bounds)),
    ]);
    facts.retain(|fact| !fact.value.is_empty());
    terminal::search_plan(&title, &facts)
}

fn fast(asked: &GatePlan<'_>, rules: &Rules) -> Vec<Fact> {
    let objectives: Vec<String> = asked.plan.objectives.iter().map(loadlab_analysis::line).collect();
    vec![
        Fact::new("question", setting::asked(rules)),
        Fact::new("loads", loads(asked, rules)),
        Fact::new("lost", setting::lost(rules.allowed, &objectives)),
        Fact::new("order", "base head, head base, base head, and so on"),
        Fact::new(
            "decides",
            format!(
                "{} pairs pass a head that is clearly fine, {} decide about every other; {} of them at least \
                 must say so",
                rules.pairs,
                rules.pairs_max(),
                bars(rules).pairs
            ),
        ),
        Fact::new("trial", trial(&asked.times)),
        Fact::new("takes", takes(asked, rules)),
    ]
}

/// Where it begins, and how it goes on.
fn loads(asked: &GatePlan<'_>, rules: &Rules) -> String {
    let less = figures::share(1.0 - rules.cut());
    let begins = if asked.searched {
        "where a short search on base puts its breaking point".to_owned()
    } else {
        format!("{} for base", search_words::load(rules.carried, asked.plan.load_axis()))
    };
    format!("{begins}, {less} less for head; then up or down after what base carried")
}

fn trial(times: &TrialTimes) -> String {
    format!(
        "measures for {} or for 500 service times of the calm base where no length was set and that is longer; \
         a ramp of {} before it and up to {} to drain after it are not counted",
        figures::duration(times.measured),
        figures::duration(times.ramp),
        figures::duration(times.drain)
    )
}

/// How long the fewest and the most trials take, in real time.
fn takes(asked: &GatePlan<'_>, rules: &Rules) -> String {
    let speed = asked.plan.speed.get();
    let each = (asked.times.ramp + asked.times.measured).as_secs_f64() / speed;
    // As few pairs decide as must say the same, and outweigh all others of the first half.
    let fewest = 2 * (rules.pairs / 2 + 1);
    let most = 2 * rules.pairs_max();
    format!(
        "{} in {} at least, {} in {} at most, and up to {} that are repeated; drains and looks between trials \
         come on top",
        search_words::counted(fewest, "trial", "trials"),
        figures::seconds(each * f64::from(fewest)),
        figures::count(u64::from(most)),
        figures::seconds(each * f64::from(most)),
        figures::count(u64::from(rules.invalid_max))
    )
}

fn nightly(asked: &GatePlan<'_>, rules: &NightlyRules) -> Vec<Fact> {
    let looks: Vec<String> = rules.looks.iter().map(ToString::to_string).collect();
    vec![
        Fact::new(
            "question",
            format!(
                "is head's breaking point lower than base's by more than {}?",
                figures::share(rules.delta)
            ),
        ),
        Fact::new("searches", "one on base and one on head, in turn: each takes 20 to 40 trials"),
        Fact::new("decides", format!("after {} pairs, if it can be told by then", looks.join(", "))),
        Fact::new("trial", trial(&asked.times)),
    ]
}

/// How often which drop is found.
fn finds(asked: &GatePlan<'_>) -> String {
    let (delta, pairs) = match asked.limits {
        Limits::Fast(rules) => (rules.delta, rules.pairs_max()),
        Limits::Nightly(rules) => (rules.delta, rules.pairs_max()),
    };
    let Some(noise) = asked.noise else {
        return "not known: `loadlab gate --aa` measures how far base differs from base on this machine"
            .to_owned();
    };
    let power = power_of(noise, delta, pairs);
    format!("{} {}", noise::finds(&power), at_drops(&power, delta)).trim_end().to_owned()
}

/// How often the drops about the one that is looked for are found.
fn at_drops(power: &Power, delta: f64) -> String {
    let told = delta * 0.999..=delta * DROPS_MOST * 1.001;
    let near = power.detected.iter().filter(|one| told.contains(&one.drop));
    let told: Vec<String> =
        near.map(|one| format!("of {} {}", figures::share(one.drop), noise::probable(one.share))).collect();
    if told.is_empty() { String::new() } else { format!("Of drops it finds: {}.", told.join(", ")) }
}

fn bounds(bounds: &[Bound]) -> String {
    let told = bounds
        .iter()
        .map(|bound| format!("{} at most {}", bound.cost.name(), beside::cost(bound.cost, bound.at_most)));
    told.collect::<Vec<_>>().join(", ")
}
