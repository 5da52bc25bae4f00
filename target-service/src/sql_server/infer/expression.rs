//! The type of one expression.

use pgwire::api::Type;
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, UnaryOperator, Value,
};

use super::{Scope, Walk, column, placeholder};
use crate::sql_server::{
    error::SqlError,
    functions,
    types::{array_of, declared},
};

impl Walk<'_> {
    /// The type of an expression, if it can be told. A parameter takes `expected`.
    pub(super) fn expression(
        &mut self,
        expr: &Expr,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Result<Option<Type>, SqlError> {
        Ok(match expr {
            Expr::Value(value) => self.value(&value.value, expected),
            Expr::Identifier(ident) => {
                scope.iter().find_map(|table| column(&table.columns, &ident.value)).cloned()
            }
            Expr::CompoundIdentifier(parts) => {
                let mut parts = parts.iter().rev();
                let name = parts.next().map(|part| part.value.as_str()).unwrap_or_default();
                let table = parts.next().map(|part| part.value.to_lowercase()).unwrap_or_default();
                let table = scope.iter().find(|relation| relation.name == table);
                table.and_then(|table| column(&table.columns, name)).cloned()
            }
            Expr::Nested(inner) => self.expression(inner, scope, expected)?,
            Expr::Cast { expr, data_type, .. } => {
                let of = cast_type(&data_type.to_string());
                self.expression(expr, scope, Some(&of))?;
                Some(of)
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope, expected)?,
            Expr::UnaryOp { op, expr } => {
                let of = self.expression(expr, scope, expected)?;
                if *op == UnaryOperator::Not { Some(Type::BOOL) } else { of }
            }
            Expr::Function(function) => self.function(function, scope, expected)?,
            Expr::Case { operand, conditions, else_result, .. } => {
                let operand = match operand {
                    Some(operand) => self.expression(operand, scope, None)?,
                    None => Some(Type::BOOL),
                };
                let mut of = expected.cloned();
                for when in conditions {
                    self.expression(&when.condition, scope, operand.as_ref())?;
                    of = self.expression(&when.result, scope, of.as_ref())?.or(of);
                }
                match else_result {
                    Some(result) => self.expression(result, scope, of.as_ref())?.or(of),
                    None => of,
                }
            }
            Expr::Subquery(query) => {
                self.query(query, scope, &[])?.into_iter().next().map(|column| column.of)
            }
            Expr::Array(array) => {
                let mut of = None;
                for element in &array.elem {
                    of = self.expression(element, scope, of.as_ref())?.or(of);
                }
                of.as_ref().map(array_of)
            }
            Expr::Collate { expr, .. } => self.expression(expr, scope, Some(&Type::TEXT))?,
            Expr::Substring { expr, .. } | Expr::Trim { expr, .. } => {
                self.expression(expr, scope, Some(&Type::TEXT))?;
                Some(Type::TEXT)
            }
            Expr::Tuple(members) => {
                for member in members {
                    self.expression(member, scope, None)?;
                }
                None
            }
            predicate => {
                self.predicate(predicate, scope)?;
                Some(Type::BOOL)
            }
        })
    }

    fn value(&mut self, value: &Value, expected: Option<&Type>) -> Option<Type> {
        match value {
            Value::Placeholder(_) => {
                let number = placeholder(value)?;
                let of = expected.cloned().filter(|of| *of != Type::VOID);
                // The first place that tells decides.
                if let Some(of) = of {
                    self.parameters.entry(number).or_insert(of);
                }
                self.parameters.get(&number).cloned()
            }
            // As PostgreSQL has it: a whole number is the smallest type that holds it.
            Value::Number(text, _) => Some(match text.parse::<i64>() {
                Ok(number) if i32::try_from(number).is_ok() => Type::INT4,
                Ok(_) => Type::INT8,
                Err(_) => Type::FLOAT8,
            }),
            Value::Boolean(_) => Some(Type::BOOL),
            Value::Null => None,
            _ => Some(Type::TEXT),
        }
    }

    /// Predicates: their parts have one type among them.
    fn predicate(&mut self, expr: &Expr, scope: &Scope) -> Result<(), SqlError> {
        match expr {
            Expr::InList { expr, list, .. } => {
                let parts: Vec<&Expr> = std::iter::once(&**expr).chain(list).collect();
                self.same_type(&parts, scope, None).map(drop)
            }
            Expr::Between { expr, low, high, .. } => {
                self.same_type(&[&**expr, &**low, &**high], scope, None).map(drop)
            }
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                self.same_type(&[&**left, &**right], scope, None).map(drop)
            }
            Expr::Like { expr, pattern, .. } | Expr::ILike { expr, pattern, .. } => {
                self.expression(expr, scope, Some(&Type::TEXT))?;
                self.expression(pattern, scope, Some(&Type::TEXT)).map(drop)
            }
            Expr::InSubquery { expr, subquery, .. } => {
                let of = self.query(subquery, scope, &[])?.into_iter().next().map(|column| column.of);
                self.expression(expr, scope, of.as_ref()).map(drop)
            }
            Expr::Exists { subquery, .. } => self.query(subquery, scope, &[]).map(drop),
            Expr::AnyOp { left, right, .. } | Expr::AllOp { left, right, .. } => {
                let of = self.expression(left, scope, None)?;
                self.expression(right, scope, of.as_ref().map(array_of).as_ref()).map(drop)
            }
            Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner) => self.expression(inner, scope, None).map(drop),
            _ => Ok(()),
        }
    }

    /// Gives the parameters among `parts` the type of the first that has one, or else `expected`, and
    /// tells the widest type.
    fn same_type(
        &mut self,
        parts: &[&Expr],
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Result<Option<Type>, SqlError> {
        let mut types = Vec::new();
        for part in parts {
            types.push(self.expression(part, scope, None)?);
        }
        let of = types.iter().flatten().next().or(expected).cloned();
        if of.is_some() {
            let untold = parts.iter().zip(&types).filter(|(_, own)| own.is_none());
            for (part, _) in untold {
                self.expression(part, scope, of.as_ref())?;
            }
        }
        Ok(types.into_iter().fold(of, wider))
    }

    fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Result<Option<Type>, SqlError> {
        use BinaryOperator as Op;
        match op {
            Op::And | Op::Or => {
                self.expression(left, scope, Some(&Type::BOOL))?;
                self.expression(right, scope, Some(&Type::BOOL))?;
                Ok(Some(Type::BOOL))
            }
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                self.same_type(&[left, right], scope, None)?;
                Ok(Some(Type::BOOL))
            }
            Op::StringConcat => {
                self.expression(left, scope, Some(&Type::TEXT))?;
                self.expression(right, scope, Some(&Type::TEXT))?;
                Ok(Some(Type::TEXT))
            }
            _ => self.same_type(&[left, right], scope, expected),
        }
    }

    fn function(
        &mut self,
        function: &Function,
        scope: &Scope,
        expected: Option<&Type>,
    ) -> Result<Option<Type>, SqlError> {
        let full = function.name.to_string().to_lowercase();
        let name = full.trim_start_matches("pg_catalog.");
        let result = functions::result_type(name);
        // Functions of text take text; those that keep their argument's type expect what is expected.
        let expects = match &result {
            Some(of) if *of == Type::TEXT || name.ends_with("length") || name == "instr" => Some(Type::TEXT),
            Some(_) => None,
            None => expected.cloned(),
        };
        let mut first = None;
        if let FunctionArguments::List(list) = &function.args {
            for argument in &list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    let of = self.expression(expr, scope, first.as_ref().or(expects.as_ref()))?;
                    first = first.or(of);
                }
            }
        }
        if let Some(filter) = &function.filter {
            self.expression(filter, scope, Some(&Type::BOOL))?;
        }
        Ok(match name {
            // A sum of whole numbers may outgrow them.
            "sum" => Some(match first {
                Some(Type::FLOAT4 | Type::FLOAT8) => Type::FLOAT8,
                _ => Type::INT8,
            }),
            "round" => Some(Type::FLOAT8),
            _ => result.or(first),
        })
    }
}

/// The type of a sum, a product and so on.
fn wider(left: Option<Type>, right: Option<Type>) -> Option<Type> {
    const BY_WIDTH: [Type; 5] = [Type::FLOAT8, Type::FLOAT4, Type::INT8, Type::INT4, Type::INT2];
    let either = |of: &Type| left.as_ref() == Some(of) || right.as_ref() == Some(of);
    BY_WIDTH.into_iter().find(either).or(left).or(right)
}

/// The type that a cast names, arrays included.
fn cast_type(name: &str) -> Type {
    match name.strip_suffix("[]") {
        Some(element) => array_of(&declared(element)),
        None => declared(name),
    }
}

/// The name of a column that has no alias, as PostgreSQL gives it.
pub(super) fn name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()).unwrap_or_default(),
        Expr::Function(function) => {
            let full = function.name.to_string().to_lowercase();
            full.rsplit('.').next().unwrap_or_default().to_owned()
        }
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name(expr),
        Expr::Case { .. } => "case".to_owned(),
        Expr::Exists { .. } => "exists".to_owned(),
        _ => "?column?".to_owned(),
    }
}
