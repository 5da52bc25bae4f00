//! A statement as the client wrote it, made ready: what kind it is, its text for SQLite, the types
//! of its parameters and columns, and what it will cost.
//!
//! ```text
//!   text ─tokens─> pieces ─┬─ first word ──────> session command (BEGIN, SET, SHOW, …)
//!                          └─ syntax tree ─┬─ infer ──> types
//!                                          └─ rewrite ─> SQLite's dialect ─plan─> reads, scans
//! ```

use pgwire::api::Type;
use rusqlite::Connection;
use sqlparser::{
    ast::{
        Expr, FunctionArg, FunctionArgExpr, FunctionArguments, SelectItem, SetExpr, Statement as Tree, Value,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
    tokenizer::{Token, Tokenizer},
};

use super::{
    command::Command,
    dialect,
    error::{NOT_SUPPORTED, SYNTAX, SqlError},
    infer,
    types::{Column, declared},
};

/// One statement of a query text, not looked at further.
#[derive(Debug, Clone)]
pub(super) struct Piece(Vec<Token>);

/// A statement that is ready to run.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) action: Action,
    /// What the client is told that was done: `SELECT`, `INSERT`, `CREATE TABLE`.
    pub(super) tag: String,
    pub(super) parameters: Vec<Type>,
    pub(super) columns: Vec<Column>,
}

/// What running it means.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// The session itself does it.
    Session(Command),
    /// Wait; the number of seconds is written there or is a parameter.
    Sleep(Seconds),
    /// SQLite does it.
    Database(DatabaseStatement),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Seconds {
    Written(f64),
    Parameter,
}

/// A statement for SQLite.
#[derive(Debug, Clone)]
pub(super) struct DatabaseStatement {
    pub(super) sql: String,
    pub(super) effect: Effect,
    /// Whether it reads a whole table for want of an index.
    pub(super) scans: bool,
    /// Whether SQLite counts the rows that it changes.
    pub(super) counts_rows: bool,
}

/// What a statement does to the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It touches none.
    None,
    Reads,
    Writes,
}

impl DatabaseStatement {
    pub(super) fn is_write(&self) -> bool {
        self.effect == Effect::Writes
    }
}

/// The statements of a text, split at the semicolons.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, SqlError> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize()
        .map_err(|error| SqlError::new(SYNTAX, error.to_string()))?;
    let pieces = tokens.split(|token| *token == Token::SemiColon);
    let is_something = |tokens: &&[Token]| tokens.iter().any(|token| !matches!(token, Token::Whitespace(_)));
    Ok(pieces.filter(is_something).map(|tokens| Piece(tokens.to_vec())).collect())
}

impl Piece {
    /// The session command that this is, if it is one. It needs no database.
    pub(super) fn command(&self) -> Result<Option<Statement>, SqlError> {
        let Some(command) = Command::read(&self.0)? else { return Ok(None) };
        Ok(Some(Statement {
            tag: command.tag(),
            parameters: Vec::new(),
            columns: command.columns(),
            action: Action::Session(command),
        }))
    }

    /// Makes a statement for the database ready; `connection` knows the tables.
    pub(super) fn prepared(&self, connection: &Connection) -> Result<Statement, SqlError> {
        if let Some(command) = self.command()? {
            return Ok(command);
        }
        let mut tree = self.parsed()?;
        let (parameters, inferred) = infer::types(&tree, connection)?;
        if let Some(seconds) = sleep(&tree) {
            return Ok(Statement {
                action: Action::Sleep(seconds),
                tag: "SELECT".to_owned(),
                parameters: parameters.iter().map(|_| Type::FLOAT8).collect(),
                columns: vec![Column::new("pg_sleep", Type::VOID)],
            });
        }
        let tag = tag(&tree);
        dialect::rewrite(&mut tree)?;
        let sql = tree.to_string();
        let prepared = connection.prepare_cached(&sql)?;
        let columns: Vec<Column> = prepared
            .columns()
            .map(|column| Column::new(column.name(), declared(column.decl_type().unwrap_or("TEXT"))))
            .collect();
        // What is beyond the inference is taken as SQLite has it.
        let columns = if inferred.len() == columns.len() { inferred } else { columns };
        let writes = !prepared.readonly();
        let plan = Plan::of(connection, &sql)?;
        let effect = match (writes, plan.touches_tables) {
            (true, _) => Effect::Writes,
            (false, true) => Effect::Reads,
            (false, false) => Effect::None,
        };
        let counts_rows = ["INSERT", "UPDATE", "DELETE"].contains(&tag.as_str());
        let action = Action::Database(DatabaseStatement { sql, effect, scans: plan.scans, counts_rows });
        Ok(Statement { action, tag, parameters, columns })
    }

    fn parsed(&self) -> Result<Tree, SqlError> {
        let syntax = |error: sqlparser::parser::ParserError| SqlError::new(SYNTAX, error.to_string());
        let mut parser = Parser::new(&PostgreSqlDialect {}).with_tokens(self.0.clone());
        let tree = parser.parse_statement().map_err(syntax)?;
        match parser.next_token().token {
            Token::EOF => Ok(tree),
            token => Err(SqlError::new(SYNTAX, format!("syntax error at or near \"{token}\""))),
        }
    }
}

impl Statement {
    /// How `store_statements_total` counts it.
    pub(super) fn kind(&self) -> &'static str {
        match &self.action {
            Action::Session(_) | Action::Sleep(_) => "session",
            Action::Database(statement) => match statement.effect {
                Effect::None => "session",
                Effect::Reads => "read",
                Effect::Writes => "write",
            },
        }
    }
}

fn tag(tree: &Tree) -> String {
    match tree {
        Tree::Query(_) => "SELECT".to_owned(),
        Tree::Insert(_) => "INSERT".to_owned(),
        Tree::Update(_) => "UPDATE".to_owned(),
        Tree::Delete(_) => "DELETE".to_owned(),
        Tree::Truncate(_) => "TRUNCATE TABLE".to_owned(),
        // `CREATE UNIQUE INDEX`, `DROP TABLE IF EXISTS`: the verb and the kind of thing.
        other => {
            let text = other.to_string();
            let mut words = text.split_whitespace();
            let verb = words.next().unwrap_or_default();
            let kind = words.find(|word| !["UNIQUE", "TEMPORARY", "TEMP", "OR", "REPLACE"].contains(word));
            format!("{verb} {}", kind.unwrap_or_default())
        }
    }
}

/// `SELECT pg_sleep(…)`.
fn sleep(tree: &Tree) -> Option<Seconds> {
    let Tree::Query(query) = tree else { return None };
    let SetExpr::Select(select) = &*query.body else { return None };
    let [SelectItem::UnnamedExpr(Expr::Function(function))] = select.projection.as_slice() else {
        return None;
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else { return None };
    let name = function.name.to_string().to_lowercase();
    if name.trim_start_matches("pg_catalog.") != "pg_sleep" {
        return None;
    }
    match argument {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse().ok().map(Seconds::Written),
            Value::Placeholder(_) => Some(Seconds::Parameter),
            _ => None,
        },
        _ => None,
    }
}

/// What SQLite means to do.
struct Plan {
    touches_tables: bool,
    scans: bool,
}

impl Plan {
    fn of(connection: &Connection, sql: &str) -> Result<Self, SqlError> {
        let mut plan = Self { touches_tables: false, scans: false };
        // SQLite explains queries and changes of rows; the rest of its language has no plan.
        let Ok(mut explained) = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")) else {
            return Ok(plan);
        };
        let mut rows = explained.raw_query();
        while let Some(row) = rows.next()? {
            let step: String = row.get(3)?;
            // Steps are indented texts: `SEARCH d USING INDEX …`, `SCAN d`, `USE TEMP B-TREE …`.
            // A scan of a constant row, of JSON or of a subquery's result reads no table.
            let scan = step.starts_with("SCAN ")
                && !step.contains("CONSTANT ROW")
                && !step.contains("VIRTUAL TABLE")
                && !step.starts_with("SCAN (");
            let search = step.starts_with("SEARCH ") && !step.contains("VIRTUAL TABLE");
            plan.touches_tables |= scan || search;
            plan.scans |= scan;
        }
        Ok(plan)
    }
}

/// Refuses what the stand-in does not do.
pub(super) fn not_supported(what: &str) -> SqlError {
    SqlError::new(NOT_SUPPORTED, format!("the stand-in does not support {what}"))
}
