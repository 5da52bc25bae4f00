//! One-line grammars: quantities ([`quantity`]), and measures and objectives ([`measure`]).
//!
//! All of them say where in the line the mistake is, what is accepted there, and what was probably
//! meant.

use std::fmt;

use schemars::Schema;

pub mod measure;
pub mod quantity;

/// A line that does not say what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextError {
    /// What is wrong.
    pub message: String,
    /// First byte of the mistake.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// The forms that are accepted there.
    pub accepted: Option<String>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl TextError {
    /// Something wrong with the bytes from `start` to `end`.
    pub(crate) fn new(start: usize, end: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), start, end: end.max(start), accepted: None, suggestion: None }
    }

    /// Something wrong with all of `text`.
    pub(crate) fn whole(text: &str, message: impl Into<String>) -> Self {
        Self::new(0, text.len(), message)
    }

    pub(crate) fn accepted(mut self, accepted: impl Into<String>) -> Self {
        self.accepted = Some(accepted.into());
        self
    }

    pub(crate) fn suggestion(mut self, suggestion: Option<impl Into<String>>) -> Self {
        self.suggestion = suggestion.map(Into::into);
        self
    }

    /// The same mistake in a line that has `offset` more bytes before it.
    pub(crate) fn shifted(mut self, offset: usize) -> Self {
        self.start += offset;
        self.end += offset;
        self
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(accepted) = &self.accepted {
            write!(f, " (accepted: {accepted})")?;
        }
        if let Some(suggestion) = &self.suggestion {
            write!(f, "; did you mean `{suggestion}`?")?;
        }
        Ok(())
    }
}

impl std::error::Error for TextError {}

/// What a scalar of a scenario file may mean.
pub(crate) trait FromText: Sized {
    /// Reads it.
    fn from_text(text: &str) -> Result<Self, TextError>;

    /// What editors are told.
    fn schema() -> Schema;
}

/// Something with a fixed set of names.
pub(crate) trait Words: Sized + Copy + 'static {
    /// Names and what they mean.
    const WORDS: &'static [(&'static str, Self)];

    /// Something else that may stand in the words' place, for messages.
    const OR: Option<&'static str> = None;
}

impl<T: Words> FromText for T {
    fn from_text(text: &str) -> Result<Self, TextError> {
        let names = || T::WORDS.iter().map(|(name, _)| *name);
        T::WORDS.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
            let accepted = crate::nearest::listed(names());
            let accepted = T::OR.map_or(accepted.clone(), |or| format!("{accepted} or {or}"));
            TextError::whole(text, format!("`{}` is not known here", crate::document::shortened(text)))
                .accepted(accepted)
                .suggestion(crate::nearest::nearest(text, names()))
        })
    }

    fn schema() -> Schema {
        let names: Vec<&str> = T::WORDS.iter().map(|(name, _)| *name).collect();
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}
