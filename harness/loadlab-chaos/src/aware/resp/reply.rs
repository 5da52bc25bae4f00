//! Finds where replies end in a stream of bytes, however it is cut: RESP2 and RESP3.

use super::number::{Number, NumberLine, Read};

/// Deepest nesting that is followed. Redis's own replies nest a few levels.
const DEPTH_MAX: usize = 512;

/// What the bytes that were read lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All were read and the reply goes on.
    More,
    /// A reply ends here.
    End,
    /// A push ends here: something that nobody asked for.
    Push,
    /// This is no reply. Nothing more can be read.
    NotResp,
}

/// Reads one reply after another and keeps nothing but how deep it is.
#[derive(Debug, Default)]
pub(super) struct ReplyParser {
    state: State,
    levels: Vec<Level>,
}

#[derive(Debug, Default)]
enum State {
    /// At the first byte of a value.
    #[default]
    Type,
    /// In a line whose content does not matter; whether its last byte was CR.
    Line(bool),
    /// After the first byte of a value that has a length or count.
    Number(u8, NumberLine),
    /// In a bulk string.
    Bulk(u64, After),
    /// At the CR LF after it; how much of it was seen.
    BulkEnd(usize, After),
    /// At the `;` of the next part of a streamed string.
    Part,
    /// After the `;`.
    PartLength(NumberLine),
}

/// What follows a bulk string.
#[derive(Debug, Clone, Copy)]
enum After {
    /// The value is complete.
    Value,
    /// Another part of it.
    Part,
}

/// An aggregate that is not complete.
#[derive(Debug)]
struct Level {
    /// Values still to come; none if a `.` marks the end.
    left: Option<u64>,
    kind: Aggregate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aggregate {
    /// A value: array, set, map.
    Value,
    /// About the value that follows it.
    Attribute,
    /// Not a reply.
    Push,
}

impl ReplyParser {
    /// Reads on. Gives how many bytes were read, which is all of them unless something happened.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> (usize, Step) {
        let mut at = 0;
        while at < bytes.len() {
            let (read, step) = self.read(&bytes[at..]);
            at += read;
            if step != Step::More {
                return (at, step);
            }
        }
        (at, Step::More)
    }

    fn read(&mut self, bytes: &[u8]) -> (usize, Step) {
        let first = bytes[0];
        match &mut self.state {
            State::Type => (1, self.begin(first)),
            State::Line(after_cr) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let Some(end) = end else {
                    *after_cr = bytes.last() == Some(&b'\r');
                    return (bytes.len(), Step::More);
                };
                let terminated = if end == 0 { *after_cr } else { bytes[end - 1] == b'\r' };
                (end + 1, if terminated { self.value() } else { Step::NotResp })
            }
            State::Number(kind, line) => {
                let kind = *kind;
                (
                    1,
                    match line.push(first) {
                        Read::More => Step::More,
                        Read::Done(number) => self.sized(kind, number),
                        Read::Wrong => Step::NotResp,
                    },
                )
            }
            State::Bulk(left, after) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                if *left == 0 {
                    self.state = State::BulkEnd(0, *after);
                }
                (taken, Step::More)
            }
            State::BulkEnd(seen, after) if first == b"\r\n"[*seen] => {
                *seen += 1;
                let (whole, after) = (*seen == 2, *after);
                (1, if whole { self.bulk(after) } else { Step::More })
            }
            State::Part if first == b';' => {
                self.state = State::PartLength(NumberLine::default());
                (1, Step::More)
            }
            State::PartLength(line) => {
                let read = line.push(first);
                (1, self.part(read))
            }
            State::BulkEnd(..) | State::Part => (1, Step::NotResp),
        }
    }

    fn begin(&mut self, kind: u8) -> Step {
        self.state = match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => State::Line(false),
            b'$' | b'=' | b'!' | b'*' | b'~' | b'%' | b'|' | b'>' => {
                State::Number(kind, NumberLine::default())
            }
            b'.' if self.levels.last().is_some_and(|level| level.left.is_none()) => {
                self.close_streamed();
                State::Line(false)
            }
            _ => return Step::NotResp,
        };
        Step::More
    }

    /// `.` was read: the line that it stands on is the last value of what it ends.
    fn close_streamed(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.left = Some(1);
        }
    }

    /// A length or count was read.
    fn sized(&mut self, kind: u8, number: Number) -> Step {
        let aggregate = match kind {
            b'|' => Aggregate::Attribute,
            b'>' => Aggregate::Push,
            _ => Aggregate::Value,
        };
        let pairs = matches!(kind, b'%' | b'|');
        match (kind, number) {
            (b'$', Number::Streamed) => {
                self.state = State::Part;
                Step::More
            }
            (b'$' | b'=' | b'!', Number::Value(length)) if length >= 0 => {
                self.state = match length {
                    0 => State::BulkEnd(0, After::Value),
                    _ => State::Bulk(length as u64, After::Value),
                };
                Step::More
            }
            (b'=' | b'!' | b'|' | b'>', Number::Streamed) => Step::NotResp,
            (b'$' | b'*', Number::Value(-1)) => self.value(),
            (_, Number::Value(count)) if count < 0 => Step::NotResp,
            (_, Number::Value(0)) => self.closed(aggregate),
            (_, number) => {
                let left = match number {
                    Number::Value(count) => Some(count as u64 * if pairs { 2 } else { 1 }),
                    Number::Streamed => None,
                };
                self.levels.push(Level { left, kind: aggregate });
                self.state = State::Type;
                if self.levels.len() > DEPTH_MAX { Step::NotResp } else { Step::More }
            }
        }
    }

    fn bulk(&mut self, after: After) -> Step {
        match after {
            After::Value => self.value(),
            After::Part => {
                self.state = State::Part;
                Step::More
            }
        }
    }

    fn part(&mut self, read: Read) -> Step {
        match read {
            Read::More => Step::More,
            Read::Done(Number::Value(0)) => self.value(),
            Read::Done(Number::Value(length)) if length > 0 => {
                self.state = State::Bulk(length as u64, After::Part);
                Step::More
            }
            Read::Done(_) | Read::Wrong => Step::NotResp,
        }
    }

    /// A value is complete, and with it perhaps those around it.
    fn value(&mut self) -> Step {
        self.state = State::Type;
        let Some(level) = self.levels.last_mut() else { return Step::End };
        let Some(left) = &mut level.left else { return Step::More };
        *left -= 1;
        if *left > 0 {
            return Step::More;
        }
        let kind = level.kind;
        self.levels.pop();
        self.closed(kind)
    }

    /// An aggregate is complete.
    fn closed(&mut self, kind: Aggregate) -> Step {
        self.state = State::Type;
        match kind {
            Aggregate::Attribute => Step::More,
            Aggregate::Push if self.levels.is_empty() => Step::Push,
            Aggregate::Value | Aggregate::Push => self.value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Where things end and what they are.
    fn read(chunks: &[&[u8]]) -> Vec<(usize, Step)> {
        let mut parser = ReplyParser::default();
        let (mut all, mut offset) = (Vec::new(), 0);
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let (length, step) = parser.advance(rest);
                offset += length;
                rest = &rest[length..];
                match step {
                    Step::More => {}
                    Step::NotResp => {
                        all.push((0, step));
                        return all;
                    }
                    _ => all.push((offset, step)),
                }
            }
        }
        all
    }

    /// Each is one whole reply.
    const REPLIES: [&str; 24] = [
        "+OK\r\n",
        "-ERR no\r\n",
        ":-7\r\n",
        "$5\r\nhe\r\no\r\n",
        "$0\r\n\r\n",
        "$-1\r\n",
        "*-1\r\n",
        "*0\r\n",
        "*2\r\n$1\r\na\r\n*2\r\n:1\r\n*0\r\n",
        "_\r\n",
        "#t\r\n",
        ",1.5\r\n",
        "(3492890328409238509324850943850943825024385\r\n",
        "!5\r\nERR x\r\n",
        "=7\r\ntxt:abc\r\n",
        "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n",
        "~1\r\n+a\r\n",
        "|1\r\n+ttl\r\n:3\r\n+OK\r\n",
        "*2\r\n|1\r\n+a\r\n:1\r\n:5\r\n:6\r\n",
        "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n",
        "*?\r\n:1\r\n*1\r\n:2\r\n.\r\n",
        "%?\r\n+a\r\n:1\r\n.\r\n",
        "*1\r\n*1\r\n*1\r\n$-1\r\n",
        "%0\r\n",
    ];

    #[test]
    fn every_kind_of_reply_ends_where_it_ends() {
        for text in REPLIES {
            assert_eq!(read(&[text.as_bytes()]), [(text.len(), Step::End)], "{text:?}");
        }
    }

    #[test]
    fn a_push_is_told_apart() {
        let push = ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n";
        assert_eq!(read(&[push.as_bytes()]), [(push.len(), Step::Push)]);
        assert_eq!(read(&[b"+OK\r\n>0\r\n+OK\r\n"]), [(5, Step::End), (9, Step::Push), (14, Step::End)]);
    }

    #[test]
    fn what_is_not_resp_is_told() {
        for text in
            [&b"HTTP/1.1 200"[..], b"$x\r\n", b"$-2\r\n", b"+OK\n", b"$1\r\nabc", b".\r\n", b"*1\r\n.\r\n"]
        {
            assert_eq!(read(&[text]), [(0, Step::NotResp)], "{text:?}");
        }
        assert_eq!(read(&["*1\r\n".repeat(DEPTH_MAX + 1).as_bytes()]), [(0, Step::NotResp)]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_replies(
            picks in prop::collection::vec(0..REPLIES.len(), 0..8),
            junk in "(\\*|\\$|;|\\.|\r\n|[0-2]){0,5}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text: String = picks.iter().map(|pick| REPLIES[*pick]).collect::<String>() + &junk;
            let text = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            at.extend([0, text.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[text]));
        }

        #[test]
        fn no_bytes_panic(text in any::<Vec<u8>>()) {
            let _ = read(&[&text]);
        }
    }
}
