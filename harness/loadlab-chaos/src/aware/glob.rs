//! Patterns for keys and paths, as Redis reads them: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a
//! character that stands for itself. A `*` also matches `/`.

use std::fmt;

/// A pattern over bytes. Keys need not be text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Any text is a pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all of `text` matches.
    ///
    /// One place to go back to, the last `*`, is enough: time is the product of the two lengths at
    /// worst, where the usual recursion takes exponential time on patterns such as `*a*a*a*b`.
    pub fn matches(&self, text: &[u8]) -> bool {
        let pattern = self.0.as_bytes();
        let (mut at, mut from) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        loop {
            if pattern.get(at) == Some(&b'*') {
                star = Some((at + 1, from));
                at += 1;
                continue;
            }
            let step = text.get(from).and_then(|byte| one(&pattern[at..], *byte));
            match (step, star) {
                (Some(taken), _) => {
                    at += taken;
                    from += 1;
                }
                (None, _) if from == text.len() && at == pattern.len() => return true,
                (None, Some((after, began))) if began < text.len() => {
                    star = Some((after, began + 1));
                    at = after;
                    from = began + 1;
                }
                (None, _) => return false,
            }
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much of `pattern` is used up if its first element matches `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => class(pattern, byte),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        literal => (literal == byte).then_some(1),
    }
}

/// `[…]` at the start of `pattern`. A class that is not closed reaches to the end, as in Redis.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = pattern.get(1) == Some(&b'^');
    let mut at = if negated { 2 } else { 1 };
    let mut found = false;
    while let Some(&first) = pattern.get(at) {
        match first {
            b']' => break,
            b'\\' if pattern.len() > at + 1 => {
                found |= pattern[at + 1] == byte;
                at += 2;
            }
            _ if pattern.get(at + 1) == Some(&b'-') && pattern.len() > at + 2 => {
                let (low, high) = (first.min(pattern[at + 2]), first.max(pattern[at + 2]));
                found |= (low..=high).contains(&byte);
                at += 3;
            }
            _ => {
                found |= first == byte;
                at += 1;
            }
        }
    }
    (found != negated).then_some((at + 1).min(pattern.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_as_in_redis() {
        let cases = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("user:*", "user:42", true),
            ("user:*", "session:42", false),
            ("*:hot", "product:1:hot", true),
            ("*:hot", "product:1:hotter", false),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]llo", "hbllo", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("/v1/*/items", "/v1/users/7/items", true),
            ("*a*b", "xaxxb", true),
            ("h[ab", "hb", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(Glob::new(pattern).matches(text.as_bytes()), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let glob = Glob::new("*a".repeat(40) + "b");
        assert!(!glob.matches("a".repeat(5_000).as_bytes()));
    }

    proptest! {
        #[test]
        fn nothing_panics(pattern in ".*", text in any::<Vec<u8>>()) {
            let _ = Glob::new(pattern).matches(&text);
        }

        #[test]
        fn a_prefix_with_a_star_is_starts_with(prefix in "[a-z:]{0,8}", text in "[a-z:]{0,12}") {
            let starts = text.starts_with(&prefix);
            prop_assert_eq!(Glob::new(format!("{prefix}*")).matches(text.as_bytes()), starts);
        }
    }
}
