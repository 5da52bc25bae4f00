//! The output formats, by name.

use std::{fmt, str::FromStr};

use loadlab_record::RunFile;

use crate::{TerminalOptions, html, json, junit, markdown, terminal};

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The summary after a run.
    Terminal,
    /// A page: one file that needs no network.
    Html,
    /// Text with tables, for a pull request.
    Markdown,
    /// One test case per objective, for CI.
    Junit,
    /// The run file itself.
    Json,
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError {
    /// What was asked for.
    pub name: String,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Format::ALL.map(Format::name).join(", ");
        write!(f, "`{}` is no report format: the formats are {names}", self.name)
    }
}

impl std::error::Error for FormatError {}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Terminal, Self::Html, Self::Markdown, Self::Junit, Self::Json];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Html => "html",
            Self::Markdown => "markdown",
            Self::Junit => "junit",
            Self::Json => "json",
        }
    }

    /// The file that a report folder holds it in; `None` for what is only shown.
    pub const fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Terminal => None,
            Self::Html => Some("report.html"),
            Self::Markdown => Some("report.md"),
            Self::Junit => Some("junit.xml"),
            Self::Json => Some("run.json"),
        }
    }

    /// The report. `terminal` says how wide and whether in colour; the other formats do not look
    /// at it.
    pub fn render(self, run: &RunFile, terminal_options: &TerminalOptions) -> String {
        match self {
            Self::Terminal => terminal(run, terminal_options),
            Self::Html => html(run),
            Self::Markdown => markdown(run),
            Self::Junit => junit(run),
            Self::Json => json(run),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| FormatError { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
    }

    #[test]
    fn an_unknown_format_names_the_known_ones() {
        let error = "pdf".parse::<Format>().expect_err("no such format");
        assert_eq!(
            error.to_string(),
            "`pdf` is no report format: the formats are terminal, html, markdown, junit, json"
        );
    }
}
