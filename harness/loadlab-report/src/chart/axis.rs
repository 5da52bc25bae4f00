//! An axis: where a value lies, and which values are named.

use crate::figures;

/// Fractions of a power of ten that make good steps.
const NICE: [f64; 5] = [1.0, 2.0, 2.5, 5.0, 10.0];
/// Steps of a time axis in seconds, up to an hour; beyond, hours are multiplied.
const TIME_STEPS: [f64; 14] =
    [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
/// Steps on the y axis at most.
const Y_STEPS_MAX: f64 = 5.0;
/// Steps on the time axis at most: six labels fit a phone.
const TIME_STEPS_MAX: f64 = 6.0;

/// Things on an axis that are named one by one: two digits each fit a phone.
const COUNTED_MAX: usize = 12;
/// Names of a sequence at most: dates are wide.
const SEQUENCE_NAMES_MAX: usize = 4;

/// One axis of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// What is measured, with its unit: `response time (s)`.
    pub(crate) title: String,
    /// Named values, in order.
    pub(crate) ticks: Vec<(f64, String)>,
    /// How its values are written in words.
    pub(crate) unit: Unit,
    low: f64,
    high: f64,
    /// What a value is multiplied with for the axis, and the unit it then has.
    shown_as: (f64, &'static str),
    kind: Kind,
}

/// How values are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    Root,
    Log,
    States,
}

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds.
    Seconds,
    /// A share from 0 to 1, shown as a percentage.
    Share,
    /// A number.
    Number,
    /// Points in the run, in seconds.
    Instant,
}

impl Unit {
    /// A value in words.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Seconds => figures::seconds(value),
            Self::Share => figures::share(value),
            Self::Number => figures::plain(value),
            Self::Instant => figures::instant(value),
        }
    }
}

impl Axis {
    /// Numbers from 0 to at least `highest`.
    pub(crate) fn numbers(title: &str, highest: f64) -> Self {
        // Half a request says nothing: a plot of nothing shows the axis from 0 to 1.
        Self::from_zero(title.to_owned(), highest.max(1.0), (1.0, ""), Unit::Number)
    }

    /// Numbers from at most `lowest` to at least `highest`.
    pub(crate) fn numbers_within(title: &str, range: (f64, f64)) -> Self {
        Self::within(title.to_owned(), range, (1.0, ""), Unit::Number)
    }

    /// Seconds from at most the least to at least the largest of `range`, which may be negative: differences.
    pub(crate) fn seconds_within(what: &str, range: (f64, f64)) -> Self {
        if range.0.abs().max(range.1.abs()) < 1.0 {
            Self::within(format!("{what} (ms)"), range, (1e3, " ms"), Unit::Seconds)
        } else {
            Self::within(format!("{what} (s)"), range, (1.0, " s"), Unit::Seconds)
        }
    }

    /// Things that are counted from 1 on, each 1 from the next.
    pub(crate) fn counted(title: &str, count: usize) -> Self {
        let count = count.max(1);
        let step = count.div_ceil(COUNTED_MAX);
        let ticks = (1..=count).step_by(step).map(|n| (n as f64, figures::count(n as u64)));
        Self {
            title: title.to_owned(),
            ticks: ticks.collect(),
            unit: Unit::Number,
            low: 0.5,
            high: count as f64 + 0.5,
            shown_as: (1.0, ""),
            kind: Kind::Linear,
        }
    }

    /// Shares from at most the least to at least the largest of `range`, in percent.
    pub(crate) fn shares_within(what: &str, range: (f64, f64)) -> Self {
        Self::within(format!("{what} (%)"), range, (100.0, " %"), Unit::Share)
    }

    /// Seconds from 0 to at least `highest`, in milliseconds where that reads better.
    pub(crate) fn seconds(what: &str, highest: f64) -> Self {
        if highest < 1.0 {
            Self::from_zero(format!("{what} (ms)"), highest.max(1e-4), (1e3, " ms"), Unit::Seconds)
        } else {
            Self::from_zero(format!("{what} (s)"), highest, (1.0, " s"), Unit::Seconds)
        }
    }

    /// Shares, from 0 to 1 or a little more, in percent.
    pub(crate) fn shares(what: &str, highest: f64) -> Self {
        Self::from_zero(format!("{what} (%)"), highest.max(0.01), (100.0, " %"), Unit::Share)
    }

    /// Shares from 0 to `highest` by their square root, so that what is a tenth of another is still told from
    /// nothing. `named` are its ticks.
    pub(crate) fn root_shares(what: &str, highest: f64, named: &[f64]) -> Self {
        let highest = highest.max(1e-6);
        let ticks = named.iter().filter(|share| **share <= highest * 1.000_1);
        Self {
            title: format!("{what} (%)"),
            ticks: ticks.map(|share| (*share, figures::digits(share * 100.0, 3))).collect(),
            unit: Unit::Share,
            low: 0.0,
            high: highest,
            shown_as: (100.0, " %"),
            kind: Kind::Root,
        }
    }

    /// The time of a run of `length_s`, in scenario seconds.
    pub(crate) fn run_time(length_s: f64) -> Self {
        let length_s = length_s.max(1.0);
        let wanted = length_s / TIME_STEPS_MAX;
        let listed = TIME_STEPS.into_iter().find(|step| *step >= wanted);
        let step = listed.unwrap_or_else(|| (wanted / 3600.0).ceil() * 3600.0);
        let clock = length_s >= 600.0;
        let label = |value: f64| if clock { figures::clock(value) } else { trimmed(value, step) };
        let ticks = (0..).map(|n| f64::from(n) * step).take_while(|value| *value <= length_s * 1.000_1);
        Self {
            title: if clock { "scenario time (min:s)" } else { "scenario time (s)" }.to_owned(),
            ticks: ticks.map(|value| (value, label(value))).collect(),
            unit: Unit::Instant,
            low: 0.0,
            high: length_s,
            shown_as: (1.0, " s"),
            kind: Kind::Linear,
        }
    }

    /// Seconds on a logarithmic scale, whole decades or thirds of one around `low..high`.
    pub(crate) fn log_seconds(title: &str, low: f64, high: f64) -> Self {
        let low = low.max(1e-6);
        let high = high.max(low * 2.0);
        let places = || (-6..6).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
        let below = places().take_while(|place| *place <= low).last().unwrap_or(low);
        let above = places().find(|place| *place >= high).unwrap_or(high);
        let within = |place: &f64| *place >= below * 0.999 && *place <= above * 1.001;
        let all: Vec<f64> = places().filter(within).collect();
        // More than seven labels do not fit a phone: then only the decades are named.
        let named = |place: &f64| all.len() <= 7 || (place.log10() - place.log10().round()).abs() < 1e-6;
        let ticks = all.iter().copied().filter(named).map(|place| (place, figures::seconds(place)));
        Self {
            title: title.to_owned(),
            ticks: ticks.collect(),
            unit: Unit::Seconds,
            low: below,
            high: above,
            shown_as: (1.0, " s"),
            kind: Kind::Log,
        }
    }

    /// Named states, one above the other.
    pub(crate) fn states(title: &str, names: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            ticks: names.iter().enumerate().map(|(n, name)| (n as f64, (*name).to_owned())).collect(),
            unit: Unit::Number,
            low: -0.35,
            high: names.len() as f64 - 0.65,
            shown_as: (1.0, ""),
            kind: Kind::States,
        }
    }

    /// Named things side by side, each 1 from the next.
    pub(crate) fn categories(title: &str, names: &[&str]) -> Self {
        let ticks = names.iter().enumerate().map(|(n, name)| (n as f64, (*name).to_owned()));
        Self {
            title: title.to_owned(),
            ticks: ticks.collect(),
            unit: Unit::Number,
            low: -0.5,
            high: names.len() as f64 - 0.5,
            shown_as: (1.0, ""),
            kind: Kind::Linear,
        }
    }

    /// Named things in their order, each 1 from the next, of which only a few are named.
    pub(crate) fn sequence(title: &str, names: &[&str]) -> Self {
        let every = names.len().div_ceil(SEQUENCE_NAMES_MAX).max(1);
        let mut axis = Self::categories(title, names);
        axis.ticks = axis.ticks.into_iter().step_by(every).collect();
        axis
    }

    /// Where a value lies, from 0 to 1; what lies outside is put on the edge.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let linear = (value - self.low) / (self.high - self.low);
        let place = match self.kind {
            Kind::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
            Kind::Root => linear.max(0.0).sqrt(),
            Kind::Linear | Kind::States => linear,
        };
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The largest value on it.
    pub(crate) fn high(&self) -> f64 {
        self.high
    }

    /// The smallest value on it.
    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    /// Its lowest and highest value as the axis shows them, and their unit.
    pub(crate) fn shown(&self) -> (f64, f64, &'static str) {
        let (factor, unit) = self.shown_as;
        (self.low * factor, self.high * factor, unit)
    }

    /// The names of its states, the lowest first; none for an axis of numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.kind == Kind::States;
        self.ticks.iter().filter(move |_| named).map(|(_, name)| name.as_str())
    }

    fn within(title: String, range: (f64, f64), shown_as: (f64, &'static str), unit: Unit) -> Self {
        let (lowest, highest) = (range.0 * shown_as.0, range.1 * shown_as.0);
        // Values that do not differ still lie on an axis.
        let span = (highest - lowest).max(lowest.abs().max(highest.abs()) * 0.01).max(1e-6);
        let step = nice_step(span / Y_STEPS_MAX);
        let first = (lowest / step + 1e-9).floor();
        let end = (highest / step - 1e-9).ceil().max(first + 1.0);
        let ticks = (0..=(end - first) as u32).map(|n| (first + f64::from(n)) * step);
        Self {
            title,
            ticks: ticks.map(|value| (value / shown_as.0, trimmed(value, step))).collect(),
            unit,
            low: first * step / shown_as.0,
            high: end * step / shown_as.0,
            shown_as,
            kind: Kind::Linear,
        }
    }

    fn from_zero(title: String, highest: f64, shown_as: (f64, &'static str), unit: Unit) -> Self {
        let shown_per_unit = shown_as.0;
        let shown = highest * shown_per_unit;
        let step = nice_step(shown / Y_STEPS_MAX);
        let steps = (shown / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=steps as u32).map(|n| {
            let value = f64::from(n) * step;
            (value / shown_per_unit, trimmed(value, step))
        });
        Self {
            title,
            ticks: ticks.collect(),
            unit,
            low: 0.0,
            high: steps * step / shown_per_unit,
            shown_as,
            kind: Kind::Linear,
        }
    }
}

/// The smallest good step that is not below `wanted`.
fn nice_step(wanted: f64) -> f64 {
    let power = 10_f64.powf(wanted.log10().floor());
    let nice = NICE.into_iter().find(|nice| nice * power >= wanted * 0.999_999);
    nice.unwrap_or(10.0) * power
}

/// A tick's label: as many decimals as its step needs, thousands marked.
fn trimmed(value: f64, step: f64) -> String {
    if value < 0.0 {
        return format!("−{}", trimmed(-value, step));
    }
    let places = (0..4).find(|places| {
        let scaled = step * 10_f64.powi(*places);
        (scaled - scaled.round()).abs() < 1e-6 * scaled
    });
    match places {
        Some(0) => figures::count(value.round() as u64),
        places => format!("{value:.0$}", places.unwrap_or(4) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, label)| label.as_str()).collect()
    }

    #[test]
    fn an_axis_of_numbers_ends_at_a_round_one_above_the_data() {
        assert_eq!(labels(&Axis::numbers("n", 80.0)), ["0", "20", "40", "60", "80"]);
        assert_eq!(labels(&Axis::numbers("n", 81.0)), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&Axis::numbers("n", 0.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(
            labels(&Axis::numbers("n", 12_000.0)),
            ["0", "2,500", "5,000", "7,500", "10,000", "12,500"]
        );
    }

    #[test]
    fn an_axis_of_numbers_within_limits_begins_at_a_round_one_below_them() {
        let axis = Axis::numbers_within("n", (1_379.0, 1_596.0));
        assert_eq!(labels(&axis), ["1,350", "1,400", "1,450", "1,500", "1,550", "1,600"]);
        assert!((axis.place(1_475.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn below_nothing_are_negative_numbers() {
        assert_eq!(labels(&Axis::numbers_within("n", (-4.0, 3.0))), ["−4", "−2", "0", "2", "4"]);
    }

    #[test]
    fn what_is_counted_stands_in_the_middle_of_its_place() {
        let axis = Axis::counted("pair", 4);
        assert_eq!(labels(&axis), ["1", "2", "3", "4"]);
        assert!((axis.place(1.0) - 0.125).abs() < 1e-9);
        assert_eq!(labels(&Axis::counted("pair", 14)), ["1", "3", "5", "7", "9", "11", "13"]);
    }

    #[test]
    fn an_axis_of_differences_has_a_sign_below_nothing() {
        let axis = Axis::seconds_within("difference", (-0.25, 0.1));
        assert_eq!(axis.title, "difference (ms)");
        assert_eq!(labels(&axis), ["−300", "−200", "−100", "0", "100"]);
        assert!((axis.place(0.0) - 0.75).abs() < 1e-9);
    }

    #[test]
    fn equal_values_still_have_an_axis_around_them() {
        for range in [(0.0, 0.0), (7.0, 7.0), (1e-9, 1e-9), (1_500.0, 1_500.0)] {
            let axis = Axis::numbers_within("n", range);
            assert!(axis.low() <= range.0 + 1e-9 && range.1 <= axis.high() + 1e-9, "{axis:?}");
            assert!((2..9).contains(&axis.ticks.len()), "{axis:?}");
        }
    }

    #[test]
    fn of_a_sequence_a_few_are_named() {
        let names: Vec<String> = (1..=30).map(|day| format!("01-{day:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(labels(&Axis::sequence("night", &names)), ["01-01", "01-09", "01-17", "01-25"]);
    }

    #[test]
    fn short_times_are_shown_in_milliseconds() {
        let axis = Axis::seconds("latency", 0.042);
        assert_eq!(axis.title, "latency (ms)");
        assert_eq!(labels(&axis), ["0", "10", "20", "30", "40", "50"]);
        assert!((axis.high() - 0.05).abs() < 1e-12);
    }

    #[test]
    fn a_run_of_an_hour_is_labelled_in_minutes() {
        assert_eq!(labels(&Axis::run_time(23.4)), ["0", "5", "10", "15", "20"]);
        assert_eq!(
            labels(&Axis::run_time(3600.0)),
            ["0:00", "10:00", "20:00", "30:00", "40:00", "50:00", "1:00:00"]
        );
    }

    #[test]
    fn on_a_root_axis_a_hundredth_is_a_tenth_of_the_way_up() {
        let axis = Axis::root_shares("loss", 0.1, &[0.0, 0.001, 0.01, 0.1, 1.0]);
        assert_eq!(labels(&axis), ["0", "0.1", "1", "10"]);
        assert!((axis.place(0.001) - 0.1).abs() < 1e-9 && axis.place(0.5) >= 1.0);
    }

    #[test]
    fn a_log_axis_spans_the_data_and_equal_factors_are_equally_wide() {
        let axis = Axis::log_seconds("latency", 0.3, 17.0);
        assert_eq!((axis.low(), axis.high()), (0.2, 20.0));
        assert_eq!(labels(&axis), ["200 ms", "500 ms", "1 s", "2 s", "5 s", "10 s", "20 s"]);
        let (first, second) = (axis.place(2.0) - axis.place(0.2), axis.place(20.0) - axis.place(2.0));
        assert!((first - second).abs() < 1e-9);
    }
}
