//! The decision tree of the stress-test report, as data, answered from the measurements.
//!
//! A symptom has questions, a question has branches, and each branch says what to look at. Symptoms that were
//! not there are not asked about, and what is not known is said.

use loadlab_record::Diagnosed;

use super::{readings::Readings, signals::Signals};
use crate::words::{number, seconds_text, value_text};

/// The report: more than 10 % errors are a failure of the database or the LLM.
const ERRORS_HIGH: f64 = 0.10;
/// The report: above 1.5 GB of a machine of 2 GB the OOM killer is likely, so 75 % of the limit.
const MEMORY_HIGH: f64 = 0.75;
/// The report: below 1 GB of 2 GB it is the network.
const MEMORY_LOW: f64 = 0.5;
/// The report: more than 500 streams are too many, under 100 the network may be slow.
const STREAMS_MANY: f64 = 500.0;
/// A rise of this much within two seconds is sudden.
const SUDDEN: f64 = 0.4;

/// A symptom with its questions.
struct Symptom {
    says: &'static str,
    /// Whether it was there.
    seen: fn(&Readings, &Signals<'_>) -> bool,
    questions: &'static [Question],
}

/// A question, the measurement that answers it, and what follows from the answer.
struct Question {
    asks: &'static str,
    /// Which branch, and the answer in words; `None` if it is not known.
    answer: fn(&Readings, &Signals<'_>) -> Option<(usize, String)>,
    /// What to look at, by branch.
    branches: &'static [&'static str],
}

/// The tree.
const TREE: [Symptom; 4] = [
    Symptom {
        says: "searches are slow",
        seen: |readings, _| {
            let late = readings.late.zip(readings.late_allowed).is_some_and(|(late, allowed)| late > allowed);
            late || readings.slower.is_some_and(|slower| slower >= 2.0) || readings.errors > readings.allowed
        },
        questions: &[
            Question {
                asks: "gradual or sudden?",
                answer: gradual_or_sudden,
                branches: &[
                    "the pool and the queue before it: a larger pool, or fewer and shorter holds",
                    "what was lost at that moment: a cache, the database, an instance",
                ],
            },
            Question {
                asks: "many errors, or only latency?",
                answer: |readings, _| {
                    let branch = usize::from(readings.errors > ERRORS_HIGH);
                    let few = ["few", "many"][branch];
                    Some((
                        branch,
                        format!("{few}: {} of the arrivals failed", value_text(readings.errors, "share")),
                    ))
                },
                branches: &[
                    "where requests queue",
                    "the database and the LLM: which of them fails or is slow",
                ],
            },
            Question {
                asks: "which resource was full?",
                answer: |readings, _| {
                    let share = readings.full_share?;
                    Some(match &readings.full_resource {
                        Some(name) => (1, format!("{name}, for {} of the time", value_text(share, "share"))),
                        None => (0, "none that is published".to_owned()),
                    })
                },
                branches: &["the service times of the dependencies", "its size, and how long one is held"],
            },
            Question {
                asks: "is a dependency slower than before?",
                answer: |readings, _| {
                    let slowest = readings.slowest()?;
                    let slower = slowest.slower?;
                    let text = format!("the {} took {} times as long", slowest.name, number(slower));
                    Some((usize::from(slower >= super::rules::DEPENDENCY_SLOWER), text))
                },
                branches: &[
                    "demand: more work than there is capacity",
                    "that dependency, and the time-out towards it",
                ],
            },
        ],
    },
    Symptom {
        says: "connections are reset now and then",
        seen: |readings, _| readings.cut > 0.0,
        questions: &[
            Question {
                asks: "how much memory?",
                answer: |readings, _| {
                    let used = readings.memory_of_limit?;
                    let branch = if used > MEMORY_HIGH { 2 } else { usize::from(used > MEMORY_LOW) };
                    Some((branch, format!("{} of the limit at most", value_text(used, "share"))))
                },
                branches: &[
                    "the network between client and target",
                    "the memory curve",
                    "the OOM killer, and what the memory is held for",
                ],
            },
            Question {
                asks: "how many streams?",
                answer: |_, signals| {
                    let streams = signals.facts("streams_open", signals.span)?.peak;
                    let many = usize::from(streams > STREAMS_MANY);
                    Some((many, format!("{} at most", number(streams))))
                },
                branches: &["how fast clients read", "a limit on concurrent streams"],
            },
            Question {
                asks: "did the target refuse them itself?",
                answer: |readings, _| {
                    let branch = usize::from(readings.cut_explained > 0.5);
                    let text =
                        format!("{} of them are accounted for", value_text(readings.cut_explained, "share"));
                    Some((branch, text))
                },
                branches: &[
                    "what ends connections without saying so",
                    "the limit that refuses them, or the fault that cut them",
                ],
            },
        ],
    },
    Symptom {
        says: "wrong answers are returned",
        seen: |_, signals| signals.sum(signals.span, |one| one.wrong) > 0.0,
        questions: &[Question {
            asks: "is a cache involved?",
            answer: |readings, _| {
                let hits = readings.hits?;
                Some((usize::from(hits > 0.0), format!("{} of the look-ups hit", value_text(hits, "share"))))
            },
            branches: &[
                "the LLM, and the judge of its answers",
                "the versions of prompt and embeddings that the keys carry",
            ],
        }],
    },
    Symptom {
        says: "the LLM seems to be down",
        seen: |readings, signals| {
            let errors = signals.rise_of("llm_calls_total", &[("outcome", "error")], signals.span);
            let timeouts = signals.rise_of("llm_calls_total", &[("outcome", "timeout")], signals.span);
            readings.breaker_open == Some(true) || errors.unwrap_or(0.0) + timeouts.unwrap_or(0.0) > 0.0
        },
        questions: &[Question {
            asks: "what does the breaker say?",
            answer: |readings, signals| {
                let open = readings.breaker_open?;
                let refused = signals.rise("breaker_rejections_total", signals.span);
                let refused =
                    refused.map_or_else(String::new, |count| format!(", and refused {}", number(count)));
                let text = if open { format!("it opened{refused}") } else { "it stayed closed".to_owned() };
                Some((usize::from(open), text))
            },
            branches: &[
                "elsewhere: the breaker is fine",
                "the LLM itself, and how long the breaker stays open",
            ],
        }],
    },
];

/// The questions of the symptoms that were there.
pub(super) fn answer(signals: &Signals<'_>, readings: &Readings) -> Vec<Diagnosed> {
    let mut answered = Vec::new();
    for symptom in TREE.iter().filter(|symptom| (symptom.seen)(readings, signals)) {
        for question in symptom.questions {
            let (answer, look_at) = match (question.answer)(readings, signals) {
                Some((branch, text)) => (text, question.branches[branch]),
                None => ("it is not known: the target does not publish it".to_owned(), ""),
            };
            answered.push(Diagnosed {
                symptom: symptom.says.to_owned(),
                question: question.asks.to_owned(),
                answer,
                look_at: look_at.to_owned(),
            });
        }
    }
    answered
}

fn gradual_or_sudden(readings: &Readings, _: &Signals<'_>) -> Option<(usize, String)> {
    let jump = readings.jump?;
    let rise = jump.after - jump.before;
    let (branch, word) = if rise >= SUDDEN { (1, "sudden") } else { (0, "gradual") };
    let points = number((rise * 100.0).max(0.0));
    Some((
        branch,
        format!("{word}: errors rose by at most {points} points within 2 s, at {}", seconds_text(jump.at_s)),
    ))
}
