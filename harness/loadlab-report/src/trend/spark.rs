//! Numbers as a row of small bars, for a terminal and for Markdown.

/// From nothing to all.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// What marks a change, below the bar of the first result after it.
const CHANGE: char = '▲';
/// Below the other bars.
const NONE: char = ' ';

/// The newest numbers, as many as fit: bars from the least to the largest, and below them a mark for each
/// change. The second line is empty where no change is shown.
pub(crate) fn spark(values: &[f64], changes: &[usize], width: usize) -> (String, String) {
    let first = values.len().saturating_sub(width.max(1));
    let shown = &values[first..];
    let least = shown.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shown.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: &f64| {
        // Of equal numbers all bars are of half height.
        let place = if most > least { (value - least) / (most - least) } else { 0.4 };
        BARS[((place * BARS.len() as f64) as usize).min(BARS.len() - 1)]
    };
    let mark = |place: usize| if changes.contains(&(first + place)) { CHANGE } else { NONE };
    let marks: String = (0..shown.len()).map(mark).collect();
    (shown.iter().map(bar).collect(), marks.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_from_the_least_to_the_largest_and_changes_are_marked() {
        assert_eq!(spark(&[0.0, 1.0, 2.0, 7.0, 8.0], &[3], 80), ("▁▂▃██".to_owned(), "   ▲".to_owned()));
    }

    #[test]
    fn only_the_newest_are_shown_where_there_is_no_room() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(spark(&values, &[50, 98], 4), ("▁▃▆█".to_owned(), "  ▲".to_owned()));
    }

    #[test]
    fn equal_numbers_are_level_and_none_are_nothing() {
        assert_eq!(spark(&[3.0; 4], &[], 80), ("▄▄▄▄".to_owned(), String::new()));
        assert_eq!(spark(&[], &[], 80), (String::new(), String::new()));
    }
}
