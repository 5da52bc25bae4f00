//! Commands about the session and its transaction. They are read by their first words, since most
//! clients send a dozen of them that need no more than a polite answer.

use pgwire::api::Type;
use sqlparser::tokenizer::Token;

use super::{
    error::{SYNTAX, SqlError},
    statement::not_supported,
    types::Column,
};

/// A command that the session itself carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Begin,
    Commit,
    Rollback,
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// A setting and its new value; none is its default.
    Set(String, Option<String>),
    ResetAll,
    Show(String),
    DiscardAll,
    /// Understood, and nothing to do; the words are the answer.
    Nothing(&'static str),
}

impl Command {
    /// The command that these tokens are; none if they are for the database.
    pub(super) fn read(tokens: &[Token]) -> Result<Option<Self>, SqlError> {
        let words: Vec<&Token> =
            tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
        let keyword = |n: usize| words.get(n).map(|word| text(word).to_uppercase()).unwrap_or_default();
        let (first, second) = (keyword(0), keyword(1));
        let rest = words.get(1..).unwrap_or_default();
        Ok(Some(match (first.as_str(), second.as_str()) {
            ("BEGIN", _) | ("START", "TRANSACTION") => Self::Begin,
            ("COMMIT" | "END", _) => Self::Commit,
            ("ABORT", _) => Self::Rollback,
            ("ROLLBACK", _) => rollback(&words),
            ("SAVEPOINT", _) => Self::Savepoint(name(rest)?),
            ("RELEASE", "SAVEPOINT") => Self::Release(name(&rest[1..])?),
            ("RELEASE", _) => Self::Release(name(rest)?),
            ("SET", "TRANSACTION" | "CONSTRAINTS" | "ROLE") => Self::Nothing("SET"),
            ("SET", "SESSION") if ["CHARACTERISTICS", "AUTHORIZATION"].contains(&keyword(2).as_str()) => {
                Self::Nothing("SET")
            }
            ("SET", "SESSION" | "LOCAL") => set(&rest[1..])?,
            ("SET", _) => set(rest)?,
            ("RESET", "ALL") => Self::ResetAll,
            ("RESET", _) => Self::Set(setting(rest).0, None),
            ("SHOW", _) => Self::Show(setting(rest).0),
            ("DISCARD", "ALL") => Self::DiscardAll,
            ("DISCARD", _) => Self::Nothing("DISCARD"),
            ("DEALLOCATE", _) => Self::Nothing("DEALLOCATE"),
            ("LISTEN", _) => Self::Nothing("LISTEN"),
            ("UNLISTEN", _) => Self::Nothing("UNLISTEN"),
            ("VACUUM", _) => Self::Nothing("VACUUM"),
            ("ANALYZE", _) => Self::Nothing("ANALYZE"),
            ("CHECKPOINT", _) => Self::Nothing("CHECKPOINT"),
            ("COPY" | "PREPARE" | "EXECUTE" | "DECLARE" | "FETCH" | "NOTIFY" | "LOCK", _) => {
                return Err(not_supported(&first));
            }
            _ => return Ok(None),
        }))
    }

    /// What the client is told that was done.
    pub(super) fn tag(&self) -> String {
        match self {
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback | Self::RollbackTo(_) => "ROLLBACK",
            Self::Savepoint(_) => "SAVEPOINT",
            Self::Release(_) => "RELEASE",
            Self::Set(_, Some(_)) => "SET",
            Self::Set(_, None) | Self::ResetAll => "RESET",
            Self::Show(_) => "SHOW",
            Self::DiscardAll => "DISCARD ALL",
            Self::Nothing(tag) => tag,
        }
        .to_owned()
    }

    /// The columns of its answer.
    pub(super) fn columns(&self) -> Vec<Column> {
        match self {
            Self::Show(name) => vec![Column::new(name.clone(), Type::TEXT)],
            _ => Vec::new(),
        }
    }

    /// Whether it is accepted in a transaction that has failed.
    pub(super) fn ends_transaction(&self) -> bool {
        matches!(self, Self::Commit | Self::Rollback)
    }
}

fn rollback(words: &[&Token]) -> Command {
    let to = words.iter().position(|word| text(word).eq_ignore_ascii_case("TO"));
    match to.and(words.last()) {
        Some(last) => Command::RollbackTo(text(last).to_lowercase()),
        None => Command::Rollback,
    }
}

fn name(words: &[&Token]) -> Result<String, SqlError> {
    let word = words.first().ok_or_else(|| SqlError::new(SYNTAX, "a name is expected"))?;
    Ok(text(word).to_lowercase())
}

/// `name {= | TO} value …`, `TIME ZONE value`.
fn set(words: &[&Token]) -> Result<Command, SqlError> {
    let (name, taken) = setting(words);
    let mut value = words.get(taken..).unwrap_or_default();
    if let Some(first) = value.first()
        && (**first == Token::Eq || text(first).eq_ignore_ascii_case("TO"))
    {
        value = &value[1..];
    }
    if name.is_empty() || value.is_empty() {
        return Err(SqlError::new(SYNTAX, "SET takes a name and a value"));
    }
    let value: String = value.iter().map(|word| text(word)).collect();
    Ok(Command::Set(name, (!value.eq_ignore_ascii_case("DEFAULT")).then_some(value)))
}

/// The name of a setting, in lower case, and how many words it takes.
fn setting(words: &[&Token]) -> (String, usize) {
    let keyword = |n: usize| words.get(n).map(|word| text(word).to_lowercase()).unwrap_or_default();
    match (keyword(0).as_str(), keyword(1).as_str(), keyword(2).as_str()) {
        ("time", "zone", _) => return ("timezone".to_owned(), 2),
        ("transaction", "isolation", "level") => return ("transaction_isolation".to_owned(), 3),
        _ => {}
    }
    // `standin.service_time` is three tokens.
    let mut taken = 1;
    while words.get(taken).is_some_and(|word| **word == Token::Period) {
        taken += 2;
    }
    let taken = taken.min(words.len());
    (words[..taken].iter().map(|word| text(word).to_lowercase()).collect(), taken)
}

/// A token without its quotes.
fn text(token: &Token) -> String {
    match token {
        Token::Word(word) => word.value.clone(),
        Token::SingleQuotedString(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use sqlparser::{dialect::PostgreSqlDialect, tokenizer::Tokenizer};

    use super::*;

    fn read(sql: &str) -> Option<Command> {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().expect("tokens");
        Command::read(&tokens).expect("understood")
    }

    proptest::proptest! {
        #[test]
        fn no_sequence_of_words_panics(picked in proptest::collection::vec(0..WORDS.len(), 0..6)) {
            let sql: Vec<&str> = picked.into_iter().map(|n| WORDS[n]).collect();
            for piece in crate::sql_server::statement::pieces(&sql.join(" ")).expect("tokens") {
                let _ = piece.command();
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            for piece in crate::sql_server::statement::pieces(&text).unwrap_or_default() {
                let _ = piece.command();
            }
        }
    }

    const WORDS: [&str; 18] = [
        "BEGIN",
        "ROLLBACK",
        "TO",
        "SAVEPOINT",
        "RELEASE",
        "SET",
        "SESSION",
        "LOCAL",
        "TIME",
        "ZONE",
        "SHOW",
        "RESET",
        "ALL",
        "x",
        ".",
        "=",
        "'v'",
        ";",
    ];

    #[test]
    fn session_commands_are_read_by_their_words() {
        let set = |name: &str, value: &str| Command::Set(name.to_owned(), Some(value.to_owned()));
        let cases = [
            ("begin", Command::Begin),
            ("START TRANSACTION ISOLATION LEVEL SERIALIZABLE", Command::Begin),
            ("END", Command::Commit),
            ("ROLLBACK", Command::Rollback),
            ("ROLLBACK TO SAVEPOINT sp_1", Command::RollbackTo("sp_1".to_owned())),
            ("RELEASE sp_1", Command::Release("sp_1".to_owned())),
            ("SET standin.service_time = off", set("standin.service_time", "off")),
            ("set session Statement_Timeout to '5s'", set("statement_timeout", "5s")),
            ("SET TIME ZONE 'UTC'", set("timezone", "UTC")),
            ("SET search_path TO a, b", set("search_path", "a,b")),
            ("SET x.y TO DEFAULT", Command::Set("x.y".to_owned(), None)),
            ("SHOW server_version", Command::Show("server_version".to_owned())),
            ("SHOW TRANSACTION ISOLATION LEVEL", Command::Show("transaction_isolation".to_owned())),
            ("DISCARD ALL", Command::DiscardAll),
        ];
        for (sql, command) in cases {
            assert_eq!(read(sql), Some(command), "{sql}");
        }
        assert_eq!(read("SELECT 1"), None);
    }
}
