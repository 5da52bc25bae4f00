//! Measures and objectives in one line.
//!
//! ```text
//! objective  = measure ("<" | "<=" | ">" | ">=") bound ["for" duration]
//! measure    = latency [ "(" place ")" ]        p95   p99.9(search)   max(search.first_event)
//!            | part    [ "(" step ")" ]         success   errors(search)
//!            | "throughput" | "goodput"
//!            | over_time "(" metric ")"         peak(pool_waiting)
//! latency    = "p" number | "max" | "mean"
//! place      = step | kind | step "." kind      kind: response, service, first_byte, …
//! bound      = duration | share | rate | number      by the measure
//! ```

use std::{fmt, str::FromStr, time::Duration};

use loadlab_clock::text::format_duration;

use super::{TextError, quantity};
use crate::{
    document::shortened,
    nearest::{listed, nearest},
    objective::{Compare, LatencyKind, Measure, MetricStatistic, Objective, ShareOf, Statistic, Throughput},
};

const KINDS: [(&str, LatencyKind); 6] = [
    ("response", LatencyKind::Response),
    ("service", LatencyKind::Service),
    ("first_byte", LatencyKind::FirstByte),
    ("first_event", LatencyKind::FirstEvent),
    ("event_gap", LatencyKind::EventGap),
    ("client_wait", LatencyKind::ClientWait),
];

const SHARES: [(&str, ShareOf); 11] = [
    ("success", ShareOf::Success),
    ("errors", ShareOf::Errors),
    ("loss", ShareOf::Loss),
    ("timeouts", ShareOf::Timeouts),
    ("gave_up", ShareOf::GaveUp),
    ("retries", ShareOf::Retries),
    ("abandoned", ShareOf::Abandoned),
    ("truncated", ShareOf::Truncated),
    ("shed", ShareOf::Shed),
    ("wrong_answers", ShareOf::WrongAnswers),
    ("undispatched", ShareOf::Undispatched),
];

const THROUGHPUTS: [(&str, Throughput); 2] =
    [("throughput", Throughput::Completed), ("goodput", Throughput::Good)];

const METRICS: [(&str, MetricStatistic); 4] = [
    ("peak", MetricStatistic::Peak),
    ("average", MetricStatistic::Average),
    ("increase", MetricStatistic::Increase),
    ("drained", MetricStatistic::Drained),
];

const COMPARES: [(&str, Compare); 4] = [
    ("<", Compare::Less),
    ("<=", Compare::LessOrEqual),
    (">", Compare::Greater),
    (">=", Compare::GreaterOrEqual),
];

const OBJECTIVE: &str = "`p95 < 7s`, `p99(search.first_event) < 2s`, `success >= 99%`, `loss <= 1% for 10s`, \
                         `goodput >= 50/s`, `peak(pool_waiting) <= 20`";
const OPERATORS: &str = "`<`, `<=`, `>`, `>=`";

/// In what a measure is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, written as a duration.
    Time,
    /// A part of the arrivals from 0 to 1, written as a percentage.
    Share,
    /// Extra attempts per arrival: a share that may exceed 1.
    PerArrival,
    /// Per second.
    Rate,
    /// A metric's own unit; in seconds if the metric's name says so.
    Number {
        /// A duration is accepted.
        seconds: bool,
    },
}

impl Measure {
    /// Reads `p95`, `p99(search.first_event)`, `success`, `peak(pool_waiting)`.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let lead = text.len() - text.trim_start().len();
        let text = text.trim();
        measure(text).map_err(|error| error.shifted(lead))
    }

    /// In what it is counted.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Latency { .. } | Self::Metric { statistic: MetricStatistic::Drained, .. } => Unit::Time,
            Self::Share { of: ShareOf::Retries, .. } => Unit::PerArrival,
            Self::Share { .. } => Unit::Share,
            Self::Throughput(_) => Unit::Rate,
            Self::Metric { name, .. } => Unit::Number { seconds: name.ends_with("_seconds") },
        }
    }

    /// Of which step it is; none for the whole arrival and for metrics.
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::Latency { step, .. } | Self::Share { step, .. } => step.as_deref(),
            Self::Throughput(_) | Self::Metric { .. } => None,
        }
    }

    /// Reads a value that this measure may have: `7s` for a latency, `99%` for a share.
    pub fn parse_value(&self, text: &str) -> Result<f64, TextError> {
        let unit = self.unit();
        let value = unit.read(text);
        value.map_err(|error| match Unit::of_text(text) {
            Some(other) if !unit.takes(other) => {
                let message =
                    format!("`{self}` is {}, and `{}` is {}", unit.name(), shortened(text), other.name());
                TextError { message, accepted: Some(unit.accepted().to_owned()), suggestion: None, ..error }
            }
            _ => error,
        })
    }

    /// A value as [`Self::parse_value`] reads it: `7s`, `99%`, `50/s`, `20`.
    pub fn format_value(&self, value: f64) -> String {
        match self.unit() {
            Unit::Time => format_duration(Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)),
            Unit::Share | Unit::PerArrival => {
                let percent = format!("{:.10}", value * 100.0);
                format!("{}%", percent.trim_end_matches('0').trim_end_matches('.'))
            }
            Unit::Rate => format!("{value}/s"),
            Unit::Number { .. } => format!("{value}"),
        }
    }
}

impl Unit {
    fn read(self, text: &str) -> Result<f64, TextError> {
        match self {
            Self::Time => quantity::duration(text).map(|duration| duration.as_secs_f64()),
            Self::Share => quantity::share(text).map(crate::quantity::Share::get),
            Self::PerArrival => {
                let value = quantity::fraction(text)?;
                if value >= 0.0 { Ok(value) } else { Err(TextError::whole(text, "it is below 0")) }
            }
            Self::Rate => quantity::rate(text).map(crate::quantity::Rate::per_second),
            Self::Number { seconds: true } => quantity::number(text).or_else(|_| Self::Time.read(text)),
            Self::Number { seconds: false } => quantity::number(text),
        }
    }

    /// What a text that is no value of the wanted unit is a value of.
    fn of_text(text: &str) -> Option<Self> {
        if text.trim().parse::<f64>().is_ok() {
            return Some(Self::Number { seconds: false });
        }
        [Self::Time, Self::Share, Self::Rate].into_iter().find(|unit| unit.read(text).is_ok())
    }

    fn takes(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Share | Self::PerArrival, Self::Number { .. }))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Time => "a time",
            Self::Share | Self::PerArrival => "a share",
            Self::Rate => "a rate",
            Self::Number { .. } => "a number",
        }
    }

    fn accepted(self) -> &'static str {
        match self {
            Self::Time => "a duration: `250ms`, `7s`, `1m30s`",
            Self::Share | Self::PerArrival => "a share: `99%` or `0.99`",
            Self::Rate => "a rate: `50/s`",
            Self::Number { seconds: false } => "a number: `20`",
            Self::Number { seconds: true } => "a number of seconds, or a duration: `0.5`, `500ms`",
        }
    }
}

fn measure(text: &str) -> Result<Measure, TextError> {
    let open = text.find('(');
    let head = text[..open.unwrap_or(text.len())].trim_end();
    let argument = open.map(|open| argument(text, open)).transpose()?;
    if let Some(&(_, of)) = SHARES.iter().find(|(word, _)| *word == head) {
        let step = argument.map(Argument::step).transpose()?;
        return Ok(Measure::Share { of, step });
    }
    if let Some(&(_, throughput)) = THROUGHPUTS.iter().find(|(word, _)| *word == head) {
        return match argument {
            None => Ok(Measure::Throughput(throughput)),
            Some(argument) => {
                Err(TextError::new(argument.start - 1, text.len(), format!("`{head}` is of all arrivals"))
                    .accepted(format!("`{head}`")))
            }
        };
    }
    if let Some(&(_, statistic)) = METRICS.iter().find(|(word, _)| *word == head) {
        let argument = argument.ok_or_else(|| {
            TextError::whole(text, format!("`{head}` needs the name of a metric"))
                .accepted(format!("`{head}(pool_waiting)`"))
        })?;
        return Ok(Measure::Metric { name: argument.metric()?, statistic });
    }
    let statistic = statistic(head)?;
    let (step, kind) = argument.map_or(Ok((None, LatencyKind::Response)), Argument::latency)?;
    Ok(Measure::Latency { statistic, step, kind })
}

fn statistic(head: &str) -> Result<Statistic, TextError> {
    match head {
        "max" => return Ok(Statistic::Max),
        "mean" => return Ok(Statistic::Mean),
        _ => {}
    }
    let digits = head.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let Some(digits) = digits else {
        let words = words();
        let message = if head.is_empty() {
            "the measure is missing".to_owned()
        } else {
            format!("`{}` is nothing that a run measures", shortened(head))
        };
        return Err(TextError::whole(head, message)
            .accepted("`p50` to `p99.9`, ".to_owned() + &listed(words.iter().copied()))
            .suggestion(nearest(head, words.iter().copied().chain(["p50", "p90", "p95", "p99"]))));
    };
    let error =
        |message: String| TextError::whole(head, message).accepted("`p50`, `p95`, `p99.9`, up to `p100`");
    let value = quantity::number(digits).map_err(|_| error(format!("`{head}` is not a percentile")))?;
    // People write p999 and p9999 for 99.9 and 99.99.
    let nines = value > 100.0 && digits.starts_with("99") && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value = if nines { quantity::number(&format!("99.{}", &digits[2..]))? } else { value };
    if (0.0..=100.0).contains(&value) {
        Ok(Statistic::Percentile(value))
    } else {
        Err(error(format!("`{head}` is outside of 0 to 100")))
    }
}

fn words() -> Vec<&'static str> {
    let mut words = vec!["max", "mean"];
    words.extend(SHARES.iter().map(|(word, _)| *word));
    words.extend(THROUGHPUTS.iter().map(|(word, _)| *word));
    words.extend(METRICS.iter().map(|(word, _)| *word));
    words
}

/// Whether an objective would take `name` for something else than a step.
pub(crate) fn is_kind(name: &str) -> bool {
    KINDS.iter().any(|(word, _)| *word == name)
}

/// What stands in brackets, and where.
#[derive(Clone, Copy)]
struct Argument<'a> {
    text: &'a str,
    start: usize,
}

fn argument(text: &str, open: usize) -> Result<Argument<'_>, TextError> {
    let Some(inner) = text[open + 1..].strip_suffix(')') else {
        let message = match text[open..].find(')') {
            Some(_) => "something stands after the bracket",
            None => "the bracket is not closed",
        };
        return Err(TextError::new(open, text.len(), message).accepted("`p99(search)`, `peak(pool_waiting)`"));
    };
    let lead = inner.len() - inner.trim_start().len();
    Ok(Argument { text: inner.trim(), start: open + 1 + lead })
}

impl Argument<'_> {
    fn error(self, message: impl Into<String>) -> TextError {
        TextError::whole(self.text, message).shifted(self.start)
    }

    fn step(self) -> Result<String, TextError> {
        if quantity::is_name(self.text) {
            return Ok(self.text.to_owned());
        }
        let message = format!("`{}` is not the name of a step", shortened(self.text));
        Err(self.error(message).accepted("the name of a step: `search`"))
    }

    fn metric(self) -> Result<String, TextError> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
        if self.text.starts_with(first) && self.text.chars().all(|c| first(c) || c.is_ascii_digit()) {
            return Ok(self.text.to_owned());
        }
        let message = format!("`{}` is not the name of a metric", shortened(self.text));
        Err(self.error(message).accepted("the name of a metric, without labels: `pool_waiting`"))
    }

    fn latency(self) -> Result<(Option<String>, LatencyKind), TextError> {
        let Some((step, kind)) = self.text.split_once('.') else {
            let kind = KINDS.iter().find(|(word, _)| *word == self.text);
            return match kind {
                Some(&(_, kind)) => Ok((None, kind)),
                None => Ok((Some(self.step()?), LatencyKind::Response)),
            };
        };
        let at = self.start + step.len() + 1;
        let step = Argument { text: step, start: self.start }.step()?;
        let known = KINDS.iter().find(|(word, _)| *word == kind);
        known.map(|&(_, kind)| (Some(step), kind)).ok_or_else(|| {
            let kinds = || KINDS.iter().map(|(word, _)| *word);
            TextError::whole(kind, format!("`{}` is not a latency of a step", shortened(kind)))
                .shifted(at)
                .accepted(listed(kinds()))
                .suggestion(nearest(kind, kinds()))
        })
    }
}

impl Objective {
    /// Reads `p95 < 7s` or `loss <= 1% for 10s`. An objective of one line does not abort.
    pub fn parse(line: &str) -> Result<Self, TextError> {
        let is_operator = |c: char| matches!(c, '<' | '>' | '=' | '!' | '≤' | '≥');
        let Some(at) = line.find(is_operator) else {
            // A mistake in the measure is the better message, if there is one.
            Measure::parse(line)?;
            let message = format!("`{}` has no bound", shortened(line));
            return Err(TextError::whole(line, message).accepted(OBJECTIVE));
        };
        let rest = &line[at..];
        let operator = &rest[..rest.find(|c| !is_operator(c)).unwrap_or(rest.len())];
        let after = at + operator.len();
        let measure = Measure::parse(&line[..at])?;
        let compare = COMPARES.iter().find(|(word, _)| *word == operator).map(|(_, compare)| *compare);
        let compare = compare.ok_or_else(|| {
            TextError::new(at, after, format!("`{operator}` does not compare"))
                .accepted(OPERATORS)
                .suggestion(operator_meant(operator))
        })?;
        let (bound_text, window) = match line[after..].split_once(" for ") {
            Some((bound, window)) => {
                let start = after + bound.len() + " for ".len();
                (bound, Some(trimmed(window, start, quantity::duration)?))
            }
            None => (&line[after..], None),
        };
        if bound_text.trim().is_empty() {
            let message = format!("the bound after `{operator}` is missing");
            return Err(TextError::new(at, after, message).accepted(measure.unit().accepted()));
        }
        let bound = trimmed(bound_text, after, |text| measure.parse_value(text))?;
        let name = line[..after + bound_text.len()].trim().to_owned();
        Ok(Self { name, measure, compare, bound, window, abort: false })
    }
}

fn operator_meant(operator: &str) -> Option<&'static str> {
    match operator {
        "≤" | "=<" => Some("<="),
        "≥" | "=>" => Some(">="),
        _ => None,
    }
}

/// Reads the part of a line that begins at `start`, without the white space around it.
fn trimmed<T>(
    text: &str,
    start: usize,
    read: impl FnOnce(&str) -> Result<T, TextError>,
) -> Result<T, TextError> {
    let lead = text.len() - text.trim_start().len();
    read(text.trim()).map_err(|error| error.shifted(start + lead))
}

impl FromStr for Measure {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::parse(text)
    }
}

impl FromStr for Objective {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Self::parse(text)
    }
}

/// The word that means `value`.
fn word_of<T: PartialEq>(words: &'static [(&'static str, T)], value: &T) -> &'static str {
    words.iter().find(|(_, meaning)| meaning == value).map_or("?", |(word, _)| *word)
}

impl fmt::Display for Compare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(&COMPARES, self))
    }
}

impl fmt::Display for LatencyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(word_of(&KINDS, self))
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(percent) => write!(f, "p{percent}"),
            Self::Max => f.write_str("max"),
            Self::Mean => f.write_str("mean"),
        }
    }
}

/// As [`Measure::parse`] reads it.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { statistic, step, kind } => match (step, kind) {
                (None, LatencyKind::Response) => write!(f, "{statistic}"),
                (None, kind) => write!(f, "{statistic}({kind})"),
                (Some(step), LatencyKind::Response) => write!(f, "{statistic}({step})"),
                (Some(step), kind) => write!(f, "{statistic}({step}.{kind})"),
            },
            Self::Share { of, step: None } => f.write_str(word_of(&SHARES, of)),
            Self::Share { of, step: Some(step) } => write!(f, "{}({step})", word_of(&SHARES, of)),
            Self::Throughput(throughput) => f.write_str(word_of(&THROUGHPUTS, throughput)),
            Self::Metric { name, statistic } => write!(f, "{}({name})", word_of(&METRICS, statistic)),
        }
    }
}

/// As [`Objective::parse`] reads it, in the plainest form; `abort` is not part of the line.
impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.measure, self.compare, self.measure.format_value(self.bound))?;
        match self.window {
            Some(window) => write!(f, " for {}", format_duration(window)),
            None => Ok(()),
        }
    }
}
