//! The page, the text and the lines of a search, from made-up ones.

#[path = "searches/made_up.rs"]
mod made_up;

use loadlab_analysis::search::{HiddenResult, Method, Offer, Rules, SearchResult};
use loadlab_report::{
    TerminalOptions, hidden_label, hidden_line, search_html, search_markdown, search_plan, search_text,
    trial_label, trial_line,
};
use loadlab_scenario::{Plan, Source};
use unicode_width::UnicodeWidthStr;

use crate::markup::{assert_loads_nothing, assert_tags_are_closed, readable};

const WIDE: TerminalOptions = TerminalOptions { width: 80, color: false };

fn offer(load: f64, repetition: u32) -> Offer {
    Offer { load, repetition }
}

#[test]
fn terminal_of_a_search() {
    insta::assert_snapshot!(search_text(&made_up::found(), &WIDE));
}

#[test]
fn terminal_of_an_unfinished_search() {
    insta::assert_snapshot!(search_text(&made_up::unfinished(), &WIDE));
}

#[test]
fn markdown_of_a_search() {
    insta::assert_snapshot!(search_markdown(&made_up::found()));
}

#[test]
fn markdown_of_an_unfinished_search() {
    insta::assert_snapshot!(search_markdown(&made_up::unfinished()));
}

/// The part of each format that tells how much heals itself.
#[test]
fn hidden_capacity_in_all_formats() {
    let result = made_up::healing();
    let (page, text) = (readable(&search_html(&result)), search_markdown(&result));
    let section = page.split("<section id=\"hidden\">").nth(1).expect("a section of its own");
    let section = section.split("</section>").next().unwrap_or_default();
    let told = text.split("## Hidden capacity").nth(1).expect("a heading of its own");
    let told = told.split("\n## ").next().unwrap_or_default();
    let terminal = search_text(&result, &WIDE);
    let parts: Vec<&str> = terminal.split("\n\n").filter(|part| part.starts_with("Hidden")).collect();
    insta::assert_snapshot!([section, told, &parts.join("\n\n")].join("\n----\n"));
}

#[test]
fn a_given_capacity_is_told_as_given_and_not_as_a_search_that_failed() {
    let text = search_text(&made_up::given(), &WIDE);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.starts_with("GIVEN sixteen-servers"), "{text}");
    assert!(text.contains("1,474.8/s was given as what is carried"), "{text}");
    assert!(text.contains("No breaking point: what is carried was given and not tried."), "{text}");
    assert!(!search_html(&made_up::given()).contains("id=\"over-load\""));
}

#[test]
fn the_line_after_a_trial_with_a_trigger_tells_what_became_of_it() {
    let hidden = made_up::healing().hidden.expect("it was asked for");
    let axis = made_up::healing().axis;
    let before = HiddenResult { trials: hidden.trials[..1].to_vec(), ..hidden.clone() };
    assert_eq!(hidden_label(&before, axis, offer(491.6, 1)), "trial 2 with the trigger, at 491.6/s");
    assert_eq!(
        hidden_line(&before, axis, &hidden.trials[1]),
        "trial 2 with the trigger, at 491.6/s: healed itself after 1 s, goodput 491.6/s before and 490.8/s at \
         the end"
    );
}

#[test]
fn page_of_a_search() {
    insta::assert_snapshot!(readable(&search_html(&made_up::found())));
}

#[test]
fn page_of_an_unfinished_search() {
    insta::assert_snapshot!(readable(&search_html(&made_up::unfinished())));
}

/// The head of every search in the terminal: its answer, the numbers, and what must not be overlooked.
#[test]
fn answers_of_all_searches() {
    let head = |result: &SearchResult| {
        let text = search_text(result, &WIDE);
        text.split("\n\n").next().unwrap_or_default().to_owned()
    };
    let heads: Vec<String> =
        made_up::all().iter().map(|(name, one)| format!("# {name}\n{}", head(one))).collect();
    insta::assert_snapshot!(heads.join("\n\n"));
}

#[test]
fn a_terminal_is_not_overrun_and_colour_adds_nothing_but_colour() {
    for (name, result) in made_up::all() {
        for width in [48, 60, 80, 100] {
            let options = TerminalOptions { width, color: false };
            let text = search_text(&result, &options);
            let longest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(longest <= usize::from(width), "{name} at {width}: {longest}\n{text}");
            let coloured = search_text(&result, &TerminalOptions { color: true, ..options });
            let plain: String = coloured
                .split('\u{1b}')
                .enumerate()
                .map(
                    |(at, part)| {
                        if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) }
                    },
                )
                .collect();
            assert!(plain == text && coloured.len() > text.len(), "{name} at {width}");
        }
    }
}

#[test]
fn a_page_loads_nothing_and_links_only_to_folders_beside_it() {
    for (name, result) in made_up::all() {
        let page = search_html(&result);
        assert_loads_nothing(name, &page);
        let links: Vec<&str> =
            page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let healing = result.hidden.as_ref().map_or(0, |hidden| hidden.trials.len());
        assert_eq!(links.len(), result.trials.len() + healing, "{name}: a link for each trial");
        assert!(links.iter().all(|link| link.starts_with(".&#x2f;")), "{name}: {links:?}");
        assert!(page.len() < 120_000, "{name}: {}", page.len());
    }
}

#[test]
fn text_of_a_document_stays_text() {
    let hostile = made_up::hostile("<i>x</i> | `y` {{ 7777 * 7 }}\u{1b}[2J\n# z");
    let (page, text) = (search_html(&hostile), search_markdown(&hostile));
    let written = page.split("</style>").nth(1).expect("a page has a style");
    assert!(!written.contains("<i>") && !page.contains("54439"), "markup of a user");
    assert!(page.matches("&lt;i&gt;").count() > 5, "every place that shows text was filled");
    assert!(!text.contains("\n# z") && !text.contains(" | `y`"), "{text}");
    assert!(!search_text(&hostile, &WIDE).contains('\u{1b}'));
}

#[test]
fn tags_are_closed_in_order() {
    for (name, result) in made_up::all() {
        assert_tags_are_closed(name, &search_html(&result));
    }
}

/// The words of a plot.
fn plot(page: &str, id: &str) -> String {
    let figure =
        page.split(&format!("id=\"plot-{id}\"")).nth(1).unwrap_or_else(|| panic!("there is no {id}"));
    figure.split("</figure>").next().unwrap_or(figure).to_owned()
}

#[test]
fn each_trial_is_a_dot_and_what_is_too_high_for_the_axis_is_counted() {
    let page = search_html(&made_up::found());
    let loss = plot(&page, "search-loss");
    for told in [
        "carried: 13 points from 0 % to 0.88 %.",
        "says nothing: 2 points",
        "lost more than 10 %: 2 points from 10.5 % to 34.4 %.",
        "ends at 10\u{a0}%, ten times what is allowed. 2 trials that lost more are rings at its edge.",
        "Shaded: where the breaking point is, with 95\u{a0}%.",
        "A line marks 1 % (1 % allowed).",
    ] {
        assert!(loss.contains(told), "{told}\n{loss}");
    }
    assert_eq!(loss.matches("<rect class=\"band interval\"").count(), 1);
    let near = plot(&page, "search-near");
    assert!(near.contains("6 trials at loads further away are not shown."), "{near}");
    assert!(plot(&page, "search-p95").contains("late after 60 ms"));
    assert!(plot(&page, "search-throughput").contains("session pool: at most 1,600/s"));
    assert!(!plot(&page, "search-knee").contains("class=\"band"), "the interval is one of loads");
}

#[test]
fn loads_far_above_the_breaking_point_are_left_out_and_said() {
    let page = search_html(&made_up::imprecise());
    assert!(plot(&page, "search-loss").contains("3 trials above 3,080&#x2f;s are not shown."));
}

#[test]
fn the_moving_line_tells_the_bracket_as_far_as_it_is_known() {
    let (mut result, eight) = (made_up::begun(), made_up::unfinished());
    assert_eq!(trial_label(&result, offer(372.0, 1)), "trial 1 at 372/s");
    result.trials = eight.trials[..6].to_vec();
    assert_eq!(trial_label(&result, offer(1795.6, 1)), "trial 7 at 1,795.6/s (above 1,381.2)");
    assert_eq!(
        trial_label(&eight, offer(1474.8, 2)),
        "trial 9 at 1,474.8/s (repetition 2, between 1,381.2 and 1,574.8)"
    );
    let users = made_up::fails_at_once();
    assert_eq!(trial_label(&users, offer(1.0, 2)), "trial 5 at 1 user (repetition 2, below 1)");
}

#[test]
fn the_line_after_a_trial_tells_what_it_lost_and_how_the_bracket_closed() {
    let found = made_up::found();
    let lines: Vec<String> = (0..found.trials.len())
        .map(|at| {
            let before = SearchResult { trials: found.trials[..at].to_vec(), ..found.clone() };
            let line = trial_line(&before, &found.trials[at]);
            let after = SearchResult { trials: found.trials[..=at].to_vec(), ..found.clone() };
            assert_eq!(line, trial_line(&after, &found.trials[at]), "it is the same once the trial is kept");
            line
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

fn plan(load: &str, more: &str) -> Plan {
    let text = format!(
        "title: Sixteen servers\nquestion: Q?\ntarget: {{ url: \"http://127.0.0.1:1\" }}\nload: {load}\n\
         journeys: [{{ name: j, steps: [{{ name: s, get: / }}] }}]\nobjectives: [p95 < 60ms]\n{more}"
    );
    let none = |path: &str| Err(format!("there is no {path}"));
    loadlab_scenario::load(&Source { path: "sixteen.yaml", text: &text }, &[], &none).expect("it is valid")
}

#[test]
fn plans_of_searches() {
    let rate = plan("{ arrivals: { rate: 1488/s, for: 60s } }", "speed: 4\n");
    let users = plan("{ users: { count: 20, for: 60s } }", "");
    let whole = Rules { whole: true, ..Rules::new(5.0, 1.0, 8.0) };
    let plans = [
        search_plan(&rate, Rules::new(372.0, 37.2, 37_200.0), Method::Mlr),
        search_plan(&rate, Rules { ramp_step: 200.0, ..Rules::new(200.0, 37.2, 37_200.0) }, Method::Ramp),
        search_plan(&users, whole, Method::Bayes),
    ];
    insta::assert_snapshot!(plans.join("\n"));
}
