//! Types and values between PostgreSQL's wire and SQLite.

use std::sync::Arc;

use pgwire::{
    api::{
        Type,
        portal::{Format, Portal},
        results::{DataRowEncoder, FieldFormat, FieldInfo},
    },
    error::PgWireResult,
    messages::data::DataRow,
};
use rusqlite::types::{Value, ValueRef};

use super::error::{NOT_SUPPORTED, OUT_OF_RANGE, SqlError};

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) of: Type,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, of: Type) -> Self {
        Self { name: name.into(), of }
    }
}

/// The type of a column that was declared as `declared`. What is unknown is text.
pub(super) fn declared(declared: &str) -> Type {
    let name = declared.to_uppercase();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if starts(&["BIGINT", "INT8"]) {
        Type::INT8
    } else if starts(&["SMALLINT", "INT2"]) {
        Type::INT2
    } else if starts(&["INT"]) {
        Type::INT4
    } else if starts(&["REAL", "FLOAT4"]) {
        Type::FLOAT4
    } else if starts(&["DOUBLE", "FLOAT", "NUMERIC", "DECIMAL"]) {
        Type::FLOAT8
    } else if starts(&["BOOL"]) {
        Type::BOOL
    } else if starts(&["BYTEA", "BLOB"]) {
        Type::BYTEA
    } else if starts(&["VARCHAR", "CHARACTER VARYING"]) {
        Type::VARCHAR
    } else {
        Type::TEXT
    }
}

/// The affinity that a value is cast to in SQLite.
pub(super) fn sqlite_type(of: &Type) -> &'static str {
    match *of {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::BOOL => "INTEGER",
        Type::FLOAT4 | Type::FLOAT8 => "REAL",
        Type::BYTEA => "BLOB",
        _ => "TEXT",
    }
}

/// The type of an array of `element`.
pub(super) fn array_of(element: &Type) -> Type {
    match *element {
        Type::INT2 => Type::INT2_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::FLOAT4 => Type::FLOAT4_ARRAY,
        Type::FLOAT8 => Type::FLOAT8_ARRAY,
        Type::BOOL => Type::BOOL_ARRAY,
        _ => Type::TEXT_ARRAY,
    }
}

/// The bound parameters of a portal. An array becomes JSON, which `json_each` takes apart.
pub(super) fn parameters<S: Clone>(portal: &Portal<S>, types: &[Type]) -> PgWireResult<Vec<Value>> {
    if portal.parameter_len() != types.len() {
        let message = format!(
            "bind message supplies {} parameters, but prepared statement requires {}",
            portal.parameter_len(),
            types.len()
        );
        return Err(SqlError::new("08P01", message).into());
    }
    // A format code per parameter, or one, or none: any other number would index out of bounds.
    if let Format::Individual(codes) = &portal.parameter_format
        && codes.len() != types.len()
    {
        return Err(SqlError::new("08P01", "as many format codes as parameters are expected").into());
    }
    types.iter().enumerate().map(|(n, of)| parameter(portal, n, of)).collect()
}

fn parameter<S: Clone>(portal: &Portal<S>, n: usize, of: &Type) -> PgWireResult<Value> {
    fn or_null<T>(value: Option<T>, convert: impl FnOnce(T) -> Value) -> Value {
        value.map_or(Value::Null, convert)
    }
    fn json<T: serde::Serialize>(values: Option<Vec<Option<T>>>) -> Value {
        or_null(values, |values| Value::Text(serde_json::json!(values).to_string()))
    }
    Ok(match *of {
        Type::INT2 => or_null(portal.parameter::<i16>(n, of)?, |v| Value::Integer(v.into())),
        Type::INT4 => or_null(portal.parameter::<i32>(n, of)?, |v| Value::Integer(v.into())),
        Type::INT8 => or_null(portal.parameter::<i64>(n, of)?, Value::Integer),
        Type::FLOAT4 => or_null(portal.parameter::<f32>(n, of)?, |v| Value::Real(v.into())),
        Type::FLOAT8 => or_null(portal.parameter::<f64>(n, of)?, Value::Real),
        Type::BOOL => or_null(portal.parameter::<bool>(n, of)?, |v| Value::Integer(v.into())),
        Type::BYTEA => or_null(portal.parameter::<Vec<u8>>(n, of)?, Value::Blob),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            or_null(portal.parameter::<String>(n, of)?, Value::Text)
        }
        Type::INT2_ARRAY => json(portal.parameter::<Vec<Option<i16>>>(n, of)?),
        Type::INT4_ARRAY => json(portal.parameter::<Vec<Option<i32>>>(n, of)?),
        Type::INT8_ARRAY => json(portal.parameter::<Vec<Option<i64>>>(n, of)?),
        Type::FLOAT8_ARRAY => json(portal.parameter::<Vec<Option<f64>>>(n, of)?),
        Type::TEXT_ARRAY | Type::VARCHAR_ARRAY => json(portal.parameter::<Vec<Option<String>>>(n, of)?),
        ref other => {
            let message = format!("parameters of type {other} are not supported");
            return Err(SqlError::new(NOT_SUPPORTED, message).into());
        }
    })
}

/// The description of a result. There may be more columns than format codes; the rest is text.
pub(super) fn fields(columns: &[Column], format: &Format) -> Vec<FieldInfo> {
    let format_of = |n: usize| match format {
        Format::Individual(codes) => FieldFormat::from(codes.get(n).copied().unwrap_or(0)),
        unified => unified.format_for(n),
    };
    let field = |(n, column): (usize, &Column)| {
        FieldInfo::new(column.name.clone(), None, None, column.of.clone(), format_of(n))
    };
    columns.iter().enumerate().map(field).collect()
}

/// Writes rows in the form that the client asked for.
pub(super) struct RowWriter {
    fields: Arc<Vec<FieldInfo>>,
    encoder: DataRowEncoder,
}

impl RowWriter {
    pub(super) fn new(fields: Arc<Vec<FieldInfo>>) -> Self {
        Self { encoder: DataRowEncoder::new(Arc::clone(&fields)), fields }
    }

    pub(super) fn row(&mut self, row: &rusqlite::Row<'_>) -> Result<DataRow, SqlError> {
        for n in 0..self.fields.len() {
            let value = row.get_ref(n)?;
            let field = &self.fields[n];
            write(&mut self.encoder, field.datatype(), field.format(), value)?;
        }
        Ok(self.encoder.take_row())
    }

    /// A row of texts.
    pub(super) fn texts(&mut self, values: &[&str]) -> Result<DataRow, SqlError> {
        for value in values {
            write(&mut self.encoder, &Type::TEXT, FieldFormat::Text, ValueRef::Text(value.as_bytes()))?;
        }
        Ok(self.encoder.take_row())
    }
}

/// One field. SQLite's columns take any value, so what does not fit the declared type is converted
/// as PostgreSQL would, or refused.
fn write(
    encoder: &mut DataRowEncoder,
    of: &Type,
    format: FieldFormat,
    value: ValueRef<'_>,
) -> Result<(), SqlError> {
    let out_of_range = || SqlError::new(OUT_OF_RANGE, format!("a value is out of range for type {of}"));
    let whole = || match value {
        ValueRef::Integer(v) => Ok(v),
        ValueRef::Real(v) if v.fract() == 0.0 => Ok(v as i64),
        _ => Err(out_of_range()),
    };
    let real = || match value {
        ValueRef::Integer(v) => Ok(v as f64),
        ValueRef::Real(v) => Ok(v),
        _ => Err(out_of_range()),
    };
    let written = match *of {
        _ if value == ValueRef::Null => encoder.encode_field(&None::<i64>),
        Type::INT2 => encoder.encode_field(&i16::try_from(whole()?).map_err(|_| out_of_range())?),
        Type::INT4 => encoder.encode_field(&i32::try_from(whole()?).map_err(|_| out_of_range())?),
        Type::INT8 => encoder.encode_field(&whole()?),
        // pgwire writes `8.0` where PostgreSQL writes `8`.
        Type::FLOAT4 | Type::FLOAT8 if format == FieldFormat::Text => {
            encoder.encode_field(&real_text(real()?).as_str())
        }
        Type::FLOAT4 => encoder.encode_field(&(real()? as f32)),
        Type::FLOAT8 => encoder.encode_field(&real()?),
        Type::BOOL => encoder.encode_field(&(whole()? != 0)),
        Type::BYTEA => match value {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => encoder.encode_field(&bytes),
            _ => return Err(out_of_range()),
        },
        _ => encoder.encode_field(&text(value).as_ref()),
    };
    written.map_err(|error| SqlError::new(OUT_OF_RANGE, error.to_string()))
}

/// A number as PostgreSQL writes it: the shortest that is read back, with an exponent where that is
/// large or small.
fn real_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 || (1e-4..1e15).contains(&value.abs()) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn text(value: ValueRef<'_>) -> std::borrow::Cow<'_, str> {
    match value {
        ValueRef::Null => "".into(),
        ValueRef::Integer(v) => v.to_string().into(),
        ValueRef::Real(v) => v.to_string().into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_postgresql_writes_them() {
        let cases =
            [(8.0, "8"), (0.1, "0.1"), (-2.5, "-2.5"), (0.0, "0"), (1e20, "1e+20"), (1.5e-7, "1.5e-07")];
        for (value, text) in cases {
            assert_eq!(real_text(value), text);
        }
    }
}
