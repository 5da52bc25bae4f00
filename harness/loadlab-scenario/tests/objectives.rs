//! The grammar of objectives: what is written is what is meant, and is written again as it was.

use loadlab_scenario::objective::{
    Compare, LatencyKind, Measure, MetricStatistic, Objective, ShareOf, Statistic, Throughput,
};
use proptest::prelude::*;

fn latency(statistic: Statistic, step: Option<&str>, kind: LatencyKind) -> Measure {
    Measure::Latency { statistic, step: step.map(str::to_owned), kind }
}

#[test]
fn measures_mean_what_they_say() {
    let p = Statistic::Percentile;
    let cases = [
        ("p95", latency(p(95.0), None, LatencyKind::Response)),
        ("p99.9", latency(p(99.9), None, LatencyKind::Response)),
        ("p999", latency(p(99.9), None, LatencyKind::Response)),
        ("p9999", latency(p(99.99), None, LatencyKind::Response)),
        ("p100", latency(p(100.0), None, LatencyKind::Response)),
        ("max( search )", latency(Statistic::Max, Some("search"), LatencyKind::Response)),
        ("mean(first_byte)", latency(Statistic::Mean, None, LatencyKind::FirstByte)),
        ("p99(search.first_event)", latency(p(99.0), Some("search"), LatencyKind::FirstEvent)),
        ("success", Measure::Share { of: ShareOf::Success, step: None }),
        ("errors(search)", Measure::Share { of: ShareOf::Errors, step: Some("search".to_owned()) }),
        ("goodput", Measure::Throughput(Throughput::Good)),
        (
            "drained(pool_waiting)",
            Measure::Metric { name: "pool_waiting".to_owned(), statistic: MetricStatistic::Drained },
        ),
    ];
    for (text, measure) in cases {
        assert_eq!(Measure::parse(text), Ok(measure), "{text}");
    }
}

#[test]
fn objectives_mean_what_they_say() {
    let cases = [
        ("p95 < 7s", Compare::Less, 7.0, None),
        ("p99(search.first_event)<=250ms", Compare::LessOrEqual, 0.25, None),
        ("success >= 99.9%", Compare::GreaterOrEqual, 0.999, None),
        ("loss <= 0.01 for 10s", Compare::LessOrEqual, 0.01, Some(10)),
        ("retries < 150%", Compare::Less, 1.5, None),
        ("goodput >= 3000/m", Compare::GreaterOrEqual, 50.0, None),
        ("peak(pool_waiting) <= 20", Compare::LessOrEqual, 20.0, None),
        ("average(pool_wait_seconds) < 500ms", Compare::Less, 0.5, None),
        ("drained(pool_waiting) < 15s", Compare::Less, 15.0, None),
    ];
    for (line, compare, bound, window) in cases {
        let objective = Objective::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(objective.compare, compare, "{line}");
        assert!((objective.bound - bound).abs() < 1e-12, "{line}: {}", objective.bound);
        assert_eq!(objective.window.map(|window| window.as_secs()), window, "{line}");
        assert!(!objective.abort);
    }
}

#[test]
fn the_name_is_the_line_without_its_window() {
    let name = |line| Objective::parse(line).map(|objective| objective.name);
    assert_eq!(name("  p95  < 7s "), Ok("p95  < 7s".to_owned()));
    assert_eq!(name("loss <= 1% for 10s"), Ok("loss <= 1%".to_owned()));
}

fn names() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_-]{0,12}".prop_filter("a word of the grammar", |name| {
        !["response", "service", "first_byte", "first_event", "event_gap", "client_wait"]
            .contains(&name.as_str())
    })
}

fn measures() -> impl Strategy<Value = Measure> {
    let statistic = prop_oneof![
        (0_u32..=10_000).prop_map(|hundredths| Statistic::Percentile(f64::from(hundredths) / 100.0)),
        Just(Statistic::Max),
        Just(Statistic::Mean),
    ];
    let kind = prop::sample::select(vec![
        LatencyKind::Response,
        LatencyKind::Service,
        LatencyKind::FirstByte,
        LatencyKind::FirstEvent,
        LatencyKind::EventGap,
        LatencyKind::ClientWait,
    ]);
    let of = prop::sample::select(vec![
        ShareOf::Success,
        ShareOf::Errors,
        ShareOf::Loss,
        ShareOf::Timeouts,
        ShareOf::GaveUp,
        ShareOf::Retries,
        ShareOf::Abandoned,
        ShareOf::Truncated,
        ShareOf::Shed,
        ShareOf::WrongAnswers,
        ShareOf::Undispatched,
    ]);
    let over_time = prop::sample::select(vec![
        MetricStatistic::Peak,
        MetricStatistic::Average,
        MetricStatistic::Increase,
        MetricStatistic::Drained,
    ]);
    prop_oneof![
        (statistic, prop::option::of(names()), kind).prop_map(|(statistic, step, kind)| Measure::Latency {
            statistic,
            step,
            kind
        }),
        (of, prop::option::of(names())).prop_map(|(of, step)| Measure::Share { of, step }),
        prop::sample::select(vec![Throughput::Completed, Throughput::Good]).prop_map(Measure::Throughput),
        ("[a-z_:][a-z0-9_:]{0,20}", over_time)
            .prop_map(|(name, statistic)| Measure::Metric { name, statistic }),
    ]
}

fn objectives() -> impl Strategy<Value = Objective> {
    let compare = prop::sample::select(vec![
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
    ]);
    // Thousandths up to 1: a value that every measure may have.
    let window = prop::option::of((1_u64..100_000).prop_map(std::time::Duration::from_millis));
    (measures(), compare, 0_u32..=1000, window).prop_map(|(measure, compare, thousandths, window)| {
        let bound = f64::from(thousandths) / 1000.0;
        let name = format!("{measure} {compare} {}", measure.format_value(bound));
        Objective { name, measure, compare, bound, window, abort: false }
    })
}

proptest! {
    #[test]
    fn a_measure_is_read_as_it_is_written(measure in measures()) {
        prop_assert_eq!(Measure::parse(&measure.to_string()), Ok(measure));
    }

    #[test]
    fn an_objective_is_read_as_it_is_written(objective in objectives()) {
        prop_assert_eq!(Objective::parse(&objective.to_string()), Ok(objective));
    }

    #[test]
    fn no_line_panics_and_mistakes_lie_within_it(line in ".{0,60}") {
        if let Err(error) = Objective::parse(&line) {
            prop_assert!(error.start <= error.end && error.end <= line.len(), "{:?}", error);
            prop_assert!(line.is_char_boundary(error.start) && line.is_char_boundary(error.end));
        }
    }

    #[test]
    fn no_line_of_the_grammars_words_panics(
        words in prop::collection::vec(
            prop::sample::select(vec!["p", "95", "99.9", "(", ")", ".", "search", "<", ">=", "=", " ", "7s", "1%", " for ", "peak", "é", "50/s"]),
            0..12,
        )
    ) {
        let line = words.concat();
        if let Err(error) = Objective::parse(&line) {
            prop_assert!(error.end <= line.len(), "{}: {:?}", line, error);
        }
    }
}
