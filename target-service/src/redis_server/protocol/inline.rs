//! Inline commands: a line of words, quoted as in a shell, for those who type into a socket.

use bytes::Bytes;

/// The words of a line, or none when a quote is not closed or is followed by more than a space.
pub(super) fn words(line: &[u8]) -> Option<Vec<Bytes>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let (word, after) = word(rest)?;
        words.push(Bytes::from(word));
        rest = after;
    }
}

/// The first word and what follows it.
fn word(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'"' | b'\'' => {
                rest = quoted(byte, after, &mut word)?;
                // A closing quote ends the word.
                let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
                return ends.then_some((word, rest));
            }
            byte if byte.is_ascii_whitespace() => break,
            byte => {
                word.push(byte);
                rest = after;
            }
        }
    }
    Some((word, rest))
}

/// Appends up to the closing quote and gives what follows that.
fn quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'\\' if quote == b'"' => rest = escaped(rest, word)?,
            b'\\' if rest.first() == Some(&b'\'') => {
                word.push(b'\'');
                rest = &rest[1..];
            }
            byte if byte == quote => return Some(rest),
            byte => word.push(byte),
        }
    }
}

/// Appends what the characters after a backslash stand for and gives what follows them.
fn escaped<'a>(rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    if let [b'x', high, low, after @ ..] = rest
        && let (Some(high), Some(low)) = ((*high as char).to_digit(16), (*low as char).to_digit(16))
    {
        word.push((high * 16 + low) as u8);
        return Some(after);
    }
    let (&byte, after) = rest.split_first()?;
    word.push(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    });
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_and_unquoted_as_redis_does() {
        let cases: [(&str, Option<&[&str]>); 9] = [
            ("", Some(&[])),
            ("  get  key ", Some(&["get", "key"])),
            (r#"set "a b" 'c d'"#, Some(&["set", "a b", "c d"])),
            (r#""\x41\n\"q""#, Some(&["A\n\"q"])),
            (r"'it\'s \n'", Some(&["it's \\n"])),
            (r#"a"b c""#, Some(&["ab c"])),
            (r#""a"b"#, None),
            (r#""a"#, None),
            ("'a", None),
        ];
        for (line, expected) in cases {
            let expected =
                expected.map(|words| words.iter().map(|word| Bytes::from_static(word.as_bytes())).collect());
            assert_eq!(words(line.as_bytes()), expected, "{line}");
        }
    }
}
