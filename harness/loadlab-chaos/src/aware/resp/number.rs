//! The numbers of RESP's headers: `*3\r\n`, `$-1\r\n`, `*?\r\n`.

/// Most digits of a length or count. Redis takes 512 MB; more digits are no length.
const DIGITS_MAX: u8 = 15;

/// A number that is being read.
#[derive(Debug, Default)]
pub(super) struct NumberLine {
    value: i64,
    negative: bool,
    digits: u8,
    streamed: bool,
    after_cr: bool,
}

/// What stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// A number.
    Value(i64),
    /// `?`: the end is marked instead.
    Streamed,
}

/// What one more byte makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// More is needed.
    More,
    /// The line is complete.
    Done(Number),
    /// It is no number.
    Wrong,
}

impl NumberLine {
    pub(super) fn push(&mut self, byte: u8) -> Read {
        let empty = self.digits == 0 && !self.streamed;
        match byte {
            b'\n' if self.after_cr => return Read::Done(self.number()),
            _ if self.after_cr => return Read::Wrong,
            b'\r' if !empty => self.after_cr = true,
            b'-' if empty && !self.negative => self.negative = true,
            b'?' if empty && !self.negative => self.streamed = true,
            b'0'..=b'9' if !self.streamed && self.digits < DIGITS_MAX => {
                self.value = self.value * 10 + i64::from(byte - b'0');
                self.digits += 1;
            }
            _ => return Read::Wrong,
        }
        Read::More
    }

    fn number(&self) -> Number {
        if self.streamed {
            Number::Streamed
        } else {
            Number::Value(if self.negative { -self.value } else { self.value })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbers_or_wrong() {
        let cases = [
            ("12\r\n", Read::Done(Number::Value(12))),
            ("-1\r\n", Read::Done(Number::Value(-1))),
            ("?\r\n", Read::Done(Number::Streamed)),
            ("0", Read::More),
            ("\r\n", Read::Wrong),
            ("-\r\n", Read::Wrong),
            ("1x\r\n", Read::Wrong),
            ("1\rx", Read::Wrong),
            ("9999999999999999\r\n", Read::Wrong),
        ];
        for (text, expected) in cases {
            let mut line = NumberLine::default();
            let mut read = Read::More;
            for byte in text.bytes() {
                read = line.push(byte);
                if read != Read::More {
                    break;
                }
            }
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
