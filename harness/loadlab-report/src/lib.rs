//! Findings to bytes: terminal, Markdown, HTML, JUnit.
