//! The page, the text and the lines of trends, from made-up nights.

#[path = "trends/made_up.rs"]
pub(crate) mod made_up;

use loadlab_report::{TerminalOptions, trend_html, trend_markdown, trend_text};
use unicode_width::UnicodeWidthStr;

use crate::markup::{assert_loads_nothing, assert_tags_are_closed, readable};

const WIDE: TerminalOptions = TerminalOptions { width: 80, color: false };

#[test]
fn terminal_of_a_regression() {
    insta::assert_snapshot!(trend_text(&made_up::regressed(), &WIDE));
}

#[test]
fn terminal_of_breaking_points_that_rose_and_of_too_few_results() {
    let both = [made_up::better(), made_up::begun()].map(|trends| trend_text(&trends, &WIDE));
    insta::assert_snapshot!(both.join("\n"));
}

#[test]
fn markdown_of_a_regression() {
    insta::assert_snapshot!(trend_markdown(&made_up::regressed()));
}

#[test]
fn page_of_a_regression() {
    insta::assert_snapshot!(readable(&trend_html(&made_up::regressed())));
}

#[test]
fn a_terminal_is_not_overrun() {
    for (name, trends) in made_up::all() {
        for width in [48, 60, 80, 100] {
            let text = trend_text(&trends, &TerminalOptions { width, color: false });
            let longest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(longest <= usize::from(width), "{name} at {width}: {longest}\n{text}");
        }
    }
}

#[test]
fn a_page_loads_nothing_and_its_tags_are_closed_in_order() {
    for (name, trends) in made_up::all() {
        let page = trend_html(&trends);
        assert_loads_nothing(name, &page);
        assert_tags_are_closed(name, &page);
        assert!(!page.contains("href=") && page.len() < 60_000, "{name}: {}", page.len());
    }
}

#[test]
fn text_of_users_stays_text() {
    let hostile = made_up::hostile("<i>x</i> | `y` {{ 7777 * 7 }}\u{1b}[2J\n# z");
    let (page, text) = (trend_html(&hostile), trend_markdown(&hostile));
    let written = page.split("</style>").nth(1).expect("a page has a style");
    assert!(!written.contains("<i>") && !page.contains("54439"), "markup of a user");
    assert!(page.matches("&lt;i&gt;").count() > 5, "every place that shows text was filled");
    assert!(!text.contains("\n# z") && !text.contains(" | `y`"), "{text}");
    assert!(!trend_text(&hostile, &WIDE).contains('\u{1b}'));
}

#[test]
fn each_series_is_drawn_with_its_levels_and_changes() {
    let page = trend_html(&made_up::regressed());
    assert_eq!(page.matches("<svg class=\"chart").count(), 3, "one for each series");
    let drawn = page.split("<svg class=\"chart").nth(1).and_then(|rest| rest.split("</figure>").next());
    let drawn = drawn.expect("the first");
    assert_eq!(drawn.matches("class=\"mark\"").count(), 2, "{drawn}");
    assert!(drawn.contains("result: 28 points"), "{drawn}");
}
