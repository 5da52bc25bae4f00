//! Mistakes as people and programs read them: `file:LINE:COLUMN`, the line, a caret, what is accepted.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::document::Problem;

/// Most mistakes that are told; whoever has more has one cause, and sees it in the first.
const SHOWN_MAX: usize = 100;
/// Longest excerpt of a line, in characters; a longer line is cut around the mistake.
const EXCERPT_MAX: usize = 100;
/// Characters of a cut line before the mistake.
const EXCERPT_BEFORE: usize = 40;

/// All mistakes of a scenario, in the order of their places. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(pub Vec<Diagnostic>);

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file, as it was named; or the whole argument: `--set load.burst.users=abc`.
    pub path: String,
    /// Line in the file, from 1. Arguments have none.
    pub line: Option<usize>,
    /// Column in characters, from 1. Arguments have none.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// The line as it stands in the file, cut to 100 characters around the mistake.
    pub excerpt: String,
    /// Where the mistake is in the excerpt, in characters from 0.
    pub excerpt_start: usize,
    /// How many characters of the excerpt it covers, at least 1.
    pub excerpt_length: usize,
    /// The forms that are accepted here.
    pub accepted: Option<String>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl std::error::Error for Diagnostics {}

impl Diagnostics {
    /// Sorted by place, each mistake once.
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (!problem.place.text.is_file, problem.place.range.start));
        // What an alias repeats is wrong once.
        let mut told = BTreeSet::new();
        problems.retain(|Problem { place, message, .. }| {
            told.insert((place.text.label.clone(), place.range.start, message.clone()))
        });
        Self(problems.into_iter().take(SHOWN_MAX).map(Diagnostic::new).collect())
    }
}

impl Diagnostic {
    fn new(problem: Problem) -> Self {
        let Problem { place, message, accepted, suggestion } = problem;
        let content = &place.text.content;
        let start = place.range.start.min(content.len());
        let line_start = content[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = content[start..].find('\n').map_or(content.len(), |at| start + at);
        let line = content[line_start..line_end].trim_end_matches('\r');
        let column = content[line_start..start].chars().count();
        let end = place.range.end.clamp(start, line_end.max(start));
        let length = content[start..end].trim_end().chars().count().max(1);
        let (excerpt, excerpt_start) = excerpt(line, column);
        let excerpt_length = length.min(excerpt.chars().count().saturating_sub(excerpt_start)).max(1);
        let is_file = place.text.is_file;
        Self {
            path: place.text.label.clone(),
            line: is_file.then(|| 1 + content[..start].matches('\n').count()),
            column: is_file.then_some(column + 1),
            message,
            excerpt,
            excerpt_start,
            excerpt_length,
            accepted,
            suggestion,
        }
    }
}

/// The part of `line` around the character `column`, without control characters, and where `column` is
/// in it.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let skip = if line.chars().count() > EXCERPT_MAX { column.saturating_sub(EXCERPT_BEFORE) } else { 0 };
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = line.chars().map(visible).skip(skip).take(EXCERPT_MAX).collect();
    (text.trim_end().to_owned(), column - skip)
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

/// Without a line break at its end.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        writeln!(f, ": {}", self.message)?;
        let number = self.line.map_or(String::new(), |line| line.to_string());
        let margin = " ".repeat(number.len().max(2));
        writeln!(f, "{number:>2} | {}", self.excerpt)?;
        write!(f, "{margin} | {}{}", " ".repeat(self.excerpt_start), "^".repeat(self.excerpt_length))?;
        if let Some(accepted) = &self.accepted {
            write!(f, "\n{margin} = accepted: {accepted}")?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "\n{margin} = did you mean `{suggestion}`?")?;
        }
        Ok(())
    }
}
