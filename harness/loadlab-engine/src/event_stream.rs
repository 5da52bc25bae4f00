//! Server-sent events out of a body that comes in arbitrary chunks (HTML living standard, 9.2.6).
//!
//! Only what the engine needs: the name and the data of each event. An event that the end of the
//! body cuts off is no event.

/// Data of an event beyond this is dropped: no service sends it on purpose, and memory is bounded.
const DATA_BYTES_MAX: usize = 16 << 20;

/// The decoder's state between chunks. Reused from stream to stream.
#[derive(Debug, Default)]
pub(crate) struct EventDecoder {
    /// The unfinished line.
    line: Vec<u8>,
    /// The last byte of the previous chunk ended a line with CR: a LF that follows belongs to it.
    after_cr: bool,
    /// A byte-order mark may stand at the very start.
    started: bool,
    name: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
}

/// A whole event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event<'d> {
    /// `message` if the service gave none.
    pub(crate) name: &'d [u8],
    /// Lines joined by LF.
    pub(crate) data: &'d [u8],
}

impl EventDecoder {
    /// Ready for another stream.
    pub(crate) fn reset(&mut self) {
        self.line.clear();
        self.after_cr = false;
        self.started = false;
        self.clear_event();
    }

    /// Takes a chunk and hands over each event that it completes.
    pub(crate) fn feed(&mut self, chunk: &[u8], mut event: impl FnMut(Event<'_>)) {
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_cr = false;
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, after) = rest.split_at(end);
            if self.line.is_empty() {
                self.take_line(line, &mut event);
            } else {
                self.line.extend_from_slice(line);
                let whole = std::mem::take(&mut self.line);
                self.take_line(&whole, &mut event);
                self.line = whole;
                self.line.clear();
            }
            rest = match after {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        let room = DATA_BYTES_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(&rest[..rest.len().min(room)]);
    }

    fn take_line(&mut self, line: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let line = if self.started { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.started = true;
        if line.is_empty() {
            if self.has_data {
                let name: &[u8] = if self.name.is_empty() { b"message" } else { &self.name };
                event(Event { name, data: &self.data });
            }
            self.clear_event();
            return;
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => {
                (&line[..colon], line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]))
            }
            None => (line, &[][..]),
        };
        match field {
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                let room = DATA_BYTES_MAX.saturating_sub(self.data.len());
                self.data.extend_from_slice(&value[..value.len().min(room)]);
            }
            // Comments (an empty field name), `id`, `retry` and unknown fields.
            _ => {}
        }
    }

    fn clear_event(&mut self) {
        self.name.clear();
        self.data.clear();
        self.has_data = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode<'c>(chunks: impl IntoIterator<Item = &'c [u8]>) -> Vec<(String, String)> {
        let mut decoder = EventDecoder::default();
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.feed(chunk, |event| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                events.push((text(event.name), text(event.data)));
            });
        }
        events
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    const STREAM: &[u8] = b"\xef\xbb\xbf: hello\r\nevent: sources\r\ndata: {\"n\":\r\ndata: 2}\r\n\r\n\
        data:x\n\n: keep-alive\n\nid: 4\nretry: 10\ndata\n\nevent: token\n\nevent:done\rdata:  y\r\rdata: cut off";

    fn expected() -> Vec<(String, String)> {
        vec![
            event("sources", "{\"n\":\n2}"),
            event("message", "x"),
            event("message", ""),
            event("done", " y"),
        ]
    }

    #[test]
    fn names_data_comments_and_line_ends_are_understood() {
        assert_eq!(decode([STREAM]), expected());
    }

    #[test]
    fn every_byte_may_come_alone() {
        assert_eq!(decode(STREAM.chunks(1)), expected());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_events(cuts in proptest::collection::vec(0..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in cuts {
                chunks.push(&STREAM[from..cut]);
                from = cut;
            }
            chunks.push(&STREAM[from..]);
            prop_assert_eq!(decode(chunks), expected());
        }

        #[test]
        fn no_bytes_make_it_panic_and_chunks_never_matter(bytes: Vec<u8>, size in 1_usize..9) {
            prop_assert_eq!(decode([bytes.as_slice()]), decode(bytes.chunks(size)));
        }
    }
}
