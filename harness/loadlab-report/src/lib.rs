//! A judged run file to bytes: terminal, HTML, Markdown, JUnit, JSON.
//!
//! ```text
//!             +-- facts: what is said ------+--> terminal, Markdown, JUnit
//!   RunFile --+                             |
//!             +-- plots --chart--> SVG -----+--> HTML, one file
//!   StudyResult, SearchResult, Comparison, Trends ------> terminal, Markdown, HTML
//!   GateJob ------------------------> the same, JUnit, and what GitHub reads
//! ```
//!
//! A report is a function of the run file: the same file gives the same bytes, on any machine and
//! at any time. Nothing is measured or judged here, and nothing is read from anywhere else. One
//! output format is one file; [`Format`] is where they are registered.

mod chart;
mod comparison;
mod facts;
mod figures;
mod format;
mod gate;
mod html;
mod json;
mod junit;
mod markdown;
mod plots;
mod progress;
mod search;
mod series;
mod study;
mod template;
mod terminal;
mod trend;

pub use comparison::{comparison_html, comparison_markdown, comparison_text};
pub use format::{Format, FormatError};
pub use gate::{
    GatePlan, gate_annotations, gate_html, gate_junit, gate_label, gate_line, gate_markdown, gate_plan,
    gate_search_line, gate_summary, gate_text,
};

pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use progress::{Pool, ProgressState, progress_line};
pub use search::{
    hidden_label, hidden_line, hidden_plan, mode_name, search_html, search_markdown, search_plan,
    search_text, trial_label, trial_line,
};
pub use study::{study_html, study_json, study_markdown, study_text};
pub use terminal::{TerminalOptions, terminal};
pub use trend::{trend_html, trend_markdown, trend_text};
