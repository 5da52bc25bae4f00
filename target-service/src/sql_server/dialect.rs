//! From PostgreSQL's dialect to SQLite's, as far as clients of the content need it. What SQLite does
//! not know it refuses by itself.

use std::ops::ControlFlow;

use sqlparser::{
    ast::{
        BinaryOperator, CastKind, DataType, Expr, Ident, LimitClause, ObjectName, ObjectNamePart, Query,
        Statement, Value, VisitMut, VisitorMut,
    },
    dialect::SQLiteDialect,
    parser::Parser,
};

use super::{
    error::{INTERNAL, SqlError},
    infer::placeholder,
    statement::not_supported,
    types::{declared, sqlite_type},
};

/// Rewrites a statement in place.
pub(super) fn rewrite(tree: &mut Statement) -> Result<(), SqlError> {
    if let Statement::Truncate(truncate) = tree {
        let [table] = truncate.table_names.as_slice() else {
            return Err(not_supported("TRUNCATE of several tables"));
        };
        *tree = parsed_statement(&format!("DELETE FROM {}", table.name))?;
    }
    if let Statement::CreateTable(table) = tree {
        let serial = |data_type: &DataType| data_type.to_string().to_uppercase().contains("SERIAL");
        if table.columns.iter().any(|column| serial(&column.data_type)) {
            return Err(not_supported("serial columns"));
        }
    }
    match tree.visit(&mut Rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        // Row locks: a statement sees what is committed, and a commit fails if that has changed.
        query.locks.clear();
        // SQLite has no OFFSET without LIMIT; a negative limit is none.
        if let Some(LimitClause::LimitOffset { limit: limit @ None, offset: Some(_), .. }) =
            &mut query.limit_clause
        {
            *limit = Some(Expr::Value(Value::Number("-1".to_owned(), false).with_empty_span()));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<SqlError> {
        let schema = relation.0.first().map(|part| part.to_string().to_lowercase());
        if relation.0.len() == 2 && schema.as_deref() == Some("public") {
            relation.0.remove(0);
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        match rewritten(expr) {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(new)) => {
                *expr = new;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// What an expression becomes, if something else. Its parts have been rewritten before.
fn rewritten(expr: &mut Expr) -> Result<Option<Expr>, SqlError> {
    match expr {
        Expr::Value(value) => {
            let new = match &value.value {
                // `$1` is a name to SQLite, numbered by its first place; `?1` is the number.
                Value::Placeholder(_) => {
                    let number =
                        placeholder(&value.value).ok_or_else(|| not_supported("this placeholder"))?;
                    Value::Placeholder(format!("?{number}"))
                }
                Value::EscapedStringLiteral(text) => Value::SingleQuotedString(text.clone()),
                Value::DollarQuotedString(text) => Value::SingleQuotedString(text.value.clone()),
                _ => return Ok(None),
            };
            value.value = new;
            Ok(None)
        }
        Expr::Cast { kind, data_type, .. } => {
            *kind = CastKind::Cast;
            let of = declared(&data_type.to_string());
            *data_type = DataType::Custom(
                ObjectName(vec![ObjectNamePart::Identifier(Ident::new(sqlite_type(&of)))]),
                vec![],
            );
            Ok(None)
        }
        Expr::Like { escape_char, .. } => {
            // PostgreSQL's default; SQLite has none.
            escape_char.get_or_insert_with(|| Box::new(text("\\")));
            Ok(None)
        }
        Expr::ILike { negated, expr, pattern, escape_char, .. } => {
            let not = if *negated { "NOT " } else { "" };
            let escape = escape_char.take().map_or_else(|| text("\\"), |escape| *escape);
            parsed(&format!("lower({expr}) {not}LIKE lower({pattern}) ESCAPE {escape}")).map(Some)
        }
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => {
            parsed(&format!("{left} IN (SELECT value FROM json_each({right}))")).map(Some)
        }
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => {
            parsed(&format!("{left} NOT IN (SELECT value FROM json_each({right}))")).map(Some)
        }
        Expr::AnyOp { .. } | Expr::AllOp { .. } => Err(not_supported("this use of ANY or ALL")),
        Expr::Array(array) => {
            let elements: Vec<String> = array.elem.iter().map(ToString::to_string).collect();
            parsed(&format!("json_array({})", elements.join(", "))).map(Some)
        }
        Expr::Function(function) => {
            let other = match function.name.to_string().to_lowercase().as_str() {
                "greatest" => "max",
                "least" => "min",
                name => match name.strip_prefix("pg_catalog.") {
                    Some(plain) => return Ok(renamed(function, plain)),
                    None => return Ok(None),
                },
            };
            Ok(renamed(function, other))
        }
        _ => Ok(None),
    }
}

fn renamed(function: &mut sqlparser::ast::Function, name: &str) -> Option<Expr> {
    function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
    None
}

fn text(text: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(text.to_owned()).with_empty_span())
}

/// An expression from text that was put together here.
fn parsed(sql: &str) -> Result<Expr, SqlError> {
    let parser = Parser::new(&SQLiteDialect {}).try_with_sql(sql);
    parser.and_then(|mut parser| parser.parse_expr()).map_err(|error| internal(&error))
}

fn parsed_statement(sql: &str) -> Result<Statement, SqlError> {
    let parser = Parser::new(&SQLiteDialect {}).try_with_sql(sql);
    parser.and_then(|mut parser| parser.parse_statement()).map_err(|error| internal(&error))
}

fn internal(error: &sqlparser::parser::ParserError) -> SqlError {
    SqlError::new(INTERNAL, format!("a rewritten statement cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use sqlparser::dialect::PostgreSqlDialect;

    use super::*;

    fn rewrite_text(sql: &str) -> String {
        let mut tree = Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("SQL").remove(0);
        rewrite(&mut tree).expect("rewritten");
        tree.to_string()
    }

    #[test]
    fn what_only_postgresql_knows_becomes_what_sqlite_knows() {
        let cases = [
            ("SELECT $2, $1", "SELECT ?2, ?1"),
            ("SELECT id::text FROM public.t", "SELECT CAST(id AS TEXT) FROM t"),
            ("SELECT $1::bigint", "SELECT CAST(?1 AS INTEGER)"),
            ("SELECT a FROM t WHERE a LIKE $1", r"SELECT a FROM t WHERE a LIKE ?1 ESCAPE '\'"),
            (
                "SELECT a FROM t WHERE a NOT ILIKE 'x%'",
                r"SELECT a FROM t WHERE lower(a) NOT LIKE lower('x%') ESCAPE '\'",
            ),
            (
                "SELECT a FROM t WHERE id = ANY($1)",
                "SELECT a FROM t WHERE id IN (SELECT value FROM json_each(?1))",
            ),
            ("SELECT a FROM t FOR UPDATE", "SELECT a FROM t"),
            ("SELECT a FROM t OFFSET 2", "SELECT a FROM t LIMIT -1 OFFSET 2"),
            ("TRUNCATE TABLE t", "DELETE FROM t"),
            ("SELECT greatest(1, 2), pg_catalog.lower('A')", "SELECT max(1, 2), lower('A')"),
        ];
        for (postgres, sqlite) in cases {
            assert_eq!(rewrite_text(postgres), sqlite);
        }
    }
}
