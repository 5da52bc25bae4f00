//! Sets.

use bytes::Bytes;
use rand::RngExt as _;

use super::{
    super::{
        protocol::Reply,
        value::{Collection as _, Set},
    },
    Call, CommandError, Outcome,
    options::{integer, size},
    table::{ADDS, ALL, FIRST, READS, Spec, TWO, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("sadd", "set", -3, ADDS, FIRST, add),
    row("srem", "set", -3, WRITES, FIRST, remove),
    row("smembers", "set", 2, READS, FIRST, members),
    row("sismember", "set", 3, READS, FIRST, is_member),
    row("smismember", "set", -3, READS, FIRST, are_members),
    row("scard", "set", 2, READS, FIRST, length),
    row("spop", "set", -2, WRITES, FIRST, pop),
    row("srandmember", "set", -2, READS, FIRST, random),
    row("smove", "set", 4, WRITES, TWO, relocate),
    row("sinter", "set", -2, READS, ALL, |call| Ok(answer(&combined(call, 0, intersection)?))),
    row("sunion", "set", -2, READS, ALL, |call| Ok(answer(&combined(call, 0, union)?))),
    row("sdiff", "set", -2, READS, ALL, |call| Ok(answer(&combined(call, 0, difference)?))),
    row("sinterstore", "set", -3, ADDS, ALL, |call| store(call, intersection)),
    row("sunionstore", "set", -3, ADDS, ALL, |call| store(call, union)),
    row("sdiffstore", "set", -3, ADDS, ALL, |call| store(call, difference)),
];

/// Most members that `SRANDMEMBER` gives when it may give one several times: a count is a client's
/// word, and the reply must not be as large as it likes.
const RANDOM_MAX: u64 = 1 << 20;

fn add(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.key(), &call.args[1..]);
    let new = call.db().change_or_new(key, |set: &mut Set| {
        Ok(members.iter().filter(|member| set.add((*member).clone())).count())
    })?;
    Ok(Reply::count(new))
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.key(), &call.args[1..]);
    let gone = call
        .db()
        .change(key, |set: &mut Set| Ok(members.iter().filter(|member| set.remove(member)).count()))?;
    Ok(Reply::count(gone.unwrap_or(0)))
}

fn answer(set: &Set) -> Reply {
    Reply::Set(set.iter().cloned().map(Reply::Bulk).collect())
}

fn members(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let set = call.db().read::<Set>(key)?;
    Ok(Reply::Set(set.into_iter().flat_map(Set::iter).cloned().map(Reply::Bulk).collect()))
}

fn is_member(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (call.key(), &call.args[1]);
    Ok(Reply::Integer(i64::from(call.db().read::<Set>(key)?.is_some_and(|set| set.contains(member)))))
}

fn are_members(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.key(), &call.args[1..]);
    let set = call.db().read::<Set>(key)?;
    let there = |member: &Bytes| i64::from(set.is_some_and(|set| set.contains(member)));
    Ok(Reply::Array(members.iter().map(|member| Reply::Integer(there(member))).collect()))
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::count(call.db().read::<Set>(key)?.map_or(0, Set::len)))
}

fn pop(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let count = match call.args.get(1..) {
        Some([]) | None => None,
        Some([count]) => Some(size(count)?),
        Some(_) => return Err(CommandError::Syntax),
    };
    let mut rng = call.state.rng.clone();
    let popped = call.db().change(key, |set: &mut Set| {
        let count = count.unwrap_or(1).min(set.len());
        let one = |_| set.take_at(rng.random_range(0..set.len().max(1)));
        Ok((0..count).filter_map(one).collect::<Vec<_>>())
    })?;
    call.state.rng = rng;
    let mut popped = popped.unwrap_or_default();
    Ok(match count {
        None => Reply::optional(popped.pop()),
        Some(_) => Reply::Set(popped.into_iter().map(Reply::Bulk).collect()),
    })
}

fn random(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let count = match call.args.get(1..) {
        Some([]) | None => None,
        Some([count]) => Some(integer(count)?),
        Some(_) => return Err(CommandError::Syntax),
    };
    if count.is_some_and(|count| count < 0 && count.unsigned_abs() > RANDOM_MAX) {
        return Err(CommandError::OutOfRange);
    }
    let mut rng = call.state.rng.clone();
    let set = call.db().read::<Set>(key)?;
    let reply = match (set, count) {
        (None, None) => Reply::Null,
        (None, Some(_)) => Reply::Array(Vec::new()),
        (Some(set), None) => Reply::optional(set.at(rng.random_range(0..set.len())).cloned()),
        (Some(set), Some(count)) if count < 0 => {
            let picks = (0..count.unsigned_abs()).filter_map(|_| set.at(rng.random_range(0..set.len())));
            Reply::bulks(picks.cloned())
        }
        (Some(set), Some(count)) => {
            let count = usize::try_from(count).unwrap_or(0).min(set.len());
            let picks = rand::seq::index::sample(&mut rng, set.len(), count);
            Reply::bulks(picks.into_iter().filter_map(|position| set.at(position)).cloned())
        }
    };
    call.state.rng = rng;
    Ok(reply)
}

fn relocate(call: &mut Call<'_>) -> Outcome {
    let (source, destination, member) = (call.key(), &call.args[1], &call.args[2]);
    let db = call.db();
    let there = db.read::<Set>(source)?.is_some_and(|set| set.contains(member));
    db.read::<Set>(destination)?;
    if there && source != destination {
        db.change(source, |set: &mut Set| Ok(set.remove(member)))?;
        db.change_or_new(destination, |set: &mut Set| Ok(set.add(member.clone())))?;
    }
    Ok(Reply::Integer(i64::from(there)))
}

/// Puts the sets at the keys from `first` on together, from left to right.
fn combined(call: &mut Call<'_>, first: usize, combine: fn(&Set, &Set) -> Set) -> Result<Set, CommandError> {
    let keys = &call.args[first..];
    let db = call.db();
    let mut result: Option<Set> = None;
    for key in keys {
        let set = db.read::<Set>(key)?.cloned().unwrap_or_default();
        result = Some(match result {
            None => set,
            Some(result) => combine(&result, &set),
        });
    }
    Ok(result.unwrap_or_default())
}

fn intersection(left: &Set, right: &Set) -> Set {
    left.iter().filter(|member| right.contains(member)).cloned().collect()
}

fn union(left: &Set, right: &Set) -> Set {
    left.iter().chain(right.iter()).cloned().collect()
}

fn difference(left: &Set, right: &Set) -> Set {
    left.iter().filter(|member| !right.contains(member)).cloned().collect()
}

fn store(call: &mut Call<'_>, combine: fn(&Set, &Set) -> Set) -> Outcome {
    let set = combined(call, 1, combine)?;
    let (key, length) = (call.key(), set.len());
    if length == 0 {
        call.db().remove(key);
    } else {
        call.db().set(key.clone(), set.into(), None);
    }
    Ok(Reply::count(length))
}
