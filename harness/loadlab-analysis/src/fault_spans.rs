//! When each fault of a run was on, and what it touched.

use loadlab_record::{EventKind, RunFile, Touched};

/// A stretch in which a fault was on.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpan {
    /// Its name.
    pub name: String,
    /// What it did: `latency`.
    pub kind: String,
    /// Where: an edge or a role.
    pub place: String,
    /// When it was asked for, in scenario seconds since the start.
    pub asked_s: Option<f64>,
    /// When it began, as whoever carried it out said.
    pub from_s: f64,
    /// When a probe met it.
    pub seen_s: Option<f64>,
    /// When it was healed; the end of the run if nobody said so.
    pub to_s: f64,
    /// When a probe came back as before it.
    pub gone_s: Option<f64>,
    /// What it touched, if that is known.
    pub touched: Option<Touched>,
}

/// The stretches, by their beginnings.
pub fn fault_spans(run: &RunFile) -> Vec<FaultSpan> {
    let mut spans: Vec<FaultSpan> = Vec::new();
    let mut asked: Vec<(&str, f64)> = Vec::new();
    for event in &run.events {
        let at = event.at.as_secs_f64();
        match &event.what {
            EventKind::FaultAsked { name } => asked.push((name, at)),
            EventKind::FaultBegan { name, kind, place } => {
                let place_of = asked.iter().rposition(|(of, _)| of == name);
                let asked_s = place_of.map(|place| asked.remove(place).1);
                spans.push(FaultSpan {
                    name: name.clone(),
                    kind: kind.clone(),
                    place: place.clone(),
                    asked_s,
                    from_s: at,
                    seen_s: None,
                    to_s: run.ending.at.as_secs_f64().max(at),
                    gone_s: None,
                    touched: None,
                });
            }
            EventKind::FaultSeen { name } => {
                if let Some(span) = newest(&mut spans, name) {
                    span.seen_s = Some(at);
                }
            }
            EventKind::FaultEnded { name, touched } => {
                if let Some(span) = newest(&mut spans, name) {
                    (span.to_s, span.touched) = (at, *touched);
                }
            }
            EventKind::FaultGone { name } => {
                if let Some(span) = newest(&mut spans, name) {
                    span.gone_s = Some(at);
                }
            }
            _ => {}
        }
    }
    spans
}

/// Faults of one name do not overlap, so what is said of it is said of the newest.
fn newest<'a>(spans: &'a mut [FaultSpan], name: &str) -> Option<&'a mut FaultSpan> {
    spans.iter_mut().rfind(|span| span.name == name)
}

#[cfg(test)]
mod tests {
    use loadlab_record::Outcome;

    use super::*;
    use crate::made_up::MadeUp;

    #[test]
    fn a_fault_is_on_from_its_beginning_to_its_end_or_the_runs() {
        let began = || EventKind::FaultBegan {
            name: "slow".to_owned(),
            kind: "latency".to_owned(),
            place: "a/b".to_owned(),
        };
        let touched = Touched { connections: 3, ..Touched::default() };
        let ended = EventKind::FaultEnded { name: "slow".to_owned(), touched: Some(touched) };
        let run =
            MadeUp::new().seconds(2, Outcome::Ok, 9).event(began()).seconds(3, Outcome::Ok, 9).event(ended);
        let run = run.seconds(1, Outcome::Ok, 9).event(began()).seconds(4, Outcome::Ok, 9).finished();
        let spans = fault_spans(&run);
        let times: Vec<(f64, f64)> = spans.iter().map(|span| (span.from_s, span.to_s)).collect();
        assert_eq!(times, [(2.0, 5.0), (6.0, 10.0)]);
        assert_eq!([spans[0].touched, spans[1].touched], [Some(touched), None]);
    }
}
