//! Finds server-sent events in a stream of bytes, however it is cut into chunks.
//!
//! An *event* is what a browser would dispatch: lines up to a blank one, at least one of which is a
//! `data` field. Comments that only keep the connection alive are none. Lines end with CR, LF or
//! both; the format is that of the HTML standard, section 9.2.

/// A byte order mark that may stand before the first line.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];
/// The field whose value is the event.
const FIELD: &[u8; 4] = b"data";

/// Where in the stream the last byte left off.
#[derive(Debug, Default)]
pub(crate) struct EventScanner {
    line: Line,
    /// Bytes of the mark that were seen; all of them once it cannot come any more.
    bom: usize,
    has_data: bool,
    cr: Cr,
    /// The line before ended with CR LF, so an LF is expected after the CR of the next.
    crlf: bool,
}

/// Whether the last byte was a CR, to which an LF would belong.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Cr {
    #[default]
    No,
    Seen,
    /// It was that of a blank line, and its LF is awaited before the event ends.
    Blank,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Line {
    #[default]
    Start,
    /// In a name that so far is the beginning of `data`.
    Name(usize),
    /// After the colon, where one space does not count.
    Colon,
    /// In the value.
    Value,
    /// Another field or a comment.
    Other,
}

impl EventScanner {
    /// Reads up to the end of the next event, or of `bytes`. Gives how many bytes were read and
    /// whether an event ends there; that can be before the first byte. `data` is called with the
    /// index of every byte of a value.
    pub(crate) fn next(&mut self, bytes: &[u8], mut data: impl FnMut(usize)) -> (usize, bool) {
        for (index, &byte) in bytes.iter().enumerate() {
            if self.ends_before(byte) {
                return (index, true);
            }
            if matches!(self.line, Line::Colon | Line::Value) && self.is_value(byte) {
                data(index);
            }
            if self.step(byte) {
                return (index + 1, true);
            }
        }
        (bytes.len(), false)
    }

    /// A blank line that ended with CR alone where CR LF was expected.
    fn ends_before(&mut self, byte: u8) -> bool {
        let ends = self.cr == Cr::Blank && byte != b'\n';
        if ends {
            (self.cr, self.crlf) = (Cr::No, false);
        }
        ends
    }

    fn is_value(&self, byte: u8) -> bool {
        let skipped = self.line == Line::Colon && byte == b' ';
        !skipped && !matches!(byte, b'\r' | b'\n')
    }

    /// Whether an event ends after this byte.
    fn step(&mut self, byte: u8) -> bool {
        let cr = std::mem::take(&mut self.cr);
        if cr != Cr::No {
            self.crlf = byte == b'\n';
            if self.crlf {
                return cr == Cr::Blank;
            }
        }
        match byte {
            b'\r' | b'\n' => self.end_line(byte),
            _ => {
                self.line = self.within_line(byte);
                false
            }
        }
    }

    fn end_line(&mut self, byte: u8) -> bool {
        self.bom = BOM.len();
        self.has_data |= self.line == Line::Name(FIELD.len());
        let ends = std::mem::take(&mut self.line) == Line::Start && std::mem::take(&mut self.has_data);
        if byte == b'\n' {
            self.crlf = false;
            return ends;
        }
        let waits = self.crlf && ends;
        self.cr = if waits { Cr::Blank } else { Cr::Seen };
        ends && !waits
    }

    fn within_line(&mut self, byte: u8) -> Line {
        if self.bom < BOM.len() {
            if byte == BOM[self.bom] {
                self.bom += 1;
                return Line::Start;
            }
            let began = std::mem::replace(&mut self.bom, BOM.len()) > 0;
            if began {
                return Line::Other;
            }
        }
        match self.line {
            Line::Start if byte == FIELD[0] => Line::Name(1),
            Line::Name(length) if length < FIELD.len() && byte == FIELD[length] => Line::Name(length + 1),
            Line::Name(length) if length == FIELD.len() && byte == b':' => {
                self.has_data = true;
                Line::Colon
            }
            Line::Colon | Line::Value => Line::Value,
            Line::Start | Line::Name(_) | Line::Other => Line::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The positions at which events end, and the bytes of their values.
    fn scan(chunks: &[&[u8]]) -> (Vec<usize>, Vec<u8>) {
        let mut scanner = EventScanner::default();
        let (mut ends, mut values, mut offset) = (Vec::new(), Vec::new(), 0);
        for chunk in chunks {
            let mut rest = *chunk;
            while !rest.is_empty() {
                let (length, ended) = scanner.next(rest, |index| values.push(rest[index]));
                offset += length;
                if ended {
                    ends.push(offset);
                }
                rest = &rest[length..];
            }
        }
        (ends, values)
    }

    fn events(text: &str) -> usize {
        scan(&[text.as_bytes()]).0.len()
    }

    #[test]
    fn what_a_browser_would_dispatch_is_an_event() {
        let cases = [
            ("data: a\n\n", 1),
            ("data: a\r\n\r\n", 1),
            ("data: a\r\rdata: b\r\r", 2),
            ("data: a\ndata: b\n\n", 1),
            (": keep-alive\n\n", 0),
            ("event: ping\nid: 7\n\n", 0),
            ("data\n\n", 1),
            ("data:\n\n", 1),
            ("datum: a\n\n", 0),
            ("dat: a\n\ndataa: b\n\n", 0),
            ("data: a", 0),
            ("data: a\n", 0),
            ("\n\n\ndata: a\n\n\n\n", 1),
            ("\u{feff}data: a\n\n", 1),
            (" data: a\n\n", 0),
            ("event: x\ndata: {\"a\": 1}\nid: 3\n\ndata: b\n\n", 2),
        ];
        for (text, expected) in cases {
            assert_eq!(events(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_event_ends_after_its_whole_blank_line() {
        let text = b"data: a\r\n\r\ndata: b\n\ndata: c\r\r";
        assert_eq!(scan(&[text]).0, [11, 20, 29]);
        // CR alone where CR LF was used before: the event ends when the next byte tells.
        assert_eq!(scan(&[b"data: a\r\n\rdata: b\n\n"]).0, [10, 19]);
    }

    #[test]
    fn values_are_the_data_without_the_first_space() {
        assert_eq!(scan(&[b"id: 1\ndata:  a b\ndata:c\n: no\n\n"]).1, b" a bc");
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(
            text in "(data|da|:|id: |[ab ]|\r\n|\r|\n|\u{feff}){0,40}",
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let chunks: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(scan(&chunks), scan(&[bytes]));
        }

        #[test]
        fn no_bytes_panic(bytes in any::<Vec<u8>>()) {
            let _ = scan(&[&bytes]);
        }
    }
}
