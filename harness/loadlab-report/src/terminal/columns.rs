//! Columns of text within a width: aligned, styled, and wrapped where there is no room.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::{facts::Tone, figures};

/// Between two columns.
const GAP: usize = 2;

/// How a cell is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Look {
    /// As it is.
    #[default]
    Plain,
    /// What carries the message.
    Strong,
    /// What can be passed over.
    Faint,
    /// With the colour of a tone.
    Toned(Tone),
}

/// A cell.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    text: String,
    look: Look,
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    /// Numbers go to the right.
    pub(super) right: bool,
    /// It wraps when there is no room for all columns.
    pub(super) wraps: bool,
}

/// Words to the left, never wrapped.
pub(super) const WORD: Column = Column { right: false, wraps: false };
/// Numbers to the right, never wrapped.
pub(super) const NUMBER: Column = Column { right: true, wraps: false };
/// Text that wraps.
pub(super) const TEXT: Column = Column { right: false, wraps: true };

/// Writes text with or without colour.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pen {
    /// Columns there are.
    pub(super) width: usize,
    /// Colours are wanted.
    pub(super) color: bool,
}

impl Cell {
    /// A cell that looks as it is.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), look: Look::Plain }
    }

    /// With a look.
    pub(super) fn look(self, look: Look) -> Self {
        Self { look, ..self }
    }
}

impl Pen {
    /// Text with a look. Control characters are dropped: names are user text, and a terminal obeys
    /// what it is sent.
    pub(super) fn paint(self, text: &str, look: Look) -> String {
        let text: String = text.chars().filter(|letter| !letter.is_control()).collect();
        let style = match look {
            Look::Plain => return text,
            _ if !self.color || text.is_empty() => return text,
            Look::Strong => Style::new().bold(),
            Look::Faint => Style::new().dimmed(),
            Look::Toned(Tone::Good) => AnsiColor::Green.on_default(),
            Look::Toned(Tone::Bad) => AnsiColor::Red.on_default().bold(),
            Look::Toned(Tone::Warn) => AnsiColor::Yellow.on_default(),
        };
        format!("{style}{text}{style:#}")
    }

    /// Lines of `text`, wrapped at words, each after `indent` blanks.
    pub(super) fn paragraph(self, text: &str, indent: usize, look: Look) -> Vec<String> {
        let lines = wrapped(text, self.width.saturating_sub(indent));
        lines.into_iter().map(|line| format!("{:indent$}{}", "", self.paint(&line, look))).collect()
    }

    /// Rows as aligned columns, after `indent` blanks. A column that wraps gets what the others
    /// leave.
    pub(super) fn table(self, columns: &[Column], rows: &[Vec<Cell>], indent: usize) -> Vec<String> {
        let widths = self.widths(columns, rows, indent);
        let mut lines = Vec::new();
        for row in rows {
            let cells: Vec<Vec<String>> =
                row.iter().zip(&widths).map(|(cell, width)| wrapped(&cell.text, *width)).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            for line_number in 0..height {
                let mut line = " ".repeat(indent);
                for (index, column) in columns.iter().enumerate().take(row.len()) {
                    let text = cells[index].get(line_number).map_or("", String::as_str);
                    let pad = " ".repeat(widths[index].saturating_sub(text.width()));
                    let painted = self.paint(text, row[index].look);
                    let (before, after) = if column.right { (pad.as_str(), "") } else { ("", pad.as_str()) };
                    let gap = if index > 0 { GAP } else { 0 };
                    line = format!("{line}{:gap$}{before}{painted}{after}", "");
                }
                lines.push(line.trim_end().to_owned());
            }
        }
        lines
    }

    fn widths(self, columns: &[Column], rows: &[Vec<Cell>], indent: usize) -> Vec<usize> {
        let natural = |index: usize| {
            rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.text.width()).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns.len()).map(natural).collect();
        let room = self.width.saturating_sub(indent + GAP * columns.len().saturating_sub(1));
        let wrapping: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].wraps).collect();
        let fixed: usize =
            (0..columns.len()).filter(|index| !columns[*index].wraps).map(|index| widths[index]).sum();
        let mut rest = room.saturating_sub(fixed);
        // The narrow ones first: what they do not need is left for the wide ones.
        let mut order = wrapping.clone();
        order.sort_by_key(|index| widths[*index]);
        for (done, index) in order.iter().enumerate() {
            let fair = (rest / (order.len() - done)).max(8);
            widths[*index] = widths[*index].min(fair);
            rest = rest.saturating_sub(widths[*index]);
        }
        widths
    }
}

/// Text in lines of at most `width` columns, broken at blanks where there are any, but not between a
/// number and its unit.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let glued = figures::glued(text);
    for word in glued.split([' ', '\n', '\t']).filter(|word| !word.is_empty()) {
        let word = word.replace('\u{a0}', " ");
        let mut word = word.as_str();
        loop {
            let line = lines.last_mut().expect("there is always a last line");
            let used = line.width();
            let blank = usize::from(used > 0);
            if used + blank + word.width() <= width {
                line.push_str(&" ".repeat(blank));
                line.push_str(word);
                break;
            }
            if used > 0 {
                lines.push(String::new());
                continue;
            }
            // A word wider than a line is cut.
            let cut = cut_at(word, width);
            line.push_str(&word[..cut]);
            lines.push(String::new());
            word = &word[cut..];
        }
    }
    lines
}

/// The byte at which `word` has filled `width` columns, at least one letter on.
fn cut_at(word: &str, width: usize) -> usize {
    let ends = word.char_indices().map(|(start, letter)| start + letter.len_utf8());
    let fits = ends.take_while(|end| word[..*end].width() <= width).last();
    fits.unwrap_or_else(|| word.chars().next().map_or(word.len(), char::len_utf8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_at_blanks_and_a_long_word_is_cut() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrapped("", 10), [""]);
        assert_eq!(wrapped("日本語", 4), ["日本", "語"]);
    }

    #[test]
    fn columns_fit_the_width_whatever_the_text() {
        let pen = Pen { width: 40, color: false };
        let rows = vec![
            vec![Cell::new("x".repeat(50)), Cell::new("1 s"), Cell::new("a note that is rather long")],
            vec![Cell::new("short"), Cell::new("12.5 s"), Cell::new("")],
        ];
        let lines = pen.table(&[TEXT, NUMBER, TEXT], &rows, 2);
        assert!(lines.iter().all(|line| line.width() <= 40), "{lines:#?}");
        assert!(lines.iter().any(|line| line.trim_start().starts_with("short") && line.ends_with("12.5 s")));
    }

    #[test]
    fn colour_is_there_only_when_asked() {
        let look = Look::Toned(Tone::Bad);
        assert_eq!(Pen { width: 10, color: false }.paint("x", look), "x");
        assert_eq!(Pen { width: 10, color: true }.paint("x", look), "\u{1b}[1m\u{1b}[31mx\u{1b}[0m");
    }
}
