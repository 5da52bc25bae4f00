//! Hashes.

use bytes::Bytes;

use super::{
    super::{
        number,
        protocol::Reply,
        value::{Collection as _, Hash},
    },
    Call, CommandError, Outcome,
    options::{double, integer},
    table::{ADDS, FIRST, READS, Spec, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("hset", "hash", -4, ADDS, FIRST, set),
    row("hmset", "hash", -4, ADDS, FIRST, set),
    row("hsetnx", "hash", 4, ADDS, FIRST, set_if_absent),
    row("hget", "hash", 3, READS, FIRST, get),
    row("hmget", "hash", -3, READS, FIRST, get_many),
    row("hgetall", "hash", 2, READS, FIRST, get_all),
    row("hdel", "hash", -3, WRITES, FIRST, delete),
    row("hexists", "hash", 3, READS, FIRST, exists),
    row("hlen", "hash", 2, READS, FIRST, length),
    row("hstrlen", "hash", 3, READS, FIRST, value_length),
    row("hkeys", "hash", 2, READS, FIRST, |call| list(call, |(field, _)| field)),
    row("hvals", "hash", 2, READS, FIRST, |call| list(call, |(_, value)| value)),
    row("hincrby", "hash", 4, ADDS, FIRST, add),
    row("hincrbyfloat", "hash", 4, ADDS, FIRST, add_float),
];

fn set(call: &mut Call<'_>) -> Outcome {
    let (key, pairs, counts) = (call.key(), &call.args[1..], call.name == "hset");
    if !pairs.len().is_multiple_of(2) {
        return Err(call.wrong_arity());
    }
    let new = call.db().change_or_new(key, |hash: &mut Hash| {
        Ok(pairs.chunks(2).filter(|pair| hash.set(pair[0].clone(), pair[1].clone())).count())
    })?;
    Ok(if counts { Reply::count(new) } else { Reply::OK })
}

fn set_if_absent(call: &mut Call<'_>) -> Outcome {
    let (key, field, value) = (call.key(), &call.args[1], &call.args[2]);
    let set = call.db().change_or_new(key, |hash: &mut Hash| {
        Ok(hash.get(field).is_none() && hash.set(field.clone(), value.clone()))
    })?;
    Ok(Reply::Integer(i64::from(set)))
}

fn get(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.key(), &call.args[1]);
    let hash = call.db().read::<Hash>(key)?;
    Ok(Reply::optional(hash.and_then(|hash| hash.get(field)).cloned()))
}

fn get_many(call: &mut Call<'_>) -> Outcome {
    let (key, fields) = (call.key(), &call.args[1..]);
    let hash = call.db().read::<Hash>(key)?;
    let value = |field: &Bytes| Reply::optional(hash.and_then(|hash| hash.get(field)).cloned());
    Ok(Reply::Array(fields.iter().map(value).collect()))
}

fn get_all(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let hash = call.db().read::<Hash>(key)?;
    let pairs = hash.into_iter().flat_map(Hash::iter);
    Ok(Reply::Map(
        pairs.map(|(field, value)| (Reply::Bulk(field.clone()), Reply::Bulk(value.clone()))).collect(),
    ))
}

fn delete(call: &mut Call<'_>) -> Outcome {
    let (key, fields) = (call.key(), &call.args[1..]);
    let gone = call
        .db()
        .change(key, |hash: &mut Hash| Ok(fields.iter().filter(|field| hash.remove(field)).count()))?;
    Ok(Reply::count(gone.unwrap_or(0)))
}

fn exists(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.key(), &call.args[1]);
    let there = call.db().read::<Hash>(key)?.is_some_and(|hash| hash.get(field).is_some());
    Ok(Reply::Integer(i64::from(there)))
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::count(call.db().read::<Hash>(key)?.map_or(0, Hash::len)))
}

fn value_length(call: &mut Call<'_>) -> Outcome {
    let (key, field) = (call.key(), &call.args[1]);
    let hash = call.db().read::<Hash>(key)?;
    Ok(Reply::count(hash.and_then(|hash| hash.get(field)).map_or(0, Bytes::len)))
}

fn list(call: &mut Call<'_>, part: for<'a> fn((&'a Bytes, &'a Bytes)) -> &'a Bytes) -> Outcome {
    let key = call.key();
    let hash = call.db().read::<Hash>(key)?;
    Ok(Reply::bulks(hash.into_iter().flat_map(Hash::iter).map(|pair| part(pair).clone())))
}

fn add(call: &mut Call<'_>) -> Outcome {
    let (key, field, amount) = (call.key(), &call.args[1], integer(&call.args[2])?);
    let sum = call.db().change_or_new(key, |hash: &mut Hash| {
        let now = match hash.get(field) {
            Some(text) => number::integer(text).ok_or(CommandError::HashNotAnInteger)?,
            None => 0,
        };
        let sum = now.checked_add(amount).ok_or(CommandError::Overflow)?;
        hash.set(field.clone(), Bytes::from(sum.to_string()));
        Ok(sum)
    })?;
    Ok(Reply::Integer(sum))
}

fn add_float(call: &mut Call<'_>) -> Outcome {
    let (key, field, amount) = (call.key(), &call.args[1], double(&call.args[2])?);
    let text = call.db().change_or_new(key, |hash: &mut Hash| {
        let now = match hash.get(field) {
            Some(text) => number::double(text).ok_or(CommandError::HashNotAFloat)?,
            None => 0.0,
        };
        let sum = now + amount;
        if !sum.is_finite() {
            return Err(CommandError::NotFinite);
        }
        let text = Bytes::from(number::sum_text(sum));
        hash.set(field.clone(), text.clone());
        Ok(text)
    })?;
    Ok(Reply::Bulk(text))
}
