//! Rust text as far as the rules need it: what is code, what is production, where functions are.
//!
//! This is no parser. It tells code from comments and literals, and counts braces; rustfmt's layout
//! does the rest.

/// `text` with the contents of comments, strings and characters replaced by blanks. Lines keep their
/// numbers and columns.
pub(crate) fn code_only(text: &str) -> String {
    let mut chars = text.chars().peekable();
    let mut code = String::with_capacity(text.len());
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let after_word = before.is_alphanumeric() || before == '_';
        match (c, next) {
            ('/', Some('/')) => {
                code.push(' ');
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    code.push(blank(c));
                }
            }
            ('/', Some('*')) => block_comment(&mut chars, &mut code),
            ('"', _) => {
                code.push(c);
                string(&mut chars, &mut code);
            }
            ('r', Some('"' | '#')) if !after_word || before == 'b' => {
                code.push(c);
                raw_string(&mut chars, &mut code);
            }
            ('\'', _) => {
                code.push(c);
                character_or_lifetime(&mut chars, &mut code);
            }
            _ => code.push(c),
        }
        before = c;
    }
    code
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn blank(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// After the `/`, up to the end of a comment that may hold others.
fn block_comment(chars: &mut Chars<'_>, code: &mut String) {
    code.push(' ');
    let (mut depth, mut before) = (0, '/');
    for c in chars.by_ref() {
        code.push(blank(c));
        match (before, c) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                before = c;
                continue;
            }
        }
        if depth == 0 {
            return;
        }
        // `/*/` is an opening only.
        before = ' ';
    }
}

/// After the opening quote, up to the closing one.
fn string(chars: &mut Chars<'_>, code: &mut String) {
    while let Some(c) = chars.next() {
        match c {
            '"' => return code.push('"'),
            '\\' => {
                code.push(' ');
                code.extend(chars.next().map(blank));
            }
            _ => code.push(blank(c)),
        }
    }
}

/// After the `r`: hashes, quote, content, quote and as many hashes. `r#name` stays as it is.
fn raw_string(chars: &mut Chars<'_>, code: &mut String) {
    let mut hashes = 0;
    while chars.next_if_eq(&'#').is_some() {
        code.push('#');
        hashes += 1;
    }
    if chars.next_if_eq(&'"').is_none() {
        return;
    }
    code.push('"');
    while let Some(c) = chars.next() {
        if c != '"' {
            code.push(blank(c));
            continue;
        }
        let closing = chars.clone().take(hashes).filter(|c| *c == '#').count() == hashes;
        code.push(if closing { '"' } else { ' ' });
        if closing {
            for _ in 0..hashes {
                code.extend(chars.next());
            }
            return;
        }
    }
}

/// After a `'`: a character literal is blanked, a lifetime is code.
fn character_or_lifetime(chars: &mut Chars<'_>, code: &mut String) {
    let mut ahead = chars.clone();
    let escaped = ahead.next() == Some('\\');
    if !escaped && ahead.next() != Some('\'') {
        return;
    }
    let mut skip_next = false;
    for c in chars.by_ref() {
        let ends = c == '\'' && !skip_next;
        skip_next = c == '\\' && !skip_next;
        code.push(if ends { '\'' } else { blank(c) });
        if ends {
            return;
        }
    }
}

/// Whether the whole file is a test: its directory or its name says so.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.ends_with("_tests.rs")
        || path.contains("/benches/")
}

/// The lines before an inline test module, and none of a test file.
pub(crate) fn production<'a>(path: &str, text: &'a str) -> &'a str {
    if is_test_file(path) {
        return "";
    }
    let mut start = 0;
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let module_follows = lines.peek().is_some_and(|next| {
            let next = next.trim_start();
            next.starts_with("mod ") && next.trim_end().ends_with('{')
        });
        if line.trim() == "#[cfg(test)]" && module_follows {
            return &text[..start];
        }
        start += line.len();
    }
    text
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Where `fn` stands, counted from 1.
    pub(crate) line: usize,
    /// Lines of the body with code on them, the braces' lines not counted.
    pub(crate) code_lines: usize,
}

/// The functions of some code, which [`code_only`] made.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let starts_word = code[..at].chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !starts_word || name.is_empty() {
            continue;
        }
        if let Some(body) = body_after(&code[at..]) {
            let line = code[..at].matches('\n').count() + 1;
            let code_lines = body.lines().filter(|line| !line.trim().is_empty()).count();
            found.push(Function { name, line, code_lines });
        }
    }
    found
}

/// What stands between the first braces of `code`; `None` if a `;` outside brackets comes first.
fn body_after(code: &str) -> Option<&str> {
    let mut brackets = 0_i32;
    let open = code.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets -= 1,
            '{' if brackets == 0 => return Some(Some(at)),
            ';' if brackets == 0 => return Some(None),
            _ => {}
        }
        None
    })??;
    let mut depth = 0_i32;
    code[open..].char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        (depth == 0).then(|| &code[open + 1..open + at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_lifetimes_are_not() {
        let cases = [
            ("a // fn b() {\nc", "a            \nc"),
            ("/* a /* { */ } */ b", "                  b"),
            (r#"let s = "a\"{";"#, r#"let s = "    ";"#),
            (r##"let s = r#"a"{"#;"##, r##"let s = r#"   "#;"##),
            (r"match c { '{' => '\'', '\\' => 'x' }", r"match c { ' ' => '  ', '  ' => ' ' }"),
            ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
            ("br\"{\" + r#type", "br\" \" + r#type"),
        ];
        for (text, code) in cases {
            assert_eq!(code_only(text), code, "{text}");
        }
    }

    #[test]
    fn production_ends_where_the_test_module_begins() {
        let text = "#[cfg(test)]\nfn only() {}\nfn a() {}\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(production("src/a.rs", text), "#[cfg(test)]\nfn only() {}\nfn a() {}\n");
        assert_eq!(production("harness/x/tests/a.rs", text), "");
    }

    #[test]
    fn functions_are_counted_by_the_lines_with_code() {
        let text =
            "trait T {\n    fn none(&self);\n}\nfn two(x: [u8; 2]) {\n    a();\n\n    // why\n    b();\n}\n";
        let found = functions(&code_only(text));
        assert_eq!(found, [Function { name: "two".to_owned(), line: 4, code_lines: 2 }]);
    }
}
