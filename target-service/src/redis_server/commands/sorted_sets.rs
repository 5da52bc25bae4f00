//! Sorted sets: members and scores. Ranges are in `sorted_set_ranges`.

use bytes::Bytes;

use super::{
    super::{
        number,
        protocol::Reply,
        value::{Collection as _, SortedSet},
    },
    Call, CommandError, Outcome,
    options::{Options, size},
    table::{ADDS, FIRST, READS, Spec, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("zadd", "sorted_set", -4, ADDS, FIRST, add),
    row("zincrby", "sorted_set", 4, ADDS, FIRST, increase),
    row("zrem", "sorted_set", -3, WRITES, FIRST, remove),
    row("zscore", "sorted_set", 3, READS, FIRST, score),
    row("zmscore", "sorted_set", -3, READS, FIRST, scores),
    row("zcard", "sorted_set", 2, READS, FIRST, length),
    row("zrank", "sorted_set", 3, READS, FIRST, rank),
    row("zrevrank", "sorted_set", 3, READS, FIRST, rank),
    row("zpopmin", "sorted_set", -2, WRITES, FIRST, pop),
    row("zpopmax", "sorted_set", -2, WRITES, FIRST, pop),
];

/// What `ZADD` was told besides members.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that a client gives or not")]
#[derive(Debug, Default)]
struct AddOptions {
    only_new: bool,
    only_old: bool,
    greater: bool,
    less: bool,
    count_changed: bool,
    increase: bool,
}

impl AddOptions {
    fn read(options: &mut Options<'_>) -> Result<Self, CommandError> {
        let mut found = Self::default();
        loop {
            match () {
                () if options.take("NX") => found.only_new = true,
                () if options.take("XX") => found.only_old = true,
                () if options.take("GT") => found.greater = true,
                () if options.take("LT") => found.less = true,
                () if options.take("CH") => found.count_changed = true,
                () if options.take("INCR") => found.increase = true,
                () => break,
            }
        }
        let pairs = options.rest();
        if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
            return Err(CommandError::Syntax);
        }
        if found.only_new && found.only_old {
            return Err(CommandError::ZaddNx);
        }
        if found.greater && (found.less || found.only_new) || found.less && found.only_new {
            return Err(CommandError::ZaddGtLt);
        }
        if found.increase && pairs.len() > 2 {
            return Err(CommandError::ZaddIncrement);
        }
        Ok(found)
    }

    /// The member's new score, or none if it must stay as it is.
    fn score(&self, old: Option<f64>, given: f64) -> Result<Option<f64>, CommandError> {
        let Some(old) = old else { return Ok((!self.only_old).then_some(given)) };
        if self.only_new {
            return Ok(None);
        }
        let new = if self.increase { old + given } else { given };
        if new.is_nan() {
            return Err(CommandError::ScoreNotANumber);
        }
        Ok(Some(new).filter(|new| !(self.greater && *new <= old || self.less && *new >= old)))
    }
}

fn add(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    let mut rest = Options::new(&call.args[1..]);
    let options = AddOptions::read(&mut rest)?;
    // All scores are read before anything changes.
    let scored = |pair: &[Bytes]| {
        Ok::<_, CommandError>((number::double(&pair[0]).ok_or(CommandError::NotAFloat)?, pair[1].clone()))
    };
    let pairs = rest.rest().chunks(2).map(scored).collect::<Result<Vec<_>, _>>()?;
    let mut last = None;
    let count = call.db().change_or_new(key, |set: &mut SortedSet| {
        let (mut new, mut updated) = (0, 0);
        for (given, member) in pairs {
            let old = set.score(&member);
            last = options.score(old, given)?;
            let Some(score) = last else { continue };
            new += usize::from(old.is_none());
            updated += usize::from(old.is_some_and(|old| old.total_cmp(&(score + 0.0)).is_ne()));
            set.set(member, score);
        }
        Ok(if options.count_changed { new + updated } else { new })
    })?;
    Ok(match (options.increase, last) {
        (true, Some(score)) => Reply::Double(score),
        (true, None) => Reply::Null,
        (false, _) => Reply::count(count),
    })
}

fn increase(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (call.key(), &call.args[2]);
    let amount = number::double(&call.args[1]).ok_or(CommandError::NotAFloat)?;
    let sum = call.db().change_or_new(key, |set: &mut SortedSet| {
        let sum = set.score(member).unwrap_or(0.0) + amount;
        if sum.is_nan() {
            return Err(CommandError::ScoreNotANumber);
        }
        set.set(member.clone(), sum);
        Ok(sum)
    })?;
    Ok(Reply::Double(sum))
}

fn remove(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.key(), &call.args[1..]);
    let gone = call
        .db()
        .change(key, |set: &mut SortedSet| Ok(members.iter().filter(|member| set.remove(member)).count()))?;
    Ok(Reply::count(gone.unwrap_or(0)))
}

fn score(call: &mut Call<'_>) -> Outcome {
    let (key, member) = (call.key(), &call.args[1]);
    let score = call.db().read::<SortedSet>(key)?.and_then(|set| set.score(member));
    Ok(score.map_or(Reply::Null, Reply::Double))
}

fn scores(call: &mut Call<'_>) -> Outcome {
    let (key, members) = (call.key(), &call.args[1..]);
    let set = call.db().read::<SortedSet>(key)?;
    let score = |member: &Bytes| set.and_then(|set| set.score(member)).map_or(Reply::Null, Reply::Double);
    Ok(Reply::Array(members.iter().map(score).collect()))
}

fn length(call: &mut Call<'_>) -> Outcome {
    let key = call.key();
    Ok(Reply::count(call.db().read::<SortedSet>(key)?.map_or(0, SortedSet::len)))
}

fn rank(call: &mut Call<'_>) -> Outcome {
    let (key, member, from_top) = (call.key(), &call.args[1], call.name == "zrevrank");
    let Some(set) = call.db().read::<SortedSet>(key)? else { return Ok(Reply::Null) };
    let rank = set.rank(member).map(|rank| if from_top { set.len() - 1 - rank } else { rank });
    Ok(rank.map_or(Reply::Null, Reply::count))
}

fn pop(call: &mut Call<'_>) -> Outcome {
    let (key, lowest) = (call.key(), call.name == "zpopmin");
    let count = match call.args.get(1..) {
        Some([]) | None => None,
        Some([count]) => Some(size(count)?),
        Some(_) => return Err(call.wrong_arity()),
    };
    let popped = call.db().change(key, |set: &mut SortedSet| {
        let own = |(member, score): (&Bytes, f64)| (member.clone(), score);
        let count = count.unwrap_or(1);
        let popped: Vec<_> = if lowest {
            set.iter().take(count).map(own).collect()
        } else {
            set.iter().rev().take(count).map(own).collect()
        };
        for (member, _) in &popped {
            set.remove(member);
        }
        Ok(popped)
    })?;
    let popped = popped.unwrap_or_default();
    // Without a count RESP3 gives the pair itself and not a list of one.
    Ok(if count.is_none() {
        Reply::Array(
            popped
                .into_iter()
                .flat_map(|(member, score)| [Reply::Bulk(member), Reply::Double(score)])
                .collect(),
        )
    } else {
        Reply::Scored(popped)
    })
}
