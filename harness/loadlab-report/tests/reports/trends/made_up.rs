//! Trends of made-up nights.

use std::collections::BTreeMap;

use loadlab_analysis::trend::{Followed, LeftOut, Reading, Trends, trends};

/// What chance adds to a night: the same numbers again and again, in no order that means anything.
const NOISE: [f64; 10] = [0.004, -0.011, 0.017, -0.002, 0.009, -0.019, 0.012, 0.001, -0.008, 0.006];
const RECENT: usize = 5;

/// What a trend needs of a night's result.
fn night(day: usize, scenario: &str, level: f64) -> Reading {
    let value = level * (1.0 + NOISE[day * 7 % NOISE.len()]);
    let started = format!("2026-{:02}-{:02}T03:00:00Z", 1 + day / 28, 1 + day % 28);
    Reading {
        place: format!("{scenario}-{day:02}"),
        scenario: scenario.to_owned(),
        target: "profile baseline".to_owned(),
        started,
        seed: "1".to_owned(),
        value: Ok(value),
        unit: "s".to_owned(),
        setting: BTreeMap::from([("cores".to_owned(), "2".to_owned())]),
    }
}

fn nights(scenario: &str, levels: &[(usize, f64)]) -> Vec<Reading> {
    let each = levels.iter().flat_map(|(nights, level)| std::iter::repeat_n(*level, *nights));
    each.enumerate().map(|(day, level)| night(day, scenario, level)).collect()
}

fn p95() -> Followed {
    Followed::parse("p95").expect("a measure")
}

/// One series that was better once and is worse now, one that did not change, and one that has only begun;
/// and what is in none of them.
pub(crate) fn regressed() -> Trends {
    let mut all = nights("bursts", &[(12, 1.2), (14, 1.0), (5, 1.25)]);
    all[3].setting.insert("cores".to_owned(), "8".to_owned());
    for night in [7, 8] {
        all[night].value = Err("killed after 3.0s".to_owned());
    }
    all.extend(nights("steady", &[(20, 0.08)]));
    let mut new = nights("young", &[(4, 2.0)]);
    new[3].value = Err("the generator was the limit: too late".to_owned());
    all.extend(new);
    let unreadable = LeftOut {
        place: "torn".to_owned(),
        started: String::new(),
        why: "torn/run.json: it ends too early".to_owned(),
    };
    trends(&p95(), all, vec![unreadable], RECENT)
}

/// Breaking points that rose.
pub(crate) fn better() -> Trends {
    let search = |reading: Reading| Reading { unit: "/s".to_owned(), ..reading };
    let all = nights("capacity", &[(15, 1_400.0), (15, 1_500.0)]).into_iter().map(search).collect();
    trends(&Followed::BreakingPoint, all, Vec::new(), RECENT)
}

/// Too few to tell.
pub(crate) fn begun() -> Trends {
    trends(&p95(), nights("bursts", &[(3, 1.0)]), Vec::new(), RECENT)
}

/// With text of users that would do harm where it is not escaped.
pub(crate) fn hostile(text: &str) -> Trends {
    let mut all = nights("x", &[(10, 1.0), (10, 1.5)]);
    for night in &mut all {
        (night.scenario, night.target) = (text.to_owned(), text.to_owned());
        night.place = format!("{text}{}", night.place);
    }
    all[0].value = Err(text.to_owned());
    let unreadable = LeftOut { place: text.to_owned(), started: String::new(), why: text.to_owned() };
    trends(&p95(), all, vec![unreadable], RECENT)
}

/// Each of them, with a name for messages.
pub(crate) fn all() -> Vec<(&'static str, Trends)> {
    vec![
        ("regressed", regressed()),
        ("better", better()),
        ("begun", begun()),
        ("hostile", hostile("<i>x</i>")),
    ]
}
