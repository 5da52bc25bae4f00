//! Strings that are numbers.

use bytes::Bytes;

use super::{
    super::{number, protocol::Reply, value::Value},
    Call, CommandError, Outcome,
    options::{double, integer},
    table::{ADDS, FIRST, Spec, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("incr", "string", 2, ADDS, FIRST, |call| add(call, 1)),
    row("decr", "string", 2, ADDS, FIRST, |call| add(call, -1)),
    row("incrby", "string", 3, ADDS, FIRST, |call| add(call, integer(&call.args[1])?)),
    row("decrby", "string", 3, ADDS, FIRST, decrease_by),
    row("incrbyfloat", "string", 3, ADDS, FIRST, add_float),
];

fn decrease_by(call: &mut Call<'_>) -> Outcome {
    let amount = integer(&call.args[1])?.checked_neg().ok_or(CommandError::DecrementOverflow)?;
    add(call, amount)
}

fn add(call: &mut Call<'_>, amount: i64) -> Outcome {
    let key = call.key();
    let db = call.db();
    let now = match db.read::<Bytes>(key)? {
        Some(text) => integer(text)?,
        None => 0,
    };
    let sum = now.checked_add(amount).ok_or(CommandError::Overflow)?;
    let expires_ms = db.peek(key).and_then(|entry| entry.expires_ms);
    db.set(key.clone(), Value::Text(Bytes::from(sum.to_string())), expires_ms);
    Ok(Reply::Integer(sum))
}

fn add_float(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let amount = &call.args[1];
    let db = call.db();
    let now = match db.read::<Bytes>(key)? {
        Some(text) => double(text)?,
        None => 0.0,
    };
    let sum = now + double(amount)?;
    if !sum.is_finite() {
        return Err(CommandError::NotFinite);
    }
    let expires_ms = db.peek(key).and_then(|entry| entry.expires_ms);
    let text = Bytes::from(number::sum_text(sum));
    db.set(key.clone(), Value::Text(text.clone()), expires_ms);
    Ok(Reply::Bulk(text))
}
