//! Types that SQLite does not tell: of parameters and of the columns of a result.
//!
//! A client of PostgreSQL learns them when it prepares a statement, and encodes by them. A parameter
//! takes the type of what it stands beside; a column the type of its expression. The walk is over
//! the syntax tree, with the tables' declared types at the leaves. What cannot be told is text.

use std::{collections::BTreeMap, ops::ControlFlow};

use pgwire::api::Type;
use rusqlite::Connection;
use sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, FromTable, Insert, JoinConstraint, JoinOperator, LimitClause,
    ObjectName, OnConflictAction, OnInsert, OrderByKind, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, Statement, TableFactor, TableObject, TableWithJoins,
    UpdateTableFromKind, Value, visit_expressions,
};

use super::{
    error::SqlError,
    types::{Column, declared},
};

mod expression;

/// The types of a statement's parameters, and its columns.
pub(super) fn types(tree: &Statement, connection: &Connection) -> Result<(Vec<Type>, Vec<Column>), SqlError> {
    let mut walk = Walk { connection, parameters: BTreeMap::new(), ctes: Vec::new() };
    let columns = walk.statement(tree)?;
    // Those in a place that the walk does not know are text.
    let mut count = walk.parameters.keys().next_back().copied().unwrap_or(0);
    let _ = visit_expressions(tree, |expr| {
        if let Expr::Value(value) = expr {
            count = count.max(placeholder(&value.value).unwrap_or(0));
        }
        ControlFlow::<()>::Continue(())
    });
    let types = (1..=count).map(|n| walk.parameters.remove(&n).unwrap_or(Type::TEXT)).collect();
    Ok((types, columns))
}

/// The number of a placeholder: 1 of `$1`.
pub(super) fn placeholder(value: &Value) -> Option<usize> {
    let Value::Placeholder(text) = value else { return None };
    text.strip_prefix('$')?.parse().ok().filter(|number| (1..=65_535).contains(number))
}

/// A table as a statement names it.
#[derive(Debug, Clone)]
struct Relation {
    name: String,
    columns: Vec<Column>,
}

/// The tables in reach; those of outer queries come last.
type Scope = Vec<Relation>;

struct Walk<'c> {
    connection: &'c Connection,
    parameters: BTreeMap<usize, Type>,
    ctes: Vec<Relation>,
}

impl Walk<'_> {
    fn statement(&mut self, tree: &Statement) -> Result<Vec<Column>, SqlError> {
        match tree {
            Statement::Query(query) => self.query(query, &Scope::new(), &[]),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => {
                let mut scope = self.relations(&update.table, &Scope::new())?;
                if let Some(UpdateTableFromKind::AfterSet(from) | UpdateTableFromKind::BeforeSet(from)) =
                    &update.from
                {
                    for table in from {
                        scope.extend(self.relations(table, &Scope::new())?);
                    }
                }
                self.assignments(&update.assignments, &scope)?;
                self.condition(update.selection.as_ref(), &scope)?;
                self.returning(update.returning.as_deref(), &scope)
            }
            Statement::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
                let mut scope = Scope::new();
                for table in from {
                    scope.extend(self.relations(table, &Scope::new())?);
                }
                self.condition(delete.selection.as_ref(), &scope)?;
                self.returning(delete.returning.as_deref(), &scope)
            }
            _ => Ok(Vec::new()),
        }
    }

    fn insert(&mut self, insert: &Insert) -> Result<Vec<Column>, SqlError> {
        let TableObject::TableName(name) = &insert.table else { return Ok(Vec::new()) };
        let all = self.table(name)?;
        let expected: Vec<Type> = if insert.columns.is_empty() {
            all.iter().map(|column| column.of.clone()).collect()
        } else {
            let named = insert.columns.iter().map(last_part);
            named.map(|name| column(&all, &name).cloned().unwrap_or(Type::TEXT)).collect()
        };
        if let Some(source) = &insert.source {
            self.query(source, &Scope::new(), &expected)?;
        }
        let mut scope = vec![Relation { name: last_part(name), columns: all.clone() }];
        if let Some(OnInsert::OnConflict(conflict)) = &insert.on
            && let OnConflictAction::DoUpdate(update) = &conflict.action
        {
            let mut scope = scope.clone();
            scope.push(Relation { name: "excluded".to_owned(), columns: all });
            self.assignments(&update.assignments, &scope)?;
            self.condition(update.selection.as_ref(), &scope)?;
        }
        if let Some(alias) = &insert.table_alias {
            scope[0].name = alias.alias.value.to_lowercase();
        }
        self.returning(insert.returning.as_deref(), &scope)
    }

    fn assignments(&mut self, assignments: &[Assignment], scope: &Scope) -> Result<(), SqlError> {
        for assignment in assignments {
            let expected = match &assignment.target {
                AssignmentTarget::ColumnName(name) => {
                    scope.first().and_then(|table| column(&table.columns, &last_part(name)))
                }
                AssignmentTarget::Tuple(_) => None,
            };
            self.expression(&assignment.value, scope, expected)?;
        }
        Ok(())
    }

    fn returning(&mut self, items: Option<&[SelectItem]>, scope: &Scope) -> Result<Vec<Column>, SqlError> {
        items.map_or_else(|| Ok(Vec::new()), |items| self.projection(items, scope, scope.len(), &[]))
    }

    fn condition(&mut self, condition: Option<&Expr>, scope: &Scope) -> Result<(), SqlError> {
        if let Some(condition) = condition {
            self.expression(condition, scope, Some(&Type::BOOL))?;
        }
        Ok(())
    }

    /// The columns of a query. `expected` are the types that its columns go into.
    fn query(&mut self, query: &Query, outer: &Scope, expected: &[Type]) -> Result<Vec<Column>, SqlError> {
        let known = self.ctes.len();
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let columns = self.query(&cte.query, outer, &[])?;
            let aliases = cte.alias.columns.iter().map(|column| &column.name.value);
            let columns = renamed(columns, aliases);
            self.ctes.push(Relation { name: cte.alias.name.value.to_lowercase(), columns });
        }
        let (columns, scope) = self.body(&query.body, outer, expected)?;
        if let Some(order_by) = &query.order_by
            && let OrderByKind::Expressions(expressions) = &order_by.kind
        {
            for by in expressions {
                self.expression(&by.expr, &scope, None)?;
            }
        }
        match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                for expr in limit.iter().chain(offset.iter().map(|offset| &offset.value)) {
                    self.expression(expr, &scope, Some(&Type::INT8))?;
                }
            }
            Some(LimitClause::OffsetCommaLimit { .. }) | None => {}
        }
        self.ctes.truncate(known);
        Ok(columns)
    }

    fn body(
        &mut self,
        body: &SetExpr,
        outer: &Scope,
        expected: &[Type],
    ) -> Result<(Vec<Column>, Scope), SqlError> {
        match body {
            SetExpr::Select(select) => self.select(select, outer, expected),
            SetExpr::Query(query) => Ok((self.query(query, outer, expected)?, outer.clone())),
            SetExpr::SetOperation { left, right, .. } => {
                let left = self.body(left, outer, expected)?;
                self.body(right, outer, expected)?;
                Ok(left)
            }
            SetExpr::Values(values) => {
                let mut columns = Vec::new();
                for row in &values.rows {
                    let mut types = Vec::new();
                    for (n, expr) in row.iter().enumerate() {
                        types.push(self.expression(expr, outer, expected.get(n))?.unwrap_or(Type::TEXT));
                    }
                    if columns.is_empty() {
                        let named = types.into_iter().zip(1..);
                        columns = named.map(|(of, n)| Column::new(format!("column{n}"), of)).collect();
                    }
                }
                Ok((columns, outer.clone()))
            }
            SetExpr::Insert(tree) | SetExpr::Update(tree) | SetExpr::Delete(tree) => {
                Ok((self.statement(tree)?, outer.clone()))
            }
            SetExpr::Merge(_) | SetExpr::Table(_) => Ok((Vec::new(), outer.clone())),
        }
    }

    fn select(
        &mut self,
        select: &Select,
        outer: &Scope,
        expected: &[Type],
    ) -> Result<(Vec<Column>, Scope), SqlError> {
        let mut scope = Scope::new();
        for table in &select.from {
            scope.extend(self.relations(table, outer)?);
        }
        let own = scope.len();
        scope.extend(outer.iter().cloned());
        let columns = self.projection(&select.projection, &scope, own, expected)?;
        self.condition(select.selection.as_ref(), &scope)?;
        if let sqlparser::ast::GroupByExpr::Expressions(expressions, _) = &select.group_by {
            for expr in expressions {
                self.expression(expr, &scope, None)?;
            }
        }
        self.condition(select.having.as_ref(), &scope)?;
        Ok((columns, scope))
    }

    /// The columns that a list of items gives; the first `own` relations are those that `*` means.
    fn projection(
        &mut self,
        items: &[SelectItem],
        scope: &Scope,
        own: usize,
        expected: &[Type],
    ) -> Result<Vec<Column>, SqlError> {
        let mut columns = Vec::new();
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let of = self.expression(expr, scope, expected.get(columns.len()))?;
                    columns.push(Column::new(expression::name(expr), of.unwrap_or(Type::TEXT)));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let of = self.expression(expr, scope, expected.get(columns.len()))?;
                    columns.push(Column::new(alias.value.clone(), of.unwrap_or(Type::TEXT)));
                }
                SelectItem::Wildcard(_) => {
                    columns.extend(scope[..own].iter().flat_map(|table| table.columns.iter().cloned()));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                    let name = last_part(name);
                    let table = scope.iter().find(|table| table.name == name);
                    columns.extend(table.into_iter().flat_map(|table| table.columns.iter().cloned()));
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => {}
            }
        }
        Ok(columns)
    }

    /// The relations of one entry of FROM, joins included.
    fn relations(&mut self, table: &TableWithJoins, outer: &Scope) -> Result<Scope, SqlError> {
        let mut scope = self.factor(&table.relation, outer)?;
        for join in &table.joins {
            scope.extend(self.factor(&join.relation, outer)?);
            if let JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint) = &join.join_operator
                && let JoinConstraint::On(condition) = constraint
            {
                let reach: Scope = scope.iter().chain(outer).cloned().collect();
                self.condition(Some(condition), &reach)?;
            }
        }
        Ok(scope)
    }

    fn factor(&mut self, factor: &TableFactor, outer: &Scope) -> Result<Scope, SqlError> {
        let (columns, own_name, alias) = match factor {
            TableFactor::Table { name, alias, .. } => (self.table(name)?, last_part(name), alias),
            TableFactor::Derived { subquery, alias, .. } => {
                (self.query(subquery, outer, &[])?, String::new(), alias)
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                return self.relations(table_with_joins, outer);
            }
            _ => return Ok(Scope::new()),
        };
        let Some(alias) = alias else { return Ok(vec![Relation { name: own_name, columns }]) };
        let columns = renamed(columns, alias.columns.iter().map(|column| &column.name.value));
        Ok(vec![Relation { name: alias.name.value.to_lowercase(), columns }])
    }

    /// The columns of a table or of a `WITH` query; none if there is no such table, which SQLite says
    /// better.
    fn table(&self, name: &ObjectName) -> Result<Vec<Column>, SqlError> {
        let name = last_part(name);
        if let Some(cte) = self.ctes.iter().rev().find(|cte| cte.name == name) {
            return Ok(cte.columns.clone());
        }
        let mut query = self.connection.prepare_cached("SELECT name, type FROM pragma_table_info(?1)")?;
        let columns = query.query_map([&name], |row| {
            Ok(Column::new(row.get::<_, String>(0)?, declared(&row.get::<_, String>(1)?)))
        })?;
        Ok(columns.collect::<Result<_, _>>()?)
    }
}

/// The type of a column by name, whatever the case.
fn column<'a>(columns: &'a [Column], name: &str) -> Option<&'a Type> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)).map(|column| &column.of)
}

fn renamed<'a>(mut columns: Vec<Column>, names: impl Iterator<Item = &'a String>) -> Vec<Column> {
    for (column, name) in columns.iter_mut().zip(names) {
        column.name.clone_from(name);
    }
    columns
}

/// The name without its schema, in lower case.
fn last_part(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map(|ident| ident.value.to_lowercase()).unwrap_or_default()
}
