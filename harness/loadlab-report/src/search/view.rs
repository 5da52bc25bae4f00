//! What is said about a search, in words: the same for every format.

use std::fmt::Write as _;

use loadlab_analysis::search::{LoadResult, Method, SearchResult, TrialResult, loads};
use serde::Serialize;

use super::{
    conclusions,
    hidden::{self, HiddenView},
    notes,
    verdict::{Verdict, verdict},
    words,
};
use crate::{
    facts::{self, Fact, Tone},
    figures::{self, NOTHING},
};

/// What the tile of the answer is called.
pub(crate) const BREAKING_POINT: &str = "Breaking point";

/// A search in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SearchView {
    /// The scenario's name.
    pub(crate) scenario: String,
    pub(crate) title: String,
    /// The answer in a word, and its tone.
    pub(crate) word: &'static str,
    pub(crate) tone: Tone,
    /// The answer in a sentence without its full stop.
    pub(crate) headline: String,
    /// What must not be overlooked.
    pub(crate) notes: Vec<String>,
    /// Few words for one line: target, seed, speed, trials, length.
    pub(crate) brief: Vec<String>,
    /// The numbers to see first.
    pub(crate) tiles: Vec<Fact>,
    /// The share that may be lost.
    pub(crate) allowed: String,
    /// So many trials make a verdict; empty for a ramp, where one does.
    pooled: String,
    /// The loads, the lowest first.
    pub(crate) loads: Vec<LoadRow>,
    /// The trials in order.
    trials: Vec<TrialRow>,
    /// How much of what is carried heals itself, if that was asked for.
    pub(crate) hidden: Option<HiddenView>,
    /// What gave way first, in sentences; empty if nothing is known of that.
    pub(crate) gave_way: String,
    /// The law of throughput, in sentences; empty without one.
    law: String,
    /// What a reader may conclude.
    pub(crate) may: Vec<String>,
    /// What not.
    pub(crate) may_not: Vec<String>,
    /// How it was searched.
    setting: Vec<Fact>,
}

/// All trials at one load, in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoadRow {
    pub(crate) load: String,
    /// How many count, and in brackets how many do not.
    pub(crate) trials: String,
    arrivals: String,
    lost: String,
    /// The share that all lost together.
    pub(crate) loss: String,
    /// From the least to the greatest of a trial.
    pub(crate) p95: String,
    pub(crate) goodput: String,
    pub(crate) standing: &'static str,
    pub(crate) tone: Tone,
}

/// A trial in words.
#[derive(Debug, Clone, Serialize)]
struct TrialRow {
    number: usize,
    /// Its folder, from the page on.
    href: String,
    load: String,
    repetition: u32,
    measured: String,
    arrivals: String,
    lost: String,
    loss: String,
    p95: String,
    goodput: String,
    verdict: &'static str,
    tone: Tone,
    note: String,
}

impl SearchView {
    /// A search, finished or not.
    pub(crate) fn of(result: &SearchResult) -> Self {
        let at_loads = loads(&result.rules, result.trials.iter().map(|one| &one.trial));
        let Verdict { word, tone, headline } = verdict(result, &at_loads);
        let (may, may_not) = conclusions::conclusions(result);
        Self {
            scenario: result.scenario.clone(),
            title: result.title.clone(),
            word,
            tone,
            headline,
            notes: notes::notes(result, &at_loads),
            brief: brief(result),
            tiles: tiles(result, &at_loads),
            allowed: figures::share(result.rules.allowed_loss.get()),
            pooled: match result.method {
                Method::Ramp => String::new(),
                Method::Mlr | Method::Bayes => {
                    words::counted(result.rules.trials_per_load, "trial", "trials")
                }
            },
            loads: at_loads.iter().map(|at| load_row(result, at)).collect(),
            trials: result
                .trials
                .iter()
                .enumerate()
                .map(|(at, one)| trial_row(result, at + 1, one))
                .collect(),
            hidden: HiddenView::of(result),
            gave_way: conclusions::gave_way(result).unwrap_or_default(),
            law: conclusions::law(result).unwrap_or_default(),
            may,
            may_not,
            setting: setting(result),
        }
    }
}

fn target(result: &SearchResult) -> String {
    match &result.target.profile {
        Some(profile) => format!("profile {profile}"),
        None => format!("target {}", result.target.base),
    }
}

fn brief(result: &SearchResult) -> Vec<String> {
    let trials = words::counted(result.trials.len() as u64, "trial", "trials");
    // While a search goes on, nobody has said how long it took.
    let took =
        if result.took_s > 0.0 { format!("{trials} in {}", figures::seconds(result.took_s)) } else { trials };
    vec![
        target(result),
        words::method(result.method).0.to_owned(),
        format!("seed {}", result.seed),
        format!("speed {}", result.speed),
        took,
    ]
}

fn tiles(result: &SearchResult, loads: &[LoadResult]) -> Vec<Fact> {
    let healing = hidden::tile(result);
    let Some(found) = &result.found else { return healing.into_iter().collect() };
    let axis = result.axis;
    let interval = words::interval(found.interval, axis);
    let mut tiles = Vec::new();
    if let (Some(estimate), false) = (found.estimate, result.method == Method::Ramp) {
        let point = Fact::new(BREAKING_POINT, words::estimated(estimate, axis));
        tiles.push(point.with(format!("95 %: {interval}")));
    }
    if let Some(at) = found.at {
        let there = loads.iter().find(|load| load.load >= at * (1.0 - 1e-9));
        let lost = there.and_then(LoadResult::loss).map_or_else(String::new, |loss| {
            let trials = there.map_or(0, |load| load.trials);
            format!("{} lost in {}", figures::share(loss), words::counted(trials, "trial", "trials"))
        });
        tiles.push(Fact::new("Highest load carried", words::load(at, axis)).with(lost));
    }
    tiles.extend(healing);
    if let Some(goodput) = found.goodput_per_s {
        tiles.push(
            Fact::new("Goodput there", words::per_second(goodput)).with("ended well and in time".to_owned()),
        );
    }
    if let Some(way) = &result.gave_way {
        let name = way.resource.clone().unwrap_or_else(|| way.mode.clone());
        tiles.push(Fact::new("Gave way first", name).with(format!("at {}", words::load(way.load, axis))));
    }
    let requests = format!("{} requests", figures::count(found.requests));
    tiles.push(Fact::new("Trials that count", figures::count(u64::from(found.trials))).with(requests));
    tiles
}

fn load_row(result: &SearchResult, at: &LoadResult) -> LoadRow {
    let p95 = |(low, high): (f64, f64)| match (figures::measured(low), figures::measured(high)) {
        (low, high) if low == high => low,
        (low, high) => format!("{low} to {high}"),
    };
    let trials = figures::count(u64::from(at.trials));
    LoadRow {
        load: words::load(at.load, result.axis),
        trials: if at.invalid > 0 { format!("{trials} (+{})", at.invalid) } else { trials },
        arrivals: figures::count(at.arrivals),
        lost: figures::count(at.lost),
        loss: at.loss().map_or_else(|| NOTHING.to_owned(), |loss| loss_text(result, loss)),
        p95: at.p95_s.map_or_else(|| NOTHING.to_owned(), p95),
        goodput: at.goodput_per_s.map_or_else(|| NOTHING.to_owned(), words::per_second),
        standing: words::standing(at.standing, result.method),
        tone: match at.standing.fails() {
            Some(false) => Tone::Good,
            Some(true) => Tone::Bad,
            None => Tone::Warn,
        },
    }
}

/// A loss never reads like the allowed share that it exceeds.
fn loss_text(result: &SearchResult, loss: f64) -> String {
    figures::observed(Some(loss), &[result.rules.allowed_loss.get()], "share")
}

fn trial_row(result: &SearchResult, number: usize, one: &TrialResult) -> TrialRow {
    let trial = &one.trial;
    let doubts = words::doubts(one);
    let (verdict, tone) = match &doubts {
        Some(_) => ("says nothing", Tone::Warn),
        None if trial.loss() > result.rules.allowed_loss.get() => ("lost too much", Tone::Bad),
        None => ("carried", Tone::Good),
    };
    let again = (!trial.recovered).then(|| "the target was not idle again after it".to_owned());
    let early = if trial.ended_early { ", ended early" } else { "" };
    let loss = (trial.arrivals > 0).then(|| trial.loss());
    TrialRow {
        number,
        href: href(&one.folder),
        load: words::load(trial.load, result.axis),
        repetition: trial.repetition,
        measured: format!("{}{early}", figures::seconds(trial.seconds)),
        arrivals: figures::count(trial.arrivals),
        lost: figures::count(trial.lost),
        loss: loss.map_or_else(|| NOTHING.to_owned(), |loss| loss_text(result, loss)),
        p95: trial.p95_s.map_or_else(|| NOTHING.to_owned(), figures::measured),
        goodput: words::per_second(trial.goodput_per_s),
        verdict,
        tone,
        note: doubts.into_iter().chain(again).collect::<Vec<_>>().join("; "),
    }
}

/// A folder beside the page. Whatever its name is, it leads nowhere else and ends no link.
pub(crate) fn href(folder: &str) -> String {
    let mut href = "./".to_owned();
    for byte in folder.trim_matches('/').bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => {
                href.push(char::from(byte));
            }
            _ => write!(href, "%{byte:02X}").expect("a string takes all text"),
        }
    }
    href + "/"
}

/// How it was searched, and on what.
fn setting(result: &SearchResult) -> Vec<Fact> {
    let (rules, times, axis) = (&result.rules, &result.times, result.axis);
    let (name, how) = words::method(result.method);
    let load = |load| words::load(load, axis);
    let late = words::late_after_s(&result.objectives).map_or_else(String::new, |bound| {
        format!(", and what ends later than {} after it was due", figures::seconds(bound))
    });
    let steps = match result.method {
        Method::Ramp => format!("steps of {}", load(rules.ramp_step)),
        Method::Mlr | Method::Bayes => {
            format!("up by a factor of {} while all pass", figures::plain(rules.expand))
        }
    };
    let mut facts = vec![
        Fact::new("Method", format!("{name}: {how}")),
        Fact::new(
            "Loads",
            format!(
                "from {} on, {} to {} allowed, {steps}",
                load(rules.start),
                load(rules.least),
                load(rules.most)
            ),
        ),
        Fact::new(
            "Lost",
            format!(
                "what fails or is never sent{late}; {} is allowed",
                figures::share(rules.allowed_loss.get())
            ),
        ),
        Fact::new("Precision", precision(result)),
        Fact::new(
            "A trial",
            format!(
                "{} ramp, {} measured, up to {} to drain",
                figures::duration(times.ramp),
                figures::duration(times.measured),
                figures::duration(times.drain)
            ),
        ),
        Fact::new("Limits", limits(result)),
        Fact::new("Objectives", result.objectives.join(", ")),
        Fact::new("Target", target(result)),
        Fact::new("Restarts", figures::count(u64::from(result.restarts))),
        Fact::new("Seed", result.seed.to_string()),
        Fact::new("Speed", facts::speed(result.speed)),
        Fact::new("Took", if result.took_s > 0.0 { figures::seconds(result.took_s) } else { String::new() }),
        Fact::new("Started", result.environment.started.clone()),
    ];
    facts.extend(facts::machine_facts(&result.environment));
    facts.push(Fact::new("Versions", facts::versions(&result.target)));
    facts.push(Fact::new("Command", result.environment.command.join(" ")));
    facts.retain(|fact| !fact.value.is_empty());
    facts
}

fn precision(result: &SearchResult) -> String {
    let wanted = figures::share(result.rules.precision);
    match (&result.found, result.method) {
        (_, Method::Ramp) => "that of its steps".to_owned(),
        (None, _) => format!("{wanted} asked for"),
        (Some(found), _) if found.reached_precision => format!("{wanted} asked for and reached"),
        (Some(_), _) => format!("{wanted} asked for and not reached"),
    }
}

fn limits(result: &SearchResult) -> String {
    let rules = &result.rules;
    let trials = words::counted(rules.trials_most, "trial", "trials");
    format!(
        "at most {trials} that count and {} that say nothing",
        figures::count(u64::from(rules.invalid_most))
    )
}

#[cfg(test)]
mod tests {
    use super::href;

    #[test]
    fn a_folder_is_a_link_from_the_page_on_and_never_a_script() {
        assert_eq!(href("trials/007"), "./trials/007/");
        assert_eq!(href("javascript:alert(1)"), "./javascript%3Aalert%281%29/");
    }
}
