//! The page, the texts and the lines of a gate, from made-up ones.

#[path = "gates/made_up.rs"]
mod made_up;

use loadlab_analysis::gate::{
    Bought, Bound, Budget, Cost, GateJob, GateVerdict, Limits, NightlyRules, Offer, Rules, Side, Tier, buys,
};
use loadlab_report::{
    GatePlan, TerminalOptions, gate_annotations, gate_html, gate_junit, gate_label, gate_line, gate_markdown,
    gate_plan, gate_search_line, gate_summary, gate_text,
};
use loadlab_scenario::{Plan, Source};
use quick_junit::{Report, TestCaseStatus};
use unicode_width::UnicodeWidthStr;

use crate::markup::{assert_loads_nothing, assert_tags_are_closed, readable};

const WIDE: TerminalOptions = TerminalOptions { width: 80, color: false };

#[test]
fn terminals_of_gates() {
    for (name, job) in made_up::all().into_iter().filter(|(name, _)| *name != "hostile") {
        insta::assert_snapshot!(format!("terminal_of_a_gate-{name}"), gate_text(&job, &WIDE));
    }
}

#[test]
fn markdown_of_gates() {
    for (name, job) in [
        ("regression", made_up::regression()),
        ("unfinished", made_up::unfinished()),
        ("nightly", made_up::nightly()),
    ] {
        insta::assert_snapshot!(format!("markdown_of_a_gate-{name}"), gate_markdown(&job));
    }
}

#[test]
fn summaries_of_gates() {
    for (name, job) in [("pass", made_up::pass()), ("nightly-open", made_up::nightly_open())] {
        insta::assert_snapshot!(format!("summary_of_a_gate-{name}"), gate_summary(&job));
    }
}

#[test]
fn pages_of_gates() {
    for (name, job) in
        [("regression", made_up::regression()), ("begun", made_up::begun()), ("nightly", made_up::nightly())]
    {
        insta::assert_snapshot!(format!("page_of_a_gate-{name}"), readable(&gate_html(&job)));
    }
}

#[test]
fn junit_of_gates() {
    for (name, job) in [
        ("regression", made_up::regression()),
        ("bound-missed", made_up::bound_missed()),
        ("unfinished", made_up::unfinished()),
    ] {
        insta::assert_snapshot!(format!("junit_of_a_gate-{name}"), gate_junit(&job));
    }
}

#[test]
fn annotations_of_all_gates() {
    let told: Vec<String> =
        made_up::all().iter().map(|(name, job)| format!("# {name}\n{}", gate_annotations(job))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_annotation_is_one_line_and_a_step_has_at_most_ten_of_a_level() {
    let mut job = made_up::slower();
    let worse = job.result.beside.measures[0].clone();
    job.result.beside.measures = (0..30)
        .map(|at| {
            let mut one = worse.clone();
            (one.measure, one.sentence) = (format!("p{at}"), format!("p{at}: 1 s\nagainst 50 % of it."));
            one
        })
        .collect();
    let told = gate_annotations(&job);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 10);
    assert!(lines.iter().all(|line| line.starts_with("::error title=loadlab gate")), "{told}");
    assert!(lines[1].ends_with("::p1: 1 s%0Aagainst 50 %25 of it."), "{told}");
    assert!(lines[9].ends_with("::21 more: see the gate's report."), "{told}");
}

#[test]
fn junit_fails_for_what_counts_against_head_and_for_nothing_else() {
    for (name, job) in made_up::all() {
        let text = gate_junit(&job);
        let report =
            Report::deserialize_from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}\n{text}"));
        let beside = &job.result.beside;
        assert_eq!(report.tests, 1 + beside.measures.len() + beside.bounds.len(), "{name}");
        let fails = matches!(job.result.verdict, GateVerdict::Regression | GateVerdict::BoundMissed);
        assert_eq!(report.failures > 0, fails, "{name}");
        assert_eq!(report.errors > 0, job.result.verdict == GateVerdict::Inconclusive, "{name}");
    }
}

#[test]
fn a_measure_that_could_not_be_told_is_skipped_and_says_why() {
    let report = Report::deserialize_from_str(&gate_junit(&made_up::bound_missed())).expect("JUnit");
    let TestCaseStatus::Skipped { message, .. } = &report.test_suites[0].test_cases[1].status else {
        panic!("it is skipped");
    };
    assert!(message.as_ref().is_some_and(|text| text.as_str().contains("too few trials")), "{message:?}");
}

#[test]
fn a_terminal_is_not_overrun() {
    for (name, job) in made_up::all() {
        for width in [48, 60, 80, 100] {
            let text = gate_text(&job, &TerminalOptions { width, color: false });
            let longest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(longest <= usize::from(width), "{name} at {width}: {longest}\n{text}");
        }
    }
}

#[test]
fn a_page_loads_nothing_and_links_only_to_folders_of_its_trials() {
    for (name, job) in made_up::all() {
        let page = gate_html(&job);
        assert_loads_nothing(name, &page);
        let links: Vec<&str> =
            page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let (searches, trials) = links.split_at(2 * job.result.searches.len());
        assert_eq!(trials.len(), job.trials.len() + job.beside.len(), "{name}: a link for each trial");
        for (link, trial) in trials.iter().zip(job.trials.iter().chain(&job.beside)) {
            let side = format!(".&#x2f;{}&#x2f;", trial.done.side.name());
            assert!(link.starts_with(&side), "{name}: {link}");
        }
        assert!(
            searches.iter().all(|link| link.starts_with(".&#x2f;searches&#x2f;0")),
            "{name}: {searches:?}"
        );
        assert!(page.len() < 120_000, "{name}: {}", page.len());
        assert_tags_are_closed(name, &page);
    }
}

/// GitHub takes comments of at most 65,536 characters.
#[test]
fn a_comment_is_short_enough_and_shows_the_verdict_first() {
    for (name, job) in made_up::all() {
        let text = gate_markdown(&job);
        assert!(text.len() < 65_536 / 2, "{name}: {}", text.len());
        assert!(text.starts_with("## loadlab gate: "), "{name}");
        let (open, closed) = (text.matches("<details").count(), text.matches("</details>").count());
        assert!(open == closed && open >= 3, "{name}: {open} and {closed}");
        assert!(!text.contains("]("), "{name}: a comment cannot link to a folder");
    }
}

#[test]
fn text_of_a_document_stays_text() {
    let hostile = made_up::hostile("<i>x</i> | `y` {{ 7777 * 7 }}\u{1b}[2J\n# z");
    let page = gate_html(&hostile);
    let written = page.split("</style>").nth(1).expect("a page has a style");
    assert!(!written.contains("<i>") && !page.contains("54439"), "markup of a user");
    assert!(page.matches("&lt;i&gt;").count() > 5, "every place that shows text was filled");
    for text in [gate_markdown(&hostile), gate_summary(&hostile)] {
        assert!(!text.contains("\n# z") && !text.contains(" | `y`"), "{text}");
        assert_eq!(text.matches("<i>").count(), text.matches("\\<i>").count(), "{text}");
    }
    assert!(!gate_text(&hostile, &WIDE).contains('\u{1b}'));
    assert!(gate_annotations(&hostile).lines().all(|line| line.starts_with("::")));
}

#[test]
fn the_moving_line_tells_how_the_evidence_stands() {
    let offer = |repetition, attempt| Offer { side: Side::Head, load: 948.683, repetition, attempt };
    assert_eq!(gate_label(&made_up::begun(), offer(0, 0)), "pair 1, head at 948.68/s");
    assert_eq!(
        gate_label(&made_up::unfinished(), offer(1, 2)),
        "pair 2, head at 948.68/s (repeated 2 times, evidence -2.0 after 1 of 10 pairs)"
    );
}

#[test]
fn the_line_after_a_trial_is_the_same_before_and_after_it_is_kept() {
    let job = made_up::regression();
    let lines: Vec<String> = (0..job.trials.len())
        .map(|at| {
            let until = |trials: usize| GateJob { trials: job.trials[..trials].to_vec(), ..job.clone() };
            let line = gate_line(&until(at), &job.trials[at]);
            assert_eq!(line, gate_line(&until(at + 1), &job.trials[at]));
            line
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_line_after_a_pair_of_searches_tells_the_ratio() {
    let job = made_up::nightly();
    let searches = job.result.searches.iter().enumerate();
    let lines: Vec<String> = searches.map(|(at, pair)| gate_search_line(&job, at + 1, pair)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn plan() -> Plan {
    let text = "title: How much the search carries\nquestion: Q?\ntarget: { url: \"http://127.0.0.1:1\" }\n\
                load: { arrivals: { rate: 1000/s, for: 60s } }\nspeed: 4\n\
                journeys: [{ name: j, steps: [{ name: s, get: / }] }]\nobjectives: [p95 < 60ms]\n";
    let none = |path: &str| Err(format!("there is no {path}"));
    loadlab_scenario::load(&Source { path: "search.yaml", text }, &[], &none).expect("it is valid")
}

#[test]
fn plans_of_gates() {
    let (plan, pass) = (plan(), made_up::pass());
    let (fast, nightly) = (Limits::Fast(Rules::new(0.1, 1_000.0)), Limits::Nightly(NightlyRules::default()));
    let noise = made_up::noise(Tier::Fast);
    let budget = Budget { minutes: 6.0, trial_s: 3.0, trials_per_search: 30.0 };
    let bought: Bought = buys(&budget, &noise, 0.1);
    let bounds = [Bound { cost: Cost::CpuSeconds, at_most: 0.6 }];
    let asked = GatePlan {
        plan: &plan,
        base: "baseline",
        head: "baseline with service.pool.max=16",
        factor: "service.pool.max=16",
        limits: &fast,
        times: pass.times,
        searched: false,
        noise: Some(&noise),
        bought: Some(&bought),
        bounds: &bounds,
    };
    let plans = [
        gate_plan(&asked),
        gate_plan(&GatePlan { searched: true, noise: None, bought: None, bounds: &[], ..asked }),
        gate_plan(&GatePlan { limits: &nightly, noise: None, bought: None, bounds: &[], ..asked }),
    ];
    insta::assert_snapshot!(plans.join("\n"));
}
