//! Strings.

use bytes::{Bytes, BytesMut};

use super::{
    super::{
        protocol::{BULK_MAX, Reply},
        value::Value,
    },
    Call, CommandError, Outcome, expiry,
    options::{Options, integer, positions},
    table::{ADDS, ALL, FIRST, READS, Spec, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("get", "string", 2, READS, FIRST, get),
    row("set", "string", -3, ADDS, FIRST, set),
    row("setnx", "string", 3, ADDS, FIRST, set_if_absent),
    row("setex", "string", 4, ADDS, FIRST, set_with_expiry),
    row("psetex", "string", 4, ADDS, FIRST, set_with_expiry),
    row("getset", "string", 3, ADDS, FIRST, get_and_set),
    row("getdel", "string", 2, WRITES, FIRST, get_and_delete),
    row("getex", "string", -2, WRITES, FIRST, get_and_expire),
    row("mget", "string", -2, READS, ALL, get_many),
    row("mset", "string", -3, ADDS, (1, -1, 2), set_many),
    row("msetnx", "string", -3, ADDS, (1, -1, 2), set_many),
    row("append", "string", 3, ADDS, FIRST, append),
    row("strlen", "string", 2, READS, FIRST, length),
    row("getrange", "string", 4, READS, FIRST, range),
];

/// What `SET` was told besides key and value.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that a client gives or not")]
#[derive(Debug, Default)]
struct SetOptions {
    only_if_absent: bool,
    only_if_present: bool,
    gives_old: bool,
    keeps_expiry: bool,
    expires_ms: Option<i64>,
}

impl SetOptions {
    fn read(call: &Call<'_>) -> Result<Self, CommandError> {
        let mut found = Self::default();
        let mut options = Options::new(&call.args[2..]);
        while let Some(word) = options.word() {
            match word.as_str() {
                "NX" if !found.only_if_present => found.only_if_absent = true,
                "XX" if !found.only_if_absent => found.only_if_present = true,
                "GET" => found.gives_old = true,
                "KEEPTTL" if found.expires_ms.is_none() => found.keeps_expiry = true,
                unit if found.expires_ms.is_none() && !found.keeps_expiry => {
                    let unit = expiry::Unit::of_option(unit).ok_or(CommandError::Syntax)?;
                    found.expires_ms = Some(expiry::deadline(call, unit, options.required()?)?);
                }
                _ => return Err(CommandError::Syntax),
            }
        }
        Ok(found)
    }
}

fn get(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::optional(call.db().read::<Bytes>(key)?.cloned()))
}

fn set(call: &mut Call<'_>) -> Outcome {
    let options = SetOptions::read(call)?;
    let (key, value) = (call.key(), call.args[1].clone());
    let db = call.db();
    let old = if options.gives_old { db.read::<Bytes>(key)?.cloned() } else { None };
    let present = db.peek(key);
    let kept = if options.keeps_expiry { present.and_then(|entry| entry.expires_ms) } else { None };
    let refused = if present.is_some() { options.only_if_absent } else { options.only_if_present };
    if !refused {
        db.set(key.clone(), Value::Text(value), options.expires_ms.or(kept));
    }
    Ok(match (options.gives_old, refused) {
        (true, _) => Reply::optional(old),
        (false, true) => Reply::Null,
        (false, false) => Reply::OK,
    })
}

fn set_if_absent(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.key(), call.args[1].clone());
    let db = call.db();
    let absent = db.peek(key).is_none();
    if absent {
        db.set(key.clone(), Value::Text(value), None);
    }
    Ok(Reply::Integer(i64::from(absent)))
}

fn set_with_expiry(call: &mut Call<'_>) -> Outcome {
    let unit = if call.name == "setex" { expiry::Unit::SECONDS } else { expiry::Unit::MILLISECONDS };
    let deadline = expiry::deadline(call, unit, &call.args[1])?;
    let (key, value) = (call.key(), call.args[2].clone());
    call.db().set(key.clone(), Value::Text(value), Some(deadline));
    Ok(Reply::OK)
}

fn get_and_set(call: &mut Call<'_>) -> Outcome {
    let (key, value) = (call.key(), call.args[1].clone());
    let db = call.db();
    let old = db.read::<Bytes>(key)?.cloned();
    db.set(key.clone(), Value::Text(value), None);
    Ok(Reply::optional(old))
}

fn get_and_delete(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let db = call.db();
    let old = db.read::<Bytes>(key)?.cloned();
    if old.is_some() {
        db.remove(key);
    }
    Ok(Reply::optional(old))
}

fn get_and_expire(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let mut options = Options::new(&call.args[1..]);
    let expiry = match options.word().as_deref() {
        None => None,
        Some("PERSIST") => Some(None),
        Some(unit) => {
            let unit = expiry::Unit::of_option(unit).ok_or(CommandError::Syntax)?;
            Some(Some(expiry::deadline(call, unit, options.required()?)?))
        }
    };
    if !options.is_empty() {
        return Err(CommandError::Syntax);
    }
    let db = call.db();
    let value = db.read::<Bytes>(key)?.cloned();
    if let (Some(_), Some(expires_ms)) = (&value, expiry) {
        let has_none = db.peek(key).is_some_and(|entry| entry.expires_ms.is_none());
        if !(expires_ms.is_none() && has_none) {
            db.set_expiry(key, expires_ms);
        }
    }
    Ok(Reply::optional(value))
}

fn get_many(call: &mut Call<'_>) -> Outcome {
    let keys = call.args;
    let db = call.db();
    // A value of another type is no error here, but nothing.
    let values = keys.iter().map(|key| Reply::optional(db.read::<Bytes>(key).ok().flatten().cloned()));
    Ok(Reply::Array(values.collect()))
}

fn set_many(call: &mut Call<'_>) -> Outcome {
    let (pairs, only_if_absent) = (call.args, call.name == "msetnx");
    if !pairs.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let db = call.db();
    if only_if_absent && pairs.chunks(2).any(|pair| db.peek(&pair[0]).is_some()) {
        return Ok(Reply::Integer(0));
    }
    for pair in pairs.chunks(2) {
        db.set(pair[0].clone(), Value::Text(pair[1].clone()), None);
    }
    Ok(if only_if_absent { Reply::Integer(1) } else { Reply::OK })
}

fn append(call: &mut Call<'_>) -> Outcome {
    let (key, suffix) = (call.key(), &call.args[1]);
    let db = call.db();
    let old = db.read::<Bytes>(key)?.cloned().unwrap_or_default();
    let expires_ms = db.peek(key).and_then(|entry| entry.expires_ms);
    if old.len() + suffix.len() > BULK_MAX {
        return Err(CommandError::TooLong);
    }
    let mut text = BytesMut::with_capacity(old.len() + suffix.len());
    text.extend_from_slice(&old);
    text.extend_from_slice(suffix);
    let length = text.len();
    db.set(key.clone(), Value::Text(text.freeze()), expires_ms);
    Ok(Reply::count(length))
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::count(call.db().read::<Bytes>(key)?.map_or(0, Bytes::len)))
}

fn range(call: &mut Call<'_>) -> Outcome {
    let (start, stop) = (integer(&call.args[1])?, integer(&call.args[2])?);
    let key = call.key();
    let text = call.db().read::<Bytes>(key)?.cloned().unwrap_or_default();
    let range = positions(start, stop, text.len());
    Ok(Reply::Bulk(text.slice(range)))
}
