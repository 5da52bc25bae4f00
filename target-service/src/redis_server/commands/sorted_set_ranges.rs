//! Ranges of sorted sets, by rank or by score.

use bytes::Bytes;

use super::{
    super::{
        number,
        protocol::Reply,
        value::{Collection as _, SortedSet},
    },
    Call, CommandError, Outcome,
    options::{Options, integer, positions},
    table::{FIRST, READS, Spec, WRITES, row},
};

pub(super) const COMMANDS: &[Spec] = &[
    row("zrange", "sorted_set", -4, READS, FIRST, |call| range(call, Form::Any)),
    row("zrevrange", "sorted_set", -4, READS, FIRST, |call| range(call, Form::Ranks { reverse: true })),
    row("zrangebyscore", "sorted_set", -4, READS, FIRST, |call| range(call, Form::Scores { reverse: false })),
    row("zrevrangebyscore", "sorted_set", -4, READS, FIRST, |call| {
        range(call, Form::Scores { reverse: true })
    }),
    row("zcount", "sorted_set", 4, READS, FIRST, count),
    row("zremrangebyrank", "sorted_set", 4, WRITES, FIRST, remove_ranks),
    row("zremrangebyscore", "sorted_set", 4, WRITES, FIRST, remove_scores),
];

/// What a command's name says already.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// `ZRANGE`, which has options for all of it.
    Any,
    Ranks {
        reverse: bool,
    },
    Scores {
        reverse: bool,
    },
}

/// What a range command was told.
struct RangeOptions {
    by_score: bool,
    reverse: bool,
    with_scores: bool,
    /// How many to leave out, and how many to give (negative: all).
    limit: Option<(i64, i64)>,
}

impl RangeOptions {
    fn read(mut options: Options<'_>, form: Form) -> Result<Self, CommandError> {
        let (by_score, reverse) = match form {
            Form::Any => (false, false),
            Form::Ranks { reverse } => (false, reverse),
            Form::Scores { reverse } => (true, reverse),
        };
        let mut found = Self { by_score, reverse, with_scores: false, limit: None };
        let any = matches!(form, Form::Any);
        while let Some(word) = options.word() {
            match word.as_str() {
                "WITHSCORES" => found.with_scores = true,
                "LIMIT" if any || by_score => found.limit = Some((options.integer()?, options.integer()?)),
                "BYSCORE" if any => found.by_score = true,
                "REV" if any => found.reverse = true,
                _ => return Err(CommandError::Syntax),
            }
        }
        if found.limit.is_some() && !found.by_score {
            return Err(CommandError::LimitWithoutScores);
        }
        Ok(found)
    }
}

/// A bound of scores: `3`, `(3`, `-inf`.
#[derive(Debug, Clone, Copy)]
struct Bound {
    score: f64,
    open: bool,
}

impl Bound {
    fn read(text: &[u8]) -> Result<Self, CommandError> {
        let (open, digits) = text.strip_prefix(b"(").map_or((false, text), |rest| (true, rest));
        let score = number::double(digits).ok_or(CommandError::NotAScoreRange)?;
        Ok(Self { score, open })
    }

    fn is_below(self, score: f64) -> bool {
        if self.open { self.score < score } else { self.score <= score }
    }

    fn is_above(self, score: f64) -> bool {
        if self.open { score < self.score } else { score <= self.score }
    }
}

fn between(set: &SortedSet, min: Bound, max: Bound) -> impl Iterator<Item = (&Bytes, f64)> {
    set.at_least(min.score)
        .skip_while(move |(_, score)| !min.is_below(*score))
        .take_while(move |(_, score)| max.is_above(*score))
}

fn range(call: &mut Call<'_>, form: Form) -> Outcome {
    let (key, start, stop) = (call.key(), &call.args[1], &call.args[2]);
    let options = RangeOptions::read(Options::new(&call.args[3..]), form)?;
    let found = if options.by_score {
        let (min, max) = if options.reverse { (stop, start) } else { (start, stop) };
        let (min, max) = (Bound::read(min)?, Bound::read(max)?);
        let Some(set) = call.db().read::<SortedSet>(key)? else { return Ok(Reply::Array(Vec::new())) };
        by_score(set, min, max, &options)
    } else {
        let (start, stop) = (integer(start)?, integer(stop)?);
        let Some(set) = call.db().read::<SortedSet>(key)? else { return Ok(Reply::Array(Vec::new())) };
        by_rank(set, start, stop, options.reverse)
    };
    Ok(if options.with_scores {
        Reply::Scored(found)
    } else {
        Reply::bulks(found.into_iter().map(|(member, _)| member))
    })
}

fn by_score(set: &SortedSet, min: Bound, max: Bound, options: &RangeOptions) -> Vec<(Bytes, f64)> {
    let mut found: Vec<_> = between(set, min, max).map(own).collect();
    if options.reverse {
        found.reverse();
    }
    let Some((offset, count)) = options.limit else { return found };
    // A negative offset gives nothing, a negative count all.
    let Ok(offset) = usize::try_from(offset) else { return Vec::new() };
    found.into_iter().skip(offset).take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
}

fn by_rank(set: &SortedSet, start: i64, stop: i64, reverse: bool) -> Vec<(Bytes, f64)> {
    let ranks = positions(start, stop, set.len());
    let (skipped, count) = (ranks.start, ranks.len());
    if reverse {
        set.iter().rev().skip(skipped).take(count).map(own).collect()
    } else {
        set.iter().skip(skipped).take(count).map(own).collect()
    }
}

fn own((member, score): (&Bytes, f64)) -> (Bytes, f64) {
    (member.clone(), score)
}

fn count(call: &mut Call<'_>) -> Outcome {
    let (key, min, max) = (call.key(), Bound::read(&call.args[1])?, Bound::read(&call.args[2])?);
    let set = call.db().read::<SortedSet>(key)?;
    Ok(Reply::count(set.map_or(0, |set| between(set, min, max).count())))
}

fn remove_ranks(call: &mut Call<'_>) -> Outcome {
    let (key, start, stop) = (call.key(), integer(&call.args[1])?, integer(&call.args[2])?);
    let removed = call.db().change(key, |set: &mut SortedSet| {
        let gone = by_rank(set, start, stop, false);
        Ok(gone.iter().filter(|(member, _)| set.remove(member)).count())
    })?;
    Ok(Reply::count(removed.unwrap_or(0)))
}

fn remove_scores(call: &mut Call<'_>) -> Outcome {
    let (key, min, max) = (call.key(), Bound::read(&call.args[1])?, Bound::read(&call.args[2])?);
    let removed = call.db().change(key, |set: &mut SortedSet| {
        let gone: Vec<_> = between(set, min, max).map(own).collect();
        Ok(gone.iter().filter(|(member, _)| set.remove(member)).count())
    })?;
    Ok(Reply::count(removed.unwrap_or(0)))
}
