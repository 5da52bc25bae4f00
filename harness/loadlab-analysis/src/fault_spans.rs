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
    /// When it began, in scenario seconds since the start.
    pub from_s: f64,
    /// When it was healed; the end of the run if nobody said so.
    pub to_s: f64,
    /// What it touched, if that is known.
    pub touched: Option<Touched>,
}

/// The stretches, by their beginnings.
pub fn fault_spans(run: &RunFile) -> Vec<FaultSpan> {
    let mut spans: Vec<FaultSpan> = Vec::new();
    for event in &run.events {
        let at = event.at.as_secs_f64();
        match &event.what {
            EventKind::FaultBegan { name, kind, place } => spans.push(FaultSpan {
                name: name.clone(),
                kind: kind.clone(),
                place: place.clone(),
                from_s: at,
                to_s: run.ending.at.as_secs_f64().max(at),
                touched: None,
            }),
            EventKind::FaultEnded { name, touched } => {
                if let Some(span) = spans.iter_mut().rfind(|span| span.name == *name) {
                    (span.to_s, span.touched) = (at, Some(*touched));
                }
            }
            _ => {}
        }
    }
    spans
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
        let ended = EventKind::FaultEnded { name: "slow".to_owned(), touched };
        let run =
            MadeUp::new().seconds(2, Outcome::Ok, 9).event(began()).seconds(3, Outcome::Ok, 9).event(ended);
        let run = run.seconds(1, Outcome::Ok, 9).event(began()).seconds(4, Outcome::Ok, 9).finished();
        let spans = fault_spans(&run);
        let times: Vec<(f64, f64)> = spans.iter().map(|span| (span.from_s, span.to_s)).collect();
        assert_eq!(times, [(2.0, 5.0), (6.0, 10.0)]);
        assert_eq!([spans[0].touched, spans[1].touched], [Some(touched), None]);
    }
}
