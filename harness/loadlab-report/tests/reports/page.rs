//! The page, by what can be said of it without a browser.

use loadlab_record::RunFile;
use loadlab_report::html;

use crate::fixtures::{self, HOSTILE};

/// Most bytes of the page of a usual run.
const USUAL_BYTES_MAX: usize = 150_000;
/// Most bytes of any page.
const BYTES_MAX: usize = 400_000;

/// The drawings of a page: each `<svg class="chart …">` with all that is in it.
fn charts(page: &str) -> Vec<&str> {
    page.split("<svg class=\"chart")
        .skip(1)
        .map(|rest| rest.split("</figure>").next().unwrap_or(rest))
        .collect()
}

/// The headings of the plots of a page.
fn plots(page: &str) -> Vec<&str> {
    let figures = page.split("<figure ").skip(1);
    figures
        .filter_map(|figure| figure.split_once("<h3>")?.1.split_once("</h3>"))
        .map(|(title, _)| title)
        .collect()
}

/// The page without what the program itself put into it.
fn written(page: &str) -> &str {
    page.split("</style>").nth(1).unwrap_or(page).split("<script>").next().unwrap_or(page)
}

#[test]
fn the_page_loads_nothing() {
    for (name, run) in fixtures::all() {
        let page = html(&run);
        for loads in [
            " src=", "<link", "@import", "url(http", "url(\"", "url('", "<iframe", "<img", "fetch(",
            "import(",
        ] {
            assert!(!page.contains(loads), "{name}: {loads}");
        }
        for link in page.split("href=\"").skip(1) {
            assert!(link.starts_with('#'), "{name}: {}", &link[..link.len().min(40)]);
        }
    }
}

#[test]
fn every_plot_has_a_title_a_description_and_named_axes() {
    let page = html(&fixtures::burst());
    let charts = charts(&page);
    assert_eq!(charts.len(), 11);
    for chart in charts {
        let words = |tag: &str| {
            let (_, rest) = chart.split_once(&format!("<{tag} id=")).expect("it is there");
            rest.split_once('>').and_then(|(_, rest)| rest.split_once("</")).expect("it ends").0
        };
        assert!(words("title").len() > 3, "{chart}");
        assert!(words("desc").contains(" over "), "{chart}");
        assert_eq!(chart.matches("<text class=\"axis").count(), 2, "{chart}");
        assert!(chart.contains("<path"), "{chart}");
    }
}

#[test]
fn every_plot_over_time_is_shaded_with_the_health_states_and_marked_with_the_events() {
    let run = fixtures::burst();
    let page = html(&run);
    let over_time = page.split("id=\"over-time\"").nth(1).and_then(|rest| rest.split("</section>").next());
    let over_time = over_time.expect("the section");
    let drawn = charts(over_time);
    assert_eq!(drawn.len(), 10);
    for chart in drawn {
        assert_eq!(chart.matches("<rect class=\"band ").count(), run.health.len(), "{chart}");
        assert!(chart.contains("class=\"mark\""), "{chart}");
    }
    assert!(over_time.contains("phase: drain"));
}

#[test]
fn what_a_plot_shows_is_said_in_words() {
    let page = html(&fixtures::burst());
    let pool = charts(&page).into_iter().find(|chart| chart.contains("pool-title")).expect("the pool's plot");
    assert!(pool.contains("waiting for a session: from 0 to 80, highest at"), "{pool}");
    assert!(pool.contains("sessions busy: from 0 to 20"), "{pool}");
    assert!(pool.contains("A line marks 20 (largest pool: 20)"), "{pool}");
}

#[test]
fn the_verdict_the_objectives_and_the_documented_outcomes_are_told() {
    let page = html(&fixtures::burst());
    for told in [
        "<title>FAIL · 100-concurrent · loadlab</title>",
        "2 of 2 objectives missed",
        "<code>p95 &lt; 7s</code>",
        "4 of 6 reproduced",
        "100 scheduled = 89 ended well + 11 failed + 0 never sent + 0 under way at the end",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(html(&fixtures::calm()).contains("<title>PASS · "), "a calm run passes");
}

#[test]
fn text_of_users_is_text_on_the_page() {
    let page = html(&fixtures::hostile());
    let written = written(&page);
    assert!(!written.contains("<script") && !written.contains("<i>"), "markup of a user");
    assert!(!written.contains(HOSTILE));
    assert!(!written.contains("54439"), "a user's braces are no template");
    assert!(
        written.matches("&lt;script&gt;").count() > 15,
        "every place that shows text of users was filled"
    );
}

#[test]
fn a_run_that_was_killed_at_once_has_a_page_without_plots_that_says_so() {
    let page = html(&fixtures::killed_at_once());
    assert_eq!(plots(&page), Vec::<&str>::new());
    for said in [
        "INCONCLUSIVE",
        "Response time over time is left out: no arrival ended.",
        "The latency distribution is left out: nothing was measured.",
        "Left out, since the target did not publish what they show: the session pool (pool_sessions_busy), ",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("class=\"tiles\""), "there is nothing to see first");
}

#[test]
fn a_foreign_target_has_the_plots_of_the_load_and_a_sentence_for_each_other() {
    let page = html(&fixtures::foreign());
    assert_eq!(
        plots(&page),
        [
            "Response time",
            "Throughput and outcome",
            "Under way",
            "Streams: first event and gaps",
            "Distribution of latencies"
        ]
    );
    let (_, left_out) = page.split_once("did not publish what they show: ").expect("a sentence says so");
    let left_out = left_out.split_once(".</p>").expect("it ends").0;
    assert_eq!(left_out.matches(" (").count(), 6, "{left_out}");
    assert!(!page.contains("Documented outcome"), "nothing is documented");
}

#[test]
fn a_run_that_was_killed_midway_shows_what_was_measured() {
    let page = html(&fixtures::killed_midway());
    assert!(plots(&page).contains(&"Session pool"));
    assert!(page.contains("the run was killed"));
    assert!(page.contains("under way at the end"));
}

#[test]
fn pages_stay_small() {
    let bytes = |run: &RunFile| html(run).len();
    let usual = bytes(&fixtures::burst());
    assert!(usual < USUAL_BYTES_MAX, "{usual}");
    let long = bytes(&fixtures::long());
    assert!(long < BYTES_MAX, "{long}");
}

#[test]
fn tags_are_closed_in_order() {
    for (name, run) in fixtures::all() {
        let page = html(&run);
        let mut open: Vec<&str> = Vec::new();
        for tag in written(&page).split('<').skip(1) {
            let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("{name}: <{tag}"));
            let word = tag.split([' ', '\n']).next().unwrap_or_default();
            if let Some(closed) = word.strip_prefix('/') {
                // The head was cut off with the style.
                if closed != "head" && closed != "html" {
                    assert_eq!(open.pop(), Some(closed), "{name}: </{closed}>");
                }
            } else if !tag.ends_with('/') && !["meta", "br"].contains(&word) {
                open.push(word);
            }
        }
        assert_eq!(open, ["body"], "{name}: the script stands before the end of the body");
    }
}

#[test]
fn the_arms_of_a_split_run_are_drawn_and_those_of_another_are_not_missed() {
    let page = html(&fixtures::split());
    assert_eq!(plots(&page)[..2], ["Control and experiment", "Control and experiment: failed"]);
    assert!(
        page.contains("<section id=\"arms\">") && page.contains("A difference is shown: in the experiment")
    );
    let page = html(&fixtures::calm());
    assert!(!page.contains("Control and experiment") && !page.contains("id=\"arms\""));
}

#[test]
fn the_steady_state_is_a_table_of_three_periods() {
    let page = html(&fixtures::faulted());
    let (_, table) = page.split_once("id=\"steady-state\"").expect("a section");
    let table = table.split("</section>").next().unwrap_or(table);
    for words in
        ["holds", "does not hold", "unknown", "11 s", "not by the end", "did not hold during the faults"]
    {
        assert!(table.contains(words), "{words}: {table}");
    }
    assert!(!html(&fixtures::calm()).contains("steady-state"), "without conditions there is none");
}
