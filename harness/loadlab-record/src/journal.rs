//! The journal: one JSON line per thing that happened, appended while the run goes on. A torn last
//! line is what a SIGKILL leaves, and is skipped.

use std::{collections::BTreeMap, fmt};

use loadlab_clock::Offset;
use loadlab_scenario::Plan;
use serde::{Deserialize, Serialize};

use crate::{GeneratorSample, RunEvent, Scrape, Window};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalLine {
    /// The first line.
    Header(Box<Header>),
    /// A second of load.
    Window(Box<Window>),
    /// A second of the generator.
    Generator(GeneratorSample),
    /// Something that happened.
    Event(RunEvent),
    /// What a process published.
    Scrape(Scrape),
    /// The last line of a run that ended by itself or was asked to.
    Ending(Ending),
}

impl JournalLine {
    /// The line as text, with its line feed. A published value that is not finite (Prometheus allows
    /// it, JSON does not) is left out.
    pub fn to_line(&self) -> String {
        let finite = match self {
            Self::Scrape(scrape) if scrape.values.values().any(|value| !value.is_finite()) => {
                let mut scrape = scrape.clone();
                scrape.values.retain(|_, value| value.is_finite());
                Some(Self::Scrape(scrape))
            }
            _ => None,
        };
        let text = serde_json::to_string(finite.as_ref().unwrap_or(self));
        text.expect("journal lines have text keys and histograms within their bounds") + "\n"
    }
}

/// What is known before the first arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Header {
    /// Version of the journal and of the run file.
    pub format: u32,
    /// What the run does.
    pub plan: Plan,
    /// Where and with what it ran.
    pub environment: Environment,
    /// What was loaded.
    pub target: TargetInfo,
}

/// Where and with what a run ran.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Environment {
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// loadlab's version.
    pub loadlab: String,
    /// CPU model.
    pub cpu_model: String,
    /// Cores this process may use.
    pub cores: u32,
    /// Memory of the machine, in bytes.
    pub memory_bytes: u64,
    /// Kernel release.
    pub kernel: String,
    /// Operating system.
    pub os: String,
    /// The command line.
    pub command: Vec<String>,
    /// 1-minute load average before the start, to see whether the machine was quiet.
    pub load_average: f64,
}

/// What was loaded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TargetInfo {
    /// The base address of the requests.
    pub base: String,
    /// The profile, for the reference target.
    pub profile: Option<String>,
    /// The profile's settings as they were in force, for the reference target.
    pub settings: Option<serde_json::Value>,
    /// The edges of the stack: name to address.
    pub edges: BTreeMap<String, String>,
    /// Versions of what the stack is made of.
    pub versions: BTreeMap<String, String>,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ending {
    /// When, in scenario time.
    pub at: Offset,
    /// Why.
    pub reason: EndReason,
    /// Arrivals still under way, which ended with the run.
    pub in_flight: u64,
}

/// Why the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// The plan was carried out.
    Finished,
    /// An objective with `abort` was missed.
    Aborted {
        /// Its line.
        objective: String,
    },
    /// A condition of `abort_if` held.
    AbortedIf {
        /// The condition with its window.
        condition: String,
    },
    /// A signal: 2 is SIGINT, 15 SIGTERM.
    Signal(i32),
    /// The target was lost.
    TargetLost {
        /// How.
        how: String,
    },
    /// There is no last line: the process was killed.
    Killed,
}

/// A journal, read. Lines in the order of writing.
#[derive(Debug, Clone, PartialEq)]
pub struct Journal {
    /// Its first line.
    pub header: Header,
    /// What came after it, but the ending.
    pub lines: Vec<JournalLine>,
    /// How it ended; `None` after a SIGKILL.
    pub ending: Option<Ending>,
}

/// Text that is no journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalError {
    /// There is no first line, or it is no header.
    NoHeader {
        /// What the parser said.
        reason: String,
    },
    /// A line that is not the last cannot be read.
    BadLine {
        /// Which, counted from 1.
        line: usize,
        /// What the parser said.
        reason: String,
    },
    /// Written by a newer loadlab.
    Format {
        /// The version it has.
        found: u32,
        /// The newest that is understood.
        newest: u32,
    },
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader { reason } => write!(f, "the journal has no header: {reason}"),
            Self::BadLine { line, reason } => {
                write!(f, "line {line} of the journal cannot be read: {reason}")
            }
            Self::Format { found, newest } => {
                write!(
                    f,
                    "the journal has format {found}, newer than {newest}, the newest this loadlab reads"
                )
            }
        }
    }
}

impl std::error::Error for JournalError {}

impl Journal {
    /// Reads a journal's text. A last line that cannot be read is skipped: it was being written.
    pub fn parse(text: &str) -> Result<Self, JournalError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
        let header = match lines.next().map(|(_, line)| serde_json::from_str(line)) {
            Some(Ok(JournalLine::Header(header))) => *header,
            Some(Ok(_)) => {
                return Err(JournalError::NoHeader { reason: "the first line is another".to_owned() });
            }
            Some(Err(error)) => return Err(JournalError::NoHeader { reason: error.to_string() }),
            None => return Err(JournalError::NoHeader { reason: "it is empty".to_owned() }),
        };
        if header.format > crate::FORMAT {
            return Err(JournalError::Format { found: header.format, newest: crate::FORMAT });
        }
        let mut journal = Self { header, lines: Vec::new(), ending: None };
        while let Some((number, line)) = lines.next() {
            match serde_json::from_str(line) {
                Ok(JournalLine::Ending(ending)) => journal.ending = Some(ending),
                Ok(line) => journal.lines.push(line),
                Err(_) if lines.peek().is_none() => {}
                Err(error) => {
                    return Err(JournalError::BadLine { line: number + 1, reason: error.to_string() });
                }
            }
        }
        Ok(journal)
    }

    /// The text that [`Journal::parse`] reads.
    pub fn to_text(&self) -> String {
        let header = JournalLine::Header(Box::new(self.header.clone())).to_line();
        let ending = self.ending.clone().map(|ending| JournalLine::Ending(ending).to_line());
        header
            + &self.lines.iter().map(JournalLine::to_line).collect::<String>()
            + &ending.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FORMAT, synthetic::Synthetic};

    #[test]
    fn a_journal_reads_back_equal() {
        let journal = Synthetic::burst(20).journal();
        assert_eq!(Journal::parse(&journal.to_text()), Ok(journal));
    }

    #[test]
    fn a_torn_last_line_is_skipped_wherever_it_is_torn() {
        let journal = Synthetic::burst(20).journal();
        let text = journal.to_text();
        let last = text.trim_end().rfind('\n').expect("there are many lines") + 1;
        for end in last..text.len() - 1 {
            let torn = Journal::parse(&text[..end]).expect("only the last line is torn");
            assert_eq!((torn.ending, torn.lines.len()), (None, journal.lines.len()), "torn at {end}");
        }
    }

    #[test]
    fn a_bad_line_in_the_middle_is_named() {
        let text = Synthetic::burst(20).journal().to_text();
        let broken: Vec<&str> =
            text.lines().enumerate().map(|(at, line)| if at == 6 { "{\"wind" } else { line }).collect();
        let error = Journal::parse(&broken.join("\n")).expect_err("line 7 is broken");
        assert!(matches!(error, JournalError::BadLine { line: 7, .. }), "{error}");
        assert!(error.to_string().starts_with("line 7 of the journal cannot be read: EOF"), "{error}");
    }

    #[test]
    fn what_has_no_header_or_a_newer_one_is_refused() {
        let journal = Synthetic::burst(1).journal();
        let first = journal.lines[0].to_line();
        for (text, reason) in
            [("", "it is empty"), ("\n{}", "expected value"), (&first, "the first line is another")]
        {
            let error = Journal::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("the journal has no header: ") && error.contains(reason), "{error}");
        }
        let newer = Journal { header: Header { format: 7, ..journal.header.clone() }, ..journal };
        assert_eq!(Journal::parse(&newer.to_text()), Err(JournalError::Format { found: 7, newest: FORMAT }));
    }

    #[test]
    fn values_that_json_cannot_hold_are_left_out_of_a_scrape() {
        let values = BTreeMap::from([
            ("a".to_owned(), f64::NAN),
            ("b".to_owned(), 1.5),
            ("c".to_owned(), f64::INFINITY),
        ]);
        let line = JournalLine::Scrape(Scrape { at: Offset::ZERO, role: "llm".to_owned(), values }).to_line();
        assert_eq!(line, "{\"scrape\":{\"at\":0,\"role\":\"llm\",\"values\":{\"b\":1.5}}}\n");
    }
}
