//! What is said about trends, in words: the same for every format.

use std::collections::BTreeMap;

use loadlab_analysis::trend::{ChangePoint, Direction, LeftOut, Series, Standing, Trends};
use serde::Serialize;

use crate::{
    comparison::relative,
    facts::Tone,
    figures::{self, NOTHING},
};

/// Places that are listed of results left out for one reason.
const PLACES_TOLD: usize = 5;

/// Trends in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrendView {
    /// What is followed.
    pub(crate) measure: String,
    /// Whether anything became worse just now: a word, a sentence, and a tone.
    pub(crate) word: &'static str,
    pub(crate) headline: String,
    pub(crate) tone: Tone,
    pub(crate) series: Vec<SeriesView>,
    /// What could not be read.
    pub(crate) left_out: Vec<String>,
    /// How changes are looked for.
    pub(crate) method: String,
}

/// A scenario on a target, in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SeriesView {
    pub(crate) scenario: String,
    pub(crate) target: String,
    /// What the newest change is: a word, a sentence, and a tone.
    pub(crate) word: &'static str,
    pub(crate) headline: String,
    pub(crate) tone: Tone,
    /// How many results, and from when to when.
    pub(crate) brief: String,
    pub(crate) changes: Vec<ChangeView>,
    /// The numbers and where they changed, to be drawn in letters.
    #[serde(skip)]
    pub(crate) values: Vec<f64>,
    #[serde(skip)]
    pub(crate) changed_at: Vec<usize>,
    /// The same, drawn.
    spark: String,
    /// The least and the largest number.
    pub(crate) range: String,
    /// What must not be overlooked.
    pub(crate) notes: Vec<String>,
    /// What is not in it, with the reasons.
    pub(crate) left_out: Vec<String>,
}

/// A change in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChangeView {
    pub(crate) number: usize,
    /// The first result after it: its start and its place.
    pub(crate) since: String,
    pub(crate) place: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) relative: String,
    pub(crate) direction: &'static str,
    pub(crate) tone: Tone,
    /// How often chance does as well.
    pub(crate) p: String,
    pub(crate) note: &'static str,
}

impl TrendView {
    /// Trends.
    pub(crate) fn of(trends: &Trends) -> Self {
        let series: Vec<SeriesView> = trends.series.iter().map(|one| SeriesView::of(trends, one)).collect();
        let regressed = trends.series.iter().filter(|one| one.standing == Standing::Regression).count();
        let (word, tone, headline) = overall(trends, regressed);
        Self {
            measure: trends.measure.clone(),
            word,
            headline,
            tone,
            series,
            left_out: left_out(&trends.left_out),
            method: format!(
                "E-divisive with means: a change is told if values in random order can be split as well in at \
                 most {} of the cases, and not before {} have it. It tells of days: what else changed on the \
                 machine is in it.",
                figures::share(trends.significance),
                results(trends.segment_min)
            ),
        }
    }
}

/// Of all series together.
fn overall(trends: &Trends, regressed: usize) -> (&'static str, Tone, String) {
    let all = trends.series.len();
    let known = trends.series.iter().any(|one| one.standing != Standing::TooFew);
    match (regressed, known) {
        (0, false) => {
            ("TOO FEW", Tone::Warn, "there are too few results for any change to be told".to_owned())
        }
        (0, true) => (
            "NO REGRESSION",
            Tone::Good,
            format!(
                "no change for the worse within the newest {} of {}",
                results(trends.recent),
                in_series(all)
            ),
        ),
        (some, _) => (
            "REGRESSION",
            Tone::Bad,
            format!("{} became worse within the newest {}", of_series(some, all), results(trends.recent)),
        ),
    }
}

fn results(count: usize) -> String {
    if count == 1 { "result".to_owned() } else { format!("{count} results") }
}

fn in_series(count: usize) -> String {
    if count == 1 { "the series".to_owned() } else { format!("any of {count} series") }
}

fn of_series(some: usize, all: usize) -> String {
    if all == 1 { "the series".to_owned() } else { format!("{some} of {all} series") }
}

impl SeriesView {
    fn of(trends: &Trends, series: &Series) -> Self {
        let values: Vec<f64> = series.results.iter().map(|result| result.value).collect();
        let changed_at: Vec<usize> = series.trend.changes.iter().map(|change| change.index).collect();
        let (word, tone) = match series.standing {
            Standing::TooFew => ("too few", Tone::Warn),
            Standing::Unchanged => ("unchanged", Tone::Good),
            Standing::Better => ("better", Tone::Good),
            Standing::Worse => ("worse before", Tone::Warn),
            Standing::Regression => ("worse", Tone::Bad),
        };
        let least = values.iter().copied().reduce(f64::min);
        let most = values.iter().copied().reduce(f64::max);
        let range =
            least.zip(most).map(|(least, most)| format!("{} to {}", text(least, series), text(most, series)));
        Self {
            scenario: series.scenario.clone(),
            target: series.target.clone(),
            word,
            headline: headline(trends, series),
            tone,
            brief: brief(series),
            changes: series.trend.changes.iter().zip(1..).map(|(one, n)| change(series, one, n)).collect(),
            spark: super::spark(&values, &changed_at, values.len()).0,
            values,
            changed_at,
            range: range.unwrap_or_default(),
            notes: notes(series),
            left_out: left_out(&series.left_out),
        }
    }
}

/// What the newest change is, in a sentence without its full stop.
fn headline(trends: &Trends, series: &Series) -> String {
    let Some(newest) = series.trend.changes.last() else {
        return match series.standing {
            Standing::TooFew => series.trend.note.clone(),
            _ => format!("{} did not change in {}", trends.measure, results(series.results.len())),
        };
    };
    let went = if newest.after > newest.before { "rose" } else { "fell" };
    let by = newest.relative.map_or_else(String::new, |by| format!(" ({})", relative(by)));
    let ago = series.results.len() - newest.index;
    format!(
        "{} {went} from {} to {}{by} on {}, {ago} {} ago",
        trends.measure,
        text(newest.before, series),
        text(newest.after, series),
        series.results.get(newest.index).map_or(NOTHING, |result| day(&result.started)),
        if ago == 1 { "result" } else { "results" }
    )
}

fn brief(series: &Series) -> String {
    let count = series.results.len();
    let many = if count == 1 { "1 result".to_owned() } else { format!("{count} results") };
    match (series.results.first(), series.results.last()) {
        (Some(first), Some(last)) if count > 1 => {
            format!("{many} from {} to {}", day(&first.started), day(&last.started))
        }
        (Some(first), _) => format!("{many} of {}", day(&first.started)),
        (None, _) => "no results".to_owned(),
    }
}

fn change(series: &Series, change: &ChangePoint, number: usize) -> ChangeView {
    let since = series.results.get(change.index);
    let (direction, tone) = match change.direction {
        Direction::Better => ("better", Tone::Good),
        Direction::Worse => ("worse", Tone::Bad),
    };
    ChangeView {
        number,
        since: since.map(|result| result.started.clone()).unwrap_or_default(),
        place: since.map(|result| result.place.clone()).unwrap_or_default(),
        before: text(change.before, series),
        after: text(change.after, series),
        relative: change.relative.map_or_else(|| NOTHING.to_owned(), relative),
        direction,
        tone,
        p: figures::digits(change.p, 2),
        note: if change.gradual { "it crept: the date is only somewhere on the way" } else { "" },
    }
}

/// What must not be overlooked.
fn notes(series: &Series) -> Vec<String> {
    let newest = series
        .newest_left_out()
        .map(|left_out| format!("The newest result, {}, is not in it: {}.", left_out.place, left_out.why));
    let few = (series.standing != Standing::TooFew && !series.trend.note.is_empty())
        .then(|| format!("{}.", series.trend.note));
    newest.into_iter().chain(few).collect()
}

/// What is left out, by its reason: the most frequent first.
fn left_out(left_out: &[LeftOut]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in left_out {
        reasons.entry(&one.why).or_default().push(&one.place);
    }
    let mut reasons: Vec<(&str, Vec<&str>)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, places)| std::cmp::Reverse(places.len()));
    let told = reasons.into_iter().map(|(why, places)| {
        let rest = places.len().saturating_sub(PLACES_TOLD);
        let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
        format!("{}{more}: {why}", places[..places.len() - rest].join(", "))
    });
    told.collect()
}

/// The day of a start: `2026-01-15`.
pub(super) fn day(started: &str) -> &str {
    started.split('T').next().unwrap_or(started)
}

/// A number of a series with its unit.
fn text(value: f64, series: &Series) -> String {
    match series.unit.as_str() {
        "s" => figures::measured(value),
        "users" => format!("{} users", figures::digits(value, 4)),
        "/s" => format!("{}/s", figures::digits(value, 4)),
        unit => figures::quantity(value, unit),
    }
}
