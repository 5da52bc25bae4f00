//! Labels of a Prometheus series: `level="l1",result="hit"`.

/// The labels by name, in the order of writing, with their escapes undone. Text that is no list of
/// labels gives those before the place where it stops being one.
pub fn labels(written: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = written;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, after)) = quoted(after) else { break };
        found.push((name.trim_matches([',', ' ']).to_owned(), value));
        rest = after;
    }
    found
}

/// The value of one label.
pub(crate) fn label(written: &str, name: &str) -> Option<String> {
    labels(written).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// What stands before the closing quote, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                escaped => value.push(escaped),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_with_their_escapes() {
        let pairs = labels(r#"level="l1",path="C:\\a \"b\", c",empty="""#);
        let expected = [("level", "l1"), ("path", r#"C:\a "b", c"#), ("empty", "")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(label(r#"level="l1",result="hit""#, "result").as_deref(), Some("hit"));
    }

    #[test]
    fn what_is_no_list_of_labels_ends_it() {
        assert!(labels("").is_empty());
        assert!(labels("le=\"1").is_empty());
    }
}
