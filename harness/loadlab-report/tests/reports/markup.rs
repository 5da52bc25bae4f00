//! What can be said of any page without a browser.

use std::fmt::Write as _;

/// The page without style, and with the words of its drawings in place of their paths.
pub(crate) fn readable(page: &str) -> String {
    let body = page.split("</style>").nth(1).expect("a page has a style");
    let mut parts = body.split("<svg class=\"chart");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let words = part.split_once("<desc").and_then(|(_, rest)| rest.split_once('>'));
        let words = words.and_then(|(_, rest)| rest.split_once("</desc>")).expect("a drawing has words").0;
        let rest = part.split_once("</div>\n</figure>").expect("a drawing is in a figure").1;
        write!(out, "[{words}]</div>\n</figure>{rest}").expect("a string takes all text");
    }
    out
}

/// A page works without a network.
pub(crate) fn assert_loads_nothing(name: &str, page: &str) {
    let loaders =
        [" src=", "<link", "@import", "url(http", "url(\"", "url('", "<iframe", "<img", "<script", "fetch("];
    for loads in loaders {
        assert!(!page.contains(loads), "{name}: {loads}");
    }
}

/// Every tag is closed, in order.
pub(crate) fn assert_tags_are_closed(name: &str, page: &str) {
    let written = page.split("</style>").nth(1).expect("a page has a style");
    let mut open: Vec<&str> = Vec::new();
    for tag in written.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("{name}: <{tag}"));
        let word = tag.split([' ', '\n']).next().unwrap_or_default();
        if let Some(closed) = word.strip_prefix('/') {
            if closed != "head" && closed != "html" {
                assert_eq!(open.pop(), Some(closed), "{name}: </{closed}>");
            }
        } else if !tag.ends_with('/') && word != "meta" {
            open.push(word);
        }
    }
    assert!(open.is_empty(), "{name}: {open:?}");
}
