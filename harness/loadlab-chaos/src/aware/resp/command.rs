//! Reads commands from a stream of bytes, however it is cut: arrays of bulk strings, or a line.
//!
//! Nothing is kept but the first arguments, up to a bound, until it is clear what the command is;
//! its value may be of any size. The bytes themselves stay with the caller.

use super::{
    number::{Number, NumberLine, Read},
    table::{Head, recognise},
};

/// Most bytes of a command that are read before it is decided what it is: Redis's own bound for a
/// command on a line.
const HEAD_MAX: usize = 64 * 1024;

/// What the bytes that were read lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// All were read and the command goes on.
    More,
    /// It is clear what the command is. It may have ended; the next call says so.
    Head(Head),
    /// The command ends here.
    End,
    /// Something that Redis ignores ends here: an empty line or array.
    Blank,
    /// This is no command. Nothing more can be read.
    NotResp,
}

/// Reads one command after another.
#[derive(Debug, Default)]
pub(super) struct CommandParser {
    state: State,
    arguments: Vec<Vec<u8>>,
    /// Arguments still to come.
    left: u64,
    /// Bytes of this command so far.
    length: usize,
    /// An argument was completed since the command was last looked at.
    fresh: bool,
    recognised: bool,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Start,
    /// After `*`.
    Count(NumberLine),
    /// At the `$` of the next argument.
    Argument,
    /// After `$`.
    Length(NumberLine),
    /// In an argument's bytes.
    Bulk(u64),
    /// At the CR LF after them; how much of it was seen.
    BulkEnd(usize),
    /// In a line, which is kept.
    Line(Vec<u8>),
    /// All bytes were read; its end was not told.
    Complete,
}

impl CommandParser {
    /// Whether the next byte begins a command.
    pub(super) fn at_start(&self) -> bool {
        matches!(self.state, State::Start)
    }

    /// Whether it was told what the command is whose bytes come now.
    pub(super) fn is_decided(&self) -> bool {
        self.recognised
    }

    /// Reads on. Gives how many bytes were read, which is all of them unless something happened.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, Step) {
        let mut at = 0;
        loop {
            if matches!(self.state, State::Complete) {
                if let Some(head) = self.recognise(true) {
                    return (at, Step::Head(head));
                }
                *self = Self::default();
                return (at, Step::End);
            }
            let too_long = self.length > HEAD_MAX;
            if (too_long || std::mem::take(&mut self.fresh))
                && let Some(head) = self.recognise(too_long)
            {
                return (at, Step::Head(head));
            }
            let rest = &bytes[at..];
            if rest.is_empty() {
                return (at, Step::More);
            }
            let (read, step) = self.read(rest);
            at += read;
            self.length += read;
            match step {
                None => {}
                Some(step) => {
                    *self = Self::default();
                    return (at, step);
                }
            }
        }
    }

    /// What the command is, once, as soon as that is clear.
    fn recognise(&mut self, complete: bool) -> Option<Head> {
        if self.recognised {
            return None;
        }
        let partial = matches!(self.state, State::Bulk(_) | State::BulkEnd(_));
        let known = self.arguments.len() - usize::from(partial);
        if let Some(name) = self.arguments[..known].first_mut() {
            name.make_ascii_uppercase();
        }
        // A command of which not even the name fits is no command that anybody names.
        let unnamed = complete && known == 0;
        let head = recognise(&self.arguments[..known], complete)
            .or_else(|| unnamed.then(|| Head { name: Vec::new(), keys: Vec::new(), passes: None }))?;
        self.recognised = true;
        self.arguments = Vec::new();
        Some(head)
    }

    /// Reads a part, at least one byte. A step ends the command.
    fn read(&mut self, bytes: &[u8]) -> (usize, Option<Step>) {
        let first = bytes[0];
        match &mut self.state {
            State::Start => match first {
                b'*' => self.go(State::Count(NumberLine::default())),
                b'a'..=b'z' | b'A'..=b'Z' | b'\r' | b'\n' | b' ' | b'\t' | b'"' | b'\'' => {
                    self.state = State::Line(Vec::new());
                    (0, None)
                }
                _ => (0, Some(Step::NotResp)),
            },
            State::Count(line) => match line.push(first) {
                Read::More => (1, None),
                Read::Done(Number::Value(count)) if count > 0 => {
                    self.left = count as u64;
                    self.go(State::Argument)
                }
                Read::Done(Number::Value(_)) => (1, Some(Step::Blank)),
                Read::Done(Number::Streamed) | Read::Wrong => (1, Some(Step::NotResp)),
            },
            State::Argument if first == b'$' => self.go(State::Length(NumberLine::default())),
            State::Length(line) => match line.push(first) {
                Read::More => (1, None),
                Read::Done(Number::Value(length)) if length >= 0 => {
                    self.begin_bulk(length as u64);
                    (1, None)
                }
                Read::Done(_) | Read::Wrong => (1, Some(Step::NotResp)),
            },
            State::Bulk(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                let ended = *left == 0;
                if !self.recognised
                    && let Some(argument) = self.arguments.last_mut()
                {
                    argument.extend_from_slice(&bytes[..taken.min(HEAD_MAX)]);
                }
                if ended {
                    self.state = State::BulkEnd(0);
                }
                (taken, None)
            }
            State::BulkEnd(seen) if first == b"\r\n"[*seen] => {
                *seen += 1;
                if *seen == 2 {
                    self.end_bulk();
                }
                (1, None)
            }
            State::Line(_) => self.read_line(bytes),
            State::Argument | State::BulkEnd(_) | State::Complete => (1, Some(Step::NotResp)),
        }
    }

    fn go(&mut self, state: State) -> (usize, Option<Step>) {
        self.state = state;
        (1, None)
    }

    fn begin_bulk(&mut self, length: u64) {
        if !self.recognised {
            self.arguments.push(Vec::new());
        }
        self.state = if length == 0 { State::BulkEnd(0) } else { State::Bulk(length) };
    }

    fn end_bulk(&mut self) {
        self.left -= 1;
        self.fresh = true;
        self.state = if self.left == 0 { State::Complete } else { State::Argument };
    }

    fn read_line(&mut self, bytes: &[u8]) -> (usize, Option<Step>) {
        let State::Line(line) = &mut self.state else { return (0, None) };
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if line.len() + taken > HEAD_MAX {
            return (taken, Some(Step::NotResp));
        }
        line.extend_from_slice(&bytes[..taken]);
        if end.is_none() {
            return (taken, None);
        }
        self.arguments = words(line);
        if self.arguments.is_empty() {
            return (taken, Some(Step::Blank));
        }
        self.state = State::Complete;
        (taken, None)
    }
}

/// The words of a line; quotes around a word do not belong to it.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else { return words };
        let quoted = matches!(first, b'"' | b'\'');
        let body = if quoted { &rest[1..] } else { rest };
        let ends = |byte: &u8| if quoted { *byte == first } else { byte.is_ascii_whitespace() };
        let end = body.iter().position(ends).unwrap_or(body.len());
        words.push(body[..end].to_vec());
        rest = &body[(end + usize::from(quoted)).min(body.len())..];
    }
}

#[cfg(test)]
mod tests;
