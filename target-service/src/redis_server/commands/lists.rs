//! Lists.

use bytes::Bytes;

use super::{
    super::{
        protocol::Reply,
        value::{Collection as _, End, List},
    },
    Call, CommandError, Outcome,
    options::{integer, positions, size},
    table::{ADDS, FIRST, READS, Spec, TWO, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("lpush", "list", -3, ADDS, FIRST, |call| push(call, End::Left)),
    row("rpush", "list", -3, ADDS, FIRST, |call| push(call, End::Right)),
    row("lpushx", "list", -3, ADDS, FIRST, |call| push_if_present(call, End::Left)),
    row("rpushx", "list", -3, ADDS, FIRST, |call| push_if_present(call, End::Right)),
    row("lpop", "list", -2, WRITES, FIRST, |call| pop(call, End::Left)),
    row("rpop", "list", -2, WRITES, FIRST, |call| pop(call, End::Right)),
    row("llen", "list", 2, READS, FIRST, length),
    row("lrange", "list", 4, READS, FIRST, range),
    row("lindex", "list", 3, READS, FIRST, at),
    row("lset", "list", 4, ADDS, FIRST, set),
    row("lrem", "list", 4, WRITES, FIRST, remove),
    row("ltrim", "list", 4, WRITES, FIRST, trim),
    row("linsert", "list", 5, ADDS, FIRST, insert),
    row("rpoplpush", "list", 3, ADDS, TWO, |call| relocate(call, End::Right, End::Left)),
    row("lmove", "list", 5, ADDS, TWO, move_one),
];

fn push(call: &mut Call<'_>, end: End) -> Outcome {
    let (key, elements) = (call.key(), &call.args[1..]);
    let length = call.db().change_or_new(key, |list: &mut List| Ok(pushed(list, end, elements)))?;
    Ok(Reply::count(length))
}

fn push_if_present(call: &mut Call<'_>, end: End) -> Outcome {
    let (key, elements) = (call.key(), &call.args[1..]);
    let length = call.db().change(key, |list: &mut List| Ok(pushed(list, end, elements)))?;
    Ok(Reply::count(length.unwrap_or(0)))
}

fn pushed(list: &mut List, end: End, elements: &[Bytes]) -> usize {
    for element in elements {
        list.push(end, element.clone());
    }
    list.len()
}

fn pop(call: &mut Call<'_>, end: End) -> Outcome {
    let key = call.key();
    match call.args.get(1..) {
        Some([]) | None => {
            let element = call.db().change(key, |list: &mut List| Ok(list.pop(end)))?;
            Ok(Reply::optional(element.flatten()))
        }
        Some([count]) => {
            let count = size(count)?;
            let elements = call.db().change(key, |list: &mut List| {
                Ok(std::iter::from_fn(|| list.pop(end)).take(count).collect::<Vec<_>>())
            })?;
            Ok(elements.map_or(Reply::NullArray, Reply::bulks))
        }
        Some(_) => Err(call.wrong_arity()),
    }
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::count(call.db().read::<List>(key)?.map_or(0, List::len)))
}

fn range(call: &mut Call<'_>) -> Outcome {
    let (key, start, stop) = (call.key(), integer(&call.args[1])?, integer(&call.args[2])?);
    let Some(list) = call.db().read::<List>(key)? else { return Ok(Reply::Array(Vec::new())) };
    Ok(Reply::bulks(list.range(positions(start, stop, list.len())).cloned()))
}

/// The position that an index means, which may be behind the end; none when before the start.
fn position(index: i64, len: usize) -> Option<usize> {
    usize::try_from(if index < 0 { index.saturating_add(len as i64) } else { index }).ok()
}

fn at(call: &mut Call<'_>) -> Outcome {
    let (key, index) = (call.key(), &call.args[1]);
    let Some(list) = call.db().read::<List>(key)? else { return Ok(Reply::Null) };
    let element = position(integer(index)?, list.len()).and_then(|position| list.get(position));
    Ok(Reply::optional(element.cloned()))
}

fn set(call: &mut Call<'_>) -> Outcome {
    let (key, index, element) = (call.key(), &call.args[1], &call.args[2]);
    let set = call.db().change(key, |list: &mut List| {
        let position = position(integer(index)?, list.len());
        Ok(position.is_some_and(|position| list.set(position, element.clone())))
    })?;
    match set {
        None => Err(CommandError::NoSuchKey),
        Some(false) => Err(CommandError::IndexOutOfRange),
        Some(true) => Ok(Reply::OK),
    }
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (key, count, element) = (call.key(), integer(&call.args[1])?, &call.args[2]);
    let from = if count < 0 { End::Right } else { End::Left };
    let limit = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let removed = call.db().change(key, |list: &mut List| Ok(list.remove(element, from, limit)))?;
    Ok(Reply::count(removed.unwrap_or(0)))
}

fn trim(call: &mut Call<'_>) -> Outcome {
    let (key, start, stop) = (call.key(), integer(&call.args[1])?, integer(&call.args[2])?);
    call.db().change(key, |list: &mut List| {
        list.keep(&positions(start, stop, list.len()));
        Ok(())
    })?;
    Ok(Reply::OK)
}

fn insert(call: &mut Call<'_>) -> Outcome {
    let (key, place, pivot, element) = (call.key(), &call.args[1], &call.args[2], &call.args[3]);
    let after = match () {
        () if place.eq_ignore_ascii_case(b"before") => false,
        () if place.eq_ignore_ascii_case(b"after") => true,
        () => return Err(CommandError::Syntax),
    };
    let length = call.db().change(key, |list: &mut List| {
        let Some(position) = list.iter().position(|found| found == pivot) else { return Ok(-1) };
        list.insert(position + usize::from(after), element.clone());
        Ok(list.len() as i64)
    })?;
    Ok(Reply::Integer(length.unwrap_or(0)))
}

fn move_one(call: &mut Call<'_>) -> Outcome {
    let end = |word: &Bytes| match () {
        () if word.eq_ignore_ascii_case(b"left") => Ok(End::Left),
        () if word.eq_ignore_ascii_case(b"right") => Ok(End::Right),
        () => Err(CommandError::Syntax),
    };
    let (from, to) = (end(&call.args[2])?, end(&call.args[3])?);
    relocate(call, from, to)
}

fn relocate(call: &mut Call<'_>, from: End, to: End) -> Outcome {
    let (source, destination) = (call.key(), &call.args[1]);
    let db = call.db();
    if db.read::<List>(source)?.is_none() {
        return Ok(Reply::Null);
    }
    // Both types are looked at before anything moves.
    db.read::<List>(destination)?;
    let element = db.change(source, |list: &mut List| Ok(list.pop(from)))?.flatten();
    if let Some(element) = &element {
        db.change_or_new(destination, |list: &mut List| {
            list.push(to, element.clone());
            Ok(())
        })?;
    }
    Ok(Reply::optional(element))
}
