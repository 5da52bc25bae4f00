//! The page, the text and the lines of a comparison, from made-up runs.

#[path = "comparisons/made_up.rs"]
pub(crate) mod made_up;

use loadlab_report::{TerminalOptions, comparison_html, comparison_markdown, comparison_text};
use unicode_width::UnicodeWidthStr;

use crate::markup::{assert_loads_nothing, assert_tags_are_closed, readable};

const WIDE: TerminalOptions = TerminalOptions { width: 100, color: false };

#[test]
fn terminal_of_a_comparison() {
    insta::assert_snapshot!(comparison_text(&made_up::repeated(), &WIDE));
}

#[test]
fn terminal_of_a_comparison_without_intervals() {
    insta::assert_snapshot!(comparison_text(&made_up::single(), &WIDE));
}

#[test]
fn terminal_of_the_same_again() {
    insta::assert_snapshot!(comparison_text(&made_up::same(), &TerminalOptions { width: 60, ..WIDE }));
}

#[test]
fn markdown_of_a_comparison() {
    insta::assert_snapshot!(comparison_markdown(&made_up::repeated()));
}

#[test]
fn page_of_a_comparison() {
    insta::assert_snapshot!(readable(&comparison_html(&made_up::repeated())));
}

#[test]
fn page_of_a_comparison_without_intervals() {
    insta::assert_snapshot!(readable(&comparison_html(&made_up::single())));
}

#[test]
fn a_terminal_is_not_overrun() {
    for (name, comparison) in made_up::all() {
        for width in [48, 60, 80, 100] {
            let text = comparison_text(&comparison, &TerminalOptions { width, color: false });
            let longest = text.lines().map(UnicodeWidthStr::width).max().unwrap_or(0);
            assert!(longest <= usize::from(width), "{name} at {width}: {longest}\n{text}");
        }
    }
}

#[test]
fn a_page_loads_nothing_and_its_tags_are_closed_in_order() {
    for (name, comparison) in made_up::all() {
        let page = comparison_html(&comparison);
        assert_loads_nothing(name, &page);
        assert_tags_are_closed(name, &page);
        assert!(!page.contains("href=") && page.len() < 80_000, "{name}: {}", page.len());
    }
}

#[test]
fn text_of_users_stays_text() {
    let hostile = made_up::hostile("<i>x</i> | `y` {{ 7777 * 7 }}\u{1b}[2J\n# z");
    let (page, text) = (comparison_html(&hostile), comparison_markdown(&hostile));
    let written = page.split("</style>").nth(1).expect("a page has a style");
    assert!(!written.contains("<i>") && !page.contains("54439"), "markup of a user");
    assert!(page.matches("&lt;i&gt;").count() > 6, "every place that shows text was filled");
    assert!(!text.contains("\n# z") && !text.contains(" | `y`"), "{text}");
    assert!(!comparison_text(&hostile, &WIDE).contains('\u{1b}'));
}

#[test]
fn both_curves_and_the_shift_with_its_intervals_are_drawn() {
    let page = comparison_html(&made_up::repeated());
    let plot = |id: &str| {
        let figure = page.split(&format!("id=\"plot-{id}\"")).nth(1).expect(id);
        figure.split("</figure>").next().unwrap_or(figure).to_owned()
    };
    let distribution = plot("comparison-distribution");
    for told in
        ["took at most so long (%) over response time.", "before: from 1 % to 100 %", "after: from 1 %"]
    {
        assert!(distribution.contains(told), "{told}\n{distribution}");
    }
    let shift = plot("comparison-shift");
    for told in ["interval, 95 % each: between -", "after − before: from -", "no difference: 0 s throughout."]
    {
        assert!(shift.contains(told), "{told}\n{shift}");
    }
    let bars = shift.split("class=\"bars s1 soft\" d=\"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(bars.expect("the intervals").matches('z').count(), 9, "{shift}");
    let single = comparison_html(&made_up::single());
    assert!(!single.contains("interval, 95 % each"), "one run each has no interval");
}
