//! Rule: links in Markdown that stay in the repository lead somewhere, headings included.

use super::{Finding, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.with_extension("md") {
        for (line, target) in links(text) {
            if let Some(problem) = problem(tree, path, target) {
                findings.push(Finding::new(path, line, problem));
            }
        }
    }
    findings
}

fn problem(tree: &Tree, from: &str, target: &str) -> Option<String> {
    // A template's links are those of what is made of it.
    if target.contains("://") || target.starts_with("mailto:") || target.contains("{{") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { Some(from.to_owned()) } else { resolved(from, file) };
    let Some(path) = path.filter(|path| tree.has(path)) else {
        return Some(format!("the link `{target}` leads nowhere"));
    };
    let text = tree.text(&path).filter(|_| !heading.is_empty())?;
    let found = prose(text).any(|(_, line)| line.starts_with('#') && slug(line) == heading);
    (!found).then(|| format!("`{path}` has no heading `#{heading}`"))
}

/// `target`, seen from the directory of `from`; `None` if it leaves the repository.
fn resolved(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Line number and target of every `[text](target)` outside code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        // Every second piece between backticks is code.
        for piece in line.split('`').step_by(2) {
            let targets = piece.match_indices("](").filter_map(|(at, open)| {
                let target = piece[at + open.len()..].split(')').next()?;
                target.split_whitespace().next()
            });
            found.extend(targets.map(|target| (number, target)));
        }
    }
    found
}

/// The numbered lines outside fenced code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The anchor that GitHub gives to a heading.
fn slug(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<(usize, String)> {
        let other = "# Exit codes, all\n\n```\n# not a heading\n```\n";
        let tree = Tree::of(&[("docs/a.md", text), ("docs/adr/b.md", other), ("README.md", "")]);
        check(&tree).into_iter().map(|finding| (finding.line, finding.message)).collect()
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let text = "[b](adr/b.md#exit-codes-all) [up](../README.md) [dir](adr/) [root](..)\n\
                    [web](https://example.org/x)\n`[code](nowhere.md)`\n```\n[code](nowhere.md)\n```\n";
        assert_eq!(messages(text), []);
    }

    #[test]
    fn links_that_lead_nowhere_are_found_at_their_line() {
        let text = "fine\n[a](adr/c.md)\n[b](adr/b.md#not-a-heading)\n[c](../../x.md)\n";
        let expected = [
            (2, "the link `adr/c.md` leads nowhere"),
            (3, "`docs/adr/b.md` has no heading `#not-a-heading`"),
            (4, "the link `../../x.md` leads nowhere"),
        ];
        assert_eq!(messages(text), expected.map(|(line, message)| (line, message.to_owned())));
    }
}
